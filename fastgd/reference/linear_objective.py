"""The objective of a linear model over all rows, its gradient, and sums for its Hessian."""

import time

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd.reference.arrays import weighted
from fastgd.reference.linear_losses import decision_losses, multinomial_losses

_ROWS = 4096


@np.errstate(over="ignore", invalid="ignore")
def objective(problem, coef, intercept, curvatures, sums, row, seconds, threads=1):
    """Sum losses and their gradient from `row` on: return the row reached, and the sums.

    problem: a fastgd.linear.objective.Problem, whose penalties are left out; it has one output,
    the multinomial loss or least squares. coef: (k, d); intercept: (k,). curvatures: None, or
    (k, n) to be filled with unweighted second derivatives, for the multinomial loss with
    probabilities; None for several outputs of least squares. sums: None at first; when all rows
    are reached, sums[0] is the result: the loss, and for each output the derivatives by its d
    weights and its intercept. Of rows that processes share, see Rows.share, it is the result
    only of a call at the end of the rows with the sums of all. All float64.
    """
    rows, y, loss = problem.rows, problem.y, problem.loss
    n, k = rows.shape[0], len(coef)
    if sums is not None:
        return n, sums
    if not rows.own:
        return n, np.zeros((1, 1 + k * (rows.shape[1] + 1)))
    s = np.ones(n) if problem.weights is None else problem.weights
    z = np.stack([rows.times(w) for w in coef], axis=1) + intercept
    if problem.offset is not None:
        z += problem.offset[:, None]
    if loss == LinearLoss.LINEAR_MULTINOMIAL:
        values, slopes = np.empty(n), np.empty((n, k))
        multinomial_losses(z, y, values, slopes)
        if curvatures is not None:
            labels = y.astype(np.int64)
            curvatures[:] = slopes.T
            curvatures[labels, np.arange(n)] += 1
    elif k > 1:
        slopes = z - y
        values = (slopes**2 / 2).sum(axis=1)
    else:
        out = np.empty((3, n))
        decision_losses(loss, problem.setting, z[:, 0], y.reshape(n), out)
        values, slopes = out[0], out[1][:, None]
        if curvatures is not None:
            curvatures[0] = weighted(s > 0, out[2])
    slopes = weighted(s[:, None], slopes)
    gradient = [np.append(rows.transposed_times(g), g.sum()) for g in slopes.T]
    return n, np.concatenate([[weighted(s, values).sum()], *gradient])[None]


@np.errstate(over="ignore", invalid="ignore")
def weighted_gram(rows, weights, shift, targets, sums, row, seconds, threads=1):
    """Sum (x - shift)^T diag(c) (x - shift, 1, y) from `row` on: return (row reached, sums).

    weights: c of at least 0, (n,), or None for ones. shift: (d,) or None; for dense rows only.
    targets: y, (n, k). sums: None at first; when all rows are reached, sums[0] is the result:
    float64, shape (d, d + 1 + k); of rows that processes share as for objective.
    """
    deadline = time.monotonic() + seconds
    n, d = rows.shape
    if sums is None:
        sums = np.zeros((1, d, d + 1 + targets.shape[1]))
        row = row if rows.own else n
    while row < n:
        last = n if rows.sparse else min(row + _ROWS, n)
        if rows.sparse:
            x = np.stack([rows.times(unit) for unit in np.eye(d)], axis=1)
        else:
            x = rows.values[row:last].astype(np.float64) - (0 if shift is None else shift)
        both = np.hstack([x, np.ones((last - row, 1)), targets[row:last]])
        sums[0] += x.T @ (both if weights is None else weights[row:last, None] * both)
        row = last
        if time.monotonic() > deadline:
            break
    if row == n:  # not every BLAS gives a matrix that is symmetric to the last bit
        square = sums[0, :, :d]
        square[:] = np.triu(square) + np.triu(square, 1).T
    return row, sums
