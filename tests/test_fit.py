"""Training: the three ways to write it, and what an epoch does."""

import threading
import time

import numpy as np
import pytest
from problems import network, regression, spy_on

import fastgd
from fastgd import GradientTape, Sequential, layers, losses, optimizers, utils
from fastgd._training import step


def test_program_with_the_model_api(engine):
    x, y = regression(256, 10)
    model = Sequential(
        [
            layers.Dense(10, activation="relu", input_shape=(10,)),
            layers.Dense(10, activation="relu"),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer="adam", loss="mse", metrics=["mae"])
    history = model.fit(x, y[:, 0], epochs=30, batch_size=32, verbose=0)
    loss = history.history["loss"]
    assert loss[-1] < 0.5 * loss[0]
    assert model.optimizer.iterations == 30 * 8


def test_program_with_gradient_descent(engine):
    rng = np.random.default_rng(0)
    x = np.column_stack([np.ones(200), rng.normal(size=(200, 2))])
    theta = fastgd.gradient_descent(x, x @ [1.0, -2.0, 3.0], np.zeros(3), 0.005, 400)
    np.testing.assert_allclose(theta, [1.0, -2.0, 3.0], rtol=1e-10)


def test_program_with_a_tape(engine):
    x, y = regression(256, 10)
    model = network(((10, "relu"), (10, "relu")), 10)
    optimizer = optimizers.Adam(learning_rate=0.01)
    mse = losses.MeanSquaredError()
    seen = []
    for _ in range(60):
        with GradientTape() as tape:
            loss = mse(y, model(x, training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        seen.append(float(loss))
    assert seen[-1] < 0.5 * seen[0]
    assert optimizer.iterations == 60


def test_python_is_entered_once_an_epoch(engine, monkeypatch):
    x, y = regression(100)
    model = network()
    model.compile("adam", "mse", metrics=["mae"])
    spy = spy_on(model, monkeypatch)
    model.fit(x, y, epochs=12, batch_size=8, verbose=0, validation_split=0.2)
    assert len(spy.calls) == 12
    assert model.optimizer.iterations == 12 * 10


def test_long_epochs_are_cut_into_spans_with_the_same_bits(engine, monkeypatch):
    def trained(seconds):
        monkeypatch.setattr(step, "SPAN_SECONDS", seconds)
        utils.set_random_seed(4)
        x, y = regression(64 if engine == "reference" else 3200)
        model = network()
        model.compile("adam", "mse", metrics=["mae"])
        spy = spy_on(model, monkeypatch)
        history = model.fit(x, y, epochs=3, batch_size=2, verbose=0)
        return len(spy.calls), history.history, model.parameters.tobytes()

    whole, cut = trained(60.0), trained(0.0)
    assert whole[0] == 3
    assert cut[0] > 3  # the clock is read about once a millisecond
    assert whole[1:] == cut[1:]


def test_other_threads_run_during_a_span(engine, monkeypatch):
    if engine == "reference":
        pytest.skip("the reference is Python and never lets go for long")
    x, y = regression(200_000, 16)
    model = network(((32, "relu"),), 16)
    model.compile("sgd", "mse")
    turns = [0]
    done = threading.Event()

    def work():
        while not done.is_set():
            turns[0] += 1
            time.sleep(1e-4)

    seen = []
    spy_on(model, monkeypatch, during=lambda: seen.append(turns[0]))
    monkeypatch.setattr(step, "SPAN_SECONDS", 0.2)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        while turns[0] == 0:
            time.sleep(0.001)
        model.fit(x, y, epochs=1, batch_size=1, verbose=0)
        seen.append(turns[0])
    finally:
        done.set()
        thread.join()
    assert seen[-1] - seen[0] > 10


def test_shuffle_takes_every_row_in_another_order_each_epoch(engine, monkeypatch):
    x = np.arange(50, dtype=np.float32)[:, None] / 50
    model = network((), 1)
    model.compile(optimizers.SGD(0.0), "mse")
    orders = []
    spy = spy_on(model, monkeypatch)
    for _ in range(3):
        model.fit(x, x, epochs=1, verbose=0)
        orders.append(spy.calls[-1].order)
    for order in orders:
        assert sorted(order) == list(range(50))
        assert list(order) != list(range(50))
    assert len({order.tobytes() for order in orders}) == 3


def test_without_shuffle_rows_keep_their_order(engine):
    x, y = regression(40)
    utils.set_random_seed(1)
    model = network()
    model.compile(optimizers.SGD(0.1), "mse")
    first = model.fit(x, y, batch_size=1, epochs=1, shuffle=False, verbose=0)
    utils.set_random_seed(1)
    fresh = network()
    fresh.compile(optimizers.SGD(0.1), "mse")
    means = [fresh.train_on_batch(x[i : i + 1], y[i : i + 1]) for i in range(40)]
    assert first.history["loss"][0] == pytest.approx(np.mean(means), rel=1e-6)
    assert fresh.parameters.tobytes() == model.parameters.tobytes()


def test_last_short_batch_is_trained(engine):
    x, y = regression(33)
    model = network()
    model.compile(optimizers.SGD(0.1), "mse")
    model.fit(x, y, batch_size=32, shuffle=False, verbose=0)
    assert model.optimizer.iterations == 2
    # 32 rows of zeros and a last one: only it can move the kernel
    x = np.zeros((33, 3), np.float32)
    x[-1] = 1
    model = network((), 3)
    model.compile(optimizers.SGD(0.1), "mse")
    before = np.array(model.layers[0].kernel)
    model.fit(x, np.ones(33), batch_size=32, shuffle=False, verbose=0)
    assert (model.layers[0].kernel != before).all()


@pytest.mark.parametrize("batch_size", [20, 21, 10**6, 2**70])
def test_batch_larger_than_the_data_is_one_batch(engine, batch_size):
    x, y = regression(20)
    found = []
    for size in (20, batch_size):
        utils.set_random_seed(1)
        model = network()
        model.compile("adam", "mse")
        model.fit(x, y, batch_size=size, epochs=3, verbose=0)
        assert model.optimizer.iterations == 3
        found.append(model.parameters.tobytes())
    assert found[0] == found[1]


def test_loss_of_an_epoch_is_the_mean_over_rows_before_each_step(engine):
    x, y = regression(50, dtype="float64")
    model = network(dtype="float64")
    model.compile(optimizers.SGD(0.0), "mse", metrics=["mae"])
    history = model.fit(x, y, batch_size=16, verbose=0)
    difference = model.predict(x) - y
    assert history.history["loss"][0] == pytest.approx(np.mean(difference**2), rel=1e-12)
    assert history.history["mae"][0] == pytest.approx(np.mean(abs(difference)), rel=1e-12)


def test_each_batch_by_hand_has_random_numbers_of_its_own(engine, monkeypatch):
    x, y = regression(20)
    keys = []
    for _ in range(2):
        utils.set_random_seed(4)
        model = network()
        model.compile("sgd", "mse")
        spy = spy_on(model, monkeypatch)
        for _ in range(3):
            model.train_on_batch(x, y)
        model.fit(x, y, batch_size=10, epochs=2, verbose=0)
        keys.append([call.key for call in spy.calls])
    assert len(set(keys[0])) == 5
    assert keys[0] == keys[1]


def test_settings_of_an_optimizer_may_change_between_batches(engine):
    x, y = regression(20, dtype="float64")
    found = []
    for momenta in ((0.5, 0.9), (0.9, 0.9), (0.5, 0.5)):
        utils.set_random_seed(4)
        model = network(dtype="float64")
        model.compile(optimizers.SGD(0.1, momentum=0.5), "mse")
        for momentum in momenta:
            model.optimizer.momentum = momentum
            model.train_on_batch(x, y)
        found.append(model.parameters.tobytes())
    assert found[0] == found[1]  # the first step has no velocity to keep
    assert found[0] != found[2]
