"""Coordinate descent on a quadratic function with L1."""

import time

import numpy as np


def coordinate_descent(gram, moments, l1, vector, tol, sweeps, seconds):
    """Minimise 1/2 w'Gw - b'w + l1'|w| in up to so many sweeps: (how many, whether it ended).

    gram: (n, n), symmetric; moments, l1, vector: (n,), the last one changed in place; float64.
    It ends where no element of the subgradient of least norm is beyond tol, or where a sweep
    changes nothing but the last bits. Coordinates whose diagonal is not above zero stay.
    """
    deadline = time.monotonic() + seconds
    diagonal = np.diagonal(gram)
    left = moments - gram @ vector
    sweep = 0
    while sweep < sweeps:
        change = 0.0
        for j in np.flatnonzero(diagonal > 0):
            aim = left[j] + diagonal[j] * vector[j]
            new = np.sign(aim) * max(abs(aim) - l1[j], 0.0) / diagonal[j]
            moved = new - vector[j]
            if moved != 0:
                change = max(change, abs(moved) * np.sqrt(diagonal[j]))
                left -= moved * gram[j]
                vector[j] = new
        sweep += 1
        if sweep % 64 == 0:
            left = moments - gram @ vector
        if _steepness(left, l1, vector) <= tol or change <= _last_bits(diagonal, vector):
            # what rounding has added up in `left` must not end it
            left = moments - gram @ vector
            if _steepness(left, l1, vector) <= tol or change <= _last_bits(diagonal, vector):
                return sweep, True
        if time.monotonic() > deadline:
            break
    return sweep, False


def _steepness(left, l1, vector):
    """The largest element of the subgradient of least norm."""
    at_zero = np.maximum(np.abs(left) - l1, 0)
    slopes = np.where(vector == 0, at_zero, np.abs(l1 * np.sign(vector) - left))
    return slopes.max(initial=0.0)


def _last_bits(diagonal, vector):
    """A change, in the scale of a coordinate's diagonal, that rounding hides."""
    return 2.0**-52 * np.sqrt(np.maximum(diagonal, 0) * vector**2).max(initial=0.0)
