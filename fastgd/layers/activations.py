"""Activations as layers, with and without weights, and penalties on them."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastgd import activations, regularizers
from fastgd._core import formulas
from fastgd._core.types import Merge, Op
from fastgd._data.validation import number, whole_number
from fastgd._engine.table import Description, Table
from fastgd._typing import Config, Identifier, Shape
from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.layer import Layer, Weight, WeightVariable
from fastgd.layers.normalization import checked_axes


class Activation(Layer):
    """Compute activation(x).

    Parameters
    ----------
    activation : str or function
        A name or function of ``fastgd.activations``.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.Activation("relu")])
    >>> model([[-1.0, 2.0]])
    array([[0., 2.]], dtype=float32)
    """

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
    return table.row(Op.OP_MERGE, a, target, kind=Merge.MERGE_MULTIPLY, second=gate)


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

    Raises
    ------
    ArgumentError
        For another axis.
    """

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

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.ActivityRegularization(l2=0.1)([[1.0, 2.0]])
    array([[1., 2.]], dtype=float32)
    """

    def __init__(self, l1: float = 0.0, l2: float = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.l1 = number(l1, "l1", 0)
        self.l2 = number(l2, "l2", 0)

    def emit(self, table: Table, source: int) -> int:
        return table.penalized(source, regularizers.L1L2(self.l1, self.l2))


class ReLU(Layer):
    """Compute ``activations.relu`` with its arguments.

    Parameters
    ----------
    max_value : float, optional
        At least 0; None is no limit.
    negative_slope, threshold : float, at least 0

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> relu = layers.ReLU(max_value=1, negative_slope=0.5)
    >>> model = Sequential([layers.Input(shape=(2,)), relu])
    >>> model([[-1.0, 2.0]])
    array([[-0.5,  1. ]], dtype=float32)
    """

    def __init__(self, max_value: float | None = None, negative_slope: float = 0.0,
                 threshold: float = 0.0, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else number(max_value, "max_value", 0)
        self.negative_slope = number(negative_slope, "negative_slope", 0)
        self.threshold = number(threshold, "threshold", 0)

    def emit(self, table: Table, source: int) -> int:
        if (self.negative_slope, self.max_value, self.threshold) == (0, None, 0):
            return table.activation(activations.describe(activations.relu), source)
        description = activations.rectifier(self.negative_slope, self.max_value, self.threshold)
        return table.activation(description, source)


class LeakyReLU(Layer):
    """Compute x where x >= 0, negative_slope x below.

    Parameters
    ----------
    negative_slope : float, at least 0
    """

    def __init__(self, negative_slope: float = 0.3, **kwargs: Any):
        super().__init__(**kwargs)
        self.negative_slope = number(negative_slope, "negative_slope", 0)

    def emit(self, table: Table, source: int) -> int:
        return table.activation(activations.rectifier(self.negative_slope), source)


class ELU(Layer):
    """Compute x where x > 0, alpha (exp(x) - 1) below.

    Parameters
    ----------
    alpha : float
    """

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha")

    def emit(self, table: Table, source: int) -> int:
        description = Description(formulas.Activation.ACTIVATION_ELU, (self.alpha,))
        return table.activation(description, source)


class PReLU(Layer):
    """Compute x where x > 0, alpha x below (He et al. 2015).

    Parameters
    ----------
    alpha_initializer, alpha_regularizer, alpha_constraint
        Those of alpha, which has the shape of a row, with 1 for each shared axis.
    shared_axes : int or list of int, optional
        The axes, counted from 1, along which the slope is the same.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.PReLU("ones")])
    >>> model([[-1.0, 2.0]])
    array([[-1.,  2.]], dtype=float32)
    """

    alpha = WeightVariable()

    def __init__(self, alpha_initializer: Identifier = "zeros",
                 alpha_regularizer: Identifier = None, alpha_constraint: Identifier = None,
                 shared_axes: int | list[int] | None = None, **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        self._set_weight("alpha", alpha_initializer, alpha_regularizer, alpha_constraint)
        given = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = None
        if shared_axes is not None:
            self.shared_axes = [whole_number(axis, "shared_axes", 1) for axis in given]

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        shared: Sequence[int] = ()
        if self.shared_axes:
            shared = checked_axes(self.shared_axes, input_shape, self.name)
        sizes = enumerate(input_shape[1:], 1)
        return [self._weight("alpha", tuple(1 if i in shared else size for i, size in sizes))]

    def emit(self, table: Table, source: int) -> int:
        alpha = self.variables[0]
        indices = np.arange(alpha.size).reshape(alpha.shape)
        numbers = np.broadcast_to(indices, table.input_shape[1:]).ravel()
        return table.row(
            Op.OP_PRELU, source, table.buffer(numbers.size), kernel=alpha.offset,
            settings=[*numbers.tolist(), alpha.size],
        )  # fmt: skip
