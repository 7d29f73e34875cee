"""The most out of NumPy.

One flat vector holds all weights, so that an update is a few calls whatever the number of
layers. Every array is allocated before the first step, and results are written in place.
Constants are 0-d arrays, which ufuncs take faster than Python's numbers; sums over rows are
products with a vector of ones, faster than ``sum(axis=0)``.
"""

from itertools import pairwise

import numpy as np

from fastgd.bench.numpy_side import shuffled
from fastgd.bench.side import Network, training_side
from fastgd.bench.workloads import EPSILON


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


class TunedNetwork(Network):
    """Do as ``numpy_side.PlainNetwork``, with everything that makes NumPy fast."""

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


def training(workload):
    """Time an epoch of ``TunedNetwork``."""
    return training_side(workload, TunedNetwork(workload))
