"""Metrics of classes: F scores, and intersection over union from a matrix of classes."""

from collections.abc import Sequence

import numpy as np

from fastgd._core import formulas
from fastgd._data.arguments import choice, listed, positive_number
from fastgd._data.validation import MOST, boolean, number, whole_number
from fastgd._typing import Array, Floatx
from fastgd.errors import ArgumentError, ShapeError
from fastgd.metrics.counts import ratio
from fastgd.metrics.metric import CompiledMetric

#: How many classes a matrix of classes may have; it has a sum for each pair.
MOST_CLASSES = 10_000


class IoU(CompiledMetric):
    """Average TP / (TP + FP + FN) over those of the chosen classes that occur.

    Parameters
    ----------
    num_classes : int
    target_class_ids : sequence of int
        The classes that count.
    ignore_class : int, optional
        Rows of this true class are left out, like numbers that are no class.
    sparse_y_true, sparse_y_pred : bool
        Whether targets and predictions are class numbers; else the largest of a row counts.
    axis : int
        The axis of the classes: the last.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.IoU(2, target_class_ids=[0])([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    code = formulas.Metric.METRIC_CONFUSION
    threshold = float("nan")

    def __init__(self, num_classes: int, target_class_ids: Sequence[int],
                 name: str | None = None, dtype: Floatx | None = None,
                 ignore_class: int | None = None, sparse_y_true: bool = True,
                 sparse_y_pred: bool = True, axis: int = -1):  # fmt: skip
        super().__init__(name, dtype)
        self.num_classes = whole_number(num_classes, "num_classes", 1, MOST_CLASSES)
        ids = listed(target_class_ids, "target_class_ids")
        self.target_class_ids = [whole_number(c, "target_class_ids", 0) for c in ids]
        if not self.target_class_ids or max(self.target_class_ids) >= self.num_classes:
            raise ArgumentError(
                f"target_class_ids: expected class numbers below {self.num_classes}, "
                f"got {target_class_ids!r}"
            )
        self.ignore_class = ignore_class
        if ignore_class is not None:
            self.ignore_class = int(number(ignore_class, "ignore_class", -MOST, MOST))
        self.sparse_y_true = boolean(sparse_y_true, "sparse_y_true")
        self.sparse_y_pred = boolean(sparse_y_pred, "sparse_y_pred")
        self.axis = choice(axis, "axis", (-1, 1), ", the last one")
        self.sparse = self.sparse_y_true and not self.sparse_y_pred
        self.elementwise = self.sparse_y_true and self.sparse_y_pred

    def settings(self) -> list[float]:
        left_out = float("nan") if self.ignore_class is None else float(self.ignore_class)
        return [float(self.num_classes), left_out, float(self.sparse_y_true),
                float(self.sparse_y_pred), self.threshold]  # fmt: skip

    def size(self, width: int) -> int:
        return self.num_classes**2

    def _targets(self, y, p):
        if self.sparse_y_true or not self.sparse_y_pred:
            return super()._targets(y, p)
        if y.ndim != 2 or len(y) != len(p):
            raise ShapeError(f"y_true: expected ({len(p)}, classes), got {y.shape}")
        return y

    def value(self, totals: Array) -> float:
        """Return the mean, a float; 0 where none of the classes occurs."""
        matrix = np.asarray(totals).reshape(self.num_classes, self.num_classes)
        found = np.diag(matrix)
        union = matrix.sum(axis=0) + matrix.sum(axis=1) - found
        found, union = found[self.target_class_ids], union[self.target_class_ids]
        return float(ratio(ratio(found, union).sum(), np.count_nonzero(union)))


class BinaryIoU(IoU):
    """Average TP / (TP + FP + FN) over class 0, class 1 or both.

    Parameters
    ----------
    target_class_ids : sequence of int
    threshold : float
        Predictions of at least this are of class 1, those below of class 0.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.BinaryIoU(threshold=0.3)([0, 1, 0, 1], [0.1, 0.2, 0.4, 0.7]), 4)
    0.3333
    """

    def __init__(self, target_class_ids: Sequence[int] = (0, 1), threshold: float = 0.5,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(2, target_class_ids, name, dtype)
        self.threshold = number(threshold, "threshold")


class MeanIoU(IoU):
    """Average TP / (TP + FP + FN) over all classes that occur; arguments as in ``IoU``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.MeanIoU(num_classes=2)([0, 0, 1, 1], [0, 1, 0, 1]), 4)
    0.3333
    """

    def __init__(self, num_classes: int, name: str | None = None, dtype: Floatx | None = None,
                 ignore_class: int | None = None, sparse_y_true: bool = True,
                 sparse_y_pred: bool = True, axis: int = -1):  # fmt: skip
        every = range(whole_number(num_classes, "num_classes", 1, MOST_CLASSES))
        super().__init__(num_classes, every, name, dtype, ignore_class, sparse_y_true,
                         sparse_y_pred, axis)  # fmt: skip


class OneHotIoU(IoU):
    """Compute ``IoU`` for one-hot targets and a prediction for each class.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true, y_pred = [[1, 0], [0, 1], [0, 1]], [[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]]
    >>> metrics.OneHotIoU(2, target_class_ids=[0])(y_true, y_pred)
    0.5
    """

    def __init__(self, num_classes: int, target_class_ids: Sequence[int],
                 name: str | None = None, dtype: Floatx | None = None,
                 ignore_class: int | None = None, sparse_y_pred: bool = False,
                 axis: int = -1):  # fmt: skip
        super().__init__(num_classes, target_class_ids, name, dtype, ignore_class, False,
                         sparse_y_pred, axis)  # fmt: skip


class OneHotMeanIoU(MeanIoU):
    """Compute ``MeanIoU`` for one-hot targets and a prediction for each class.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true, y_pred = [[1, 0], [0, 1], [0, 1]], [[0.7, 0.3], [0.6, 0.4], [0.2, 0.8]]
    >>> metrics.OneHotMeanIoU(2)(y_true, y_pred)
    0.5
    """

    def __init__(self, num_classes: int, name: str | None = None, dtype: Floatx | None = None,
                 ignore_class: int | None = None, sparse_y_pred: bool = False,
                 axis: int = -1):  # fmt: skip
        super().__init__(num_classes, name, dtype, ignore_class, False, sparse_y_pred, axis)


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

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true = [[1, 1, 1], [1, 0, 0], [1, 1, 0]]
    >>> y_pred = [[0.2, 0.6, 0.7], [0.2, 0.6, 0.6], [0.6, 0.8, 0.0]]
    >>> metrics.FBetaScore(beta=2.0, threshold=0.5)(y_true, y_pred).round(4)
    array([0.3846, 0.9091, 0.8333])
    """

    code = formulas.Metric.METRIC_CLASS_COUNTS
    elementwise = True
    default_name = "fbeta_score"

    def __init__(self, average: str | None = None, beta: float = 1.0,
                 threshold: float | None = None, name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(name, dtype)
        self.average = choice(average, "average", (None, "micro", "macro", "weighted"))
        self.beta = positive_number(beta, "beta", 1e100)
        if threshold is not None:
            threshold = positive_number(threshold, "threshold", 1)
        self.threshold = threshold

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

    def __init__(self, average: str | None = None, threshold: float | None = None,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(average, 1.0, threshold, name, dtype)
