"""Splits of rows: against scikit-learn's, and by what they promise."""

import numpy as np
import pytest
from sklearn.model_selection import KFold, StratifiedKFold, TimeSeriesSplit

from fastgd import utils
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.many import k_fold, walk_forward


def check(pairs, n):
    """Ascending int64 rows without a row in both; the test rows of all splits."""
    for train, test in pairs:
        for rows in (train, test):
            assert rows.dtype == np.int64
            assert (np.diff(rows) > 0).all()
            assert 0 <= rows[0] <= rows[-1] < n
        assert not np.intersect1d(train, test).size
    return [test for _, test in pairs]


# -- k-fold ----------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "k"), [(2, 2), (5, 2), (7, 3), (10, 10), (103, 10), (100, 4)])
def test_neighbours_as_in_scikit_learn(n, k):
    pairs = k_fold(n, k)
    check(pairs, n)
    expected = list(KFold(k).split(np.zeros(n)))
    assert len(pairs) == len(expected)
    for ours, theirs in zip(pairs, expected, strict=True):
        assert (ours[0] == theirs[0]).all()
        assert (ours[1] == theirs[1]).all()


@pytest.mark.parametrize(("n", "k"), [(2, 2), (7, 3), (103, 10)])
def test_a_shuffled_fold_tests_each_row_once(n, k):
    pairs = k_fold(n, k, shuffle=True, seed=3)
    tests = check(pairs, n)
    assert (np.sort(np.concatenate(tests)) == np.arange(n)).all()
    assert [len(t) for t in tests] == [len(t) for _, t in KFold(k).split(np.zeros(n))]
    assert all(len(train) + len(test) == n for train, test in pairs)


def test_the_seed_fixes_the_order():
    def tests(**more):
        return np.concatenate([t for _, t in k_fold(50, 5, shuffle=True, **more)]).tolist()

    assert tests(seed=3) == tests(seed=3)
    assert tests(seed=3) != tests(seed=4)
    assert tests(seed=3) != list(range(50))
    utils.set_random_seed(8)
    drawn = tests()
    assert tests() != drawn
    utils.set_random_seed(8)
    assert tests() == drawn


def test_shuffled_rows_meet_by_chance():
    together = np.zeros((20, 20))
    for seed in range(400):
        for _, test in k_fold(20, 5, shuffle=True, seed=seed):
            together[np.ix_(test, test)] += 1
    pairs = together[~np.eye(20, dtype=bool)]  # 3 of the 19 others share a row's part
    assert pairs.mean() == pytest.approx(400 * 3 / 19)
    assert abs(pairs - 400 * 3 / 19).max() < 5 * np.sqrt(400 * 3 / 19)


CLASSES = {
    "two": np.arange(103) % 4 == 0,
    "three": np.random.default_rng(1).permutation(np.repeat([0, 1, 2], [50, 30, 13])),
    "words": np.random.default_rng(2).choice(["a", "bb", "c"], 60),
    "one": np.zeros(11),
    "column": (np.arange(40) % 3)[:, None],
}


@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("name", CLASSES)
@pytest.mark.parametrize("k", [2, 5, 7])
def test_parts_have_their_share_of_each_class(name, k, shuffle):
    classes = CLASSES[name]
    n = len(classes)
    pairs = k_fold(n, k, stratify=classes, shuffle=shuffle, seed=4 if shuffle else None)
    tests = check(pairs, n)
    assert (np.sort(np.concatenate(tests)) == np.arange(n)).all()
    theirs = [t for _, t in StratifiedKFold(k).split(np.zeros(n), classes.ravel())]
    assert np.ptp([len(t) for t in tests]) <= 1
    for c in np.unique(classes):
        counts = [(classes.ravel()[t] == c).sum() for t in tests]
        assert np.ptp(counts) <= 1
        assert sorted(counts) == sorted((classes.ravel()[t] == c).sum() for t in theirs)


def test_a_stratified_shuffle_depends_on_the_seed():
    def tests(seed):
        pairs = k_fold(103, 5, shuffle=True, seed=seed, stratify=CLASSES["two"])
        return np.concatenate([t for _, t in pairs]).tolist()

    assert tests(1) == tests(1)
    assert tests(1) != tests(2)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n": 0}, ArgumentError, "n: expected a number >= 1, got 0"),
        ({"n": 2.0}, DataTypeError, "n: expected a whole number"),
        ({"n": 5, "k": 1}, ArgumentError, "k: expected a number >= 2, got 1"),
        ({"n": 1, "k": 2}, ArgumentError, "k: .* got 2 for 1 rows"),
        ({"n": 5, "k": 6}, ArgumentError, "k: .* got 6 for 5 rows"),
        ({"n": 5, "k": 2, "seed": 1}, ArgumentError, "seed: it is for shuffle=True"),
        ({"n": 5, "k": 2, "shuffle": 2}, DataTypeError, "shuffle"),
        ({"n": 5, "k": 2, "shuffle": True, "seed": -1}, ArgumentError, "seed"),
        ({"n": 5, "k": 2, "stratify": [0, 1]}, ShapeError, r"stratify: .* 5 rows.*\(2,\)"),
        (
            {"n": 5, "k": 2, "stratify": [0, 0, 0, 0, 1]},
            ArgumentError,
            "stratify: class .*1.* has 1 rows",
        ),
        ({"n": 2, "k": 2, "stratify": [None, 1]}, DataTypeError, "stratify: .* be sorted"),
        ({"n": 2, "k": 2, "stratify": [[0], [0, 1]]}, ShapeError, "stratify: .* lengths"),
        ({"n": 2**63}, ShapeError, "n, k: expected an array that fits"),
        ({"n": 10**6, "k": 10**6}, ShapeError, "n, k: expected an array that fits"),
    ],
)
def test_what_a_fold_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        k_fold(**arguments)


# -- walk forward ----------------------------------------------------------------------------


@pytest.mark.parametrize("train", [None, 7])
@pytest.mark.parametrize("gap", [0, 1, 5])
@pytest.mark.parametrize(("n", "splits", "test"), [(50, 3, 4), (51, 5, 5), (30, 2, 1)])
def test_walks_as_in_scikit_learn(n, splits, test, gap, train):
    pairs = walk_forward(n, test, train=train, gap=gap, splits=splits)
    check(pairs, n)
    theirs = TimeSeriesSplit(splits, test_size=test, gap=gap, max_train_size=train)
    expected = list(theirs.split(np.zeros(n)))
    assert len(pairs) == len(expected)
    for ours, other in zip(pairs, expected, strict=True):
        assert (ours[0] == other[0]).all()
        assert (ours[1] == other[1]).all()


@pytest.mark.parametrize("train", [None, 1, 9])
@pytest.mark.parametrize("gap", [0, 3])
@pytest.mark.parametrize("test", [1, 6])
@pytest.mark.parametrize("step", [None, 1, 8])
def test_sizes_are_exact_and_no_split_is_left_out(train, gap, test, step):
    n = 60
    pairs = walk_forward(n, test, train=train, gap=gap, step=step)
    check(pairs, n)
    step = step or test
    least = train or test
    for i, (before, after) in enumerate(pairs):
        assert len(after) == test
        assert after[-1] == n - 1 - (len(pairs) - 1 - i) * step
        assert after[0] - before[-1] == gap + 1
        if train is None:
            assert before[0] == 0
            assert len(before) >= least
        else:
            assert len(before) == train
    # one more would not find the rows that it needs
    assert pairs[0][1][0] - step - gap < least


def test_the_smallest_walks():
    ((train, test),) = walk_forward(2, 1)
    assert (train.tolist(), test.tolist()) == ([0], [1])
    ((train, test),) = walk_forward(3, 1, train=1, gap=1)
    assert (train.tolist(), test.tolist()) == ([0], [2])


@pytest.mark.parametrize("train", [None, 12])
@pytest.mark.parametrize("gap", [0, 2])
@pytest.mark.parametrize("step", [None, 3, 9])
@pytest.mark.parametrize("embargo", [0, 1, 2, 40])
def test_no_row_soon_after_an_earlier_test_is_trained_on(train, gap, step, embargo):
    arguments = {"n": 60, "test": 4, "train": train, "gap": gap, "step": step}
    plain = walk_forward(**arguments)
    expected, barred = [], set()
    for before, after in plain:
        expected.append([row for row in before.tolist() if row not in barred])
        barred |= {after[-1] + 1 + i for i in range(embargo)}
    if not all(expected):
        with pytest.raises(ArgumentError, match=f"embargo: {embargo} rows after each test"):
            walk_forward(**arguments, embargo=embargo)
        return
    found = walk_forward(**arguments, embargo=embargo)
    assert [rows.tolist() for rows, _ in found] == expected
    assert [test.tolist() for _, test in found] == [test.tolist() for _, test in plain]
    assert all(rows.dtype == np.int64 for rows, _ in found)


def test_an_embargo_by_hand():
    found = walk_forward(10, 2, step=4, train=6, gap=0, embargo=1)
    assert [(a.tolist(), b.tolist()) for a, b in found] == [([2, 3, 4, 5, 6, 7], [8, 9])]
    found = walk_forward(12, 2, step=4, embargo=1)
    assert [a.tolist() for a, _ in found] == [[0, 1], [0, 1, 2, 3, 5], [0, 1, 2, 3, 5, 6, 7, 9]]


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n": 0, "test": 1}, ArgumentError, "n: "),
        ({"n": 9, "test": 1, "embargo": -1}, ArgumentError, "embargo: expected a number >= 0"),
        (
            {"n": 9, "test": 1, "embargo": 1.0},
            DataTypeError,
            "embargo: expected a whole number",
        ),
        ({"n": 9, "test": 1, "train": 1, "embargo": 1}, ArgumentError, "leave split 2 none"),
        ({"n": 5, "test": 0}, ArgumentError, "test: expected a number >= 1"),
        ({"n": 5, "test": 1, "train": 0}, ArgumentError, "train: expected a number >= 1"),
        ({"n": 5, "test": 1, "gap": -1}, ArgumentError, "gap: expected a number >= 0"),
        ({"n": 5, "test": 1, "step": 0}, ArgumentError, "step: expected a number >= 1"),
        ({"n": 5, "test": 1, "splits": 0}, ArgumentError, "splits: expected a number >= 1"),
        ({"n": 5, "test": 1.5}, DataTypeError, "test: expected a whole number"),
        ({"n": 1, "test": 1}, ArgumentError, "n: 1 splits .* need 2 rows, got 1"),
        ({"n": 9, "test": 3, "train": 5, "gap": 2}, ArgumentError, "need 10 rows, got 9"),
        ({"n": 9, "test": 2, "splits": 5}, ArgumentError, "need 11 rows, got 9"),
    ],
)
def test_what_a_walk_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        walk_forward(**arguments)


@pytest.mark.parametrize("train", [None, 2**40])
def test_windows_that_no_memory_holds_are_refused(train):
    with pytest.raises(ShapeError, match="n: expected an array that fits"):
        walk_forward(2**62, 1, train=train)
