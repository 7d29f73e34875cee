"""Descent for least squares: by all rows, their Gram matrix, or single coordinates."""

import functools
import time

import numpy as np

from fastgd._core.types import Status


def least_squares_descent(x, y, theta, alpha, iterations, seconds, threads=1):
    """Descend by the gradient of all rows: return how many iterations it took, and a Status.

    theta = theta - alpha x^T (x theta - y), with x: (n, d); y: (n, k); theta is passed as
    (k, d) and changed in place. It stops before an iteration whose result is not finite.
    """

    limit = np.finfo(x.dtype).max
    gradient = functools.partial(_gradient, x, y, theta)
    return _descend(gradient, theta, alpha, limit, iterations, seconds)


def descent_sums(x, y, theta, rank, ranks, threads=1):
    """Return the sums, (1, k, d), that one of several processes adds to such a gradient.

    The first computes all of it, the others return zeros.
    """
    if rank:
        return np.zeros((1, *theta.shape))
    with np.errstate(all="ignore"):  # as in _descend
        return _gradient(x, y, theta)[None]


def _gradient(x, y, theta):
    return ((x @ theta.T - y).T @ x).astype(np.float64)


def gram_descent(gram, theta, alpha, limit, iterations, seconds):
    """Descend by the Gram matrix: return how many iterations it took, and a Status.

    theta = theta - alpha (G theta - b). gram is the result of weighted_gram: G, a column of
    sums and b side by side in gram[0]. theta is passed as (k, d), float64, and changed in
    place. It stops before an iteration that would bring an element beyond the limit.
    """
    d = theta.shape[1]
    square, moments = gram[0, :, :d], gram[0, :, d + 1 :].T

    def gradient():
        return theta @ square - moments

    return _descend(gradient, theta, alpha, limit, iterations, seconds)


@np.errstate(all="ignore")  # the Status says it
def _descend(gradient, theta, alpha, limit, iterations, seconds):
    """Move theta against its gradient: return how many iterations it took, and a Status."""
    deadline = time.monotonic() + seconds
    for iteration in range(iterations):
        moved = (theta - alpha * gradient()).astype(theta.dtype)
        if not (np.abs(moved) <= limit).all():
            return iteration, Status.STATUS_UPDATE
        theta[:] = moved
        if time.monotonic() > deadline:
            return iteration + 1, Status.STATUS_FINE
    return max(iterations, 0), Status.STATUS_FINE


def coordinate_descent(gram, moments, l1, vector, tol, sweeps, seconds):
    """Minimise 1/2 w'Gw - b'w + l1'|w|: return how many sweeps it took, and whether it ended.

    gram: (n, n), symmetric; moments b, l1 and vector w: (n,), of which w is changed in place;
    all float64. A sweep minimises over one coordinate after the other: soft thresholding. It
    ends when all elements of the subgradient of least norm are within tol, or when a sweep
    changes only last bits. Coordinates with a diagonal of 0 or less keep their values.
    """
    deadline = time.monotonic() + seconds
    diagonal = np.diagonal(gram)
    left = moments - gram @ vector
    sweep = 0
    while sweep < sweeps:
        change = 0.0
        for j in np.flatnonzero(diagonal > 0):
            target = left[j] + diagonal[j] * vector[j]
            new = np.sign(target) * max(abs(target) - l1[j], 0.0) / diagonal[j]
            moved = new - vector[j]
            if moved != 0:
                change = max(change, abs(moved) * np.sqrt(diagonal[j]))
                left -= moved * gram[j]
                vector[j] = new
        sweep += 1
        if sweep % 64 == 0:
            left = moments - gram @ vector
        if _steepness(left, l1, vector) <= tol or change <= _last_bits(diagonal, vector):
            # make sure that it is not due to the rounding errors that `left` has added up
            left = moments - gram @ vector
            if _steepness(left, l1, vector) <= tol or change <= _last_bits(diagonal, vector):
                return sweep, True
        if time.monotonic() > deadline:
            break
    return sweep, False


def _steepness(left, l1, vector):
    """Return the largest element of the subgradient of least norm."""
    at_zero = np.maximum(np.abs(left) - l1, 0)
    slopes = np.where(vector == 0, at_zero, np.abs(l1 * np.sign(vector) - left))
    return slopes.max(initial=0.0)


def _last_bits(diagonal, vector):
    """Return the change, scaled by the diagonal, that rounding hides."""
    return 2.0**-52 * np.sqrt(np.maximum(diagonal, 0) * vector**2).max(initial=0.0)
