"""A callback made of functions."""

from collections.abc import Callable
from typing import Any, TypeAlias

from fastgd.callbacks.callback import ALIASES, HOOKS, Callback
from fastgd.errors import DataTypeError

_Hook: TypeAlias = Callable[..., Any] | None


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

    def __init__(
        self, on_epoch_begin: _Hook = None, on_epoch_end: _Hook = None,
        on_train_begin: _Hook = None, on_train_end: _Hook = None,
        on_train_batch_begin: _Hook = None, on_train_batch_end: _Hook = None, **kwargs: Any,
    ) -> None:  # fmt: skip
        super().__init__()
        given = kwargs | {
            "on_epoch_begin": on_epoch_begin, "on_epoch_end": on_epoch_end,
            "on_train_begin": on_train_begin, "on_train_end": on_train_end,
            "on_train_batch_begin": on_train_batch_begin,
            "on_train_batch_end": on_train_batch_end,
        }  # fmt: skip
        for name, value in given.items():
            is_hook = name in HOOKS or name in ALIASES.values()
            if is_hook and value is not None and not callable(value):
                raise DataTypeError(f"{name}: expected a function, got {value!r}")
            if value is not None or not is_hook:
                setattr(self, name, value)
