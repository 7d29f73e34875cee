"""Batch gradient descent for least squares, directly and by the Gram matrix."""

import time

import numpy as np

from fastgd._core.types import Status


def least_squares_descent(x, y, theta, alpha, iterations, seconds, threads=1):
    """Take up to so many iterations of batch gradient descent: (how many it took, Status).

    theta = theta - alpha x^T (x theta - y), with x: (n, d); y: (n, k); theta, as it is passed:
    (k, d), changed in place. An iteration that would leave the finite numbers is not taken.
    """

    def gradient():
        return ((x @ theta.T - y).T @ x).astype(np.float64)

    limit = np.finfo(x.dtype).max
    return _descend(gradient, theta, alpha, limit, iterations, seconds)


def gram_descent(gram, theta, alpha, limit, iterations, seconds):
    """Take up to so many iterations of descent by the Gram matrix: (how many it took, Status).

    theta = theta - alpha (G theta - b), with G, a column of sums and b side by side in gram[0],
    what weighted_gram returned at the end; theta, as it is passed: float64, (k, d), changed in
    place. An iteration that would take an element beyond the limit is not taken.
    """
    d = theta.shape[1]
    square, moments = gram[0, :, :d], gram[0, :, d + 1 :].T

    def gradient():
        return theta @ square - moments

    return _descend(gradient, theta, alpha, limit, iterations, seconds)


@np.errstate(all="ignore")  # the status tells
def _descend(gradient, theta, alpha, limit, iterations, seconds):
    """Move theta against its gradient so many times: (how many it was, Status)."""
    deadline = time.monotonic() + seconds
    iteration = 0
    while iteration < iterations:
        moved = (theta - alpha * gradient()).astype(theta.dtype)
        if not (np.abs(moved) <= limit).all():
            return iteration, Status.STATUS_UPDATE
        theta[:] = moved
        iteration += 1
        if time.monotonic() > deadline:
            break
    return iteration, Status.STATUS_FINE
