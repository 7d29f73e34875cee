"""``learn_one``, ``predict_one`` and ``predict_proba_one`` of every estimator."""

import pickle
import warnings

import numpy as np
import pytest

pytest.importorskip("pandas")
pytest.importorskip("sklearn")
import pandas
from sklearn.base import clone, is_classifier
from sklearn.exceptions import NotFittedError

from fastgd import sklearn as ours
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3))
NUMBERS = X @ [1.0, -2.0, 3.0]
TEXT = np.array(["high", "low", "middle"])[np.digitize(NUMBERS, [-1.0, 1.0])]
FRAME = pandas.DataFrame(X, columns=list("abc"))
FEW = {"random_state": 0, "shuffle": False}
ESTIMATORS = {
    "LinearRegression": ours.LinearRegression(),
    "Ridge": ours.Ridge(),
    "LogisticRegression": ours.LogisticRegression(),
    "SGDClassifier": ours.SGDClassifier(loss="log_loss", **FEW),
    "modified Huber": ours.SGDClassifier(loss="modified_huber", **FEW),
    "SGDRegressor": ours.SGDRegressor(average=True, **FEW),
    "MLPClassifier": ours.MLPClassifier((5,), max_iter=3, dropout=0.1, **FEW),
    "MLPRegressor": ours.MLPRegressor(hidden_layer_sizes=(5,), max_iter=3, solver="sgd", **FEW),
    "Classifier": ours.Classifier(epochs=3, **FEW),
    "Regressor": ours.Regressor(epochs=3, **FEW),
}
CLASSIFIERS = [name for name, one in ESTIMATORS.items() if is_classifier(one)]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(autouse=True)
def _no_other_warnings():
    """Warnings of scikit-learn that a row has no feature names would be errors."""
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="X does not have valid feature names")
        yield


def fitted(name, x=FRAME, labels=TEXT):
    estimator = clone(ESTIMATORS[name])
    return estimator.fit(x, labels if name in CLASSIFIERS else NUMBERS)


def close(found, expected):
    if isinstance(expected, str):
        assert found == expected
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_row_is_predicted_as_in_a_table(name):
    model = fitted(name)
    every = model.predict(FRAME)
    for i in range(0, 60, 7):
        row = dict(zip("cab", X[i, [2, 0, 1]].tolist(), strict=True))
        for given in (row, X[i], X[i].tolist(), X[i].astype(np.float32).astype(np.float64)):
            found = model.predict_one(given)
            assert type(found) is (str if name in CLASSIFIERS else float)
            if given is row or given is X[i]:
                close(found, every[i])
    without = {"a": X[3, 0], "c": X[3, 2]}
    zero = pandas.DataFrame([[X[3, 0], 0.0, X[3, 2]]], columns=list("abc"))
    close(model.predict_one(without), model.predict(zero)[0])


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize("classes", [2, 3])
def test_probabilities_of_a_row(name, classes):
    labels = TEXT if classes == 3 else np.where(NUMBERS > 0, "yes", "no")
    model = fitted(name, labels=labels)
    every = model.predict_proba(FRAME)
    for i in range(0, 60, 7):
        found = model.predict_proba_one({"b": X[i, 1], "a": X[i, 0], "c": X[i, 2]})
        assert list(found) == model.classes_.tolist()
        np.testing.assert_allclose(list(found.values()), every[i], rtol=1e-5, atol=1e-9)
        assert name == "modified Huber" or max(found, key=found.get) == model.predict_one(X[i])


@pytest.mark.parametrize("name", [name for name in CLASSIFIERS if name != "modified Huber"])
def test_log_probabilities(name):
    model = fitted(name)
    found, expected = model.predict_log_proba(FRAME), model.predict_proba(FRAME)
    np.testing.assert_allclose(np.exp(found), expected, rtol=1e-5, atol=1e-12)


def test_margins_have_no_probabilities():
    labels = (NUMBERS > 0).astype(int)
    for model in (ours.SGDClassifier(**FEW), ours.Classifier(loss="hinge", epochs=1, **FEW)):
        model.fit(X, labels)
        for method in ("predict_proba", "predict_log_proba", "predict_proba_one"):
            assert not hasattr(model, method)
    assert not hasattr(fitted("Ridge"), "predict_proba_one")


@pytest.mark.parametrize("name", ESTIMATORS)
def test_learning_a_row_is_a_part_of_one(name):
    row_by_row, in_parts = fitted(name), fitted(name)
    y = TEXT if name in CLASSIFIERS else NUMBERS
    for i in range(6):
        row = dict(zip("cab", X[i, [2, 0, 1]].tolist(), strict=True))
        assert row_by_row.learn_one(row if i % 2 else X[i], y[i]) is row_by_row
        in_parts.partial_fit(FRAME[i : i + 1], y[i : i + 1])
    np.testing.assert_allclose(
        numbers(row_by_row), numbers(in_parts), rtol=1e-5 if name in CLASSIFIERS else 1e-9
    )
    assert (numbers(row_by_row) != numbers(fitted(name))).any()


def numbers(model):
    if hasattr(model, "predict_proba"):
        return model.predict_proba(FRAME)
    return model.predict(FRAME)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_the_first_dict_names_the_columns_of_an_array(name):
    model = fitted(name, X)
    y = TEXT if name in CLASSIFIERS else NUMBERS
    with pytest.raises(ShapeError, match="expects 3 columns, got 2"):
        model.learn_one({"p": 1.0, "q": 2.0}, y[0])
    model.learn_one(dict(zip("pqr", X[0].tolist(), strict=True)), y[0])
    model = pickle.loads(pickle.dumps(model))
    close(
        model.predict_one({"r": 3.0, "p": 1.0, "q": 2.0}), model.predict([[1.0, 2.0, 3.0]])[0]
    )
    with pytest.raises(ArgumentError, match="no column is called 'a'"):
        model.predict_one({"a": 1.0})
    refitted = model.fit(X, y)
    refitted.learn_one(dict(zip("uvw", X[0].tolist(), strict=True)), y[0])


@pytest.mark.parametrize("name", ESTIMATORS)
def test_what_is_refused_changes_nothing(name):
    model = fitted(name)
    y = TEXT[0] if name in CLASSIFIERS else 1.0
    before = numbers(model).tobytes()
    for error, row in (
        (ArgumentError, {"a": 1.0, "zip": 2.0}),
        (DataTypeError, {"a": "red"}),
        (ShapeError, [1.0, 2.0]),
        (ShapeError, X[:1]),
    ):
        for call in (model.predict_one, lambda row: model.learn_one(row, y)):
            with pytest.raises(error):
                call(row)
    wrong = "other" if name in CLASSIFIERS else "text"
    with pytest.raises((DataError, DataTypeError, ArgumentError, ValueError), match=r"y|float"):
        model.learn_one(X[0], wrong)
    assert numbers(model).tobytes() == before
    row = {"a": 1.0, "b": 2.0, "c": 3.0}
    ignored = model.predict_one(row | {"zip": 9.0}, unknown_features="ignore")
    assert ignored == model.predict_one(row)
    model.learn_one(row | {"zip": 9.0}, y, unknown_features="ignore")
    with pytest.raises(NotFittedError):
        clone(model).predict_one(row)
    with pytest.raises((NotFittedError, ArgumentError)):
        clone(model).learn_one(row, y)


@pytest.mark.parametrize("name", sorted(ESTIMATORS))
def test_numbers_that_are_not_finite_are_refused(name):
    model = fitted(name)
    for row in ([1.0, np.nan, 2.0], np.array([1.0, np.nan, 2.0])):
        with pytest.raises(DataError, match="x: nan at column 1"):
            model.learn_one(row, TEXT[0] if name in CLASSIFIERS else 1.0)
    if name not in CLASSIFIERS and name != "SGDRegressor":
        with pytest.raises(DataError, match="y: expected finite"):
            model.learn_one(X[0], np.nan)


def test_several_outputs():
    model = ours.Ridge().fit(X, np.c_[NUMBERS, -NUMBERS])
    model.learn_one(X[0], [1.0, 2.0])
    np.testing.assert_allclose(model.predict_one(X[0]), model.predict(X[:1])[0])
    labels = np.c_[NUMBERS > 0, X[:, 0] > 0, X[:, 1] > 1].astype(int)
    model = ours.Classifier(epochs=1, **FEW).fit(X, labels)
    assert list(model.predict_proba_one(X[0])) == [0, 1, 2]
    np.testing.assert_array_equal(model.predict_one(X[0]), model.predict(X[:1])[0])
    model.learn_one(X[0], [1, 0, 1])


def test_weights_of_rows():
    one, two = fitted("Ridge"), fitted("Ridge")
    one.learn_one(X[0], 5.0, sample_weight=2.0)
    two.learn_one(X[0], 5.0).learn_one(X[0], 5.0)
    np.testing.assert_allclose(one.coef_, two.coef_)
    with pytest.raises(ArgumentError, match="sample_weight"):
        one.learn_one(X[0], 5.0, sample_weight=-1.0)


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_row_without_weight_changes_nothing(name):
    model = fitted(name)
    before = numbers(model).tobytes()
    model.learn_one(X[0], TEXT[0] if name in CLASSIFIERS else 1.0, sample_weight=0)
    assert numbers(model).tobytes() == before


@pytest.mark.parametrize("name", ["LogisticRegression", "SGDClassifier", "MLPClassifier"])
def test_negative_weights_of_classes_are_refused(name):
    with pytest.raises(ValueError, match="at least 0, got -1"):
        getattr(ours, name)(class_weight={0: -1.0, 1: 1.0}).fit(X, (NUMBERS > 0).astype(int))


@pytest.mark.parametrize("name", ESTIMATORS)
def test_a_series_is_read_by_name(name):
    model = fitted(name)
    row = pandas.Series([3.0, 1.0, 2.0], index=list("cab"))
    close(model.predict_one(row), model.predict_one(np.array([1.0, 2.0, 3.0])))
