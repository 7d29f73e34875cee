"""Metrics that collect: each row adds to several sums, from which Python makes the value.

Each takes predictions p, (rows, width), targets y, (rows, columns), the weights of the rows,
none of which is 0, the metric's settings and the sums to which it adds. See the files of the
same subjects in ``_core``.
"""

import numpy as np

from fastgd._core.formulas import Metric
from fastgd.reference.arrays import added

#: What replaces predictions that are not among a row's largest, as in Keras.
BELOW_ALL = -1e10


def counts(p, y, weights, settings, totals):
    """Count positives and negatives between thresholds."""
    count, _, column, top, apart, weighted = map(int, settings[:6])
    thresholds = np.asarray(settings[6 : 6 + count], p.dtype)
    if top:
        order = np.argsort(-p, axis=1, kind="stable")  # of equals the first counts
        p = p.copy()
        np.put_along_axis(p, order[:, top:], BELOW_ALL, axis=1)
    weights = np.broadcast_to(weights[:, None].astype(np.float64), p.shape)
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
    y, weights = y.astype(np.float64), weights[:, None].astype(np.float64)
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
    weights = np.repeat(weights.astype(np.float64), elements)
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
        sums[k] = added(sums[k], weights[:, None].astype(np.float64) * term)
    totals[0] += len(p)


def calibration(p, y, weights, settings, totals):
    """Sum weights, weights * probability and weights * truth in bins of probability."""
    bins = int(settings[0])
    if p.shape[1] == 1:
        truth, p = y[:, 0], p[:, 0]
    else:
        label = y[:, 0] if y.shape[1] == 1 else y.argmax(axis=1)
        truth, p = p.argmax(axis=1) == label, p.max(axis=1)
    p, weights = p.astype(np.float64), weights.astype(np.float64)
    inside = np.where(p > 0, np.minimum(p, 1), 0)
    place = np.minimum((inside * bins).astype(int), bins - 1)
    for k, values in enumerate((weights, weights * p, weights * truth)):
        np.add.at(totals, 3 * place + k, values)


COLLECTING = {
    Metric.METRIC_COUNTS: counts,
    Metric.METRIC_CLASS_COUNTS: class_counts,
    Metric.METRIC_CONFUSION: confusion,
    Metric.METRIC_MOMENTS: moments,
    Metric.METRIC_CALIBRATION: calibration,
}
