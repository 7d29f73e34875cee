"""Functions of the user's own inside a model: the same as the built-in ones that they copy."""

import numpy as np
import pytest

from fastgd import GradientTape, Sequential, errors, layers, losses, metrics, ops, utils


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


# --- losses ----------------------------------------------------------------------------------


def squared(y_true, y_pred):
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


def squared_by_numpy(y_true, y_pred):
    return np.mean((y_pred - y_true) ** 2, axis=-1)


def mean_of_all(y_true, y_pred):
    return ops.mean(ops.square(y_pred - y_true))


@losses.with_gradient
def with_slopes(y_true, y_pred):
    d = y_pred - y_true
    return (d * d).mean(axis=-1), 2 * d / d.shape[-1]


class Squared(losses.Loss):
    def call(self, y_true, y_pred):
        return squared(y_true, y_pred)


def fitted(loss, metrics=(), weights=None, epochs=3, outputs=2, **arguments):
    utils.set_random_seed(5)
    x = np.random.default_rng(0).normal(size=(50, 4))
    y = (x[:, :2] * x[:, 2:])[:, :outputs]
    model = Sequential(
        [layers.Input(shape=(4,)), layers.Dense(5, "tanh"), layers.Dense(2)], dtype="float64"
    )
    model.compile("adam", loss, metrics=list(metrics), **arguments)
    history = model.fit(
        x, y, epochs=epochs, batch_size=16, verbose=0, sample_weight=weights,
        validation_data=(x[:20], y[:20]),
    )  # fmt: skip
    return model, history.history, x, y


@pytest.mark.parametrize(
    "own", [squared, squared_by_numpy, mean_of_all, with_slopes, Squared(), Squared]
)
def test_a_loss_of_ones_own(engine, own):
    model, history, x, y = fitted(own, ["mae"])
    expected, expected_history, _, _ = fitted("mse", ["mae"])
    np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-9, atol=1e-12)
    for name in expected_history:
        if name == "val_loss" and own is mean_of_all:
            continue  # one number for each block of rows
        np.testing.assert_allclose(history[name], expected_history[name], rtol=1e-10)
    np.testing.assert_allclose(
        model.train_on_batch(x, y), expected.train_on_batch(x, y), rtol=1e-10
    )
    loss, grads = model.value_and_grad(x, y)
    expected_loss, expected_grads = expected.value_and_grad(x, y)
    assert loss == pytest.approx(expected_loss, rel=1e-10)
    for a, b in zip(grads, expected_grads, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-10)


@pytest.mark.parametrize("own", [squared, with_slopes])
def test_a_loss_of_ones_own_with_weights(engine, own):
    weights = np.linspace(0, 2, 50)
    model, history, _, _ = fitted(own, weights=weights)
    expected, expected_history, _, _ = fitted("mse", weights=weights)
    np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(history["loss"], expected_history["loss"], rtol=1e-10)


def test_one_number_for_a_batch_cannot_be_weighted(engine):
    with pytest.raises(errors.ArgumentError, match="one for each row"):
        fitted(mean_of_all, weights=np.ones(50))


def test_a_loss_of_ones_own_takes_any_columns_of_targets(engine):
    def pinball(y_true, y_pred):
        below = y_true - y_pred
        levels = np.array([0.2, 0.8])
        return ops.mean(ops.maximum(levels * below, (levels - 1) * below), axis=-1)

    model, _, x, y = fitted(pinball, outputs=1)
    expected, _, _, _ = fitted(losses.Quantile([0.2, 0.8]), outputs=1)
    np.testing.assert_allclose(model.parameters, expected.parameters, rtol=1e-9, atol=1e-12)
    two = np.hstack([y, y])
    assert model.evaluate(x, two, verbose=0) == pytest.approx(
        model.evaluate(x, y, verbose=0), rel=1e-12
    )


def test_a_function_cannot_run_the_model_that_waits_for_it(engine):
    if engine == "reference":
        pytest.skip("it never waits")

    def asks_the_model(y_true, y_pred):
        model.predict(np.ones((2, 4)), verbose=0)
        return ops.mean((y_pred - y_true) ** 2, axis=-1)

    model = Sequential([layers.Input(shape=(4,)), layers.Dense(1)])
    model.compile("sgd", asks_the_model)
    for call in (model.fit, model.evaluate):
        with pytest.raises(errors.EngineError, match="which is waiting for it"):
            call(np.ones((5, 4)), np.ones((5, 1)), verbose=0)
    assert model.predict(np.ones((5, 4)), verbose=0).shape == (5, 1)


def test_what_a_loss_raises_reaches_the_caller_and_the_model_is_as_it_was(engine):
    calls = []

    def third_time(y_true, y_pred):
        calls.append(len(y_pred))
        if len(calls) == 3:
            raise KeyError("mine")
        return squared(y_true, y_pred)

    with pytest.raises(KeyError, match="mine"):
        fitted(third_time)
    assert calls == [16, 16, 16]


# --- metrics ---------------------------------------------------------------------------------


def absolute(y_true, y_pred):
    return np.mean(np.abs(y_pred - y_true), axis=-1)


class Largest(metrics.Metric):
    """The largest error, and how many rows there were."""

    def __init__(self, name="largest", **kwargs):
        super().__init__(name=name, **kwargs)
        self.most = self.add_variable(shape=(), name="most")

    def update_state(self, y_true, y_pred, sample_weight=None):
        errors = np.abs(y_pred - y_true)
        if sample_weight is not None:
            errors = errors * sample_weight[:, None]
        self.most.assign(np.maximum(self.most, errors.max()))

    def result(self):
        return float(self.most)


def test_metrics_of_ones_own(engine):
    model, history, x, y = fitted("mse", ["mae", absolute, Largest()])
    np.testing.assert_allclose(history["absolute"], history["mae"], rtol=1e-12)
    np.testing.assert_allclose(history["val_absolute"], history["val_mae"], rtol=1e-12)
    errors = np.abs(model.predict(x) - y)
    found = model.evaluate(x, y, verbose=0, return_dict=True)
    assert found["largest"] == pytest.approx(errors.max(), rel=1e-12)
    assert found["absolute"] == pytest.approx(errors.mean(), rel=1e-12)
    alone, plain = fitted("mse", ["mae"])[:2]
    np.testing.assert_array_equal(model.parameters, alone.parameters)
    np.testing.assert_array_equal(history["loss"], plain["loss"])


def test_weights_reach_a_metric_of_ones_own(engine):
    weights = np.linspace(0, 2, 50)
    utils.set_random_seed(5)
    x = np.random.default_rng(0).normal(size=(50, 2))
    model = Sequential([layers.Input(shape=(2,)), layers.Dense(1)], dtype="float64")
    model.compile("sgd", "mse", metrics=[Largest()], weighted_metrics=[Largest("weighted")])
    y = x[:, :1]
    errors = np.abs(model.predict(x) - y)
    found = model.evaluate(x, y, sample_weight=weights, verbose=0, return_dict=True)
    assert found["largest"] == pytest.approx(errors.max(), rel=1e-12)
    assert found["weighted"] == pytest.approx((errors[:, 0] * weights).max(), rel=1e-12)


def test_a_loss_of_ones_own_is_no_compiled_metric():
    class Own(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(abs(y_true - y_pred), axis=-1)

    with pytest.raises(errors.ArgumentError, match="loss: expected one of fastgd's"):
        metrics.LossMetric(Own())
    assert metrics.MeanMetricWrapper(Own().call)([1.0, 2.0], [2.0, 5.0]) == 2.0
