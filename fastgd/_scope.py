"""What the process shares, and each of many jobs has for itself: random numbers and names.

Jobs run side by side, and in no order that is known before. What one draws must not depend on
the others, so that a thread may have a scope of its own for the time of a job.
"""

import contextlib
import os
import threading
from collections import Counter


class Scope:
    """Where a stream of seeds stands, and which names were given.

    Attributes
    ----------
    seed, drawn : int
        The stream, and how many of its elements have been drawn.
    names : Counter
        How often a stem was asked for.
    """

    def __init__(self, seed):
        self.seed = seed
        self.drawn = 0
        self.names = Counter()


class _Current(threading.local):
    scope = Scope(int.from_bytes(os.urandom(8)))  # of all threads without one of their own


_current = _Current()


def current():
    """The scope of this thread."""
    return _current.scope


@contextlib.contextmanager
def own(seed):
    """A fresh scope for this thread, as that of a process after ``set_random_seed(seed)``."""
    before = _current.scope
    _current.scope = Scope(seed)
    try:
        yield
    finally:
        _current.scope = before
