"""The objective of a network: a loss by scikit-learn's or fastgd's name, and its output."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd import losses
from fastgd.errors import ArgumentError, ShapeError

#: The reduction sum(w l) / sum(w), for which a weight of 2 equals a row that comes twice.
WEIGHTED = "mean_with_sample_weight"
#: Losses of margins, whose outputs are not probabilities.
MARGINS = (losses.Hinge, losses.SquaredHinge, losses.CategoricalHinge)
#: Losses of a row of classes.
CATEGORICAL = (
    losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy, losses.CategoricalHinge,
)  # fmt: skip


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
    def layer_activation(self):
        """The name of the last layer's activation: an exponential is a log link of the loss."""
        return {"logistic": "sigmoid", "softmax": "softmax"}.get(self.activation, "linear")

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
        return np.exp(outputs) if self.activation == "exp" else outputs


def of_classes(loss, labels):
    """Return the objective of a classifier with these Labels.

    loss: "log_loss", "focal", or a name or an object of ``fastgd.losses``.
    """
    several = labels.kind == "multiclass"
    if several:
        named = {
            "log_loss": losses.SparseCategoricalCrossentropy,
            "focal": losses.CategoricalFocalCrossentropy,
        }
    else:
        named = {"log_loss": losses.BinaryCrossentropy, "focal": losses.BinaryFocalCrossentropy}
    known = isinstance(loss, str) and loss in named
    found = averaged(named[loss]() if known else losses.get(loss))
    if isinstance(found, CATEGORICAL) and not several:
        raise ArgumentError(
            f"loss: {found.name} is one of several classes, and the targets are "
            f"{labels.kind}: use 'log_loss', 'focal' or a binary loss"
        )
    if isinstance(found, MARGINS):
        activation = "identity"
    else:
        activation = "softmax" if several else "logistic"
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
        offset = 0.0 if y is None else _poisson_constant(y, sample_weight)
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


def _poisson_constant(y, sample_weight):
    """Return the mean of y log y - y, which half the Poisson deviance adds to p - y log p."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(y > 0, y * np.log(y), 0.0) - y
    return float(np.average(values.sum(axis=1), weights=sample_weight))
