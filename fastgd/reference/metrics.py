"""Metrics: rows of predictions and targets add to the sums of a metric.

A metric of rows has a value for each row, and adds [the sum of weight * value, the sum of
weights]. A metric that collects adds to its sums itself, see ``collecting.py``.

p: (rows, width); y: (rows, columns), labels for a sparse metric; weights: (rows,); settings:
the metric's numbers.
"""

import numpy as np

from fastgd._core.formulas import Metric
from fastgd.reference.arrays import added, weighted
from fastgd.reference.collecting import COLLECTING
from fastgd.reference.losses import LOSSES, ignored_rows


def top_k(p, y, settings):
    k, sparse, ids = int(settings[0]), settings[1], settings[2]
    label = (y[:, 0] if sparse else y.argmax(axis=1)).astype(int)
    if ids:
        return (p[:, :k] == label[:, None]).any(axis=1)
    inside = (label >= 0) & (label < p.shape[1])
    of_label = p[np.arange(len(p)), np.where(inside, label, 0)]
    return inside & ((p > of_label[:, None]).sum(axis=1) < k)


def brier_score(p, y, settings):
    if y.shape[1] != p.shape[1]:
        y = (np.arange(p.shape[1]) == y).astype(p.dtype)
    return ((p - y) ** 2).sum(axis=1)


def deviations(x):
    """Return deviations from the mean of each row, 0 in a row of equal values, and means."""
    x = x.astype(np.float64)
    a = x - x[:, :1]
    return a - a.mean(axis=1, keepdims=True), x[:, 0] + a.mean(axis=1)


def pearson(p, y, settings):
    a, b = deviations(p)[0], deviations(y)[0]
    spread = np.sqrt((a * a).sum(axis=1)) * np.sqrt((b * b).sum(axis=1))
    return (a * b).sum(axis=1) / np.where(spread == 0, np.inf, spread)


def concordance(p, y, settings):
    (a, p_mean), (b, y_mean) = deviations(p), deviations(y)
    spread = (a * a).sum(axis=1) + (b * b).sum(axis=1)
    spread += p.shape[1] * (p_mean - y_mean) ** 2
    return 2 * (a * b).sum(axis=1) / np.where(spread == 0, np.inf, spread)


ROWS = {
    Metric.METRIC_LOSS: lambda p, y, settings: LOSSES[int(settings[0])](p, y, settings[1:])[0],
    Metric.METRIC_ACCURACY: lambda p, y, _: (p == y).mean(axis=1),
    Metric.METRIC_BINARY_ACCURACY: lambda p, y, s: ((p > s[0]) == y).mean(axis=1),
    Metric.METRIC_CATEGORICAL_ACCURACY: lambda p, y, _: p.argmax(axis=1) == y.argmax(axis=1),
    Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY: lambda p, y, _: p.argmax(axis=1) == y[:, 0],
    Metric.METRIC_TOP_K: top_k,
    Metric.METRIC_BRIER_SCORE: brier_score,
    Metric.METRIC_PEARSON: pearson,
    Metric.METRIC_CONCORDANCE: concordance,
}


def add_rows(kind, p, y, weights, settings, totals):
    """Add some rows to the sums of a metric."""
    if kind in COLLECTING:
        counted = weights != 0
        COLLECTING[kind](p[counted], y[counted], weights[counted], settings, totals)
    else:
        values = ROWS[kind](p, y, settings)
        if kind == Metric.METRIC_LOSS:  # rows that the loss ignores are not counted
            weights = np.where(ignored_rows(settings[0], y, settings[1:]), 0, weights)
        totals[0] = added(totals[0], weighted(weights, values))
        totals[1] = added(totals[1], weights)
