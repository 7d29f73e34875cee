"""Activations: y = f(z, settings) for rows of z, and the gradient d_z from z, y and d_y.

A dense layer activates in place: the gradients of the activations that it applies use y, not z.
"""

import numpy as np

from fastgd._core.formulas import Activation
from fastgd.reference.points import POINTS, sigmoid


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
    Activation.ACTIVATION_RELU: (
        lambda z, s: np.maximum(z, 0),
        lambda z, y, d_y, s: np.where(y > 0, d_y, 0),
    ),
    Activation.ACTIVATION_SIGMOID: (sigmoid, lambda z, y, d_y, s: d_y * (y * (1 - y))),
    Activation.ACTIVATION_TANH: (
        lambda z, s: np.tanh(z),
        lambda z, y, d_y, s: d_y * (1 - y * y),
    ),
    Activation.ACTIVATION_SOFTMAX: (softmax, softmax_gradient),
    Activation.ACTIVATION_LOG_SOFTMAX: (log_softmax, log_softmax_gradient),
} | {kind: of_points(*pair) for kind, pair in POINTS.items()}
