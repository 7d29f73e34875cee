"""Metrics of the moments of targets and predictions: R², and correlations."""

import numpy as np

from fastgd._core import formulas
from fastgd._data.arguments import choice
from fastgd._data.validation import MOST, whole_number
from fastgd._typing import Array, Floatx
from fastgd.errors import warn
from fastgd.metrics.counts import ratio
from fastgd.metrics.metric import CompiledMetric, RowMetric

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

    Notes
    -----
    A column of equal targets has the score 1 where predictions are perfect and 0 where they are
    not, and that of a single row is NaN, as in scikit-learn. n is the number of rows whose
    weight is not 0.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.R2Score()([[1], [4], [3]], [[2], [4], [4]]), 6)
    0.571429
    """

    code = formulas.Metric.METRIC_MOMENTS
    default_name = "r2_score"
    elementwise = True
    defined_for = "two rows or more"

    def __init__(self, class_aggregation: str | None = "uniform_average",
                 num_regressors: int = 0, name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(name, dtype)
        allowed = None, "uniform_average", "variance_weighted_average"
        self.class_aggregation = choice(class_aggregation, "class_aggregation", allowed)
        self.num_regressors = whole_number(num_regressors, "num_regressors", 0, MOST)

    def size(self, width: int) -> int:
        return 1 + MOMENTS * width

    def value(self, totals: Array) -> float | Array:
        """Return a float, or (columns,) without an aggregation; 0 where there are no rows.

        NaN for a single row.
        """
        rows = totals[0]
        _, _, total, _, _, residual = centred(totals)
        scores = np.where(total > 0, 1 - ratio(residual, total), residual == 0)
        scores = np.where(rows > 0, scores if rows != 1 else np.nan, 0.0)
        if self.class_aggregation == "variance_weighted_average" and total.any():
            scores = (scores * total).sum() / total.sum()
        elif self.class_aggregation is not None:
            scores = scores.mean()
        if self.num_regressors and rows:
            freedom = rows - self.num_regressors - 1
            if freedom > 0:
                scores = 1 - (1 - scores) * (rows - 1) / freedom
            else:
                warn(
                    f"R2Score: {self.num_regressors} regressors for {rows:.0f} rows; the score "
                    "is not adjusted",
                )
        return scores if self.class_aggregation is None else float(scores)


class _Correlation(RowMetric):
    """Correlate along rows, with the code of a subclass, or over all rows."""

    def __init__(self, name: str | None = None, dtype: Floatx | None = None, axis: int = -1):
        super().__init__(name, dtype)
        self.axis = choice(axis, "axis", (-1, 1, 0), ", over all rows")
        if self.axis == 0:
            self.code, self.elementwise = formulas.Metric.METRIC_MOMENTS, True

    def size(self, width: int) -> int:
        return 1 + MOMENTS * width if self.axis == 0 else super().size(width)

    def value(self, totals: Array) -> float | Array:
        """Return a float; the correlation of equal values is 0."""
        if self.axis == 0:
            return float(self._over_rows(*centred(totals)).mean())
        return super().value(totals)

    def _over_rows(self, weight, difference, yy, pp, yp, dd):
        """Return the correlation of each column from `centred` sums."""
        raise NotImplementedError


class PearsonCorrelation(_Correlation):
    """Compute Pearson's correlation: covariance / (deviation of y_true times that of y_pred).

    Parameters
    ----------
    axis : int
        -1 or 1: along the columns of each row; the value is the mean over rows. 0: over all
        rows; the value is the mean over columns. Use 0 for a model with one output; it does not
        depend on batches.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[0, 1, 0.5], [1, 1, 0.2]]
    >>> y_pred = [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> round(metrics.PearsonCorrelation()(y_true, y_pred), 6)
    0.9967
    """

    code = formulas.Metric.METRIC_PEARSON
    default_name = "pearson_correlation"

    def _over_rows(self, weight, difference, yy, pp, yp, dd):
        return np.clip(ratio(yp, np.sqrt(yy) * np.sqrt(pp)), -1, 1)


class ConcordanceCorrelation(_Correlation):
    """Compute Lin's concordance correlation coefficient.

    It is 2 covariance / (both variances + the squared difference of the means). The parameters
    are those of `PearsonCorrelation`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[0, 1, 0.5], [1, 1, 0.2]]
    >>> y_pred = [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> round(metrics.ConcordanceCorrelation()(y_true, y_pred), 6)
    0.981632
    """

    code = formulas.Metric.METRIC_CONCORDANCE
    default_name = "concordance_correlation"

    def _over_rows(self, weight, difference, yy, pp, yp, dd):
        return 2 * ratio(yp, yy + pp + weight * difference**2)
