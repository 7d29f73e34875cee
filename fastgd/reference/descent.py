"""Batch gradient descent for least squares."""

import time

import numpy as np

from fastgd._core.types import Status


@np.errstate(all="ignore")  # the status tells
def least_squares_descent(x, y, theta, alpha, iteration, last, seconds):
    """Go on with batch gradient descent from `iteration`: (iteration reached, Status).

    theta = theta - alpha x^T (x theta - y), with x: (n, d); y: (n, k); theta, as it is passed:
    (k, d), changed in place. An iteration that would leave the finite numbers is not taken.
    """
    deadline = time.monotonic() + seconds
    while iteration < last:
        gradient = (x @ theta.T - y).T @ x
        moved = (theta - alpha * gradient.astype(np.float64)).astype(x.dtype)
        if not np.isfinite(moved).all():
            return iteration, Status.STATUS_UPDATE
        theta[:] = moved
        iteration += 1
        if time.monotonic() > deadline:
            break
    return iteration, Status.STATUS_FINE
