"""Activations: y = f(z) for rows of z, and the gradient d_z from y and d_y.

The gradient is written in terms of the output, since the output may have taken the place of z.
"""

import numpy as np

from fastgd._core.types import Activation


def relu(z):
    return np.maximum(z, 0)


def sigmoid(z):
    # 1 / (1 + exp(-z)) would overflow for a z far below zero; exp(-|z|) never does
    t = np.exp(-np.abs(z))
    return np.where(z < 0, t, 1) / (1 + t)


def softmax(z):
    t = np.exp(z - z.max(axis=1, keepdims=True))
    return t / t.sum(axis=1, keepdims=True)


def softmax_gradient(y, d_y):
    return y * (d_y - (y * d_y).sum(axis=1, keepdims=True))


ACTIVATIONS = {
    Activation.ACTIVATION_LINEAR: (lambda z: z, lambda y, d_y: d_y),
    Activation.ACTIVATION_RELU: (relu, lambda y, d_y: np.where(y > 0, d_y, 0)),
    Activation.ACTIVATION_SIGMOID: (sigmoid, lambda y, d_y: d_y * (y * (1 - y))),
    Activation.ACTIVATION_TANH: (np.tanh, lambda y, d_y: d_y * (1 - y * y)),
    Activation.ACTIVATION_SOFTMAX: (softmax, softmax_gradient),
}
