"""Several callbacks as one."""

from fastgd.callbacks.callback import HOOKS, Callback, listeners_of
from fastgd.callbacks.history import History
from fastgd.callbacks.progbar_logger import ProgbarLogger
from fastgd.errors import DataTypeError


class CallbackList(Callback):
    """Calls the hooks of several callbacks, one after the other.

    Parameters
    ----------
    callbacks : Callback or list of Callback, optional
        A list may hold lists.
    add_history, add_progbar : bool
        Append a History or a ProgbarLogger if there is none.
    model : Model, optional
    **params
        What ``set_params`` of each callback is called with.

    Raises
    ------
    DataTypeError
        For anything that has no hooks.

    Examples
    --------
    >>> from fastgd.callbacks import CallbackList, LambdaCallback
    >>> greet = LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
    >>> CallbackList([greet, greet]).on_epoch_begin(3)
    epoch 3
    epoch 3
    """

    def __init__(
        self, callbacks=None, add_history=False, add_progbar=False, model=None, **params
    ):
        self.callbacks = list(_flat(callbacks))
        self.history = self._first(History)
        if self.history is None and add_history:
            self.history = History()
            self.callbacks.append(self.history)
        if add_progbar and self._first(ProgbarLogger) is None:
            self.callbacks.append(ProgbarLogger())
        self.params = params
        self.model = None
        self._listeners = None
        if model is not None:
            self.set_model(model)
        if params:
            self.set_params(params)

    def _first(self, kind):
        return next((c for c in self.callbacks if isinstance(c, kind)), None)

    def listeners(self, hook):
        """The methods of all who override a hook; looked for once a run."""
        if self._listeners is None:
            self._listeners = {}
            for callback in self.callbacks:
                for name, method in listeners_of(callback):
                    self._listeners.setdefault(name, []).append(method)
        return self._listeners.get(hook, ())

    def append(self, callback):
        """Add a callback."""
        self.callbacks.extend(_flat(callback))
        self._listeners = None

    def set_params(self, params):
        self.params = params
        for callback in self.callbacks:
            callback.set_params(params)

    def set_model(self, model):
        self.model = model
        for callback in self.callbacks:
            callback.set_model(model)
        self._listeners = None

    def listens_to(self, *hooks):
        """Whether any callback overrides one of the hooks."""
        for hook in hooks:  # noqa: SIM110 (a generator takes longer)
            if self.listeners(hook):
                return True
        return False

    @property
    def only_records(self):
        """Whether there is nobody but a History."""
        return all(type(callback) is History for callback in self.callbacks)

    def on_train_diverged(self, error):
        """Tell every callback of a divergence."""
        for method in self.listeners("on_train_diverged"):
            method(error)


def _relay(hook):
    """The method that calls a hook of all who listen: of logs, or of a number and logs."""

    def with_number(self, number, logs=None):
        logs = {} if logs is None else logs
        for method in self.listeners(hook):
            method(number, logs)

    def without(self, logs=None):
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
