"""Problems whose rows come in chunks, of which one is in memory at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError
from fastgd.linear.objective import Objective, Problem


@dataclass(frozen=True)
class Chunk:
    """Hold rows of a stream: ``engine.Rows``, targets, weights or None.

    ``chosen``, int64, are the rows to visit, in this order; None: all of them in turn.
    """

    rows: Any
    y: Array
    weights: Array | None = None
    chosen: Array | None = None

    def __len__(self):
        return self.rows.shape[0] if self.chosen is None else len(self.chosen)


class Stream:
    """Prepare the chunks that a user passes in, one by one: an iterable of Chunk.

    ``first`` is the first chunk, Prepared; ``once``: whether chunks can be iterated only once.
    """

    def __init__(self, chunks, adapter, classes):
        try:
            iterator = iter(chunks)
        except TypeError:
            raise DataTypeError(
                f"x: expected rows, with y, or chunks, got {type(chunks).__name__}"
            ) from None
        self._chunks, self._adapter = chunks, adapter
        self.once = iterator is chunks
        head = next(iterator, None)
        if head is None:
            raise DataError("x: there are no chunks")
        self._rest = iterator if self.once else None
        self.first = self._prepared(head, classes)

    def _prepared(self, chunk, classes):
        if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
            raise DataTypeError("x: expected chunks (x, y) or (x, y, sample_weight)")
        weights = chunk[2] if len(chunk) == 3 else None
        return self._adapter.prepare(chunk[0], chunk[1], weights, classes, whole=False)

    def __iter__(self):
        first, classes, names = self.first
        if self.once:
            yield Chunk(first.rows, first.y, first.weights)
        for chunk in self._rest if self.once else self._chunks:
            problem, _, other_names = self._prepared(chunk, classes)
            expected, seen = first.rows.shape[1], problem.rows.shape[1]
            if seen != expected:
                raise ShapeError(f"x: the first chunk has {expected} columns, another {seen}")
            if problem.outputs != first.outputs:
                raise ShapeError(
                    f"y: the first chunk has {first.outputs} targets a row, another "
                    f"{problem.outputs}"
                )
            if None not in (names, other_names) and names != other_names:
                raise ArgumentError(
                    f"x: the first chunk has the columns {names}, another {other_names}"
                )
            yield Chunk(problem.rows, problem.y, problem.weights)


@dataclass(frozen=True)
class ChunkedProblem:
    """Iterate over the problems of the chunks of a stream, again and again.

    ``first`` is the problem of the first chunk. ``output`` is the one of several outputs that
    they are for, or None for all.
    """

    first: Problem
    stream: Iterable[Chunk]
    output: int | None = None

    def __iter__(self):
        for chunk in self.stream:
            whole = replace(self.first, rows=chunk.rows, y=chunk.y, weights=chunk.weights)
            yield whole if self.output is None else whole.part(self.output)

    def part(self, output):
        """Return the chunks of one output."""
        return replace(self, output=output)


class StreamedObjective(Objective):
    """Compute an ``Objective`` over ``problem.chunks``: one pass a value."""

    def __call__(self, vector, curved=False):
        both = self._mean(lambda part: np.append(*part(vector)))
        return self._with_penalty(vector, float(both[0]), both[1:])

    def hessian(self, vector):
        return self._with_ridge(self._mean(lambda part: part.hessian(vector)))

    def _gram(self, curvatures):
        return self._mean(lambda part: part.gram())

    def _squares(self):
        return self._mean(lambda part: part._squares())

    def _mean(self, function):
        """Return the weighted mean of a function of the objectives of chunks, unpenalised."""
        total, found = 0.0, 0.0
        for problem in self.problem.chunks:
            part = Objective(replace(problem, l1=0.0, l2=0.0))
            if part.total:
                total += part.total
                found = found + part.total * function(part)
        if not total:
            raise DataError("x: there are no rows, or none of any weight")
        return found / total


def objective_of(problem):
    """Return the Objective of a problem, whether it is in one piece or in chunks."""
    return Objective(problem) if problem.chunks is None else StreamedObjective(problem)
