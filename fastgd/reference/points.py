"""Activations that are a function of one number: (f(z, settings), f'(z, settings)) of each.

Written from the formulas that Keras gives; the settings are those of types.pxd.
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


def _exp_below(z):
    """exp(z) for z <= 0, and 1 above: what stands there is not looked at."""
    return np.exp(np.minimum(z, 0))


def rectifier(z, settings):
    slope, largest, threshold = settings[:3]
    return np.where(z >= largest, largest, np.where(z >= threshold, z, slope * (z - threshold)))


def rectifier_slope(z, settings):
    slope, largest, threshold = settings[:3]
    return np.where(z >= largest, 0, np.where(z > threshold, 1, slope))


def elu(z, settings):
    return np.where(z > 0, z, settings[0] * np.expm1(np.minimum(z, 0)))


def elu_slope(z, settings):
    return np.where(z > 0, 1, settings[0] * _exp_below(z))


def selu(z, settings):
    return SELU_SCALE * elu(z, [SELU_ALPHA])


def selu_slope(z, settings):
    return SELU_SCALE * elu_slope(z, [SELU_ALPHA])


def celu(z, settings):
    alpha = settings[0]
    return np.where(z > 0, z, alpha * np.expm1(np.minimum(z, 0) / alpha))


def celu_slope(z, settings):
    return np.where(z > 0, 1, _exp_below(z / settings[0]))


def normal_cdf(z):
    return 0.5 * _erfc(-np.asarray(z, np.float64) / math.sqrt(2))


def gelu(z, settings):
    return (z * normal_cdf(z)).astype(z.dtype)


def gelu_slope(z, settings):
    z = z.astype(np.float64)
    density = np.exp(-0.5 * np.square(np.clip(z, -50, 50))) / math.sqrt(2 * math.pi)
    return normal_cdf(z) + z * density


def _gelu_argument(z):
    # (1 + tanh(x)) / 2 is sigmoid(2 x), which does not cancel
    return 2 * math.sqrt(2 / math.pi) * (z + 0.044715 * z**3)


def gelu_tanh(z, settings):
    return z * sigmoid(_gelu_argument(z))


def gelu_tanh_slope(z, settings):
    z = np.clip(z, -50, 50)
    argument = _gelu_argument(z)
    inner = 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * z * z)
    return sigmoid(argument) * (1 + z * sigmoid(-argument) * inner)


def silu(z, settings):
    return z * sigmoid(z)


def silu_slope(z, settings):
    return sigmoid(z) * (1 + z * sigmoid(-z))


def mish(z, settings):
    return z * np.tanh(softplus(z))


def mish_slope(z, settings):
    t = np.tanh(softplus(z))
    return t + z * (1 - t * t) * sigmoid(z)


def softsign(z, settings):
    return z / (1 + np.abs(z))


def softsign_slope(z, settings):
    return 1 / np.square(1 + np.abs(z))


def squareplus(z, settings):
    # (z + root) / 2, which would cancel below 0, is b / 2 / (root - z)
    root = np.sqrt(z * z + settings[0])
    return np.where(z > 0, (z + root) / 2, settings[0] / 2 / (root + np.abs(z)))


def squareplus_slope(z, settings):
    root = np.sqrt(z * z + settings[0])
    below = settings[0] / 2 / (root * (root + np.abs(z)))
    return np.where(z > 0, 1 - below, below)


def sparse_plus(z, settings):
    return np.where(z > 1, z, np.square(np.clip(z, -1, 1) + 1) / 4)


def sparse_plus_slope(z, settings):
    return (np.clip(z, -1, 1) + 1) / 2


def inside(limit):
    """The derivative of what rises by 1 between -limit and limit, and is flat beyond."""
    return lambda z, settings: np.where(np.abs(z) < limit, 1, 0)


def shrunk_slope(z, settings):
    return np.where(np.abs(z) <= settings[0], 0, 1)


def hard_sigmoid(z, settings=()):
    return np.clip(z + 3, 0, 6) / 6


def hard_silu_slope(z, settings):
    return np.where(np.abs(z) < 3, (2 * z + 3) / 6, z > 0)


def threshold(z, settings):
    return np.where(z <= settings[0], settings[1], z)


POINTS = {
    Activation.ACTIVATION_RECTIFIER: (rectifier, rectifier_slope),
    Activation.ACTIVATION_ELU: (elu, elu_slope),
    Activation.ACTIVATION_SELU: (selu, selu_slope),
    Activation.ACTIVATION_CELU: (celu, celu_slope),
    Activation.ACTIVATION_GELU: (gelu, gelu_slope),
    Activation.ACTIVATION_GELU_TANH: (gelu_tanh, gelu_tanh_slope),
    Activation.ACTIVATION_SILU: (silu, silu_slope),
    Activation.ACTIVATION_MISH: (mish, mish_slope),
    Activation.ACTIVATION_SOFTPLUS: (softplus, sigmoid),
    Activation.ACTIVATION_SOFTSIGN: (softsign, softsign_slope),
    Activation.ACTIVATION_SQUAREPLUS: (squareplus, squareplus_slope),
    Activation.ACTIVATION_SPARSE_PLUS: (sparse_plus, sparse_plus_slope),
    Activation.ACTIVATION_SPARSE_SIGMOID: (
        lambda z, settings: (np.clip(z, -1, 1) + 1) / 2,
        lambda z, settings: inside(1)(z, settings) / 2,
    ),
    Activation.ACTIVATION_LOG_SIGMOID: (
        lambda z, settings: -softplus(-z),
        lambda z, settings: sigmoid(-z),
    ),
    Activation.ACTIVATION_EXPONENTIAL: (
        lambda z, settings: np.exp(z),
        lambda z, settings: np.exp(z),
    ),
    Activation.ACTIVATION_TANH_SHRINK: (
        lambda z, settings: z - np.tanh(z),
        lambda z, settings: np.square(np.tanh(z)),
    ),
    Activation.ACTIVATION_SOFT_SHRINK: (
        lambda z, settings: z - np.clip(z, -settings[0], settings[0]),
        shrunk_slope,
    ),
    Activation.ACTIVATION_HARD_SHRINK: (
        lambda z, settings: np.where(np.abs(z) <= settings[0], 0, z),
        shrunk_slope,
    ),
    Activation.ACTIVATION_HARD_TANH: (lambda z, settings: np.clip(z, -1, 1), inside(1)),
    Activation.ACTIVATION_HARD_SIGMOID: (
        hard_sigmoid,
        lambda z, settings: inside(3)(z, settings) / 6,
    ),
    Activation.ACTIVATION_HARD_SILU: (
        lambda z, settings: z * hard_sigmoid(z),
        hard_silu_slope,
    ),
    Activation.ACTIVATION_THRESHOLD: (
        threshold,
        lambda z, settings: np.where(z <= settings[0], 0, 1),
    ),
}
