"""Short epochs, many of which are one span: the bits, the record and the end of single ones."""

import numpy as np
import pytest
from problems import network

import fastgd
from fastgd import callbacks, config, layers, optimizers, utils
from fastgd._training.loop import TrainingLoop
from fastgd._training.step import EPOCHS_AT_ONCE
from fastgd.errors import DivergenceError

RNG = np.random.default_rng(2)
X = RNG.normal(size=(70, 3)).astype("float32")
Y = (X[:, :1] - 0.5).astype("float32")


def dense(optimizer="adam", dtype=None):
    model = network(((4, "tanh"),), dtype=dtype)
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def noisy():
    model = fastgd.Sequential(
        [
            layers.Input(shape=(3,)),
            layers.Dense(5, kernel_regularizer="l2", kernel_constraint="non_neg"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(1),
        ]
    )
    model.compile(optimizers.SGD(0.1, momentum=0.9, clipnorm=1.0, use_ema=True), "mse")
    return model


def unit():
    model = network((), 3)
    model.compile("sgd", "mse")
    return model


class Looks(callbacks.Callback):
    """Somebody who wants to see each epoch."""

    def on_epoch_begin(self, epoch, logs=None):
        pass


CASES = {
    "plain": (dense, {}),
    "float64": (lambda: dense(dtype="float64"), {}),
    "noise, penalties, averages": (noisy, {"batch_size": 7}),
    "one unit, row by row": (unit, {"batch_size": 1}),
    "in order": (dense, {"shuffle": False}),
    "one batch": (dense, {"batch_size": 1000}),
    "rows": (dense, {"rows": RNG.integers(0, 70, 33)}),
    "weights": (dense, {"sample_weight": RNG.random(70)}),
    "later": (dense, {"initial_epoch": 3}),
    "many": (dense, {"epochs": 2 * EPOCHS_AT_ONCE + 3, "batch_size": 35}),
}


@pytest.mark.parametrize("name", CASES)
def test_the_bits_of_single_epochs(engine, name, monkeypatch):
    make, arguments = CASES[name]
    calls = []
    once = TrainingLoop._many
    monkeypatch.setattr(TrainingLoop, "_many", lambda *a: calls.append(1) or once(*a))
    models = []
    for listeners in ([], [Looks()]):
        utils.set_random_seed(4)
        model = make()
        for _ in range(2):  # the second goes on where the first has ended
            model.fit(X, Y, **({"epochs": 6, "verbose": 0} | arguments), callbacks=listeners)
        models.append(model)
    short, single = models
    assert len(calls) == 2
    assert short.parameters.tobytes() == single.parameters.tobytes()
    assert short.history.history == single.history.history
    assert short.history.epoch == single.history.epoch
    assert short.epochs_begun == single.epochs_begun
    assert short.optimizer.iterations == single.optimizer.iterations


def test_nothing_to_train():
    model = dense()
    history = model.fit(X, Y, epochs=0, verbose=0)
    assert history.epoch == []
    assert model.epochs_begun == 0


def test_the_end_in_a_divergence():
    for listeners in ([], [Looks()]):
        utils.set_random_seed(1)
        model = dense(optimizers.SGD(30.0))
        with pytest.raises(DivergenceError) as caught:
            model.fit(X, Y, epochs=500, batch_size=16, verbose=0, callbacks=listeners)
        seen = (
            str(caught.value), caught.value.epoch, caught.value.step, model.epochs_begun,
            model.history.epoch, model.history.history["loss"], model.parameters.tobytes(),
        )  # fmt: skip
        if not listeners:
            first = seen
    assert seen == first
    assert len(first[4]) > 0


@pytest.mark.parametrize(
    ("arguments", "more"),
    [
        ({"verbose": 2}, {}),
        ({"validation_data": (X, Y)}, {}),
        ({"steps_per_epoch": 2}, {}),
        ({"callbacks": [callbacks.EarlyStopping("loss")]}, {}),
        ({}, {"optimizer": optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 5, 0.5))}),
        ({}, {"optimizer": "lbfgs"}),
        ({}, {"loss": lambda y, p: (y - p) ** 2}),
    ],
)
def test_what_needs_a_look_at_each_epoch(monkeypatch, arguments, more):
    model = network()
    model.compile(**({"optimizer": "sgd", "loss": "mse"} | more))
    monkeypatch.setattr(TrainingLoop, "_many", None)
    model.fit(X, Y, **({"verbose": 0, "epochs": 2} | arguments))
    assert len(model.history.epoch) == 2


@pytest.mark.skipif(config.engine() == "reference", reason="it has no threads")
@pytest.mark.parametrize(("units", "rows", "suits"), [(64, 512, True), (256, 256, False)])
def test_threads_that_pay_go_before(monkeypatch, units, rows, suits):
    monkeypatch.setattr(config, "threads", lambda n_jobs: n_jobs)
    model = network(((units, "relu"), (units, "relu")), 3)
    model.compile("sgd", "mse")
    calls = []
    once = TrainingLoop._many
    monkeypatch.setattr(TrainingLoop, "_many", lambda *a: calls.append(1) or once(*a))
    x = RNG.normal(size=(rows, 3)).astype("float32")
    for n_jobs in (1, 2):
        model.fit(x, x[:, :1], batch_size=256, verbose=0, n_jobs=n_jobs)
    assert len(calls) == 1 + suits


def test_it_may_be_stopped_between_spans():
    model, looks = dense(), []
    rates = model.optimizer.rates

    def stops_at_the_second_span():
        looks.append(1)
        model.stop_training = len(looks) == 2
        return rates()

    model.optimizer.rates = stops_at_the_second_span
    model.fit(X, Y, epochs=10**6, verbose=0)
    assert len(looks) == 2
    assert 0 < len(model.history.epoch) <= 2 * EPOCHS_AT_ONCE
