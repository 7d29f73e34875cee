"""The losses of linear models: of decisions z and targets y, with their two derivatives.

Each takes (z, y, setting) and returns (values, slopes, curvatures).
"""

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd.reference.points import sigmoid


def squared_error(z, y, _):
    return (z - y) ** 2 / 2, z - y, np.ones_like(z)


def poisson(z, y, _):
    return np.exp(z) - z * y, np.exp(z) - y, np.exp(z)


def huber(z, y, c):
    r = z - y
    inside = np.abs(r) <= c
    values = np.where(inside, r**2 / 2, c * (np.abs(r) - c / 2))
    return values, np.clip(r, -c, c), inside.astype(float)


def epsilon_insensitive(z, y, c):
    r = z - y
    return np.maximum(np.abs(r) - c, 0), np.sign(r) * (np.abs(r) > c), np.zeros_like(z)


def squared_epsilon_insensitive(z, y, c):
    r = z - y
    beyond = np.maximum(np.abs(r) - c, 0)
    return beyond**2, 2 * np.sign(r) * beyond, 2.0 * (np.abs(r) > c)


def quantile(z, y, q):
    r = z - y
    slopes = np.where(r > 0, 1 - q, -q)
    return slopes * r, np.where(r == 0, 0, slopes), np.zeros_like(z)


def log_loss(z, y, _):
    p = sigmoid(-y * z)
    return np.logaddexp(0, -y * z), -y * p, p * sigmoid(y * z)


def hinge(z, y, _):
    m = z * y
    return np.maximum(1 - m, 0), -y * (m <= 1), np.zeros_like(z)


def squared_hinge(z, y, _):
    m = z * y
    beyond = np.maximum(1 - m, 0)
    return beyond**2, -2 * y * beyond, 2.0 * (m <= 1)


def perceptron(z, y, _):
    m = z * y
    return np.maximum(-m, 0), -y * (m <= 0), np.zeros_like(z)


def modified_huber(z, y, _):
    m = z * y
    linear, square = m < -1, (m >= -1) & (m < 1)
    values = np.where(linear, -4 * m, np.maximum(1 - m, 0) ** 2)
    slopes = np.where(linear, -4 * y, -2 * y * np.maximum(1 - m, 0))
    return values, slopes, 2.0 * square


LOSSES = {
    LinearLoss.LINEAR_SQUARED_ERROR: squared_error,
    LinearLoss.LINEAR_POISSON: poisson,
    LinearLoss.LINEAR_HUBER: huber,
    LinearLoss.LINEAR_EPSILON_INSENSITIVE: epsilon_insensitive,
    LinearLoss.LINEAR_SQUARED_EPSILON_INSENSITIVE: squared_epsilon_insensitive,
    LinearLoss.LINEAR_QUANTILE: quantile,
    LinearLoss.LINEAR_LOG_LOSS: log_loss,
    LinearLoss.LINEAR_HINGE: hinge,
    LinearLoss.LINEAR_SQUARED_HINGE: squared_hinge,
    LinearLoss.LINEAR_PERCEPTRON: perceptron,
    LinearLoss.LINEAR_MODIFIED_HUBER: modified_huber,
}


@np.errstate(over="ignore", invalid="ignore")
def decision_losses(loss, setting, z, y, out):
    """out (3, n) = values, slopes and curvatures for decisions and targets (n,)."""
    out[0], out[1], out[2] = LOSSES[loss](z, y, setting)


def multinomial_losses(z, y, values, slopes):
    """values (n,) and slopes (n, k) of the multinomial loss for decisions (n, k)."""
    shifted = z - z.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1)
    rows = np.arange(len(z))
    own = y.astype(np.int64)
    values[:] = np.log(total) - shifted[rows, own]
    slopes[:] = powers / total[:, None]
    slopes[rows, own] = 0
    slopes[rows, own] = -slopes.sum(axis=1)
