"""``model.predictor()``: the bits of ``predict``, for rows and for one row."""

import gc

import numpy as np
import pytest
from problems import network, side_by_side

from fastgd import Model, layers
from fastgd.errors import ArgumentError, DataError, NotBuiltError, ShapeError


def serving(dtype="float32", outputs=3):
    model = network(((8, "relu"), (5, "tanh")), 4, outputs, "softmax", dtype)
    return model, model.predictor()


def rows(n, dtype="float32"):
    return np.random.default_rng(0).normal(size=(n, 4)).astype(dtype)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("n", [0, 1, 2, 127, 128, 129, 1000])
def test_rows_have_the_bits_of_predict(engine, dtype, n):
    model, predict = serving(dtype)
    x = rows(n, dtype)
    found = predict(x)
    assert found.dtype == dtype
    assert found.shape == (n, 3)
    np.testing.assert_array_equal(found, model.predict(x))


def test_one_row_gives_one_row(engine):
    model, predict = serving()
    x = rows(5)
    for i in range(5):
        found = predict(x[i])
        assert found.shape == (3,)
        if engine != "reference":
            np.testing.assert_array_equal(found, model.predict(x)[i])
        np.testing.assert_allclose(found, model.predict(x)[i], rtol=1e-6)


def test_any_array_that_predict_takes(engine):
    model, predict = serving()
    x = rows(6).round(2)
    expected = model.predict(x)
    wide = np.zeros((12, 8), np.float32)
    wide[::2, ::2] = x
    for given in (
        np.asfortranarray(x), wide[::2, ::2], x.astype(np.float64), x.astype(">f4"), x.tolist(),
    ):  # fmt: skip
        np.testing.assert_array_equal(predict(given), expected)
    np.testing.assert_array_equal(predict(x[2].tolist()), predict(x[2]))


def test_outputs_are_fresh_arrays(engine):
    _, predict = serving()
    x = rows(2)
    first = predict(x)
    kept = first.copy()
    second = predict(-x)
    assert not np.shares_memory(first, second)
    np.testing.assert_array_equal(first, kept)


def test_it_follows_the_weights(engine):
    model, predict = serving()
    x = rows(3)
    before = predict(x)
    model.set_weights([w + 1 for w in model.get_weights()])
    assert (predict(x) != before).any()
    np.testing.assert_array_equal(predict(x), model.predict(x))


def test_it_outlives_its_model(engine):
    model, predict = serving()
    x = rows(3)
    expected = model.predict(x)
    del model
    gc.collect()
    np.testing.assert_array_equal(predict(x), expected)


def test_bad_input_is_refused_as_by_predict(engine):
    _, predict = serving()
    x = rows(3)
    with pytest.raises(ShapeError, match="expects 4 columns"):
        predict(x[:, :3])
    with pytest.raises(ShapeError, match="4 columns"):
        predict(x[0, :3])
    x[1, 2] = np.nan
    with pytest.raises(DataError, match="row 1, column 2"):
        predict(x)
    with pytest.raises(DataError, match="column 2"):
        predict(x[1])


def test_it_needs_weights():
    with pytest.raises(NotBuiltError):
        type(network())([]).predictor()


def test_threads_share_one(engine):
    if engine == "reference":
        pytest.skip("the reference is for one thread at a time")
    _, predict = serving()
    inputs = [rows(400)[k::4] * (k + 1) for k in range(4)]
    expected = [predict(x) for x in inputs]
    wrong = []

    def work(k):
        for _ in range(200):
            if not np.array_equal(predict(inputs[k]), expected[k]):
                wrong.append(k)

    side_by_side(work)
    assert wrong == []


def test_several_inputs_and_outputs_keep_their_structure(engine):
    left, right = layers.Input(shape=(2,), name="left"), layers.Input(shape=(3,), name="right")
    both = layers.Concatenate()([left, right])
    model = Model([left, right], {"sum": layers.Dense(1)(both), "two": layers.Dense(2)(both)})
    a, b = rows(5)[:, :2], rows(5)[:, 1:]
    expected = model.predict([a, b])
    predict = model.predictor()
    for given in ([a, b], {"right": b, "left": a}, [a.tolist(), np.asfortranarray(b)]):
        found = predict(given)
        assert list(found) == ["sum", "two"]
        np.testing.assert_array_equal(found["two"], expected["two"])
    one = predict({"right": b[1], "left": a[1].tolist()})
    assert one["sum"].shape == (1,)
    np.testing.assert_allclose(one["two"], expected["two"][1], rtol=1e-6)
    with pytest.raises(ShapeError, match="right"):
        predict([a, a])
    with pytest.raises(ArgumentError, match="2 arrays, one for each"):
        predict([a])
    alone = Model([left, right], layers.Dense(1, kernel_initializer="ones")(both)).predictor()
    assert alone([[1, 2], [3, 4, 5]]).tolist() == [15]


def test_a_row_of_one_input_gives_each_output(engine):
    x = layers.Input(shape=(2,))
    ones = {"kernel_initializer": "ones"}
    model = Model(x, [layers.Dense(1, **ones)(x), layers.Dense(2, **ones)(x)])
    first, second = model.predictor()([1.0, 2.0])
    assert (first.tolist(), second.tolist()) == ([3], [3, 3])
    assert model.predict_one({"a": 1.0, "b": 2.0})[0] == 3.0
