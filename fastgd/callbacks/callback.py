"""The base of all callbacks, and the hooks that a callback overrides."""

import functools
from collections.abc import Callable
from typing import Any, ClassVar, TypeAlias

from fastgd._typing import Logs
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError

_Hook: TypeAlias = Callable[..., Any] | None


class Callback:
    """The base of all callbacks: override the hooks of interest.

    Only hooks that are overridden are called. An epoch is one compiled call; a callback that
    overrides a hook of batches cuts it at each batch, one that overrides ``on_train_progress``
    is told the progress without cutting anything.

    Every hook gets ``logs``, a dict of name -> float. Later callbacks see what is added to it
    in ``on_epoch_end``, and so does the History, which comes last.

    Attributes
    ----------
    model : Model
        Set ``model.stop_training = True`` to end the training after this batch or epoch.
    params : dict
        ``"epochs"``, ``"steps"`` (of an epoch; None where it is not known) and ``"verbose"``.
    state_names : tuple of str
        The attributes that a BackupAndRestore saves, and sets when it resumes the training:
        numbers, strings, None, arrays, and lists and dicts of such.
    first_rank_only : bool
        True for one that writes files or prints: with ``fit(comm=)`` only rank 0 calls it.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, callbacks
    >>> class StopAt(callbacks.Callback):
    ...     def on_epoch_end(self, epoch, logs=None):
    ...         self.model.stop_training = logs["loss"] < 0.5
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64)
    >>> history = model.fit(x, 2 * x, epochs=1000, verbose=0, callbacks=[StopAt()])
    >>> len(history.epoch) < 1000
    True
    """

    state_names: ClassVar[tuple[str, ...]] = ()
    #: Whether its hooks are called after those of all other callbacks.
    runs_last: ClassVar[bool] = False

    #: Whether only rank 0 calls its hooks where ranks train together, as fits a callback that
    #: writes files or prints.
    first_rank_only: ClassVar[bool] = False

    def __init__(self) -> None:
        self.params: Any = None
        self.model: Any = None

    @property
    def acts_on(self) -> str | None:
        """The figure of the logs on which the training depends; None if there is none."""
        return None

    def set_params(self, params: dict[str, Any]) -> None:
        """Store the dict ``params``; run before everything else."""
        self.params = params

    def set_model(self, model: Any) -> None:
        """Store the model; run before everything else."""
        self.model = model

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Run before the first epoch of ``fit``."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Run after the last epoch, unless an error ended the training."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Run before each epoch; epochs count from 0."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Run after each epoch and its validation, with the values of both."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each batch of an epoch; batches count from 0."""

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each batch, with the values of the epoch so far."""

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Another name of ``on_train_batch_end``."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Run before ``evaluate``, and before each validation in ``fit``."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Run after ``evaluate`` or a validation, with its values."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each batch of an evaluation, with the values so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Run before ``predict``."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Run after ``predict``."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Run before each batch of ``predict``."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Run after each batch of ``predict``; ``logs["outputs"]`` are its outputs."""

    def on_train_progress(self, steps: int, logs: Logs | None = None) -> None:
        """Beyond Keras: run 20 times a second with the batches done; not in short epochs."""

    def on_test_progress(self, steps: int, logs: Logs | None = None) -> None:
        """Beyond Keras: run with the number of batches of the evaluation done."""

    def on_train_diverged(self, error: DivergenceError) -> None:
        """Beyond Keras: run when an epoch diverged, and the model went back to its best.

        The error is raised unless ``model.stop_training`` is set here.
        """


#: Hooks with a second name, as in Keras; it is called where the hook is.
ALIASES = {"on_train_batch_begin": "on_batch_begin", "on_train_batch_end": "on_batch_end"}
_NAMES = tuple(name for name in vars(Callback) if name.startswith("on_"))
HOOKS = tuple(name for name in _NAMES if name not in ALIASES.values())
#: The hook of each name.
_HOOK_OF = {name: name for name in HOOKS} | {alias: hook for hook, alias in ALIASES.items()}

for _name in _NAMES:  # Keras marks hooks that are not overridden in the same way
    vars(Callback)[_name]._is_default = True


def listeners_of(callback):
    """Return the hooks that a callback overrides, as pairs of name and method."""
    names, own = _overridden(type(callback)), getattr(callback, "__dict__", {})
    if not _HOOK_OF.keys().isdisjoint(own):
        names = {name for name in _NAMES if not _is_default(getattr(callback, name, None))}
    # in this order a hook replaces its alias
    return {_HOOK_OF[name]: getattr(callback, name) for name in sorted(names)}.items()


@functools.cache
def _overridden(kind):
    """Return the names of the hooks that a class of callbacks overrides."""
    return {name for name in _NAMES if not _is_default(getattr(kind, name, None))}


def _is_default(hook):
    return hook is None or getattr(hook, "_is_default", False)


def check_rate_can_be_set(callback: Callback) -> None:
    """Raise an ArgumentError if the learning rate of a callback's model follows a schedule."""
    if getattr(callback.model.optimizer, "scheduled", False):
        raise ArgumentError(
            f"{type(callback).__name__}: it sets the learning rate, but that of the optimizer "
            "follows a LearningRateSchedule: make the optimizer with a number, or leave the "
            "callback out"
        )


class LambdaCallback(Callback):
    """Call a function at each hook that one is given for.

    Parameters
    ----------
    on_epoch_begin, on_epoch_end : function of (epoch, logs), optional
    on_train_begin, on_train_end : function of (logs), optional
    on_train_batch_begin, on_train_batch_end : function of (batch, logs), optional
    **kwargs
        Functions for other hooks, or any attribute.

    Examples
    --------
    >>> from fastgd import Sequential, layers, callbacks
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> show = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: print(epoch, *logs))
    >>> history = model.fit([[1.0]], [1.0], epochs=2, verbose=0, callbacks=[show])
    0 loss
    1 loss
    """

    def __init__(self, on_epoch_begin: _Hook = None, on_epoch_end: _Hook = None,
                 on_train_begin: _Hook = None, on_train_end: _Hook = None,
                 on_train_batch_begin: _Hook = None, on_train_batch_end: _Hook = None,
                 **kwargs: Any) -> None:  # fmt: skip
        given = {k: v for k, v in locals().items() if k.startswith("on_")} | kwargs
        super().__init__()
        for name, value in given.items():
            is_hook = name in _NAMES
            if is_hook and value is not None and not callable(value):
                raise DataTypeError(f"{name}: expected a function, got {value!r}")
            if value is not None or not is_hook:
                setattr(self, name, value)
