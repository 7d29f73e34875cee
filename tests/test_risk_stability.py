"""The population stability index: by hand, by NumPy's histogram, and where bins are empty."""

import math

import numpy as np
import pytest

from fastgd import risk
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

stats = pytest.importorskip("scipy.stats")
psi = risk.population_stability_index


def test_by_hand():
    found = psi([0] * 60 + [1] * 40, [0] * 30 + [1] * 20, [-0.5, 0.5, 1.5])
    assert found.statistic == 0 and found.p_value == 1
    found = psi([0] * 60 + [1] * 40, [0] * 20 + [1] * 30, [-0.5, 0.5, 1.5])
    index = -0.2 * math.log(0.4 / 0.6) + 0.2 * math.log(0.6 / 0.4)
    assert found.statistic == pytest.approx(index, rel=1e-14)
    assert found.p_value == pytest.approx(stats.chi2.sf(index * 100 * 50 / 150, 1), rel=1e-10)
    np.testing.assert_array_equal(found.expected, [0.6, 0.4])
    np.testing.assert_array_equal(found.actual, [0.4, 0.6])


@pytest.mark.parametrize("bins", [2, 7, 20])
def test_shares_are_those_of_a_histogram(bins):
    rng = np.random.default_rng(bins)
    before, now = rng.normal(size=3000), np.clip(rng.normal(0.2, 1.1, size=2000), -2, 2)
    edges = np.quantile(before, np.linspace(0, 1, bins + 1))
    found = psi(before, np.clip(now, edges[0], edges[-1]), edges)
    e = np.histogram(before, edges)[0] / 3000
    a = np.histogram(np.clip(now, edges[0], edges[-1]), edges)[0] / 2000
    np.testing.assert_array_equal(found.expected, e)
    np.testing.assert_array_equal(found.actual, a)
    assert found.statistic == pytest.approx(np.sum((a - e) * np.log(a / e)), rel=1e-12)
    assert found.statistic == pytest.approx(found.terms.sum(), rel=1e-12)
    scaled = found.statistic * 3000 * 2000 / 5000
    assert found.p_value == pytest.approx(stats.chi2.sf(scaled, bins - 1), rel=1e-9)


def test_edges_belong_to_the_bin_above_and_the_last_to_the_last():
    found = psi([0, 1, 2], [0, 0, 1, 1, 2, 2], [0, 1, 2])
    np.testing.assert_allclose(found.expected, [1 / 3, 2 / 3])


def test_values_beyond_the_edges_are_in_the_outer_bins():
    edges = [0, 1, 2, 3]
    found = psi([0.5, 1.5, 2.5], [-100, 1.5, 1e300], edges)
    np.testing.assert_allclose(found.actual, [1 / 3] * 3)
    assert found.statistic == 0
    assert psi([0.5, 1.5, 2.5], [-100, 1.5, 1e300], [-np.inf, 1, 2, np.inf]).statistic == 0


def test_an_empty_bin_counts_as_half_a_row():
    edges = [0, 1, 2]
    found = psi([0.5] * 50 + [1.5] * 50, [0.5] * 40, edges)
    e, a = 0.5, 0.5 / 40
    expected = (1 - 0.5) * math.log(1 / 0.5) + (a - e) * math.log(a / e)
    assert found.statistic == pytest.approx(expected, rel=1e-14)
    np.testing.assert_array_equal(found.actual, [1, 0])  # what was seen
    assert psi([0.5] * 40, [0.5] * 50 + [1.5] * 50, edges).statistic == pytest.approx(expected)
    # in neither: nothing has changed there
    both = psi([0.5, 1.5], [0.5, 1.5], [0, 1, 2, 3])
    assert both.terms.tolist() == [0, 0, 0]


def test_the_p_value_is_right_where_nothing_has_changed():
    rng = np.random.default_rng(0)
    edges = np.linspace(-1.5, 1.5, 8)
    found = [psi(rng.normal(size=800), rng.normal(size=400), edges).p_value for _ in range(800)]
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.02)
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.06)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"edges": [0, 1]}, ShapeError, "edges: .*at least 3 edges"),
        ({"edges": [0, 1, 1, 2]}, ArgumentError, "edges: .*got 1.0 and then 1.0 at index 2"),
        ({"edges": [2, 1, 0]}, ArgumentError, "edges: expected ascending"),
        ({"edges": [0, np.nan, 1]}, DataError, "edges: expected numbers, got nan"),
        ({"edges": 10}, ShapeError, "edges"),
        ({"edges": "auto"}, DataTypeError, "edges"),
        ({"edges": [[0, 1, 2]]}, ShapeError, "edges"),
        ({"expected": []}, DataError, "expected: expected at least 1 rows"),
        ({"actual": [1.0, np.inf]}, DataError, "actual: expected finite numbers, got inf"),
        ({"actual": np.zeros((3, 2))}, ShapeError, "actual"),
        ({"actual": None}, DataTypeError, "actual"),
    ],
)
def test_what_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        psi(**{"expected": [0.5, 1.5], "actual": [0.5, 1.5], "edges": [0, 1, 2]} | change)
