"""Means and sums of given values."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd._autodiff.tensor import plain
from fastgd._data.validation import check_not_negative, numeric
from fastgd._registry.names import checked_name
from fastgd._typing import Config, Data, Floatx
from fastgd.errors import DataTypeError, ShapeError
from fastgd.metrics.metric import Metric
from fastgd.reference.arrays import added


def _by_sample(values, weights, reduce):
    """Return weighted values reduced to one a sample, (n,), and the weights of the samples.

    Reduces the axes that values have and weights have not, then all but the first.
    """
    values = np.asarray(numeric(plain(values), "values"), dtype=np.float64)
    if weights is None:
        return np.ravel(reduce(values, axis=tuple(range(1, values.ndim)))), None
    weights = np.asarray(numeric(plain(weights), "sample_weight"), dtype=np.float64)
    check_not_negative(weights)
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
    """Compute the (weighted) sum of values.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Sum()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    4.0
    """

    def __init__(self, name: str | None = "sum", dtype: Floatx | None = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")

    def update_state(self, values: Data, sample_weight: Data | None = None) -> None:
        """Add an array of values, with a weight for each or for each of its first axis."""
        values, _ = _by_sample(values, sample_weight, np.sum)
        self.total.assign(added(self.total, values))

    def result(self) -> float:
        """Return the sum."""
        return float(self.total)


class Mean(Metric):
    """Compute the (weighted) mean of values: sum of weight * value / sum of weights.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Mean()([1, 3, 5, 7], sample_weight=[1, 1, 0, 0])
    2.0
    """

    def __init__(self, name: str | None = "mean", dtype: Floatx | None = None):
        super().__init__(dtype, name)
        self.total = self.add_variable(name="total")
        self.count = self.add_variable(name="count")

    def update_state(self, values: Data, sample_weight: Data | None = None) -> None:
        """Add an array of values, with a weight for each or for each of its first axis."""
        values, weights = _by_sample(values, sample_weight, np.mean)
        self.total.assign(added(self.total, values))
        self.count.assign(
            self.count + len(values) if weights is None else added(self.count, weights)
        )

    def result(self) -> float:
        """Return the mean; 0 before any value is added."""
        return float(self.total / self.count) if self.count else 0.0


class MeanMetricWrapper(Mean):
    """Average a user-defined function.

    Parameters
    ----------
    fn : function
        ``fn(y_true, y_pred, **kwargs)`` returns a value for each row, or several, of which the
        mean is taken; or one number for all rows that it is given, in a model a batch, which
        counts by these rows or their weights.
    name : str, optional
        By default that of the function.
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

    def __init__(self, fn: Callable[..., Any], name: str | None = None,
                 dtype: Floatx | None = None, **kwargs: Any):  # fmt: skip
        if not callable(fn):
            raise DataTypeError(f"fn: expected a function, got {fn!r}")
        super().__init__(
            checked_name(name) or getattr(fn, "__name__", type(fn).__name__), dtype
        )
        self.fn = fn
        self.by_batch = None
        self._kwargs = kwargs

    def update_state(  # type: ignore[override]  # a function is called with targets
        self, y_true: Data, y_pred: Data, sample_weight: Data | None = None
    ) -> None:
        """Add some rows; `fn` takes targets (n,) as (n, 1) where predictions are (n, 1)."""
        y_true, y_pred = numeric(plain(y_true), "y_true"), numeric(plain(y_pred), "y_pred")
        if y_true.size == y_pred.size and len(y_true) == len(y_pred):
            y_true = y_true.reshape(y_pred.shape)
        values = np.asarray(plain(self.fn(y_true, y_pred, **self._kwargs)))
        rows = len(y_pred) if y_pred.ndim else 1
        if rows > 1:
            self.by_batch = values.size == 1
        if self.by_batch and values.size == 1:  # it counts by its rows
            weights = np.ones(rows) if sample_weight is None else sample_weight
            values, sample_weight = np.full(rows, values.item()), weights
        super().update_state(values, sample_weight)

    def get_config(self) -> Config:
        """Return the arguments, the function itself among them."""
        return super().get_config() | self._kwargs
