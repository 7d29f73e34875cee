"""Axes of rows, and normalization along them: by moments of rows or batches, or by length."""

import math
from typing import Any

import numpy as np

from fastgd import initializers
from fastgd._core.types import Moments, Op
from fastgd._data.validation import boolean, number, whole_number
from fastgd._engine.table import Table
from fastgd._typing import Identifier, Shape
from fastgd.errors import ArgumentError
from fastgd.layers.layer import Layer, Weight, WeightVariable

#: Keras' lower bound for a length that is divided by.
SMALLEST_LENGTH = 1e-12


def checked_axes(axis, input_shape, owner):
    """Return axes, an int or a sequence of int, as a sorted tuple of numbers from 1 on."""
    given = list(axis) if isinstance(axis, (list, tuple)) else [axis]
    given = [whole_number(a, "axis", -math.inf) for a in given]
    count = len(input_shape)
    axes = sorted(a + count if a < 0 else a for a in given)
    if not axes or axes[0] < 1 or axes[-1] >= count or len(set(axes)) < len(axes):
        raise ArgumentError(
            f"axis: layer {owner!r} expects axes from 1 to {count - 1} or from {1 - count} "
            f"to -1 for shape {input_shape}, got {axis!r}"
        )
    return tuple(axes)


def gathered(table, buffer, columns):
    """Return a buffer of the columns of a buffer; the same one if they are in order."""
    if (columns == np.arange(columns.size)).all():
        return buffer
    return table.gather(buffer, columns.tolist())


class AxesLast:
    """Move some axes, from 1 on and sorted, of a buffer of a shape (None, d...) to the end.

    Attributes
    ----------
    buffer : int
    groups, width : int
        The number of groups, one after the other, and the width of each: the product of the
        other axes, and that of the moved ones.
    """

    def __init__(self, table, source, input_shape, axes):
        sizes = input_shape[1:]
        moved = tuple(axis - 1 for axis in axes)
        others = tuple(i for i in range(len(sizes)) if i not in moved)
        columns = np.arange(math.prod(sizes)).reshape(sizes).transpose(others + moved)
        self._table = table
        self._columns = columns.ravel()
        self.width = math.prod(sizes[i] for i in moved)
        self.groups = math.prod(sizes[i] for i in others)
        self.buffer = gathered(table, source, self._columns)

    def back(self, buffer):
        """Return a buffer with the axes moved back."""
        return gathered(self._table, buffer, np.argsort(self._columns))


class Normalizing(Layer):
    """Hold the axes of a layer that keeps the shape of its input."""

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

    def __init__(self, axis: int | list[int], epsilon: float, center: bool, scale: bool,
                 **kwargs: Any):  # fmt: skip
        super().__init__(axis, **kwargs)
        self.epsilon = number(epsilon, "epsilon", 0)
        self.center = boolean(center, "center")
        self.scale = boolean(scale, "scale")

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

    def __init__(self, axis: int | list[int] = -1, epsilon: float = 1e-3, center: bool = True,
                 scale: bool = True, beta_initializer: Identifier = "zeros",
                 gamma_initializer: Identifier = "ones", beta_regularizer: Identifier = None,
                 gamma_regularizer: Identifier = None, beta_constraint: Identifier = None,
                 gamma_constraint: Identifier = None, **kwargs: Any):  # fmt: skip
        super().__init__(axis, epsilon, center, scale, **kwargs)
        self._set_weight("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self._set_weight("beta", beta_initializer, beta_regularizer, beta_constraint)

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        axes = checked_axes(self.axis, input_shape, self.name)
        return self._affine_specs(tuple(input_shape[axis] for axis in axes))

    def emit(self, table: Table, source: int) -> int:
        moved = self._axes_last(table, source)
        return moved.back(table.row(
            Op.OP_LAYER_NORM, moved.buffer, table.buffer(table.widths[source]),
            settings=(self.epsilon, moved.groups), keep=table.buffer(2 * moved.groups),
            **self._offsets(),
        ))  # fmt: skip


class UnitNormalization(Normalizing):
    """Compute x / max(sqrt(sum of x^2), 1e-12): each row gets length 1.

    Parameters
    ----------
    axis : int or list of int
        The axes that the sum runs over.

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
    return table.row(
        Op.OP_UNIT_NORM, source, table.buffer(table.widths[source]),
        settings=(smallest, groups), keep=table.buffer(groups),
    )  # fmt: skip


class BatchNormalization(NormalizingAffine):
    """Compute gamma (x - mean) / sqrt(variance + epsilon) + beta, for each index of an axis.

    In training the moments are those of the batch, over its rows and the other axes. Each step
    updates the moving moments: ``moving = moving momentum + batch (1 - momentum)``, with the
    variance that divides by the number of values. Otherwise, and in training if ``trainable``
    is False, the moving moments are used. S. Ioffe, C. Szegedy, "Batch normalization:
    accelerating deep network training by reducing internal covariate shift", 2015.

    Parameters
    ----------
    axis : int
        The axis, usually that of the features, of which each index has its own moments.
    momentum : float, from 0 to 1
    epsilon : float
        At least 0.
    center, scale : bool
        Whether there are beta and gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer
        See ``fastgd.initializers``.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        See ``fastgd.regularizers`` and ``fastgd.constraints``.
    renorm, renorm_clipping, renorm_momentum
        Leave these at their defaults: batch renormalisation is not supported.
    synchronized : bool
        Accepted as in Keras, without effect.

    Attributes
    ----------
    gamma, beta, moving_mean, moving_variance : Variable, shape (size of the axis,)

    Notes
    -----
    A training step with such a layer runs on one thread.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> x = np.array([[1.0, 10.0], [3.0, 30.0]])
    >>> layers.BatchNormalization(epsilon=0, dtype="float64")(x, training=True)
    array([[-1., -1.],
           [ 1.,  1.]])
    """

    moving_mean, moving_variance = WeightVariable(), WeightVariable()

    def __init__(
        self, axis: int = -1, momentum: float = 0.99, epsilon: float = 1e-3,
        center: bool = True, scale: bool = True, beta_initializer: Identifier = "zeros",
        gamma_initializer: Identifier = "ones", moving_mean_initializer: Identifier = "zeros",
        moving_variance_initializer: Identifier = "ones", beta_regularizer: Identifier = None,
        gamma_regularizer: Identifier = None, beta_constraint: Identifier = None,
        gamma_constraint: Identifier = None, renorm: bool = False,
        renorm_clipping: Any = None, renorm_momentum: float = 0.99,
        synchronized: bool = False, **kwargs: Any,
    ):  # fmt: skip
        if renorm or renorm_clipping is not None:
            raise ArgumentError("renorm: batch renormalisation is not supported; leave False")
        axis = whole_number(axis, "axis", -math.inf)
        super().__init__(axis, epsilon, center, scale, **kwargs)
        self._set_weight("gamma", gamma_initializer, gamma_regularizer, gamma_constraint)
        self._set_weight("beta", beta_initializer, beta_regularizer, beta_constraint)
        self.renorm, self.renorm_clipping, self.renorm_momentum = False, None, renorm_momentum
        self.momentum = number(momentum, "momentum", 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.synchronized = boolean(synchronized, "synchronized")

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        shape = (input_shape[self.axis],)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        return [
            *self._affine_specs(shape),
            Weight("moving_mean", shape, mean, trainable=False),
            Weight("moving_variance", shape, variance, trainable=False),
        ]

    def emit(self, table: Table, source: int) -> int:
        moved = self._axes_last(table, source)
        return moved.back(table.row(
            Op.OP_BATCH_NORM, moved.buffer, table.buffer(table.widths[source]),
            kind=Moments.MOMENTS_BATCH if self.trainable else Moments.MOMENTS_MOVING,
            state=self.variables[-2].offset, work=table.work(5 * moved.width),
            settings=(self.epsilon, self.momentum, moved.groups), **self._offsets(),
        ))  # fmt: skip
