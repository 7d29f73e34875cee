"""Metrics by name and as data."""

from typing import Any

from fastgd import losses
from fastgd._core.formulas import Loss
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd._typing import Config, CustomObjects
from fastgd.errors import ArgumentError
from fastgd.metrics import (
    accuracy,
    correlation,
    counts,
    curves,
    f_score,
    hinges,
    iou,
    probabilistic,
    regression,
)
from fastgd.metrics.compiled_metric import LossMetric
from fastgd.metrics.metric import Metric
from fastgd.metrics.reductions import Mean, MeanMetricWrapper, Sum

#: Every metric that has a name.
CLASSES: tuple[type[Metric], ...] = (
    accuracy.Accuracy, accuracy.BinaryAccuracy, accuracy.CategoricalAccuracy,
    accuracy.SparseCategoricalAccuracy, accuracy.TopKCategoricalAccuracy,
    accuracy.SparseTopKCategoricalAccuracy,
    regression.MeanSquaredError, regression.RootMeanSquaredError,
    regression.MeanAbsoluteError, regression.MeanAbsolutePercentageError,
    regression.MeanSquaredLogarithmicError, regression.LogCoshError,
    regression.CosineSimilarity, regression.R2Score,
    correlation.PearsonCorrelation, correlation.ConcordanceCorrelation,
    probabilistic.BinaryCrossentropy, probabilistic.CategoricalCrossentropy,
    probabilistic.SparseCategoricalCrossentropy, probabilistic.KLDivergence,
    probabilistic.Poisson, hinges.Hinge, hinges.SquaredHinge, hinges.CategoricalHinge,
    probabilistic.BrierScore, probabilistic.ExpectedCalibrationError,
    counts.TruePositives, counts.FalsePositives, counts.TrueNegatives, counts.FalseNegatives,
    counts.Precision, counts.Recall,
    curves.AUC, curves.Gini, curves.KolmogorovSmirnov, curves.SensitivityAtSpecificity,
    curves.SpecificityAtSensitivity, curves.PrecisionAtRecall, curves.RecallAtPrecision,
    f_score.F1Score, f_score.FBetaScore,
    iou.IoU, iou.BinaryIoU, iou.MeanIoU, iou.OneHotIoU, iou.OneHotMeanIoU,
)  # fmt: skip

#: Names that depend on the output and the targets: for one output, for class numbers, else.
_BY_TARGETS: dict[str, tuple[type[Metric], ...]] = dict.fromkeys(
    ("accuracy", "acc"),
    (
        accuracy.BinaryAccuracy, accuracy.SparseCategoricalAccuracy,
        accuracy.CategoricalAccuracy,
    ),
) | dict.fromkeys(
    ("crossentropy", "ce"),
    (
        probabilistic.BinaryCrossentropy, probabilistic.SparseCategoricalCrossentropy,
        probabilistic.CategoricalCrossentropy,
    ),
)  # fmt: skip
_SHORT = {
    "mse": regression.MeanSquaredError, "mae": regression.MeanAbsoluteError,
    "mape": regression.MeanAbsolutePercentageError,
    "msle": regression.MeanSquaredLogarithmicError, "bce": probabilistic.BinaryCrossentropy,
}  # fmt: skip
REGISTRY = Registry(
    "metrics", "fastgd.metrics", CLASSES,
    functions=(
        accuracy.binary_accuracy, accuracy.categorical_accuracy,
        accuracy.sparse_categorical_accuracy, accuracy.top_k_categorical_accuracy,
        accuracy.sparse_top_k_categorical_accuracy,
    ),
    unnamed=(Metric, LossMetric, Mean, MeanMetricWrapper, Sum),
    aliases=_SHORT
    | {name.upper(): metric for name, metric in _SHORT.items()}
    | dict.fromkeys(("logcosh", "log_cosh"), regression.LogCoshError)
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
        if type(identifier).update_state is Metric.update_state:
            raise ArgumentError(f"metrics: {identifier!r} has no update_state of its own")
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
    if loss.code in (Loss.LOSS_NONE, Loss.LOSS_COMPILED):
        return MeanMetricWrapper(loss.call, loss.name)
    return LossMetric(loss)


def serialize(metric: Any) -> Any:
    """Return a metric, or a function, as plain data: a dict of its class and configuration.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.serialize(metrics.BinaryAccuracy())["config"]["threshold"]
    0.5
    """
    return serialize_object(metric)


def deserialize(config: Config | str, custom_objects: CustomObjects | None = None) -> Any:
    """Return the metric or function for a dict of ``serialize``, or for a dict like it.

    Parameters
    ----------
    config : dict or str
        With ``class_name`` and ``config``; or the name of a class.
    custom_objects : dict, optional
        Name -> your own class or function.

    Raises
    ------
    UnknownNameError, ArgumentError
        If there is no such class, or it does not take its configuration.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.deserialize({"class_name": "AUC", "config": {"curve": "PR"}}).curve
    'PR'
    """
    return REGISTRY.deserialize(config, custom_objects)
