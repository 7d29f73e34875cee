"""Gradients of single rows, and their clipped sum, by brute force: one row after the other.

The compiled engine has the norms without the gradients, see private_norms.pxi. Nothing of that
is used here, so that each is a test of the other.
"""

import numpy as np

from fastgd.reference.layers import Batch


def row_gradients(program, x, y, key):
    """Yield the flat gradient of each row's own loss, without penalties on parameters.

    A row is a batch of its own, for which a mean divides by 1. Only its random numbers are
    those of its place among the rows of x.
    """
    for i in range(len(x)):
        batch = Batch(True, key, i)
        values = program._values(program._parameters, x[i : i + 1], batch)
        _, deltas = program._losses(values, y[i : i + 1])
        gradient = np.zeros_like(program._gradients)
        program._back(program._parameters, values, deltas, gradient, batch)
        yield gradient


def clipped_sum(gradients, clip, norms=None):
    """Return the sum of min(1, clip / norm) times each gradient, in double precision.

    One that is not finite counts 0. clip: a positive number, or None for no limit. norms: out,
    their norms before, or None.
    """
    total = 0.0
    for i, gradient in enumerate(gradients):
        gradient = gradient.astype(np.float64)
        norm = np.sqrt(np.square(gradient).sum())
        if norms is not None:
            norms[i] = norm
        if np.isfinite(norm):
            factor = 1.0 if clip is None or norm <= clip else clip / norm
            total = total + factor * gradient
    return total
