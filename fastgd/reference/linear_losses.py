"""The losses of linear models, functions of decisions z and targets y.

Each takes (z, y, setting) and returns (values, slopes, curvatures): the loss and its first two
derivatives with respect to z.
"""

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd.reference.activations import sigmoid
from fastgd.reference.loss_points import gamma_deviance, tweedie_deviance


def gamma(z, y, _):
    ratio = y * np.exp(-z)
    return gamma_deviance(ratio - 1, np.log(y) - z) / 2, 1 - ratio, ratio


def tweedie(z, y, power):
    a, b = 1 - power, 2 - power
    m_a, m_b = np.exp(a * z), np.exp(b * z)
    values = tweedie_deviance(y, z, np.exp(z), m_a, power) / 2
    return values, m_b - y * m_a, b * m_b - a * y * m_a


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


def squared_hinge(z, y, _):
    m = z * y
    beyond = np.maximum(1 - m, 0)
    return beyond**2, -2 * y * beyond, 2.0 * (m <= 1)


def modified_huber(z, y, _):
    m = z * y
    linear, square = m < -1, (m >= -1) & (m < 1)
    values = np.where(linear, -4 * m, np.maximum(1 - m, 0) ** 2)
    slopes = np.where(linear, -4 * y, -2 * y * np.maximum(1 - m, 0))
    return values, slopes, 2.0 * square


def hinge_at(corner):
    """Return the loss max(corner - z y, 0)."""

    def loss(z, y, _):
        return np.maximum(corner - z * y, 0), -y * (z * y <= corner), np.zeros_like(z)

    return loss


LOSSES = {
    LinearLoss.LINEAR_SQUARED_ERROR: lambda z, y, _: ((z - y) ** 2 / 2, z - y, np.ones_like(z)),
    LinearLoss.LINEAR_POISSON: lambda z, y, _: (np.exp(z) - z * y, np.exp(z) - y, np.exp(z)),
    LinearLoss.LINEAR_GAMMA: gamma,
    LinearLoss.LINEAR_TWEEDIE: tweedie,
    LinearLoss.LINEAR_HUBER: huber,
    LinearLoss.LINEAR_EPSILON_INSENSITIVE: epsilon_insensitive,
    LinearLoss.LINEAR_SQUARED_EPSILON_INSENSITIVE: squared_epsilon_insensitive,
    LinearLoss.LINEAR_QUANTILE: quantile,
    LinearLoss.LINEAR_LOG_LOSS: log_loss,
    LinearLoss.LINEAR_HINGE: hinge_at(1),
    LinearLoss.LINEAR_SQUARED_HINGE: squared_hinge,
    LinearLoss.LINEAR_PERCEPTRON: hinge_at(0),
    LinearLoss.LINEAR_MODIFIED_HUBER: modified_huber,
}


@np.errstate(over="ignore", invalid="ignore", divide="ignore")
def decision_losses(loss, setting, z, y, out):
    """Fill out, (3, n), with values, slopes and curvatures for decisions and targets (n,)."""
    out[0], out[1], out[2] = LOSSES[loss](z, y, setting)


def multinomial_losses(z, y, values, slopes):
    """Fill values (n,) and slopes (n, k) of the multinomial loss for decisions (n, k)."""
    shifted = z - z.max(axis=1, keepdims=True)
    powers = np.exp(shifted)
    total = powers.sum(axis=1)
    rows, labels = np.arange(len(z)), y.astype(np.int64)
    values[:] = np.log(total) - shifted[rows, labels]
    slopes[:] = powers / total[:, None]
    slopes[rows, labels] = 0
    slopes[rows, labels] = -slopes.sum(axis=1)
