"""Metrics, with Keras' names, computed in the compiled loop or outside a model.

A metric of fastgd is described by a class here, computed by ``_core`` and, outside a model, by
``reference``; ``CLASSES`` lists them. A metric of your own derives from ``Metric`` or is a
function ``fn(y_true, y_pred)``, and is updated in Python once a batch.
"""

from typing import TYPE_CHECKING, Any

from fastgd import losses
from fastgd._core import formulas
from fastgd._registry.advice import explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd.errors import ArgumentError
from fastgd.losses import (
    binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_hinge, cosine_similarity, hinge, huber,
    kl_divergence, log_cosh, mean_absolute_error, mean_absolute_percentage_error,
    mean_squared_error, mean_squared_logarithmic_error, poisson,
    sparse_categorical_crossentropy, squared_hinge,
)  # fmt: skip
from fastgd.metrics.accuracy import (
    Accuracy, BinaryAccuracy, BrierScore, CategoricalAccuracy, ExpectedCalibrationError,
    SparseCategoricalAccuracy, SparseTopKCategoricalAccuracy, TopKCategoricalAccuracy,
    binary_accuracy, categorical_accuracy, sparse_categorical_accuracy,
    sparse_top_k_categorical_accuracy, top_k_categorical_accuracy,
)  # fmt: skip
from fastgd.metrics.comparison import delong
from fastgd.metrics.confusion import (
    BinaryIoU, F1Score, FBetaScore, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU,
)  # fmt: skip
from fastgd.metrics.counts import (
    FalseNegatives, FalsePositives, Precision, Recall, TrueNegatives, TruePositives,
)  # fmt: skip
from fastgd.metrics.curves import (
    AUC, Gini, KolmogorovSmirnov, PrecisionAtRecall, RecallAtPrecision,
    SensitivityAtSpecificity, SpecificityAtSensitivity,
)  # fmt: skip
from fastgd.metrics.loss_means import (
    BinaryCrossentropy, CategoricalCrossentropy, CategoricalHinge, CosineSimilarity, Hinge,
    KLDivergence, LogCoshError, LossMetric, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Poisson, RootMeanSquaredError,
    SparseCategoricalCrossentropy, SquaredHinge,
)  # fmt: skip
from fastgd.metrics.metric import Metric
from fastgd.metrics.moments import ConcordanceCorrelation, PearsonCorrelation, R2Score
from fastgd.metrics.reductions import Mean, MeanMetricWrapper, Sum

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
    "categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "delong",
    "deserialize", "get", "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "poisson", "serialize", "sparse_categorical_accuracy", "sparse_categorical_crossentropy",
    "sparse_top_k_categorical_accuracy", "squared_hinge", "top_k_categorical_accuracy",
]  # fmt: skip

#: Every metric that has a name.
CLASSES: tuple[type[Metric], ...] = tuple(
    thing for thing in list(globals().values())
    if isinstance(thing, type) and issubclass(thing, Metric)
    and thing.code is not None and thing is not LossMetric
)  # fmt: skip
_ACCURACIES = BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy
_CROSSENTROPIES = BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy
#: Names that depend on the output and the targets: for one output, for class numbers, else.
_BY_TARGETS: dict[str, tuple[type[Metric], ...]] = {
    "accuracy": _ACCURACIES, "acc": _ACCURACIES, "crossentropy": _CROSSENTROPIES,
    "ce": _CROSSENTROPIES,
}  # fmt: skip
_SHORT: dict[str, type[Metric]] = {
    "mse": MeanSquaredError, "mae": MeanAbsoluteError, "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError, "bce": BinaryCrossentropy,
}  # fmt: skip
REGISTRY = Registry(
    "metrics", __name__, CLASSES,
    functions=(
        binary_accuracy, categorical_accuracy, sparse_categorical_accuracy,
        top_k_categorical_accuracy, sparse_top_k_categorical_accuracy,
    ),
    unnamed=(Metric, LossMetric, Mean, MeanMetricWrapper, Sum),
    aliases=_SHORT
    | {name.upper(): metric for name, metric in _SHORT.items()}
    | dict.fromkeys(("logcosh", "log_cosh"), LogCoshError)
    # Without a model, as for one output
    | {name: row[0] for name, row in _BY_TARGETS.items() if name != "accuracy"},
)  # fmt: skip


def get(identifier: Any, outputs: int = 1, sparse: bool = False) -> Metric | None:
    """Return the metric for a name, a description, a class, a function or a metric itself.

    Parameters
    ----------
    identifier : str, dict, type, function, fastgd.losses.Loss, Metric or None
        A metric made from a name bears that name, so ``"mae"`` stays ``"mae"`` in a history.
        ``"accuracy"`` and ``"crossentropy"`` are resolved by the model: binary for one output,
        sparse categorical where targets are class numbers, categorical otherwise. A loss is
        averaged as it is, and so is your own function, ``fn(y_true, y_pred)``, in Python.
    outputs : int
        The width of the model's output.
    sparse : bool
        Whether the loss takes class numbers.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    ArgumentError
        For anything else.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.get("acc", outputs=3, sparse=True)
    <SparseCategoricalAccuracy name=acc>
    """
    if isinstance(identifier, type) and issubclass(identifier, Metric):
        identifier = identifier()
    if isinstance(identifier, Metric):
        update = type(identifier).update_state
        if update is Metric.update_state:
            raise ArgumentError(f"metrics: {identifier!r} has no update_state of its own")
        if update in (Mean.update_state, Sum.update_state):
            raise ArgumentError(
                f"metrics: {identifier!r} takes values, but a model has targets and "
                "predictions; pass a function of both, such as MeanMetricWrapper(fn)"
            )
        return identifier
    if identifier is None:
        return None
    if isinstance(identifier, dict):
        return deserialize(identifier)
    if isinstance(identifier, str):
        if identifier in _BY_TARGETS:
            row = _BY_TARGETS[identifier]
            return row[0 if outputs == 1 else 1 if sparse else 2](name=identifier)
        return REGISTRY.make(identifier, name=identifier)
    if isinstance(identifier, losses.Loss):
        return _of_loss(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return _of_function(identifier)
    raise ArgumentError(f"metrics: expected a name, a function or a metric, got {identifier!r}")


def _of_function(function):
    """Return the compiled metric of a fastgd function, or the mean of a user's function."""
    name = getattr(function, "__name__", "")
    if str(getattr(function, "__module__", "")).startswith("fastgd."):
        if name in REGISTRY.names:
            return REGISTRY.make(name, name=name)
        if losses.REGISTRY.members.get(name) is function:
            return _of_loss(losses.get(function))
    return MeanMetricWrapper(function)


def _of_loss(loss):
    """Return a loss as a metric: compiled, unless it is user-defined."""
    if loss.code in (formulas.Loss.LOSS_NONE, formulas.Loss.LOSS_COMPILED):
        return MeanMetricWrapper(loss.call, loss.name)
    return LossMetric(loss)


serialize = serialize_object
deserialize = REGISTRY.deserialize

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
