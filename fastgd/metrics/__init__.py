"""Metrics, with Keras' names, computed in the compiled loop or outside a model.

A metric of fastgd is described by a class here, computed by ``_core`` and, outside a model, by
``reference``; ``registry.CLASSES`` lists them. A metric of your own derives from ``Metric`` or
is a function ``fn(y_true, y_pred)``, and is updated in Python once a batch.
"""

from fastgd.losses import (
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    categorical_hinge,
    cosine_similarity,
    hinge,
    huber,
    kl_divergence,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    poisson,
    sparse_categorical_crossentropy,
    squared_hinge,
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
from fastgd.metrics.compiled_metric import LossMetric
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
from fastgd.metrics.hinges import CategoricalHinge, Hinge, SquaredHinge
from fastgd.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
from fastgd.metrics.metric import Metric
from fastgd.metrics.probabilistic import (
    BinaryCrossentropy,
    BrierScore,
    CategoricalCrossentropy,
    ExpectedCalibrationError,
    KLDivergence,
    Poisson,
    SparseCategoricalCrossentropy,
)
from fastgd.metrics.reductions import Mean, MeanMetricWrapper, Sum
from fastgd.metrics.registry import REGISTRY as REGISTRY
from fastgd.metrics.registry import deserialize, get, serialize
from fastgd.metrics.regression import (
    CosineSimilarity,
    LogCoshError,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    R2Score,
    RootMeanSquaredError,
)

__all__ = [
    "AUC", "Accuracy", "BinaryAccuracy", "BinaryCrossentropy", "BinaryIoU", "BrierScore",
    "CategoricalAccuracy", "CategoricalCrossentropy", "CategoricalHinge",
    "ConcordanceCorrelation", "CosineSimilarity", "ExpectedCalibrationError", "F1Score",
    "FBetaScore", "FalseNegatives", "FalsePositives", "Gini", "Hinge", "IoU", "KLDivergence",
    "KolmogorovSmirnov", "LogCoshError", "LossMetric", "Mean", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanIoU", "MeanMetricWrapper", "MeanSquaredError",
    "MeanSquaredLogarithmicError", "Metric", "OneHotIoU", "OneHotMeanIoU", "PearsonCorrelation",
    "Poisson", "Precision", "PrecisionAtRecall", "R2Score", "Recall", "RecallAtPrecision",
    "RootMeanSquaredError", "SensitivityAtSpecificity", "SparseCategoricalAccuracy",
    "SparseCategoricalCrossentropy", "SparseTopKCategoricalAccuracy",
    "SpecificityAtSensitivity", "SquaredHinge", "Sum", "TopKCategoricalAccuracy",
    "TrueNegatives", "TruePositives", "binary_accuracy", "binary_crossentropy",
    "binary_focal_crossentropy", "categorical_accuracy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "deserialize",
    "get", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "poisson", "serialize", "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy", "squared_hinge", "top_k_categorical_accuracy",
]  # fmt: skip
