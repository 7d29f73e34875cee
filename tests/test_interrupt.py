"""Ctrl-C while something trains, and several threads on one model."""

import copy
import os
import signal
import threading
import time

import numpy as np
import pytest
from problems import network, regression, side_by_side

import fastgd
from fastgd import optimizers, utils


def batches(n, size):
    return [slice(i, min(i + size, n)) for i in range(0, n, size)]


def interrupted_after(seconds, run):
    """Run until a SIGINT; the seconds from the signal to the end."""
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, send)
    timer.start()
    try:
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        timer.cancel()
    return time.monotonic() - sent[0]


@pytest.mark.parametrize(("rows", "epochs"), [(256, 10**6), (60_000, 10**4)])
def test_interrupt_is_answered_and_leaves_a_consistent_model(engine, rows, epochs):
    x, y = regression(rows, 16)

    def fresh():
        utils.set_random_seed(1)
        model = network(((32, "relu"), (32, "relu")), 16)
        model.compile(optimizers.Adam(1e-4), "mse")
        return model

    model = fresh()
    waited = interrupted_after(
        0.15,
        lambda: model.fit(x, y, epochs=epochs, batch_size=256, shuffle=False, verbose=0),
    )
    assert waited < 2
    steps = model.optimizer.iterations
    assert steps > 0
    # an epoch that ends as the signal comes is trained but may not be recorded
    trained = steps // (-(-rows // 256))
    assert len(model.history.epoch) in (trained - 1, trained)

    again = fresh()
    places = batches(rows, 256)
    for step in range(steps):
        rows_of = places[step % len(places)]
        again.train_on_batch(x[rows_of], y[rows_of])
    assert again.parameters.tobytes() == model.parameters.tobytes()
    assert np.isfinite(model.evaluate(x, y, verbose=0))


@pytest.mark.parametrize("n_jobs", [1, -1])
def test_interrupt_within_a_step_takes_nothing_of_it(n_jobs):
    rows = 400_000
    x, y = regression(rows, 16)
    model = network(((64, "relu"), (64, "relu")), 16)
    model.compile("adam", "mse")
    model.fit(x[:64], y[:64], verbose=0)
    twin, done = copy.deepcopy(model), []

    def until_interrupted():
        while True:
            model.fit(x, y, batch_size=rows, epochs=1, verbose=0, n_jobs=n_jobs)
            done.append(model.optimizer.iterations)

    assert interrupted_after(0.1, until_interrupted) < 2
    taken = model.optimizer.iterations - twin.optimizer.iterations
    assert taken - len(done) in (0, 1)  # it may come just behind a step, before it is counted
    for _ in range(taken):
        twin.fit(x, y, batch_size=rows, epochs=1, verbose=0)
    assert model.parameters.tobytes() == twin.parameters.tobytes()
    model.fit(x, y, batch_size=256, verbose=0)


def test_interrupt_of_value_and_grad():
    x, y = regression(200_000, 16)
    model = network(((64, "relu"), (64, "relu")), 16)
    model.compile("adam", "mse")

    def until_interrupted():
        while True:
            model.value_and_grad(x, y)

    assert interrupted_after(0.1, until_interrupted) < 2
    loss, grads = model.value_and_grad(x, y)
    assert np.isfinite(loss)
    assert all(np.isfinite(g).all() for g in grads)


@pytest.mark.parametrize("method", ["direct", "gram"])
def test_interrupt_of_gradient_descent(engine, method):
    x = np.random.default_rng(0).normal(size=(1000, 5))
    theta = np.zeros(5)
    waited = interrupted_after(
        0.1, lambda: fastgd.gradient_descent(x, x[:, 0], theta, 1e-6, 10**12, method)
    )
    assert waited < 2
    assert not theta.any()


def test_threads_predict_on_one_model(engine):
    if engine == "reference":
        pytest.skip("the reference is for one thread at a time")
    model = network(((64, "relu"), (64, "tanh")), 16)
    inputs = [regression(700 + k, 16, seed=k)[0] for k in range(4)]
    expected = [model.predict(x) for x in inputs]
    wrong = []

    def work(k):
        for _ in range(30):
            if not np.array_equal(model.predict(inputs[k]), expected[k]):
                wrong.append(k)

    side_by_side(work)
    assert wrong == []
