"""The embedding: rows gathered, gradients scattered, what names no row refused."""

import numpy as np
import pytest

from fastgd import GradientTape, Sequential, initializers, layers, ops
from fastgd.errors import ArgumentError, DataError

TABLE = np.arange(10.0).reshape(5, 2)


def test_rows_are_gathered(engine):
    layer = layers.Embedding(5, 2, weights=TABLE)
    ids = np.array([[0, 4], [3, 3]])
    np.testing.assert_array_equal(layer(ids), TABLE[ids])


def test_gradients_are_scattered(engine):
    layer = layers.Embedding(5, 2, weights=TABLE, dtype="float64")
    ids = np.array([[0, 4], [3, 3], [3, 0]])
    factors = np.random.default_rng(0).normal(size=(3, 2, 2))
    with GradientTape() as tape:
        total = ops.sum(layer(ids) * ops.convert_to_tensor(factors))
    expected = np.zeros_like(TABLE)
    np.add.at(expected, ids, factors)
    found = np.asarray(tape.gradient(total, layer.embeddings))
    np.testing.assert_allclose(found, expected, rtol=1e-15)
    assert not found[1:3].any()


def test_rows_that_no_batch_names_stay(engine):
    layer = layers.Embedding(50, 3)
    model = Sequential([layers.Input(shape=(2,)), layer, layers.Flatten(), layers.Dense(1)])
    model.compile("adam", "mse")
    before = layer.get_weights()[0]
    ids = np.random.default_rng(0).integers(10, 20, (64, 2))
    model.fit(ids, ids[:, :1], batch_size=8, epochs=2, verbose=0)
    after = layer.get_weights()[0]
    moved = (before != after).any(axis=1)
    assert set(np.flatnonzero(moved)) == set(np.unique(ids))


def test_it_learns_a_table(engine):
    ids = np.repeat(np.arange(6), 20)[:, None]
    y = np.array([3.0, -1, 0, 2, 5, -4])[ids]
    layer = layers.Embedding(6, 1)
    model = Sequential([layers.Input(shape=(1,)), layer, layers.Flatten()])
    model.compile("adam", "mse")
    model.optimizer.learning_rate = 0.1
    model.fit(ids, y, batch_size=12, epochs=60, verbose=0)
    np.testing.assert_allclose(model.predict(ids, verbose=0), y, atol=0.05)


@pytest.mark.parametrize("wrong", [-1, 5, 1.5, np.nan])
def test_what_names_no_row(wrong):
    layer = layers.Embedding(5, 2)
    ids = np.array([[0, 4], [3, wrong]])
    with pytest.raises(DataError, match=r"from 0 to 4.*row 1, column 1"):
        layer.check_inputs(ids)
    layer.check_inputs(np.array([[0, 4], [3, 2.0]]))


def test_numbers_that_float32_does_not_count_to():
    with pytest.raises(ArgumentError, match="16777216 only, got 16777217; use"):
        layers.Embedding(2**24 + 1, 1)(np.array([[0]]))


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: layers.Embedding(0, 2), "input_dim"),
        (lambda: layers.Embedding(2, 0), "output_dim"),
        (lambda: layers.Embedding(2, 2, mask_zero=True), "mask_zero"),
        (lambda: layers.Embedding(2, 2, weights=TABLE), "weights"),
    ],
)
def test_what_is_refused(make, words):
    with pytest.raises(ArgumentError, match=words):
        make()


@pytest.mark.parametrize(
    "arguments",
    [
        {"weights": TABLE},
        {"weights": [TABLE]},
        {"embeddings_initializer": initializers.Constant(TABLE)},
    ],
)
def test_a_table_leaves_the_number_of_columns_open(arguments):
    layer = layers.Embedding(5, 2, dtype="float64", **arguments)
    model = Sequential([layer, layers.Flatten()])
    rows = np.array([[0, 4, 2], [1, 1, 3]])
    assert model.predict(rows).tolist() == TABLE[rows].reshape(2, 6).tolist()
