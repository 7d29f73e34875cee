"""Which of several models: the corrected t-test, and the one-standard-error rule."""

import math

import numpy as np
import pytest

from fastgd import Sequential, layers, many, utils
from fastgd._engine import streams
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError, UnknownNameError

stats = pytest.importorskip("scipy.stats")

# -- the corrected t-test ----------------------------------------------------------------------


@pytest.mark.parametrize("k", [2, 5, 10, 100])
def test_without_the_correction_it_is_the_usual_test(k):
    differences = np.random.default_rng(k).normal(0.3, 1, k)
    found, usual = many.corrected_t_test(differences, 0), stats.ttest_1samp(differences, 0)
    assert found.statistic == pytest.approx(usual.statistic, rel=1e-12)
    assert found.p_value == pytest.approx(usual.pvalue, rel=1e-10)
    assert found.degrees == k - 1


@pytest.mark.parametrize("ratio", [1 / 9, 0.25, 1.0])
def test_the_correction_by_hand(ratio):
    found = many.corrected_t_test([0.02, 0.01, 0.03, 0.0, 0.02], ratio)
    variance = (0.004**2 + 0.006**2 + 0.014**2 + 0.016**2 + 0.004**2) / 4  # about 0.016
    t = 0.016 / math.sqrt((1 / 5 + ratio) * variance)
    assert found.statistic == pytest.approx(t, rel=1e-12)
    assert found.p_value == pytest.approx(2 * stats.t.sf(t, 4), rel=1e-10)
    assert found.mean == pytest.approx(0.016)


def test_splits_that_share_rows_deceive_the_usual_test_only():
    # two models that are equally good; scores on ten splits with a correlation of 0.5
    rng = np.random.default_rng(0)
    usual, corrected = [], []
    for _ in range(500):
        differences = rng.normal(size=10) + rng.normal()
        usual.append(stats.ttest_1samp(differences, 0).pvalue)
        corrected.append(many.corrected_t_test(differences, 1.0).p_value)
    assert np.mean(np.array(usual) < 0.05) > 0.3
    assert np.mean(np.array(corrected) < 0.05) == pytest.approx(0.05, abs=0.03)


def test_differences_that_are_all_equal():
    assert many.corrected_t_test([0.1] * 7, 0.2)[:2] == (math.inf, 0)
    assert many.corrected_t_test([-0.1] * 7, 0.2)[:2] == (-math.inf, 0)
    assert many.corrected_t_test([0.0] * 7, 0.2)[:2] == (0, 1)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([0.1], 0.2), DataError, "differences: expected at least 2 splits, got 1"),
        (([0.1, np.nan], 0.2), DataError, "differences: .*got nan at row 1"),
        (([[0.1, 0.2]], 0.2), ShapeError, r"differences: expected shape \(splits,\)"),
        (("ab", 0.2), DataTypeError, "differences"),
        (([0.1, 0.2], -0.1), ArgumentError, "test_to_train"),
        (([0.1, 0.2], None), DataTypeError, "test_to_train"),
    ],
)
def test_what_the_test_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        many.corrected_t_test(*arguments)


# -- the one-standard-error rule ---------------------------------------------------------------

# means 0.50, 0.56, 0.60, 0.90; the first has a standard deviation of 0.1 and an error of 0.05
SCORES = {
    8: [0.5 - 0.1 * 1.5**0.5, 0.5, 0.5, 0.5 + 0.1 * 1.5**0.5],
    4: [0.54] * 4,
    2: [0.58] * 4,
    1: [0.9] * 4,
}


class Known:
    """Have the scores of the table on the splits."""

    def __init__(self, size, name="a"):
        self.size = size

    def fit(self, x, y):
        return self


def known(sign=1, sizes=(8, 4, 2, 1), **more):
    def score(model, x, y):
        return {"gain": sign * SCORES[model.size][int(y[0])]}

    x = np.arange(8.0)[:, None]
    splits = [([0], [i]) for i in range(4)]
    space = {"size": list(sizes)} | more
    mode = "min" if sign == 1 else "max"
    return many.grid_search(Known, space, x, x[:, 0], splits, score=score, mode=mode)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    ("errors", "size"), [(0, 8), (0.5, 8), (1, 4), (1.5, 4), (1.7, 2), (7, 2), (9, 1)]
)
def test_the_simplest_within_so_many_errors(sign, errors, size):
    search = known(sign)
    assert search.best["parameters"] == {"size": 8}
    assert search.best["std"] == pytest.approx(0.1)
    found = search.best_within(errors, "size")
    assert found["parameters"] == {"size": size} and found is search[found["index"]]
    assert search.best_within(errors, lambda p: p["size"]) is found
    assert search.best_within(errors, lambda p: -p["size"])["parameters"] == {"size": 8}


def test_one_error_is_the_default_and_of_equals_the_best_counts():
    search = known()
    assert search.best_within(simplest="size") is search.best_within(1, "size")
    assert search.best_within(9, lambda p: 0) is search.best
    search = known(name=["a", "b"])
    assert search.best_within(1, lambda p: (p["size"], p["name"]))["parameters"]["name"] == "a"


def make(units, l2=0.0):
    hidden = layers.Dense(units, "tanh", input_shape=(1,))
    model = Sequential([hidden, layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def test_the_number_of_weights_is_the_default():
    x = np.linspace(-1, 1, 60)[:, None]
    noise = np.random.default_rng(0).normal(size=60)
    search = many.grid_search(make, {"units": [8, 2, 1, 4]}, x, noise, 5, seed=0)
    utils.set_random_seed(7)
    expected = streams.next_seed()
    utils.set_random_seed(7)
    assert search.best_within(1000)["parameters"] == {"units": 1}
    assert search.best_within(0) is search.best
    assert streams.next_seed() == expected  # nothing was drawn


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((-1,), ArgumentError, "errors"),
        ((None,), DataTypeError, "errors"),
        ((1, "sizes"), UnknownNameError, "simplest: no 'sizes'"),
        ((1, 5), DataTypeError, "simplest: expected a parameter's name or a function, got 5"),
        (
            (1, lambda p: [None, 8][p["size"] == 8]),
            DataTypeError,
            "values that can be compared",
        ),
        ((1,), ArgumentError, "simplest: set 0 makes a model without a number of weights"),
    ],
)
def test_what_the_rule_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        known().best_within(*arguments)


def test_one_split_has_no_error():
    x = np.linspace(-1, 1, 20)[:, None]
    search = many.grid_search(make, {"units": [1, 2]}, x, x, validation_data=(x, x), seed=0)
    with pytest.raises(ArgumentError, match="one split has no standard error"):
        search.best_within(1)
