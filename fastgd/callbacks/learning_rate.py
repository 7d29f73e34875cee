"""Callbacks that set the learning rate."""

import inspect
from collections.abc import Callable

from fastgd._data.validation import number, whole_number
from fastgd._training.progress import say
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.callbacks.monitor import MonitorCallback
from fastgd.errors import ArgumentError, DataTypeError


class LearningRateScheduler(Callback):
    """Set the learning rate before each epoch, and log it after it.

    Parameters
    ----------
    schedule : function
        Returns the new rate for the epoch (from 0) and the old rate, or for the epoch alone.
    verbose : {0, 1}

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, callbacks, optimizers
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile(optimizers.SGD(0.4), "mse")
    >>> halve = callbacks.LearningRateScheduler(lambda epoch, rate: rate / 2)
    >>> history = model.fit([[1.0]], [1.0], epochs=3, verbose=0, callbacks=[halve])
    >>> history.history["learning_rate"]
    [0.2, 0.1, 0.05]
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        if not callable(schedule):
            raise DataTypeError(f"schedule: expected a function, got {schedule!r}")
        self.schedule = schedule
        self.verbose = verbose
        try:
            inspect.signature(schedule).bind(0, 0.1)
            self._takes_rate = True
        except (TypeError, ValueError):
            self._takes_rate = False

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        arguments = (epoch, float(optimizer.learning_rate)) if self._takes_rate else (epoch,)
        rate = number(self.schedule(*arguments), "the learning rate that schedule returned", 0)
        optimizer.learning_rate = rate
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: learning rate set to {rate}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class ReduceLROnPlateau(MonitorCallback):
    """Reduce the learning rate when a value has stopped improving, and log it.

    Parameters
    ----------
    monitor, mode, min_delta
        As in EarlyStopping.
    factor : float
        In (0, 1): the rate is multiplied by it.
    patience : int
        Reduce after so many epochs without an improvement.
    verbose : {0, 1}
    cooldown : int
        The number of epochs to ignore after a reduction.
    min_lr : float
        The rate is not reduced below it.

    Notes
    -----
    Each ``fit`` starts afresh; the rate stays what it is. The logged rate is that of the epoch.
    """

    def __init__(
        self, monitor: str = "val_loss", factor: float = 0.1, patience: int = 10,
        verbose: int = 0, mode: str = "auto", min_delta: float = 1e-4, cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta=min_delta)
        self.factor = number(factor, "factor", 0)
        if self.factor >= 1:
            raise ArgumentError(f"factor: expected a number below 1, got {factor!r}")
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbose
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
            self.best = current
            self.wait = 0
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
        self.cooldown_counter = self.cooldown
        self.wait = 0
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: learning rate reduced to {new}")
