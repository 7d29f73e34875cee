"""Ctrl-C while many models are trained: when it is answered, and what it leaves."""

import math
import signal
import threading
import time
from typing import Any

from fastgd.many.results import Results

#: Seconds after which a job that goes on has lost the Ctrl-C that it was sent.
PATIENCE = 1.0


class Interrupted(KeyboardInterrupt):
    """Ctrl-C while many jobs ran.

    Attributes
    ----------
    results, stopped : Results
        Of the jobs that are done, and of those that were cut short; their models are usable.
    search : Search
        The sets of a search that are done; None elsewhere, and before a search has begun.
    """

    search: Any = None

    def __init__(self, results: Results, stopped: Results):
        super().__init__(f"{len(results)} jobs are done, {len(stopped)} were cut short")
        self.results, self.stopped = results, stopped


class CtrlC:
    """Turn Ctrl-C inside a ``with`` block into an Interrupted that has the results so far.

    Python raises a KeyboardInterrupt between any two instructions: while a thread is started,
    say, or between the end of a job and the line that keeps its result. So inside the block
    the signal is only noted, for ``check`` and the end of the block to answer. What may take
    long, such as a user's function, is run by ``call``, where it is answered at once.

    Attributes
    ----------
    results, stopped : list of Result
        Those of the jobs that are done or cut short; the block fills them.
    search : function of (Results), optional
        Makes the ``search`` of the Interrupted.
    """

    def __init__(self):
        self.results, self.stopped, self.search = [], [], None
        self._open, self._noted, self._before = False, None, None
        self._again = math.inf  # from when on a Ctrl-C inside ``call`` is raised once more

    def __enter__(self):
        self._noted = self._before = None
        before = signal.getsignal(signal.SIGINT)
        # Python calls handlers in its main thread only, and they can be set only there.
        if threading.current_thread() is threading.main_thread() and callable(before):
            self._before = before
            signal.signal(signal.SIGINT, self._handle)
        return self

    def __exit__(self, kind, error, trace):
        stop = None
        try:
            if self._answered(error):
                stop = self._interrupted()
        finally:
            if self._before is not None and signal.getsignal(signal.SIGINT) == self._handle:
                signal.signal(signal.SIGINT, self._before)
        if stop is None and self._answered(None):  # a signal between the lines above
            stop = self._interrupted()
        if stop is not None:
            raise stop from None

    def call(self, function, *arguments):
        """Return the result of a function, in which Ctrl-C is answered at once."""
        self.check()
        self._open = True
        try:
            return function(*arguments)
        finally:
            self._open, self._again = False, math.inf

    def check(self):
        """Answer a Ctrl-C that was noted."""
        if self._noted is not None:
            noted, self._noted = self._noted, None
            self._before(*noted)

    def _handle(self, number, frame):
        now = time.monotonic()
        if not self._open and now < self._again:
            self._noted = number, frame
            return
        # A second one must not harm what answers the first; but that may be lost, as in a
        # finalizer, whose errors Python drops.
        self._open, self._again = False, now + PATIENCE
        self._before(number, frame)  # raises, unless the user's handler does not
        self._open = True

    def _answered(self, error):
        """Return whether this error, or what was noted, is an interrupt."""
        try:
            self.check()
        except KeyboardInterrupt:
            return True
        return isinstance(error, KeyboardInterrupt)

    def _interrupted(self):
        stop = Interrupted(Results(self.results), Results(self.stopped))
        if self.search is not None:
            stop.search = self.search(stop.results)
        return stop
