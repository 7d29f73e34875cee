"""An activation as a layer of its own."""

import math

import numpy as np

from fastgd import activations
from fastgd._core.types import Merge, Op
from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.base import Layer


class Activation(Layer):
    """activation(x).

    Parameters
    ----------
    activation : str or function
        A name or function of ``fastgd.activations``.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.Activation("relu")])
    >>> model([[-1.0, 2.0]])
    array([[0., 2.]], dtype=float32)
    """

    def __init__(self, activation, **kwargs):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def compute_output_shape(self, input_shape):
        if self.activation is not activations.glu:
            return input_shape
        if input_shape[-1] % 2:
            raise ShapeError(
                f"input_shape: glu halves the last axis, so that it has to be even, "
                f"got {input_shape}"
            )
        return (*input_shape[:-1], input_shape[-1] // 2)

    def emit(self, table, source):
        if self.activation is activations.glu:
            return _gated_halves(table, source)
        if self.activation in (activations.softmax, activations.log_softmax):
            return _by_last_axis(table, self.activation, source)
        return table.activation(activations.describe(self.activation), source)

    def get_config(self):
        return super().get_config() | {"activation": activations.serialize(self.activation)}


def _gated_halves(table, source):
    """a sigmoid(b) for the halves a and b of the last axis."""
    columns = np.arange(table.widths[source]).reshape(table.input_shape[1:])
    half = columns.shape[-1] // 2
    a, b = (
        table.gather(source, part.ravel().tolist())
        for part in (columns[..., :half], columns[..., half:])
    )
    gate = table.activation(activations.describe(activations.sigmoid), b)
    target = table.buffer(columns.size // 2)
    table.row(Op.OP_MERGE, a, target, kind=Merge.MERGE_MULTIPLY, second=gate)
    return target


def _by_last_axis(table, activation, source):
    """An activation of whole rows, applied along the last of several axes."""
    description = activations.describe(activation)
    size = table.input_shape[-1]
    count = math.prod(table.input_shape[1:-1])
    if count == 1:
        return table.activation(description, source)
    target = table.buffer(count * size)
    for k in range(count):
        part = table.copy(source, width=size, source_column=k * size)
        table.copy(table.activation(description, part), target, target_column=k * size)
    return target


class Softmax(Layer):
    """exp(x) / sum of exp(x) over each row.

    Parameters
    ----------
    axis : int
        -1, the last axis.
    **kwargs
        As for every layer.

    Raises
    ------
    ArgumentError
        For another axis.
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if axis != -1:
            raise ArgumentError(f"axis: expected -1, the last one, got {axis!r}")
        self.axis = axis

    def emit(self, table, source):
        return _by_last_axis(table, activations.softmax, source)

    def get_config(self):
        return super().get_config() | {"axis": self.axis}
