"""A process for each framework, so that no two of them share threads, settings or memory."""

import contextlib
import functools
import multiprocessing
import os
import time
import traceback

import numpy as np

from fastgd._engine import builds
from fastgd.bench import threads as _threads
from fastgd.errors import FastgdError

#: A measurement of the peaks takes about this many multiply-adds, and bytes.
_MULTIPLY_ADDS, _BYTES = 200_000_000, 50_000_000


class Runner:
    """Run and time the workloads of one framework, in this process, by a clock of ``time``."""

    def __init__(self, framework, clock):
        self.framework, self.clock = framework, clock
        self.side = self.workload = None

    def prepare(self, workload):
        """Make ready; return the steps in a run, or None if the framework cannot do it."""
        self.workload, self.side = workload, self.framework.side(workload)
        return None if self.side is None else self.side.steps

    def result(self):
        """Return the arrays to compare."""
        return self.side.result()

    def least(self, seconds):
        """Return the least time of a run, in seconds, among as many as fit into `seconds`."""
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
        """Return this core's peak (multiply-adds, bytes read) in a second of its time."""
        clock = time.process_time
        kernels = builds.kernels(builds.available()[0])
        begin = clock()
        count = kernels.multiply_adds(_MULTIPLY_ADDS // 100, self.workload.dtype)
        multiply_adds = count / (clock() - begin)
        read_over = np.ones(max(self.workload.resident // 8, 512))
        begin = clock()
        count, _ = kernels.read_through(read_over, 1 + _BYTES // read_over.nbytes)
        return multiply_adds, count / (clock() - begin)


class WorkerError(FastgdError, RuntimeError):
    """A side failed; the message is the last line of its traceback."""


class Worker:
    """Be a ``Runner`` in a process of its own, held to some cores and threads."""

    def __init__(self, framework, clock, cores, threads):
        self.framework = framework
        spawn = multiprocessing.get_context("spawn")
        self.pipe, theirs = spawn.Pipe()
        self.process = spawn.Process(target=_answer, args=(theirs, framework, clock, cores))
        before = dict(os.environ)
        os.environ.update(framework.variables | _threads.environment(threads))
        try:
            self.process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        theirs.close()

    def _call(self, method, *arguments):
        try:
            self.pipe.send((method, arguments))
            fine, value = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            status = self.process.exitcode
            raise WorkerError(f"the process ended with status {status}") from None
        if not fine:
            raise WorkerError(value.strip().splitlines()[-1])
        return value

    prepare = functools.partialmethod(_call, "prepare")
    result = functools.partialmethod(_call, "result")
    least = functools.partialmethod(_call, "least")
    peaks = functools.partialmethod(_call, "peaks")

    def close(self):
        """End the process."""
        self.pipe.close()
        self.process.kill()
        self.process.join()


def _answer(pipe, framework, clock, cores):
    """Call the methods of a Runner that the pipe asks for, until it is closed."""
    _threads.hold_cores(cores)
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    runner = Runner(framework, clock)
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            method, arguments = pipe.recv()
            try:
                reply = True, getattr(runner, method)(*arguments)
            except Exception:
                reply = False, traceback.format_exc()
            pipe.send(reply)
