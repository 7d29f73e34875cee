"""Constraints on variables, which each update ends with.

A function takes a variable of shape (outer, count, inner), whose vectors run along the middle
axis, and the row of ``plan.constraints``; it returns the projected values.
"""

import numpy as np

from fastgd._core.types import Constraint

#: The factor for vectors whose squared norm would overflow.
SMALLER = 2.0**-520


def non_negative(w, row):
    """Return max(w, 0)."""
    return np.where(w > 0, w, 0)


def non_positive(w, row):
    """Return min(w, 0)."""
    return np.where(w < 0, w, 0)


def norm(w, row):
    """Return w (rate clip(norm, low, high) + (1 - rate) norm) / (epsilon + norm).

    A vector whose norm lies between low and high keeps its values.
    """
    low, high, rate, epsilon = (float(row[name]) for name in ("low", "high", "rate", "epsilon"))
    wide = w.astype(np.float64)
    squares = np.square(wide).sum(axis=1, keepdims=True)
    scale = np.where(np.isfinite(squares), 1.0, SMALLER)
    norms = np.sqrt(np.square(wide * scale).sum(axis=1, keepdims=True))
    inside = np.maximum(low * scale, np.minimum(high * scale, norms))
    factor = (rate * inside + (1 - rate) * norms) / (epsilon * scale + norms)
    return np.where(inside == norms, w, factor * wide)


CONSTRAINTS = {
    int(Constraint.CONSTRAINT_NON_NEGATIVE): non_negative,
    int(Constraint.CONSTRAINT_NORM): norm,
    int(Constraint.CONSTRAINT_NON_POSITIVE): non_positive,
}


def constrain(parameters, constraints):
    """Project variables in a flat vector; constraints has the data type CONSTRAINT_ROW."""
    for row in constraints:
        offset, *shape = (int(row[name]) for name in ("offset", "outer", "count", "inner"))
        w = parameters[offset:][: np.prod(shape)].reshape(shape)
        w[:] = CONSTRAINTS[int(row["kind"])](w, row)
