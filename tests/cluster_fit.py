"""A program for ``mpiexec -n k python -m mpi4py``: what a rank found, as a line of JSON."""

import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import rank_problems
from mpi4py import MPI

from fastgd import callbacks, config
from fastgd._engine import ranks
from fastgd.errors import FastgdError

COMM = MPI.COMM_WORLD
LAST = COMM.rank == COMM.size - 1


class Kill(callbacks.Callback):
    """Kill this process in the middle of epoch 2, and write down when."""

    def __init__(self, note):
        super().__init__()
        self.note = Path(note)

    def on_train_batch_end(self, batch, logs=None):
        if batch == 1 and len(self.model.history.epoch) == 2:
            self.note.write_text(str(time.time()))
            os.kill(os.getpid(), signal.SIGKILL)


def hashes():
    """Train each network in each data type; return the digests."""
    return {
        f"{name} {dtype} {shards}": rank_problems.run(
            name, COMM, dtype=dtype, shards=shards, validation_split=0.1, n_jobs=1
        )
        for name in rank_problems.NETWORKS
        for dtype in ("float32", "float64")
        for shards in (None, 5)
    }


def odd(what):
    """Train with something else on the last rank."""
    arguments = {}
    if LAST and what == "seed":
        arguments["seed"] = 77
    elif LAST and what == "data":
        arguments["sample_weight"] = np.ones(len(rank_problems.X))
    elif LAST and what == "version":
        config.__version__ = ranks.config.__version__ = "0.0.9"
    elif LAST and what == "interrupt":
        signal.setitimer(signal.ITIMER_REAL, 1.0)
        signal.signal(signal.SIGALRM, signal.default_int_handler)
    begun = time.monotonic()
    epochs = 10**6 if what == "interrupt" else 3
    try:
        rank_problems.run("chain", COMM, epochs=epochs, **arguments)
    except (FastgdError, KeyboardInterrupt) as error:
        return [type(error).__name__, str(error), time.monotonic() - begun]
    return None


def backed_up(folder, note):
    """Train with a backup; the last rank kills itself if it is to note that."""
    given = [callbacks.BackupAndRestore(folder)]
    if note and LAST:
        given.append(Kill(note))
    elif note:
        given.append(type("Kill", (callbacks.Callback,), {})())
    return rank_problems.run("graph", COMM, shards=6, epochs=4, callbacks=given)


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    found = {"hashes": hashes, "odd": odd, "backed_up": backed_up}[what](*arguments)
    for line in COMM.gather(json.dumps(found), root=0) or ():
        print(line)
