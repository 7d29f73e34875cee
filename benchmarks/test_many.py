"""Many models at once: 23-16-1, 2000 rows, batch 32, Adam, 5 epochs each.

The sides take turns, and the least of each counts. The results are in ``extra_info``:
microseconds a model, and how many times faster than the other side. Two cores are needed for
them to mean anything. First each side's models are checked.
"""

import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pytest

import fastgd
from fastgd import Sequential, layers, utils

ROWS, WIDTH, HIDDEN, BATCH, EPOCHS = 2000, 23, 16, 32, 5
JOBS = 1000


@pytest.fixture(autouse=True)
def _all_cores():
    """Use all cores: the other benchmarks use one, and hold JAX to one thread."""
    for name in ("XLA_FLAGS", "NPROC"):
        os.environ.pop(name, None)
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    held = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count()))
    yield
    os.sched_setaffinity(0, held)


def data():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(ROWS, WIDTH)).astype("float32")
    return x, (x[:, :1] + rng.normal(size=(ROWS, 1)) > 0).astype("float32")


def template():
    model = Sequential(
        [
            layers.Input(shape=(WIDTH,)),
            layers.Dense(HIDDEN, activation="relu"),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile("adam", "binary_crossentropy")
    return model


X, Y = data()


def jobs(models):
    return [{"model": m, "x": X, "y": Y, "batch_size": BATCH, "epochs": EPOCHS} for m in models]


def least_of(sides, rounds, benchmark):
    """Microseconds a model of each side; a side is (number of models, function)."""
    least = [np.inf] * len(sides)

    def turn():
        for k, (count, make, run) in enumerate(sides):
            made = make(count)
            start = time.perf_counter()
            run(made)
            least[k] = min(least[k], (time.perf_counter() - start) / count)

    benchmark.pedantic(turn, rounds=rounds, warmup_rounds=1)
    return [1e6 * seconds for seconds in least]


def replicas(count):
    model = template()
    return [model.replicate() for _ in range(count)]


def ours(count, n_jobs=-1):
    """Return a side: models that are made before, as those of JAX and scikit-learn are."""
    return count, replicas, lambda models: fastgd.fit_many(jobs(models), n_jobs)


@pytest.mark.parametrize("made", ["before", "by jobs"])
def test_two_threads_against_one(made, benchmark):
    utils.set_random_seed(1)
    alone = replicas(3)
    for model in alone:
        model.fit(X, Y, batch_size=BATCH, epochs=EPOCHS, verbose=0)
    for n_jobs in (1, 2):
        utils.set_random_seed(1)
        for model, result in zip(
            alone, fastgd.fit_many(jobs(replicas(3)), n_jobs), strict=True
        ):
            assert (model.parameters == result.model.parameters).all()

    def make(count):
        return replicas(count) if made == "before" else [template().replicate] * count

    sides = [
        (JOBS // 4, make, lambda models, n=n: fastgd.fit_many(jobs(models), n)) for n in (1, 2)
    ]
    one, two = least_of(sides, 20, benchmark)
    benchmark.extra_info["microseconds_a_model"] = two
    benchmark.extra_info["times_one_thread"] = one / two


def test_processes_against_threads(benchmark):
    pytest.importorskip("cloudpickle")
    with ProcessPoolExecutor(2, multiprocessing.get_context("spawn")) as pool:
        model = template()
        for ours, theirs in zip(
            fastgd.fit_many(jobs([model.replicate] * 9), 2, seed=1),
            fastgd.fit_many(jobs([model.replicate] * 9), 2, seed=1, executor=pool),
            strict=True,
        ):
            assert (ours.model.parameters == theirs.model.parameters).all()

        def run(executor):
            return lambda models: fastgd.fit_many(jobs(models), 2, executor=executor)

        def make(count):
            return [template().replicate] * count

        sides = [(JOBS, make, run(None)), (JOBS, make, run(pool))]
        threads, processes = least_of(sides, 10, benchmark)
    benchmark.extra_info["microseconds_a_model"] = processes
    benchmark.extra_info["times_threads"] = processes / threads


def test_against_scikit_learn(monkeypatch, benchmark):
    neural = pytest.importorskip("sklearn.neural_network")
    joblib = pytest.importorskip("joblib")

    def estimators(count):
        return [
            neural.MLPClassifier(
                (HIDDEN,),
                batch_size=BATCH,
                max_iter=EPOCHS,
                n_iter_no_change=EPOCHS + 1,
                random_state=k,
            )
            for k in range(count)
        ]

    monkeypatch.setenv("PYTHONWARNINGS", "ignore")  # that so few epochs are too few
    pool = joblib.Parallel(n_jobs=2)

    def run(estimators):
        return pool(joblib.delayed(one.fit)(X, Y[:, 0]) for one in estimators)

    theirs = run(estimators(2))[0].loss_curve_[-1]
    mine = fastgd.fit_many(jobs(replicas(20)))
    assert np.mean([r.scores["loss"] for r in mine]) == pytest.approx(theirs, rel=0.2)
    least = least_of([ours(JOBS // 4), (8, estimators, run)], 5, benchmark)
    benchmark.extra_info["microseconds_a_model"] = least[0]
    benchmark.extra_info["times_scikit_learn"] = least[1] / least[0]


def test_against_jax(benchmark):
    """All models in one jit: vmap over models of a scan over epochs of a scan over batches.

    JAX is compiled and warm, and takes the batches in the order of the rows; fastgd shuffles
    them for each epoch and model.
    """
    jax = pytest.importorskip("jax")
    make, train = jax_program(jax)
    x, y = jax.numpy.asarray(X), jax.numpy.asarray(Y[:, 0])

    def run(parameters):
        return jax.block_until_ready(train(parameters, x, y))

    losses = np.asarray(run(make(20))[1])
    mine = [r.history.history["loss"] for r in fastgd.fit_many(jobs(replicas(20)))]
    assert losses.mean(0) == pytest.approx(np.mean(mine, 0), rel=0.05)
    least = least_of([ours(JOBS), (JOBS, make, run)], 5, benchmark)
    benchmark.extra_info["microseconds_a_model"] = least[0]
    benchmark.extra_info["times_jax"] = least[1] / least[0]


def jax_program(jax):
    """Return (a function that makes the parameters of many models, one that trains them)."""
    jnp, tree = jax.numpy, jax.tree_util
    steps = ROWS // BATCH  # the rest of the rows is left out
    glorot = jax.nn.initializers.glorot_uniform()

    def begin(key):
        first, second = jax.random.split(key)
        return {
            "w1": glorot(first, (WIDTH, HIDDEN)), "b1": jnp.zeros(HIDDEN),
            "w2": glorot(second, (HIDDEN, 1)), "b2": jnp.zeros(1),
        }  # fmt: skip

    def loss(parameters, x, y):
        hidden = jax.nn.relu(x @ parameters["w1"] + parameters["b1"])
        z = (hidden @ parameters["w2"] + parameters["b2"])[:, 0]
        return jnp.mean(jax.nn.softplus(z) - z * y)

    def step(carry, batch):
        parameters, first, second, t = carry
        value, gradient = jax.value_and_grad(loss)(parameters, *batch)
        t = t + 1.0
        first = tree.tree_map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
        second = tree.tree_map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
        rate = 1e-3 * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        parameters = tree.tree_map(
            lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), parameters, first, second
        )
        return (parameters, first, second, t), value

    def train(parameters, x, y):
        batches = (
            x[: steps * BATCH].reshape(steps, BATCH, WIDTH),
            y[: steps * BATCH].reshape(steps, BATCH),
        )

        def epoch(carry, _):
            carry, values = jax.lax.scan(step, carry, batches)
            return carry, values.mean()

        zeros = tree.tree_map(jnp.zeros_like, parameters)
        carry, losses = jax.lax.scan(epoch, (parameters, zeros, zeros, 0.0), None, EPOCHS)
        return carry[0], losses

    def make(count):
        keys = jax.random.split(jax.random.key(0), count)
        return jax.block_until_ready(jax.vmap(begin)(keys))

    return make, jax.jit(jax.vmap(train, in_axes=(0, None, None)))
