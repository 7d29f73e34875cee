"""Several callbacks as one."""

from collections.abc import Callable, Sequence
from typing import Any

from fastgd._typing import Logs
from fastgd.callbacks.callback import HOOKS, Callback, listeners_of
from fastgd.callbacks.progress import ProgbarLogger
from fastgd.callbacks.records import History
from fastgd.errors import DataTypeError, DivergenceError


class CallbackList(Callback):
    """Call the hooks of several callbacks, one after the other.

    Parameters
    ----------
    callbacks : Callback or list of Callback, optional
        A list may hold lists.
    add_history, add_progbar : bool
        Append a History or a ProgbarLogger if there is none.
    model : Model, optional
    **params
        Passed to ``set_params`` of each callback.

    Raises
    ------
    DataTypeError
        For an object that has no hooks.

    Examples
    --------
    >>> from fastgd.callbacks import CallbackList, LambdaCallback
    >>> greet = LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
    >>> CallbackList([greet, greet]).on_epoch_begin(3)
    epoch 3
    epoch 3
    """

    def __init__(
        self, callbacks: Any = None, add_history: bool = False, add_progbar: bool = False,
        model: Any = None, **params: Any,
    ) -> None:  # fmt: skip
        self.callbacks: list[Any] = list(_flat(callbacks))
        self.history = self._first(History)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        if add_progbar and self._first(ProgbarLogger) is None:
            self.callbacks.append(ProgbarLogger())
        self.params = params
        self.model = None
        self._listeners: dict[str, list[Callable[..., None]]] | None = None
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _first(self, kind):
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    def listeners(self, hook: str) -> Sequence[Callable[..., None]]:
        """Return the methods of all callbacks that override a hook."""
        if self._listeners is None:  # looked up once a run
            self._listeners = {}
            for callback in self.callbacks:
                for name, method in listeners_of(callback):
                    self._listeners.setdefault(name, []).append(method)
        return self._listeners.get(hook, ())

    def append(self, callback: Any) -> None:
        """Add a callback."""
        self.callbacks.extend(_flat(callback))
        self._listeners = None

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model: Any) -> None:
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)
        self._listeners = None

    def listens_to(self, *hooks: str) -> bool:
        """Return whether any callback overrides one of the hooks."""
        return any(map(self.listeners, hooks))

    @property
    def only_records(self) -> bool:
        """Whether there is nothing but a History."""
        return all(type(callback) is History for callback in self.callbacks)

    def on_train_diverged(self, error: DivergenceError) -> None:
        """Tell every callback of a divergence."""
        for method in self.listeners("on_train_diverged"):
            method(error)


def _relay(hook):
    """Return the method that calls a hook of all listeners, with logs or a number and logs."""

    def with_number(self: CallbackList, number: int, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        for method in self.listeners(hook):
            method(number, logs)

    def without(self: CallbackList, logs: Logs | None = None) -> None:
        logs = {} if logs is None else logs
        for method in self.listeners(hook):
            method(logs)

    numbered = any(word in hook for word in ("epoch", "batch", "progress"))
    relay = with_number if numbered else without
    relay.__name__, relay.__doc__ = hook, getattr(Callback, hook).__doc__
    return relay


for _hook in HOOKS:
    if _hook not in vars(CallbackList):
        setattr(CallbackList, _hook, _relay(_hook))


def _flat(callbacks):
    if callbacks is None:
        return
    if isinstance(callbacks, (list, tuple)):
        for callback in callbacks:
            yield from _flat(callback)
    elif isinstance(callbacks, CallbackList):
        yield from callbacks.callbacks
    elif not isinstance(callbacks, type) and hasattr(callbacks, "set_model"):
        yield callbacks  # Keras' own callbacks have the same hooks
    else:
        raise DataTypeError(f"callbacks: expected callbacks, got {callbacks!r}")
