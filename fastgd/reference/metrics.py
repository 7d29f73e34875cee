"""Metrics: one value a row, from predictions p and targets y, both (rows, width).

The targets of a sparse metric are labels, (rows, 1).
"""

import numpy as np

from fastgd._core.types import Metric

METRICS = {
    Metric.METRIC_MEAN_SQUARED_ERROR: lambda p, y: ((p - y) ** 2).mean(axis=1),
    Metric.METRIC_MEAN_ABSOLUTE_ERROR: lambda p, y: np.abs(p - y).mean(axis=1),
    Metric.METRIC_BINARY_ACCURACY: lambda p, y: ((p > 0.5) == y).mean(axis=1),
    Metric.METRIC_CATEGORICAL_ACCURACY: lambda p, y: p.argmax(axis=1) == y.argmax(axis=1),
    Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY: lambda p, y: p.argmax(axis=1) == y[:, 0],
}
