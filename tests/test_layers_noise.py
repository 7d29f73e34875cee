"""Dropout and noise as layers: rates, seeds, arguments that are none."""

import numpy as np
import pytest

from fastgd import Sequential, layers, utils
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.tape import GradientTape

ONES = np.ones((400, 50))


def test_dropout_scales_what_it_keeps(engine):
    y = layers.Dropout(0.2, seed=1, dtype="float64")(ONES, training=True)
    assert set(y.ravel().tolist()) == {0.0, 1.25}
    assert abs((y > 0).mean() - 0.8) < 5.5 * np.sqrt(0.16 / y.size)


def test_everything_and_nothing_dropped(engine):
    assert not layers.Dropout(1)(ONES, training=True).any()
    for layer in (layers.Dropout(0), layers.AlphaDropout(0), layers.GaussianNoise(0),
                  layers.GaussianDropout(0)):  # fmt: skip
        np.testing.assert_array_equal(layer(ONES, training=True), ONES)


def test_a_model_that_a_tape_records_drops_in_training_only(engine):
    model = Sequential([layers.Input((50,)), layers.Dropout(0.5)])
    with GradientTape():
        assert model(ONES).numpy().all()
        assert not model(ONES, training=True).numpy().all()


def test_alpha_dropout_keeps_mean_and_variance(engine):
    x = np.random.default_rng(0).normal(size=(2000, 50))
    y = layers.AlphaDropout(0.3, dtype="float64")(x, training=True)
    dropped = np.unique(y)[np.unique(y, return_counts=True)[1] > 1000]
    a = (0.7 * (1 + 0.3 * 1.7580993408473766**2)) ** -0.5
    np.testing.assert_allclose(dropped, a * (-1.7580993408473766 + 0.3 * 1.7580993408473766))
    assert abs(y.mean()) < 5.5 / np.sqrt(y.size)
    # the variance of y^2 is no more than that of 1 + y^4, about 3
    assert abs(y.var() - 1) < 5.5 * np.sqrt(3 / y.size)


def test_gaussian_dropout_and_noise(engine):
    y = layers.GaussianDropout(0.2, dtype="float64")(3 * ONES, training=True)
    assert abs(y.mean() - 3) < 5.5 * 1.5 / np.sqrt(y.size)
    assert abs(y.std() / 1.5 - 1) < 5.5 / np.sqrt(2 * y.size)
    y = layers.GaussianNoise(2.5, dtype="float64")(3 * ONES, training=True)
    assert abs(y.mean() - 3) < 5.5 * 2.5 / np.sqrt(y.size)
    assert abs(y.std() / 2.5 - 1) < 5.5 / np.sqrt(2 * y.size)


def test_a_noise_shape_drops_together(engine):
    x = np.ones((40, 3, 4))
    y = layers.Dropout(0.5, noise_shape=(None, 1, 4))(x, training=True)
    assert (y == y[:, :1]).all()
    assert (y != y[:, :, :1]).any()
    assert (y != y[:1]).any()
    y = layers.Dropout(0.5, noise_shape=(1, None, None))(x, training=True)
    assert (y == y[:1]).all()
    assert (y[0] != y[0, 0, 0]).any()


def trained(*between, seed=5):
    """Weights after some training with layers in the middle."""
    utils.set_random_seed(seed)
    model = Sequential([layers.Dense(8, activation="tanh"), *between, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(64, 3)).astype("float32")
    model.fit(x, x[:, :1], batch_size=16, epochs=2, verbose=0)
    return np.concatenate([w.ravel() for w in model.get_weights()])


def test_the_seed_of_the_process_decides(engine):
    np.testing.assert_array_equal(trained(layers.Dropout(0.5)), trained(layers.Dropout(0.5)))
    assert (trained(layers.Dropout(0.5)) != trained(layers.Dropout(0.5), seed=6)).any()
    # two layers draw differently: one mask twice would only scale
    twice = trained(layers.Dropout(0.5), layers.Dropout(0.5))
    assert (twice != trained(layers.Dropout(0.75))).any()


def test_a_seed_of_ones_own(engine):
    one, same, other = (trained(layers.Dropout(0.5, seed=s)) for s in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert (one != trained(layers.Dropout(0.5))).any()
    # a layer without a seed elsewhere leaves the stream of this one alone
    with_another = trained(layers.GaussianNoise(1e-30), layers.Dropout(0.5, seed=1))
    np.testing.assert_array_equal(one, with_another)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.Dropout(1.5), ArgumentError, "rate: expected a number from 0 to 1"),
        (lambda: layers.Dropout("half"), DataTypeError, "rate"),
        (lambda: layers.AlphaDropout(1), ArgumentError, "below 1"),
        (lambda: layers.GaussianDropout(1.0), ArgumentError, "below 1"),
        (lambda: layers.GaussianNoise(-1), ArgumentError, "stddev"),
        (lambda: layers.Dropout(0.5, seed=1.5), DataTypeError, "seed"),
        (lambda: layers.Dropout(0.5, noise_shape=3), ShapeError, "noise_shape"),
        (lambda: layers.Dropout(0.5, noise_shape=(None, 2))(ONES), ShapeError, "noise_shape"),
        (lambda: layers.Dropout(0.5, noise_shape=(5, 1))(ONES), ShapeError, "noise_shape"),
    ],
)
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
