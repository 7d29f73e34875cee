"""Normalisation of each row by its own moments, or by its own length."""

from fastgd._core.types import Op
from fastgd.layers.affine_weights import AffineWeights
from fastgd.layers.axes import AxesLast, checked_axes
from fastgd.layers.base import Layer

#: Keras' lower bound for a length that is divided by.
SMALLEST_LENGTH = 1e-12


def _axis(axis):
    return list(axis) if isinstance(axis, (list, tuple)) else axis


class LayerNormalization(AffineWeights):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, with the moments of each row.

    J. L. Ba, J. R. Kiros, G. E. Hinton, "Layer normalization", 2016.

    Parameters
    ----------
    axis : int or list of int
        Those that the moments are taken over; the others keep theirs apart.
    epsilon : float
        At least 0.
    center, scale : bool
        Whether there are beta and gamma.
    beta_initializer, gamma_initializer
        See ``fastgd.initializers``.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        See ``fastgd.regularizers`` and ``fastgd.constraints``.
    **kwargs
        As for every layer.

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
        self,
        axis=-1,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        **kwargs,
    ):
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        self.axis = _axis(axis)

    def compute_output_shape(self, input_shape):
        checked_axes(self.axis, input_shape, self.name)
        return input_shape

    def weight_specs(self, input_shape):
        axes = checked_axes(self.axis, input_shape, self.name)
        return self._affine_specs(tuple(input_shape[axis] for axis in axes))

    def emit(self, table, source):
        axes = checked_axes(self.axis, table.input_shape, self.name)
        moved = AxesLast(table, source, table.input_shape, axes)
        target = table.buffer(table.widths[source])
        table.row(
            Op.OP_LAYER_NORM, moved.buffer, target, settings=(self.epsilon, moved.groups),
            keep=table.buffer(2 * moved.groups), **self._offsets(),
        )  # fmt: skip
        return moved.back(target)

    def get_config(self):
        return super().get_config() | {"axis": self.axis}


class UnitNormalization(Layer):
    """x / max(sqrt(sum of x^2), 1e-12): each row of length 1.

    Parameters
    ----------
    axis : int or list of int
        Those that the sum runs over.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> layers.UnitNormalization(dtype="float64")(np.array([[3.0, 4.0]]))
    array([[0.6, 0.8]])
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        self.axis = _axis(axis)

    def compute_output_shape(self, input_shape):
        checked_axes(self.axis, input_shape, self.name)
        return input_shape

    def emit(self, table, source):
        axes = checked_axes(self.axis, table.input_shape, self.name)
        moved = AxesLast(table, source, table.input_shape, axes)
        return moved.back(to_length_1(table, moved.buffer, moved.groups, SMALLEST_LENGTH))

    def get_config(self):
        return super().get_config() | {"axis": self.axis}


def to_length_1(table, source, groups, smallest):
    """The rows of a buffer, each of `groups` groups divided by its length; a new buffer."""
    target = table.buffer(table.widths[source])
    table.row(
        Op.OP_UNIT_NORM, source, target, settings=(smallest, groups), keep=table.buffer(groups)
    )
    return target
