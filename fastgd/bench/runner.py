"""What runs one side, and times it."""

import time

import numpy as np

from fastgd._engine import builds
from fastgd.bench.registry import SIDES

# A look at the peaks takes about so many multiply-adds, and so many bytes.
_MULTIPLY_ADDS = 200_000_000
_BYTES = 50_000_000


class Runner:
    """One side, in this process.

    Parameters
    ----------
    name : str
        Of ``registry.SIDES``.
    clock : {"process_time", "perf_counter"}
        The processor's time, in which what others run meanwhile does not count; or, where
        several threads work at once, the clock's.
    """

    def __init__(self, name, clock):
        self.name, self.clock = name, clock
        self.side = self.workload = None

    def prepare(self, workload):
        """Make ready: the number of steps in a run, or None if this side cannot do it."""
        self.workload = workload
        self.side = SIDES[self.name].side(workload)
        return None if self.side is None else self.side.steps

    def result(self):
        """What the side computes, for comparison."""
        return self.side.result()

    def least(self, seconds):
        """The least time of a run, in seconds, among as many as fit into so many, or of one."""
        end = time.monotonic() + seconds
        least = self._seconds()
        while time.monotonic() < end:
            least = min(least, self._seconds())
        return least

    def _seconds(self):
        self.side.restart()
        if self.side.seconds is not None:
            return self.side.seconds(self.clock)
        clock = getattr(time, self.clock)
        begin = clock()
        self.side.run()
        return clock() - begin

    def peaks(self):
        """What this core does at most: (multiply-adds, bytes read) in a second of its time."""
        clock = time.process_time
        kernels = builds.kernels(builds.available()[0])
        begin = clock()
        count = kernels.multiply_adds(_MULTIPLY_ADDS // 100, self.workload.dtype)
        multiply_adds = count / (clock() - begin)
        read_over = np.ones(max(self.workload.resident // 8, 512))
        begin = clock()
        count, _ = kernels.read_through(read_over, 1 + _BYTES // read_over.nbytes)
        return multiply_adds, count / (clock() - begin)
