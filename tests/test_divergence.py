"""Training that leaves the finite numbers stops there and loses nothing."""

import numpy as np
import pytest
from problems import network, regression

from fastgd import callbacks, optimizers, utils
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


# --- the model stays usable, optimizer included ----------------------------------------------

OPTIMIZERS = {
    "sgd": lambda **o: optimizers.SGD(0.05, momentum=0.9, **o),
    "nesterov": lambda **o: optimizers.SGD(0.05, momentum=0.9, nesterov=True, **o),
    "rmsprop": lambda **o: optimizers.RMSprop(0.01, **o),
    "rmsprop momentum": lambda **o: optimizers.RMSprop(0.01, momentum=0.9, centered=True, **o),
    "adam": lambda **o: optimizers.Adam(0.01, **o),
    "amsgrad": lambda **o: optimizers.Adam(0.01, amsgrad=True, **o),
    "adamw": lambda **o: optimizers.AdamW(0.01, **o),
    "adamax": lambda **o: optimizers.Adamax(0.01, **o),
    "nadam": lambda **o: optimizers.Nadam(0.01, **o),
    "adagrad": lambda **o: optimizers.Adagrad(0.2, **o),
    "adadelta": lambda **o: optimizers.Adadelta(5.0, **o),
    "ftrl": lambda **o: optimizers.Ftrl(0.2, **o),
    "lion": lambda **o: optimizers.Lion(0.005, **o),
    "lamb": lambda **o: optimizers.Lamb(0.01, **o),
    "adafactor": lambda **o: optimizers.Adafactor(0.05, **o),
    "lbfgs": lambda **o: optimizers.LBFGS(),
}
OPTIONS = {
    "plain": {}, "average": {"use_ema": True}, "accumulate": {"gradient_accumulation_steps": 2},
    "clip": {"global_clipnorm": 1.0},
}  # fmt: skip
#: What is wrong with the data or the settings, as factors of x, of y, and of the learning rate.
TROUBLES = {
    "x": (1e18, 1.0, 1.0), "large x": (1e30, 1.0, 1.0), "y": (1.0, 1e18, 1.0),
    "large y": (1.0, 1e36, 1.0), "rate": (1.0, 1.0, 1e38), "x and rate": (1e12, 1e3, 1e20),
}  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("activation", ["tanh", "relu"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_training_goes_on_after_a_divergence(optimizer, activation, trouble, options):
    x, y = regression(64)

    def model_of_good_data():
        utils.set_random_seed(3)
        model = network(((4, activation),))
        model.compile(OPTIMIZERS[optimizer](**OPTIONS[options]), "mse")
        model.fit(x, y, epochs=3, batch_size=16, verbose=0)
        return model

    model, expected = model_of_good_data(), model_of_good_data()
    of_x, of_y, of_rate = TROUBLES[trouble]
    rate = float(model.optimizer.learning_rate)
    model.optimizer.learning_rate = rate * of_rate
    try:
        model.fit(
            (x * np.float32(of_x)).clip(-1e37, 1e37), (y * np.float32(of_y)).clip(-1e37, 1e37),
            epochs=3, batch_size=16, verbose=0,
        )  # fmt: skip
        return  # clipped, or bounded: no error, and nothing to go back from
    except DivergenceError:
        model.optimizer.learning_rate = rate
    before = expected.assembly().optimizer_arrays(expected.optimizer)
    after = model.assembly().optimizer_arrays(model.optimizer)
    assert all((before[name] == after[name]).all() for name in before)
    model.epochs_begun = expected.epochs_begun  # the same order of rows
    losses = [m.fit(x, y, epochs=20, batch_size=16, verbose=0) for m in (model, expected)]
    assert losses[0].history == losses[1].history


def test_a_long_training_goes_back_to_its_best_epoch():
    x, y = regression(4096)
    model, states = network(), []
    model.compile(optimizers.Adam(0.01), "mse")

    class Watch(callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            states.append(model.parameters.copy())
            if epoch == 9:
                model.optimizer.learning_rate = 1e37

    with pytest.raises(DivergenceError, match="lowest loss") as caught:
        model.fit(x, y, epochs=20, batch_size=64, verbose=0, callbacks=[Watch()])
    losses = model.history.history["loss"]
    assert caught.value.epoch == 9
    assert losses == sorted(losses, reverse=True)
    # a copy is made before every second epoch, which trains on 4096 rows
    np.testing.assert_array_equal(model.parameters, states[8])


@pytest.mark.parametrize("kind", ["adam", "rmsprop", "adadelta", "adagrad", "nadam", "ftrl"])
@pytest.mark.parametrize("size", [1, 5, 16, 37])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_squares_that_overflow_change_nothing(engine, kind, size, dtype):
    optimizer = OPTIMIZERS[kind]()
    w = np.linspace(-1, 1, size).astype(dtype)
    g = np.full(size, 0.5, dtype)
    optimizer.apply_gradients([(g, w)])
    kept = [w.copy(), *(v.copy() for v in optimizer.state_arrays(w).values())]
    g[-1] = 1e20 if dtype == "float32" else 1e160
    with pytest.raises(DivergenceError):
        optimizer.apply_gradients([(g, w)])
    found = [w, *optimizer.state_arrays(w).values()]
    assert all((a == b).all() for a, b in zip(kept, found, strict=True))


@pytest.mark.parametrize("size", [1, 5, 16, 37])
@pytest.mark.parametrize("options", ["sgd", "nesterov", "adagrad", "rmsprop momentum"])
def test_a_weight_whose_slots_would_overflow_keeps_them(engine, size, options):
    optimizer = OPTIMIZERS[options]()
    w, g = np.ones(size, "float32"), np.full(size, 0.5, "float32")
    optimizer.apply_gradients([(g, w)])
    if options == "adagrad":  # the sum of squares overflows, and no weight would move again
        optimizer.state_arrays(w)["accumulator"][-1] = 3e38
        g[-1] = 1e19
    else:
        optimizer.learning_rate = 1e30
        g[:] = 1e-30
        g[-1] = 1e10
    kept = w.copy(), {k: v.copy() for k, v in optimizer.state_arrays(w).items()}
    with pytest.raises(DivergenceError):
        optimizer.apply_gradients([(g, w)])
    assert w[-1] == kept[0][-1]
    for name, row in optimizer.state_arrays(w).items():
        if name != "iterations":
            assert row[-1] == kept[1][name][-1]
            assert np.isfinite(row).all()
