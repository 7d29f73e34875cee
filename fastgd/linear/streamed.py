"""The objective of a whole batch that comes in chunks, of which one is in memory at a time."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from fastgd.errors import DataError
from fastgd.linear.objective import Objective
from fastgd.linear.problem import Problem


@dataclass(frozen=True)
class Chunked:
    """The problems of the chunks of a stream, as often as they are asked for.

    Attributes
    ----------
    first : Problem
        What all have in common.
    stream : iterable of Chunk
    output : int or None
        The one of several outputs that they are of.
    """

    first: Problem
    stream: Iterable
    output: int | None = None

    def __iter__(self):
        for chunk in self.stream:
            whole = replace(self.first, rows=chunk.rows, y=chunk.y, weights=chunk.weights)
            yield whole if self.output is None else whole.part(self.output)

    def part(self, output):
        """Those of one output."""
        return replace(self, output=output)


class StreamedObjective(Objective):
    """An ``Objective`` whose rows are those of ``problem.chunks``: one pass a value."""

    def __call__(self, vector, curved=False):
        both = self._mean(lambda part: np.append(*part(vector)))
        return self._with_penalty(vector, float(both[0]), both[1:])

    def hessian(self, vector):
        matrix = self._mean(lambda part: part.hessian(vector))
        matrix[np.diag_indices(self.size)] += self.problem.l2 * self._penalised
        return matrix

    def _gram(self, curvatures):
        return self._mean(lambda part: part.gram())

    def _squares(self):
        return self._mean(lambda part: part._squares())

    def _mean(self, found_by):
        """The weighted mean of what is found by the objectives of chunks, without penalties."""
        total, found = 0.0, 0.0
        for problem in self.problem.chunks:
            part = Objective(replace(problem, l1=0.0, l2=0.0))
            if part.total:
                total += part.total
                found = found + part.total * found_by(part)
        if not total:
            raise DataError("x: there are no rows, or none of any weight")
        return found / total


def objective_of(problem):
    """The Objective of a problem, whether it is in one piece or in chunks."""
    return Objective(problem) if problem.chunks is None else StreamedObjective(problem)
