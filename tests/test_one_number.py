"""Losses and metrics in Python that give one number for a batch, and those that do not.

Such a loss is evaluated once for all rows, such a metric batch by batch.
"""

import numpy as np
import pytest

from fastgd import Sequential, layers, metrics, ops, utils


def ratio(y_true, y_pred):
    """A mean over a deviation: of a whole, not of its parts."""
    profit = y_true * y_pred
    return -ops.mean(profit) / ops.std(profit)


def by_row(y_true, y_pred):
    return ops.mean(ops.square(y_true - y_pred), axis=-1)


def trader(loss=ratio, chosen=(), n=5000):
    utils.set_random_seed(4)
    model = Sequential([layers.Input((2,)), layers.Dense(1)], dtype="float64")
    model.compile("sgd", loss, metrics=list(chosen))
    x = np.random.default_rng(5).normal(size=(n, 2))
    return model, x, x[:, :1] * 0.1 + np.random.default_rng(6).normal(size=(n, 1))


def numpy_ratio(y, p):
    return -np.mean(y * p) / np.std(y * p)


def over_batches(y, p, size):
    parts = [(y[k : k + size], p[k : k + size]) for k in range(0, len(y), size)]
    return np.average(
        [numpy_ratio(*part) for part in parts], weights=[len(a) for a, _ in parts]
    )


class Last(metrics.Metric):
    """Is updated once a batch."""

    def __init__(self, name="last"):
        super().__init__(name=name)
        self.sizes = []

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.sizes.append(len(y_true))

    def result(self):
        return float(len(self.sizes))

    def reset_state(self):
        self.sizes = []


@pytest.mark.parametrize("size", [5000, 4500, 4096, 1000])
@pytest.mark.parametrize("trained", [False, True])
def test_one_number_is_that_of_all_rows_or_of_a_batch(engine, size, trained):
    model, x, y = trader(chosen=[ratio, metrics.MeanMetricWrapper(ratio, "again"), Last()])
    if trained:  # then it is known that it gives one number
        model.fit(x, y, batch_size=2500, verbose=0)
    whole, by_batch = numpy_ratio(y, model.predict(x)), over_batches(y, model.predict(x), size)
    found = model.evaluate(x, y, batch_size=size, verbose=0)
    expected = [whole, by_batch, by_batch, -(-5000 // size)]
    assert found == pytest.approx(expected, rel=1e-9)
    assert model.test_on_batch(x, y) == pytest.approx([whole] * 3 + [1], rel=1e-9)
    history = model.fit(
        x, y, batch_size=2500, verbose=0, validation_data=(x, y), validation_batch_size=size
    ).history
    expected = over_batches(y, model.predict(x), size)
    whole = numpy_ratio(y, model.predict(x))
    assert history["val_loss"] == pytest.approx([whole], rel=1e-9)
    assert history["val_ratio"] == pytest.approx([expected], rel=1e-9)
    assert history["val_last"] == [-(-5000 // size)]


def test_a_value_for_each_row_is_the_same_for_every_batch_size(engine):
    model, x, y = trader(by_row, [metrics.MeanMetricWrapper(by_row)])
    expected = model.evaluate(x, y, batch_size=5000, verbose=0)
    for size in (1, 7, 4096):
        assert model.evaluate(x, y, batch_size=size, verbose=0) == expected
    assert expected == pytest.approx([np.mean((model.predict(x) - y) ** 2)] * 2, rel=1e-12)


def worth(y_true, y_pred):
    return ops.mean(y_true) + 0 * ops.mean(y_pred)


@pytest.mark.parametrize("call", ["fit", "evaluate"])
@pytest.mark.parametrize("kind", ["arrays", "generator", "list"])
def test_one_number_counts_by_its_rows(engine, call, kind):
    model, x, y = trader(worth, [worth], 4097)
    y[:] = 0
    y[-1] = 100.0
    parts = [(x[:4096], y[:4096]), (x[4096:], y[4096:])]
    data = {"arrays": (x, y), "generator": (iter(parts),), "list": (parts,)}[kind]
    options = {"batch_size": 4096} if kind == "arrays" else {}
    if call == "fit":
        history = model.fit(*data, verbose=0, shuffle=False, **options).history
        found = [history["loss"][0], history["worth"][0]]
    else:
        found = model.evaluate(*data, verbose=0, **options)
    assert found == pytest.approx([100 / 4097] * 2, rel=1e-12)


def test_one_number_by_hand_counts_by_its_rows_or_their_weights():
    metric = metrics.MeanMetricWrapper(worth)
    metric.update_state(np.zeros((3, 1)), np.zeros((3, 1)))
    assert metric(np.ones((1, 1)), np.ones((1, 1))) == 0.25
    metric.reset_state()
    metric.update_state(np.zeros((3, 1)), np.zeros((3, 1)), [1.0, 0.0, 1.0])
    assert metric(np.ones((2, 1)), np.ones((2, 1)), [3.0, 3.0]) == 0.75
