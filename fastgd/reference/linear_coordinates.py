"""Coordinate descent on a quadratic function with an L1 penalty."""

import time

import numpy as np


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
