"""The objective of a network: its loss and output, and classes as its targets."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.utils.class_weight import compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
    unique_labels,
)

from fastgd import losses
from fastgd._engine.algebra import exponentials, logarithms
from fastgd.errors import ArgumentError, DataError, ShapeError

#: The reduction sum(w l) / sum(w), for which a weight of 2 equals a row that comes twice.
WEIGHTED = "mean_with_sample_weight"
#: scikit-learn's names, and ours -> the loss for two classes or labels, and for several.
NAMED: dict[str, tuple[Any, Any]] = {
    "log_loss": (losses.BinaryCrossentropy, losses.SparseCategoricalCrossentropy),
    "focal": (losses.BinaryFocalCrossentropy, losses.CategoricalFocalCrossentropy),
}
#: Losses of margins, whose outputs are not probabilities.
MARGINS = (losses.Hinge, losses.SquaredHinge, losses.CategoricalHinge)
#: Losses of a row of classes.
CATEGORICAL = (
    losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy, losses.CategoricalHinge,
)  # fmt: skip


def classes_of(y):
    """Return the labels of y, (n,), in order, as ``unique_labels`` does; y has to be labels."""
    found = _close_numbers(y)
    if found is None:
        check_classification_targets(y)
        found = unique_labels(y)
    return found


def classes_and_codes(y):
    """Return the labels of y in order, and the number of each: those of ``np.unique``."""
    found = _close_numbers(y)
    if found is None:
        return np.unique(y, return_inverse=True)
    return found, np.searchsorted(found, y)


def _close_numbers(y):
    """Return the values of y in order if they are whole numbers close together, else None.

    They are counted, where scikit-learn's functions sort y, each of them anew.
    """
    if y.ndim != 1 or not y.dtype.isnative or y.dtype.kind not in "biuf" or not len(y):
        return None
    low, high = float(y.min()), float(y.max())
    if not (-low < 2**53 and high < 2**53 and high - low < len(y) // 4):
        return None
    if high - low == 1 and y.dtype.kind != "f":
        return np.array([low, high]).astype(y.dtype)
    codes = y.astype(np.int64)
    if y.dtype.kind == "f" and not (codes == y).all():
        return None
    counts = np.bincount(codes - int(low))
    return (np.flatnonzero(counts) + int(low)).astype(y.dtype)


class Labels:
    """Hold the classes of a classifier, found in y: all (n,), or 0 and 1 (n, labels).

    ``kind`` is "binary", also for a single class, "multiclass" or "multilabel"; ``classes`` are
    sorted, or the numbers of labels; ``outputs`` are the columns of a network's output.
    """

    def __init__(self, y):
        classes = _close_numbers(y)
        if classes is None:
            check_classification_targets(y)
            kind = type_of_target(y, input_name="y", raise_unknown=True)
        else:
            kind = "multiclass"
        if kind == "multiclass-multioutput":
            raise ArgumentError(
                "y: several columns have to be labels of 0 and 1, not classes: fit a "
                "classifier for each (sklearn.multioutput.MultiOutputClassifier)"
            )
        if kind == "multilabel-indicator":
            self.kind, self.classes = "multilabel", np.arange(y.shape[1])
        else:
            self.classes = np.unique(y) if classes is None else classes
            self.kind = "binary" if len(self.classes) <= 2 else "multiclass"
        self.outputs = 1 if self.kind == "binary" else len(self.classes)

    @classmethod
    def for_fit(cls, estimator, y, first, incremental, classes):
        """Return the labels of a classifier in a fit: of y, of `classes`, or its current ones.

        first, incremental: whether it begins again, and whether this is a ``partial_fit``.
        """
        if first:
            labels = cls(np.asarray(classes) if incremental and np.ndim(y) == 1 else y)
        else:
            labels = estimator._labels
        if classes is not None and not first:
            same = np.array_equal(np.unique(classes), labels.classes)
            if not (same or labels.kind == "multilabel"):
                seen = f"`classes={classes!r}` is not the same as on last call to partial_fit"
                raise ArgumentError(f"{seen}, was: {labels.classes!r}")
        if not (first or incremental) and labels.kind != "multilabel":
            seen = np.unique(y)
            if not np.array_equal(seen, labels.classes):
                raise ArgumentError(
                    "warm_start can only be used where `y` has the same classes as in the "
                    f"previous call to fit. Previously got {labels.classes}, `y` has {seen}"
                )
        if incremental and isinstance(estimator.class_weight, str):
            reason = "'balanced' would differ in each call of partial_fit"
            raise ArgumentError(f"class_weight: {reason}: give a dict, or sample_weight")
        return labels

    @classmethod
    def of_outputs(cls, width, loss):
        """Return the labels of a network that was trained on 0, 1 ... for a loss."""
        several = width > 2 and not isinstance(loss, CATEGORICAL)
        multilabel = several or (width == 2 and loss.elementwise)
        return cls(np.eye(width, dtype=np.int64) if multilabel else np.arange(max(width, 2)))

    def codes(self, y):
        """Return the number of each row's class, (n,), or the matrix of labels."""
        if self.kind == "multilabel":
            y = np.asarray(y.toarray() if hasattr(y, "toarray") else y)
            if y.shape[1:] != (k := self.outputs,):
                raise DataError(f"y: expected {k} columns of labels, got shape {y.shape}")
            return (y != 0).astype(np.int64)
        if y.dtype.kind in "biuf" and self.classes.dtype.kind in "biuf" and y.ndim == 1:
            found = np.searchsorted(self.classes, y).clip(max=len(self.classes) - 1)
            if (self.classes[found] == y).all():
                return found
        check_classification_targets(y)
        unknown = np.setdiff1d(y, self.classes)
        if len(unknown):
            seen = f"`y` has classes not in `self.classes_`: {unknown.tolist()}"
            raise DataError(f"y: {seen}; there are {self.classes.tolist()}")
        return np.searchsorted(self.classes, y)

    def encoded(self, codes, dtype, sparse, width):
        """Return targets (n, 1) or (n, width) for codes; sparse: as class numbers."""
        if sparse or self.kind == "multilabel" or width == 1:
            return codes.reshape(len(codes), -1).astype(dtype)
        return np.eye(width, dtype=dtype)[codes]

    def decoded(self, outputs, threshold=0.5):
        """Return the classes for outputs: the largest, or above a threshold."""
        if self.kind == "multilabel":
            return (outputs > threshold).astype(np.int64)
        if self.kind == "multiclass":
            return self.classes[np.argmax(outputs, axis=1)]
        above = (outputs[:, 0] > threshold) & (len(self.classes) > 1)
        return self.classes[above.astype(np.int64)]

    def probabilities(self, outputs):
        """Return (n, classes): for one output p the columns 1 - p and p."""
        if self.kind != "binary":
            return outputs
        if len(self.classes) == 1:
            return np.ones_like(outputs)
        found = np.empty((len(outputs), 2), outputs.dtype)
        found[:, 1] = outputs[:, 0]
        np.subtract(1, found[:, 1], out=found[:, 0])
        return found

    def weights(self, class_weight, y, sample_weight):
        """Return the product of the weights of rows and of their classes, (n,), or None.

        class_weight: a dict of class -> weight; "balanced", n / (classes n_c), where rows count
        with their weights; or None. For several labels: a list of such.
        """
        if class_weight is None:
            return sample_weight
        if self.kind == "multilabel":
            of_rows = compute_sample_weight(class_weight, y)
        else:
            of_classes = compute_class_weight(
                class_weight, classes=self.classes, y=y, sample_weight=sample_weight
            )
            of_rows = of_classes[np.searchsorted(self.classes, y)]
        return of_rows if sample_weight is None else of_rows * sample_weight


@dataclass(frozen=True)
class NetworkObjective:
    """Describe the loss of a network, and its output layer."""

    loss: Any
    width: int  #: of the output layer
    activation: str  #: of the output layer: "identity", "logistic", "softmax" or "exp"
    weight: float = 1.0  #: the factor of the loss
    metric: str | None = None  #: a metric that ``reported`` needs
    offset: float = 0.0  #: added to the loss when it is reported

    @property
    def threshold(self):
        """The output above which a row belongs to a class."""
        return 0.5 if self.activation == "logistic" else 0.0

    def reported(self, values):
        """Return the loss as scikit-learn reports it, from values of loss and metric."""
        loss = values["loss"] + self.offset
        if self.metric is not None:  # the sum over outputs is minimised, the mean is reported
            loss -= (self.weight - self.weight / self.width) * values[self.metric]
        return loss

    def predictions(self, outputs):
        """Return predictions for a network's outputs."""
        if self.activation != "exp":
            return outputs
        return exponentials(outputs).astype(outputs.dtype, copy=False)


def of_classes(loss, labels):
    """Return the objective of a classifier with these Labels, and a loss or its name."""
    several = labels.kind == "multiclass"
    known = isinstance(loss, str) and loss in NAMED
    found = averaged(NAMED[loss][several]() if known else losses.get(loss))
    if isinstance(found, CATEGORICAL) and not several:
        raise ArgumentError(
            f"loss: {found.name} is one of several classes, and the targets are "
            f"{labels.kind}: use 'log_loss', 'focal' or a binary loss"
        )
    of_classes = "softmax" if several else "logistic"
    activation = "identity" if isinstance(found, MARGINS) else of_classes
    if found.from_logits:  # fused with the activation, the loss is the same
        found.from_logits = False
    weight = labels.outputs if known and not several else 1  # the sum over labels
    return NetworkObjective(found, labels.outputs, activation, float(weight))


def of_numbers(loss, targets, y=None, sample_weight=None):
    """Return the objective of a regressor with so many targets.

    loss: "squared_error" and "poisson", halves as in scikit-learn, or a name or an object of
    ``fastgd.losses``. A loss that can have a log link gets it. y (n, targets) and sample_weight
    (n,), both optional, determine the constant of "poisson".
    """
    if isinstance(loss, str) and loss == "squared_error":
        found = averaged(losses.MeanSquaredError())
        metric = "mean_squared_error" if targets > 1 else None
        return NetworkObjective(found, targets, "identity", targets / 2, metric)
    if isinstance(loss, str) and loss == "poisson":
        found = averaged(losses.Poisson(log_link=True))
        offset = 0.0
        if y is not None:  # the mean of y log y - y, which half the Poisson deviance has more
            values = y * logarithms(np.where(y > 0, y, 1.0)) - y
            offset = float(np.average(values.sum(axis=1), weights=sample_weight))
        return NetworkObjective(found, targets, "exp", float(targets), offset=offset)
    found = averaged(losses.get(loss))
    if hasattr(found, "log_link"):
        config = found.get_config() | {"log_link": True}
        found = averaged(type(found).from_config(config))
        return NetworkObjective(found, targets, "exp")
    return NetworkObjective(found, _width_for(found, targets), "identity")


def averaged(loss):
    """Return a copy of a loss whose mean counts weights as rows."""
    loss = copy.copy(loss)
    if loss.reduction in ("sum_over_batch_size", "mean"):
        loss.reduction = WEIGHTED
    return loss


def _width_for(loss, targets):
    """Return the least width of an output that a loss compares with so many targets."""
    for width in range(targets, 100 * targets + 1):
        try:
            if loss.target_columns(width) == targets:
                return width
        except ShapeError:
            continue
    return targets


def class_weights(given, classes, y, sample_weight=None):
    """Return the weight of each class, at least 0: of a dict, or "balanced"."""
    weights = compute_class_weight(given, classes=classes, y=y, sample_weight=sample_weight)
    if not (weights >= 0).all():
        at = int(np.argmin(weights >= 0))
        seen = f"{weights[at]} for class {classes[at].item()!r}"
        raise ArgumentError(f"class_weight: expected weights of at least 0, got {seen}")
    return weights
