"""What callbacks that watch one figure share."""

import warnings

import numpy as np

from fastgd._data.validation import number
from fastgd._registry.names import snake_case
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class MonitorCallback(Callback):
    """Watches a figure and knows which of two values is better.

    Parameters
    ----------
    monitor : str
        The name of a figure: ``"loss"``, a metric, or ``"val_..."`` of either.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric of that name.
    baseline : float, optional
        What the first value has to beat.
    min_delta : float
        The least change that counts.
    """

    def __init__(self, monitor="val_loss", mode="auto", baseline=None, min_delta=0):
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(number(min_delta, "min_delta"))

    def current(self, logs):
        """The figure watched; None, and a warning, where it is not among the logs."""
        value = logs.get(self.monitor)
        if value is None:
            warnings.warn(
                f"{type(self).__name__}: no figure {self.monitor!r}; there are "
                f"{', '.join(logs) or 'none'}",
                stacklevel=2,
            )
        return value

    def improves(self, value, reference):
        """Whether a value is better than a reference, by more than ``min_delta``.

        Anything but NaN is better than None.
        """
        if reference is None:
            return not np.isnan(value)
        if self.direction() == "max":
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def direction(self):
        """``"min"`` or ``"max"``.

        Raises
        ------
        ArgumentError
            For mode "auto" and a figure that does not say which it is.
        """
        if self.mode != "auto":
            return self.mode
        name = self.monitor.removeprefix("val_")
        if name == "loss" or name.endswith("_loss"):
            return "min"
        for metric in self.model.metrics if self.model is not None else ():
            direction = _direction(metric) if metric.name == name else None
            if direction is not None:
                return direction
        raise ArgumentError(
            f"monitor: {self.monitor!r} does not say whether less or more of it is better; "
            "give mode='min' or mode='max'"
        )


#: What the names of metrics say, where a metric does not say itself which way is up.
_UP = (
    "accuracy", "auc", "precision", "recall", "sensitivity", "specificity", "score", "iou",
    "similarity", "gini", "kolmogorov", "true_positives", "true_negatives",
)  # fmt: skip
_DOWN = ("error", "crossentropy", "loss", "divergence", "hinge", "poisson", "brier", "false_")


def _direction(metric):
    """``"max"`` or ``"min"`` for a metric; None where it cannot be told."""
    said = getattr(metric, "direction", None) or getattr(metric, "_direction", None)
    if said is not None:
        return "max" if said in ("up", "max") else "min"
    # a name of the user's own says nothing, the class does
    for name in (snake_case(type(metric).__name__), metric.name):
        if any(word in name for word in _DOWN):  # first: "brier_score", "calibration_error"
            return "min"
        if any(word in name for word in _UP):
            return "max"
    return None
