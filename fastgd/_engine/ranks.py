"""Work side by side with the other ranks of a communicator, such as those of MPI."""

import contextlib
import hashlib
import itertools
import json
import signal
import threading
from collections import Counter

import numpy as np

from fastgd import config
from fastgd._engine import builds
from fastgd.errors import DataTypeError, RankError

#: What a communicator has to have, as those of mpi4py do.
COMMUNICATOR = ("rank", "size", "Allgather", "Bcast", "Barrier")

#: The elements of an array that are merged at once.
SLICE = 32_768


class Ranks:
    """Exchange arrays, texts and errors with the other ranks of a communicator.

    Every rank runs the same program and calls the same methods in the same order. Arrays come
    back in the order of the ranks, so that sums over them have the same bits on all.

    Parameters
    ----------
    comm : communicator
        Any object with ``rank``, ``size``, ``Allgather(sent, received)``, ``Bcast(array)`` from
        rank 0, and ``Barrier()``, which take NumPy arrays.
    """

    def __init__(self, comm):
        if missing := [name for name in COMMUNICATOR if not hasattr(comm, name)]:
            raise DataTypeError(
                f"comm: expected a communicator such as mpi4py.MPI.COMM_WORLD, got {comm!r}, "
                f"which has no {missing[0]}"
            )
        self._comm = comm
        self.rank, self.size = int(comm.rank), int(comm.size)

    def share(self, count):
        """Return (begin, end) of the things 0 ... count - 1 that this rank owns: a run."""
        return _share(count, self.size, self.rank)

    def gather(self, array):
        """Return the arrays of all ranks, (size, *shape): of one shape and type everywhere."""
        sent = np.asarray(array, order="C")
        received = np.empty((self.size, *sent.shape), sent.dtype)
        if sent.size:
            self._comm.Allgather(sent, received)
        return received

    def gather_shares(self, own, count):
        """Return an array (count, ...) from those of the runs of all ranks, see ``share``."""
        most = -(-count // self.size)
        padded = np.zeros((most, *own.shape[1:]), own.dtype)
        padded[: len(own)] = own
        found = self.gather(padded)
        runs = (_share(count, self.size, rank) for rank in range(self.size))
        parts = [found[rank, : end - begin] for rank, (begin, end) in enumerate(runs)]
        return np.concatenate(parts)

    def merge(self, array):
        """Fill an array, each element of which one rank has, and the others leave at 0.

        Their sum is exact in any order. It travels in slices that stay in the cache.
        """
        flat = array.reshape(-1)
        for first in range(0, flat.size if self.size > 1 else 0, SLICE):
            part = flat[first : first + SLICE]
            part[:] = self.gather(part).sum(axis=0)
        return array

    def gather_bytes(self, content):
        """Return the bytes of all ranks, of any lengths: a list."""
        lengths = self.gather(np.array(len(content), np.int64))
        padded = np.zeros(int(lengths.max()), np.uint8)
        padded[: len(content)] = np.frombuffer(content, np.uint8)
        found = self.gather(padded)
        return [row[:n].tobytes() for row, n in zip(found, lengths.tolist(), strict=True)]

    def broadcast(self, array):
        """Fill an array with that of rank 0; return it."""
        self._comm.Bcast(array)
        return array

    def broadcast_bytes(self, content):
        """Return the bytes that rank 0 has; the other ranks may give None."""
        length = np.array(0 if content is None else len(content), np.int64)
        self.broadcast(length)
        room = np.zeros(int(length), np.uint8)
        if self.rank == 0:
            room[:] = np.frombuffer(content, np.uint8)
        return self.broadcast(room).tobytes() if room.size else b""

    def agree(self, call, facts):
        """Refuse, on all ranks, facts that are not the same on all: a RankError names one.

        Parameters
        ----------
        call : str
            What the ranks are about to do, for the message.
        facts : dict of str -> text, number, None or list of such
            Their names say what they are of, such as "the data". Versions and engines, which
            decide bits, are always compared.
        """
        said = {
            "the version of fastgd": config.__version__,
            "the engine": builds.bits(config.engine()),
        } | facts
        with uninterrupted():
            texts = self.gather_bytes(json.dumps(said).encode())
        everyone = [json.loads(text) for text in texts]
        for name in dict.fromkeys(itertools.chain.from_iterable(everyone)):
            values = [json.dumps(one.get(name)) for one in everyone]
            odd, usual = odd_rank(values)
            if odd is not None:
                raise RankError(
                    f"{call}: rank {odd} of {self.size} has another value of {name}: "
                    f"{values[odd]:.80}, where the others have {usual:.80}; call it with "
                    "the same arguments on every rank"
                )

    @contextlib.contextmanager
    def together(self, call):
        """Raise on all ranks if the block raises on any; there a RankError names that rank."""
        failed = None
        try:
            yield
        except BaseException as error:  # also Ctrl-C: the others would wait for ever
            failed = error
        text = b"" if failed is None else text_of(failed)
        for rank, message in enumerate(self.gather_bytes(text)):
            if failed is not None:
                raise failed
            if message:
                raise RankError(f"{call}: rank {rank} failed: {message.decode()}")


@contextlib.contextmanager
def uninterrupted():
    """Answer Ctrl-C behind a block: within it the other ranks would wait for ever."""
    before, noted = signal.getsignal(signal.SIGINT), []
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda *given: noted.append(given))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
        if noted:
            before(*noted[0])


def text_of(error):
    """Return the type and message of an error, as bytes."""
    try:
        message = f"{type(error).__name__}: {error}"
    except Exception:  # of a user's __str__
        message = type(error).__name__
    return message.rstrip(": ").encode("utf-8", "backslashreplace")


def odd_rank(values):
    """Return the first rank whose value is not the usual one, or None; and the usual one."""
    usual = Counter(values).most_common(1)[0][0]  # of equals that of the lowest rank
    odd = (rank for rank, value in enumerate(values) if value != usual)
    return next(odd, None), usual


def digest(*parts):
    """Return the SHA-256, as text, of arrays, with their shapes and types, and of texts."""
    found = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            found.update(f"{part.dtype.str}{part.shape}".encode())
            found.update(np.ascontiguousarray(part).data.cast("B") if part.size else b"")
        else:
            found.update(repr(part).encode())
    return found.hexdigest()


def _share(count, size, rank):
    return count * rank // size, count * (rank + 1) // size
