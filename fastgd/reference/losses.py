"""Losses: of each row, and their gradients.

Each takes predictions p (or logits z), (rows, width), targets y, (rows, columns), and the
loss's settings, and returns the loss of each row and the gradient, with respect to p, of their
sum. One that takes logits has the activation in it, which is the stable form. The targets of a
sparse loss are labels, (rows, 1).
"""

import numpy as np

from fastgd._core.types import Loss
from fastgd.reference.activations import sigmoid

#: Keras keeps probabilities this far away from 0 and 1 before it takes their logarithm.
PROBABILITY_MARGIN = 1e-7


def clipped(p):
    return np.clip(p, PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)


def mean_squared_error(p, y, settings=()):
    d = p - y
    return (d * d).mean(axis=1), 2 * d / d.shape[1]


def mean_absolute_error(p, y, settings=()):
    d = p - y
    return np.abs(d).mean(axis=1), np.sign(d) / d.shape[1]


def binary_crossentropy(p, y, settings=()):
    q = clipped(p)
    losses = -(y * np.log(q) + (1 - y) * np.log(1 - q))
    slopes = np.where(q == p, (q - y) / (q * (1 - q)), 0)  # flat where it was clipped
    return losses.mean(axis=1), slopes / p.shape[1]


def binary_crossentropy_logits(z, y, settings=()):
    # with p = sigmoid(z):  -y log p - (1 - y) log(1 - p) = log(1 + exp(z)) - y z
    losses = np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z)))
    return losses.mean(axis=1), (sigmoid(z) - y) / z.shape[1]


def categorical_crossentropy(p, y, settings=()):
    total = p.sum(axis=1, keepdims=True)
    q = p / total
    losses = -(y * np.log(clipped(q))).sum(axis=1)
    # -y_i log(p_i / total) has the slope y_i / total - [i = j] y_i / p_i, flat where clipped
    y = np.where(clipped(q) == q, y, 0)
    slopes = y.sum(axis=1, keepdims=True) / total - np.where(y == 0, 0, y / p)
    return losses, slopes


def categorical_crossentropy_logits(z, y, settings=()):
    # log softmax(z) = z - max z - log(sum of exp(z - max z)): no overflow, no log of 0
    z = z - z.max(axis=1, keepdims=True)
    log_p = z - np.log(np.exp(z).sum(axis=1, keepdims=True))
    losses = -(y * log_p).sum(axis=1)
    return losses, np.exp(log_p) * y.sum(axis=1, keepdims=True) - y


def sparse(loss):
    """The same loss of labels in place of one-hot rows."""

    def of_labels(p, y, settings=()):
        return loss(p, (np.arange(p.shape[1]) == y).astype(p.dtype), settings)

    return of_labels


LOSSES = {
    Loss.LOSS_MEAN_SQUARED_ERROR: mean_squared_error,
    Loss.LOSS_MEAN_ABSOLUTE_ERROR: mean_absolute_error,
    Loss.LOSS_BINARY_CROSSENTROPY: binary_crossentropy,
    Loss.LOSS_BINARY_CROSSENTROPY_LOGITS: binary_crossentropy_logits,
    Loss.LOSS_CATEGORICAL_CROSSENTROPY: categorical_crossentropy,
    Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS: categorical_crossentropy_logits,
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY: sparse(categorical_crossentropy),
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS: sparse(categorical_crossentropy_logits),
}
