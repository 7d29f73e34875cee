"""Fitted attributes have scikit-learn's shapes, whatever the shape of y."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn import linear_model, neural_network
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning

from fastgd import sklearn as ours

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
NUMBERS = X @ [1.0, 2.0, 3.0] + 0.1 * RANDOM.normal(size=60)
SOLVERS = ("auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga")
REGRESSORS = [
    *(("Ridge", {"solver": s, "fit_intercept": i}) for s in SOLVERS for i in (True, False)),
    ("Ridge", {"positive": True, "solver": "lbfgs"}),
    ("LinearRegression", {}),
    ("LinearRegression", {"fit_intercept": False}),
    ("LinearRegression", {"positive": True}),
    ("SGDRegressor", {"random_state": 0}),
    ("MLPRegressor", {"max_iter": 3, "random_state": 0}),
]
CLASSIFIERS = [
    ("LogisticRegression", {}),
    ("SGDClassifier", {"random_state": 0, "loss": "log_loss"}),
    ("MLPClassifier", {"max_iter": 3, "random_state": 0}),
]
#: Attributes with an ndarray, or with a list of them.
NAMES = ("coef_", "intercept_", "n_iter_", "classes_", "rank_", "singular_", "n_outputs_")


def theirs(name):
    return getattr(neural_network if name.startswith("MLP") else linear_model, name)


def fitted(estimator, y, methods):
    """The shapes of all that is fitted, and the kinds of warnings."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        estimator.fit(X, y)
    found = {k: np.shape(getattr(estimator, k, None)) for k in NAMES}
    found |= {k: getattr(estimator, k, 0) is None for k in NAMES}
    for name in ("coefs_", "intercepts_"):
        found[name] = [np.shape(one) for one in getattr(estimator, name, [])]
    found |= {m: getattr(estimator, m)(X).shape for m in methods if hasattr(estimator, m)}
    kinds = {one.category for one in caught} - {ConvergenceWarning}
    return found, kinds


def compared(name, arguments, y, methods):
    mine, expected = (
        fitted(getattr(source, name)(**arguments), y, methods)
        for source in (ours, type("Theirs", (), {name: theirs(name)}))
    )
    assert mine == expected
    return mine[1]


@pytest.mark.parametrize(("name", "arguments"), REGRESSORS)
@pytest.mark.parametrize("shape", ["row", "column", "two columns"])
def test_regressors(name, arguments, shape):
    if shape == "two columns" and name == "SGDRegressor":
        pytest.skip("it takes one column")
    y = {"row": NUMBERS, "column": NUMBERS[:, None]}.get(shape, np.c_[NUMBERS, -NUMBERS])
    compared(name, arguments, y, ("predict",))


@pytest.mark.parametrize(("name", "arguments"), CLASSIFIERS)
@pytest.mark.parametrize("labels", [2, 3, "text"])
@pytest.mark.parametrize("column", [False, True])
def test_classifiers(name, arguments, labels, column):
    y = np.arange(60) % (3 if labels == "text" else labels)
    y = np.array(["a", "b", "c"])[y] if labels == "text" else y
    methods = ("predict", "decision_function", "predict_proba", "predict_log_proba")
    kinds = compared(name, arguments, y[:, None] if column else y, methods)
    assert (DataConversionWarning in kinds) == column


@pytest.mark.parametrize("name", ["Classifier", "Regressor"])
def test_wrappers_take_a_column_for_a_vector(name):
    y = np.arange(60) % 2
    estimator = getattr(ours, name)(epochs=1)
    with pytest.warns(DataConversionWarning):
        estimator.fit(X, y[:, None])
    assert estimator.predict(X).shape == (60,)


def test_parts_of_a_column():
    part = ours.Ridge().partial_fit(X[:30], NUMBERS[:30, None])
    part.partial_fit(X[30:], NUMBERS[30:, None])
    np.testing.assert_allclose(part.coef_, linear_model.Ridge().fit(X, NUMBERS).coef_)
