"""Members that know different classes: columns are those of one class each."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.multioutput import MultiOutputClassifier

from fastgd import Sequential, layers, many, metrics
from fastgd.errors import ArgumentError, DataTypeError, ShapeError

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3)).astype("float32")
WORDS = np.array(["b", "d", "a", "c"])[np.arange(60) % 4]


def member(*labels):
    rows = np.isin(WORDS, labels)
    return LogisticRegression().fit(X[rows], WORDS[rows])


def by_label(model, x):
    """Probabilities as dicts of label -> column."""
    return dict(zip(model.classes_, model.predict_proba(x).T, strict=True))


def network(outputs=1):
    model = Sequential([layers.Dense(outputs, activation="sigmoid", input_shape=(3,))])
    model.compile("sgd", "mse")
    return model


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_an_ensemble_of_models_that_know_other_classes(n_jobs):
    members = [member("a", "b"), member("d", "b", "c"), member("c", "a")]
    ensemble = many.Ensemble(members)
    assert ensemble.classes.tolist() == ["a", "b", "c", "d"]
    mean, std = ensemble.predict(X, return_std=True, n_jobs=n_jobs)
    zero = np.zeros(60)
    for column, label in enumerate("abcd"):
        values = [by_label(model, X).get(label, zero) for model in members]
        assert mean[:, column] == pytest.approx(np.mean(values, axis=0))
        assert std[:, column] == pytest.approx(np.std(values, axis=0))
    expected = np.array(list("abcd"))[mean.argmax(axis=1)]
    assert (ensemble.predict_classes(X) == expected).all()


class One:
    """Knows one class."""

    classes_ = np.array(["only"])

    def predict(self, x):
        return np.full(len(x), "only")

    def predict_proba(self, x):
        return np.ones((len(x), 1))


def test_members_of_a_single_class():
    assert many.Ensemble([One()]).predict_classes(X[:2]).tolist() == ["only", "only"]
    mean = many.Ensemble([One(), member("a", "b")]).predict(X[:3])
    assert mean[:, 2].tolist() == [0.5] * 3  # a, b, only
    assert mean.sum(axis=1) == pytest.approx(1)


def test_what_cannot_be_aligned():
    x, two = X[:5], member("a", "b")
    with pytest.raises(ShapeError, match="outputs differ in shape"):
        many.Ensemble([network(1), network(2)]).predict(x)
    with pytest.raises(ArgumentError, match="others have no classes_"):
        many.Ensemble([two, member("a", "c"), network(3)]).predict(x)
    numbers = LogisticRegression().fit(X, np.arange(60) % 2)
    with pytest.raises(DataTypeError, match=r"classes of one type.*\['int', 'str'\]"):
        many.Ensemble([two, numbers]).predict(x)
    targets = np.arange(120).reshape(60, 2) % 3
    several = MultiOutputClassifier(LogisticRegression()).fit(X, targets)
    with pytest.raises(DataTypeError, match="place 1 has classes for each of 2 targets"):
        many.Ensemble([two, several]).predict(x)


@pytest.mark.parametrize("method", ["predict_proba", "predict_log_proba"])
def test_splits_that_lack_a_class(method):
    rows = np.argsort(WORDS, kind="stable")  # each test has a class that is not trained on
    splits = [
        (np.setdiff1d(rows, rows[i : i + 15]), rows[i : i + 15]) for i in range(0, 60, 15)
    ]
    found = many.cross_validate(
        LogisticRegression, X, WORDS, splits, predict=method, score=lambda *a: 0.0
    )
    assert found.classes.tolist() == ["a", "b", "c", "d"]
    for i, (train, test) in enumerate(splits):
        model = LogisticRegression().fit(X[train], WORDS[train])
        lacking = "abcd"[i]
        assert lacking not in model.classes_
        for column, label in enumerate("abcd"):
            expected = by_label(model, X[test]).get(label, np.zeros(15))
            if method == "predict_log_proba":
                with np.errstate(divide="ignore"):
                    expected = np.log(expected)
            assert found.predictions[test, column] == pytest.approx(expected)
    with pytest.raises(ShapeError, match=r"decision_function.*cannot be aligned"):
        many.cross_validate(
            LogisticRegression, X, WORDS, splits, predict="decision_function",
            score=lambda *a: 0.0,
        )  # fmt: skip


def test_splits_whose_networks_differ_in_width():
    widths = iter([1, 2])
    with pytest.raises(ShapeError, match=r"predict: expected the same shape .*\(1,\), \(2,\)"):
        many.cross_validate(lambda: Copies(next(widths)), X, WORDS, 2, predict=True, n_jobs=1)


class Copies:
    """Predicts a column of zeros so many times."""

    def __init__(self, columns):
        self.columns = columns

    def fit(self, x, y):
        return self

    def predict(self, x):
        return np.zeros((len(x), self.columns))

    def score(self, x, y):
        return 0.0


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_bags_that_lack_a_class(n_jobs):
    words = WORDS.copy()
    words[:] = "b"
    words[:20], words[20:23] = "a", "r"
    bag = many.bagging(
        LogisticRegression, X, words, 8, max_samples=12, n_jobs=n_jobs, seed=2,
        score=lambda y, p: {"width": p.shape[1]},
    )  # fmt: skip
    assert {len(model.classes_) for model in bag.models} == {2, 3}
    assert bag.classes.tolist() == ["a", "b", "r"]
    assert bag.scores == {"width": 3}
    for column, label in enumerate(bag.classes):
        sums, counts = np.zeros(60), np.zeros(60)
        for i, model in enumerate(bag.models):
            out = np.setdiff1d(np.arange(60), bag.bags[i])
            sums[out] += by_label(model, X[out]).get(label, 0)
            counts[out] += 1
        assert bag.predictions[:, column] == pytest.approx(sums / counts, nan_ok=True)


def test_bags_whose_outputs_differ_in_width():
    widths = iter([1, 2, 3])
    with pytest.raises(ShapeError, match=r"outputs of shape \(1,\) a row .* got \(2,\)"):
        many.bagging(lambda: Copies(next(widths)), X, WORDS, 3, n_jobs=1)


# -- metrics with a value for each class -------------------------------------------------------

TARGETS = np.eye(3, dtype="float32")[np.arange(60) % 3]


def f1(average=None):
    model = Sequential([layers.Dense(3, activation="softmax", input_shape=(3,))])
    model.compile(
        "sgd", "categorical_crossentropy", metrics=[metrics.F1Score(average, name="f1")]
    )
    return model


def test_scores_with_a_value_for_each_class():
    bag = many.bagging(f1, X, TARGETS, 4, epochs=2, seed=1)
    known = bag.counts > 0
    metric = metrics.F1Score()
    metric.update_state(TARGETS[known], bag.predictions[known])
    assert bag.scores["f1"] == pytest.approx(metric.result())
    assert "f1=[" in repr(bag)
    found = many.cross_validate(f1, X, TARGETS, 3, seed=1)
    rows = [result.scores["test_f1"] for result in found]
    assert found.scores["test_f1"].shape == (3, 3)
    assert found.means["test_f1"] == pytest.approx(np.mean(rows, axis=0))
    assert found.deviations["test_f1"] == pytest.approx(np.std(rows, axis=0, ddof=1))
    assert "test_f1=[" in repr(found)


def test_where_one_number_is_needed():
    for search in (many.grid_search, many.successive_halving):
        sets = {"average": [None]} if search is many.grid_search else [{"average": None}]
        with pytest.raises(ArgumentError, match=r"monitor: 'f1' is an array of shape.*average"):
            search(f1, sets, X, TARGETS, 2, monitor="f1", mode="max")
    found = many.grid_search(f1, {"average": ["macro"]}, X, TARGETS, 2, monitor="f1")
    assert found.mode == "max"
