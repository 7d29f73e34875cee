"""Private steps: against plain ones, and against optax' differentially private aggregate."""

import numpy as np
import pytest

from fastgd import Sequential, layers, optimizers, utils
from fastgd._core.engine import Job
from fastgd.privacy import DPSGD

NETWORKS = {
    "23-64-32-1": ((23, 64, 32, 1), 256, "binary_crossentropy", "sigmoid", 24_576),
    "784-256-10": ((784, 256, 10), 128, "sparse_categorical_crossentropy", "softmax", 2048),
    "10-10-10-1": ((10, 10, 10, 1), 32, "mse", "linear", 3200),
}
CLIP, NOISE = 1.0, 1.1


def rows_of(widths, count):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(count, widths[0])).astype(np.float32)
    return x, rng.integers(0, max(2, widths[-1]), (count, 1)).astype(np.float32)


def network(widths, loss, last, privacy, optimizer="adam"):
    utils.set_random_seed(1)
    hidden = [layers.Dense(width, "relu") for width in widths[1:-1]]
    model = Sequential([layers.Input((widths[0],)), *hidden, layers.Dense(widths[-1], last)])
    model.compile(optimizer, loss, privacy=privacy)
    return model


def epoch(model, x, y, batch_size):
    """Return a function that trains for an epoch, and the number of its steps."""
    step, steps = model.compiled_step(), -(-len(x) // batch_size)
    job = Job(x, y, batch_size, None, np.empty(len(x), np.int64))
    job.stream, job.last, job.totals = model.stream, steps, step.totals()
    job.state, job.rates = step.state(), model.optimizer.rates()
    if model.privacy is not None:
        whole = np.array([[0, step.assembly.parameters.size]], np.int64)
        job.private = model.privacy.begin(len(x), batch_size, whole)

    def run():
        job.step = job.done = 0
        while job.step < steps:
            step.program.train(job)

    return run, steps


@pytest.mark.parametrize("private", [False, True], ids=["plain", "private"])
@pytest.mark.parametrize("name", NETWORKS)
def test_step(benchmark, name, private):
    widths, batch_size, loss, last, count = NETWORKS[name]
    benchmark.group = f"{name}, batch {batch_size}, an epoch"
    x, y = rows_of(widths, count)
    first = [network(widths, loss, last, privacy) for privacy in (None, DPSGD(1e6, 0.0))]
    for model in first:  # all rows, no clip, no noise: the same gradient
        epoch(model, x[:500], y[:500], 500)[0]()
    weights = [np.concatenate([w.ravel() for w in model.get_weights()]) for model in first]
    assert np.abs(weights[0] - weights[1]).max() < 1e-4
    model = network(widths, loss, last, DPSGD(CLIP, NOISE) if private else None)
    run, steps = epoch(model, x, y, batch_size)
    benchmark.extra_info["steps"] = steps
    benchmark(run)


def test_step_of_optax(benchmark):
    """The whole step is compiled: gradients of rows, aggregate, update."""
    jax, optax = pytest.importorskip("jax"), pytest.importorskip("optax")
    widths, batch_size, loss, last, _ = NETWORKS["23-64-32-1"]
    x, y = rows_of(widths, batch_size)
    model = network(widths, loss, last, DPSGD(CLIP, 0.0), optimizers.SGD(1.0))
    start = [np.array(w) for w in model.get_weights()]

    def objective(weights, row, target):
        for i in range(0, len(weights), 2):
            row = row @ weights[i] + weights[i + 1]
            row = jax.nn.relu(row) if i + 2 < len(weights) else row
        return optax.sigmoid_binary_cross_entropy(row[0], target[0])

    def stepper(noise, update):
        aggregate = optax.contrib.differentially_private_aggregate(CLIP, noise, 1)
        chain = optax.chain(aggregate, update)
        gradients = jax.vmap(jax.grad(objective), (None, 0, 0))

        @jax.jit
        def take(weights, state):
            updates, state = chain.update(gradients(weights, x, y), state, weights)
            return optax.apply_updates(weights, updates), state

        return take, chain.init(start)

    take, state = stepper(0.0, optax.sgd(1.0))
    theirs, _ = take(start, state)
    epoch(model, x, y, batch_size)[0]()
    for mine, other in zip(model.get_weights(), theirs, strict=True):
        assert np.abs(mine - np.asarray(other)).max() < 1e-4
    take, state = stepper(NOISE, optax.adam(0.001))
    benchmark.group = "23-64-32-1, batch 256, a step of optax"

    def run():
        jax.block_until_ready(take(start, state))

    benchmark(run)
