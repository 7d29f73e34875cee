"""Normalisation along axes: of each row by its own moments, or by its own length."""

from typing import Any, ClassVar

from fastgd import constraints, initializers, regularizers
from fastgd._core.types import Op
from fastgd._data.validation import boolean, number
from fastgd._engine.table import Table
from fastgd._typing import Identifier, Shape
from fastgd.layers.axes import AxesLast, checked_axes
from fastgd.layers.layer import Layer
from fastgd.layers.weight import Weight, WeightVariable

#: Keras' lower bound for a length that is divided by.
SMALLEST_LENGTH = 1e-12


class Normalizing(Layer):
    """Hold the axes of a layer that keeps the shape of its input."""

    _arguments: ClassVar[tuple[str, ...]] = ("axis",)

    def __init__(self, axis: int | list[int] = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis: Any = list(axis) if isinstance(axis, (list, tuple)) else axis

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        checked_axes(self.axis, input_shape, self.name)
        return input_shape

    def _axes_last(self, table: Table, source: int) -> AxesLast:
        axes = checked_axes(self.axis, table.input_shape, self.name)
        return AxesLast(table, source, table.input_shape, axes)


class NormalizingAffine(Normalizing):
    """Hold epsilon, and the weights gamma and beta."""

    gamma, beta = WeightVariable(), WeightVariable()
    _arguments: ClassVar[tuple[str, ...]] = (
        "epsilon", "center", "scale", "beta_initializer", "gamma_initializer",
        "beta_regularizer", "gamma_regularizer", "beta_constraint", "gamma_constraint",
    )  # fmt: skip

    def __init__(
        self, axis: int | list[int], epsilon: float, center: bool, scale: bool, **kwargs: Any
    ):
        super().__init__(axis, **kwargs)
        self.epsilon = number(epsilon, "epsilon", 0)
        self.center = boolean(center, "center")
        self.scale = boolean(scale, "scale")

    def _set_weights_by(self, gamma, beta):
        """Set the initializer, regularizer and constraint of gamma, and of beta."""
        self.gamma_initializer = initializers.get(gamma[0])
        self.gamma_regularizer = regularizers.get(gamma[1])
        self.gamma_constraint = constraints.get(gamma[2])
        self.beta_initializer = initializers.get(beta[0])
        self.beta_regularizer = regularizers.get(beta[1])
        self.beta_constraint = constraints.get(beta[2])

    def _affine_specs(self, shape):
        names = ["gamma"] * self.scale + ["beta"] * self.center
        return [self._weight(name, shape) for name in names]

    def _offsets(self):
        """Return the offsets of gamma and beta, as arguments of ``Table.row``."""
        return {
            "kernel": self.gamma.offset if self.scale else -1,
            "bias": self.beta.offset if self.center else -1,
        }


class LayerNormalization(NormalizingAffine):
    """Compute gamma (x - mean) / sqrt(variance + epsilon) + beta, by the moments of each row.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    axis : int or list of int
        The axes that the moments are taken over; the other axes have moments of their own.
    epsilon : float, at least 0
    center, scale : bool
        Whether there are beta and gamma.
    beta_initializer, gamma_initializer
        See ``fastgd.initializers``.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        See ``fastgd.regularizers`` and ``fastgd.constraints``.
    **kwargs : as for every layer

    Attributes
    ----------
    gamma, beta : Variable, of the shape of the axes

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> layers.LayerNormalization(epsilon=0, dtype="float64")(np.array([[1.0, 3.0]]))
    array([[-1.,  1.]])
    """

    def __init__(
        self, axis: int | list[int] = -1, epsilon: float = 1e-3, center: bool = True,
        scale: bool = True, beta_initializer: Identifier = "zeros",
        gamma_initializer: Identifier = "ones", beta_regularizer: Identifier = None,
        gamma_regularizer: Identifier = None, beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None, **kwargs: Any,
    ):  # fmt: skip
        super().__init__(axis, epsilon, center, scale, **kwargs)
        self._set_weights_by(
            gamma=(gamma_initializer, gamma_regularizer, gamma_constraint),
            beta=(beta_initializer, beta_regularizer, beta_constraint),
        )

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        axes = checked_axes(self.axis, input_shape, self.name)
        return self._affine_specs(tuple(input_shape[axis] for axis in axes))

    def emit(self, table: Table, source: int) -> int:
        moved = self._axes_last(table, source)
        target = table.buffer(table.widths[source])
        table.row(
            Op.OP_LAYER_NORM, moved.buffer, target, settings=(self.epsilon, moved.groups),
            keep=table.buffer(2 * moved.groups), **self._offsets(),
        )  # fmt: skip
        return moved.back(target)


class UnitNormalization(Normalizing):
    """Compute x / max(sqrt(sum of x^2), 1e-12): each row gets length 1.

    Parameters
    ----------
    axis : int or list of int
        The axes that the sum runs over.
    **kwargs : as for every layer

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> layers.UnitNormalization(dtype="float64")(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """

    def emit(self, table: Table, source: int) -> int:
        moved = self._axes_last(table, source)
        return moved.back(to_length_1(table, moved.buffer, moved.groups, SMALLEST_LENGTH))


def to_length_1(table, source, groups, smallest):
    """Return a buffer of the rows of a buffer, each group divided by its length."""
    target = table.buffer(table.widths[source])
    table.row(
        Op.OP_UNIT_NORM, source, target, settings=(smallest, groups), keep=table.buffer(groups)
    )
    return target
