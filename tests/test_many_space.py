"""Parameter sets: grids as scikit-learn has them, draws by their distributions."""

import itertools
import math

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastgd import many
from fastgd.errors import ArgumentError, DataTypeError


def test_a_grid_is_the_product_of_the_lists():
    space = {"b": [1, 2], "a": ["x", None, (3, 4)]}
    expected = [{"b": b, "a": a} for b in space["b"] for a in space["a"]]
    assert many.grid(space) == expected
    assert many.grid([space, {"c": range(2)}, {}]) == [*expected, {"c": 0}, {"c": 1}, {}]
    assert many.grid({"a": np.array([0.5, 1.5])}) == [{"a": 0.5}, {"a": 1.5}]


def test_a_grid_holds_the_sets_of_scikit_learn():
    selection = pytest.importorskip("sklearn.model_selection")
    space = [{"a": [1, 2, 3], "b": [True, False]}, {"c": [0.1]}]

    def found(sets):
        return sorted(repr(sorted(one.items())) for one in sets)

    assert found(many.grid(space)) == found(selection.ParameterGrid(space))


@pytest.mark.parametrize(
    ("space", "error", "message"),
    [
        ([], DataTypeError, "expected a dict of name -> list of values"),
        ("ab", DataTypeError, "expected a dict of name -> list of values"),
        ({1: [2]}, DataTypeError, "expected the name of a parameter, got 1"),
        ({"a": "adam"}, DataTypeError, "'a' needs a list of values or a distribution"),
        ({"a": 0.1}, DataTypeError, "'a' needs a list of values or a distribution"),
        ({"a": []}, ArgumentError, "the list of 'a' is empty"),
    ],
)
@pytest.mark.parametrize("sets", [many.grid, lambda space: many.random(space, 2)])
def test_what_is_no_space_is_refused(sets, space, error, message):
    with pytest.raises(error, match=message):
        sets(space)


def test_a_distribution_has_no_grid():
    with pytest.raises(ArgumentError, match=r"draw with many\.random"):
        many.grid({"a": many.uniform(0, 1)})


# -- draws -------------------------------------------------------------------------------------


def kolmogorov_smirnov(values, cdf):
    """sup |F_n - F| sqrt(n)."""
    values = np.sort(values)
    n = len(values)
    f = cdf(values)
    steps = np.arange(n + 1) / n
    return max(np.max(steps[1:] - f), np.max(f - steps[:-1])) * math.sqrt(n)


#: P(sup |F_n - F| sqrt(n) > 1.95) is about 0.001 (Kolmogorov's distribution).
CRITICAL = 1.95

CASES = [
    (many.uniform(-2, 3), lambda x: (x + 2) / 5),
    (many.uniform(0, 1e-300), lambda x: x / 1e-300),
    (many.loguniform(1e-5, 1e-1), lambda x: np.log(x / 1e-5) / np.log(1e4)),
    (many.loguniform(1, 1 + 1e-9), lambda x: np.log(x) / np.log1p(1e-9)),
]


@pytest.mark.parametrize(("distribution", "cdf"), CASES, ids=range(len(CASES)))
def test_draws_follow_their_distribution(distribution, cdf):
    values = distribution.rvs(4000, random_state=3)
    assert values.shape == (4000,)
    assert distribution.low <= values.min() and values.max() <= distribution.high
    assert kolmogorov_smirnov(values, cdf) < CRITICAL
    # and not another one
    assert kolmogorov_smirnov(values, lambda x: cdf(x) ** 1.2) > CRITICAL


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3, 4), (5, 105), (2**40, 2**40 + 3)])
def test_whole_numbers_are_each_as_likely(low, high):
    values = many.integers(low, high).rvs(5000, random_state=5)
    assert values.dtype == np.int64
    counts = np.bincount(values - low, minlength=high - low)
    assert len(counts) == high - low
    expected = 5000 / (high - low)
    chi2 = np.sum((counts - expected) ** 2 / expected)
    free = high - low - 1
    assert chi2 <= free + 3.3 * math.sqrt(2 * free)  # about 0.001 of the upper tail


def test_the_ends_are_kept_where_rounding_would_leave_them():
    largest = np.nextafter(1.0, 0.0)
    for low, high in [(0.1, 0.3), (1e-7, 3.3), (1e-300, 1e300)]:
        assert low <= many.loguniform(low, high).from_uniform(0.0)
        assert many.loguniform(low, high).from_uniform(largest) <= high
        assert many.uniform(low, high).from_uniform(largest) <= high
    assert many.integers(0, 2**53).from_uniform(largest) == 2**53 - 1


@pytest.mark.parametrize(
    "make",
    [
        lambda: many.uniform(1, 1),
        lambda: many.uniform(2, 1),
        lambda: many.uniform(0, math.inf),
        lambda: many.loguniform(0, 1),
        lambda: many.integers(3, 3),
        lambda: many.integers(0, 2**60),
    ],
)
def test_bounds_without_numbers_between_them_are_refused(make):
    with pytest.raises(ArgumentError, match=r"low|high"):
        make()


def test_draws_by_kind_of_random_state():
    distribution = many.uniform(2, 5)
    one = distribution.rvs(random_state=np.random.default_rng(8))
    assert type(one) is float
    assert one == 2 + 3 * np.random.default_rng(8).random()
    legacy = np.random.RandomState(8)
    expected = 2 + 3 * np.random.RandomState(8).random(4)
    assert_array_equal(distribution.rvs(4, random_state=legacy), expected)
    assert type(many.integers(0, 9).rvs(random_state=0)) is int
    assert distribution.rvs((2, 3), random_state=0).shape == (2, 3)
    assert repr(distribution) == "uniform(low=2.0, high=5.0)"


def test_scikit_learn_draws_from_them():
    selection = pytest.importorskip("sklearn.model_selection")
    space = {"a": many.loguniform(1e-3, 1), "b": many.integers(1, 4)}
    sets = list(selection.ParameterSampler(space, 20, random_state=0))
    assert all(1e-3 <= one["a"] <= 1 and one["b"] in (1, 2, 3) for one in sets)


# -- random sets -------------------------------------------------------------------------------


def test_the_first_sets_are_the_same_for_any_number_and_others_for_another_seed():
    for space in (
        {"a": list(range(10)), "b": many.uniform(0, 1)},
        {"a": list(range(10)), "b": list(range(10))},
        [{"a": list(range(10))}, {"a": many.uniform(0, 1)}],
    ):
        sets = many.random(space, 8, seed=2)
        assert many.random(space, 5, seed=2) == sets[:5]
        assert many.random(space, 8, seed=3) != sets


def test_lists_alone_are_drawn_without_repetition():
    space = [{"a": [1, 2], "b": [3, 4, 5]}, {"a": [1, 2]}]
    sets = many.random(space, 100, seed=1)
    assert len(sets) == 8
    assert sorted(map(str, sets)) == sorted(map(str, many.grid(space)))
    assert sets != many.grid(space)
    firsts = [many.random({"a": range(4)}, 1, seed=seed)[0]["a"] for seed in range(400)]
    assert np.bincount(firsts).min() > 60  # 100 each; 60 is 4.6 deviations below


def test_of_several_dicts_each_is_as_likely():
    space = [{"a": many.uniform(0, 1)}, {"b": [1, 2, 3, 4]}]
    sets = many.random(space, 1000, seed=0)
    assert 420 < sum("a" in one for one in sets) < 580  # 5 deviations
    for value, other in itertools.pairwise(one["a"] for one in sets if "a" in one):
        assert value != other


def test_distributions_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    space = {"a": stats.expon(scale=2.0), "b": stats.randint(1, 4)}
    sets = many.random(space, 1000, seed=4)
    assert sets == many.random(space, 1000, seed=4)
    assert {type(one["a"]) for one in sets} == {float}
    assert {one["b"] for one in sets} == {1, 2, 3}
    values = np.array([one["a"] for one in sets])
    assert kolmogorov_smirnov(values, lambda x: -np.expm1(-x / 2)) < CRITICAL


@pytest.mark.parametrize("n", [0, 1.5, True])
def test_a_number_of_sets_is_a_whole_number(n):
    with pytest.raises((ArgumentError, DataTypeError), match="n: expected"):
        many.random({"a": [1]}, n)
