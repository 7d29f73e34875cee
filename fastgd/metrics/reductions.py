"""Means and sums of values that are given as they are."""

import numpy as np

from fastgd._data.validation import numeric
from fastgd.errors import DataTypeError, ShapeError
from fastgd.metrics.base import Metric
from fastgd.reference.arrays import added


def _by_sample(values, weights, reduce):
    """Values reduced to one a sample (n,), times the weights; and the weights of the samples.

    Axes of the values beyond those of the weights, and then all but the first, are reduced.
    """
    values = np.asarray(numeric(values, "values"), dtype=np.float64)
    if weights is None:
        return np.ravel(reduce(values, axis=tuple(range(1, values.ndim)))), None
    weights = np.asarray(numeric(weights, "sample_weight"), dtype=np.float64)
    if weights.ndim == values.ndim + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    try:
        values = reduce(values, axis=tuple(range(weights.ndim, values.ndim)))
        weights = np.broadcast_to(weights, values.shape)
    except (ValueError, np.exceptions.AxisError):
        raise ShapeError(
            f"sample_weight: expected a shape that fits values of shape {values.shape}, "
            f"got {weights.shape}"
        ) from None
    with np.errstate(all="ignore"):
        values = np.where(weights == 0, 0, values * weights)
    axes = tuple(range(1, values.ndim))
    return np.ravel(reduce(values, axis=axes)), np.ravel(reduce(weights, axis=axes))


class Sum(Metric):
    """The (weighted) sum of values.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Sum()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    4.0
    """

    def __init__(self, name="sum", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values, sample_weight=None):
        """Take in an array of values, with a weight for each or for each of its first axis."""
        values, _ = _by_sample(values, sample_weight, np.sum)
        self.total.assign(added(self.total, values))

    def result(self):
        """The sum: a float."""
        return float(self.total)


class Mean(Metric):
    """The (weighted) mean of values: sum of weight * value / sum of weights.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    2.0
    """

    def __init__(self, name="mean", dtype=None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values, sample_weight=None):
        """Take in an array of values, with a weight for each or for each of its first axis."""
        values, weights = _by_sample(values, sample_weight, np.mean)
        self.total.assign(added(self.total, values))
        self.count.assign(
            self.count + len(values) if weights is None else added(self.count, weights)
        )

    def result(self):
        """The mean: a float; 0 where nothing was taken in."""
        return float(self.total / self.count) if self.count else 0.0


class MeanMetricWrapper(Mean):
    """The mean of a function of one's own.

    Parameters
    ----------
    fn : function
        ``fn(y_true, y_pred, **kwargs)`` gives a value for each row, or several, whose mean
        counts.
    name : str, optional
        Without it that of the function.
    dtype : {"float32", "float64"}, optional
    **kwargs
        Passed on to `fn`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import metrics
    >>> def bias(y_true, y_pred):
    ...     return y_pred - y_true
    >>> metrics.MeanMetricWrapper(bias)(np.array([1.0, 2.0]), np.array([2.0, 5.0]))
    2.0
    """

    def __init__(self, fn, name=None, dtype=None, **kwargs):
        if not callable(fn):
            raise DataTypeError(f"fn: expected a function, got {fn!r}")
        super().__init__(name or getattr(fn, "__name__", type(fn).__name__), dtype)
        self._fn = fn
        self._fn_kwargs = kwargs

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in some rows; targets (n,) are given to `fn` as (n, 1) for such predictions."""
        y_true, y_pred = numeric(y_true, "y_true"), numeric(y_pred, "y_pred")
        if y_true.size == y_pred.size and len(y_true) == len(y_pred):
            y_true = y_true.reshape(y_pred.shape)
        values = self._fn(y_true, y_pred, **self._fn_kwargs)
        super().update_state(np.asarray(values), sample_weight)

    def get_config(self):
        """Its arguments, the function itself among them."""
        return {**super().get_config(), "fn": self._fn, **self._fn_kwargs}
