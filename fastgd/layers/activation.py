"""Activations as layers, and penalties on them."""

import math
from typing import Any

import numpy as np

from fastgd import activations, regularizers
from fastgd._core.types import Merge, Op
from fastgd._data.validation import number
from fastgd._engine.table import Table
from fastgd._typing import Config, Identifier, Shape
from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.layer import Layer


class Activation(Layer):
    """Compute activation(x).

    Parameters
    ----------
    activation : str or function
        A name or function of ``fastgd.activations``.
    **kwargs : as for every layer

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.Activation("relu")])
    >>> model([[-1.0, 2.0]])
    array([[0., 2.]], dtype=float32)
    """

    _arguments = ("activation",)

    def __init__(self, activation: Identifier, **kwargs: Any):
        super().__init__(**kwargs)
        self.activation = activations.get(activation)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if self.activation is not activations.glu:
            return input_shape
        if input_shape[-1] % 2:
            raise ShapeError(
                f"input_shape: glu halves the last axis, which has to be even, "
                f"got {input_shape}"
            )
        return (*input_shape[:-1], input_shape[-1] // 2)

    def emit(self, table: Table, source: int) -> int:
        if self.activation is activations.glu:
            return _gated_linear_unit(table, source)
        if self.activation in (activations.softmax, activations.log_softmax):
            return _by_last_axis(table, self.activation, source)
        return table.activation(activations.describe(self.activation), source)

    def get_config(self) -> Config:
        return super().get_config() | {"activation": activations.serialize(self.activation)}


def _gated_linear_unit(table, source):
    """Compute a sigmoid(b) for the halves a and b of the last axis."""
    columns = np.arange(table.widths[source]).reshape(table.input_shape[1:])
    a, b = (
        table.gather(source, half.ravel().tolist()) for half in np.split(columns, 2, axis=-1)
    )
    gate = table.activation(activations.describe(activations.sigmoid), b)
    target = table.buffer(columns.size // 2)
    table.row(Op.OP_MERGE, a, target, kind=Merge.MERGE_MULTIPLY, second=gate)
    return target


def _by_last_axis(table, activation, source):
    """Apply an activation of whole rows along the last of several axes."""
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
    """Compute exp(x) / sum of exp(x) over each row.

    Parameters
    ----------
    axis : int
        -1, the last axis.
    **kwargs : as for every layer

    Raises
    ------
    ArgumentError
        For another axis.
    """

    _arguments = ("axis",)

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        if axis != -1:
            raise ArgumentError(f"axis: expected -1, the last one, got {axis!r}")
        self.axis = axis

    def emit(self, table: Table, source: int) -> int:
        return _by_last_axis(table, activations.softmax, source)


class ActivityRegularization(Layer):
    """Pass the input on; add the mean of l1 sum |x| + l2 sum x^2 of each row to the loss.

    Parameters
    ----------
    l1, l2 : float, at least 0
    **kwargs : as for every layer

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.ActivityRegularization(l2=0.1)([[1.0, 2.0]])
    array([[1., 2.]], dtype=float32)
    """

    _arguments = ("l1", "l2")

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.l1 = number(l1, "l1", 0)
        self.l2 = number(l2, "l2", 0)

    def emit(self, table: Table, source: int) -> int:
        return table.penalized(source, regularizers.L1L2(self.l1, self.l2))
