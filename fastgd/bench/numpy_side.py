"""The same work in NumPy by hand, twice.

``PlainNetwork`` is what most people write first: the formulas, an array operation for each.
``TunedNetwork`` gets the most out of NumPy: one flat vector for all weights, so that an update
is a few calls whatever the number of layers; every array allocated before the first step;
results written in place; constants as 0-d arrays, which ufuncs take faster than Python's
numbers; sums over rows as products with a vector of ones, faster than ``sum(axis=0)``.
"""

from itertools import pairwise

import numpy as np

from fastgd.bench.side import Side, prediction_side, training_side
from fastgd.bench.workloads import EPSILON


def shuffled(rows):
    """Return a random order."""
    return np.random.default_rng().permutation(rows)


class PlainNetwork:
    """Train a ReLU network by Keras' formulas and defaults.

    Its methods are those that ``training_side`` calls; weights are the kernel and the bias of
    each layer in turn.
    """

    def __init__(self, workload):
        self.loss, self.optimizer = workload.loss, workload.optimizer
        self.rate, self.batch_size = workload.rate, workload.batch_size

    def restart(self, weights):
        self.arrays = [w.copy() for w in weights]
        self.moments = [(np.zeros_like(w), np.zeros_like(w)) for w in weights]
        self.step = 0

    def weights(self):
        return self.arrays

    def hold(self, x, y):
        return x, y

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


def split(flat, widths):
    """Return the kernels (inputs, outputs) and biases (outputs,): views of a flat vector."""
    kernels, biases = [], []
    for inputs, outputs in pairwise(widths):
        kernel, bias, flat = np.split(flat, [inputs * outputs, (inputs + 1) * outputs])
        kernels.append(kernel.reshape(inputs, outputs))
        biases.append(bias)
    return kernels, biases


class Buffers:
    """Hold arrays for a batch: values, slopes of ReLU and gradients of every layer."""

    def __init__(self, rows, widths, dtype):
        self.values = [np.empty((rows, width), dtype) for width in widths[1:]]
        self.slopes = [np.empty_like(v) for v in self.values[:-1]]
        self.deltas = [np.empty_like(v) for v in self.values]
        self.ones = np.ones(rows, dtype)
        self.column = np.empty((rows, 1), dtype)
        self.scale = np.array(1 / rows, dtype)


class TunedNetwork:
    """Do as ``PlainNetwork``, with everything that makes NumPy fast."""

    def __init__(self, workload):
        self.widths, dtype = workload.widths, workload.dtype
        size = sum((inputs + 1) * outputs for inputs, outputs in pairwise(self.widths))
        self.flat, self.gradients, self.m, self.v, self.scratch = np.zeros((5, size), dtype)
        self.kernels, self.biases = split(self.flat, self.widths)
        self.kernel_gradients, self.bias_gradients = split(self.gradients, self.widths)
        self.loss = LOSSES[workload.loss]
        self.update = {"adam": self.adam, "sgd": self.descend}[workload.optimizer]
        self.rate, self.batch_size = workload.rate, workload.batch_size
        self.zero = np.zeros((), dtype)
        self.a1, self.a2 = np.array(1 - 0.9, dtype), np.array(1 - 0.999, dtype)
        self.epsilon = np.array(EPSILON, dtype)
        self.buffers = {}

    def restart(self, weights):
        self.flat[:] = np.concatenate([w.reshape(-1) for w in weights])
        self.m[:] = self.v[:] = 0
        self.step = 0

    def weights(self):
        return [w for pair in zip(self.kernels, self.biases, strict=True) for w in pair]

    def hold(self, x, y):
        return x, y

    def epoch(self, data, order=None):
        """Gather all rows at once, and compute all rates before the first step."""
        order = shuffled(len(data[0])) if order is None else order
        x, y = (array[order] for array in data)
        steps = self.step + np.arange(1, -(-len(x) // self.batch_size) + 1)
        alphas = self.rate * np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        total, batches = 0.0, range(0, len(x), self.batch_size)
        for first, alpha in zip(batches, alphas.astype(x.dtype), strict=True):
            last = first + self.batch_size
            total += self.gradient(x[first:last], y[first:last])
            self.update(alpha)
        self.step += len(steps)
        return total / len(x)

    def gradient(self, x, y):
        """Fill the gradients with those of the mean loss; return the sum of the losses."""
        b = self.buffers.get(len(x))
        if b is None:
            b = self.buffers[len(x)] = Buffers(len(x), self.widths, x.dtype)
        source = x
        last = len(self.kernels) - 1
        for i, values in enumerate(b.values):
            np.dot(source, self.kernels[i], out=values)
            np.add(values, self.biases[i], out=values)
            if i < last:
                np.maximum(values, self.zero, out=values)
            source = values
        total = self.loss(source, y, b, b.deltas[-1])
        for i in range(last, -1, -1):
            source = b.values[i - 1] if i else x
            delta = b.deltas[i]
            np.dot(source.T, delta, out=self.kernel_gradients[i])
            np.dot(b.ones, delta, out=self.bias_gradients[i])
            if i:
                np.dot(delta, self.kernels[i].T, out=b.deltas[i - 1])
                np.sign(source, out=b.slopes[i - 1])  # 0 or 1: no value is negative
                np.multiply(b.deltas[i - 1], b.slopes[i - 1], out=b.deltas[i - 1])
        return total

    def descend(self, alpha):
        """Take one step of SGD, whose rate is constant."""
        np.multiply(self.gradients, self.rate, out=self.scratch)
        np.subtract(self.flat, self.scratch, out=self.flat)

    def adam(self, alpha):
        """Take one step of Adam; alpha = rate sqrt(1 - beta_2^t) / (1 - beta_1^t)."""
        g, m, v, s = self.gradients, self.m, self.v, self.scratch
        np.subtract(g, m, out=s)
        np.multiply(s, self.a1, out=s)
        np.add(m, s, out=m)
        np.multiply(g, g, out=s)
        np.subtract(s, v, out=s)
        np.multiply(s, self.a2, out=s)
        np.add(v, s, out=v)
        np.sqrt(v, out=s)
        np.add(s, self.epsilon, out=s)
        np.divide(m, s, out=s)
        np.multiply(s, alpha, out=s)
        np.subtract(self.flat, s, out=self.flat)


# Each returns the sum of the rows' losses of outputs z before the last activation, and writes
# the gradient of their mean into delta.


def squared_error(z, y, b, delta):
    np.subtract(z, y, out=delta)
    total = float(np.vdot(delta, delta)) / z.shape[1]
    np.multiply(delta, 2 * b.scale / z.shape[1], out=delta)
    return total


def categorical_crossentropy(z, y, b, delta):
    np.max(z, axis=1, keepdims=True, out=b.column)
    np.subtract(z, b.column, out=z)
    np.exp(z, out=delta)
    np.sum(delta, axis=1, keepdims=True, out=b.column)
    np.divide(delta, b.column, out=delta)
    total = float(np.log(b.column).sum() - np.vdot(z, y))
    np.subtract(delta, y, out=delta)
    np.multiply(delta, b.scale, out=delta)
    return total


def binary_crossentropy(z, y, b, delta):
    np.negative(z, out=delta)
    np.exp(delta, out=delta)
    np.add(delta, 1, out=delta)
    total = float(np.log(delta).sum() + z.sum() - np.vdot(z, y))
    np.reciprocal(delta, out=delta)
    np.subtract(delta, y, out=delta)
    np.multiply(delta, b.scale, out=delta)
    return total


LOSSES = {
    "mse": squared_error,
    "binary_crossentropy": binary_crossentropy,
    "categorical_crossentropy": categorical_crossentropy,
}


def predict(x, w1, b1, w2, b2, w3, b3):
    """Return the outputs of a ReLU network with two hidden layers, in four lines of NumPy."""
    a = np.maximum(x @ w1 + b1, 0)
    a = np.maximum(a @ w2 + b2, 0)
    p = a @ w3 + b3
    return p


def gradient_descent(data, iterations):
    """Run batch gradient descent for least squares; alpha meets the gradient, not all of x."""
    x, y, theta, alpha = data
    theta = theta.copy()
    for _ in range(iterations):
        theta -= alpha * (x.T @ (x @ theta - y))
    return theta


def plain_training(workload):
    """Time an epoch of ``PlainNetwork``."""
    return training_side(workload, PlainNetwork(workload))


def tuned_training(workload):
    """Time an epoch of ``TunedNetwork``."""
    return training_side(workload, TunedNetwork(workload))


def prediction(workload):
    """Time calls of ``predict``."""
    weights = workload.weights()
    return prediction_side(workload, lambda x: predict(x, *weights))


def descent(workload):
    """Time iterations of ``gradient_descent``."""
    data = workload.data()
    iterations = workload.by_hand or workload.iterations
    return Side(
        lambda: gradient_descent(data, iterations),
        lambda: [gradient_descent(data, workload.compared_iterations)],
        iterations,
    )
