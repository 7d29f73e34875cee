"""Batch normalisation."""

from fastgd import initializers
from fastgd._core.types import Moments, Op
from fastgd._data.validation import boolean, number
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.layers.affine_weights import AffineWeights
from fastgd.layers.axes import AxesLast, checked_axes
from fastgd.layers.base import Weight


class BatchNormalization(AffineWeights):
    """gamma (x - mean) / sqrt(variance + epsilon) + beta, for each index of an axis.

    In training the moments are those of the batch, over its rows and the other axes; the step
    then moves the lasting ones: ``moving = moving momentum + batch (1 - momentum)``, with the
    variance that divides by the number of values. Otherwise, and in training too where
    ``trainable`` is False, it is the lasting ones that count. S. Ioffe, C. Szegedy, "Batch
    normalization: accelerating deep network training by reducing internal covariate shift",
    2015.

    Parameters
    ----------
    axis : int
        The one that keeps its moments apart, as a rule that of the features.
    momentum : float
        From 0 to 1.
    epsilon : float
        At least 0.
    center, scale : bool
        Whether there are beta and gamma.
    beta_initializer, gamma_initializer, moving_mean_initializer, moving_variance_initializer
        See ``fastgd.initializers``.
    beta_regularizer, gamma_regularizer, beta_constraint, gamma_constraint : optional
        See ``fastgd.regularizers`` and ``fastgd.constraints``.
    renorm, renorm_clipping, renorm_momentum
        Batch renormalisation is not offered: have to be left at their defaults.
    synchronized : bool
        Accepted as in Keras; there is one batch at a time in any case.
    **kwargs
        As for every layer.

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

    def __init__(
        self,
        axis=-1,
        momentum=0.99,
        epsilon=1e-3,
        center=True,
        scale=True,
        beta_initializer="zeros",
        gamma_initializer="ones",
        moving_mean_initializer="zeros",
        moving_variance_initializer="ones",
        beta_regularizer=None,
        gamma_regularizer=None,
        beta_constraint=None,
        gamma_constraint=None,
        renorm=False,
        renorm_clipping=None,
        renorm_momentum=0.99,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(
            epsilon, center, scale, beta_initializer, gamma_initializer, beta_regularizer,
            gamma_regularizer, beta_constraint, gamma_constraint, **kwargs,
        )  # fmt: skip
        if isinstance(axis, bool) or not hasattr(axis, "__index__"):
            raise DataTypeError(f"axis: expected a whole number, got {axis!r}")
        if renorm or renorm_clipping is not None:
            raise ArgumentError("renorm: batch renormalisation is not offered; leave it False")
        self.axis = int(axis)
        self.renorm, self.renorm_clipping, self.renorm_momentum = False, None, renorm_momentum
        self.momentum = number(momentum, "momentum", 0, 1)
        self.moving_mean_initializer = initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = initializers.get(moving_variance_initializer)
        self.synchronized = boolean(synchronized, "synchronized")

    @property
    def moving_mean(self):
        """The lasting means; None before building."""
        return self.variables[-2] if self.variables else None

    @property
    def moving_variance(self):
        """The lasting variances; None before building."""
        return self.variables[-1] if self.variables else None

    def compute_output_shape(self, input_shape):
        checked_axes(self.axis, input_shape, self.name)
        return input_shape

    def weight_specs(self, input_shape):
        shape = (input_shape[self.axis],)
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        return [
            *self._affine_specs(shape),
            Weight("moving_mean", shape, mean, trainable=False),
            Weight("moving_variance", shape, variance, trainable=False),
        ]

    def emit(self, table, source):
        axes = checked_axes(self.axis, table.input_shape, self.name)
        moved = AxesLast(table, source, table.input_shape, axes)
        target = table.buffer(table.widths[source])
        table.row(
            Op.OP_BATCH_NORM, moved.buffer, target,
            kind=Moments.MOMENTS_BATCH if self.trainable else Moments.MOMENTS_MOVING,
            state=self.moving_mean.offset, settings=(self.epsilon, self.momentum, moved.groups),
            work=table.work(5 * moved.width), **self._offsets(),
        )  # fmt: skip
        return moved.back(target)

    def get_config(self):
        return super().get_config() | {
            "axis": self.axis,
            "momentum": self.momentum,
            "moving_mean_initializer": self.moving_mean_initializer,
            "moving_variance_initializer": self.moving_variance_initializer,
            "renorm": self.renorm,
            "renorm_clipping": self.renorm_clipping,
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }
