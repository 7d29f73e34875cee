"""Training that leaves the finite numbers stops there and loses nothing."""

import numpy as np
import pytest
from problems import network, regression

from fastgd import optimizers
from fastgd.errors import DivergenceError


@pytest.mark.parametrize("optimizer", ["sgd", "rmsprop", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_stops_in_its_epoch_and_leaves_a_usable_model(engine, optimizer, dtype):
    x, y = regression(64, dtype=dtype)
    model = network(dtype=dtype)
    model.compile(optimizer, "mse")
    model.optimizer.learning_rate = 1e30 if dtype == "float32" else 1e250
    with pytest.raises(DivergenceError, match=r"epoch .* lower the learning rate") as caught:
        model.fit(x, y, epochs=50, batch_size=16, verbose=0)
    error = caught.value
    assert isinstance(error, ArithmeticError)
    assert error.epoch == len(model.history.epoch)
    assert 0 <= error.step < 4
    assert np.isfinite(model.parameters).all()

    model.set_weights([np.full(v.shape, 0.1) for v in model.weights])
    model.compile(optimizers.SGD(0.01), "mse")
    history = model.fit(x, y, epochs=20, verbose=0)
    assert history.history["loss"][-1] < history.history["loss"][0]


def test_divergence_by_huge_inputs(engine):
    x, y = regression(64)
    model = network(((4, "relu"),))
    model.compile("adam", "mse")
    before = np.array(model.parameters)
    with pytest.raises(DivergenceError) as caught:
        model.fit(x * np.float32(1e30), y, epochs=5, verbose=0)
    assert (caught.value.epoch, caught.value.step) == (0, 0)
    np.testing.assert_array_equal(model.parameters, before)
    assert model.optimizer.iterations == 0
    assert model.history.epoch == []


def test_divergence_names_the_epoch_of_the_first_infinite_loss(engine):
    # with w = b = 0, x = y = 1 and rate 5000 the error w + b - 1 grows by 4 * 5000 - 1 a step
    model = network((), 1)
    model.set_weights([np.zeros((1, 1)), np.zeros(1)])
    model.compile(optimizers.SGD(5000.0), "mse")
    x, y = np.ones((3, 1)), np.ones(3)
    steps = 0
    error = 1.0
    while error**2 < float(np.finfo(np.float32).max):
        error *= 4 * 5000.0 - 1
        steps += 1
    with pytest.raises(DivergenceError) as caught:
        model.fit(x, y, epochs=50, batch_size=3, verbose=0)
    assert (caught.value.epoch, caught.value.step) == (steps, 0)
    assert len(model.history.history["loss"]) == steps


@pytest.mark.parametrize("what", ["train_on_batch", "value_and_grad"])
def test_divergence_of_one_step(engine, what):
    x, y = regression(8)
    model = network(((4, "relu"),))
    model.compile("sgd", "mse")
    before = np.array(model.parameters)
    with pytest.raises(DivergenceError):
        getattr(model, what)(x * np.float32(1e30), y)
    np.testing.assert_array_equal(model.parameters, before)
    assert model.optimizer.iterations == 0
