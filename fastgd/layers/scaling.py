"""Layers of given numbers: columns scaled and shifted, or normalized by moments of data."""

import math
from typing import Any

import numpy as np

from fastgd import initializers
from fastgd._core.types import Affine, Op
from fastgd._data.py_dataset import PyDataset
from fastgd._data.sources import unpacked
from fastgd._data.validation import boolean, numeric
from fastgd._engine.table import Table
from fastgd._typing import Array, Config, Data, Shape
from fastgd.errors import ArgumentError, DataError, ShapeError
from fastgd.layers.layer import Layer, Weight
from fastgd.layers.normalization import checked_axes

#: Keras' lower bound for a deviation that is divided by.
SMALLEST_DEVIATION = 1e-7


class Rescaling(Layer):
    """Compute scale x + offset.

    Parameters
    ----------
    scale, offset : float or array
        Broadcast to the shape of a row, as in NumPy.

    Raises
    ------
    ShapeError
        For inputs to whose shape they cannot be broadcast.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Rescaling([1.0, 10.0], offset=1.0)([[1.0, 2.0]])
    array([[ 2., 21.]], dtype=float32)
    """

    def __init__(self, scale: Data, offset: Data = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = _finite(scale, "scale")
        self.offset = _finite(offset, "offset")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._numbers(input_shape)
        return input_shape

    def _numbers(self, input_shape):
        """Return the scale of each column, then the offset of each."""
        named = [("scale", self.scale), ("offset", self.offset)]
        return _over_columns(named, input_shape, self.name)

    def emit(self, table: Table, source: int) -> int:
        return rescaled(table, source, self._numbers(table.input_shape))


def rescaled(table, source, numbers):
    """Return a rescaled buffer, by the scale of each column, then the offset of each."""
    target = table.buffer(table.widths[source])
    return table.row(Op.OP_AFFINE, source, target, kind=Affine.AFFINE_RESCALE, settings=numbers)


def _finite(values, argument):
    """Return finite numbers as a float, or as an array of float64."""
    array = np.array(numeric(values, argument), np.float64)
    if not np.isfinite(array).all():
        raise DataError(f"{argument}: expected finite numbers, got {values!r}")
    return float(array) if array.ndim == 0 else array


def _over_columns(named, input_shape, owner):
    """Return a number for each element of a row in a list, for each (argument, values)."""
    numbers = []
    for argument, values in named:
        try:
            numbers += np.broadcast_to(values, input_shape[1:]).ravel().tolist()
        except ValueError:
            raise ShapeError(
                f"{argument}: layer {owner!r} cannot broadcast numbers of shape "
                f"{np.shape(values)} to inputs of shape {input_shape}"
            ) from None
    return numbers


class Normalization(Layer):
    """Compute (x - mean) / max(sqrt(variance), 1e-7), by the moments of data for ``adapt``.

    Parameters
    ----------
    axis : int, tuple of int or None
        The axes, usually that of the features, of which each index has its own moments; None
        for one mean and one variance of all.
    mean, variance : float or array, optional
        The moments, both or none, in place of ``adapt``.
    invert : bool
        Whether to compute the inverse, mean + x max(sqrt(variance), 1e-7).

    Attributes
    ----------
    mean, variance : ndarray
        In a shape that broadcasts to the inputs; None before building.

    Raises
    ------
    ArgumentError, ShapeError
        For one moment without the other, or of a shape that does not fit the axes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import layers
    >>> layer = layers.Normalization(dtype="float64")
    >>> layer.adapt(np.array([[1.0, 10.0], [3.0, 30.0]]))
    >>> layer(np.array([[2.0, 30.0]]))
    array([[0., 1.]])
    """

    def __init__(self, axis: int | tuple[int, ...] | None = -1, mean: Data = None,
                 variance: Data = None, invert: bool = False, **kwargs: Any):  # fmt: skip
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
            self._check_given(self.input_mean, self.input_variance)
        self.invert = boolean(invert, "invert")

    def _check_given(self, mean, variance):
        if mean.shape != variance.shape or mean.ndim > len(self.axis):
            raise ShapeError(
                "mean, variance: expected one shape, with no more axes than "
                f"{len(self.axis)}, got {mean.shape} and {variance.shape}"
            )
        if not (np.isfinite([mean, variance]).all() and (variance >= 0).all()):
            raise DataError(
                "mean, variance: expected finite numbers, and variances of at least 0"
            )

    def _kept(self, input_shape):
        """Return the axes with moments of their own."""
        return checked_axes(self.axis, input_shape, self.name) if self.axis else ()

    def _broadcast_shape(self, input_shape):
        """Return the shape of the moments that broadcasts to inputs of a shape."""
        kept = self._kept(input_shape)
        return tuple(d if i in kept else 1 for i, d in enumerate(input_shape))

    def _given(self, input_shape):
        """Return the given mean and variance in a shape that broadcasts to a row."""
        kept = self._kept(input_shape)
        shape = [1] * len(input_shape)
        for i in range(1, self.input_mean.ndim + 1):  # aligned to the right with the axes kept
            shape[kept[-i]] = self.input_mean.shape[-i]
        return [v.reshape(shape[1:]) for v in (self.input_mean, self.input_variance)]

    def _given_over_columns(self, input_shape):
        """Return the given mean of each column, then the variance of each."""
        named = [("mean, variance", values) for values in self._given(input_shape)]
        return _over_columns(named, input_shape, self.name)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._kept(input_shape)
        if self.input_mean is not None:
            self._given_over_columns(input_shape)
        return input_shape

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        if self.input_mean is not None:
            return []
        shape = tuple(input_shape[axis] for axis in self._kept(input_shape))
        zeros, ones = initializers.Zeros(), initializers.Ones()
        return [
            Weight("mean", shape, zeros, trainable=False),
            Weight("variance", shape, ones, trainable=False),
            Weight("count", (), zeros, trainable=False),
        ]

    @property
    def mean(self) -> Array | None:
        """The means, in a shape that broadcasts to the inputs; None before building."""
        return self._moment(0)

    @property
    def variance(self) -> Array | None:
        """The variances, in the same shape."""
        return self._moment(1)

    def _moment(self, index):
        if not self.built:
            return None
        shape = self._broadcast_shape(self._input_shape)
        if self.input_mean is None:
            return self.variables[index].numpy().reshape(shape)
        return np.broadcast_to(self._given(self._input_shape)[index], shape).copy()

    def adapt(self, data: Data) -> None:
        """Compute the moments of data; they replace those from before.

        Parameters
        ----------
        data : array, shape (n, d...), or source of batches
            All rows at once; or a list, generator, other iterable or PyDataset of batches, as
            ``fit`` takes them: x, (x, y) or (x, y, sample_weight). Targets and weights are
            left out: each row counts once. It is gone through once, to its end. (n,) is taken
            for (n, 1). The sums run in float64.

        Raises
        ------
        ArgumentError
            If the layer was made with a mean and variance; for a PyDataset without an end; for
            a tuple of arrays, which may be (x, y) or two batches.
        ShapeError, DataError
            For data that the layer cannot take, and if there are no rows.
        """
        if self.input_mean is not None:
            raise ArgumentError(
                "data: this layer was made with its mean and variance; make one without them"
            )
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
        """Return a batch in float64, checked, after building the layer for it."""
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

    def emit(self, table: Table, source: int) -> int:
        shape = table.input_shape
        if self.input_mean is not None:
            settings = [0, *self._given_over_columns(shape)]
        else:
            sizes = self._broadcast_shape(shape)[1:]
            count = math.prod(sizes)
            own = np.broadcast_to(np.arange(count).reshape(sizes), shape[1:]).ravel()
            settings = [count, *own.tolist()]
        return table.row(
            Op.OP_AFFINE, source, table.buffer(table.widths[source]),
            settings=(SMALLEST_DEVIATION, *settings),
            state=self.variables[0].offset if self.variables else -1,
            kind=Affine.AFFINE_RESTORE if self.invert else Affine.AFFINE_NORMALIZE,
        )  # fmt: skip

    def get_config(self) -> Config:
        moments = {"mean": self.input_mean, "variance": self.input_variance}
        return super().get_config() | moments


def _batches(data):
    """Iterate over the x of the batches of data that is one array or a source of batches."""
    if hasattr(data, "__array__") or hasattr(data, "shape") or not hasattr(data, "__iter__"):
        return [data]
    if isinstance(data, tuple) and any(map(_is_array, data)):
        raise ArgumentError(
            "data: expected x alone, or a list of batches, got a tuple of arrays"
        )
    if isinstance(data, PyDataset) and data.num_batches is None:
        raise ArgumentError("data: expected a PyDataset with an end, got num_batches None")
    if isinstance(data, (list, tuple)) and not any(_is_array(b) or _has_parts(b) for b in data):
        return [data]
    return map(_rows_of, data)


def _rows_of(batch):
    """Return the x of a batch, of which a single row would be taken for a column."""
    x = unpacked(batch, "data")[0] if _has_parts(batch) else batch
    if np.ndim(x) == 1:
        raise ShapeError(f"data: expected batches of rows (n, d...), got shape {np.shape(x)}")
    return x


def _is_array(x):
    return hasattr(x, "shape") and np.ndim(x) > 0


def _has_parts(batch):
    """Return whether a batch is (x, y), and not the numbers of rows."""
    if isinstance(batch, tuple):
        return any(hasattr(part, "__len__") for part in batch)
    return isinstance(batch, list) and any(map(_is_array, batch))
