"""Cross-validation from row numbers: against loops by hand and scikit-learn's."""

import numpy as np
import pandas
import pytest
from problems import network
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import get_scorer
from sklearn.model_selection import (
    KFold,
    StratifiedKFold,
    cross_val_predict,
    cross_val_score,
)

import fastgd
from fastgd import config, layers, utils
from fastgd._data import frames, validation
from fastgd.errors import ArgumentError, DataError, DataTypeError, UnknownNameError
from fastgd.many import CrossValidation, cross_validate, k_fold, walk_forward

RNG = np.random.default_rng(6)
X = RNG.normal(size=(90, 3)).astype("float32")
Y = (X[:, :1] - 0.5 * X[:, 1:2]).astype("float32")
LABELS = (Y[:, 0] > 0).astype(int)


def make():
    model = network(((4, "tanh"),))
    model.compile("adam", "mse", metrics=["mae"])
    return model


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", ["reference", "default"])
def test_each_split_is_a_run_alone_on_copies(n_jobs, name):
    config.set_engine("reference" if name == "reference" else None)
    splits = k_fold(90, 4, shuffle=True, seed=1)
    found = cross_validate(
        make, X, Y, splits, predict=True, seed=20, n_jobs=n_jobs, epochs=3, batch_size=8
    )
    assert isinstance(found, CrossValidation)
    assert found.predictions.shape == (90, 1)
    for i, (train, test) in enumerate(splits):
        utils.set_random_seed(20 + i)
        model = make()
        history = model.fit(X[train], Y[train], epochs=3, batch_size=8, verbose=0)
        alone = model.evaluate(X[test], Y[test], verbose=0, return_dict=True)
        assert found[i].scores == {
            "loss": history.history["loss"][-1],
            "mae": history.history["mae"][-1],
            "test_loss": alone["loss"],
            "test_mae": alone["mae"],
        }
        assert found[i].params == {"split": i}
        assert found[i].model.parameters.tobytes() == model.parameters.tobytes()
        assert found.predictions[test].tobytes() == model.predict(X[test]).tobytes()
    for name, values in found.scores.items():
        assert values.shape == (4,)
        assert found.means[name] == pytest.approx(np.mean(values))
        assert found.deviations[name] == pytest.approx(np.std(values, ddof=1))
    assert "test_loss=" in repr(found)
    assert list(found.to_frame()["split"]) == [0, 1, 2, 3]


def test_a_model_is_replicated_for_each_split():
    utils.set_random_seed(2)
    model = make()
    before = model.parameters.copy()
    found = cross_validate(model, X, Y, 3, seed=5, epochs=1)
    assert (model.parameters == before).all()
    assert model.history is None
    for i, (train, _) in enumerate(k_fold(90, 3)):
        utils.set_random_seed(5 + i)
        alone = make()
        alone.fit(X[train], Y[train], verbose=0)
        assert found[i].model.parameters.tobytes() == alone.parameters.tobytes()


@pytest.mark.parametrize("frame", [False, True])
def test_estimators_as_in_scikit_learn(frame):
    x = pandas.DataFrame(X, columns=list("abc")) if frame else X
    found = cross_validate(Ridge(), x, Y[:, 0], KFold(4), predict=True)
    theirs = cross_val_score(Ridge(), x, Y[:, 0], cv=KFold(4))
    assert found.scores["test_score"] == pytest.approx(theirs)
    assert found.predictions == pytest.approx(
        cross_val_predict(Ridge(), x, Y[:, 0], cv=KFold(4))
    )


def test_probabilities_and_scorers_of_scikit_learn():
    words = np.array(["no", "yes"])[LABELS]
    cv = StratifiedKFold(3)
    arguments = {"score": get_scorer("roc_auc"), "predict": "predict_proba"}
    found = cross_validate(LogisticRegression(), X, words, cv, **arguments)
    expected = cross_val_score(LogisticRegression(), X, words, cv=cv, scoring="roc_auc")
    assert found.scores["test_score"] == pytest.approx(expected)
    probabilities = cross_val_predict(
        LogisticRegression(), X, words, cv=cv, method="predict_proba"
    )
    assert found.predictions == pytest.approx(probabilities)
    named = cross_validate(LogisticRegression, X, words, cv, predict=True)
    assert (named.predictions == cross_val_predict(LogisticRegression(), X, words, cv=cv)).all()


def test_a_frame_is_read_once_for_all_splits(monkeypatch):
    x, read = pandas.DataFrame(X, columns=list("abc")), []
    whole = frames.array_of_frame
    monkeypatch.setattr(
        validation,
        "array_of_frame",
        lambda values, name: read.append(name) or whole(values, name),
    )
    found = cross_validate(make, x, Y, 4, predict=True, seed=2)
    assert read == ["x"]
    assert (
        found.predictions == cross_validate(make, X, Y, 4, predict=True, seed=2).predictions
    ).all()


def test_rows_that_no_split_tests_have_no_prediction():
    splits = walk_forward(90, 10, train=20, gap=2, splits=3)
    found = cross_validate(make, X, Y, splits, predict=True)
    assert found.predictions.dtype == np.float32
    assert np.isnan(found.predictions[:60]).all()
    assert np.isfinite(found.predictions[60:]).all()
    words = np.array(["no", "yes"])[LABELS]
    found = cross_validate(LogisticRegression(), X, words, splits, predict=True)
    assert set(found.predictions[:60]) == {None}
    assert set(found.predictions[60:]) <= {"no", "yes"}


def test_the_last_of_several_predictions_counts():
    splits = [(np.arange(0, 40), np.arange(40, 60)), (np.arange(0, 50), np.arange(50, 70))]
    found = cross_validate(make, X, Y, splits, predict=True)
    assert (found.predictions[50:70] == found[1].model.predict(X[50:70])).all()
    assert (found.predictions[40:50] == found[0].model.predict(X[40:50])).all()


def test_a_score_of_ones_own_sees_the_rows_held_out():
    seen = []

    def score(model, x, y):
        seen.append((x, y))
        return {"bias": float(np.mean(model.predict(x) - y)), "rows": len(x)}

    found = cross_validate(make, X, Y, 3, score=score, n_jobs=1)
    assert found.scores["test_rows"].tolist() == [30, 30, 30]
    assert (np.concatenate([x for x, _ in seen]) == X).all()
    one = cross_validate(make, X, Y, 3, score=lambda model, x, y: 0.5)
    assert one.means["test_score"] == 0.5
    assert one.deviations["test_score"] == 0


def test_weights_go_with_their_rows():
    weights = RNG.random(90)
    found = cross_validate(Ridge(), X, Y[:, 0], 3, sample_weight=weights)
    for i, (train, _) in enumerate(k_fold(90, 3)):
        alone = Ridge().fit(X[train], Y[train, 0], sample_weight=weights[train])
        assert found[i].model.coef_ == pytest.approx(alone.coef_)
    found = cross_validate(make, X, Y, 3, sample_weight=weights, seed=4)
    train = k_fold(90, 3)[0][0]
    utils.set_random_seed(4)
    alone = make()
    alone.fit(X[train], Y[train], sample_weight=weights[train], verbose=0)
    assert found[0].model.parameters.tobytes() == alone.parameters.tobytes()


def test_several_inputs_and_outputs():
    left, right = layers.Input(shape=(2,), name="left"), layers.Input(shape=(1,), name="right")
    both = layers.Concatenate()([left, right])
    outputs = [layers.Dense(1, name="a")(both), layers.Dense(2, name="b")(both)]

    def make():
        model = fastgd.models.clone_model(fastgd.Model([left, right], outputs))
        model.compile("sgd", "mse")
        return model

    x = {"left": X[:, :2], "right": X[:, 2:]}
    y = {"a": Y, "b": np.hstack([Y, -Y])}
    found = cross_validate(make, x, y, 3, seed=1)
    train, test = k_fold(90, 3)[0]
    utils.set_random_seed(1)
    alone = make()
    alone.fit(
        {k: v[train] for k, v in x.items()}, {k: v[train] for k, v in y.items()}, verbose=0
    )
    expected = alone.evaluate(
        {k: v[test] for k, v in x.items()},
        {k: v[test] for k, v in y.items()},
        verbose=0,
        return_dict=True,
    )
    assert found[0].scores["test_loss"] == expected["loss"]


def test_splits_that_fail():
    def fails():
        if len(made) == 1:
            raise OSError("no model today")
        made.append(1)
        return make()

    made = []
    with pytest.raises(OSError, match="no model today"):
        cross_validate(fails, X, Y, 2, n_jobs=1)
    made = []
    found = cross_validate(fails, X, Y, 2, n_jobs=1, raise_errors=False, predict=True)
    assert np.isnan(found.scores["test_loss"]).tolist() == [False, True]
    assert np.isnan(found.means["test_loss"])
    assert np.isnan(found.predictions[:, 0]).tolist() == [False] * 45 + [True] * 45


def test_one_split_has_no_deviation():
    found = cross_validate(make, X, Y, [(range(60), range(60, 90))])
    assert np.isnan(found.deviations["test_loss"])
    assert CrossValidation().means == {}


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"splits": 1}, ArgumentError, "k: "),
        ({"splits": []}, ArgumentError, "splits: there are none"),
        ({"splits": [3]}, DataTypeError, "splits: expected pairs"),
        ({"splits": [([0], [90])]}, ArgumentError, "test rows of split 0: .* got 90"),
        ({"splits": [([0], [1]), ([], [1])]}, DataError, "training rows of split 1: there are"),
        ({"predict": 3}, DataTypeError, "predict: expected True or False"),
        ({"score": 3}, DataTypeError, "score: expected a function"),
        ({"epoch": 3}, UnknownNameError, "job 0: no 'epoch'; did you mean 'epochs'"),
        ({"raise_errors": 3}, DataTypeError, "raise_errors"),
        ({"model": 3}, DataTypeError, "job 0: model"),
    ],
)
def test_what_cross_validation_refuses(arguments, error, words):
    with pytest.raises(error, match=words):
        cross_validate(**{"model": make, "x": X, "y": Y} | arguments)
