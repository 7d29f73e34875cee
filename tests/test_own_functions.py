"""Functions of the user's own inside a model: the same as the built-in ones that they copy."""

import numpy as np
import pytest

from fastgd import GradientTape, Sequential, errors, layers, ops, utils


def squashed(x):
    return ops.tanh(x)


def with_derivative(x):
    y = np.tanh(x)
    return y, 1 - y * y


def trained(activation, dtype="float64"):
    utils.set_random_seed(3)
    x = np.random.default_rng(0).normal(size=(50, 4))
    model = Sequential(
        [layers.Input(shape=(4,)), layers.Dense(5, activation=activation), layers.Dense(2)],
        dtype=dtype,
    )
    model.compile("adam", "mse", metrics=["mae"])
    history = model.fit(x, x[:, :2] * x[:, 2:], epochs=3, batch_size=16, verbose=0)
    return model, x, history.history


@pytest.mark.parametrize("own", [squashed, with_derivative, np.tanh, lambda x: ops.tanh(x)])
def test_an_activation_of_ones_own(engine, own):
    model, x, history = trained(own)
    expected, _, expected_history = trained("tanh")
    np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-9, atol=1e-12)
    for name in expected_history:
        np.testing.assert_allclose(history[name], expected_history[name], rtol=1e-10)
    np.testing.assert_allclose(model.predict(x), expected.predict(x), rtol=1e-9)
    with GradientTape() as tape:
        loss = np.mean(model(x) ** 2)
    with GradientTape() as other:
        expected_loss = np.mean(expected(x) ** 2)
    for a, b in zip(
        tape.gradient(loss, model.trainable_variables),
        other.gradient(expected_loss, expected.trainable_variables),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_what_an_activation_raises_reaches_the_caller(engine):
    def bad(x):
        raise KeyError("mine")

    model = Sequential([layers.Input(shape=(4,)), layers.Dense(5, activation=bad)])
    model.compile("sgd", "mse")
    x = np.ones((10, 4))
    for call in (model.predict, lambda x: model.fit(x, np.ones((10, 5)), verbose=0)):
        with pytest.raises(KeyError, match="mine"):
            call(x)


def test_a_result_of_another_shape_is_refused(engine):
    model = Sequential(
        [layers.Input(shape=(4,)), layers.Dense(5, activation=lambda x: x[:, :2])]
    )
    with pytest.raises(errors.ShapeError, match=r"\(10, 5\), got \(10, 2\)"):
        model.predict(np.ones((10, 4)))
