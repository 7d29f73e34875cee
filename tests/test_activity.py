"""Penalties on the outputs of layers: by hand, in training, and Keras beside them."""

import numpy as np
import pytest
from problems import distance, flat, regression

from fastgd import Sequential, layers, optimizers, regularizers
from fastgd.errors import ArgumentError

FACTORS = {"l1": (0.02, 0.0), "l2": (0.0, 0.03), "both": (0.02, 0.03)}

each_factors = pytest.mark.parametrize("factors", FACTORS.values(), ids=FACTORS)


def penalty(h, factors):
    """The mean over rows of l1 sum |h| + l2 sum h²."""
    return np.mean(factors[0] * np.abs(h).sum(axis=1) + factors[1] * (h**2).sum(axis=1))


def model_of(factors, activation="tanh", output="linear", loss="mse"):
    """A model whose hidden and whose last layer are penalised."""
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(5, activation, activity_regularizer=regularizers.L1L2(*factors)),
            layers.Dense(1, output, activity_regularizer=regularizers.L2(0.25)),
        ],
        dtype="float64",
    )
    model.compile(optimizers.SGD(0.05), loss)
    return model


def by_hand(model, x, y, factors, parameters):
    """The mean loss, from the flat vector of weights."""
    activation, output = (layer.activation.__name__ for layer in model.layers)
    z = x @ parameters[:15].reshape(3, 5) + parameters[15:20]
    h = {"tanh": np.tanh, "relu": lambda v: np.maximum(v, 0), "linear": lambda v: v}[
        activation
    ](z)
    z = h @ parameters[20:25].reshape(5, 1) + parameters[25]
    p = z if output == "linear" else 1 / (1 + np.exp(-z))
    data = np.mean((p - y) ** 2)
    if output == "sigmoid":
        data = np.mean(np.log1p(np.exp(z)) - y * z)
    return data + penalty(h, factors) + penalty(p, (0.0, 0.25))


@each_factors
@pytest.mark.parametrize("activation", ["tanh", "relu", "linear"])
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_value_and_gradient_by_hand(engine, factors, activation, output):
    model = model_of(factors, activation, output, "mse" if output == "linear" else "bce")
    x, y = regression(20, dtype="float64")
    y = (y > 0).astype("float64")
    at = np.array(model.parameters)
    value, gradients = model.value_and_grad(x, y)
    assert value == pytest.approx(by_hand(model, x, y, factors, at), rel=1e-12)
    differences = np.empty_like(at)
    for i in range(at.size):
        step = np.zeros_like(at)
        step[i] = 1e-6
        up, down = (by_hand(model, x, y, factors, at + s * step) for s in (1, -1))
        differences[i] = (up - down) / 2e-6
    assert distance(flat(gradients), differences) < 1e-7
    for batch_size in (1, 7, 20):
        found = model.evaluate(x, y, batch_size=batch_size, verbose=0)
        assert found == pytest.approx(value, rel=1e-12)


def test_an_activation_after_a_penalised_layer_is_not_penalised(engine):
    model = Sequential(
        [
            layers.Dense(4, activity_regularizer="l2", input_dim=3),
            layers.Activation("relu"),
            layers.Dense(1),
        ],
        dtype="float64",
    )
    model.compile("sgd", "mse")
    x, y = regression(20, dtype="float64")
    z = x @ model.layers[0].kernel.value
    data = np.mean((np.asarray(model.predict(x)) - y) ** 2)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(
        data + 0.01 * np.mean((z**2).sum(axis=1)), rel=1e-12
    )


def test_large_and_small_outputs(engine):
    model = Sequential(
        [layers.Dense(2, activity_regularizer=regularizers.L1L2(1.0, 1.0), input_dim=1)],
        dtype="float64",
    )
    model.compile("sgd", "mae")
    model.layers[0].kernel.assign([[1.0, 0.0]])
    for scale in (0.0, 1e-300, 1e4):
        value, gradients = model.value_and_grad([[scale]], [[0.0, 0.0]])
        assert value == pytest.approx(1.5 * scale + scale**2, rel=1e-12)
        assert np.isfinite(flat(gradients)).all()


def test_what_looks_at_several_values_at_once_is_refused():
    for given in ("orthogonal_regularizer", lambda h: h[0]):
        with pytest.raises(ArgumentError, match="activity_regularizer: expected L1"):
            layers.Dense(1, activity_regularizer=given)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_a_run_beside_keras():
    keras = pytest.importorskip("keras")
    x, y = regression(60)
    built = []
    for words in (layers, keras.layers):
        stack = [
            words.Input((3,)),
            words.Dense(5, "tanh", activity_regularizer="l1"),
            words.Dense(1, activity_regularizer="l2"),
        ]
        built.append(Sequential(stack) if words is layers else keras.Sequential(stack))
    ours, theirs = built
    theirs.set_weights(ours.get_weights())
    ours.compile(optimizers.SGD(0.05), "mse")
    theirs.compile(keras.optimizers.SGD(0.05), "mse")
    found = ours.fit(x, y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    expected = theirs.fit(x, y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-4)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
