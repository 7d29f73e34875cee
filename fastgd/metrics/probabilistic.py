"""How good predicted probabilities are."""

import numpy as np

from fastgd import losses
from fastgd._core import formulas
from fastgd._data.validation import positive_int
from fastgd.metrics.compiled import Compiled, LossMean, RowMetric
from fastgd.metrics.counts import ratio


class _Crossentropy(LossMean):
    """A cross-entropy, whose loss keeps the arguments."""

    @property
    def from_logits(self):
        return self.loss.from_logits

    @property
    def label_smoothing(self):
        return self.loss.label_smoothing

    @property
    def ignore_class(self):
        return self.loss.ignore_class

    @property
    def axis(self):
        return self.loss.axis


class BinaryCrossentropy(_Crossentropy):
    """Mean of -(y log p + (1 - y) log(1 - p)) over columns and rows.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional
    from_logits : bool
        Whether predictions are logits; otherwise they are kept 1e-7 off 0 and 1.
    label_smoothing : float
        In [0, 1]: a target y is taken for y (1 - label_smoothing) + label_smoothing / 2.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    0.814924
    """

    arguments = ("from_logits", "label_smoothing")

    def __init__(
        self, name="binary_crossentropy", dtype=None, from_logits=False, label_smoothing=0
    ):
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)


class CategoricalCrossentropy(_Crossentropy):
    """Mean of -sum of y log p over rows; targets hold a probability for each class.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional
    from_logits : bool
        Whether predictions are logits; otherwise they are kept 1e-7 off 0 and 1.
    label_smoothing : float
        In [0, 1]: a target y is taken for y (1 - label_smoothing) + label_smoothing / classes.
    axis : -1
        Rows lie along the last axis.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true, y_pred = [[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]
    >>> round(metrics.CategoricalCrossentropy()(y_true, y_pred), 6)
    1.176939
    """

    arguments = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        name="categorical_crossentropy",
        dtype=None,
        from_logits=False,
        label_smoothing=0,
        axis=-1,
    ):
        loss = losses.CategoricalCrossentropy(from_logits, label_smoothing, axis)
        super().__init__(loss, name, dtype)


class SparseCategoricalCrossentropy(_Crossentropy):
    """Mean of -log p of the true class over rows; targets are class numbers from 0.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional
    from_logits : bool
        Whether predictions are logits; otherwise they are kept 1e-7 off 0 and 1.
    ignore_class : int, optional
        Rows of this class are left out of the mean.
    axis : -1
        Rows lie along the last axis.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]
    >>> round(metrics.SparseCategoricalCrossentropy()([1, 2], y_pred), 6)
    1.176939
    """

    arguments = ("from_logits", "ignore_class", "axis")

    def __init__(
        self,
        name="sparse_categorical_crossentropy",
        dtype=None,
        from_logits=False,
        ignore_class=None,
        axis=-1,
    ):
        loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
        super().__init__(loss, name, dtype)


class KLDivergence(LossMean):
    """Mean of sum of y log(y / p) over rows, both kept between 1e-7 and 1.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 5)
    0.45814
    """

    def __init__(self, name="kl_divergence", dtype=None):
        super().__init__(losses.KLDivergence(), name, dtype)


class Poisson(LossMean):
    """Mean of p - y log p over columns and rows, for predicted means p of counts y.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.5
    """

    def __init__(self, name="poisson", dtype=None):
        super().__init__(losses.Poisson(), name, dtype)


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

    code = formulas.Metric.METRIC_BRIER_SCORE
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

    code = formulas.Metric.METRIC_CALIBRATION
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
