"""Weights that a user sets are those that an estimator predicts with and trains further."""

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn import linear_model

from fastgd import sklearn as ours
from fastgd.errors import ArgumentError, DataError, ShapeError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 3))
NUMBERS = X @ [1.0, 2.0, 3.0]
LABELS = (NUMBERS > 0).astype(int)


FEW = {"hidden_layer_sizes": (4,), "max_iter": 2, "random_state": 0}


def perceptron(classifies=False):
    if classifies:
        return ours.MLPClassifier((4,), max_iter=2, random_state=0).fit(X, LABELS)
    return ours.MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(
        X, NUMBERS
    )


def by_hand(coefs, intercepts):
    """The outputs of one hidden layer of relu units."""
    hidden = np.maximum(X @ coefs[0] + intercepts[0], 0)
    return (hidden @ coefs[1] + intercepts[1])[:, 0]


@pytest.mark.parametrize("how", ["item", "negative item", "slice", "element", "attribute"])
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_weights_of_a_network_are_written_through(how):
    model = perceptron()
    coefs = [RANDOM.normal(size=w.shape) for w in model.coefs_]
    intercepts = [RANDOM.normal(size=w.shape) for w in model.intercepts_]
    if how == "attribute":
        model.coefs_, model.intercepts_ = coefs, intercepts
    elif how == "slice":
        model.coefs_[:], model.intercepts_[:] = coefs, intercepts
    for shown, new in ((model.coefs_, coefs), (model.intercepts_, intercepts)):
        if how.endswith("item"):
            shown[0], shown[-1 if how.startswith("neg") else 1] = new
        elif how == "element":
            for array, values in zip(shown, new, strict=True):
                for place in np.ndindex(array.shape):
                    array[place] = values[place]
        for array, values in zip(shown, new, strict=True):
            np.testing.assert_array_equal(array, values)
    np.testing.assert_allclose(model.predict(X), by_hand(coefs, intercepts), rtol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_does_not_fit_is_refused_and_changes_nothing():
    model = perceptron(classifies=True)
    before = [w.copy() for w in (*model.coefs_, *model.intercepts_)]
    for error, change in (
        (ShapeError, lambda m: m.coefs_.__setitem__(0, np.ones((4, 3)))),
        (ShapeError, lambda m: m.coefs_.__setitem__(slice(None), [np.ones((3, 4))])),
        (DataError, lambda m: m.intercepts_.__setitem__(0, np.full(4, np.nan))),
        (IndexError, lambda m: m.coefs_.__setitem__(2, np.ones((3, 4)))),
        (ArgumentError, lambda m: m.coefs_.append(np.ones((4, 1)))),
        (ArgumentError, lambda m: m.intercepts_.pop()),
        (ArgumentError, lambda m: m.coefs_.__delitem__(0)),
        (ArgumentError, lambda m: m.coefs_.sort()),
    ):
        with pytest.raises(error):
            change(model)
    for array, kept in zip((*model.coefs_, *model.intercepts_), before, strict=True):
        np.testing.assert_array_equal(array, kept)
    for copied in (copy.deepcopy(model.coefs_), pickle.loads(pickle.dumps(model.coefs_))):
        assert type(copied) is list
        np.testing.assert_array_equal(copied[0], before[0])
        assert not np.shares_memory(copied[0], model.coefs_[0])


@pytest.mark.parametrize("name", ["LinearRegression", "Ridge", "SGDRegressor"])
def test_linear_regressors_predict_with_what_is_set(name):
    model = getattr(ours, name)().fit(X, NUMBERS)
    model.coef_, model.intercept_ = np.array([1.0, 0.0, -1.0]), np.array([5.0])
    np.testing.assert_allclose(model.predict(X), X[:, 0] - X[:, 2] + 5, rtol=1e-12)
    model.coef_[1] = 2.0
    np.testing.assert_allclose(model.predict(X), X @ [1, 2, -1] + 5, rtol=1e-12)
    assert model.predict_one(X[3]) == pytest.approx(float(X[3] @ [1, 2, -1] + 5))


@pytest.mark.parametrize("name", ["LogisticRegression", "SGDClassifier"])
def test_linear_classifiers_predict_with_what_is_set(name):
    model = getattr(ours, name)().fit(X, LABELS)
    model.coef_, model.intercept_ = np.array([[0.0, 1.0, 0.0]]), np.array([0.5])
    np.testing.assert_array_equal(model.predict(X), X[:, 1] + 0.5 > 0)
    model.coef_[0, 1] = -1.0
    np.testing.assert_array_equal(model.predict(X), 0.5 - X[:, 1] > 0)


@pytest.mark.parametrize("which", ["coef_", "intercept_", "both", "elements"])
@pytest.mark.parametrize("penalty", ["l2", "l1"])
def test_training_goes_on_from_what_is_set(which, penalty):
    """As scikit-learn's goes on from the same weights, a step for each row."""
    arguments = {
        "penalty": penalty, "alpha": 0.01, "eta0": 0.05, "learning_rate": "constant",
        "shuffle": False, "random_state": 0,
    }  # fmt: skip
    found = {}
    for source in (ours, linear_model, "rows"):
        model = (ours if source == "rows" else source).SGDRegressor(**arguments)
        model.partial_fit(X[:10], NUMBERS[:10])
        if which in ("coef_", "both"):
            model.coef_ = np.array([3.0, 0.0, -2.0])
        if which in ("intercept_", "both"):
            model.intercept_ = np.array([7.0])
        if which == "elements":
            model.coef_[1], model.intercept_[0] = -4.0, 2.0
        if source == "rows":
            for x, y in zip(X[10:], NUMBERS[10:], strict=True):
                model.learn_one(x, y)
        else:
            model.partial_fit(X[10:], NUMBERS[10:])
        found[source] = np.r_[model.coef_, model.intercept_]
    if penalty == "l2":
        np.testing.assert_allclose(found[ours], found[linear_model], rtol=1e-9)
        np.testing.assert_allclose(found["rows"], found[ours], rtol=1e-9)
    else:
        np.testing.assert_allclose(found["rows"], found[ours], rtol=1e-6)


def test_averages_go_on_from_what_is_set():
    model = ours.SGDRegressor(average=True, random_state=0).fit(X, NUMBERS)
    model.coef_, model.intercept_ = np.array([3.0, 0.0, -2.0]), np.array([7.0])
    model.learn_one(X[0], float(X[0] @ [3, 0, -2] + 7))  # no error, so that nothing moves
    np.testing.assert_allclose(model.coef_, [3.0, 0.0, -2.0], atol=1e-3)
    np.testing.assert_allclose(model.intercept_, [7.0], atol=1e-3)


def test_what_is_set_stays_with_a_pickle():
    model = ours.SGDRegressor(random_state=0).fit(X, NUMBERS)
    model.intercept_ = np.array([100.0])
    again = pickle.loads(pickle.dumps(model))
    assert again.intercept_ == [100.0]
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
