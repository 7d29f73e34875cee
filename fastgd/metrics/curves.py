"""Curves over thresholds: the areas under them, and the best point under a constraint."""

from collections.abc import Sequence

import numpy as np

from fastgd._core import formulas
from fastgd._data.arguments import MOST_PARTS, listed
from fastgd._data.validation import boolean, number, positive_int, whole_number
from fastgd._typing import Array, Config, Floatx
from fastgd.errors import ArgumentError, ShapeError
from fastgd.metrics import counts
from fastgd.metrics.counts import CountMetric, cumulative, ratio
from fastgd.metrics.metric import CompiledMetric

_CURVES = ("ROC", "PR", "PRGAIN")
_SUMMATIONS = ("interpolation", "majoring", "minoring")
#: The thresholds at both ends of a curve, below and above every probability.
_EPSILON = 1e-7
#: The data for which a curve is defined.
_BOTH = "targets of both classes, and predictions that are numbers"


class _Curve(CountMetric):
    """Count rows over all of [0, 1]; a prediction outside counts as its nearer end."""

    defined_for = _BOTH

    def _set_thresholds(self, num_thresholds, thresholds):
        if thresholds is None:
            steps = whole_number(num_thresholds, "num_thresholds", 2, MOST_PARTS) - 1
            self._inner = [(i + 1) / steps for i in range(steps - 1)]
        else:
            inner = listed(thresholds, "thresholds")
            self._inner = sorted(number(value, "thresholds", 0, 1) for value in inner)
        self._given = thresholds is not None
        self.thresholds = [-_EPSILON, *self._inner, 1 + _EPSILON]
        self.num_thresholds = len(self.thresholds)

    def _bounds(self):
        return self._inner

    def _points(self, totals):
        """Return (TP, FP, TN, FN) at all thresholds, each (num_thresholds, columns)."""
        above, below = cumulative(totals, len(self._inner))
        nothing = np.zeros_like(above[:, :1])
        above = np.concatenate([above, nothing], axis=1).transpose(2, 1, 0)
        below = np.concatenate([nothing, below], axis=1).transpose(2, 1, 0)
        return above[0], above[1], below[1], below[0]

    def get_config(self) -> Config:
        return {**super().get_config(), "thresholds": self._inner if self._given else None}


class AUC(_Curve):
    """Compute the area under the ROC or precision-recall curve, as a sum over thresholds.

    The value is NaN, with a warning, for targets of one class, which define no curve.

    Parameters
    ----------
    num_thresholds : int
        At least 2; they are evenly spaced over [0, 1]. More come closer to the true area.
    curve : {"ROC", "PR", "PRGAIN"}
    summation_method : {"interpolation", "minoring", "majoring"}
        Between two thresholds the mean, the smaller or the larger height. "PR" interpolates
        true and false positives instead of their ratio (Davis & Goadrich, 2006).
    thresholds : list of float, optional
        From 0 to 1, in place of evenly spaced ones; the ends are added.
    multi_label : bool
        Whether to take the mean of the areas of the columns; otherwise all columns together
        have one area.
    num_labels : int, optional
        How many columns there are; only with `multi_label`.
    label_weights : list of float, optional
        A weight of each column: of its area, or without `multi_label` of what it adds.
    from_logits : bool
        Whether predictions are logits.
    exact : bool
        Take every score as a threshold, for the exact area and scores of any scale. It keeps
        all rows, see ``Gini``; `num_thresholds`, `thresholds`, `from_logits` change nothing.

    Raises
    ------
    ArgumentError, DataTypeError
        If an argument is out of its range.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.AUC(num_thresholds=3)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9]), 12)
    0.75
    """

    def __init__(self, num_thresholds: int = 200, curve: str = "ROC",
                 summation_method: str = "interpolation", name: str | None = None,
                 dtype: Floatx | None = None, thresholds: Sequence[float] | None = None,
                 multi_label: bool = False, num_labels: int | None = None,
                 label_weights: Sequence[float] | None = None,
                 from_logits: bool = False, exact: bool = False):  # fmt: skip
        super().__init__(name, dtype)
        self.exact = self.keeps_rows = boolean(exact, "exact")
        self.curve = _one_of("curve", curve, _CURVES)
        self.summation_method = _one_of("summation_method", summation_method, _SUMMATIONS)
        self._set_thresholds(num_thresholds, thresholds)
        self.multi_label = boolean(multi_label, "multi_label")
        self.from_logits = boolean(from_logits, "from_logits")
        self.num_labels = None if num_labels is None else positive_int(num_labels, "num_labels")
        if num_labels is not None and not self.multi_label:
            raise ArgumentError("num_labels: only with multi_label=True")
        if label_weights is not None:
            weights = listed(label_weights, "label_weights")
            self.label_weights = [number(w, "label_weights", 0) for w in weights]

    def check_width(self, width: int) -> None:
        labels = None if self.label_weights is None else len(self.label_weights)
        for name, wanted in (("num_labels", self.num_labels), ("label_weights", labels)):
            if wanted not in (None, width):
                raise ShapeError(f"{name}: expected {width}, one for each column, got {wanted}")

    def value(self, totals: Array) -> float:
        """Return the area: a float; NaN where the curve is not defined."""
        return self._mean(self._areas(*self._points(totals)))

    def value_of_rows(self, p: Array, y: Array, weights: Array) -> float:
        """Return the area for all rows: a float."""
        if np.isnan(p).any():
            return float("nan")
        if not self.multi_label:
            weights = weights * (1.0 if self.label_weights is None else self.label_weights)
            p, y, weights = p.reshape(-1, 1), y.reshape(-1, 1), weights.reshape(-1, 1)
        columns = [
            counts.at_scores(*column) for column in zip(p.T, y.T != 0, weights.T, strict=True)
        ]
        points = [[field[:, None] for field in column] for column in columns]
        return self._mean(np.concatenate([self._areas(*column) for column in points]))

    def _areas(self, *fields):
        """Return the area of each column; fields: (TP, FP, TN, FN), each (points, columns)."""
        if self.curve == "PR" and self.summation_method == "interpolation":
            areas = _interpolated_pr(*fields)
        else:
            x, y = _CURVE_POINTS[self.curve](*fields)
            heights = {
                "interpolation": (y[:-1] + y[1:]) / 2,
                "minoring": np.minimum(y[:-1], y[1:]),
                "majoring": np.maximum(y[:-1], y[1:]),
            }[self.summation_method]
            areas = ((x[:-1] - x[1:]) * heights).sum(axis=0)
        positives, negatives = fields[0][0], fields[1][0]
        needed = positives if self.curve == "PR" else np.minimum(positives, negatives)
        if needed.all():
            return areas
        return np.where((needed == 0) & (positives + negatives != 0), np.nan, areas)

    def _mean(self, areas):
        if self.multi_label and self.label_weights is not None:
            weights = np.array(self.label_weights)
            return float(ratio((areas * weights).sum(), weights.sum()))
        return float(areas.mean())


def _one_of(argument, value, choices):
    for choice in choices:
        if isinstance(value, str) and value.lower() == choice.lower():
            return choice
    raise ArgumentError(f"{argument}: expected one of {choices}, got {value!r}")


def _roc(tp, fp, tn, fn):
    return ratio(fp, fp + tn), ratio(tp, tp + fn)


def _pr(tp, fp, tn, fn):
    return ratio(tp, tp + fn), ratio(tp, tp + fp)


def _pr_gain(tp, fp, tn, fn):
    """Return 1 - (P / N) (FN / TP) and 1 - (P / N) (FP / TP) (Flach & Kull, 2015)."""
    scale = ratio(tp + fn, tn + fp)
    recall_gain = np.where(tp == 0, 0, 1 - scale * ratio(fn, tp))
    return np.maximum(recall_gain, 0), np.where(tp == 0, 1, 1 - scale * ratio(fp, tp))


_CURVE_POINTS = {"ROC": _roc, "PR": _pr, "PRGAIN": _pr_gain}


def _interpolated_pr(tp, fp, tn, fn):
    """Return the areas where TP and P = TP + FP are linear between two thresholds A and B.

    With s = dTP / dP such an area is s (dTP + (TP_B - s P_B) log(P_A / P_B)) / positives.
    """
    p = tp + fp
    d_tp, d_p = tp[:-1] - tp[1:], np.maximum(p[:-1] - p[1:], 0)
    slope = ratio(d_tp, d_p)
    both = (p[:-1] > 0) & (p[1:] > 0)
    log_ratio = np.log(np.where(both, ratio(p[:-1], p[1:]), 1))
    area = slope * (d_tp + (tp[1:] - slope * p[1:]) * log_ratio)
    return ratio(area, tp[1:] + fn[1:]).sum(axis=0)


class _RankMetric(CompiledMetric):
    """Compute a metric of the ROC curve through all scores: it depends on their order alone."""

    code = formulas.Metric.METRIC_COUNTS
    elementwise = keeps_rows = True
    defined_for = _BOTH

    def value_of_rows(self, p: Array, y: Array, weights: Array) -> float:
        """Return a float; NaN where a class is missing."""
        tp, fp, _, _ = counts.at_scores(p.ravel(), y.ravel() != 0, weights.ravel())
        if tp[0] == 0 and fp[0] == 0:
            return 0.0
        if tp[0] == 0 or fp[0] == 0 or np.isnan(p).any():
            return float("nan")
        return float(self._of_curve(fp / fp[0], tp / tp[0]))

    def _of_curve(self, x, y):
        """Return the value of the curve through the points (x, y)."""
        raise NotImplementedError


class Gini(_RankMetric):
    """Compute the Gini coefficient 2 AUC - 1: 1 for a perfect order, 0 for a random one.

    It is exact: the probability that a positive has a larger score than a negative, minus that
    of the contrary. Scores may be of any scale, such as probabilities, logits or points.

    Notes
    -----
    A metric of ranks keeps all rows. Python collects them after each batch, so that a model
    with one trains and evaluates on one thread, and the value is only in the logs of whole
    epochs and evaluations. ``AUC`` is computed in the compiled loop, from a grid of thresholds.
    The value is NaN, with a warning, for targets of one class.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Gini()([0, 0, 1, 1], [310, 640, 530, 850])
    0.5
    """

    def _of_curve(self, x, y):
        return 2 * np.sum((x[:-1] - x[1:]) * (y[:-1] + y[1:]) / 2) - 1


class KolmogorovSmirnov(_RankMetric):
    """Compute the largest distance between the distributions of positives and of negatives.

    That is the largest of |TP / P - FP / N| over all scores. It is exact, as ``Gini`` is.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.KolmogorovSmirnov()([0, 0, 1, 1], [310, 640, 530, 850])
    0.5
    """

    def _of_curve(self, x, y):
        return np.abs(y - x).max()


class _RateAtBound(CountMetric):
    """Find the best value of one rate where another is at least a bound; 0 if it never is.

    NaN where one of them has no value: a recall without positives, a specificity without
    negatives.
    """

    defined_for = _BOTH
    #: The rate with the bound, which is the first argument, and the rate that is wanted.
    rates: tuple[str, str]

    def __init__(self, bound, num_thresholds, class_id, name, dtype):
        super().__init__(name, dtype)
        setattr(self, self.rates[0], number(bound, self.rates[0], 0, 1))
        self.num_thresholds = whole_number(num_thresholds, "num_thresholds", 1, MOST_PARTS)
        self.class_id = None if class_id is None else whole_number(class_id, "class_id", 0)
        n = self.num_thresholds
        self.thresholds = [0.5] if n == 1 else [i / (n - 1) for i in range(n)]

    def value(self, totals: Array) -> float:
        """Return a float."""
        tp, fp, tn, fn = self.confusion(totals)
        recall, precision = ratio(tp, tp + fn), ratio(tp, tp + fp)
        rates = {"recall": recall, "sensitivity": recall, "precision": precision,
                 "specificity": ratio(tn, tn + fp)}  # fmt: skip
        bounded, wanted = self.rates
        positives, negatives = tp[0] + fn[0], fp[0] + tn[0]
        missing = (positives == 0 and not {"recall", "sensitivity"}.isdisjoint(self.rates)) or (
            negatives == 0 and "specificity" in self.rates
        )
        if missing and positives + negatives:
            return float("nan")
        return float(np.where(rates[bounded] >= getattr(self, bounded), rates[wanted], 0).max())


class SensitivityAtSpecificity(_RateAtBound):
    """Find the best sensitivity TP / (TP + FN) where TN / (TN + FP) is at least `specificity`.

    Parameters
    ----------
    specificity : float
        The bound of TN / (TN + FP), from 0 to 1.
    num_thresholds : int
        Evenly spaced from 0 to 1; a single one is 0.5.
    class_id : int, optional
        The only column that counts.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.SensitivityAtSpecificity(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    rates = ("specificity", "sensitivity")

    def __init__(self, specificity: float, num_thresholds: int = 200,
                 class_id: int | None = None, name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(specificity, num_thresholds, class_id, name, dtype)


class SpecificityAtSensitivity(_RateAtBound):
    """Find the best specificity TN / (TN + FP) where TP / (TP + FN) is at least `sensitivity`.

    Arguments as in ``SensitivityAtSpecificity``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [0, 0.3, 0.8, 0.3, 0.8]
    >>> round(metrics.SpecificityAtSensitivity(0.5)([0, 0, 0, 1, 1], y_pred), 4)
    0.6667
    """

    rates = ("sensitivity", "specificity")

    def __init__(self, sensitivity: float, num_thresholds: int = 200,
                 class_id: int | None = None, name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(sensitivity, num_thresholds, class_id, name, dtype)


class PrecisionAtRecall(_RateAtBound):
    """Find the best precision TP / (TP + FP) where TP / (TP + FN) is at least `recall`.

    Arguments as in ``SensitivityAtSpecificity``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.PrecisionAtRecall(0.5)([0, 0, 0, 1, 1], [0, 0.3, 0.8, 0.3, 0.8])
    0.5
    """

    rates = ("recall", "precision")

    def __init__(self, recall: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(recall, num_thresholds, class_id, name, dtype)


class RecallAtPrecision(_RateAtBound):
    """Find the best recall TP / (TP + FN) where TP / (TP + FP) is at least `precision`.

    Arguments as in ``SensitivityAtSpecificity``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.RecallAtPrecision(0.8)([0, 0, 1, 1], [0, 0.5, 0.3, 0.9])
    0.5
    """

    rates = ("precision", "recall")

    def __init__(self, precision: float, num_thresholds: int = 200, class_id: int | None = None,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(precision, num_thresholds, class_id, name, dtype)
