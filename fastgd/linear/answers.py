"""What a linear model says of rows: decisions, predictions, probabilities."""

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd.errors import ArgumentError
from fastgd.linear.problem import REGRESSIONS

#: Multiply-adds between two looks at Ctrl-C, some ten milliseconds.
SLICE_WORK = 20_000_000

#: And those that pay for a thread.
THREAD_WORK = 1_000_000


def decisions(engine, rows, coef, intercept, threads=1):
    """x w + b, float64 (n, outputs)."""
    n, d = rows.shape
    out = np.empty((n, len(coef)))
    row_work = len(coef) * (1 + (len(rows.values) // max(n, 1) if rows.sparse else d))
    step = max(1, SLICE_WORK // row_work)
    threads = max(1, min(threads, n * row_work // THREAD_WORK))
    coef, intercept = np.ascontiguousarray(coef), np.ascontiguousarray(intercept)
    for first in range(0, n, step):
        engine.decisions(rows, coef, intercept, out, first, min(n, first + step), threads)
    return out


def response(engine, loss, z):
    """Predictions for decisions (n,) or (n, k): numbers, or class numbers."""
    if loss == "poisson":
        return _derivative(engine, LinearLoss.LINEAR_POISSON, z, 0.0)
    if loss in REGRESSIONS:
        return z
    return (z > 0).astype(np.int64) if z.ndim == 1 else z.argmax(axis=1)


def probabilities(engine, loss, z):
    """Probabilities (n, classes) for decisions (n,) of two classes, or (n, classes)."""
    if loss == "multinomial":
        values, p = np.empty(len(z)), np.empty(z.shape)
        engine.multinomial_losses(np.ascontiguousarray(z), np.zeros(len(z)), values, p)
        p[:, 0] += 1  # the slopes are softmax(z) less a one for the class 0
        return p
    if loss == "log_loss":
        p = _derivative(engine, LinearLoss.LINEAR_LOG_LOSS, z, -1.0)
    elif loss == "modified_huber":
        p = (np.clip(z, -1, 1) + 1) / 2
    else:
        raise ArgumentError(f"predict_proba: there are no probabilities for the loss {loss!r}")
    if z.ndim == 1:
        return np.stack([1 - p, p], axis=1)
    total = p.sum(axis=1, keepdims=True)
    return np.where(total == 0, 1 / p.shape[1], p / np.where(total == 0, 1, total))


def _derivative(engine, loss, z, y):
    """The slopes of a loss for one target: sigmoid(z) of log_loss, -1, e^z for Poisson's."""
    found = np.empty((3, z.size))
    engine.decision_losses(
        loss, 0.0, np.ascontiguousarray(z).reshape(-1), np.full(z.size, y), found
    )
    return found[1].reshape(z.shape)
