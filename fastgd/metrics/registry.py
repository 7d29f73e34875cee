"""All metrics by name: a metric of fastgd is a class in this table."""

from fastgd import losses
from fastgd._core.formulas import Loss
from fastgd._registry.names import lookup, snake_case
from fastgd._registry.objects import deserialize_object, serialize_object
from fastgd.errors import ArgumentError
from fastgd.metrics.accuracy import (
    Accuracy,
    BinaryAccuracy,
    CategoricalAccuracy,
    SparseCategoricalAccuracy,
    SparseTopKCategoricalAccuracy,
    TopKCategoricalAccuracy,
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
from fastgd.metrics.hinges import CategoricalHinge, Hinge, SquaredHinge
from fastgd.metrics.iou import BinaryIoU, IoU, MeanIoU, OneHotIoU, OneHotMeanIoU
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

CLASSES = (
    Accuracy, BinaryAccuracy, CategoricalAccuracy, SparseCategoricalAccuracy,
    TopKCategoricalAccuracy, SparseTopKCategoricalAccuracy,
    MeanSquaredError, RootMeanSquaredError, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredLogarithmicError, LogCoshError, CosineSimilarity, R2Score,
    PearsonCorrelation, ConcordanceCorrelation,
    BinaryCrossentropy, CategoricalCrossentropy, SparseCategoricalCrossentropy,
    KLDivergence, Poisson, Hinge, SquaredHinge, CategoricalHinge,
    BrierScore, ExpectedCalibrationError,
    TruePositives, FalsePositives, TrueNegatives, FalseNegatives, Precision, Recall,
    AUC, Gini, KolmogorovSmirnov, SensitivityAtSpecificity, SpecificityAtSensitivity,
    PrecisionAtRecall, RecallAtPrecision,
    F1Score, FBetaScore,
    IoU, BinaryIoU, MeanIoU, OneHotIoU, OneHotMeanIoU,
)  # fmt: skip

_BY_NAME = {c.__name__: c for c in CLASSES} | {snake_case(c.__name__): c for c in CLASSES}
_BY_NAME |= {
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
    "mape": MeanAbsolutePercentageError,
    "MAPE": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError,
    "MSLE": MeanSquaredLogarithmicError,
    "bce": BinaryCrossentropy,
    "BCE": BinaryCrossentropy,
    "logcosh": LogCoshError,
    "log_cosh": LogCoshError,
}
_OTHERS = {c.__name__: c for c in (LossMetric, Mean, MeanMetricWrapper, Sum)}
#: Names that depend on the output and the targets: for one output, for class numbers, else.
_BY_TARGETS = dict.fromkeys(
    ("accuracy", "acc"), (BinaryAccuracy, SparseCategoricalAccuracy, CategoricalAccuracy)
) | dict.fromkeys(
    ("crossentropy", "ce"),
    (BinaryCrossentropy, SparseCategoricalCrossentropy, CategoricalCrossentropy),
)


def get(identifier, outputs=1, sparse=False):
    """The metric for a name, a description, a class, a function or a metric itself.

    Parameters
    ----------
    identifier : str, dict, type, function, fastgd.losses.Loss or Metric
        A metric made from a name bears that name, so ``"mae"`` stays ``"mae"`` in a history.
        ``"accuracy"`` and ``"crossentropy"`` are resolved by the model: binary for one output,
        sparse categorical where targets are class numbers, categorical otherwise. A loss is
        averaged as it is, and so is a function of one's own, ``fn(y_true, y_pred)``, in Python.
    outputs : int
        The width of the model's output.
    sparse : bool
        Whether the loss takes class numbers.

    Returns
    -------
    Metric
        None for None.

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
            one, of_labels, several = _BY_TARGETS[identifier]
            several = of_labels if sparse else several
            return (one if outputs == 1 else several)(name=identifier)
        table = _BY_NAME | dict.fromkeys(_BY_TARGETS)
        return lookup("metrics", identifier, table)(name=identifier)
    if isinstance(identifier, losses.Loss):
        return _of_loss(identifier)
    if callable(identifier) and not isinstance(identifier, type):
        return _of_function(identifier)
    raise ArgumentError(f"metrics: expected a name, a function or a metric, got {identifier!r}")


def _of_function(function):
    """The compiled metric of a function of fastgd's, or a mean of one of the user's own."""
    name = getattr(function, "__name__", "")
    if str(getattr(function, "__module__", "")).startswith("fastgd."):
        if name in _BY_NAME:
            return _BY_NAME[name](name=name)
        if name in vars(losses):
            return _of_loss(losses.get(function))
    return MeanMetricWrapper(function)


def _of_loss(loss):
    """A loss as a metric: compiled, unless it is of the user's own."""
    if loss.code in (Loss.LOSS_NONE, Loss.LOSS_COMPILED):
        return MeanMetricWrapper(loss.call, loss.name)
    return LossMetric(loss)


def serialize(metric):
    """A metric, or a function, as plain data: a dict with its class and its configuration.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.serialize(metrics.BinaryAccuracy())["config"]["threshold"]
    0.5
    """
    return serialize_object(metric)


def deserialize(config, custom_objects=None):
    """The metric, or function, for what ``serialize`` gave, or for a dict like it.

    Parameters
    ----------
    config : dict or str
        With ``class_name`` and ``config``; or the name of a class.
    custom_objects : dict, optional
        Name -> class or function of one's own.

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
    if isinstance(config, dict) and "module" in config:
        return deserialize_object(config, custom_objects)
    name = config.get("class_name") if isinstance(config, dict) else config
    made_by = lookup("metrics", name, _BY_NAME | _OTHERS | (custom_objects or {}))
    arguments = config.get("config", {}) if isinstance(config, dict) else {}
    return made_by.from_config(arguments) if isinstance(made_by, type) else made_by
