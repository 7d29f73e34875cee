"""The tapes that record in a thread, and whether they follow an array."""

import threading
from typing import Any

from fastgd._typing import Data


class _Active(threading.local):
    tapes: tuple[Any, ...] = ()  # those that record in this thread, the innermost last


active = _Active()


def followed(x: Data) -> bool:
    """Return whether a tape that records in this thread follows `x`, or an item of `x`.

    Parameters
    ----------
    x : Tensor, Variable, ndarray, or list or tuple of them
    """
    if isinstance(x, (list, tuple)):
        return any(followed(item) for item in x)
    return any(tape._slot(x) is not None for tape in active.tapes)
