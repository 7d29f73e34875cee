"""Least squares by the columns' moments: exact, from one pass over the rows, in any parts."""

from dataclasses import dataclass

import numpy as np

from fastgd._engine.threads import ThreadTuner, useful_threads
from fastgd._typing import Array
from fastgd.linear.accumulate import accumulate
from fastgd.linear.linalg import EPSILON, Inverse, check_squares

#: From this condition number on, residuals of the data correct the rounding errors of moments.
ILL_CONDITIONED = 1e4

#: The maximum number of such corrections.
CORRECTIONS = 4

#: The number of rows whose mean is subtracted before moments are summed.
SHIFT_ROWS = 64


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
            total,
            self.x_mean + share * x,
            self.y_mean + share * y,
            self.square + other.square + weight * np.outer(x, x),
            self.cross + other.cross + weight * np.outer(x, y),
        )

    def about(self, centred):
        """Return (square, cross) about the means, or about zero."""
        if centred:
            return self.square, self.cross
        x, y = self.x_mean, self.y_mean
        return (
            self.square + self.total * np.outer(x, x), self.cross + self.total * np.outer(x, y)
        )  # fmt: skip

    def intercept(self, coef, centred):
        """Return the intercept (k,) that belongs to coef (k, d)."""
        return self.y_mean - coef @ self.x_mean if centred else np.zeros(len(coef))


def moments(engine, rows, y, weights, threads=1):
    """Return the Moments of rows, y (n, k) and weights (n,) or None.

    Dense rows are shifted by about their mean: columns far away from zero lose no digits.
    """
    n, d = rows.shape
    total = float(n if weights is None else weights.sum())
    shift = None if rows.sparse else rows.values[:SHIFT_ROWS].mean(axis=0, dtype=np.float64)
    y_mean = np.average(y, axis=0, weights=weights)
    y = np.ascontiguousarray(y - y_mean)
    work = n * d * (d + y.shape[1]) // 2
    if rows.sparse:
        work = len(rows.values) ** 2 // max(n, 1)
    tuner = ThreadTuner(useful_threads(threads, work, 1))
    sums = accumulate(tuner, n, engine.weighted_gram, rows, weights, shift, y)
    check_squares(sums)
    square, first, cross = sums[0, :, :d], sums[0, :, d], sums[0, :, d + 1 :]
    off = first / total
    rest = y.sum(axis=0) if weights is None else weights @ y
    return Moments(
        total,
        off if shift is None else shift + off,
        y_mean,
        square - np.outer(first, off),
        cross - np.outer(off, rest),
    )


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
        step = np.stack([solver(r) for solver, r in zip(solvers, right, strict=True)])
        size = np.abs(step).max(initial=0.0)
        if not size < 0.5 * before:
            break
        coef -= step
        before = size
        if size <= 1e-15 * np.abs(coef).max(initial=0.0):
            break
    return coef
