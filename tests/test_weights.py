"""Weights: views of one vector, what predictions make of them, and their data type."""

import numpy as np
import pytest
from problems import network, outputs_by_hand, regression

import fastgd
from fastgd import Sequential, config, layers
from fastgd.errors import ArgumentError, NotBuiltError, ShapeError


def sizes(model):
    return [v.shape for v in model.weights]


def test_weights_are_views_of_one_vector():
    model = network()
    assert model.parameters.shape == (model.count_params(),)
    for variable in model.weights:
        assert np.shares_memory(variable, model.parameters)
    layer = model.layers[1]
    assert layer.kernel is model.weights[2]
    assert layer.bias is model.weights[3]
    assert [v.name for v in layer.weights] == ["dense_1/kernel", "dense_1/bias"]
    assert layers.Dense(2, use_bias=False, input_shape=(3,)).bias is None
    assert [v.shape for v in model.trainable_variables] == sizes(model)


def test_writing_to_a_view_changes_predictions(engine):
    model = network(dtype="float64")
    x, _ = regression(6, dtype="float64")
    model.predict(x)
    model.layers[0].kernel[...] = 0.5
    model.layers[1].bias += 1.0
    model.layers[2].kernel.assign(np.ones((4, 1)))
    model.layers[2].bias = [2.0]
    assert np.shares_memory(model.layers[2].bias, model.parameters)
    expected = outputs_by_hand(model, x, np.array(model.parameters))
    np.testing.assert_allclose(model.predict(x), expected, rtol=1e-13)
    model.parameters[:] = 0
    assert not model.predict(x).any()
    with pytest.raises(ShapeError):
        model.layers[2].bias = [1.0, 2.0]
    with pytest.raises(NotBuiltError):
        layers.Dense(2).bias = [1.0, 2.0]


def test_get_and_set_weights():
    model, other = network(), network()
    x, _ = regression(6)
    assert (model.predict(x) != other.predict(x)).any()
    weights = model.get_weights()
    other.set_weights(weights)
    np.testing.assert_array_equal(model.predict(x), other.predict(x))
    weights[0][...] = 7  # a copy
    assert (model.layers[0].kernel != 7).all()
    model.layers[0].set_weights([np.ones((3, 5)), [1, 2, 3, 4, 5]])
    assert model.layers[0].bias.tolist() == [1, 2, 3, 4, 5]
    assert model.layers[0].get_weights()[0].tolist() == np.ones((3, 5)).tolist()


def test_predictions_agree_with_the_formula(engine):
    for dtype, tolerance in (("float32", 1e-5), ("float64", 1e-12)):
        model = network(((7, "sigmoid"), (6, "softmax"), (5, "relu"), (4, "tanh")), dtype=dtype)
        x, _ = regression(33, dtype=dtype)
        out = model.predict(x)
        assert out.dtype == dtype
        assert out.shape == (33, 1)
        expected = outputs_by_hand(model, x.astype(float), model.parameters.astype(float))
        np.testing.assert_allclose(out, expected, rtol=tolerance, atol=tolerance)
        np.testing.assert_array_equal(model(x), out)
        np.testing.assert_array_equal(model.predict_on_batch(x), out)
    assert model.predict(np.zeros((0, 3))).shape == (0, 1)


def test_a_row_has_the_same_bits_in_any_batch(engine):
    if engine == "reference":
        pytest.skip("NumPy's products do not promise it")
    model = network(((33, "tanh"), (17, "relu")), 10, 3)
    x, _ = regression(301, 10)
    whole = model.predict(x)
    for rows in (slice(0, 1), slice(300, 301), slice(5, 12), slice(100, 300), slice(1, 130)):
        np.testing.assert_array_equal(model.predict(x[rows]), whole[rows])
    np.testing.assert_array_equal(model.predict(x, batch_size=7, verbose=1), whole)


# --- data types ------------------------------------------------------------------------------


def test_dtype_of_a_model():
    assert network().parameters.dtype == np.float32
    assert network(dtype="float64").parameters.dtype == np.float64
    assert Sequential([layers.Dense(1, input_dim=2, dtype="float64")]).dtype == "float64"
    by_input = Sequential([layers.Input((2,), dtype="float64"), layers.Dense(1)])
    assert by_input.parameters.dtype == np.float64
    with pytest.raises(ArgumentError, match=r"float32.*float64"):
        Sequential(
            [layers.Dense(1, input_dim=2, dtype="float64"), layers.Dense(1, dtype="float32")]
        )


def test_floatx_is_for_models_made_from_now_on():
    built = network()
    deferred = Sequential([layers.Dense(2)])
    config.set_floatx("float64")
    assert network().parameters.dtype == np.float64
    assert fastgd.initializers.Ones()((2,)).dtype == np.float64
    deferred.build((None, 3))
    built.add(layers.Dense(2))
    for model in (built, deferred):
        assert model.dtype == "float32"
        assert model.parameters.dtype == np.float32
