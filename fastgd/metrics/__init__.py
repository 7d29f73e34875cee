"""Metrics, with Keras' names: figures of predictions, by hand or in the compiled loop.

A metric of fastgd is described by a class here, computed by ``_core`` and, by hand, by
``reference``; ``registry.CLASSES`` lists them. A metric of one's own derives from ``Metric`` or
is a function ``fn(y_true, y_pred)``, and is updated in Python once a batch.
"""

from fastgd.losses import (
    binary_crossentropy,
    categorical_crossentropy,
    mean_absolute_error,
    mean_squared_error,
    sparse_categorical_crossentropy,
)
from fastgd.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
    binary_accuracy,
    categorical_accuracy,
    sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy,
    top_k_categorical_accuracy,
)
from fastgd.metrics.base import Metric
from fastgd.metrics.compiled import LossMetric
from fastgd.metrics.correlation import ConcordanceCorrelation, PearsonCorrelation
from fastgd.metrics.counts import (
    FalseNegatives,
    FalsePositives,
    Precision,
    Recall,
    TrueNegatives,
    TruePositives,
)
from fastgd.metrics.curves import (
    AUC,
    Gini,
    KolmogorovSmirnov,
    PrecisionAtRecall,
    RecallAtPrecision,
    SensitivityAtSpecificity,
    SpecificityAtSensitivity,
)
from fastgd.metrics.f_score import F1Score, FBetaScore
from fastgd.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from fastgd.metrics.probabilistic import BrierScore, ExpectedCalibrationError
from fastgd.metrics.reductions import Mean, MeanMetricWrapper, Sum
from fastgd.metrics.registry import deserialize, get, serialize
from fastgd.metrics.regression import (
    MeanAbsoluteError,
    MeanSquaredError,
    R2Score,
    RootMeanSquaredError,
)

__all__ = [
    "AUC",
    "Accuracy",
    "BinaryAccuracy",
    "BinaryIoU",
    "BrierScore",
    "CategoricalAccuracy",
    "ConcordanceCorrelation",
    "ExpectedCalibrationError",
    "F1Score",
    "FBetaScore",
    "FalseNegatives",
    "FalsePositives",
    "Gini",
    "IoU",
    "KolmogorovSmirnov",
    "LossMetric",
    "Mean",
    "MeanAbsoluteError",
    "MeanIoU",
    "MeanMetricWrapper",
    "MeanSquaredError",
    "Metric",
    "OneHotIoU",
    "OneHotMeanIoU",
    "PearsonCorrelation",
    "Precision",
    "PrecisionAtRecall",
    "R2Score",
    "Recall",
    "RecallAtPrecision",
    "RootMeanSquaredError",
    "SensitivityAtSpecificity",
    "SparseCategoricalAccuracy",
    "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity",
    "Sum",
    "TopKCategoricalAccuracy",
    "TrueNegatives",
    "TruePositives",
    "binary_accuracy",
    "binary_crossentropy",
    "categorical_accuracy",
    "categorical_crossentropy",
    "deserialize",
    "get",
    "mean_absolute_error",
    "mean_squared_error",
    "serialize",
    "sparse_categorical_accuracy",
    "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy",
    "top_k_categorical_accuracy",
]
