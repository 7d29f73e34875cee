"""Run units of jobs in a pool, and iterate over their results as they are done."""

import collections
import contextlib
import queue
import time

#: How long (in seconds) a wait for results lasts at a time; Ctrl-C is answered after it.
WAIT = 0.02

#: How long (in seconds) to wait for jobs that are told to stop: models do so within 0.05 s, and
#: estimators not at all.
PATIENCE, SHORT_PATIENCE = 1.0, 0.08


class ParallelRun:
    """Iterate over the results of jobs in the order in which they are done.

    It runs inside ctrl_c, so that nothing is lost between a pool and the caller.

    Parameters
    ----------
    ctrl_c : CtrlC
    pool : ThisThread, Threads or Tasks
        Runs units, each a Job or several. It has ``units()``, an iterator of them; ``most``,
        how many to begin before one is waited for; ``begin(unit, done)``, which lets a unit run
        and puts it in the queue ``done`` afterwards, or the exception that came instead;
        ``again(unit)``, the units to run in the place of one that was lost; ``running``, those
        that run; ``stopping``, to be set before they are stopped; and ``close()``. A unit has
        ``outcome()``, its results, ``stop()``, and ``can_stop``.
    journal : Journal, optional
        Notes the results.
    """

    def __init__(self, ctrl_c, pool, journal=None):
        self._ctrl_c, self._pool, self._units = ctrl_c, pool, pool.units()
        self._journal = journal
        # Of units that are done, and errors. Not a SimpleQueue: where a signal that raises
        # nothing meets the end of its timeout, it waits for ever.
        self._done = queue.Queue()
        self._ready = collections.deque()  # results
        self._again = collections.deque()  # units to run once more
        self._in_flight, self._stopping = 0, False

    def __iter__(self):
        return self

    def __next__(self):
        while not self._ready:
            self._ready.extend(self._outcome(self._next_unit())[0])
        return self._ready.popleft()

    def _outcome(self, unit):
        """Return the results of a unit that are done, and those that were cut short."""
        done, stopped = unit.outcome()
        if self._journal is not None:
            self._journal.add(done)
        return done, stopped

    def _next_unit(self):
        """Return a unit that is done; give the pool others."""
        while not self._stopping and self._in_flight < self._pool.most:
            if self._again:
                unit = self._again.popleft()
            elif (unit := self._ctrl_c.call(next, self._units, None)) is None:
                break
            self._pool.begin(unit, self._done)
            self._in_flight += 1
        if not self._in_flight:
            self.stop()
            raise StopIteration
        while True:  # a little at a time: a signal does not end the wait
            self._ctrl_c.check()
            with contextlib.suppress(queue.Empty):
                unit = self._done.get(timeout=WAIT)
                break
        self._in_flight -= 1
        if isinstance(unit, BaseException):
            raise unit
        self._again.extend(self._pool.again(unit))
        return unit

    @contextlib.contextmanager
    def ended_at_errors(self):
        """Stop at any error; what is done, but not asked for, goes to the CtrlC."""
        try:
            yield
        except BaseException:
            done, stopped = self.stop()
            self._ctrl_c.results += done
            self._ctrl_c.stopped += stopped
            raise

    def stop(self):
        """End all jobs; return the results not yet asked for, and those that were cut short."""
        if self._stopping:  # it was done before
            return [], []
        self._stopping = self._pool.stopping = True
        begun = time.monotonic()
        while running := list(self._pool.running):
            for unit in running:  # again and again, for a fit that just begins clears the flag
                unit.stop()
            patience = PATIENCE if any(unit.can_stop for unit in running) else SHORT_PATIENCE
            if time.monotonic() - begun > patience:
                break
            time.sleep(0.002)
        self._pool.close()
        done, stopped = list(self._ready), []
        self._ready.clear()
        while not self._done.empty():
            unit = self._done.get()
            if not isinstance(unit, BaseException):
                now_done, now_stopped = self._outcome(unit)
                done += now_done
                stopped += now_stopped
        return done, stopped
