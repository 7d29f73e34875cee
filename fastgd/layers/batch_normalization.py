"""Batch normalisation."""

from typing import Any

from fastgd import initializers
from fastgd._core.types import Moments, Op
from fastgd._data.validation import boolean, number
from fastgd._engine.table import Table
from fastgd._typing import Identifier, Shape
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.layers.layer_normalization import NormalizingAffine
from fastgd.layers.weight import Weight, WeightVariable


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
    **kwargs : as for every layer

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
    _arguments = (
        "momentum", "moving_mean_initializer", "moving_variance_initializer", "renorm",
        "renorm_clipping", "renorm_momentum", "synchronized",
    )  # fmt: skip

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
        if isinstance(axis, bool) or not hasattr(axis, "__index__"):
            raise DataTypeError(f"axis: expected a whole number, got {axis!r}")
        if renorm or renorm_clipping is not None:
            raise ArgumentError("renorm: batch renormalisation is not supported; leave False")
        super().__init__(int(axis), epsilon, center, scale, **kwargs)
        self._set_weights_by(
            gamma=(gamma_initializer, gamma_regularizer, gamma_constraint),
            beta=(beta_initializer, beta_regularizer, beta_constraint),
        )
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
        target = table.buffer(table.widths[source])
        table.row(
            Op.OP_BATCH_NORM, moved.buffer, target,
            kind=Moments.MOMENTS_BATCH if self.trainable else Moments.MOMENTS_MOVING,
            state=self.variables[-2].offset, work=table.work(5 * moved.width),
            settings=(self.epsilon, self.momentum, moved.groups), **self._offsets(),
        )  # fmt: skip
        return moved.back(target)
