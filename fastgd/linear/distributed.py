"""Fit one linear model on the ranks of a communicator: what each owns, and what must agree."""

import contextlib
import itertools
import math
from dataclasses import replace
from types import NoneType

import numpy as np

from fastgd._data.table_stream import TableStream
from fastgd._engine.ranks import digest
from fastgd.errors import ArgumentError, DataError

#: Of a matrix about so many rows, evenly spaced, are compared between ranks.
COMPARED_ROWS = 1000

#: The elements of sums over chunks that are gathered at once.
GATHERED = 1 << 20

#: The attributes of solvers that are compared.
PLAIN = (int, float, str, NoneType)


class ChunkRun:
    """Iterate over the chunks that this rank owns, and add up what was computed of all.

    A sequence is indexed, so that the chunks of other ranks are not read. Any other iterable is
    walked, and without ``len`` once more at the start; the chunks of others are not prepared.
    """

    def __init__(self, chunks, ranks):
        self.ranks, self._chunks = ranks, chunks
        sized = hasattr(chunks, "__len__")
        self._indexed = sized and hasattr(chunks, "__getitem__")
        self.count = len(chunks) if sized else sum(1 for _ in chunks)

    def __iter__(self):
        begin, end = self.ranks.share(self.count)
        if isinstance(self._chunks, TableStream):
            return self._chunks.in_order(range(begin, end))
        if self._indexed:
            return (self._chunks[i] for i in range(begin, end))
        return itertools.islice(self._chunks, begin, end)

    def add(self, sums, shape):
        """Return the sums of numbers, and of arrays of a shape, over all chunks in their order.

        sums: an iterable of (number, array), one for each chunk of this rank. The result has
        the bits of a loop over all chunks.
        """
        begin, end = self.ranks.share(self.count)
        width = 1 + math.prod(shape)
        with self.ranks.together("LinearModel.fit"):
            own, done = np.empty((end - begin, width)), 0
            for done, (number, array) in enumerate(sums, start=1):
                own[done - 1, 0], own[done - 1, 1:] = number, array.ravel()
            if done != end - begin:
                raise DataError(
                    f"x: expected {self.count} chunks, as before, but they end with number "
                    f"{begin + done}"
                )
        found = np.zeros(width)
        step = max(1, GATHERED // max(self.count, 1))
        for first in range(0, width, step):
            part = slice(first, first + step)
            for row in self.ranks.gather_shares(own[:, part], self.count):
                found[part] += row
        return found[0], found[1:].reshape(shape)


def together(ranks, call):
    """Return a context whose errors are raised on all ranks; without ranks one of no effect."""
    return contextlib.nullcontext() if ranks is None else ranks.together(call)


def check_solver(solver):
    """Refuse a solver that does not sum over rows, and thus cannot be shared by ranks."""
    if not getattr(solver, "shares", False):
        raise ArgumentError(
            f"solver: ranks cannot share {type(solver).__name__}; use Newton, LBFGS or "
            "GradientDescent"
        )


def agree(ranks, config, solver, prepared, start, run):
    """Refuse, on all ranks, what is not the same on all; run: the ChunkRun, None for rows."""
    problem, classes, names = prepared
    settings = {k: v for k, v in vars(solver).items() if isinstance(v, PLAIN)}
    arrays = problem.y, problem.weights, problem.offset
    ranks.agree("LinearModel.fit", {
        "the model": repr(config),
        "the solver": f"{type(solver).__name__} {settings}",
        "the number of chunks": None if run is None else run.count,
        "the number of classes": classes,
        "the names of columns": names and list(map(str, names)),
        "the data": data_digest(problem.rows, *arrays),
        "the weights at the start": digest(start.coef, start.intercept),
    })  # fmt: skip


def data_digest(rows, *arrays):
    """Return the digest of the shape of rows, some of their values, and whole arrays."""
    parts = [rows.shape, *arrays]
    for values in (rows.values, rows.columns, rows.starts):
        if values is not None:
            parts.append(values[:: max(1, len(values) // COMPARED_ROWS)])
    return digest(*parts)


def shared(problem, ranks):
    """Return a problem of which each rank computes a part of the sums over rows."""
    problem.rows.share(ranks.rank, ranks.size)
    return replace(problem, ranks=ranks)
