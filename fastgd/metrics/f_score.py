"""F scores: precision and recall of classes in one number."""

import numpy as np

from fastgd._core import formulas
from fastgd._data.validation import number
from fastgd._typing import Array, Floatx
from fastgd.errors import ArgumentError
from fastgd.metrics.compiled_metric import CompiledMetric
from fastgd.metrics.counts import ratio


class FBetaScore(CompiledMetric):
    """Compute (1 + beta²) precision recall / (beta² precision + recall) of each class.

    Parameters
    ----------
    average : {None, "micro", "macro", "weighted"}
        None: an array with the score of each class. "micro": one score of the counts of all
        classes. "macro": the mean score. "weighted": the mean weighted by how often a class is
        true.
    beta : float
        How many times as much recall counts as precision.
    threshold : float, optional
        A class is predicted if its prediction exceeds the threshold; without one, if it is the
        largest of its row (and not 0).
    name : str, optional
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> metrics.FBetaScore(beta=2.0, threshold=0.5)(y_true, y_pred).round(4)
    array([0.3846, 0.9091, 0.8333])
    """

    code = formulas.Metric.METRIC_CLASS_COUNTS
    default_name = "fbeta_score"
    arguments: tuple[str, ...] = ("average", "beta", "threshold")

    def __init__(
        self, average: str | None = None, beta: float = 1.0, threshold: float | None = None,
        name: str | None = None, dtype: Floatx | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, dtype)
        if average not in (None, "micro", "macro", "weighted"):
            raise ArgumentError(
                f"average: expected None, 'micro', 'macro' or 'weighted', got {average!r}"
            )
        self.average = average
        self.beta = _positive(beta, "beta", np.inf)
        self.threshold = None if threshold is None else _positive(threshold, "threshold", 1)

    def settings(self) -> list[float]:
        return [float("nan") if self.threshold is None else self.threshold]

    def size(self, width: int) -> int:
        return 3 * width

    def value(self, totals: Array) -> float | Array:
        """Return a float, or an array (classes,) without an average; 0 for 0 / 0."""
        counts = np.asarray(totals).reshape(-1, 3)
        if self.average == "micro":
            counts = counts.sum(axis=0, keepdims=True)
        tp, fp, fn = counts.T
        precision, recall = ratio(tp, tp + fp), ratio(tp, tp + fn)
        square = self.beta**2
        scores = (1 + square) * ratio(precision * recall, square * precision + recall)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float((scores * ratio(tp + fn, (tp + fn).sum())).sum())
        return float(scores.mean())


def _positive(value, argument, high):
    value = number(value, argument, 0, high)
    if value == 0:
        raise ArgumentError(f"{argument}: expected a number above 0, got {value}")
    return value


class F1Score(FBetaScore):
    """Compute the harmonic mean of precision and recall; arguments as in ``FBetaScore``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> metrics.F1Score(threshold=0.5)(y_true, y_pred).round(4)
    array([0.5   , 0.8   , 0.6667])
    """

    default_name = "f1_score"
    arguments = ("average", "threshold")

    def __init__(
        self, average: str | None = None, threshold: float | None = None,
        name: str | None = None, dtype: Floatx | None = None,
    ) -> None:  # fmt: skip
        super().__init__(average, 1.0, threshold, name, dtype)
