"""Callbacks that watch one value of a training."""

import math
from typing import Any

import numpy as np

from fastgd._data.arguments import choice, text
from fastgd._data.validation import boolean, number, verbosity, whole_number
from fastgd._registry.advice import NamedArguments
from fastgd._registry.extras import needed_by
from fastgd._registry.names import snake_case
from fastgd._training.progress import say
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback, check_rate_can_be_set
from fastgd.errors import ArgumentError, warn


class MonitorCallback(NamedArguments, Callback):
    """Watch a value and compare it with others; the arguments are those of EarlyStopping.

    The first value has to be better than ``baseline``.
    """

    def __init__(self, monitor: str = "val_loss", mode: str = "auto",
                 baseline: float | None = None, min_delta: float = 0) -> None:  # fmt: skip
        super().__init__()
        self.monitor = text(monitor, "monitor")
        self.mode = choice(mode, "mode", ("auto", "min", "max"))
        self.best = baseline
        self.min_delta = abs(number(min_delta, "min_delta"))

    @property
    def acts_on(self) -> str | None:
        """The value that is watched."""
        return self.monitor

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.direction()  # or raise before the first epoch

    def current(self, logs: Logs) -> float | None:
        """Return the value in the logs; warn and return None if it is not recorded.

        ArgumentError for an array.
        """
        if self.monitor not in logs:
            warn(f"{type(self).__name__}: {not_recorded(self.monitor, logs)}")
            return None
        return one_number(self.monitor, logs[self.monitor])

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether a value is better by ``min_delta``; anything but NaN beats None."""
        if reference is None:
            return not np.isnan(value)
        if self.direction() == "max":
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def direction(self) -> str:
        """Return ``"min"`` or ``"max"``, or raise an ArgumentError if no metric says it."""
        if self.mode != "auto":
            return self.mode
        name, model = self.monitor.removeprefix("val_"), self.model
        if model is not None:  # the names of metrics are the last ones
            pairs = zip(reversed(model.metrics_names), reversed(model.metrics), strict=False)
            metrics = dict(pairs)
            metric = metrics.get(self.monitor, metrics.get(name))
            if metric is not None and (direction := _direction(metric)) is not None:
                return direction
        if name == "loss" or name.endswith("_loss"):
            return "min"
        raise ArgumentError(
            f"monitor: {self.monitor!r} does not say whether less or more of it is better; "
            "give mode='min' or mode='max'"
        )


class EarlyStopping(MonitorCallback):
    """End the training when a value has stopped improving.

    Parameters
    ----------
    monitor : str
        The value to watch: ``"loss"``, a metric, or ``"val_..."`` of either.
    min_delta : float
        The least change that counts as an improvement.
    patience : int
        End the training after so many epochs in a row without one.
    verbose : {0, 1}
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric of that name, and is an
        ArgumentError before the first epoch if the metric does not say it.
    baseline : float, optional
        Only a better value than this resets the patience.
    restore_best_weights : bool
        Leave the model with the weights of its best epoch, however the training ends: by this
        callback, by its last epoch, or by another callback.
    start_from_epoch : int, the first epoch that counts

    Attributes
    ----------
    stopped_epoch : int
        The epoch after which it ended the training; 0 if it did not.
    best, best_epoch, best_weights : float, int and list of ndarray
        Of the best epoch of this ``fit``: each starts afresh.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, callbacks, utils
    >>> utils.set_random_seed(1)
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64)
    >>> stop = callbacks.EarlyStopping("loss", min_delta=1e-3, patience=3)
    >>> history = model.fit(x, 2 * x, epochs=1000, verbose=0, callbacks=[stop])
    >>> len(history.epoch) == stop.stopped_epoch + 1 < 1000
    True
    """

    state_names = ("wait", "stopped_epoch", "best", "best_epoch", "best_weights")

    def __init__(self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0,
                 verbose: int = 0, mode: str = "auto", baseline: float | None = None,
                 restore_best_weights: bool = False,
                 start_from_epoch: int = 0) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbosity(verbose)
        self.baseline = optional_limit(baseline, "baseline")
        self.restore_best_weights = boolean(restore_best_weights, "restore_best_weights")
        self.start_from_epoch = whole_number(start_from_epoch, "start_from_epoch", 0)
        self._reset()

    def _reset(self):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin()
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        current = self.current(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improves(current, self.best):
            self._keep(epoch, current)
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
            # an epoch that is the best so far never ends the training, as in Keras
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch, None)  # NaN: there is no better one to return to
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch, value):
        self.best, self.best_epoch = value, epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class ReduceLROnPlateau(MonitorCallback):
    """Reduce the learning rate when a value has stopped improving, and log it.

    Each ``fit`` starts afresh; the rate stays what it is. The logged rate is that of the epoch.

    Parameters
    ----------
    monitor, mode, min_delta
        As in EarlyStopping.
    factor : float
        In (0, 1): the rate is multiplied by it.
    patience, cooldown : int
        The epochs without an improvement before a reduction, and those to ignore after one.
    verbose : {0, 1}
    min_lr : float
        The rate is not reduced below it.
    """

    state_names = ("best", "wait", "cooldown_counter")

    def __init__(self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10,
                 verbose: int = 0, mode: str = "auto", min_delta: float = 1e-4,
                 cooldown: int = 0, min_lr: float = 0.0) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor = number(factor, "factor", 0)
        if self.factor >= 1:
            raise ArgumentError(f"factor: expected a number below 1, got {factor!r}")
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbosity(verbose)
        self.cooldown = whole_number(cooldown, "cooldown", 0)
        self.min_lr = number(min_lr, "min_lr", 0)
        self._reset()

    def _reset(self):
        self.best = None
        self.wait = self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Return whether the rate was reduced in the last ``cooldown`` epochs."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        super().on_train_begin()
        check_rate_can_be_set(self)
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        logs["learning_rate"] = float(self.model.optimizer.learning_rate)
        current = self.current(logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best, self.wait = current, 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch):
        old = float(self.model.optimizer.learning_rate)
        if old <= self.min_lr:
            return
        new = max(old * self.factor, self.min_lr)
        self.model.optimizer.learning_rate = new
        self.cooldown_counter, self.wait = self.cooldown, 0
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: learning rate reduced to {new}")


class OptunaPruning(NamedArguments, Callback):
    """Report a value to a trial of Optuna after each epoch, and end the training if pruned.

    Parameters
    ----------
    trial : optuna.Trial
    monitor : str
        The value to report: ``"loss"``, a metric, or ``"val_..."`` of either. The study decides
        whether less or more of it is better.

    Raises
    ------
    optuna.TrialPruned, ArgumentError
        From ``fit``: in the epoch in which the study's pruner says so, and if the value is not
        recorded.

    Examples
    --------
    >>> from fastgd import Sequential, callbacks, layers
    >>> class Trial:  # a study calls the objective with its own
    ...     def report(self, value, step):
    ...         print(f"epoch {step}: {value:.1f}")
    ...     def should_prune(self):
    ...         return False
    >>> model = Sequential([layers.Dense(1, kernel_initializer="zeros", input_shape=(1,))])
    >>> model.compile("sgd", "mse")
    >>> prune = callbacks.OptunaPruning(Trial(), "loss")
    >>> _ = model.fit([[0.0]], [1.0], epochs=2, verbose=0, callbacks=[prune])
    epoch 0: 1.0
    epoch 1: 1.0
    """

    def __init__(self, trial: Any, monitor: str = "val_loss") -> None:
        super().__init__()
        self.trial, self.monitor = trial, text(monitor, "monitor")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.monitor not in (logs := logs or {}):
            raise ArgumentError(not_recorded(self.monitor, logs))
        self.trial.report(one_number(self.monitor, logs[self.monitor]), step=epoch)
        if self.trial.should_prune():
            with needed_by("OptunaPruning"):
                import optuna

            raise optuna.TrialPruned(f"pruned after epoch {epoch + 1}")


def optional_limit(value: float | None, argument: str) -> float | None:
    """Return None, or a number, which may be infinite."""
    infinite = isinstance(value, float) and math.isinf(value)
    return value if value is None or infinite else number(value, argument)


def one_number(monitor: str, value: Any) -> float:
    """Return a recorded value; raise an ArgumentError if it is an array."""
    if np.ndim(value) == 0:
        return value
    raise ArgumentError(
        f"monitor: {monitor!r} is an array of shape {np.shape(value)}, but one number is "
        "needed: give its metric an average, such as F1Score(average='macro')"
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
