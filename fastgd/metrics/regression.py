"""Metrics of predictions of numbers."""

import warnings

import numpy as np

from fastgd import losses
from fastgd._core import formulas
from fastgd._data.validation import whole_number
from fastgd._typing import Array, Floatx
from fastgd.errors import ArgumentError
from fastgd.metrics.compiled_metric import CompiledMetric, FixedLossMean, LossMean
from fastgd.metrics.counts import ratio


class MeanSquaredError(FixedLossMean):
    """Average (y_pred - y_true)² over columns and rows.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25
    """

    loss_class = losses.MeanSquaredError


class RootMeanSquaredError(FixedLossMean):
    """Compute the root of the mean of (y_pred - y_true)² over columns and rows.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.5
    """

    loss_class = losses.MeanSquaredError
    default_name = "root_mean_squared_error"

    def value(self, totals: Array) -> float:
        return float(np.sqrt(super().value(totals)))


class MeanAbsoluteError(FixedLossMean):
    """Average |y_pred - y_true| over columns and rows.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metric = metrics.MeanAbsoluteError()
    >>> metric.update_state([1.0, 2.0], [1.0, 4.0])
    >>> metric.result()
    1.0
    """

    loss_class = losses.MeanAbsoluteError


class MeanAbsolutePercentageError(FixedLossMean):
    """Average 100 |y_pred - y_true| / max(|y_true|, 1e-7) over columns and rows.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.MeanAbsolutePercentageError()([1.0, 4.0], [1.5, 3.0])
    37.5
    """

    loss_class = losses.MeanAbsolutePercentageError


class MeanSquaredLogarithmicError(FixedLossMean):
    """Average (log(1 + y_pred) - log(1 + y_true))² over columns and rows.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.MeanSquaredLogarithmicError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.120113
    """

    loss_class = losses.MeanSquaredLogarithmicError


class LogCoshError(FixedLossMean):
    """Average log(cosh(y_pred - y_true)) over columns and rows.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.LogCoshError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.108445
    """

    loss_class = losses.LogCosh
    default_name = "logcosh"


class CosineSimilarity(LossMean):
    """Average y_true · y_pred / (|y_true| |y_pred|): 1 for the same direction.

    Parameters
    ----------
    name : str, optional
    dtype : {"float32", "float64"}, optional
    axis : -1 or 1
        Rows lie along the last axis.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.CosineSimilarity()([[0, 1], [1, 1]], [[1, 0], [1, 1]]), 12)
    0.5
    """

    _direction = "up"
    arguments = ("axis",)

    def __init__(
        self, name: str | None = None, dtype: Floatx | None = None, axis: int = -1
    ) -> None:
        super().__init__(losses.CosineSimilarity(-1 if axis == 1 else axis), name, dtype)
        self.axis = axis

    def value(self, totals: Array) -> float | Array:
        return 0.0 - super().value(totals)  # the loss is minus the similarity


#: How many sums a column has, see ``_core/kernels/moments.pxi``.
MOMENTS = 9


def centred(totals):
    """Return by column sum w, mean y - mean p, and centred sums of y², p², y p, (y - p)²."""
    y0, p0, w, b, a, bb, aa, ab, dd = np.asarray(totals[1:]).reshape(-1, MOMENTS).T
    y_mean, p_mean = ratio(b, w), ratio(a, w)
    difference = (y_mean - p_mean) + (y0 - p0)
    yy, pp = np.maximum(bb - b * y_mean, 0), np.maximum(aa - a * p_mean, 0)
    return w, difference, yy, pp, ab - a * y_mean, dd


class R2Score(CompiledMetric):
    """Compute 1 - sum (y_true - y_pred)² / sum (y_true - mean y_true)² of each column.

    The coefficient of determination: 1 for perfect predictions, 0 for those as good as the
    mean. With `num_regressors` p and n rows it is adjusted: 1 - (1 - R²) (n - 1) / (n - p - 1).

    Parameters
    ----------
    class_aggregation : {"uniform_average", "variance_weighted_average", None}
        The mean over columns, plain or weighted by their variances, or an array with each.
    num_regressors : int
        0 does not adjust.
    name : str, optional
    dtype : {"float32", "float64"}, optional

    Notes
    -----
    A column of equal targets has the score 1 where predictions are perfect and 0 where they are
    not, as in scikit-learn. n is the number of rows whose weight is not 0.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.R2Score()([[1], [4], [3]], [[2], [4], [4]]), 6)
    0.571429
    """

    code = formulas.Metric.METRIC_MOMENTS
    default_name = "r2_score"
    arguments = ("class_aggregation", "num_regressors")

    def __init__(
        self, class_aggregation: str | None = "uniform_average", num_regressors: int = 0,
        name: str | None = None, dtype: Floatx | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        if class_aggregation not in (None, "uniform_average", "variance_weighted_average"):
            raise ArgumentError(
                "class_aggregation: expected None, 'uniform_average' or "
                f"'variance_weighted_average', got {class_aggregation!r}"
            )
        self.class_aggregation = class_aggregation
        self.num_regressors = whole_number(num_regressors, "num_regressors", 0)

    def size(self, width: int) -> int:
        return 1 + MOMENTS * width

    def value(self, totals: Array) -> float | Array:
        """Return a float, or (columns,) without an aggregation; 0 where there are no rows."""
        rows = totals[0]
        _, _, total, _, _, residual = centred(totals)
        scores = np.where(total > 0, 1 - ratio(residual, total), residual == 0)
        scores = np.where(rows > 0, scores, 0.0)
        if self.class_aggregation == "variance_weighted_average" and total.any():
            scores = (scores * total).sum() / total.sum()
        elif self.class_aggregation is not None:
            scores = scores.mean()
        if self.num_regressors and rows:
            freedom = rows - self.num_regressors - 1
            if freedom > 0:
                scores = 1 - (1 - scores) * (rows - 1) / freedom
            else:
                warnings.warn(
                    f"R2Score: {self.num_regressors} regressors for {rows:.0f} rows; the score "
                    "is not adjusted",
                    stacklevel=2,
                )
        return scores if self.class_aggregation is None else float(scores)
