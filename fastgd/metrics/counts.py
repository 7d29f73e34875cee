"""Positives and negatives at thresholds: the confusion matrix, and metrics of it.

A prediction is positive at a threshold if it exceeds it, and a target if it is not 0. The
engine counts between sorted thresholds, which costs the same for any number of them.
"""

from collections.abc import Sequence

import numpy as np

from fastgd._core import formulas
from fastgd._data.arguments import listed
from fastgd._data.validation import MOST, number, whole_number
from fastgd._engine.algebra import logarithms
from fastgd._typing import Array, Config, Floatx
from fastgd.errors import ArgumentError, ShapeError
from fastgd.metrics.metric import CompiledMetric

#: The default threshold where the largest predictions of a row count: below all of them.
BELOW_ALL = -1e10


class CountMetric(CompiledMetric):
    """Count rows between thresholds; see ``_core/kernels/counts.pxi``.

    Attributes
    ----------
    thresholds : list of float
        Sorted or not.
    class_id : int or None
        The only column that counts.
    """

    code = formulas.Metric.METRIC_COUNTS
    elementwise = True
    thresholds: list[float]
    class_id: int | None = None
    top_k: int | None = None
    from_logits = False
    multi_label = False
    label_weights: list[float] | None = None

    def _bounds(self):
        """Return the thresholds between which the engine counts."""
        return self.thresholds

    def settings(self) -> list[float]:
        thresholds = np.sort(np.array(self._bounds(), np.float64))
        if self.from_logits:  # a logit is compared with the logit of a threshold
            thresholds = logarithms(thresholds) - logarithms(1 - thresholds)
        weights = self.label_weights if not self.multi_label else None
        column = -1 if self.class_id is None else self.class_id
        head = [len(thresholds), spacing(thresholds), column, self.top_k or 0,
                self.multi_label, weights is not None]  # fmt: skip
        return [*map(float, head), *thresholds.tolist(), *(weights or [])]

    def check_width(self, width: int) -> None:
        if self.class_id is not None and self.class_id >= width:
            raise ShapeError(f"class_id: there is no {self.class_id} of {width} columns")

    def size(self, width: int) -> int:
        return 2 * (len(self._bounds()) + 1) * (width if self.multi_label else 1)

    def _predictions(self, y_pred):
        if self.top_k is not None and np.ndim(y_pred) == 1:  # all of it is one row, as in Keras
            return super()._predictions(np.reshape(y_pred, (1, -1)))
        return super()._predictions(y_pred)

    def _targets(self, y, p):
        if self.top_k is not None and y.ndim == 1:
            y = y.reshape(1, -1)
        return super()._targets(y, p)

    def confusion(self, totals):
        """Return the counts at the thresholds in their order: (TP, FP, TN, FN), arrays."""
        above, below = cumulative(totals, len(self.thresholds))
        place = np.argsort(np.argsort(self.thresholds, kind="stable"), kind="stable")
        tp, fp = above[0, 1:].T
        fn, tn = below[0, :-1].T
        return tp[place], fp[place], tn[place], fn[place]


def spacing(thresholds):
    """Return how many sorted thresholds a unit has if they are evenly spaced, else 0."""
    n = len(thresholds)
    if n < 2 or not 0 < thresholds[-1] - thresholds[0] < np.inf:
        return 0.0
    even = np.linspace(thresholds[0], thresholds[-1], n)
    step = (thresholds[-1] - thresholds[0]) / (n - 1)
    return 1 / step if np.abs(thresholds - even).max() < 0.01 * step else 0.0


def cumulative(totals, count):
    """Return counts above and below: arrays (columns, count + 1, 2), positives and negatives.

    above[:, b] counts what exceeds at least b thresholds, below[:, b] what exceeds at most b.
    """
    buckets = np.asarray(totals).reshape(-1, count + 1, 2)
    return buckets[:, ::-1].cumsum(axis=1)[:, ::-1], buckets.cumsum(axis=1)


def at_scores(p, positive, weights):
    """Return counts (TP, FP, TN, FN) below all scores and at each of them: four arrays.

    Of scores that are equal all or none are above a threshold, as by midranks.
    """
    order = np.argsort(p, kind="stable")
    p, positive, weights = p[order], positive[order], weights[order]
    last = np.append(p[1:] != p[:-1], np.ones(min(len(p), 1), bool))
    below = [np.append(0, np.cumsum(weights * side)[last]) for side in (positive, ~positive)]
    fn, tn = below
    return fn[-1] - fn, tn[-1] - tn, tn, fn


def ratio(a, b):
    """Return a / b; 0 where b is 0."""
    return np.divide(a, b, out=np.zeros(np.broadcast(a, b).shape), where=np.asarray(b) != 0)


def scalar_or_array(values):
    """Return a float if there is one value, else the array."""
    return float(values[0]) if len(values) == 1 else values


def checked_thresholds(given, default):
    """Return numbers from 0 to 1 as a list of float; a number, several or None are given."""
    if given is None:
        return [default]
    several = [given] if np.isscalar(given) else listed(given, "thresholds")
    if not several:
        raise ArgumentError(f"thresholds: expected at least one, got {given!r}")
    return [number(value, "thresholds", 0, 1) for value in several]


class _ThresholdMetric(CountMetric):
    """Hold one threshold or several, at which rows are counted."""

    #: Which count of (TP, FP, TN, FN) is taken.
    field = 0

    def _set_thresholds(self, given, default):
        self.thresholds = checked_thresholds(given, default)
        self._given = given if given is None or np.isscalar(given) else self.thresholds

    def get_config(self) -> Config:
        return {**super().get_config(), "thresholds": self._given}


class _Count(_ThresholdMetric):
    """Sum the weights of the rows that one field of the confusion matrix counts."""

    def __init__(self, thresholds: float | Sequence[float] | None = None,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(name, dtype)
        self._set_thresholds(thresholds, 0.5)

    def value(self, totals: Array) -> float | Array:
        """Return a float, or an array with one for each of several thresholds."""
        return scalar_or_array(self.confusion(totals)[self.field])


class TruePositives(_Count):
    """Sum the weights of positives predicted to be positive.

    Parameters
    ----------
    thresholds : float or list of float, optional
        From 0 to 1; by default 0.5. For logits pass 0.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.TruePositives()([0, 1, 1, 1], [1, 0, 1, 1])
    2.0
    """


class FalsePositives(_Count):
    """Sum the weights of negatives predicted to be positive; as ``TruePositives``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.FalsePositives(thresholds=[0.5, 0.9])([0, 0, 1], [0.8, 0.95, 1])
    array([2., 1.])
    """

    _direction = "down"
    field = 1


class TrueNegatives(_Count):
    """Sum the weights of negatives predicted to be negative; as ``TruePositives``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.TrueNegatives()([0, 1, 0, 0], [1, 1, 0, 0])
    2.0
    """

    field = 2


class FalseNegatives(_Count):
    """Sum the weights of positives predicted to be negative; as ``TruePositives``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.FalseNegatives()([0, 1, 1, 1], [0, 1, 0, 0])
    2.0
    """

    _direction = "down"
    field = 3


class _Rate(_ThresholdMetric):
    """Compute TP / (TP + a field of the confusion matrix)."""

    field = 1

    def __init__(self, thresholds: float | Sequence[float] | None = None,
                 top_k: int | None = None, class_id: int | None = None, name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(name, dtype)
        self.top_k = None if top_k is None else whole_number(top_k, "top_k", 1, MOST)
        self.class_id = None if class_id is None else whole_number(class_id, "class_id", 0)
        self._set_thresholds(thresholds, 0.5 if top_k is None else BELOW_ALL)

    def value(self, totals: Array) -> float | Array:
        """Return a float, or an array with one for each of several thresholds; 0 for 0 / 0."""
        found = self.confusion(totals)
        return scalar_or_array(ratio(found[0], found[0] + found[self.field]))


class Precision(_Rate):
    """Compute TP / (TP + FP): how many of those predicted to be positive are positive.

    Parameters
    ----------
    thresholds : float or list of float, optional
        From 0 to 1; by default 0.5, or none with `top_k`. For logits pass 0.
    top_k : int, optional
        Only the k largest predictions of a row may be positive.
    class_id : int, optional
        The only column that counts.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Precision()([0, 1, 1, 1], [1, 0, 1, 1]), 4)
    0.6667
    """


class Recall(_Rate):
    """Compute TP / (TP + FN): how many positives are found; arguments as in ``Precision``.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.Recall(thresholds=[0.5, 0.9])([0, 1, 1], [1, 0.8, 0.95])
    array([1. , 0.5])
    """

    field = 3
