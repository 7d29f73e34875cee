"""Small helpers: arrays and datasets, with values by hand."""

import numpy as np
import pytest

import fastgd
from fastgd import (
    backend,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    regularizers,
    saving,
    utils,
)
from fastgd.errors import ArgumentError, DataTypeError, ShapeError


@pytest.mark.parametrize("order", [1, 2, 3, np.inf])
@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_normalize(order, axis):
    x = np.random.default_rng(0).normal(size=(4, 3))
    x[2] = 0
    x[:, 1] = 0
    if order == np.inf:
        norms = np.abs(x).max(axis=axis, keepdims=True)
    else:
        norms = (np.abs(x) ** order).sum(axis=axis, keepdims=True) ** (1 / order)
    expected = np.divide(x, norms, out=np.zeros_like(x), where=norms > 0)
    np.testing.assert_allclose(utils.normalize(x, axis, order), expected, rtol=1e-14)


def test_normalize_keeps_what_it_is_given():
    x = np.array([[3, 4]], np.float32)
    found = utils.normalize(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8]], rtol=1e-6)
    assert (x == [[3, 4]]).all()
    assert utils.normalize([[3, 4]]).dtype == np.float64
    with pytest.raises(DataTypeError):
        utils.normalize(["a"])


@pytest.mark.parametrize(
    ("sizes", "left", "right"),
    [
        ({"left_size": 0.8}, 8, 2),
        ({"right_size": 0.3}, 7, 3),
        ({"left_size": 6}, 6, 4),
        ({"left_size": 0.5, "right_size": 2}, 5, 2),
        ({"left_size": 1, "right_size": 9}, 1, 9),
    ],
)
def test_split_dataset(sizes, left, right):
    x, y = np.arange(20).reshape(10, 2), np.arange(10) * 2
    (x_left, y_left), (x_right, y_right) = utils.split_dataset([x, y], **sizes)
    assert (x_left.tolist(), y_left.tolist()) == (x[:left].tolist(), y[:left].tolist())
    assert x_right.tolist() == x[left : left + right].tolist()
    assert y_right.tolist() == y[left : left + right].tolist()
    alone = utils.split_dataset(x, **sizes)
    assert [part.tolist() for part in alone] == [x_left.tolist(), x_right.tolist()]


def test_split_dataset_in_a_random_order():
    x = np.arange(40)
    split = lambda **a: utils.split_dataset((x, x * 2), 0.5, shuffle=True, **a)  # noqa: E731
    (left, doubled), (right, _) = split(seed=3)
    assert sorted([*left, *right]) == x.tolist()
    assert left.tolist() != x[:20].tolist()
    assert (doubled == 2 * left).all()
    assert split(seed=3)[0][0].tolist() == left.tolist()
    utils.set_random_seed(9)
    first = split()[0][0].tolist()
    assert split()[0][0].tolist() != first
    utils.set_random_seed(9)
    assert split()[0][0].tolist() == first


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({}, ArgumentError, "at least one"),
        ({"left_size": 1.5}, ArgumentError, "left_size"),
        ({"left_size": 1.0}, ArgumentError, "10 and 0 of 10"),
        ({"left_size": 8, "right_size": 3}, ArgumentError, "8 and 3 of 10"),
        ({"right_size": -1}, ArgumentError, "right_size"),
        ({"right_size": "2"}, DataTypeError, "right_size"),
        ({"right_size": True}, DataTypeError, "right_size"),
    ],
)
def test_sizes_that_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        utils.split_dataset(np.arange(10), **arguments)


def test_arrays_that_do_not_fit_together():
    with pytest.raises(ShapeError, match="dataset"):
        utils.split_dataset((np.arange(3), np.arange(4)), 0.5)
    with pytest.raises(ShapeError, match="dataset"):
        utils.split_dataset(np.array(3), 0.5)


def test_a_dataset_by_hand():
    class Three(utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            return index * 10

    assert list(Three()) == [0, 10, 20]
    assert list(Three(workers=2).in_order(lambda n: np.arange(n)[::-1])) == [20, 10, 0]
    with pytest.raises(NotImplementedError, match="num_batches"):
        list(utils.PyDataset())
    with pytest.raises(ArgumentError, match="workers"):
        Three(workers=0)


def test_an_error_of_a_worker_is_raised_in_its_turn():
    class Bad(utils.PyDataset):
        def __len__(self):
            return 9

        def __getitem__(self, index):
            if index == 4:
                raise KeyError("the fifth")
            return index

    seen = []
    with pytest.raises(KeyError, match="the fifth"):
        seen.extend(iter(Bad(workers=3).in_order(np.arange)))
    assert seen == [0, 1, 2, 3]


def test_clear_session_begins_the_numbers_of_names_anew():
    assert [layers.Dense(1).name for _ in range(2)] == ["dense", "dense_1"]
    backend.clear_session()
    assert layers.Dense(1).name == "dense"


@pytest.mark.parametrize("name", saving.__all__)
def test_what_saving_registers_is_found_in_utils_too(name):
    if ("register" in name and name != "register_serializable") or "keras_object" in name:
        assert getattr(utils, name) is getattr(saving, name)


def test_base_classes_are_found_at_the_top():
    for name, module in {
        "Initializer": initializers, "Layer": layers, "Loss": losses, "Metric": metrics,
        "Optimizer": optimizers, "Regularizer": regularizers,
    }.items():  # fmt: skip
        assert getattr(fastgd, name) is getattr(module, name)
    assert fastgd.version() == fastgd.__version__


@pytest.mark.parametrize("order", [np.zeros(2), np.zeros(0), "2", None, np.nan])
def test_orders_of_norms_refused(order):
    with pytest.raises((ArgumentError, DataTypeError), match="order: expected a number"):
        utils.normalize(np.ones((2, 2)), order=order)


def test_ragged_data_are_not_split():
    with pytest.raises(ShapeError, match="dataset: the rows have different lengths"):
        utils.split_dataset(([1, 2], [[1], [1, 2]]), 0.5)
