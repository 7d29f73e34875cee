"""The objective of a linear model: losses, the data of a problem, and values for a vector.

A solver is an object with a method ``minimize(problem, start)``: it takes a ``Problem`` of one
output, or of k outputs for the multinomial loss, begins at a ``Solution`` and returns another.
It changes neither; the arrays of its solution are fresh. It raises a DivergenceError if weights
or objective are not finite, and responds to Ctrl-C. A solver with a true attribute ``several``
gets problems of several outputs whole; one with ``streams`` also gets problems in chunks. One
with ``shares`` also gets problems whose rows or chunks the ranks of a communicator share: it
computes everything over rows by ``objective_of``.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd._engine.algebra import dot, exponentials, logarithms, row_products, times
from fastgd._engine.thread_choice import ThreadTuner, useful_threads
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataError
from fastgd.linear.linalg import Preconditioner, accumulate, check_squares, column_squares

#: The losses by name, and the names by loss.
LOSSES = {loss.name.removeprefix("LINEAR_").lower(): loss for loss in LinearLoss}
LOSS_NAMES = {loss: name for name, loss in LOSSES.items()}

#: The losses whose targets are numbers; those of the others are classes.
REGRESSIONS = {name for name, loss in LOSSES.items() if loss <= LinearLoss.LINEAR_QUANTILE}

#: The losses with a slope everywhere: solvers of whole batches can minimise them.
SMOOTH = {
    "squared_error", "poisson", "gamma", "tweedie", "huber", "squared_epsilon_insensitive",
    "log_loss", "squared_hinge", "modified_huber", "multinomial",
}  # fmt: skip

#: The losses whose decision is the logarithm of the mean.
LOG_LINK = {"poisson", "gamma", "tweedie"}

#: Up to this many columns the preconditioner inverts a matrix, else its diagonal.
PRECONDITIONER_COLUMNS = 256

#: The largest second derivatives of losses; 1 is good enough for those without one.
BOUNDS = {LinearLoss.LINEAR_LOG_LOSS: 0.25, LinearLoss.LINEAR_MULTINOMIAL: 0.5}


@dataclass(frozen=True)
class Solution:
    """Hold weights, float64: ``coef`` (outputs, d) and ``intercept`` (outputs,).

    ``n_iter`` counts iterations or epochs; ``loss_value`` is J, or None if it was not computed.
    """

    coef: Array
    intercept: Array
    n_iter: int = 0
    loss_value: float | None = None


@dataclass(frozen=True)
class Problem:
    """Describe J = sum of s_i loss(y_i, x_i w + b + o_i) / sum of s_i + l1 |w|_1 + l2/2 |w|^2.

    y holds numbers; -1 and 1 for the losses of two classes; class numbers for the multinomial
    one. Before ``parts`` it is (n, k) for k outputs of a regression, and class numbers for
    several classes of a loss of two.
    """

    engine: Any  #: see ``fastgd._engine.builds.load``
    rows: Any  #: x, (n, d), as ``engine.Rows``
    y: Array  #: float64, (n,)
    weights: Array | None  #: s, float64, (n,), at least 0 and not all zero
    loss: int  #: LinearLoss
    setting: float  #: the number that the loss takes, such as epsilon
    l1: float
    l2: float
    fit_intercept: bool
    outputs: int  #: the number of rows of ``coef``
    threads: int
    chunks: Any = None  #: a ChunkedProblem, or None; ``rows`` are then those of its first
    offset: Array | None = None  #: float64, (n,), added to the decisions of the only output
    ranks: Any = None  #: the Ranks that share sums over the rows, or None

    @property
    def total(self):
        """The sum of the weights of rows."""
        return self.rows.shape[0] if self.weights is None else self.weights.sum()

    @property
    def count(self):
        """The number of rows whose weight is not 0."""
        return self.rows.shape[0] if self.weights is None else np.count_nonzero(self.weights)

    def parts(self):
        """Return the problems of one output each that this one consists of."""
        if self.outputs == 1 or self.loss == LinearLoss.LINEAR_MULTINOMIAL:
            return [self]
        return [self.part(output) for output in range(self.outputs)]

    def part(self, output):
        """Return the problem of one output."""
        chunks = None if self.chunks is None else self.chunks.part(output)
        return replace(self, y=self.targets_of(output), outputs=1, chunks=chunks)

    def targets_of(self, output):
        """Return y of one output, (n,): a column, or 1 for its class and -1 for the rest."""
        if self.y.ndim == 2:
            return np.ascontiguousarray(self.y[:, output])
        return np.where(self.y == output, 1.0, -1.0)

    def power(self):
        """Return k where the variance of y is proportional to mean^k; None without log link."""
        if self.loss == LinearLoss.LINEAR_TWEEDIE:
            return self.setting
        return {LinearLoss.LINEAR_POISSON: 1.0, LinearLoss.LINEAR_GAMMA: 2.0}.get(self.loss)


def minimize_parts(minimize: Any, parts: list[Problem], start: Solution) -> Solution:
    """Minimise several problems, each with its outputs of `start`, and join their solutions."""
    coefs, intercepts = (np.split(a, len(parts)) for a in (start.coef, start.intercept))
    starts = map(Solution, coefs, intercepts)
    found = [minimize(part, mine) for part, mine in zip(parts, starts, strict=True)]
    values = [solution.loss_value for solution in found]
    return Solution(
        np.concatenate([solution.coef for solution in found]),
        np.concatenate([solution.intercept for solution in found]),
        max(solution.n_iter for solution in found),
        None if None in values else float(sum(values)),
    )


class Objective:
    """Compute the smooth part of J: (sum of s_i loss_i) / (sum of s_i) + l2/2 |w|².

    The problem is of one output, or of the multinomial loss. The vector, of ``size``, holds for
    each output its d weights, and its intercept if the model has one. ``l1`` is the L1 penalty
    of each element, which the values do not include, or None.
    """

    def __init__(self, problem):
        self.problem = problem
        self.engine = problem.engine
        n, d = problem.rows.shape
        self.width = d + problem.fit_intercept
        self.size = problem.outputs * self.width
        self.total = problem.total
        self._share = 1.0 / self.total if self.total else 0.0
        self._penalised = np.tile(np.arange(self.width) < d, problem.outputs)
        self.l1 = np.where(self._penalised, problem.l1, 0.0) if problem.l1 else None
        products = len(problem.rows.values) if problem.rows.sparse else d * n
        work = 2 * problem.outputs * products
        self._tuner = ThreadTuner(useful_threads(problem.threads, work, 100))
        self._curvatures = None
        self._point = None  # the vector that the curvatures belong to
        self._plain_gram = None

    def split(self, vector):
        """Return the (coef, intercept) of a vector, fresh arrays."""
        d = self.problem.rows.shape[1]
        both = vector.reshape(-1, self.width)
        intercept = both[:, d].copy() if self.problem.fit_intercept else np.zeros(len(both))
        return np.array(both[:, :d], order="C"), intercept

    def joined(self, coef, intercept):
        """Return the vector of these."""
        both = [coef, intercept[:, None]] if self.problem.fit_intercept else [coef]
        return np.hstack(both).ravel()

    def __call__(self, vector, curved=False):
        """Return the value and the gradient; `curved`: keep second derivatives of the rows."""
        p = self.problem
        n, d = p.rows.shape
        curved = curved or (p.outputs == 1 and p.ranks is None)  # then it costs nothing
        if curved and (self._curvatures is None or p.ranks is not None):
            self._curvatures = np.zeros((p.outputs, n))
        curvatures = self._curvatures if curved else None
        self._point = vector if curved else None
        arguments = p, *self.split(vector), curvatures
        sums = accumulate(self._tuner, n, self.engine.objective, *arguments, ranks=p.ranks)
        if curved and p.ranks is not None:
            p.ranks.merge(self._curvatures)
        value = sums[0, 0] * self._share
        gradient = sums[0, 1:].reshape(-1, d + 1)[:, : self.width].ravel() * self._share
        return self._with_penalty(vector, float(value), gradient)

    def _with_penalty(self, vector, value, gradient):
        if l2 := self.problem.l2:
            penalised = np.where(self._penalised, vector, 0.0)
            value += 0.5 * l2 * dot(penalised, penalised)
            gradient += l2 * penalised
        return value, gradient

    def hessian(self, vector):
        """Return the matrix of second derivatives, (size, size).

        In directions in which neither the multinomial loss nor a penalty changes, it is made
        positive: the gradient is zero along them.
        """
        if vector is not self._point:
            self(vector, True)
        k = self.problem.outputs
        matrix = np.zeros((k, self.width, k, self.width))
        if k == 1:
            matrix[0, :, 0] = self.gram(self._curvatures[0])
        else:
            for i in range(k):
                for j in range(i):
                    part = self.gram(self._curvatures[i] * self._curvatures[j])
                    matrix[i, :, j] = matrix[j, :, i] = -part
                    matrix[i, :, i] += part
                    matrix[j, :, j] += part
            # equal weights of an unpenalised column in all classes
            free = ~self._penalised[: self.width] | (self.problem.l2 == 0)
            for j in np.flatnonzero(free):
                size = np.trace(matrix[:, j, :, j]) / k
                matrix[:, j, :, j] += size / k
        return self._with_ridge(matrix.reshape(self.size, self.size))

    def _with_ridge(self, matrix):
        matrix[np.diag_indices(self.size)] += self.problem.l2 * self._penalised
        return matrix

    def approximate_hessian(self, vector):
        """Return the Hessian, as if curvatures and columns were independent.

        It takes no pass over the rows beyond those for the value and the preconditioner.
        """
        p = self.problem
        if vector is not self._point:
            self(vector, True)
        c = self._curvatures
        s = np.full(c.shape[1], self._share) if p.weights is None else p.weights * self._share
        mean = times(c, s)
        spread = mean[:, None] if len(c) == 1 else np.diag(mean) - row_products(c * s, c)
        return np.kron(spread, self.gram()) + np.diag(p.l2 * self._penalised)

    def gram(self, curvatures=None):
        """Return the mean products of the columns, (width, width), weighted by curvatures."""
        if curvatures is not None:
            return self._gram(curvatures)
        if self._plain_gram is None:
            self._plain_gram = self._gram(None)
        return self._plain_gram

    def _gram(self, curvatures):
        p = self.problem
        n, d = p.rows.shape
        weights = p.weights if curvatures is None else curvatures
        if p.weights is not None and curvatures is not None:
            weights = p.weights * curvatures
        arguments = p.rows, weights, None, np.zeros((n, 0))
        sums = accumulate(self._tuner, n, self.engine.weighted_gram, *arguments, ranks=p.ranks)
        matrix = np.empty((self.width, self.width))
        matrix[:d, :d] = sums[0, :, :d]
        if p.fit_intercept:
            matrix[d, :d] = matrix[:d, d] = sums[0, :, d]
            matrix[d, d] = n if weights is None else weights.sum()
        return check_squares(matrix) * self._share

    def preconditioner(self):
        """Return a Preconditioner that resembles the Hessian at every vector."""
        p = self.problem
        n, d = p.rows.shape
        bound = BOUNDS.get(p.loss, 1.0)
        penalty = p.l2 * self._penalised[: self.width]
        if d <= PRECONDITIONER_COLUMNS and n > d:
            return Preconditioner(bound * self.gram() + np.diag(penalty))
        return Preconditioner(bound * self._squares() + penalty)

    def _squares(self):
        """Return the weighted mean squares of the columns, (width,)."""
        p = self.problem
        s = np.ones(p.rows.shape[0]) if p.weights is None else p.weights
        squares = check_squares(column_squares(p.rows, s)) * self._share
        return np.append(squares, 1.0) if p.fit_intercept else squares


class PriorObjective:
    """Add 1/2 (v - mean)ᵀ precision (v - mean) to an ``Objective``.

    The quadratic prior stands for the losses of earlier rows, expanded at the minimum found
    then (Laplace's approximation; for least squares it is exact).
    """

    def __init__(self, objective, mean, precision):
        self.objective = objective
        self.engine, self.l1, self.split = objective.engine, objective.l1, objective.split
        self._mean, self._precision = mean, precision

    def __call__(self, vector, curved=False):
        value, gradient = self.objective(vector, curved)
        step = vector - self._mean
        pull = times(self._precision, step)
        return value + 0.5 * dot(step, pull), gradient + pull

    def hessian(self, vector):
        return np.asarray(self.objective.hessian(vector) + self._precision)


@dataclass(frozen=True)
class ChunkedProblem:
    """Iterate over the problems of the chunks of a stream, again and again.

    ``first`` is the problem of the first chunk. ``output`` is the one of several outputs that
    they are for, or None for all. ``run`` is the ``ChunkRun`` that the stream reads, or None
    if it reads all chunks.
    """

    first: Problem
    stream: Iterable[Any]  #: of Chunk
    output: int | None = None
    run: Any = None

    def __iter__(self):
        for chunk in self.stream:
            whole = replace(
                self.first, rows=chunk.rows, y=chunk.y, weights=chunk.weights,
                offset=chunk.offset,
            )  # fmt: skip
            yield whole if self.output is None else whole.part(self.output)

    def part(self, output):
        """Return the chunks of one output."""
        return replace(self, output=output)


class StreamedObjective(Objective):
    """Compute an ``Objective`` over ``problem.chunks``: one pass a value."""

    def __call__(self, vector, curved=False):
        both = self._mean((1 + self.size,), lambda part: np.append(*part(vector)))
        return self._with_penalty(vector, float(both[0]), both[1:])

    def hessian(self, vector):
        shape = self.size, self.size
        return self._with_ridge(self._mean(shape, lambda part: part.hessian(vector)))

    def _gram(self, curvatures):
        return self._mean((self.width, self.width), lambda part: part.gram())

    def _squares(self):
        return self._mean((self.width,), lambda part: part._squares())

    def _mean(self, shape, function):
        """Return the weighted mean of a function of the objectives of chunks, unpenalised."""
        chunks, nothing = self.problem.chunks, np.zeros(shape)
        parts = (Objective(replace(problem, l1=0.0, l2=0.0)) for problem in chunks)
        sums = ((p.total, p.total * function(p) if p.total else nothing) for p in parts)
        if chunks.run is not None:
            total, found = chunks.run.add(sums, shape)
        else:
            total, found = 0.0, nothing
            for share, value in sums:
                total, found = total + share, found + value
        if not total:
            raise DataError("x: there are no rows, or none of any weight")
        return found / total


def objective_of(problem):
    """Return the Objective of a problem, whether it is in one piece or in chunks."""
    return Objective(problem) if problem.chunks is None else StreamedObjective(problem)


def smooth_objective(problem: Any, start: Any, solver: Any) -> tuple[Any, Array]:
    """Return the objective of a problem and the first vector; refuse losses with kinks."""
    name = LOSS_NAMES[problem.loss]
    if name not in SMOOTH:
        reason = f"has kinks, which {type(solver).__name__} cannot minimise"
        raise ArgumentError(f"loss: {name} {reason}: use SGD")
    objective, intercept = objective_of(problem), start.intercept
    fresh = problem.chunks is None and not (start.coef.any() or intercept.any())
    if fresh and problem.power() is not None and problem.fit_intercept:
        intercept = best_constant(problem)
    return objective, objective.joined(start.coef, intercept)


def best_constant(problem):
    """Return the intercept, (1,), that minimises the losses of a log link without weights."""
    k, offset, s = problem.power(), problem.offset, problem.weights
    mean, shift = np.average(problem.y, weights=s), 0.0
    if offset is not None:  # e^offset may be beyond the numbers; relative to the largest less
        shift = offset.max()
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            mean = np.average(problem.y * exponentials((1 - k) * (offset - shift)), weights=s)
            mean /= np.average(exponentials((2 - k) * (offset - shift)), weights=s)
    return logarithms(np.full(1, mean if 0 < mean < np.inf else 1.0)) - shift


def zero_solution(problem):
    """Return weights of 0."""
    shape = problem.outputs, problem.rows.shape[1]
    return Solution(np.zeros(shape), np.zeros(problem.outputs))
