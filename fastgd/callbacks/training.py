"""Callbacks that change a training: its learning rate, its weights, its end."""

import inspect
from collections.abc import Callable
from typing import Any

from fastgd._data.validation import boolean, number, verbosity
from fastgd._registry.advice import NamedArguments
from fastgd._training.progress import say
from fastgd._typing import Array, Logs
from fastgd.callbacks.callback import Callback, check_rate_can_be_set
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError


class LearningRateScheduler(NamedArguments, Callback):
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

    state_names = ("_latest",)

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        super().__init__()
        self._latest: Any = None
        if not callable(schedule):
            raise DataTypeError(f"schedule: expected a function, got {schedule!r}")
        self.schedule = schedule
        self.verbose = verbosity(verbose)
        try:
            inspect.signature(schedule).bind(0, 0.1)
            self._takes_rate = True
        except (TypeError, ValueError):
            self._takes_rate = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        check_rate_can_be_set(self)
        self._latest = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        optimizer = self.model.optimizer
        before = float(optimizer.learning_rate)
        if self._latest and self._latest[0] == epoch:  # which is resumed after it had begun
            before = self._latest[1]
        self._latest = [epoch, before]
        arguments = (epoch, before) if self._takes_rate else (epoch,)
        rate = number(self.schedule(*arguments), "the learning rate that schedule returned", 0)
        optimizer.learning_rate = rate
        if self.verbose:
            say(f"\nEpoch {epoch + 1}: learning rate set to {rate}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if logs is not None:
            logs["learning_rate"] = float(self.model.optimizer.learning_rate)


class SwapEMAWeights(NamedArguments, Callback):
    """Put the optimizer's averages of the weights into the model while it is evaluated.

    Validation, ``evaluate`` and ``predict`` use the averages, and training goes on with the
    weights themselves. After a validation the averages stay until the next epoch: EarlyStopping
    and ModelCheckpoint keep the weights that were judged. An optimizer without averages
    (``use_ema=True``) is an ArgumentError.

    Parameters
    ----------
    swap_on_epoch : bool
        The model holds the averages in ``on_epoch_end`` of an epoch without validation, too,
        for the callbacks that come after this one.
    """

    state_names = ("_weights",)

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = boolean(swap_on_epoch, "swap_on_epoch")
        self._weights: Array | None = None

    def _put_in(self, logs: Logs | None = None) -> None:
        if self._weights is not None:
            return
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ArgumentError("SwapEMAWeights: make the optimizer with use_ema=True")
        # a copy, not a swap: however the training ends, the averages stay what they are
        self._weights = self.model.parameters.copy()
        optimizer.finalize_variable_values(self.model.assembly().trained)

    def _take_out(self, logs: Logs | None = None) -> None:
        if self._weights is not None:
            self.model.parameters[:] = self._weights
            self._weights = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._weights = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._take_out()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._weights = None  # fit has replaced the weights by the averages

    def on_test_end(self, logs: Logs | None = None) -> None:
        if self.model.running_loop is None:
            self._take_out()

    on_test_begin = on_predict_begin = _put_in
    on_predict_end = _take_out


class TerminateOnNaN(Callback):
    """End the training without the DivergenceError that it would end in.

    The model goes back to its best epoch, see DivergenceError, and the ``"loss"`` of the epoch
    is NaN. Without this callback, or with ``raise_error``, ``fit`` raises the error. The
    compiled loop checks every loss by itself: no epoch is cut.

    Parameters
    ----------
    raise_error : bool
    """

    def __init__(self, raise_error: bool = False) -> None:
        super().__init__()
        self.raise_error = boolean(raise_error, "raise_error")

    def on_train_diverged(self, error: DivergenceError) -> None:
        if not self.raise_error:
            say(f"Batch {error.step}: {error}")
            self.model.stop_training = True
