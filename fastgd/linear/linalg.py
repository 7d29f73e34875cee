"""Sums over rows, inverses of positive semidefinite matrices, and least squares by them."""

import functools
from dataclasses import dataclass

import numpy as np

from fastgd._engine.algebra import (
    cholesky,
    cholesky_solve,
    dot,
    eigenvectors,
    row_products,
    times,
)
from fastgd._engine.thread_choice import SPAN_SECONDS, ThreadTuner, useful_threads
from fastgd._typing import Array
from fastgd.errors import DivergenceError

EPSILON = np.finfo(np.float64).eps

#: From this condition number on, residuals of the data correct the rounding errors of moments.
ILL_CONDITIONED = 1e4

#: The maximum number of such corrections.
CORRECTIONS = 4

#: The number of rows whose mean is subtracted before moments are summed.
SHIFT_ROWS = 64


def accumulate(tuner, n, kernel, *arguments, ranks=None):
    """Return the sums of a kernel of the engine over n rows, n >= 1, in spans for Ctrl-C.

    The kernel takes the arguments, its sums (None at first), a row, seconds and threads. It
    continues at the row for about that many seconds, and returns the row it reached and
    the sums. ranks: the Ranks that share the rows, so that each computes a part of the sums; or
    None.
    """
    row, sums = 0, None
    while row < n:
        span = functools.partial(kernel, *arguments, sums, row)
        row, sums = tuner.run(span, row, SPAN_SECONDS)
    if ranks is not None and ranks.size > 1:
        _, sums = kernel(*arguments, ranks.merge(sums), n, SPAN_SECONDS)
    return sums


def check_squares(squares):
    """Return sums of squares as they are; raise a DivergenceError unless they are finite."""
    if not np.isfinite(squares).all():
        message = "x: the squares of its columns are beyond float64: scale the columns of x"
        raise DivergenceError(message)
    return squares


def root_of_inverse(matrix, least):
    """Return R (rank, n) such that RᵀR is a matrix's pseudo-inverse.

    Eigenvalues up to `least` times the largest count as 0.
    """
    values, vectors = eigenvectors(matrix)
    kept = values > max(0.0, least * values[-1])
    return vectors[kept] / np.sqrt(values[kept])[:, None]


def _inverses(sizes):
    """Return 1 / sizes, and 0 for those that are 0."""
    return np.divide(1.0, sizes, out=np.zeros_like(sizes), where=sizes > 0)


class Inverse:
    """Multiply by the inverse of a positive semidefinite matrix, or by a pseudo-inverse.

    The matrix is scaled to a unit diagonal first, so that columns of very different sizes lose
    no digits, and factored by Cholesky. If it is singular to rounding, its null directions are
    left out.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Only the lower half is read.
    null_share : float, optional
        Take the pseudo-inverse of the matrix as it is, whose products have the least norm.
        Eigenvalues up to this share of the largest count as 0.

    ``condition`` is roughly the condition number of the scaled matrix; infinite if singular.

    Examples
    --------
    >>> import numpy as np
    >>> Inverse(np.array([[2.0, 0.0], [1.0, 1.0]]))(np.array([3.0, 2.0]))
    array([1., 1.])
    """

    def __init__(self, matrix, null_share=None):
        if null_share is not None:
            self.condition, self._root = np.inf, root_of_inverse(matrix, null_share)
            return
        scale = _inverses(np.sqrt(np.maximum(np.diagonal(matrix), 0)))
        scaled = matrix * scale * scale[:, None]
        np.fill_diagonal(scaled, 1.0)
        least = 10 * len(scaled) * EPSILON
        self._lower, pivot = cholesky(scaled)
        self._scale, self._root = scale, None
        self.condition = 1 / min(pivot, 1.0) if pivot > least else np.inf
        if pivot <= least:
            self._root = root_of_inverse(scaled, least) * scale

    def __call__(self, right):
        """Return the product with (n,) or (n, k)."""
        rows = np.atleast_2d(right.T)
        if self._root is not None:
            found = row_products(row_products(rows, self._root), self._root.T)
        else:
            found = self._scale * cholesky_solve(self._lower, self._scale * rows)
        return found.reshape(right.T.shape).T


class Preconditioner:
    """Multiply by the inverse of a positive matrix that is the same for each output.

    The matrix is (width, width), or its diagonal, (width,).
    """

    def __init__(self, matrix):
        self._matrix = matrix

    def squared_norm(self, vector):
        """Return v'Mv of the matrix, summed over the outputs."""
        both = vector.reshape(-1, len(self._matrix))
        if self._matrix.ndim == 1:
            return float((self._matrix * both**2).sum())
        return dot(row_products(both, self._matrix).ravel(), both.ravel())

    def restricted(self, free=None):
        """Return the function that multiplies a vector as if only free elements existed."""
        width = len(self._matrix)
        if self._matrix.ndim == 1:
            scale = _inverses(self._matrix)
            return lambda v: (v.reshape(-1, width) * scale).ravel()
        if free is None or free.all():
            inverse = Inverse(self._matrix)
            return lambda v: inverse(v.reshape(-1, width).T).T.ravel()
        kept = [np.flatnonzero(part) for part in free.reshape(-1, width)]
        inverses = [Inverse(self._matrix[np.ix_(part, part)]) for part in kept]

        def product(v):
            result = np.zeros_like(v.reshape(-1, width))
            for i, (part, inverse) in enumerate(zip(kept, inverses, strict=True)):
                result[i, part] = inverse(v.reshape(-1, width)[i, part])
            return result.ravel()

        return product


@np.errstate(over="ignore", invalid="ignore")
def column_squares(rows, weights):
    """Return the sums of weighted squares of the columns of rows, float64 (d,)."""
    n, d = rows.shape
    if not rows.sparse:
        total = np.zeros(d)
        for first in range(0, n, 1024):
            part = rows.values[first : first + 1024].astype(np.float64)
            total += (weights[first : first + 1024, None] * part * part).sum(axis=0)
        return total
    inside = slice(int(rows.starts[0]), int(rows.starts[-1]))
    values = rows.values[inside].astype(np.float64)
    shares = np.repeat(weights, np.diff(rows.starts))
    return np.bincount(rows.columns[inside], shares * values * values, d)


@dataclass(frozen=True)
class Moments:
    """Hold weighted sums of x and y (n, k) and of their products, about their means."""

    total: float  #: the sum of the weights s
    x_mean: Array  #: (d,)
    y_mean: Array  #: (k,)
    square: Array  #: (d, d), the sum of s (x - x_mean)ᵀ (x - x_mean)
    cross: Array  #: (d, k), the same with y - y_mean

    def joined(self, other):
        """Return the moments of the rows of both (Chan, Golub and LeVeque 1983)."""
        total = self.total + other.total
        share = other.total / total
        x, y = other.x_mean - self.x_mean, other.y_mean - self.y_mean
        weight = self.total * share
        return Moments(
            total, self.x_mean + share * x, self.y_mean + share * y,
            self.square + other.square + weight * np.outer(x, x),
            self.cross + other.cross + weight * np.outer(x, y),
        )  # fmt: skip

    def about(self, centred):
        """Return (square, cross) about the means, or about zero."""
        if centred:
            return self.square, self.cross
        x, y, n = self.x_mean, self.y_mean, self.total
        return self.square + n * np.outer(x, x), self.cross + n * np.outer(x, y)

    def intercept(self, coef, centred):
        """Return the intercept (k,) that belongs to coef (k, d)."""
        return self.y_mean - times(coef, self.x_mean) if centred else np.zeros(len(coef))


def _about_mean(values):
    """Return the means of the columns of (n, d); exactly its value for a constant column."""
    return values[0] + np.subtract(values, values[0], dtype=np.float64).mean(axis=0)


def _shifted(engine, rows):
    """Return CSR rows about the shift (d,), which only columns without implicit zeros have."""
    n, d = rows.shape
    inside = slice(int(rows.starts[0]), int(rows.starts[-1]))
    columns, shift = rows.columns[inside], np.zeros(d)
    ends = columns[: rows.starts[1] - rows.starts[0]], columns[rows.starts[-2] - inside.start :]
    if len(np.intersect1d(*ends)) == 0:  # a look at two rows spares most matrices the count
        return rows, shift
    full = np.bincount(columns, minlength=d) == n
    if not full.any():
        return rows, shift
    values = rows.values[inside].astype(np.float64)
    of_full = full[columns]
    head = values[of_full].reshape(n, -1)[:SHIFT_ROWS]  # the columns of a row are in order
    shift[full] = _about_mean(head)
    values[of_full] -= np.tile(shift[full], n)
    starts = rows.starts - rows.starts[0]
    return engine.Rows(values, columns, starts, d), shift


def moments(engine, rows, y, weights, threads=1):
    """Return the Moments of rows, y (n, k) and weights (n,) or None.

    Rows are shifted by about their mean: columns far away from zero lose no digits.
    """
    n, d = rows.shape
    total = float(n if weights is None else weights.sum())
    if rows.sparse:
        rows, shift = _shifted(engine, rows)
        shifts = None  # of the rows that are summed
    else:
        shift = shifts = _about_mean(rows.values[:SHIFT_ROWS])
    y_mean = np.average(y, axis=0, weights=weights)
    y = np.ascontiguousarray(y - y_mean)
    dense_work = n * d * (d + y.shape[1]) // 2
    work = len(rows.values) ** 2 // max(n, 1) if rows.sparse else dense_work
    tuner = ThreadTuner(useful_threads(threads, work, 1))
    sums = accumulate(tuner, n, engine.weighted_gram, rows, weights, shifts, y)
    check_squares(sums)
    square, first, cross = sums[0, :, :d], sums[0, :, d], sums[0, :, d + 1 :]
    off = first / total
    x_mean = shift + off
    rest = (y if weights is None else weights[:, None] * y).sum(axis=0)
    square, cross = square - np.outer(first, off), cross - np.outer(off, rest)
    return Moments(total, x_mean, y_mean, square, cross)


def ridge(found, penalties, centred):
    """Return coef (k, d) for one penalty a target, and the solver of each target.

    Minimises sum of s (x w + b - y)² + penalty |w|². Of several minima it is the one of the
    least norm.
    """
    square, cross = found.about(centred)
    coef = np.empty((cross.shape[1], len(square)))
    solvers = {}
    for penalty in np.unique(penalties):
        matrix = square + penalty * np.eye(len(square))
        solver = Inverse(matrix)
        if solver.condition == np.inf:
            solver = Inverse(matrix, null_share=10 * len(matrix) * EPSILON)
        solvers[penalty] = solver
        mine = penalties == penalty
        coef[mine] = solver(cross[:, mine]).T
    return coef, [solvers[penalty] for penalty in penalties]


def correct(problem, found, penalties, coef, solvers):
    """Make solutions as exact as residuals of the data allow; coef is changed, and returned.

    Uncorrected, their error is about eps times the condition number of the columns' moments,
    that is, of x squared. One pass over the rows a correction. The problem is of least squares;
    the penalties, one a target, are not part of it.
    """
    rows, centred = problem.rows, problem.fit_intercept
    condition = max(solver.condition for solver in solvers)
    if rows.sparse and centred:  # their means were subtracted afterwards
        spread = np.diagonal(found.square)
        squares = found.total * found.x_mean**2
        condition *= 1 + (squares[spread > 0] / spread[spread > 0]).max(initial=0.0)
    if condition < ILL_CONDITIONED:
        return coef
    n, d = rows.shape
    k = len(coef)
    tuner = ThreadTuner(useful_threads(problem.threads, 2 * n * d * k, 1))
    before = np.inf
    for _ in range(CORRECTIONS):
        intercept = found.intercept(coef, centred)
        sums = accumulate(tuner, n, problem.engine.objective, problem, coef, intercept, None)
        slopes = sums[0, 1:].reshape(k, d + 1)
        right = slopes[:, :d] + penalties[:, None] * coef
        if centred:
            right -= np.outer(slopes[:, d], found.x_mean)
            right[:, np.diagonal(found.square) == 0] = 0.0  # constant columns
        step = np.stack([solver(r) for solver, r in zip(solvers, right, strict=True)])
        size = np.abs(step).max(initial=0.0)
        if not size < 0.5 * before:
            break
        coef -= step
        before = size
        if size <= 1e-15 * np.abs(coef).max(initial=0.0):
            break
    return coef
