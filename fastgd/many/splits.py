"""Ways to divide rows into those to train on and those to test on."""

import numpy as np

from fastgd._data.validation import array_of, boolean, positive_int, whole_number
from fastgd._engine import streams
from fastgd._engine.builds import load
from fastgd._engine.sizes import check_size
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataTypeError, ShapeError


def k_fold(n: int, k: int = 5, *, shuffle: bool = False, seed: int | None = None,
           stratify: Data = None) -> list[tuple[Array, Array]]:  # fmt: skip
    """Divide rows into k parts, each of which is tested on once.

    The result are k pairs (train_rows, test_rows) of ascending int64 arrays.

    Parameters
    ----------
    n : int
        The number of rows.
    k : int
        From 2 to n. The first n % k parts have a row more than the others.
    shuffle : bool
        Put rows into parts at random; by default a part is a run of neighbours.
    seed : int, optional
        For the random order; drawn from the process' stream if None.
    stratify : array, shape (n,), optional
        A class for each row, any values that can be sorted: both the sizes of the parts and
        their shares of each class differ by at most 1.

    Raises
    ------
    ArgumentError, DataTypeError, ShapeError
        Also for a class of fewer than k rows.

    Examples
    --------
    >>> from fastgd.many import k_fold
    >>> for train, test in k_fold(5, 2):
    ...     print(train, test)
    [3 4] [0 1 2]
    [0 1 2] [3 4]
    """
    n = positive_int(n, "n")
    k = whole_number(k, "k", 2)
    shuffle = boolean(shuffle, "shuffle")
    if k > n:
        raise ArgumentError(f"k: expected at most one part a row, got {k} for {n} rows")
    if seed is not None and not shuffle:
        raise ArgumentError("seed: it is for shuffle=True")
    check_size("n, k", (n, k))
    order = np.arange(n)
    if shuffle:
        seed = streams.next_seed() if seed is None else whole_number(seed, "seed", 0)
        order = load("reference").permutation(seed % 2**64, n)
    part = np.empty(n, dtype=np.int64)
    if stratify is None:
        part[order] = np.repeat(np.arange(k), n // k + (np.arange(k) < n % k))
    else:
        part[order] = _dealt(_classes(stratify, n, k)[order], k, shuffle)
    return [(np.flatnonzero(part != i), np.flatnonzero(part == i)) for i in range(k)]


def _classes(stratify, n, k):
    names, classes, counts = distinct(stratify, n, "stratify")
    if counts.min() < k:
        rare = int(counts.argmin())
        raise ArgumentError(
            f"stratify: class {names[rare]!r} has {counts[rare]} rows, fewer than k = {k} parts"
        )
    return classes


def distinct(labels, n, argument):
    """Return (the labels there are, the place of each row's among them, their numbers)."""
    values = array_of(labels, argument)
    if values.shape == (n, 1):
        values = values[:, 0]
    if values.shape != (n,):
        raise ShapeError(
            f"{argument}: expected shape ({n},), one of each of {n} rows, got {values.shape}"
        )
    try:
        return np.unique(values, return_inverse=True, return_counts=True)
    except TypeError:
        raise DataTypeError(
            f"{argument}: expected values that can be sorted, such as numbers or text"
        ) from None


def _dealt(classes, k, shuffle):
    """Return the part of each row: j % k for the j-th row in the order of the classes."""
    part = np.empty(len(classes), dtype=np.int64)
    deck = np.argsort(classes, kind="stable")
    part[deck] = np.arange(len(classes)) % k
    if not shuffle:  # the rows of a class in a part are neighbours
        for c in range(classes.max() + 1):
            rows = classes == c
            part[rows] = np.sort(part[rows])
    return part


def walk_forward(n: int, test: int, *, train: int | None = None, gap: int = 0,
                 step: int | None = None, splits: int | None = None,
                 embargo: int = 0) -> list[tuple[Array, Array]]:  # fmt: skip
    """Divide rows in order of time: train on the past and test on the rows that follow.

    The result are pairs (train_rows, test_rows) of ascending int64 arrays, in order of time.
    The last test ends with the last row.

    Parameters
    ----------
    n, test : int
        The number of rows, the oldest first, and of the rows of each test.
    train : int, optional
        The number of latest rows to train on: a rolling window. None: all, a growing window.
    gap : int
        The number of rows to leave between training and test, so that a target that looks ahead
        does not look into the test.
    step : int, optional
        How far tests are apart; ``test`` by default, so that no row is tested twice.
    splits : int, optional
        How many; the last ones. By default all with at least ``train`` rows to train on, or
        ``test`` in a growing window.
    embargo : int
        The number of rows after each test that no later split trains on, though they are its
        past (Lopez de Prado 2018): rows that still echo a test, such as features over a window
        that reaches back into it. They are left out of a window, which then has holes. `gap`
        is about the rows before a test. Where one test follows another directly, these rows
        are the first ones of the next test; an embargo of ``step`` rows bars all of it.

    Raises
    ------
    ArgumentError, DataTypeError
        Also if there are too few rows, or an embargo leaves a split none to train on.

    Examples
    --------
    >>> from fastgd.many import walk_forward
    >>> for train, test in walk_forward(8, 2, train=3, gap=1):
    ...     print(train, test)
    [0 1 2] [4 5]
    [2 3 4] [6 7]
    >>> for train, test in walk_forward(6, 2):
    ...     print(train, test)
    [0 1] [2 3]
    [0 1 2 3] [4 5]
    >>> for train, test in walk_forward(9, 2, step=3, embargo=1):
    ...     print(train, test)
    [0 1 2 3] [4 5]
    [0 1 2 3 4 5] [7 8]
    """
    n = positive_int(n, "n")
    test = positive_int(test, "test")
    gap = whole_number(gap, "gap", 0)
    embargo = whole_number(embargo, "embargo", 0)
    step = test if step is None else positive_int(step, "step")
    splits = None if splits is None else positive_int(splits, "splits")
    growing = test if splits is None else 1  # the least rows to train on
    least = growing if train is None else positive_int(train, "train")
    most = max(0, (n - test - gap - least) // step + 1)
    wanted = most if splits is None else splits
    if not 0 < wanted <= most:
        needed = least + gap + test + (max(wanted, 1) - 1) * step
        raise ArgumentError(
            f"n: {max(wanted, 1)} splits with {least} rows to train on, a gap of {gap} and "
            f"{test} to test on need {needed} rows, got {n}"
        )
    last = n - test
    # a growing window holds at least half of the longest one on average
    check_size("n", (wanted, test + ((last - gap) // 2 if train is None else train)))
    begins = range(last - (wanted - 1) * step, last + 1, step)
    pairs = [
        (np.arange(0 if train is None else b - gap - train, b - gap), np.arange(b, b + test))
        for b in begins
    ]
    if embargo == 0:
        return pairs
    barred = np.zeros(n, dtype=bool)  # by the tests so far
    for i, (before, after) in enumerate(pairs):
        pairs[i] = before[~barred[before]], after
        if not len(pairs[i][0]):
            raise ArgumentError(
                f"embargo: {embargo} rows after each test leave split {i} none to train on"
            )
        barred[after[-1] + 1 : after[-1] + 1 + embargo] = True
    return pairs
