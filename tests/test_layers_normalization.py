"""Layers that normalise, by hand and at their extremes."""

import numpy as np
import pandas
import pytest

from fastgd import GradientTape, Sequential, layers, ops, utils
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4)) * [1, 10, 0.1, 1] + [0, 5, 2, -3]


def test_batch_normalization_learns_the_moments(engine):
    norm = layers.BatchNormalization(momentum=0.5, dtype="float64")
    model = Sequential([layers.Input(shape=(4,), dtype="float64"), norm, layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.tile(X, (10, 1))
    model.fit(x, x[:, :1], batch_size=20, epochs=3, shuffle=False, verbose=0)
    # thirty times half way towards the moments of the same batch
    np.testing.assert_allclose(norm.moving_mean, X.mean(axis=0), rtol=1e-8)
    np.testing.assert_allclose(norm.moving_variance, X.var(axis=0), rtol=1e-6)
    y = norm(X)
    expected = (X - norm.moving_mean) / np.sqrt(norm.moving_variance + 1e-3)
    np.testing.assert_allclose(y, norm.gamma * expected + norm.beta, rtol=1e-12)


def test_frozen_batch_normalization_stays(engine):
    norm = layers.BatchNormalization(trainable=False)
    model = Sequential([layers.Input(shape=(4,)), norm, layers.Dense(1)])
    model.compile("sgd", "mse")
    before = norm.get_weights()
    dense = model.layers[-1].get_weights()
    model.fit(X, X[:, :1], epochs=2, verbose=0)
    for a, b in zip(before, norm.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert (dense[0] != model.layers[-1].get_weights()[0]).any()


def test_a_call_in_training_moves_the_moments(engine):
    norm = layers.BatchNormalization(momentum=0.9, dtype="float64")
    norm(X)
    np.testing.assert_array_equal(norm.moving_mean, np.zeros(4))
    norm(X, training=True)
    np.testing.assert_allclose(norm.moving_mean, 0.1 * X.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(norm.moving_variance, 0.9 + 0.1 * X.var(axis=0), rtol=1e-12)
    with GradientTape() as tape:
        y = norm(X, training=True)
        total = ops.sum(y * y)
    assert tape.gradient(total, norm.gamma).shape == (4,)
    np.testing.assert_allclose(norm.moving_mean, 0.19 * X.mean(axis=0), rtol=1e-12)


def test_names_and_order_of_weights():
    norm = layers.BatchNormalization(name="norm")
    norm.build((None, 3))
    names = ["gamma", "beta", "moving_mean", "moving_variance"]
    assert [w.name for w in norm.weights] == [f"norm/{n}" for n in names]
    assert [w.name for w in norm.trainable_variables] == ["norm/gamma", "norm/beta"]
    norm = layers.Normalization(name="norm")
    norm.build((None, 3))
    assert [w.name for w in norm.weights] == ["norm/mean", "norm/variance", "norm/count"]
    assert norm.trainable_variables == []


def test_layer_normalization_of_equal_values_is_beta(engine):
    layer = layers.LayerNormalization(dtype="float64", beta_initializer="ones")
    np.testing.assert_array_equal(layer(np.full((2, 5), 7.0)), np.ones((2, 5)))
    np.testing.assert_array_equal(layers.LayerNormalization()(np.full((2, 1), 7.0)), [[0], [0]])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_unit_normalization_at_its_extremes(engine, dtype):
    huge = np.finfo(dtype).max
    x = np.array([[0, 0], [huge, huge], [-huge, 0], [3e-12, 4e-12], [3e-13, 4e-13]], dtype)
    half = np.sqrt(0.5)
    expected = [[0, 0], [half, half], [-1, 0], [0.6, 0.8], [0.3, 0.4]]
    layer = layers.UnitNormalization(dtype=dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-14
    np.testing.assert_allclose(layer(x), expected, rtol=tolerance)
    with GradientTape() as tape:
        tensor = ops.convert_to_tensor(x)
        tape.watch(tensor)
        total = ops.sum(layer(tensor) * ops.convert_to_tensor(np.array([[1, 0]], dtype)))
    slopes = np.asarray(tape.gradient(total, tensor))
    assert np.isfinite(slopes).all()
    np.testing.assert_allclose(slopes[0], [1e12, 0], rtol=tolerance)
    np.testing.assert_allclose(slopes[3], [0.64 / 5e-12, -0.48 / 5e-12], rtol=10 * tolerance)
    np.testing.assert_allclose(slopes[4], [1e12, 0], rtol=tolerance)


def test_adapt_takes_the_moments(engine):
    layer = layers.Normalization(dtype="float64")
    layer.adapt(X)
    np.testing.assert_allclose(layer.mean, X.mean(axis=0)[None], rtol=1e-14)
    np.testing.assert_allclose(layer.variance, X.var(axis=0)[None], rtol=1e-14)
    y = layer(X)
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-14)
    np.testing.assert_allclose(y.std(axis=0), 1, rtol=1e-13)
    back = layers.Normalization(
        mean=layer.mean[0], variance=layer.variance[0], invert=True, dtype="float64"
    )
    np.testing.assert_allclose(back(y), X, rtol=1e-13)
    layer.adapt([X[:3], X[3:4], X[4:]])  # batches
    np.testing.assert_allclose(layer.variance, X.var(axis=0)[None], rtol=1e-13)
    layer.adapt(X + 1)  # again: in place of what was there
    np.testing.assert_allclose(layer.mean, 1 + X.mean(axis=0)[None], rtol=1e-14)


class Batches(utils.PyDataset):
    def __init__(self, batches, end=True):
        super().__init__()
        self.batches, self.end = batches, end

    @property
    def num_batches(self):
        return len(self.batches) if self.end else None

    def __getitem__(self, index):
        return self.batches[index]


Y, W = np.full((20, 4), 1e6), np.arange(20.0)
CUTS = (slice(0, 7), slice(7, 8), slice(8, 20))
KINDS = {
    "x": [X[c] for c in CUTS],
    "(x,)": [(X[c],) for c in CUTS],
    "(x, y)": [(X[c], Y[c]) for c in CUTS],
    "(x, y, w)": [(X[c], Y[c], W[c]) for c in CUTS],
    "[x, y]": [[X[c], Y[c]] for c in CUTS],
    "lists": [(X[c].tolist(), Y[c].tolist()) for c in CUTS],
    "frames": [(pandas.DataFrame(X[c]), pandas.Series(W[c])) for c in CUTS],
}


@pytest.mark.parametrize("source", [list, iter, Batches, lambda b: (one for one in b)])
@pytest.mark.parametrize("kind", KINDS)
def test_adapt_takes_the_x_of_batches(kind, source):
    layer = layers.Normalization(dtype="float64")
    layer.adapt(source(KINDS[kind]))
    np.testing.assert_allclose(layer.mean, X.mean(axis=0)[None], rtol=1e-13)
    np.testing.assert_allclose(layer.variance, X.var(axis=0)[None], rtol=1e-13)


@pytest.mark.parametrize("rows", [X.tolist(), [tuple(r) for r in X], tuple(map(tuple, X))])
def test_adapt_takes_rows_of_numbers(rows):
    layer = layers.Normalization(dtype="float64")
    layer.adapt(rows)
    np.testing.assert_allclose(layer.mean, X.mean(axis=0)[None], rtol=1e-13)


@pytest.mark.parametrize(
    ("data", "error", "words"),
    [
        ((X, Y), ArgumentError, "a tuple of arrays"),
        (Batches([X], end=False), ArgumentError, "num_batches"),
        (iter([(X, Y, W, W)]), ArgumentError, "4 parts"),
        (iter([(X, Y), (X[:, :2], Y)]), ShapeError, "expects shape"),
        (iter([{"a": X}]), DataTypeError, "data"),
    ],
)
def test_adapt_refuses_what_is_no_batch(data, error, words):
    layer = layers.Normalization(dtype="float64")
    layer.adapt(X)
    before = layer.mean
    with pytest.raises(error, match=words):
        layer.adapt(data)
    np.testing.assert_array_equal(layer.mean, before)


def test_adapt_of_large_numbers_close_together():
    x = 1e8 + np.array([[-1.0], [1.0]] * 50)
    layer = layers.Normalization(dtype="float64")
    layer.adapt(x)
    np.testing.assert_array_equal(layer.variance, [[1.0]])
    layer.adapt(iter([x[:30], x[30:]]))
    np.testing.assert_allclose(layer.variance, [[1.0]], rtol=1e-14)


def test_adapt_in_a_model(engine):
    layer = layers.Normalization()
    model = Sequential([layers.Input(shape=(4,)), layer, layers.Dense(1)])
    layer.adapt(X)
    model.compile("sgd", "mse")
    expected = layer(X)
    model.fit(X, X[:, :1], verbose=0)
    np.testing.assert_array_equal(layer(X), expected)  # training leaves it alone
    before = model.predict(X, verbose=0)
    layer.adapt(10 * X)
    assert (model.predict(X, verbose=0) != before).any()


def test_a_column_that_never_changes(engine):
    layer = layers.Normalization()
    layer.adapt(np.full((5, 2), 3.0))
    np.testing.assert_array_equal(layer(np.full((1, 2), 3.0)), [[0, 0]])
    assert np.isfinite(layer(np.full((1, 2), 4.0))).all()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.BatchNormalization(axis=3)(X), ArgumentError, "axis"),
        (lambda: layers.BatchNormalization(axis=0)(X), ArgumentError, "axis"),
        (lambda: layers.BatchNormalization(axis="last"), DataTypeError, "axis"),
        (lambda: layers.BatchNormalization(renorm=True), ArgumentError, "renorm"),
        (lambda: layers.BatchNormalization(momentum=2), ArgumentError, "momentum"),
        (lambda: layers.LayerNormalization(epsilon=-1), ArgumentError, "epsilon"),
        (lambda: layers.UnitNormalization(axis=[1, 1])(X), ArgumentError, "axis"),
        (lambda: layers.Normalization(mean=1.0), ArgumentError, "both or none"),
        (lambda: layers.Normalization(mean=1.0, variance=-1.0), DataError, "variance"),
        (lambda: layers.Normalization(mean=[1.0] * 3, variance=[1.0] * 3)(X), ShapeError, "to"),
        (lambda: layers.Normalization(mean=0, variance=1).adapt(X), ArgumentError, "was made"),
        (lambda: layers.Normalization().adapt([]), DataError, "rows"),
        (lambda: layers.Normalization().adapt(X * np.nan), DataError, "finite"),
        (lambda: layers.Rescaling([1.0, 2.0])(X), ShapeError, "scale"),
        (lambda: layers.Rescaling(np.inf), DataError, "scale"),
    ],
)
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_adapt_refuses_other_shapes():
    layer = layers.Normalization()
    layer.adapt(X)
    with pytest.raises(ShapeError, match="expects shape"):
        layer.adapt(X[:, :2])
