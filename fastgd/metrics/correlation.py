"""Correlations of targets and predictions: along each row, or over all rows."""

import numpy as np

from fastgd._core import formulas
from fastgd._typing import Array, Floatx
from fastgd.errors import ArgumentError
from fastgd.metrics.compiled_metric import RowMetric
from fastgd.metrics.counts import ratio
from fastgd.metrics.regression import MOMENTS, centred


class _Correlation(RowMetric):
    """Correlate along rows, with the code of a subclass, or over all rows."""

    arguments = ("axis",)

    def __init__(
        self, name: str | None = None, dtype: Floatx | None = None, axis: int = -1
    ) -> None:
        super().__init__(name, dtype)
        if axis not in (-1, 0, 1):
            raise ArgumentError(f"axis: expected -1 or 1, along rows, or 0, got {axis!r}")
        self.axis = axis
        if axis == 0:
            self.code = formulas.Metric.METRIC_MOMENTS

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
    name : str, optional
    dtype : {"float32", "float64"}, optional
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
