"""Metrics of predicted probabilities."""

import numpy as np

from fastgd import losses
from fastgd._core import formulas
from fastgd._data.validation import positive_int
from fastgd._typing import Array, Floatx
from fastgd.metrics.compiled_metric import CompiledMetric, FixedLossMean, LossMean, RowMetric
from fastgd.metrics.counts import ratio


class BinaryCrossentropy(LossMean):
    """Average -(y log p + (1 - y) log(1 - p)) over columns and rows.

    Parameters
    ----------
    name : str, optional
    dtype : {"float32", "float64"}, optional
    from_logits : bool
        Whether predictions are logits; otherwise they are kept 1e-7 away from 0 and 1.
    label_smoothing : float
        In [0, 1]: a target y becomes y (1 - label_smoothing) + label_smoothing / 2.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    0.814924
    """

    arguments = ("from_logits", "label_smoothing")

    def __init__(
        self, name: str | None = None, dtype: Floatx | None = None, from_logits: bool = False,
        label_smoothing: float = 0,
    ) -> None:  # fmt: skip
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)


class CategoricalCrossentropy(LossMean):
    """Average -sum of y log p over rows; targets hold a probability for each class.

    Parameters
    ----------
    name, dtype, from_logits
        As in `BinaryCrossentropy`.
    label_smoothing : float
        In [0, 1]: a target y becomes y (1 - label_smoothing) + label_smoothing / classes.
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
        self, name: str | None = None, dtype: Floatx | None = None, from_logits: bool = False,
        label_smoothing: float = 0, axis: int = -1,
    ) -> None:  # fmt: skip
        loss = losses.CategoricalCrossentropy(from_logits, label_smoothing, axis)
        super().__init__(loss, name, dtype)


class SparseCategoricalCrossentropy(LossMean):
    """Average -log p of the true class over rows; targets are class numbers from 0.

    Parameters
    ----------
    name, dtype, from_logits, axis
        As in `CategoricalCrossentropy`.
    ignore_class : int, optional
        Rows of this class are left out of the mean.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]
    >>> round(metrics.SparseCategoricalCrossentropy()([1, 2], y_pred), 6)
    1.176939
    """

    arguments = ("from_logits", "ignore_class", "axis")

    def __init__(
        self, name: str | None = None, dtype: Floatx | None = None, from_logits: bool = False,
        ignore_class: int | None = None, axis: int = -1,
    ) -> None:  # fmt: skip
        loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
        super().__init__(loss, name, dtype)


class KLDivergence(FixedLossMean):
    """Average the sum of y log(y / p) over rows, both kept between 1e-7 and 1.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 5)
    0.45814
    """

    loss_class = losses.KLDivergence


class Poisson(FixedLossMean):
    """Average p - y log p over columns and rows, for predicted means p of counts y.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.5
    """

    loss_class = losses.Poisson


class BrierScore(RowMetric):
    """Average the sum over columns of (p - y)², for probabilities p (Brier, 1950).

    For one column it lies between 0 and 1. For several it lies between 0 and 2, and targets are
    one-hot rows or class numbers. The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.BrierScore()([1, 0], [0.9, 0.2]), 12)
    0.025
    """

    code = formulas.Metric.METRIC_BRIER_SCORE
    default_name = "brier_score"
    _direction = "down"
    sparse = None


class ExpectedCalibrationError(CompiledMetric):
    """Compute how far predicted probabilities are from the observed frequencies.

    The mean over bins, by the weight of their rows, of |mean prediction - mean truth|
    (Naeini, Cooper & Hauskrecht, 2015). For one column the prediction is the probability of the
    truth 0 or 1. For several it is the largest one, and the truth is whether its class is the
    true one; targets are then one-hot rows or class numbers.

    Parameters
    ----------
    num_bins : int
        Of equal width, over [0, 1].
    name : str, optional
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> metric = metrics.ExpectedCalibrationError()
    >>> round(metric([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75]), 12)
    0.0
    """

    code = formulas.Metric.METRIC_CALIBRATION
    default_name = "expected_calibration_error"
    _direction = "down"
    sparse = None
    arguments = ("num_bins",)

    def __init__(
        self, num_bins: int = 15, name: str | None = None, dtype: Floatx | None = None
    ) -> None:
        super().__init__(name, dtype)
        self.num_bins = positive_int(num_bins, "num_bins")

    def settings(self) -> list[float]:
        return [float(self.num_bins)]

    def size(self, width: int) -> int:
        return 3 * self.num_bins

    def value(self, totals: Array) -> float:
        """Return a float; 0 where there are no rows."""
        weights, predicted, true = np.asarray(totals).reshape(-1, 3).T
        return float(ratio(np.abs(predicted - true).sum(), weights.sum()))
