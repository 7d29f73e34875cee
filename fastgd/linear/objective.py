"""The objective of a linear model as solvers of whole batches see it: of a vector."""

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd._engine.threads import Choice, useful_threads
from fastgd.linear.definite import Inverse, finite_squares
from fastgd.linear.passes import sums_over_rows

#: Up to so many columns the metric is the inverse of a matrix, else of its diagonal.
METRIC_COLUMNS = 256

#: The largest second derivatives of losses; where there is none, a guess does as well.
BOUNDS = {LinearLoss.LINEAR_LOG_LOSS: 0.25, LinearLoss.LINEAR_MULTINOMIAL: 0.5}


class Objective:
    """The smooth part of J, (sum of s_i loss_i) / (sum of s_i) + l2/2 |w|², of a vector.

    The vector holds, for each output, its d weights and, if there is one, its intercept.

    Parameters
    ----------
    problem : Problem
        Of one output, or of the multinomial loss.

    Attributes
    ----------
    size : int
    total : float
        The sum of the weights of rows.
    l1 : ndarray, shape (size,), or None
        The L1 penalty of each element, which is not in the values; None if there is none.
    """

    def __init__(self, problem):
        self.problem = problem
        self.engine = problem.engine
        n, d = problem.rows.shape
        self.width = d + problem.fit_intercept
        self.size = problem.outputs * self.width
        self.total = n if problem.weights is None else problem.weights.sum()
        self._share = 1.0 / self.total if self.total else 0.0
        self._penalised = np.ones((problem.outputs, self.width), bool)
        self._penalised[:, d:] = False
        self._penalised = self._penalised.ravel()
        self.l1 = np.where(self._penalised, problem.l1, 0.0) if problem.l1 else None
        work = 2 * d * n * problem.outputs
        if problem.rows.sparse:
            work = 2 * len(problem.rows.values) * problem.outputs
        self._choice = Choice(useful_threads(problem.threads, work, 100))
        self._curvatures = None
        self._point = None
        self._plain_gram = None

    def split(self, vector):
        """(coef, intercept) of a vector, fresh arrays."""
        d = self.problem.rows.shape[1]
        both = vector.reshape(-1, self.width)
        intercept = both[:, d].copy() if self.problem.fit_intercept else np.zeros(len(both))
        return np.array(both[:, :d], order="C"), intercept

    def joined(self, coef, intercept):
        """The vector of these."""
        both = [coef, intercept[:, None]] if self.problem.fit_intercept else [coef]
        return np.hstack(both).ravel()

    def __call__(self, vector, curved=False):
        """The value and the gradient; `curved`: what the Hessian is made of is kept, too."""
        p = self.problem
        n, d = p.rows.shape
        curved = curved or p.outputs == 1  # then it costs nothing
        if curved and self._curvatures is None:
            self._curvatures = np.empty((p.outputs, n))
        coef, intercept = self.split(vector)
        curvatures = self._curvatures if curved else None
        self._point = vector if curved else None
        sums = sums_over_rows(
            self._choice, n, self.engine.objective, p, coef, intercept, curvatures
        )
        value = sums[0, 0] * self._share
        gradient = sums[0, 1:].reshape(-1, d + 1)[:, : self.width].ravel() * self._share
        return self._with_penalty(vector, float(value), gradient)

    def _with_penalty(self, vector, value, gradient):
        l2 = self.problem.l2
        if l2:
            penalised = np.where(self._penalised, vector, 0.0)
            value += 0.5 * l2 * float(penalised @ penalised)
            gradient += l2 * penalised
        return value, gradient

    def hessian(self, vector):
        """The matrix of second derivatives, (size, size).

        Along directions in which the multinomial loss never changes, and no penalty either, it
        is made positive: the gradient has no part in them.
        """
        p = self.problem
        if vector is not self._point:
            self(vector, True)
        k = p.outputs
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
            self._fill(matrix)
        matrix = matrix.reshape(self.size, self.size)
        matrix[np.diag_indices(self.size)] += p.l2 * self._penalised
        return matrix

    def _fill(self, matrix):
        """Add to a column's equal weights in all classes, if unpenalised, as much as it has."""
        k = len(matrix)
        free = ~self._penalised[: self.width] | (self.problem.l2 == 0)
        for j in np.flatnonzero(free):
            size = np.trace(matrix[:, j, :, j]) / k
            matrix[:, j, :, j] += size / k

    def rough_hessian(self, vector):
        """The Hessian, as if curvatures and columns had nothing to do with each other.

        It takes no pass over the rows beyond those for the value and for the metric.
        """
        p = self.problem
        if vector is not self._point:
            self(vector, True)
        c = self._curvatures
        s = np.full(c.shape[1], self._share) if p.weights is None else p.weights * self._share
        mean = c @ s
        spread = mean[:, None] if len(c) == 1 else np.diag(mean) - (c * s) @ c.T
        return np.kron(spread, self.gram()) + np.diag(p.l2 * self._penalised)

    def gram(self, curvatures=None):
        """The columns' products with each other, (width, width), weighted by curvatures."""
        if curvatures is None:
            if self._plain_gram is None:
                self._plain_gram = self._gram(None)
            return self._plain_gram
        return self._gram(curvatures)

    def _gram(self, curvatures):
        p = self.problem
        n, d = p.rows.shape
        weights = p.weights if curvatures is None else curvatures
        if p.weights is not None and curvatures is not None:
            weights = p.weights * curvatures
        none = np.zeros((n, 0))
        sums = sums_over_rows(
            self._choice, n, self.engine.weighted_gram, p.rows, weights, None, none
        )
        matrix = np.empty((self.width, self.width))
        matrix[:d, :d] = sums[0, :, :d]
        if p.fit_intercept:
            matrix[d, :d] = matrix[:d, d] = sums[0, :, d]
            matrix[d, d] = n if weights is None else weights.sum()
        return finite_squares(matrix) * self._share

    def metric(self):
        """What the inverse of the Hessian is like wherever the vector is: a Metric."""
        p = self.problem
        n, d = p.rows.shape
        bound = BOUNDS.get(p.loss, 1.0)
        penalty = p.l2 * self._penalised[: self.width]
        if d <= METRIC_COLUMNS and n > d:
            return Metric(bound * self.gram() + np.diag(penalty))
        return Metric(bound * self._squares() + penalty)

    def _squares(self):
        """The weighted mean squares of the columns, (width,)."""
        p = self.problem
        s = np.ones(p.rows.shape[0]) if p.weights is None else p.weights
        squares = finite_squares(column_squares(p.rows, s)) * self._share
        return np.append(squares, 1.0) if p.fit_intercept else squares


class Metric:
    """Multiplies by the inverse of a positive matrix that is the same for each output.

    Parameters
    ----------
    matrix : ndarray, (width, width), or its diagonal, (width,)
    """

    def __init__(self, matrix):
        self._matrix = matrix

    def square(self, vector):
        """The square of a vector's length."""
        both = vector.reshape(-1, len(self._matrix))
        if self._matrix.ndim == 1:
            return float((self._matrix * both**2).sum())
        return float((both @ self._matrix * both).sum())

    def on(self, free=None):
        """The function that multiplies a vector, as if what is not free were not there."""
        width = len(self._matrix)
        if self._matrix.ndim == 1:
            scale = np.divide(
                1.0, self._matrix, out=np.zeros_like(self._matrix), where=self._matrix > 0
            )
            return lambda v: (v.reshape(-1, width) * scale).ravel()
        if free is None or free.all():
            inverse = Inverse(self._matrix, often=True)
            return lambda v: inverse(v.reshape(-1, width).T).T.ravel()
        kept = [np.flatnonzero(part) for part in free.reshape(-1, width)]
        inverses = [Inverse(self._matrix[np.ix_(part, part)], True) for part in kept]

        def product(v):
            found = np.zeros_like(v)
            parts = zip(
                v.reshape(-1, width), found.reshape(-1, width), kept, inverses, strict=True
            )
            for given, out, part, inverse in parts:
                out[part] = inverse(given[part])
            return found

        return product


@np.errstate(over="ignore", invalid="ignore")
def column_squares(rows, weights):
    """The sums of weighted squares of the columns of rows, float64 (d,)."""
    n, d = rows.shape
    if not rows.sparse:
        total = np.zeros(d)
        for first in range(0, n, 1024):
            part = rows.values[first : first + 1024].astype(np.float64)
            total += weights[first : first + 1024] @ (part * part)
        return total
    inside = slice(int(rows.starts[0]), int(rows.starts[-1]))
    values = rows.values[inside].astype(np.float64)
    shares = np.repeat(weights, np.diff(rows.starts))
    return np.bincount(rows.columns[inside], shares * values * values, d)
