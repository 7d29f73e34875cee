"""What a network is trained for: a loss by scikit-learn's or fastgd's name, and its output."""

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd import losses
from fastgd.errors import ArgumentError, ShapeError

#: The word for sum(w l) / sum(w), which makes a weight of 2 the same as a row that comes twice.
WEIGHTED = "mean_with_sample_weight"
#: Losses of margins, whose outputs are no probabilities.
MARGINS = (losses.Hinge, losses.SquaredHinge, losses.CategoricalHinge)
#: Those of one row of classes.
CATEGORICAL = (
    losses.CategoricalCrossentropy, losses.SparseCategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy, losses.CategoricalHinge,
)  # fmt: skip


@dataclass(frozen=True)
class Objective:
    """What is minimised, and what the outputs are.

    Attributes
    ----------
    loss : Loss
    width : int
        Of the output layer.
    activation : {"identity", "logistic", "softmax", "exp"}
        Of the output layer, as scikit-learn calls it.
    weight : float
        What the loss is multiplied by.
    metric : str, or None
        A metric that ``reported`` asks for.
    offset : float
        What is added to the loss when it is reported.
    """

    loss: Any
    width: int
    activation: str
    weight: float = 1.0
    metric: str | None = None
    offset: float = 0.0

    @property
    def layer_activation(self):
        """That of the network's last layer: an exponential is a log link of the loss."""
        return {"logistic": "sigmoid", "softmax": "softmax"}.get(self.activation, "linear")

    @property
    def threshold(self):
        """What an output of one class lies above."""
        return 0.5 if self.activation == "logistic" else 0.0

    def reported(self, figures):
        """The loss as scikit-learn reports it."""
        loss = figures["loss"] + self.offset
        if self.metric is not None:  # the sum over outputs is minimised, the mean is reported
            loss -= (self.weight - self.weight / self.width) * figures[self.metric]
        return loss

    def predictions(self, outputs):
        """Predictions for a network's outputs."""
        return np.exp(outputs) if self.activation == "exp" else outputs


def of_classes(loss, labels):
    """The objective of a classifier.

    Parameters
    ----------
    loss : str or Loss
        "log_loss", "focal", or a name or an object of ``fastgd.losses``.
    labels : fastgd.sklearn.labels.Labels
    """
    several = labels.kind == "multiclass"
    named = {
        "log_loss": losses.SparseCategoricalCrossentropy if several
        else losses.BinaryCrossentropy,
        "focal": losses.CategoricalFocalCrossentropy if several
        else losses.BinaryFocalCrossentropy,
    }  # fmt: skip
    known = isinstance(loss, str) and loss in named
    found = averaged(named[loss]() if known else losses.get(loss))
    if isinstance(found, CATEGORICAL) and not several:
        raise ArgumentError(
            f"loss: {found.name} is one of several classes, and the targets are "
            f"{labels.kind}: use 'log_loss', 'focal' or one of its binary kin"
        )
    if isinstance(found, MARGINS):
        activation = "identity"
    else:
        activation = "softmax" if several else "logistic"
    if found.from_logits:  # the activation makes them: fused with it, the loss is the same
        found.from_logits = False
    weight = labels.outputs if known and not several else 1  # the sum over labels
    return Objective(found, labels.outputs, activation, float(weight))


def of_numbers(loss, targets, y=None, sample_weight=None):
    """The objective of a regressor.

    Parameters
    ----------
    loss : str or Loss
        "squared_error" and "poisson", halves as in scikit-learn, or a name or an object of
        ``fastgd.losses``. A loss with a log link gets it.
    targets : int
        Columns of y.
    y : ndarray, shape (n, targets), optional
        What the constant of "poisson" is of.
    sample_weight : ndarray, shape (n,), optional
    """
    if isinstance(loss, str) and loss == "squared_error":
        found = averaged(losses.MeanSquaredError())
        metric = "mean_squared_error" if targets > 1 else None
        return Objective(found, targets, "identity", targets / 2, metric)
    if isinstance(loss, str) and loss == "poisson":
        found = averaged(losses.Poisson(log_link=True))
        offset = 0.0 if y is None else _poisson_constant(y, sample_weight)
        return Objective(found, targets, "exp", float(targets), offset=offset)
    found = averaged(losses.get(loss))
    if hasattr(found, "log_link"):
        config = found.get_config() | {"log_link": True}
        found = averaged(type(found).from_config(config))
        return Objective(found, targets, "exp")
    return Objective(found, _width_for(found, targets), "identity")


def averaged(loss):
    """The loss, for itself, as a mean in which weights count as rows do."""
    loss = copy.copy(loss)
    if loss.reduction in ("sum_over_batch_size", "mean"):
        loss.reduction = WEIGHTED
    return loss


def _width_for(loss, targets):
    """The least width of an output that a loss compares with so many targets."""
    for width in range(targets, 100 * targets + 1):
        try:
            if loss.target_columns(width) == targets:
                return width
        except ShapeError:
            continue
    return targets


def _poisson_constant(y, sample_weight):
    """The mean of y log y - y, which half the Poisson deviance has beside p - y log p."""
    with np.errstate(divide="ignore", invalid="ignore"):
        values = np.where(y > 0, y * np.log(y), 0.0) - y
    return float(np.average(values.sum(axis=1), weights=sample_weight))
