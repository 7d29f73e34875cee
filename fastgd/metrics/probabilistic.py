"""How good predicted probabilities are."""

import numpy as np

from fastgd._core import types
from fastgd._validate import positive_int
from fastgd.metrics.compiled import Compiled, RowMetric
from fastgd.metrics.counts import ratio


class BrierScore(RowMetric):
    """Mean of sum over columns of (p - y)², for probabilities p (Brier, 1950).

    Of one column it goes from 0 to 1. Of several, targets are one-hot rows or class numbers,
    and it goes from 0 to 2.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.BrierScore()([1, 0], [0.9, 0.2]), 12)
    0.025
    """

    code = types.Metric.METRIC_BRIER_SCORE
    _direction = "down"
    sparse = None

    def __init__(self, name="brier_score", dtype=None):
        super().__init__(dtype, name)


class ExpectedCalibrationError(Compiled):
    """How far predicted probabilities are from how often they come true.

    The mean over bins, by the weight of their rows, of |mean prediction - mean truth|
    (Naeini, Cooper & Hauskrecht, 2015). Of one column the prediction is the probability of the
    truth 0 or 1; of several the largest one is, and its class is the true one or not. Targets
    are one-hot rows or class numbers then.

    Parameters
    ----------
    num_bins : int
        Of equal width, over [0, 1].
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metric = metrics.ExpectedCalibrationError()
    >>> round(metric([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75]), 12)
    0.0
    """

    code = types.Metric.METRIC_CALIBRATION
    _direction = "down"
    sparse = None
    arguments = ("num_bins",)

    def __init__(self, num_bins=15, name="expected_calibration_error", dtype=None):
        super().__init__(dtype, name)
        self.num_bins = positive_int(num_bins, "num_bins")

    def settings(self):
        return [float(self.num_bins)]

    def size(self, width):
        return 3 * self.num_bins

    def figure(self, totals):
        """A float; 0 where there are no rows."""
        weights, predicted, true = np.asarray(totals).reshape(-1, 3).T
        return float(ratio(np.abs(predicted - true).sum(), weights.sum()))
