"""Penalties on variables, which are added to the loss of a batch and to its gradients.

A function takes a variable as a matrix (a vector is one row) and the row of ``plan.penalties``;
it returns the value, in double precision, and the gradient, of the variable's shape.
"""

import numpy as np

from fastgd._core.types import Penalty

#: The least norm by which a vector is divided: Keras' epsilon.
SMALLEST_NORM = 1e-7


def l1_l2(w, row):
    """Return first sum |w| + second sum w², and its gradient first sign(w) + 2 second w."""
    first, second = float(row["first"]), float(row["second"])
    value = 0.0
    if first:
        value += first * np.abs(w).sum(dtype=np.float64)
    if second:
        value += second * np.square(w, dtype=np.float64).sum()
    return value, first * np.sign(w) + 2 * second * w


def activity(p, y, settings):
    """Return the same for each row of a layer's outputs, as a loss without targets."""
    l1, l2 = settings[:2]
    wide = p.astype(np.float64)
    values = np.zeros(len(p))
    if l1:
        values += l1 * np.abs(wide).sum(axis=1)
    if l2:
        values += l2 * np.square(wide).sum(axis=1)
    return values.astype(p.dtype), l1 * np.sign(p) + 2 * l2 * p


def orthogonal_rows(w, row):
    """Return first times the mean |cosine| over the pairs of rows, and its gradient."""
    n = len(w)
    if n == 1:
        return 0.0, np.zeros_like(w)
    norms = np.sqrt(np.square(w, dtype=np.float64).sum(axis=1, keepdims=True))
    divisors = np.maximum(norms, SMALLEST_NORM)
    unit = (w / divisors).astype(w.dtype)
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 0)
    scale = float(row["first"]) / (n * (n - 1) / 2)
    sizes = np.abs(cosines).sum(axis=1, keepdims=True, dtype=np.float64)
    along = np.where(norms > SMALLEST_NORM, sizes, 0) * unit
    slopes = scale * (np.sign(cosines) @ unit - along) / divisors
    return 0.5 * scale * sizes.sum(), slopes.astype(w.dtype)


def orthogonal_columns(w, row):
    """Return the same for the columns."""
    value, slopes = orthogonal_rows(np.ascontiguousarray(w.T), row)
    return value, slopes.T


PENALTIES = {
    int(Penalty.PENALTY_L1L2): l1_l2,
    int(Penalty.PENALTY_SHARED): l1_l2,
    int(Penalty.PENALTY_ORTHOGONAL_ROWS): orthogonal_rows,
    int(Penalty.PENALTY_ORTHOGONAL_COLUMNS): orthogonal_columns,
}


def add_penalties(plan, parameters, share, gradients=None):
    """Return the sum of a plan's penalties, and add their gradients to the flat vector.

    share: the factor of PENALTY_SHARED, the share of a batch; 0 without a batch.
    """
    total = 0.0
    for row in plan.penalties:
        offset, rows, columns = (int(row[name]) for name in ("offset", "rows", "columns"))
        part = slice(offset, offset + rows * columns)
        if row["kind"] == Penalty.PENALTY_GIVEN:
            value, slopes = float(row["first"]), plan.penalty_gradients[part]
        else:
            w = parameters[part].reshape(rows, columns)
            value, slopes = PENALTIES[int(row["kind"])](w, row)
            if row["kind"] == Penalty.PENALTY_SHARED:
                value, slopes = (share * value, share * slopes) if share else (0.0, 0 * slopes)
        total += value
        if gradients is not None:
            gradients[part] += slopes.ravel()
    return total
