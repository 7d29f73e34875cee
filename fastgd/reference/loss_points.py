"""Losses that are the mean over a row of a function of one prediction and one target."""

import functools
import math

import numpy as np

from fastgd.reference.activations import sigmoid, softplus

#: The distance from 0 and 1 at which Keras keeps probabilities, to take their logarithm.
PROBABILITY_MARGIN = 1e-7


def clipped(p):
    return np.clip(p, PROBABILITY_MARGIN, 1 - PROBABILITY_MARGIN)


def lifted(p):
    return np.maximum(p, PROBABILITY_MARGIN)


def of_points(function):
    """Make a loss of rows of a function that returns each element's value and slope."""

    @functools.wraps(function)
    def loss(p, y, settings=()):
        values, slopes = function(p, y, *settings)
        return values.mean(axis=1), slopes / p.shape[1]

    return loss


@of_points
def mean_squared_error(p, y, *_):
    d = p - y
    return d * d, 2 * d


@of_points
def mean_absolute_error(p, y, *_):
    d = p - y
    return np.abs(d), np.sign(d)


@of_points
def mean_absolute_percentage_error(p, y, *_):
    d, size = p - y, lifted(np.abs(y))
    return 100 * (np.abs(d) / size), 100 * (np.sign(d) / size)


@of_points
def mean_squared_logarithmic_error(p, y, *_):
    q = lifted(p)
    d = np.log1p(q) - np.log1p(lifted(y))
    return d * d, np.where(q == p, 2 * d / (1 + q), 0)  # flat where it was lifted


@of_points
def huber(p, y, delta, *_):
    d = p - y
    size = np.abs(d)
    near = size <= delta
    losses = np.where(near, 0.5 * d * d, delta * (size - 0.5 * delta))
    return losses, np.where(near, d, delta * np.sign(d))


@of_points
def log_cosh(p, y, *_):
    d = p - y
    size = np.abs(d)
    # |d| + log(1 + exp(-2 |d|)) - log 2 cancels near 0; there cosh d - 1 = t^2 / (2 (1 + t))
    t = np.expm1(-size)
    near = np.log1p(t * t / (2 * (1 + t)))
    far = size + (np.log1p(np.exp(-2 * size)) - math.log(2))
    return np.where(size < 1, near, far), np.tanh(d)


def signs(y):
    """Return the targets of a margin: 0 stands for -1."""
    return np.where(y == 0, -1, y).astype(y.dtype)


@of_points
def hinge(p, y, *_):
    y = signs(y)
    margin = np.maximum(1 - y * p, 0)
    return margin, np.where(margin > 0, -y, 0)


@of_points
def squared_hinge(p, y, *_):
    y = signs(y)
    margin = np.maximum(1 - y * p, 0)
    return margin * margin, -2 * (margin * y)


@of_points
def poisson(p, y, *_):
    q = p + PROBABILITY_MARGIN
    return p - y * np.log(q), 1 - y / q


@of_points
def poisson_log(z, y, *_):
    mean = np.exp(z)
    return mean - y * z, mean - y


def gamma_deviance(ratio_less_1, log_ratio):
    """Return 2 (r - 1 - log r); near r = 1 log r is taken from r - 1, which does not cancel."""
    d = ratio_less_1
    return 2 * np.where(np.abs(d) < 0.5, d - np.log1p(d), d - log_ratio)


@of_points
def gamma(p, y, *_):
    mean = lifted(p)
    losses = gamma_deviance((y - mean) / mean, np.log(y / mean))
    return losses, np.where(mean == p, 2 * ((mean - y) / mean / mean), 0)


@of_points
def gamma_log(z, y, *_):
    ratio = y * np.exp(-z)
    return gamma_deviance(ratio - 1, np.log(y) - z), 2 * (1 - ratio)


def tweedie_deviance(y, log_mean, mean, mean_power, power):
    a, b = 1 - power, 2 - power
    u = log_mean - np.log(y)
    near = y**b * (np.expm1(b * u) / b - np.expm1(a * u) / a)  # cancels less
    far = y**b / (a * b) - y * mean_power / a + mean * mean_power / b
    return 2 * np.where(u < 16, near, far)


@of_points
def tweedie(p, y, power, *_):
    mean = lifted(p)
    mean_power = mean ** (1 - power)
    slopes = np.where(mean == p, 2 * (mean_power * ((mean - y) / mean)), 0)
    return tweedie_deviance(y, np.log(mean), mean, mean_power, power), slopes


@of_points
def tweedie_log(z, y, power, *_):
    mean_power = np.exp((1 - power) * z)
    slopes = 2 * (np.exp((2 - power) * z) - y * mean_power)
    return tweedie_deviance(y, z, np.exp(z), mean_power, power), slopes


def entropy(p, y):
    """Return -y log p - (1 - y) log(1 - p), with p kept off 0 and 1, and its slope."""
    q = clipped(p)
    losses = -(y * np.log(q) + (1 - y) * np.log(1 - q))
    return losses, np.where(q == p, (q - y) / (q * (1 - q)), 0)  # flat where it was clipped


def smooth(y, smoothing, classes=2):
    return y * (1 - smoothing) + smoothing / classes


@of_points
def binary_crossentropy(p, y, smoothing=0.0, *_):
    return entropy(p, smooth(y, smoothing))


@of_points
def binary_crossentropy_logits(z, y, smoothing=0.0, *_):
    # with p = sigmoid(z):  -y log p - (1 - y) log(1 - p) = log(1 + exp(z)) - y z
    y = smooth(y, smoothing)
    return softplus(z) - y * z, sigmoid(z) - y


def power(m, exponent):
    """Return m ** exponent in the data type of m."""
    return np.power(m, exponent).astype(m.dtype, copy=False)


def modulated(y, miss, d_miss, entropy, d_entropy, gamma, alpha, balanced):
    """Return weight miss^gamma entropy, and its slope."""
    weight = y * alpha + (1 - y) * (1 - alpha) if balanced else 1
    factor = power(miss, gamma)
    # miss^(gamma - 1) as a quotient; where miss is 0, the entropy is 0 too
    first = np.where(miss == 0, 0, gamma * factor * entropy / miss * d_miss)
    return weight * (factor * entropy), weight * (first + factor * d_entropy)


@of_points
def binary_focal(p, y, smoothing, gamma, alpha, balanced, *_):
    y = smooth(y, smoothing)
    miss = y * (1 - p) + (1 - y) * p
    return modulated(y, miss, 1 - 2 * y, *entropy(p, y), gamma, alpha, balanced)


@of_points
def binary_focal_logits(z, y, smoothing, gamma, alpha, balanced, *_):
    y = smooth(y, smoothing)
    p, q = sigmoid(z), sigmoid(-z)
    miss = y * q + (1 - y) * p
    entropy = y * softplus(-z) + (1 - y) * softplus(z)
    d_miss, d_entropy = (1 - 2 * y) * (p * q), (1 - y) * p - y * q
    return modulated(y, miss, d_miss, entropy, d_entropy, gamma, alpha, balanced)
