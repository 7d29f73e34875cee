"""Accuracies, how often predictions are right, and metrics of predicted probabilities."""

import numpy as np

from fastgd._core import formulas
from fastgd._data.arguments import MOST_PARTS, choice
from fastgd._data.validation import MOST, boolean, number, whole_number
from fastgd._typing import Array, Data, Floatx
from fastgd.metrics.counts import ratio
from fastgd.metrics.metric import CompiledMetric, RowMetric
from fastgd.reference.metrics import calibrated


class Accuracy(RowMetric):
    """Compute how often y_pred equals y_true.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Accuracy()([1, 2, 3, 4], [0, 2, 3, 4])
    0.75
    """

    code = formulas.Metric.METRIC_ACCURACY
    default_name = "accuracy"
    elementwise = True


class BinaryAccuracy(RowMetric):
    """Compute how often y_true is 1 where y_pred > threshold and 0 elsewhere, in each column.

    Parameters
    ----------
    threshold : float

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.BinaryAccuracy()([1, 1, 0, 0], [0.98, 1, 0, 0.6])
    0.75
    """

    code = formulas.Metric.METRIC_BINARY_ACCURACY
    default_name = "binary_accuracy"
    elementwise = True

    def __init__(self, name: str | None = None, dtype: Floatx | None = None,
                 threshold: float = 0.5):  # fmt: skip
        super().__init__(name, dtype)
        self.threshold = number(threshold, "threshold")

    def settings(self) -> list[float]:
        return [self.threshold]


class CategoricalAccuracy(RowMetric):
    """Compute how often the largest of y_pred is in the same column as the largest of y_true.

    Of equal values the first is the largest. Predictions may be probabilities or logits.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.CategoricalAccuracy()([[0, 1], [1, 0]], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    code = formulas.Metric.METRIC_CATEGORICAL_ACCURACY
    default_name = "categorical_accuracy"


class SparseCategoricalAccuracy(RowMetric):
    """Compute how often the largest of y_pred is in the column of the class number y_true.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.SparseCategoricalAccuracy()([1, 0], [[0.1, 0.9], [0.2, 0.8]])
    0.5
    """

    code = formulas.Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY
    default_name = "sparse_categorical_accuracy"
    sparse = True


class TopKCategoricalAccuracy(RowMetric):
    """Compute how often fewer than k predictions of a row exceed that of the true class.

    Parameters
    ----------
    k : int

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]
    >>> metrics.TopKCategoricalAccuracy(k=1)([[0, 0, 1], [0, 1, 0]], y_pred)
    0.5
    """

    code = formulas.Metric.METRIC_TOP_K
    default_name = "top_k_categorical_accuracy"
    from_sorted_ids = False

    def __init__(self, k: int = 5, name: str | None = None, dtype: Floatx | None = None):
        super().__init__(name, dtype)
        self.k = whole_number(k, "k", 1, MOST)

    def settings(self) -> list[float]:
        return [float(self.k), float(bool(self.sparse)), float(self.from_sorted_ids)]


class SparseTopKCategoricalAccuracy(TopKCategoricalAccuracy):
    """Compute how often fewer than k predictions of a row exceed that of the class y_true.

    Parameters
    ----------
    k : int
    from_sorted_ids : bool
        Whether y_pred holds class numbers, the likeliest first, of which the first k count.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.1, 0.9, 0.8], [0.05, 0.95, 0]]
    >>> metrics.SparseTopKCategoricalAccuracy(k=1)([2, 1], y_pred)
    0.5
    """

    default_name = "sparse_top_k_categorical_accuracy"
    sparse = True

    def __init__(self, k: int = 5, name: str | None = None, dtype: Floatx | None = None,
                 from_sorted_ids: bool = False):  # fmt: skip
        super().__init__(k, name, dtype)
        self.from_sorted_ids = boolean(from_sorted_ids, "from_sorted_ids")


def binary_accuracy(y_true: Data, y_pred: Data, threshold: float = 0.5) -> Array:
    """Return the share of columns of each row that ``BinaryAccuracy`` finds right: (n,)."""
    return BinaryAccuracy(threshold=threshold).rows(y_true, y_pred)


def categorical_accuracy(y_true: Data, y_pred: Data) -> Array:
    """Return 1 for each row that ``CategoricalAccuracy`` finds right, else 0: (n,)."""
    return CategoricalAccuracy().rows(y_true, y_pred)


def sparse_categorical_accuracy(y_true: Data, y_pred: Data) -> Array:
    """Return 1 for each row that ``SparseCategoricalAccuracy`` finds right, else 0: (n,)."""
    return SparseCategoricalAccuracy().rows(y_true, y_pred)


def top_k_categorical_accuracy(y_true: Data, y_pred: Data, k: int = 5) -> Array:
    """Return 1 for each row that ``TopKCategoricalAccuracy`` finds right, else 0: (n,)."""
    return TopKCategoricalAccuracy(k).rows(y_true, y_pred)


def sparse_top_k_categorical_accuracy(y_true: Data, y_pred: Data, k: int = 5,
                                      from_sorted_ids: bool = False) -> Array:  # fmt: skip
    """Return 1 for each row that ``SparseTopKCategoricalAccuracy`` finds right, else 0."""
    metric = SparseTopKCategoricalAccuracy(k, from_sorted_ids=from_sorted_ids)
    return metric.rows(y_true, y_pred)


class BrierScore(RowMetric):
    """Average the sum over columns of (p - y)², for probabilities p (Brier, 1950).

    For one column it lies between 0 and 1. For several it lies between 0 and 2, and targets are
    one-hot rows or class numbers.

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
        How many bins there are.
    strategy : {"uniform", "quantile"}
        "uniform": bins of equal width, over [0, 1]. "quantile": bins with equally many rows,
        whatever their weights, for probabilities that are all small, for example; such a metric
        keeps all rows, see ``Gini``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metric = metrics.ExpectedCalibrationError()
    >>> round(metric([0, 1, 1, 1], [0.75, 0.75, 0.75, 0.75]), 12)
    0.0
    >>> metric = metrics.ExpectedCalibrationError(num_bins=2, strategy="quantile")
    >>> round(metric([0, 1, 0, 1], [0.01, 0.02, 0.03, 0.04]), 12)
    0.475
    """

    code = formulas.Metric.METRIC_CALIBRATION
    default_name = "expected_calibration_error"
    _direction = "down"
    sparse = None

    def __init__(self, num_bins: int = 15, name: str | None = None,
                 dtype: Floatx | None = None, strategy: str = "uniform"):  # fmt: skip
        super().__init__(name, dtype)
        self.num_bins = whole_number(num_bins, "num_bins", 1, MOST_PARTS)
        self.strategy = choice(strategy, "strategy", ("uniform", "quantile"))
        self.keeps_rows = strategy == "quantile"

    def settings(self) -> list[float]:
        return [float(self.num_bins)]

    def size(self, width: int) -> int:
        return 3 * self.num_bins

    def value(self, totals: Array) -> float:
        """Return a float; 0 where there are no rows."""
        weights, predicted, true = np.asarray(totals).reshape(-1, 3).T
        return float(ratio(np.abs(predicted - true).sum(), weights.sum()))

    def value_of_rows(self, p: Array, y: Array, weights: Array) -> float:
        """Return a float; bins between quantiles as in scikit-learn's ``calibration_curve``."""
        if len(p) == 0:
            return 0.0
        p, truth = calibrated(p, y)
        edges = np.percentile(p, np.linspace(0, 1, self.num_bins + 1) * 100)
        totals = np.zeros((self.num_bins, 3))
        terms = weights * np.column_stack([np.ones(len(p)), p, truth])
        np.add.at(totals, np.searchsorted(edges[1:-1], p), terms)
        return self.value(totals)
