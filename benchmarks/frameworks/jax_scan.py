"""JAX: a whole epoch in one jitted ``lax.scan``."""

from functools import partial

import numpy as np

from fastgd.bench.numpy_side import shuffled
from fastgd.bench.side import prediction_side, training_side
from fastgd.bench.workloads import EPSILON


def outputs(jnp, weights, x):
    """Return the outputs of a ReLU network, before the last activation."""
    *hidden, (kernel, bias) = zip(weights[::2], weights[1::2], strict=True)
    for k, b in hidden:
        x = jnp.maximum(x @ k + b, 0)
    return x @ kernel + bias


def mean_loss(loss, weights, x, y):
    """Return the mean loss of a batch."""
    import jax
    import jax.numpy as jnp

    z = outputs(jnp, weights, x)
    if loss == "mse":
        return jnp.mean((z - y) ** 2)
    if loss == "binary_crossentropy":
        return jnp.mean(jnp.logaddexp(0, z) - z * y)
    return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(z), axis=1))


def compiled_epoch(workload):
    """Return the jitted epoch: (weights, moments), x, y, order, rates -> (weights, moments)."""
    import jax
    import jax.numpy as jnp

    gradient = jax.grad(partial(mean_loss, workload.loss))
    batch_size = workload.batch_size

    def step(state, x, y, rate):
        weights, m, v = state
        g = gradient(weights, x, y)
        if workload.optimizer == "sgd":
            return jax.tree.map(lambda w, g: w - rate * g, weights, g), m, v
        m = jax.tree.map(lambda m, g: m + (1 - 0.9) * (g - m), m, g)
        v = jax.tree.map(lambda v, g: v + (1 - 0.999) * (g * g - v), v, g)
        weights = jax.tree.map(
            lambda w, m, v: w - rate * m / (jnp.sqrt(v) + EPSILON), weights, m, v
        )
        return weights, m, v

    @jax.jit
    def epoch(state, x, y, order, rates):
        def body(state, batch):
            rows, rate = batch
            return step(state, x[rows], y[rows], rate), None

        full = len(x) // batch_size
        batches = order[: full * batch_size].reshape(full, batch_size)
        state, _ = jax.lax.scan(body, state, (batches, rates[:full]))
        if len(x) % batch_size:
            rest = order[full * batch_size :]
            state = step(state, x[rest], y[rest], rates[full])
        return state

    return epoch


class Network:
    """Hold weights and moments, and the compiled epoch."""

    def __init__(self, workload):
        import jax

        self.jax = jax
        self.train = compiled_epoch(workload)
        self.workload = workload

    def restart(self, weights):
        """Start again from these weights."""
        weights = [self.jax.numpy.asarray(w) for w in weights]
        zeros = [self.jax.numpy.zeros_like(w) for w in weights]
        self.state = weights, zeros, zeros
        self.step = 0

    def weights(self):
        """Return the kernel and bias of each layer in turn."""
        return [np.asarray(w) for w in self.state[0]]

    def hold(self, x, y):
        """Return arrays of JAX."""
        return self.jax.numpy.asarray(x), self.jax.numpy.asarray(y)

    def epoch(self, data, order=None):
        """Train one epoch over the rows, in this order or a random one."""
        x, y = data
        order = shuffled(len(x)) if order is None else order
        steps = self.step + np.arange(1, -(-len(x) // self.workload.batch_size) + 1)
        rates = np.full(len(steps), self.workload.rate)
        if self.workload.optimizer == "adam":
            rates *= np.sqrt(1 - 0.999**steps) / (1 - 0.9**steps)
        rates = rates.astype(x.dtype)
        self.state = self.jax.block_until_ready(self.train(self.state, x, y, order, rates))
        self.step += len(steps)


def training(workload):
    """Time an epoch, compiled for this number of rows."""
    side = training_side(workload, Network(workload))
    side.restart()
    side.run()
    return side


def prediction(workload):
    """Time calls of the jitted network, from array to array."""
    import jax

    weights = [jax.numpy.asarray(w) for w in workload.weights()]
    compiled = jax.jit(lambda x: outputs(jax.numpy, weights, x))
    return prediction_side(workload, lambda x: np.asarray(compiled(x)))
