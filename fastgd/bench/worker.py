"""A process for each side, so that no two of them share threads, settings or memory.

``python -m fastgd.bench.worker NAME CLOCK THREADS FILENO`` is the other end: it answers the
calls that come through the pipe.
"""

import contextlib
import os
import subprocess
import sys
import traceback
from multiprocessing import Pipe
from multiprocessing.connection import Connection

from fastgd.bench import threads as _threads
from fastgd.bench.registry import SIDES
from fastgd.bench.runner import Runner
from fastgd.errors import FastgdError


class WorkerError(FastgdError, RuntimeError):
    """A side failed; the message is the last line of what it said."""


class Worker:
    """A ``Runner`` in a process of its own, with the same methods.

    Parameters
    ----------
    name, clock : str
        As of ``Runner``.
    cores, threads : int
        How many cores its process may use, and how many threads its libraries.
    """

    def __init__(self, name, clock, cores, threads):
        self.pipe, theirs = Pipe()
        variables = SIDES[name].variables | _threads.environment(threads)
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__, name, clock, str(cores), str(theirs.fileno())],
            env=os.environ | variables,
            pass_fds=[theirs.fileno()],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        theirs.close()

    def _call(self, method, *arguments):
        try:
            self.pipe.send((method, arguments))
            fine, value = self.pipe.recv()
        except (EOFError, OSError):
            raise WorkerError(f"the process ended with status {self.process.wait()}") from None
        if not fine:
            raise WorkerError(value.strip().splitlines()[-1])
        return value

    def prepare(self, workload):
        """As ``Runner.prepare``."""
        return self._call("prepare", workload)

    def result(self):
        """As ``Runner.result``."""
        return self._call("result")

    def least(self, seconds):
        """As ``Runner.least``."""
        return self._call("least", seconds)

    def peaks(self):
        """As ``Runner.peaks``."""
        return self._call("peaks")

    def close(self):
        """End the process."""
        self.pipe.close()
        self.process.kill()
        self.process.wait()


def answer(runner, pipe):
    """Call what is asked for, until the pipe is closed."""
    while True:
        method, arguments = pipe.recv()
        try:
            reply = True, getattr(runner, method)(*arguments)
        except Exception:
            reply = False, traceback.format_exc()
        pipe.send(reply)


if __name__ == "__main__":
    name, clock, cores, fileno = sys.argv[1:]
    _threads.hold_cores(int(cores))
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        answer(Runner(name, clock), Connection(int(fileno)))
