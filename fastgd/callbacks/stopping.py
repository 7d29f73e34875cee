"""End a training early."""

from typing import Any

from fastgd._data.validation import boolean, whole_number
from fastgd._training.progress import say
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.callbacks.monitor import MonitorCallback, not_recorded
from fastgd.errors import ArgumentError, DivergenceError


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
        Whether less or more is better; "auto" asks the metric of that name.
    baseline : float, optional
        Only a better value than this resets the patience.
    restore_best_weights : bool
        Leave the model with the weights of its best epoch, however the training ends: by this
        callback, by its last epoch, or by another callback.
    start_from_epoch : int
        Ignore the epochs before this one.

    Attributes
    ----------
    stopped_epoch : int
        The epoch after which it ended the training; 0 if it did not.
    best : float
        The best value.
    best_epoch : int
    best_weights : list of ndarray

    Notes
    -----
    Each ``fit`` starts afresh, whatever the object was used for before.

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

    def __init__(
        self, monitor: str = "val_loss", min_delta: float = 0, patience: int = 0,
        verbose: int = 0, mode: str = "auto", baseline: float | None = None,
        restore_best_weights: bool = False, start_from_epoch: int = 0,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = boolean(restore_best_weights, "restore_best_weights")
        self.start_from_epoch = whole_number(start_from_epoch, "start_from_epoch", 0)
        self._reset()

    def _reset(self):
        self.wait = self.stopped_epoch = self.best_epoch = 0
        self.best = self.best_weights = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
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


class TerminateOnNaN(Callback):
    """End the training without the DivergenceError that it would end in.

    The model keeps the last finite weights, and the ``"loss"`` of the epoch is NaN. Without
    this callback, or with ``raise_error``, ``fit`` raises the error. The compiled loop checks
    every loss by itself: no epoch is cut.

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


class OptunaPruning(Callback):
    """Report a value to a trial of Optuna after each epoch, and end the training if pruned.

    Parameters
    ----------
    trial : optuna.Trial
    monitor : str
        The value to report: ``"loss"``, a metric, or ``"val_..."`` of either. The study decides
        whether less or more of it is better.

    Raises
    ------
    optuna.TrialPruned
        From ``fit``, in the epoch in which the study's pruner says so; Optuna expects it from
        the objective.
    ArgumentError
        If the value is not recorded.

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
        self.trial = trial
        self.monitor = monitor

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.monitor not in (logs := logs or {}):
            raise ArgumentError(not_recorded(self.monitor, logs))
        self.trial.report(logs[self.monitor], step=epoch)
        if self.trial.should_prune():
            import optuna

            raise optuna.TrialPruned(f"pruned after epoch {epoch + 1}")
