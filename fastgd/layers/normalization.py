"""Normalisation by the moments of the data, learned once and before training."""

import math

import numpy as np

from fastgd import initializers
from fastgd._core.types import Affine, Op
from fastgd._data.validation import boolean, numeric
from fastgd.errors import ArgumentError, DataError, ShapeError
from fastgd.layers.axes import checked_axes
from fastgd.layers.base import Layer, Weight
from fastgd.layers.rescaling import over_columns

#: Keras' lower bound for a deviation that is divided by.
SMALLEST_DEVIATION = 1e-7


class Normalization(Layer):
    """(x - mean) / max(sqrt(variance), 1e-7), with the moments of data shown to ``adapt``.

    Parameters
    ----------
    axis : int, tuple of int or None
        Those that keep their moments apart, as a rule that of the features; None for one mean
        and one variance of all.
    mean, variance : float or array, optional
        The moments, both or none: then nothing is to be adapted.
    invert : bool
        Whether to go the other way, mean + x max(sqrt(variance), 1e-7).
    **kwargs
        As for every layer.

    Attributes
    ----------
    mean, variance : ndarray
        Of a shape that goes with the inputs; None before building.

    Raises
    ------
    ArgumentError, ShapeError
        For one moment without the other, or of a shape that does not go with the axes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> layer = layers.Normalization(dtype="float64")
    >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer(np.array([[2.0, 30.0]]))
    array([[0., 1.]])
    """

    def __init__(self, axis=-1, mean=None, variance=None, invert=False, **kwargs):
        super().__init__(**kwargs)
        if axis is None:
            axis = ()
        self.axis = tuple(axis) if isinstance(axis, (tuple, list)) else (axis,)
        if (mean is None) != (variance is None):
            raise ArgumentError(
                f"mean, variance: expected both or none, got {mean!r} and {variance!r}"
            )
        self.input_mean = self.input_variance = None
        if mean is not None:
            self.input_mean = np.array(numeric(mean, "mean"), np.float64)
            self.input_variance = np.array(numeric(variance, "variance"), np.float64)
            self._check_given()
        self.invert = boolean(invert, "invert")

    def _check_given(self):
        mean, variance = self.input_mean, self.input_variance
        if mean.shape != variance.shape or mean.ndim > len(self.axis):
            raise ShapeError(
                "mean, variance: expected one shape, with no more axes than "
                f"{len(self.axis)}, got {mean.shape} and {variance.shape}"
            )
        if not (
            np.isfinite(mean).all() and np.isfinite(variance).all() and (variance >= 0).all()
        ):
            raise DataError(
                "mean, variance: expected finite numbers, and variances of at least 0"
            )

    def _kept(self, input_shape):
        return checked_axes(self.axis, input_shape, self.name) if self.axis else ()

    def _broadcast_shape(self, input_shape):
        """That of the moments, as they go with inputs of a shape."""
        kept = self._kept(input_shape)
        return tuple(d if i in kept else 1 for i, d in enumerate(input_shape))

    def _given_over_columns(self, input_shape):
        """The mean of each column and the variance of each, where they are given."""
        kept = self._kept(input_shape)
        found = []
        for values in (self.input_mean, self.input_variance):
            shape = [1] * (len(input_shape) - 1)
            for i in range(1, values.ndim + 1):  # aligned to the right with the axes kept
                shape[kept[-i] - 1] = values.shape[-i]
            found += over_columns(
                values.reshape(shape), input_shape, "mean, variance", self.name
            )
        return found

    def compute_output_shape(self, input_shape):
        self._kept(input_shape)
        if self.input_mean is not None:
            self._given_over_columns(input_shape)
        return input_shape

    def weight_specs(self, input_shape):
        if self.input_mean is not None:
            return []
        shape = tuple(input_shape[axis] for axis in self._kept(input_shape))
        zeros, ones = initializers.get("zeros"), initializers.get("ones")
        return [
            Weight("mean", shape, zeros, trainable=False),
            Weight("variance", shape, ones, trainable=False),
            Weight("count", (), zeros, trainable=False),
        ]

    @property
    def mean(self):
        """The means, of a shape that goes with the inputs; None before building."""
        return self._moment(0, self.input_mean)

    @property
    def variance(self):
        """The variances, likewise."""
        return self._moment(1, self.input_variance)

    def _moment(self, index, given):
        if not self.built:
            return None
        shape = self._broadcast_shape(self._input_shape)
        if given is None:
            return self.variables[index].numpy().reshape(shape)
        size = math.prod(self._input_shape[1:])
        columns = self._given_over_columns(self._input_shape)[index * size :][:size]
        full = np.array(columns).reshape(self._input_shape[1:])[None]
        return full[tuple(slice(0, d) for d in (1, *shape[1:]))]

    def adapt(self, data):
        """Take the moments of data, in place of what was there.

        Parameters
        ----------
        data : array, shape (n, d...), or iterable of such
            All rows at once, or batches. (n,) is taken for (n, 1). The sums run in float64.

        Raises
        ------
        ArgumentError
            Where the moments were given when the layer was made.
        ShapeError, DataError
            For data that the layer cannot take, or none.
        """
        if self.input_mean is not None:
            raise ArgumentError("data: this layer was given its mean and variance")
        count, mean, variance = 0, 0.0, 0.0
        for batch in _batches(data):
            rows = self._checked_rows(batch)
            kept = self._kept(self._input_shape)
            others = tuple(i for i in range(rows.ndim) if i not in kept)
            n = math.prod(rows.shape[i] for i in others)
            own_mean, own_variance = rows.mean(axis=others), rows.var(axis=others)
            # the moments of two sets from those of each: T. F. Chan, G. H. Golub, R. J.
            # LeVeque, "Updating formulae ... for computing sample variances", 1979
            share = n / (count + n)
            apart = own_mean - mean
            variance = (1 - share) * variance + share * own_variance
            variance = variance + share * (1 - share) * apart**2
            mean = mean + share * apart
            count += n
        if not count:
            raise DataError("data: there are no rows")
        self.variables[0].assign(mean)
        self.variables[1].assign(variance)

    def _checked_rows(self, batch):
        """A batch in float64, finite; the layer is built for it."""
        rows = numeric(batch, "data")
        rows = rows[:, None] if rows.ndim == 1 else rows
        shape = (None, *rows.shape[1:])
        if rows.ndim < 2 or (self._input_shape and self._input_shape != shape):
            raise ShapeError(
                f"data: layer {self.name!r} expects shape {self._input_shape or '(n, d...)'}, "
                f"got {rows.shape}"
            )
        if len(rows) == 0:
            raise DataError("data: there are no rows")
        rows = rows.astype(np.float64)
        if not np.isfinite(rows).all():
            place = tuple(map(int, np.argwhere(~np.isfinite(rows))[0]))
            raise DataError(f"data: expected finite numbers, got {rows[place]} at {place}")
        self.build(shape)
        return rows

    def emit(self, table, source):
        shape = table.input_shape
        if self.input_mean is not None:
            state, settings = -1, (0, *self._given_over_columns(shape))
        else:
            sizes = self._broadcast_shape(shape)[1:]
            count = math.prod(sizes)
            own = np.broadcast_to(np.arange(count).reshape(sizes), shape[1:]).ravel()
            state, settings = self.variables[0].offset, (count, *own.tolist())
        target = table.buffer(table.widths[source])
        table.row(
            Op.OP_AFFINE, source, target, state=state,
            kind=Affine.AFFINE_RESTORE if self.invert else Affine.AFFINE_NORMALIZE,
            settings=(SMALLEST_DEVIATION, *settings),
        )  # fmt: skip
        return target

    def get_config(self):
        return super().get_config() | {
            "axis": self.axis,
            "mean": self.input_mean,
            "variance": self.input_variance,
            "invert": self.invert,
        }


def _batches(data):
    """The batches of data that may be one array or an iterable of some."""
    if hasattr(data, "__array__") or not hasattr(data, "__iter__"):
        return [data]
    if isinstance(data, (list, tuple)) and not (data and hasattr(data[0], "shape")):
        return [data]
    return data
