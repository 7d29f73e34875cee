"""Several callbacks as one, and those that show the progress of a run."""

from collections.abc import Callable, Sequence
from typing import Any

from fastgd._registry.extras import needed_by
from fastgd._training.progress import Progress
from fastgd._typing import Logs
from fastgd.callbacks.callback import HOOKS, Callback, listeners_of
from fastgd.callbacks.records import History
from fastgd.errors import DataTypeError, DivergenceError, warn


class ProgbarLogger(Callback):
    """Print the lines that ``verbose`` asks for; ``fit`` and ``evaluate`` add it themselves.

    It is drawn while the compiled loop reports its progress, so it cuts no epoch into batches.
    """

    first_rank_only = True

    def __init__(self) -> None:
        super().__init__()
        self._progress: Any = None
        self._training = False

    def set_params(self, params: dict[str, Any]) -> None:
        super().set_params(params)
        self._training = False

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._training = True
        self._progress = Progress(self.params["verbose"], self.params["epochs"])

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._progress.begin(self.params["steps"], epoch)

    def on_train_progress(self, steps: int, logs: Logs | None = None) -> None:
        self._progress.update(steps, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._progress.end(logs)

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._training = False

    def on_test_begin(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress = Progress(self.params["verbose"])
            self._progress.begin(self.params["steps"])

    def on_test_progress(self, steps: int, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress.update(steps, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        if not self._training:
            self._progress.end(logs)


class TqdmCallback(Callback):
    """Show the epochs of a training as a bar of tqdm, and the batches of one as another.

    Use it with ``verbose=0``. Like the usual bar it is drawn while the compiled loop reports
    its progress, and cuts no epoch. Without tqdm a training begins with a MissingExtraError.

    Parameters
    ----------
    batches : bool
        Show the second bar.
    **kwargs
        For tqdm, such as ``file``, ``leave`` or ``desc``.
    """

    first_rank_only = True

    def __init__(self, batches: bool = False, **kwargs: Any) -> None:
        super().__init__()
        self.batches, self.kwargs = batches, kwargs
        self._epochs: Any = None
        self._steps: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        with needed_by("TqdmCallback"):
            from tqdm.auto import tqdm

        self.close()  # those of a training that ended in an error
        epochs = {"desc": "epochs", "unit": "epoch"} | self.kwargs
        self._epochs = tqdm(total=self.params["epochs"], **epochs)
        if self.batches:
            steps = self.kwargs | {"desc": "batches", "unit": "batch", "leave": False}
            self._steps = tqdm(total=self.params["steps"], **steps)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epochs.update(epoch - self._epochs.n)  # a training may begin with a later one
        if self._steps is not None:
            self._steps.reset(self.params["steps"])

    def on_train_progress(self, steps: int, logs: Logs | None = None) -> None:
        if self._steps is not None:
            self._steps.update(steps - self._steps.n)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self._epochs.set_postfix(logs, refresh=False)
        self._epochs.update()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Close the bars."""
        for bar in (self._steps, self._epochs):
            if bar is not None:
                bar.close()
        self._epochs = self._steps = None


class CallbackList(Callback):
    """Call the hooks of several callbacks, one after the other.

    Parameters
    ----------
    callbacks : Callback or list of Callback, optional
        A list may hold lists; an object without hooks is a DataTypeError.
    add_history, add_progbar : bool
        Append a History or a ProgbarLogger if there is none.
    model : Model, optional
    **params
        Passed to ``set_params`` of each callback.

    Examples
    --------
    >>> from fastgd.callbacks import CallbackList, LambdaCallback
    >>> greet = LambdaCallback(on_epoch_begin=lambda epoch, logs: print("epoch", epoch))
    >>> CallbackList([greet, greet]).on_epoch_begin(3)
    epoch 3
    epoch 3
    """

    def __init__(self, callbacks: Any = None, add_history: bool = False,
                 add_progbar: bool = False, model: Any = None,
                 **params: Any) -> None:  # fmt: skip
        super().__init__()
        self.callbacks: list[Any] = list(_flat(callbacks))
        self.history = self._first(History)
        if add_history and self.history is None:
            self.history = History()
            self.callbacks.append(self.history)
        if add_progbar and self._first(ProgbarLogger) is None:
            self.callbacks.append(ProgbarLogger())
        if callbacks is not None:
            self.callbacks.sort(key=lambda callback: getattr(callback, "runs_last", False))
        self.params = params
        #: Whether this is no rank after the first, which leaves out ``first_rank_only``.
        self.on_first_rank = True
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
                if not self.on_first_rank and getattr(callback, "first_rank_only", False):
                    continue
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

    def states(self) -> list[Any]:
        """Return the name and the state of each that has one, see ``Callback.state_names``."""
        return [
            (type(callback).__name__, {name: getattr(callback, name) for name in names})
            for callback, names in self._with_states()
        ]

    def resume(self, states: list[Any]) -> None:
        """Give the callbacks the states that ``states`` returned; warn if they are others."""
        own = self._with_states()
        seen, expected = [name for name, _ in states], [type(c).__name__ for c, _ in own]
        if seen != expected:
            warn(
                f"callbacks: the training to be resumed had {', '.join(seen) or 'none'}, now "
                f"there are {', '.join(expected) or 'none'}; those of one name go on",
            )
        for callback, names in own:
            known = next((s for s in states if s[0] == type(callback).__name__), None)
            if known is not None:
                states = [state for state in states if state is not known]
                for name in names:
                    setattr(callback, name, known[1][name])

    def _with_states(self):
        named = (
            (callback, getattr(callback, "state_names", ())) for callback in self.callbacks
        )
        return [(callback, names) for callback, names in named if names]

    def on_train_diverged(self, error: DivergenceError) -> None:
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
