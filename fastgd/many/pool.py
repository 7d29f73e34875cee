"""Run jobs in this thread, or in threads that share the data."""

from multiprocessing.pool import ThreadPool

#: Units for each thread that are taken before a result is waited for: the thread that takes
#: them is not always quick, as the others keep the interpreter busy.
UNITS_AHEAD = 4


class ThisThread:
    """Run one unit after the other, each when it is begun: see ``ParallelRun``."""

    most = 1
    running = ()

    def __init__(self, ctrl_c, units, run):
        self._ctrl_c, self._units, self._run = ctrl_c, units, run

    def units(self):
        """Return the units to run."""
        return self._units

    def begin(self, unit, done):
        """Run a unit; put it in the queue."""
        try:
            self._ctrl_c.call(self._run, unit)
        except KeyboardInterrupt:
            unit.stopped = True
            done.put(unit)
            raise
        done.put(unit)

    def again(self, unit):
        """Return nothing: no unit is lost."""
        return ()

    def close(self):
        """Do nothing."""


class Threads:
    """Run units in threads: see ``ParallelRun``.

    They are daemons, so that a fit that cannot be stopped does not hold up the end of the
    process, as the threads of ``concurrent.futures`` do.
    """

    def __init__(self, units, run, threads):
        self._units, self._run, self._threads = units, run, threads
        self.most, self.running = UNITS_AHEAD * threads, set()
        self.stopping, self._pool = False, None

    def units(self):
        """Return the units to run."""
        return self._units

    def begin(self, unit, done):
        """Let a thread run a unit, and put it in the queue."""
        if self._pool is None:
            self._pool = ThreadPool(self._threads)
        self._pool.apply_async(self._work, (unit, done))

    def _work(self, unit, done):
        self.running.add(unit)  # first: `stop` sets the flag, and then looks at what runs
        try:
            if not self.stopping:
                self._run(unit)
                done.put(unit)
        except BaseException as error:  # such as SystemExit: for the caller's thread
            done.put(error)
        finally:
            self.running.discard(unit)

    def again(self, unit):
        """Return nothing: no unit is lost."""
        return ()

    def close(self):
        """End the threads; wait for them if nothing runs any more."""
        if self._pool is not None:
            self._pool.terminate()
            if not self.running:
                self._pool.join()
