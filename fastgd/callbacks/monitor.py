"""The base of the callbacks that watch one value."""

import warnings

import numpy as np

from fastgd._data.validation import number
from fastgd._registry.names import snake_case
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class MonitorCallback(Callback):
    """Watch a value and compare it with others; the arguments are those of EarlyStopping.

    The first value has to be better than ``baseline``.
    """

    def __init__(
        self, monitor: str = "val_loss", mode: str = "auto", baseline: float | None = None,
        min_delta: float = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        if mode not in ("auto", "min", "max"):
            raise ArgumentError(f"mode: expected 'auto', 'min' or 'max', got {mode!r}")
        self.monitor = monitor
        self.mode = mode
        self.best = baseline
        self.min_delta = abs(number(min_delta, "min_delta"))

    def current(self, logs: Logs) -> float | None:
        """Return the value in the logs; warn and return None if it is not recorded."""
        value = logs.get(self.monitor)
        if value is None:
            message = f"{type(self).__name__}: {not_recorded(self.monitor, logs)}"
            warnings.warn(message, stacklevel=2)
        return value

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether a value is better than a reference, by more than ``min_delta``.

        Anything but NaN is better than None.
        """
        if reference is None:
            return not np.isnan(value)
        if self.direction() == "max":
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def direction(self) -> str:
        """Return ``"min"`` or ``"max"``.

        Raises
        ------
        ArgumentError
            For mode "auto" and a value whose metric does not say which it is.
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


def not_recorded(monitor: str, logs: Logs) -> str:
    """Return the message for a value that is not in the logs."""
    recorded = ", ".join(logs) or "nothing"
    return (
        f"monitor={monitor!r} is not recorded (recorded: {recorded}). "
        "Add the metric or validation data."
    )


#: Words in the names of metrics whose values should rise and fall, for metrics without
#: a direction of their own.
_UP = (
    "accuracy", "auc", "precision", "recall", "sensitivity", "specificity", "score", "iou",
    "similarity", "gini", "kolmogorov", "true_positives", "true_negatives",
)  # fmt: skip
_DOWN = ("error", "crossentropy", "loss", "divergence", "hinge", "poisson", "brier", "false_")


def _direction(metric):
    """Return ``"max"`` or ``"min"`` for a metric, or None if it is not known."""
    said = getattr(metric, "direction", None) or getattr(metric, "_direction", None)
    if said is not None:
        return "max" if said in ("up", "max") else "min"
    # a name that the user chose says nothing, the class does
    for name in (snake_case(type(metric).__name__), metric.name):
        if any(word in name for word in _DOWN):  # first: "brier_score", "calibration_error"
            return "min"
        if any(word in name for word in _UP):
            return "max"
    return None
