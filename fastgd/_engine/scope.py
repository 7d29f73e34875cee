"""Hold the state that the process shares, or a job has for itself: random numbers and names.

Jobs run side by side, and in no order that is known before. What one draws must not depend on
the others, so that a thread may have a scope of its own for the time of a job.
"""

import contextlib
import itertools
import os
import threading


class Scope:
    """Hold the position in a stream of seeds, and the names that were given.

    Attributes
    ----------
    seed : int
        The stream.
    draws : iterator of int
        The number of its next element; as all counts here, no two threads get the same.
    names : dict of str -> iterator of int
        How often a stem was asked for.
    """

    def __init__(self, seed):
        self.begin(seed)
        self.names = {}

    def begin(self, seed):
        """Begin with the first element of a stream."""
        self.seed, self.draws = seed, itertools.count()


class _Current(threading.local):
    scope = Scope(int.from_bytes(os.urandom(8)))  # of all threads that have none


_current = _Current()


def current():
    """Return the scope of this thread."""
    return _current.scope


@contextlib.contextmanager
def own(seed):
    """Give this thread a fresh scope, as a process has after ``set_random_seed(seed)``."""
    with within(Scope(seed)):
        yield


@contextlib.contextmanager
def within(scope):
    """Give this thread a scope for a ``with`` block."""
    before = _current.scope
    _current.scope = scope
    try:
        yield scope
    finally:
        _current.scope = before
