"""DeLong's test: placements by comparing all pairs, scikit-learn's AUC, ties and edges."""

import math

import numpy as np
import pandas
import pytest

from fastgd import metrics
from fastgd.errors import DataError, DataTypeError, ShapeError

stats = pytest.importorskip("scipy.stats")


def by_pairs(y, first, second):
    """AUCs, covariance and p value from the definition: each positive with each negative."""
    y, placements = np.asarray(y, bool), []
    for score in (np.asarray(first, float), np.asarray(second, float)):
        ones, zeros = score[y][:, None], score[~y][None, :]
        wins = (ones > zeros) + 0.5 * (ones == zeros)
        placements.append((wins.mean(axis=1), wins.mean(axis=0)))
    aucs = [of_ones.mean() for of_ones, _ in placements]
    covariance = np.zeros((2, 2))
    for i in range(2):
        for j in range(2):
            for of_class in range(2):
                a, b = placements[i][of_class], placements[j][of_class]
                centred = (a - a.mean()) * (b - b.mean())
                covariance[i, j] += centred.sum() / (len(a) - 1) / len(a)
    contrast = np.array([1, -1])
    z = (aucs[0] - aucs[1]) / math.sqrt(contrast @ covariance @ contrast)
    return aucs, covariance, z, 2 * stats.norm.sf(abs(z))


@pytest.mark.parametrize("levels", [2, 5, 100, None])
@pytest.mark.parametrize(("n", "share"), [(9, 0.5), (300, 0.1), (301, 0.7)])
def test_as_by_all_pairs(levels, n, share):
    rng = np.random.default_rng(n)
    y = rng.permutation(np.arange(n) < max(2, share * n))
    first, second = rng.normal(size=(2, n)) + y * [[1.0], [0.5]]
    if levels is not None:  # ties within and across the classes
        first, second = np.floor(np.clip([first, second], -3, 2.99) * levels / 6)
    aucs, covariance, z, p = by_pairs(y, first, second)
    found = metrics.delong(y, first, second)
    np.testing.assert_allclose(found[:2], aucs, rtol=1e-13)
    np.testing.assert_allclose(found.covariance, covariance, rtol=1e-10, atol=1e-15)
    assert found.statistic == pytest.approx(z, rel=1e-9, abs=1e-9)
    assert found.p_value == pytest.approx(p, rel=1e-8, abs=1e-9)


def test_the_auc_is_that_of_scikit_learn_and_the_gini():
    sklearn = pytest.importorskip("sklearn.metrics")
    rng = np.random.default_rng(4)
    y = rng.random(2000) < 0.2
    first, second = rng.normal(size=(2, 2000)).round(1) + y
    found = metrics.delong(y, first, second)
    assert found.first == pytest.approx(sklearn.roc_auc_score(y, first), abs=1e-12)
    assert found.second == pytest.approx(sklearn.roc_auc_score(y, second), abs=1e-12)
    assert 2 * found.first - 1 == pytest.approx(metrics.Gini()(y, first), abs=1e-6)


def test_only_the_order_counts_and_exchange_turns_the_sign():
    rng = np.random.default_rng(5)
    y, (first, second) = rng.random(200) < 0.4, rng.normal(size=(2, 200))
    found, turned = metrics.delong(y, first, second), metrics.delong(y, second, first)
    other = metrics.delong(y, np.exp(3 * first), second**3 - 7)
    assert found[:2] == other[:2] and found[3:] == other[3:]
    assert turned.statistic == -found.statistic and turned.p_value == found.p_value


def test_scores_in_the_same_order_do_not_differ():
    y, score = [0, 1, 0, 1, 1], np.array([0.1, 0.4, 0.5, 0.6, 0.2])
    found = metrics.delong(y, score, 1e9 * score)
    assert (found.statistic, found.p_value) == (0, 1)


def test_a_difference_without_variance():
    y = [0, 0, 1, 1]
    found = metrics.delong(y, [1, 2, 3, 4], [4, 3, 2, 1])
    assert found[:2] == (1, 0) and found.statistic == math.inf and found.p_value == 0
    assert metrics.delong(y, [4, 3, 2, 1], [1, 2, 3, 4]).statistic == -math.inf
    found = metrics.delong(y, [1, 2, 3, 4], [1, 1, 9, 9])  # both separate the classes
    assert found[:2] == (1, 1) and (found.statistic, found.p_value) == (0, 1)


def test_the_p_value_is_right_where_the_aucs_are_equal():
    rng = np.random.default_rng(0)
    found = []
    for _ in range(600):
        y = np.arange(200) < 80
        common = rng.normal(size=200) + y
        first, second = common + rng.normal(size=(2, 200))
        found.append(metrics.delong(y, first, second).p_value)
    assert np.mean(np.array(found) < 0.05) == pytest.approx(0.05, abs=0.025)
    assert np.mean(np.array(found) < 0.5) == pytest.approx(0.5, abs=0.06)


def test_many_rows_take_no_table_of_pairs():
    rng = np.random.default_rng(1)
    y = rng.random(400_000) < 0.5  # 4e10 pairs
    first, second = rng.normal(size=(2, 400_000)) + 0.1 * y
    found = metrics.delong(y, first, second)
    assert found.first == pytest.approx(stats.norm.cdf(0.1 / 2**0.5), abs=0.005)
    assert found.covariance[0, 0] == pytest.approx(1 / 12 / 200_000 * 2, rel=0.05)


def test_frames_and_columns():
    y, first, second = [0, 1, 0, 1, 1], [1, 2, 3, 4, 2], [3, 1, 2, 4, 4]
    expected = metrics.delong(y, first, second)
    frame = pandas.DataFrame({"a": first, "b": second})
    found = metrics.delong(np.array(y, bool)[:, None], frame["a"], frame[["b"]])
    assert found[:2] == expected[:2] and found[3:] == expected[3:]


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"y_true": [0, 1, 2, 1]}, DataError, "y_true: .*got 2.0 at row 2"),
        ({"y_true": [0, 1, 1, 1]}, DataError, "y_true: .*two rows of each class, got 1 and 3"),
        ({"y_true": [0, 0, 0, 0]}, DataError, "got 4 and 0"),
        ({"y_true": ["a", "b", "a", "b"]}, DataTypeError, "y_true"),
        ({"first": [1, 2, 3]}, ShapeError, "first: expected one for each of 4 rows, got 3"),
        ({"second": [1, 2, np.nan, 3]}, DataError, "second: .*got nan at row 2"),
        ({"second": np.zeros((4, 2))}, ShapeError, "second"),
        ({"first": None}, DataTypeError, "first"),
    ],
)
def test_what_is_refused(change, error, words):
    given = {"y_true": [0, 1, 0, 1], "first": [1, 2, 3, 4], "second": [4, 2, 3, 1]} | change
    with pytest.raises(error, match=words):
        metrics.delong(**given)
