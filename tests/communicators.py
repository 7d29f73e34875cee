"""Communicators for the tests: of one rank, and of several that are threads of this process."""

import threading
import time

import numpy as np


class OneRank:
    """Be the only rank."""

    rank, size = 0, 1

    def Allgather(self, sent, received):
        received.reshape(-1)[...] = sent.reshape(-1)

    def Bcast(self, array, root=0):
        """Leave the array as it is: it comes from here."""

    def Barrier(self):
        """Wait for nobody."""


class _ThreadRank:
    """Be one of several ranks, each of which is a thread."""

    def __init__(self, rank, parts, barrier):
        self.rank, self.size = rank, len(parts)
        self._parts, self._barrier = parts, barrier

    def Allgather(self, sent, received):
        self._parts[self.rank] = sent
        self._barrier.wait()
        sizes = {part.nbytes for part in self._parts}
        assert len(sizes) == 1, f"ranks gather different sizes: {sizes}"
        received.reshape(-1)[...] = np.concatenate([part.reshape(-1) for part in self._parts])
        self._barrier.wait()

    def Bcast(self, array, root=0):
        self._parts[self.rank] = array
        self._barrier.wait()
        if self.rank != root:
            array[...] = self._parts[root]
        self._barrier.wait()

    def Barrier(self):
        self._barrier.wait()


def on_ranks(size, function, seconds=60, patience=1.0):
    """Call function(comm) on so many threads; return the results or exceptions by rank.

    Ranks that wait for one that is gone are ended after a while, as mpiexec ends them.
    """
    parts, found = [None] * size, [None] * size
    barrier = threading.Barrier(size, timeout=seconds)

    def run(rank):
        try:
            found[rank] = function(_ThreadRank(rank, parts, barrier))
        except BaseException as error:
            found[rank] = error

    threads = [threading.Thread(target=run, args=(rank,)) for rank in range(size)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        if not all(thread.is_alive() for thread in threads):
            for thread in threads:
                thread.join(patience)
            barrier.abort()
        time.sleep(0.001)
    return found
