"""Activations: y = f(z, settings) for rows of z, and the gradient d_z from z, y and d_y.

The gradients of those that a dense layer applies in place never look at z.
"""

import numpy as np

from fastgd._core.types import Activation


def relu(z, settings=()):
    return np.maximum(z, 0)


def sigmoid(z, settings=()):
    # 1 / (1 + exp(-z)) would overflow for a z far below zero; exp(-|z|) never does
    t = np.exp(-np.abs(z))
    return np.where(z < 0, t, 1) / (1 + t)


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


ACTIVATIONS = {
    Activation.ACTIVATION_LINEAR: (lambda z, settings: z, lambda z, y, d_y, settings: d_y),
    Activation.ACTIVATION_RELU: (relu, relu_gradient),
    Activation.ACTIVATION_SIGMOID: (sigmoid, sigmoid_gradient),
    Activation.ACTIVATION_TANH: (tanh, tanh_gradient),
    Activation.ACTIVATION_SOFTMAX: (softmax, softmax_gradient),
}
