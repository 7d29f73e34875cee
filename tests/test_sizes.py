"""Sizes, shapes and axes that cannot be: typed errors before anything is allocated."""

import tracemalloc

import numpy as np
import pytest

from fastgd import Sequential, initializers, layers, models, ops, utils
from fastgd._engine.sizes import memory
from fastgd.errors import ArgumentError, DataTypeError, FastgdError, ShapeError

X = np.ones((2, 4), np.float32)
HUGE = [10**12, 10**18, 2**62, 10**30]


def after(*stack, width=4):
    return Sequential([layers.Input((width,)), *stack])


def called(layer):
    return layer(X)


TOO_LARGE = [
    lambda n: after(layers.Dense(n)),
    lambda n: called(layers.Dense(n)),
    lambda n: layers.Dense(n).build((None, 4)),
    lambda n: Sequential([layers.Dense(n, input_shape=(4,))]),
    lambda n: Sequential([layers.Dense(n)]).build((None, 4)),
    lambda n: layers.Dense(n)(layers.Input((4,))),
    lambda n: after(layers.Embedding(n, 8)),
    lambda n: called(layers.Embedding(n, 8)),
    lambda n: called(layers.Embedding(8, n)),
    lambda n: layers.Input((n,)),
    lambda n: layers.Input((3, n)),
    lambda n: layers.Dense(1, input_shape=(n,)),
    lambda n: layers.Dense(1, input_dim=n),
    lambda n: after(layers.Reshape((n, 4))),
    lambda n: initializers.Zeros()((n,)),
    lambda n: initializers.Zeros()((n, n)),
    lambda n: utils.to_categorical([1, 2], num_classes=n),
    lambda n: utils.to_categorical([1, n]),
    lambda n: ops.one_hot(np.array([1]), n),
]  # fmt: skip


@pytest.mark.parametrize("size", HUGE)
@pytest.mark.parametrize("make", TOO_LARGE)
def test_what_no_memory_holds_is_refused_at_once(make, size):
    tracemalloc.start()
    try:
        with pytest.raises(FastgdError) as caught:
            make(size)
        assert isinstance(caught.value, (ValueError, TypeError))
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", sorted(initializers.REGISTRY.names))
def test_every_initializer_refuses_shapes_that_are_none(name):
    initializer = initializers.get(name)
    for shape in ((10**9, 10**9), (10**30,), (2, -3), (2.5, 3), "ab", -5, 10**30, None):
        with pytest.raises(ShapeError, match="shape"):
            initializer(shape)


def test_the_message_names_layer_weight_and_memory():
    with pytest.raises(ShapeError, match=r"layer 'big', kernel:.*GiB.*\(4, 10{18}\)"):
        after(layers.Dense(10**18, name="big"))
    with pytest.raises(ShapeError, match=r"^input_shape: .*memory"):
        layers.Dense(3, input_shape=(10**18,))


def test_weights_that_fit_alone_but_not_together():
    classes = memory() // 8 * 2 // 3
    flat = [layers.Embedding(classes, 1), layers.Flatten(), layers.Embedding(classes, 1)]
    with pytest.raises(ShapeError, match=r"^weights: "):
        Sequential(flat).build((None, 1))


def test_outer_products_of_rows():
    wide = [layers.Input((10**6, 1)), layers.Input((1, 10**6))]
    with pytest.raises(ShapeError, match="a row"):
        layers.Multiply()(wide)
    with pytest.raises(ShapeError, match="a row"):
        layers.Dot(axes=(2, 1))(wide)


def test_a_refused_layer_leaves_the_model_as_it_was():
    model = after(layers.Dense(3))
    before = model.predict(X)
    with pytest.raises(ShapeError):
        model.add(layers.Dense(10**18))
    assert len(model.layers) == 1
    np.testing.assert_array_equal(model.predict(X), before)


AXES = [10**9, 10**30, -(10**30), 0]


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(
    "make",
    [
        lambda a: called(layers.BatchNormalization(axis=a)),
        lambda a: called(layers.LayerNormalization(axis=a)),
        lambda a: called(layers.LayerNormalization(axis=[-1, a])),
        lambda a: called(layers.UnitNormalization(axis=a)),
        lambda a: called(layers.Normalization(axis=a)),
        lambda a: called(layers.Softmax(axis=a)),
        lambda a: called(layers.PReLU(shared_axes=[a])),
        lambda a: layers.Concatenate(axis=a)([X, X]),
        lambda a: layers.Dot(axes=a)([X, X]),
        lambda a: utils.normalize(X, axis=a or 2),
    ],
)
def test_axes_that_are_not_there(make, axis):
    with pytest.raises(ArgumentError, match=r"ax[ie]s"):
        make(axis)


@pytest.mark.parametrize(
    "make",
    [
        lambda: called(layers.LayerNormalization(axis=2.5)),
        lambda: called(layers.UnitNormalization(axis="last")),
        lambda: called(layers.UnitNormalization(axis=[1.0])),
        lambda: layers.Concatenate(axis=1.5)([X, X]),
        lambda: layers.PReLU(shared_axes=[1.5]),
        lambda: utils.normalize(X, axis=1.5),
        lambda: utils.normalize(X, order="x"),
    ],
)
def test_axes_that_are_no_whole_numbers(make):
    with pytest.raises(DataTypeError, match=r"ax[ie]s|order"):
        make()


def test_normalize_by_hand():
    x = np.array([[3.0, -4.0]])
    np.testing.assert_allclose(utils.normalize(x, order=1), [[3 / 7, -4 / 7]])
    np.testing.assert_allclose(utils.normalize(x, order=np.inf), [[3 / 4, -1]])
    np.testing.assert_allclose(utils.normalize(x, axis=-2), [[1, -1]])
    with pytest.raises(ArgumentError, match="order"):
        utils.normalize(x, order=np.nan)


def test_to_categorical_takes_no_more_than_its_rows():
    tracemalloc.start()
    rows = utils.to_categorical([30_000, 1])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert rows.shape == (2, 30_001) and rows.sum() == 2
    assert rows[0, 30_000] == rows[1, 1] == 1
    assert peak < 2 * rows.nbytes + 2**20


def test_large_models_that_fit_are_made():
    assert after(layers.Dense(10**5)).count_params() == 5 * 10**5
    assert models.Model(*[layers.Input((10**6,))] * 2).output_shape == (None, 10**6)
