"""Metrics: rows of predictions and targets add to the sums of a metric.

A metric of rows has a value for each row, and adds [the sum of weight * value, the sum of
weights]. A metric that collects takes the weights of the rows that have any, and adds to its
own sums; see the files of the same subjects in ``_core``.

p: (rows, width); y: (rows, columns), labels for a sparse metric; weights: (rows, 1), or (rows,
width) for a metric of elements outside a model; settings: the metric's numbers.
"""

import numpy as np

from fastgd._core.formulas import Metric
from fastgd.reference.arrays import added, weighted
from fastgd.reference.losses import LOSSES, ignored_rows

#: What replaces predictions that are not among a row's largest, as in Keras.
BELOW_ALL = -1e10


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


def counts(p, y, weights, settings, totals):
    """Count positives and negatives between thresholds."""
    count, _, column, top, apart, weighted = map(int, settings[:6])
    thresholds = np.asarray(settings[6 : 6 + count], p.dtype)
    if top:
        order = np.argsort(-p, axis=1, kind="stable")  # of equals the first counts
        p = p.copy()
        np.put_along_axis(p, order[:, top:], BELOW_ALL, axis=1)
    weights = np.broadcast_to(weights.astype(np.float64), p.shape)
    if weighted:
        weights = weights * settings[6 + count : 6 + count + p.shape[1]]
    size = 2 * (count + 1)
    chosen = slice(None) if column < 0 else slice(column, column + 1)
    # below: how many thresholds are smaller; no threshold is smaller than a NaN
    below = np.searchsorted(thresholds, p, side="left")
    below[np.isnan(p)] = 0
    place = 2 * below + (y == 0)
    if apart:
        place += size * np.arange(p.shape[1])
    np.add.at(totals, place[:, chosen], weights[:, chosen])


def class_counts(p, y, weights, settings, totals):
    """Count true positives, false positives and false negatives of each class."""
    if np.isnan(settings[0]):
        predicted = (p >= p.max(axis=1, keepdims=True)) & (np.abs(p) > 1e-9)
    else:
        predicted = p > settings[0]
    y, weights = y.astype(np.float64), weights.astype(np.float64)
    for k, values in enumerate((predicted * y, predicted * (1 - y), ~predicted * y)):
        sums = totals[k : 3 * p.shape[1] : 3]
        sums[:] = added(sums, weights * values)


def confusion(p, y, weights, settings, totals):
    """Count the rows of each pair of true and predicted class."""
    classes, left_out, sparse_y, sparse_p, threshold = settings[:5]
    if not np.isnan(threshold):
        p = p >= threshold
    elif not sparse_p:
        p = p.argmax(axis=1)[:, None]
    if not sparse_y:
        y = y.argmax(axis=1)[:, None]
    elements = min(p.shape[1], y.shape[1])
    p, y = p[:, :elements].astype(float).ravel(), y[:, :elements].astype(float).ravel()
    weights = np.broadcast_to(weights.astype(np.float64), (len(weights), elements)).ravel()
    inside = (p > -1) & (p < classes) & (y > -1) & (y < classes) & (np.trunc(y) != left_out)
    place = np.trunc(y[inside]) * classes + np.trunc(p[inside])
    np.add.at(totals, place.astype(int), weights[inside])


def moments(p, y, weights, settings, totals):
    """Add the weighted moments of each column, about its first target and prediction."""
    if len(p) == 0:
        return
    sums = totals[1 : 1 + 9 * p.shape[1]].reshape(-1, 9).T
    p, y = p.astype(np.float64), y.astype(np.float64)
    if totals[0] == 0:
        sums[0], sums[1] = y[0], p[0]
    a, b, d = p - sums[1], y - sums[0], y - p
    terms = (np.ones_like(p), b, a, b * b, a * a, a * b, d * d)
    for k, term in enumerate(terms, 2):
        sums[k] = added(sums[k], weights.astype(np.float64) * term)
    totals[0] += len(p)


def calibrated(p, y):
    """Return the probability of each row, and whether its prediction is true."""
    if p.shape[1] == 1:
        return p[:, 0], y[:, 0]
    label = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
    return p.max(axis=1), p.argmax(axis=1) == label


def calibration(p, y, weights, settings, totals):
    """Sum weights, weights * probability and weights * truth in bins of probability."""
    bins = int(settings[0])
    p, truth = calibrated(p, y)
    p, weights = p.astype(np.float64), weights[:, 0].astype(np.float64)
    inside = np.where(p > 0, np.minimum(p, 1), 0)
    place = np.minimum((inside * bins).astype(int), bins - 1)
    for k, values in enumerate((weights, weights * p, weights * truth)):
        np.add.at(totals, 3 * place + k, values)


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
COLLECTING = {
    Metric.METRIC_COUNTS: counts, Metric.METRIC_CLASS_COUNTS: class_counts,
    Metric.METRIC_CONFUSION: confusion, Metric.METRIC_MOMENTS: moments,
    Metric.METRIC_CALIBRATION: calibration,
}  # fmt: skip


def add_rows(kind, p, y, weights, settings, totals):
    """Add some rows to the sums of a metric; weights may be of shape (rows,), too."""
    if kind in COLLECTING:
        weights = weights[:, None] if weights.ndim == 1 else weights
        counted = weights.any(axis=1)
        if weights.shape[1] > 1:  # an element of weight 0 adds nothing, whatever it is
            p, y = (np.where((weights == 0) & np.isnan(array), 0, array) for array in (p, y))
        COLLECTING[kind](p[counted], y[counted], weights[counted], settings, totals)
    else:
        values, weights = ROWS[kind](p, y, settings), weights.reshape(len(p))
        if kind == Metric.METRIC_LOSS:  # rows that the loss ignores are not counted
            weights = np.where(ignored_rows(settings[0], y, settings[1:]), 0, weights)
        totals[0] = added(totals[0], weighted(weights, values))
        totals[1] = added(totals[1], weights)
