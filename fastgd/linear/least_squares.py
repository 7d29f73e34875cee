"""Least squares by the columns' moments: exact, from one pass over the rows, in any parts."""

from dataclasses import dataclass

import numpy as np

from fastgd._engine.threads import Choice, useful_threads
from fastgd.linear.definite import Inverse, finite_squares, root_of_inverse
from fastgd.linear.passes import sums_over_rows

#: From this condition number on, residuals of the data correct what rounding did to moments.
ILL_CONDITIONED = 1e4

#: Such corrections at most.
CORRECTIONS = 4

#: The rows whose mean is the point that moments are taken about at first.
SHIFT_ROWS = 64


@dataclass(frozen=True)
class Moments:
    """Weighted sums of x and y (n, k) and of their products, about their means.

    Attributes
    ----------
    total : float
        The sum of the weights.
    x_mean, y_mean : ndarray, (d,) and (k,)
    square, cross : ndarray, (d, d) and (d, k)
        Sums of s (x - x_mean)ᵀ (x - x_mean), and the same with y.
    """

    total: float
    x_mean: np.ndarray
    y_mean: np.ndarray
    square: np.ndarray
    cross: np.ndarray

    def joined(self, other):
        """Those of the rows of both (Chan, Golub and LeVeque 1983)."""
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
        """(square, cross) about the means, or about zero."""
        if centred:
            return self.square, self.cross
        x, y = self.x_mean, self.y_mean
        return (
            self.square + self.total * np.outer(x, x), self.cross + self.total * np.outer(x, y)
        )  # fmt: skip

    def intercept(self, coef, centred):
        """That which belongs to coef (k, d): (k,)."""
        return self.y_mean - coef @ self.x_mean if centred else np.zeros(len(coef))


def moments(engine, rows, y, weights, threads=1):
    """The Moments of rows, y (n, k) and weights (n,) or None.

    Dense rows are shifted by about their mean, so that columns far away from zero lose nothing.
    """
    n, d = rows.shape
    total = float(n if weights is None else weights.sum())
    shift = None if rows.sparse else rows.values[:SHIFT_ROWS].mean(axis=0, dtype=np.float64)
    y_mean = np.average(y, axis=0, weights=weights)
    y = np.ascontiguousarray(y - y_mean)
    work = n * d * (d + y.shape[1]) // 2
    if rows.sparse:
        work = len(rows.values) ** 2 // max(n, 1)
    choice = Choice(useful_threads(threads, work, 1))
    sums = finite_squares(
        sums_over_rows(choice, n, engine.weighted_gram, rows, weights, shift, y)
    )
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
    """The solutions for one penalty a target: coef (k, d), and what solved for each target.

    Minimises sum of s (x w + b - y)² + penalty |w|². Where that has several minima, the one of
    the least norm.
    """
    square, cross = found.about(centred)
    coef = np.empty((cross.shape[1], len(square)))
    solvers = {}
    for penalty in np.unique(penalties):
        solvers[penalty] = _solver(square + penalty * np.eye(len(square)))
        mine = penalties == penalty
        coef[mine] = solvers[penalty](cross[:, mine]).T
    return coef, [solvers[penalty] for penalty in penalties]


def _solver(matrix):
    inverse = Inverse(matrix)
    if inverse.condition == np.inf:
        return PseudoInverse(matrix, 10 * len(matrix) * np.finfo(np.float64).eps)
    return inverse


class PseudoInverse:
    """Multiplies by a pseudo-inverse; its products have the least norm.

    Parameters
    ----------
    matrix : ndarray, (n, n)
        Symmetric and positive semidefinite.
    least : float
        Eigenvalues up to this share of the largest are taken for 0.

    """

    condition = np.inf

    def __init__(self, matrix, least):
        self._root = root_of_inverse(matrix, least)

    def __call__(self, right):
        return self._root.T @ (self._root @ right)


def correct(problem, found, penalties, coef, solvers):
    """Solutions made as exact as residuals of the data themselves allow; coef is changed.

    Their own error is about eps times the condition number of the columns' moments, and so that
    of x squared. One pass over the rows a correction. For a problem of least squares whose
    penalties are apart, one a target.
    """
    rows, centred = problem.rows, problem.fit_intercept
    condition = max(solver.condition for solver in solvers)
    if rows.sparse and centred:  # their means were taken away afterwards
        spread = np.diagonal(found.square)
        squares = found.total * found.x_mean**2
        condition *= 1 + (squares[spread > 0] / spread[spread > 0]).max(initial=0.0)
    if condition < ILL_CONDITIONED:
        return coef
    n, d = rows.shape
    k = len(coef)
    choice = Choice(useful_threads(problem.threads, 2 * n * d * k, 1))
    before = np.inf
    for _ in range(CORRECTIONS):
        intercept = found.intercept(coef, centred)
        sums = sums_over_rows(
            choice, n, problem.engine.objective, problem, coef, intercept, None
        )
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
