"""Metrics: what rows add to a metric's sums, from predictions, targets, weights and settings.

A metric of rows gives one value a row, and adds [the sum of weight * value, the sum of
weights]; one that collects adds to its sums itself, see ``collecting.py``.

p: (rows, width); y: (rows, columns), labels for a sparse metric; weights: (rows,); settings:
the metric's numbers.
"""

import numpy as np

from fastgd._core.formulas import Metric
from fastgd.reference.arrays import added, weighted
from fastgd.reference.collecting import COLLECTING
from fastgd.reference.losses import LOSSES, ignored_rows


def loss_value(p, y, settings):
    return LOSSES[int(settings[0])](p, y, settings[1:])[0]


def accuracy(p, y, settings):
    return (p == y).mean(axis=1)


def binary_accuracy(p, y, settings):
    return ((p > settings[0]) == y).mean(axis=1)


def categorical_accuracy(p, y, settings):
    return p.argmax(axis=1) == y.argmax(axis=1)


def sparse_categorical_accuracy(p, y, settings):
    return p.argmax(axis=1) == y[:, 0]


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
    """From the mean of each row: exactly 0 in a row of equal values; and those means."""
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
    Metric.METRIC_LOSS: loss_value,
    Metric.METRIC_ACCURACY: accuracy,
    Metric.METRIC_BINARY_ACCURACY: binary_accuracy,
    Metric.METRIC_CATEGORICAL_ACCURACY: categorical_accuracy,
    Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY: sparse_categorical_accuracy,
    Metric.METRIC_TOP_K: top_k,
    Metric.METRIC_BRIER_SCORE: brier_score,
    Metric.METRIC_PEARSON: pearson,
    Metric.METRIC_CONCORDANCE: concordance,
}


def add_rows(kind, p, y, weights, settings, totals):
    """Add what some rows give to the sums of a metric."""
    if kind in COLLECTING:
        counted = weights != 0
        COLLECTING[kind](p[counted], y[counted], weights[counted], settings, totals)
    else:
        values = ROWS[kind](p, y, settings)
        if kind == Metric.METRIC_LOSS:  # rows that the loss leaves out count for nothing
            weights = np.where(ignored_rows(settings[0], y, settings[1:]), 0, weights)
        totals[0] = added(totals[0], weighted(weights, values))
        totals[1] = added(totals[1], weights)
