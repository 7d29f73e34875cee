"""Layers that keep the positive part of their input and change the rest."""

from typing import Any

import numpy as np

from fastgd import activations, constraints, initializers, regularizers
from fastgd._core.formulas import Activation
from fastgd._core.types import Op
from fastgd._data.validation import number, whole_number
from fastgd._engine.table import Description, Table
from fastgd._typing import Identifier, Shape
from fastgd.layers.layer import Layer
from fastgd.layers.weight import Weight, WeightVariable


class ReLU(Layer):
    """Compute ``activations.relu`` with its arguments.

    Parameters
    ----------
    max_value : float, optional
        At least 0; None is no limit.
    negative_slope, threshold : float, at least 0
    **kwargs : as for every layer

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> relu = layers.ReLU(max_value=1, negative_slope=0.5)
    >>> model = Sequential([layers.Input(shape=(2,)), relu])
    >>> model([[-1.0, 2.0]])
    array([[-0.5,  1. ]], dtype=float32)
    """

    _arguments = ("max_value", "negative_slope", "threshold")

    def __init__(
        self, max_value: float | None = None, negative_slope: float = 0.0,
        threshold: float = 0.0, **kwargs: Any,
    ):  # fmt: skip
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
    **kwargs : as for every layer
    """

    _arguments = ("negative_slope",)

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
    **kwargs : as for every layer
    """

    _arguments = ("alpha",)

    def __init__(self, alpha: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha")

    def emit(self, table: Table, source: int) -> int:
        description = Description(Activation.ACTIVATION_ELU, (self.alpha,))
        return table.activation(description, source)


class PReLU(Layer):
    """Compute x where x > 0, alpha x below (He et al. 2015).

    Parameters
    ----------
    alpha_initializer, alpha_regularizer, alpha_constraint
        Those of alpha, which has the shape of a row, with 1 for each shared axis.
    shared_axes : int or list of int, optional
        The axes, counted from 1, along which the slope is the same.
    **kwargs : as for every layer

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(2,)), layers.PReLU("ones")])
    >>> model([[-1.0, 2.0]])
    array([[-1.,  2.]], dtype=float32)
    """

    alpha = WeightVariable()
    _arguments = ("alpha_initializer", "alpha_regularizer", "alpha_constraint", "shared_axes")

    def __init__(
        self, alpha_initializer: Identifier = "zeros", alpha_regularizer: Identifier = None,
        alpha_constraint: Identifier = None, shared_axes: int | list[int] | None = None,
        **kwargs: Any,
    ):  # fmt: skip
        super().__init__(**kwargs)
        self.alpha_initializer = initializers.get(alpha_initializer)
        self.alpha_regularizer = regularizers.get(alpha_regularizer)
        self.alpha_constraint = constraints.get(alpha_constraint)
        given = shared_axes if isinstance(shared_axes, (list, tuple)) else [shared_axes]
        self.shared_axes = None
        if shared_axes is not None:
            self.shared_axes = [whole_number(axis, "shared_axes", 1) for axis in given]

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        shared = self.shared_axes or ()
        sizes = enumerate(input_shape[1:], 1)
        return [self._weight("alpha", tuple(1 if i in shared else size for i, size in sizes))]

    def emit(self, table: Table, source: int) -> int:
        alpha = self.variables[0]
        indices = np.arange(alpha.size).reshape(alpha.shape)
        numbers = np.broadcast_to(indices, table.input_shape[1:]).ravel()
        target = table.buffer(numbers.size)
        settings = [*numbers.tolist(), alpha.size]
        table.row(Op.OP_PRELU, source, target, kernel=alpha.offset, settings=settings)
        return target
