"""The same work in NumPy by hand, as most people write it first."""

import numpy as np

from fastgd.bench.side import Network, descent_side, prediction_side, training_side
from fastgd.bench.workloads import EPSILON


def shuffled(rows):
    """Return a random order."""
    return np.random.default_rng().permutation(rows)


class PlainNetwork(Network):
    """Train a ReLU network by Keras' formulas and defaults, as ``training_side`` calls it."""

    def __init__(self, workload):
        self.loss, self.optimizer = workload.loss, workload.optimizer
        self.rate, self.batch_size = workload.rate, workload.batch_size

    def restart(self, weights):
        self.arrays = [w.copy() for w in weights]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
        self.step = 0

    def weights(self):
        return self.arrays

    def epoch(self, data, order=None):
        x, y = data
        order = shuffled(len(x)) if order is None else order
        total = 0.0
        for first in range(0, len(x), self.batch_size):
            rows = order[first : first + self.batch_size]
            total += self.train(x[rows], y[rows]) * len(rows)
        return total / len(x)

    def train(self, x, y):
        """Take one step; return the mean loss before it."""
        kernels, biases = self.arrays[::2], self.arrays[1::2]
        values = [x]
        for kernel, bias in zip(kernels[:-1], biases[:-1], strict=True):
            values.append(np.maximum(values[-1] @ kernel + bias, 0))
        p = values[-1] @ kernels[-1] + biases[-1]
        if self.loss == "mse":
            loss = np.mean((p - y) ** 2)
            delta = 2 * (p - y) / p.size
        elif self.loss == "binary_crossentropy":
            p = 1 / (1 + np.exp(-p))
            loss = -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))
            delta = (p - y) / len(p)
        else:
            e = np.exp(p - p.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            loss = -np.sum(y * np.log(p)) / len(p)
            delta = (p - y) / len(p)
        gradients = []
        for i in range(len(kernels) - 1, -1, -1):
            gradients += [delta.sum(axis=0), values[i].T @ delta]
            if i:
                delta = (delta @ kernels[i].T) * (values[i] > 0)
        self.update(gradients[::-1])
        return float(loss)

    def update(self, gradients):
        """Take the optimizer's step."""
        self.step += 1
        if self.optimizer == "sgd":
            for w, g in zip(self.arrays, gradients, strict=True):
                w -= self.rate * g
            return
        alpha = self.rate * (1 - 0.999**self.step) ** 0.5 / (1 - 0.9**self.step)
        for w, g, (m, v) in zip(self.arrays, gradients, self.moments, strict=True):
            m += (1 - 0.9) * (g - m)
            v += (1 - 0.999) * (g * g - v)
            w -= alpha * m / (np.sqrt(v) + EPSILON)


def predict(x, w1, b1, w2, b2, w3, b3):
    """Return the outputs of a ReLU network with two hidden layers, in three lines of NumPy."""
    a = np.maximum(x @ w1 + b1, 0)
    a = np.maximum(a @ w2 + b2, 0)
    return a @ w3 + b3


def gradient_descent(x, y, theta, alpha, iterations):
    """Run batch gradient descent for least squares; alpha meets the gradient, not all of x."""
    theta = theta.copy()
    for _ in range(iterations):
        theta -= alpha * (x.T @ (x @ theta - y))
    return theta


def training(workload):
    """Time an epoch of ``PlainNetwork``."""
    return training_side(workload, PlainNetwork(workload))


def prediction(workload):
    """Time calls of ``predict``."""
    weights = workload.weights()
    return prediction_side(workload, lambda x: predict(x, *weights))


def descent(workload):
    """Time iterations of ``gradient_descent``."""
    return descent_side(workload, gradient_descent, workload.by_hand or workload.iterations)
