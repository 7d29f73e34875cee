"""Batch gradient descent for least squares, from the rows or from their Gram matrix."""

import time

import numpy as np

from fastgd._core.types import Status


def least_squares_descent(x, y, theta, alpha, iterations, seconds, threads=1):
    """Descend by the gradient of all rows: return how many iterations it took, and a Status.

    theta = theta - alpha x^T (x theta - y), with x: (n, d); y: (n, k); theta is passed as
    (k, d) and changed in place. It stops before an iteration whose result is not finite.
    """

    def gradient():
        return ((x @ theta.T - y).T @ x).astype(np.float64)

    limit = np.finfo(x.dtype).max
    return _descend(gradient, theta, alpha, limit, iterations, seconds)


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
