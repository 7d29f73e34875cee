"""Compare the quick checks of rows and labels with scikit-learn's functions."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.base import BaseEstimator
from sklearn.linear_model._base import LinearClassifierMixin
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.validation import validate_data

from fastgd.sklearn import LogisticRegression, MLPClassifier, Ridge, SGDClassifier
from fastgd.sklearn.inputs import FLOATS, validated
from fastgd.sklearn.objectives import Labels, classes_and_codes, classes_of

RNG = np.random.default_rng(0)
X = RNG.normal(size=(12, 5))
Y = RNG.normal(size=12)
BAD = (np.nan, np.inf, -np.inf)


class Sub(np.ndarray):
    """An array of another class."""


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def unaligned(x):
    return np.frombuffer(b"\0" + x.tobytes(), x.dtype, offset=1).reshape(x.shape)


#: Matrices of any kind.
MATRICES = {
    "float64": X, "float32": X.astype(np.float32), "float16": X.astype(np.float16),
    "whole": (9 * X).astype(int), "bool": X > 0, "read-only": read_only(X),
    "Fortran": np.asfortranarray(X), "strided": np.repeat(X, 2, axis=0)[::2],
    "reversed": X[::-1], "transposed": X.T, "big-endian": X.astype(">f8"),
    "unaligned": unaligned(X), "subclass": X.view(Sub), "list": X.tolist(),
    "object": X.astype(object),
    "one row": X[:1], "no rows": X[:0], "no columns": X[:, :0], "vector": X[0], "cube": X[None],
    "complex": X + 0j, "text": X.astype(str), "None": None, "another width": X[:, :3],
}  # fmt: skip
TARGETS = {
    "float64": Y, "float32": Y.astype(np.float32), "whole": np.arange(12), "bool": Y > 0,
    "text": np.where(Y > 0, "yes", "no"), "strided": np.repeat(Y, 2)[::2], "column": Y[:, None],
    "two columns": np.stack([Y, Y], 1), "list": Y.tolist(), "short": Y[:5], "None": None,
    "big-endian": Y.astype(">f8"), "read-only": read_only(Y), "complex": Y + 0j,
    "NaN": np.append(Y[1:], np.nan), "infinite": np.append(Y[1:], -np.inf),
    "object": Y.astype(object),
}  # fmt: skip


def outcome(check, *args, **options):
    """Return a check's result or error, its warnings, and the attributes that it set."""
    estimator = BaseEstimator()
    vars(estimator).update(options.pop("before", {}))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            found = check(estimator, *args, **options)
        except Exception as error:
            found = type(error), str(error)
    return found, [str(w.message) for w in caught], vars(estimator)


def same(found, expected):
    if isinstance(expected, tuple):
        assert len(found) == len(expected)
        return all(map(same, found, expected))
    if not isinstance(expected, np.ndarray):
        return found == expected
    flags = found.flags.c_contiguous, found.flags.writeable
    assert type(found) is type(expected) and found.dtype == expected.dtype
    assert flags == (expected.flags.c_contiguous, expected.flags.writeable)
    return np.array_equal(found, expected, equal_nan=found.dtype.kind == "f")


def compare(x, *y, **options):
    found = outcome(validated, x, *y, **options)
    options = {"dtype": FLOATS, "order": "C", "accept_sparse": "csr"} | options
    expected = outcome(validate_data, x, *y, **options)
    assert same(found[0], expected[0])
    assert found[1:] == expected[1:] or same(found[1:], expected[1:])
    return found[0]


@pytest.mark.parametrize("kind", MATRICES)
@pytest.mark.parametrize("dtype", [FLOATS, np.dtype(np.float32), np.dtype(np.float64)], ids=str)
def test_rows_are_those_of_scikit_learn(kind, dtype):
    named = {"feature_names_in_": np.array(list("abcde"), object), "n_features_in_": 5}
    for before in ({}, {"n_features_in_": 5}, named):
        for reset in (True, False):
            compare(MATRICES[kind], reset=reset, dtype=dtype, before=before)


@pytest.mark.parametrize("kind", TARGETS)
def test_targets_are_those_of_scikit_learn(kind):
    for options in ({}, {"multi_output": True}, {"multi_output": True, "y_numeric": True}):
        for x in (X, X.astype(np.float32), X.tolist()):
            compare(x, TARGETS[kind], reset=True, **options)


@pytest.mark.parametrize("bad", BAD)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_number_that_is_not_finite_is_found_anywhere(bad, dtype):
    for n, d in ((1, 1), (3, 7), (5, 33)):
        for place in range(n * d):
            x = np.ones((n, d), dtype)
            x.flat[place] = bad
            error, _ = compare(x, reset=True)
            assert error is ValueError
            assert compare(x, reset=True, ensure_all_finite=False) is x


def test_what_needs_no_copy_is_passed_on():
    found = compare(X, Y, reset=True)
    assert found[0] is X
    assert found[1] is Y


#: Labels of any kind.
LABELS = [
    np.array(labels, dtype)
    for labels in ([0, 1] * 9, [3, 1, 2] * 9, [5] * 9, [-2, 7, 7] * 20, [0, 1, 100] * 9)
    for dtype in (np.int64, np.int8, np.float64, np.float32, ">i4", str)
] + [
    np.array([True, False] * 9), np.array([True] * 9), np.arange(20), np.arange(3),
    np.array([2**63, 2**63 + 1] * 9, np.uint64), np.array([2**53, 2**53 + 1] * 9),
    np.array([2**53 - 1, 2**53 + 1] * 9), np.array([1 - 2**53, -1 - 2**53] * 9),
    np.array([-(2**63), 2**63 - 1] * 9), np.array([0.0, -0.0, 1.0] * 9),
    np.array(list("abc") * 9),
]  # fmt: skip


@pytest.mark.parametrize("y", LABELS, ids=lambda y: f"{y.dtype}-{y[0]}-{len(set(y))}")
def test_classes_are_those_of_scikit_learn(y):
    expected = unique_labels(y)
    for found in (classes_of(y), classes_of(np.repeat(y, 2)[::2])):
        assert np.array_equal(found, expected)
        assert found.dtype == expected.dtype
    classes, codes = classes_and_codes(y)
    assert classes.dtype == np.unique(y).dtype
    assert np.array_equal(codes, np.unique(y, return_inverse=True)[1])
    labels = Labels(y)
    assert np.array_equal(labels.classes, np.unique(y))
    assert labels.kind == ("multiclass" if len(expected) > 2 else "binary")
    assert np.array_equal(labels.classes[labels.codes(y)], y)


def test_numbers_that_are_no_labels():
    for y in (np.array([0.5, 1.0] * 9), np.linspace(0, 1, 50)):
        for labels in (classes_of, Labels):
            with pytest.raises(ValueError, match="continuous"):
                labels(y)
    with pytest.raises(ValueError, match=r"not in `self.classes_`: \[2\]"):
        Labels(np.array([0, 1] * 9)).codes(np.array([0, 2, 1]))


@pytest.mark.parametrize("kind", [LogisticRegression, SGDClassifier])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_classes_are_predicted_as_scikit_learn_does(kind, dtype):
    x = RNG.normal(size=(300, 4)).astype(dtype)
    for edges, names in ([0], ["no", "yes"]), ([-1, 1], [3, 7, 9]):
        y = np.array(names)[np.digitize(x[:, 0], edges)]
        model = kind(random_state=0).fit(x, y)
        found = model.predict(x)
        assert np.array_equal(found, LinearClassifierMixin.predict(model, x))
        assert found.dtype == y.dtype


def test_a_number_draws_what_its_random_state_draws():
    y = X[:, 0] > 0
    for seed in (0, 1, 2**32 - 1):
        numbered, drawn = (
            SGDClassifier(random_state=state).fit(X, y).coef_
            for state in (seed, np.random.RandomState(seed))
        )
        assert np.array_equal(numbered, drawn)
    with pytest.raises(ValueError, match="random_state"):
        SGDClassifier(random_state=-1).fit(X, y)


@pytest.mark.parametrize("kind", [Ridge, LogisticRegression, SGDClassifier, MLPClassifier])
def test_parameters_are_named_as_scikit_learn_names_them(kind):
    class Mine(kind):
        def __init__(self, alone=1):
            self.alone = alone

    expected = BaseEstimator._get_param_names.__func__(kind)
    assert kind._get_param_names() == kind._get_param_names() == expected
    assert Mine._get_param_names() == ["alone"]
