"""Activations: y = f(z, settings) for rows of z, and the gradient d_z from z, y and d_y.

The gradients of those that a dense layer applies in place never look at z.
"""

import numpy as np

from fastgd._core.formulas import Activation
from fastgd.reference.points import POINTS, sigmoid


def linear(z, settings=()):
    return z


def linear_gradient(z, y, d_y, settings):
    return d_y


def relu(z, settings=()):
    return np.maximum(z, 0)


def relu_gradient(z, y, d_y, settings):
    return np.where(y > 0, d_y, 0)


def sigmoid_gradient(z, y, d_y, settings):
    return d_y * (y * (1 - y))


def tanh(z, settings=()):
    return np.tanh(z)


def tanh_gradient(z, y, d_y, settings):
    return d_y * (1 - y * y)


def softmax(z, settings=()):
    t = np.exp(z - z.max(axis=1, keepdims=True))
    return t / t.sum(axis=1, keepdims=True)


def softmax_gradient(z, y, d_y, settings):
    return y * (d_y - (y * d_y).sum(axis=1, keepdims=True))


def log_softmax(z, settings=()):
    z = z - z.max(axis=1, keepdims=True)
    return z - np.log(np.exp(z).sum(axis=1, keepdims=True))


def log_softmax_gradient(z, y, d_y, settings):
    return d_y - np.exp(y) * d_y.sum(axis=1, keepdims=True)


def of_point(function, slope):
    """The pair for a function of one number and its derivative."""

    def gradient(z, y, d_y, settings):
        return (d_y * slope(z, settings)).astype(d_y.dtype, copy=False)

    def activate(z, settings=()):
        return function(z, settings).astype(z.dtype, copy=False)

    return activate, gradient


ACTIVATIONS = {
    Activation.ACTIVATION_LINEAR: (linear, linear_gradient),
    Activation.ACTIVATION_RELU: (relu, relu_gradient),
    Activation.ACTIVATION_SIGMOID: (sigmoid, sigmoid_gradient),
    Activation.ACTIVATION_TANH: (tanh, tanh_gradient),
    Activation.ACTIVATION_SOFTMAX: (softmax, softmax_gradient),
    Activation.ACTIVATION_LOG_SOFTMAX: (log_softmax, log_softmax_gradient),
} | {kind: of_point(*pair) for kind, pair in POINTS.items()}
