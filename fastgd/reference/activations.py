"""Activations: y = f(z, settings) for rows of z, and the gradient d_z from z, y and d_y.

A dense layer activates in place: the gradients of the activations that it applies use y, not z.
POINTS holds those that are a function of one number, as (f(z, settings), f'(z, settings)). The
formulas are Keras'; the settings, `s` in the tables, are those of types.pxd.
"""

import math

import numpy as np

from fastgd._core.formulas import Activation

#: Klambauer et al., "Self-normalizing neural networks", 2017.
SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805

_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def sigmoid(z, settings=()):
    # 1 / (1 + exp(-z)) would overflow for a z far below zero; exp(-|z|) never does
    t = np.exp(-np.abs(z))
    return np.where(z < 0, t, 1) / (1 + t)


def softplus(z, settings=()):
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def rectifier(z, settings):
    slope, largest, threshold = settings[:3]
    return np.where(z >= largest, largest, np.where(z > threshold, z, slope * (z - threshold)))


def rectifier_slope(z, settings):
    slope, largest, threshold = settings[:3]
    return np.where(z >= largest, 0, np.where(z > threshold, 1, slope))


def elu(z, alpha):
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0)))


def elu_slope(z, alpha):
    return np.where(z > 0, 1, alpha * np.exp(np.minimum(z, 0)))


def normal_cdf(z):
    return 0.5 * _erfc(-np.asarray(z, np.float64) / math.sqrt(2))


def gelu_slope(z, settings):
    z = z.astype(np.float64)
    density = np.exp(-0.5 * np.square(np.clip(z, -50, 50))) / math.sqrt(2 * math.pi)
    return normal_cdf(z) + z * density


def _gelu_argument(z):
    # (1 + tanh(x)) / 2 is sigmoid(2 x), which does not cancel
    return 2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)


def gelu_tanh_slope(z, settings):
    z = np.clip(z, -50, 50)
    argument = _gelu_argument(z)
    inner = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
    return sigmoid(argument) * (1 + z * sigmoid(-argument) * inner)


def mish_slope(z, settings):
    t = np.tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


def squareplus(z, settings):
    # (z + root) / 2, which would cancel below 0, is b / 2 / (root - z)
    root = np.sqrt(z * z + settings[0])
    return np.where(z > 0, (z + root) / 2, settings[0] / 2 / (root + np.abs(z)))


def squareplus_slope(z, settings):
    root = np.sqrt(z * z + settings[0])
    below = settings[0] / 2 / (root * (root + np.abs(z)))
    return np.where(z > 0, 1 - below, below)


def hard_sigmoid(z):
    return np.clip(z + 3, 0, 6) / 6


POINTS = {
    Activation.ACTIVATION_RECTIFIER: (rectifier, rectifier_slope),
    Activation.ACTIVATION_ELU: (lambda z, s: elu(z, s[0]), lambda z, s: elu_slope(z, s[0])),
    Activation.ACTIVATION_SELU: (lambda z, s: SELU_SCALE * elu(z, SELU_ALPHA),
                                 lambda z, s: SELU_SCALE * elu_slope(z, SELU_ALPHA)),
    Activation.ACTIVATION_CELU: (
        lambda z, s: np.where(z > 0, z, s[0] * np.expm1(np.minimum(z, 0) / s[0])),
        lambda z, s: np.where(z > 0, 1, np.exp(np.minimum(z / s[0], 0)))),
    Activation.ACTIVATION_GELU: (lambda z, s: (z * normal_cdf(z)).astype(z.dtype), gelu_slope),
    Activation.ACTIVATION_GELU_TANH: (lambda z, s: z * sigmoid(_gelu_argument(z)),
                                      gelu_tanh_slope),
    Activation.ACTIVATION_SILU: (lambda z, s: z * sigmoid(z),
                                 lambda z, s: sigmoid(z) * (1 + z * sigmoid(-z))),
    Activation.ACTIVATION_MISH: (lambda z, s: z * np.tanh(softplus(z)), mish_slope),
    Activation.ACTIVATION_SOFTPLUS: (softplus, sigmoid),
    Activation.ACTIVATION_SOFTSIGN: (lambda z, s: z / (1 + np.abs(z)),
                                     lambda z, s: 1 / np.square(1 + np.abs(z))),
    Activation.ACTIVATION_SQUAREPLUS: (squareplus, squareplus_slope),
    Activation.ACTIVATION_SPARSE_PLUS: (
        lambda z, s: np.where(z > 1, z, np.square(np.clip(z, -1, 1) + 1) / 4),
        lambda z, s: (np.clip(z, -1, 1) + 1) / 2),
    Activation.ACTIVATION_SPARSE_SIGMOID: (lambda z, s: (np.clip(z, -1, 1) + 1) / 2,
                                           lambda z, s: np.where(np.abs(z) < 1, 1, 0) / 2),
    Activation.ACTIVATION_LOG_SIGMOID: (lambda z, s: -softplus(-z), lambda z, s: sigmoid(-z)),
    Activation.ACTIVATION_EXPONENTIAL: (lambda z, s: np.exp(z), lambda z, s: np.exp(z)),
    Activation.ACTIVATION_TANH_SHRINK: (lambda z, s: z - np.tanh(z),
                                        lambda z, s: np.square(np.tanh(z))),
    Activation.ACTIVATION_SOFT_SHRINK: (lambda z, s: z - np.clip(z, -s[0], s[0]),
                                        lambda z, s: np.where(np.abs(z) <= s[0], 0, 1)),
    Activation.ACTIVATION_HARD_SHRINK: (lambda z, s: np.where(np.abs(z) <= s[0], 0, z),
                                        lambda z, s: np.where(np.abs(z) <= s[0], 0, 1)),
    Activation.ACTIVATION_HARD_TANH: (lambda z, s: np.clip(z, -1, 1),
                                      lambda z, s: np.where(np.abs(z) < 1, 1, 0)),
    Activation.ACTIVATION_HARD_SIGMOID: (lambda z, s: hard_sigmoid(z),
                                         lambda z, s: np.where(np.abs(z) < 3, 1, 0) / 6),
    Activation.ACTIVATION_HARD_SILU: (
        lambda z, s: z * hard_sigmoid(z),
        lambda z, s: np.where(np.abs(z) < 3, (2 * z + 3) / 6, z > 0)),
    Activation.ACTIVATION_THRESHOLD: (lambda z, s: np.where(z <= s[0], s[1], z),
                                      lambda z, s: np.where(z <= s[0], 0, 1)),
}  # fmt: skip


def softmax(z, settings):
    t = np.exp(z - z.max(axis=1, keepdims=True))
    return t / t.sum(axis=1, keepdims=True)


def softmax_gradient(z, y, d_y, settings):
    return y * (d_y - (y * d_y).sum(axis=1, keepdims=True))


def log_softmax(z, settings=()):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_gradient(z, y, d_y, settings):
    return d_y - np.exp(y) * d_y.sum(axis=1, keepdims=True)


def of_points(function, slope):
    """Return the pair for a function of one number and its derivative."""

    def activate(z, settings):
        return function(z, settings).astype(z.dtype, copy=False)

    def gradient(z, y, d_y, settings):
        return (d_y * slope(z, settings)).astype(d_y.dtype, copy=False)

    return activate, gradient


ACTIVATIONS = {
    Activation.ACTIVATION_LINEAR: (lambda z, s: z, lambda z, y, d_y, s: d_y),
    Activation.ACTIVATION_RELU: (lambda z, s: np.maximum(z, 0),
                                 lambda z, y, d_y, s: np.where(y > 0, d_y, 0)),
    Activation.ACTIVATION_SIGMOID: (sigmoid, lambda z, y, d_y, s: d_y * (y * (1 - y))),
    Activation.ACTIVATION_TANH: (lambda z, s: np.tanh(z),
                                 lambda z, y, d_y, s: d_y * (1 - y * y)),
    Activation.ACTIVATION_SOFTMAX: (softmax, softmax_gradient),
    Activation.ACTIVATION_LOG_SOFTMAX: (log_softmax, log_softmax_gradient),
} | {kind: of_points(*pair) for kind, pair in POINTS.items()}  # fmt: skip
