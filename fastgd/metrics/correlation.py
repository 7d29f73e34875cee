"""Correlations of targets and predictions: along each row, or over all rows."""

import numpy as np

from fastgd._core import formulas
from fastgd.errors import ArgumentError
from fastgd.metrics.compiled import RowMetric
from fastgd.metrics.counts import ratio
from fastgd.metrics.regression import MOMENTS, centred


class _Correlation(RowMetric):
    _direction = "up"
    arguments = ("axis",)
    along_rows = None

    def __init__(self, name, dtype, axis):
        super().__init__(dtype, name)
        if axis not in (-1, 0, 1):
            raise ArgumentError(f"axis: expected -1 or 1, along rows, or 0, got {axis!r}")
        self.axis = axis
        self.code = formulas.Metric.METRIC_MOMENTS if axis == 0 else self.along_rows

    def size(self, width):
        return 1 + MOMENTS * width if self.axis == 0 else super().size(width)

    def figure(self, totals):
        """A float; a correlation of what does not vary is 0."""
        if self.axis == 0:
            return float(self._over_rows(*centred(totals)).mean())
        return super().figure(totals)


class PearsonCorrelation(_Correlation):
    """Pearson's correlation: covariance / (deviation of y_true times that of y_pred).

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional
    axis : int
        -1 or 1: along the columns of each row, of which the mean over rows is taken. 0: over
        all rows, of which the mean over columns is taken; this is the one for models with one
        output, and does not depend on batches.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[0, 1, 0.5], [1, 1, 0.2]]
    >>> y_pred = [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> round(metrics.PearsonCorrelation()(y_true, y_pred), 6)
    0.9967
    """

    along_rows = formulas.Metric.METRIC_PEARSON

    def __init__(self, name="pearson_correlation", dtype=None, axis=-1):
        super().__init__(name, dtype, axis)

    @staticmethod
    def _over_rows(weight, difference, yy, pp, yp, dd):
        return np.clip(ratio(yp, np.sqrt(yy) * np.sqrt(pp)), -1, 1)


class ConcordanceCorrelation(_Correlation):
    """Lin's concordance: 2 covariance / (both variances + the squared difference of the means).

    Parameters as in ``PearsonCorrelation``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[0, 1, 0.5], [1, 1, 0.2]]
    >>> y_pred = [[0.1, 0.9, 0.5], [1, 0.9, 0.2]]
    >>> round(metrics.ConcordanceCorrelation()(y_true, y_pred), 6)
    0.981632
    """

    along_rows = formulas.Metric.METRIC_CONCORDANCE

    def __init__(self, name="concordance_correlation", dtype=None, axis=-1):
        super().__init__(name, dtype, axis)

    @staticmethod
    def _over_rows(weight, difference, yy, pp, yp, dd):
        return 2 * ratio(yp, yy + pp + weight * difference**2)
