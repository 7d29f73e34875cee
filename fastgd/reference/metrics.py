"""Metrics of rows: one value a row, from predictions p, targets y and the metric's settings.

p: (rows, width); y: (rows, width), or labels, (rows, 1), for a sparse metric.
"""

import numpy as np

from fastgd._core.types import Metric

METRICS = {
    Metric.METRIC_MEAN_SQUARED_ERROR: lambda p, y, settings: ((p - y) ** 2).mean(axis=1),
    Metric.METRIC_MEAN_ABSOLUTE_ERROR: lambda p, y, settings: np.abs(p - y).mean(axis=1),
    Metric.METRIC_BINARY_ACCURACY: lambda p, y, settings: ((p > 0.5) == y).mean(axis=1),
    Metric.METRIC_CATEGORICAL_ACCURACY: lambda p, y, settings: (
        p.argmax(axis=1) == y.argmax(axis=1)
    ),
    Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY: lambda p, y, settings: (
        p.argmax(axis=1) == y[:, 0]
    ),
}
