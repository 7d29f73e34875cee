"""Rows to validate on, and steps that are fitted on training rows, in each fold."""

import copy
import pickle

import numpy as np
import pandas
import pytest
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from fastgd import Sequential, callbacks, layers, many, utils
from fastgd.errors import ArgumentError, DataTypeError

RNG = np.random.default_rng(8)
X = RNG.normal(5, [1, 10, 100], size=(60, 3)).astype("float32")
Y = (X @ [1.0, 0.1, 0.01]).astype("float32")
SPLITS = many.k_fold(60, 3, shuffle=True, seed=2)


def make(units=2):
    model = Sequential([layers.Dense(units, "tanh", input_shape=(3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


def centred(x):
    """A step as a function, in plain NumPy."""
    mean, std = x.mean(axis=0), x.std(axis=0)

    def transform(rows):
        rows -= mean  # in place, as the rows are its own
        return rows / std

    return transform


def by_hand(rows, seed, units=2, epochs=2, validate=None, **arguments):
    """A model of scaled rows, and the mean and deviation that scaled them."""
    mean, std = X[rows].mean(axis=0), X[rows].std(axis=0)
    utils.set_random_seed(seed)
    model = make(units)
    if validate is not None:
        arguments["validation_data"] = (X[validate] - mean) / std, Y[validate]
    model.fit((X[rows] - mean) / std, Y[rows], epochs=epochs, verbose=0, **arguments)
    return model, mean, std


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("prepare", [centred, StandardScaler()])
def test_a_step_sees_training_rows_only(prepare, n_jobs):
    before = X.copy()
    found = many.cross_validate(
        make, X, Y, SPLITS, predict=True, prepare=prepare, seed=3, n_jobs=n_jobs, epochs=2
    )
    assert_array_equal(X, before)
    assert not hasattr(prepare, "mean_")  # each split fits a copy
    for i, (train, test) in enumerate(SPLITS):
        model, mean, std = by_hand(train, 3 + i)
        scaled = (X[test] - mean) / std
        close = {"rel": 1e-4, "abs": 1e-5}
        assert found[i].model.parameters == pytest.approx(model.parameters, **close)
        assert found.predictions[test] == pytest.approx(model.predict(scaled), **close)
        loss = model.evaluate(scaled, Y[test], verbose=0)
        assert found.scores["test_loss"][i] == pytest.approx(loss, rel=1e-4)
        joined = found.models[i]
        assert joined.prepare is found[i].prepare
        assert joined.predict(X[test].copy()) == pytest.approx(model.predict(scaled), **close)


def test_estimators_frames_and_scores_of_ones_own():
    frame, labels = pandas.DataFrame(X, columns=list("abc")), (np.median(Y) < Y).astype(int)
    seen = []

    def score(model, x, y):
        seen.append(x)
        return model.score(x, y)

    found = many.cross_validate(
        LogisticRegression, frame, labels, SPLITS, prepare=StandardScaler(), score=score,
        n_jobs=1,
    )  # fmt: skip
    for i, (train, test) in enumerate(SPLITS):
        scaler = StandardScaler().fit(X[train].astype("float64"))
        alone = LogisticRegression().fit(scaler.transform(X[train]), labels[train])
        expected = alone.score(scaler.transform(X[test]), labels[test])
        assert found.scores["test_score"][i] == expected
        assert seen[i] == pytest.approx(scaler.transform(X[test]), rel=1e-4, abs=1e-5)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_searches_keep_the_step_with_the_model(n_jobs):
    sets = [{"units": 1}, {"units": 3}]
    settings = {"prepare": centred, "seed": 3, "n_jobs": n_jobs, "keep_models": True}
    search = many.parameter_search(make, sets, X, Y, SPLITS, epochs=2, **settings)
    halving = many.successive_halving(
        make, sets, X, Y, SPLITS, least=1, factor=2, mode="min", **settings
    )
    for found in (search, halving):
        for row, models in zip(found, found.models, strict=True):
            epochs = row.get("resource", 2)
            for i, (train, test) in enumerate(SPLITS):
                alone, mean, std = by_hand(train, 3 + i, row["parameters"]["units"], epochs)
                loss = alone.evaluate((X[test] - mean) / std, Y[test], verbose=0)
                assert row["scores"][i] == pytest.approx(loss, rel=1e-3)
                expected = alone.predict((X[test] - mean) / std)
                assert models[i].predict(X[test].copy()) == pytest.approx(expected, rel=1e-3)
        final = found.refit()
        assert isinstance(final, many.PreparedModel)
        mean, std = final.prepare(np.zeros((1, 3))), final.prepare(np.ones((1, 3)))
        assert 1 / (std - mean) == pytest.approx(X.std(axis=0)[None], rel=1e-4)


def test_bags_with_steps():
    bag = many.bagging(make, X, Y, 4, prepare=StandardScaler(), seed=1, epochs=2)
    sums = np.zeros((60, 1))
    for i, model in enumerate(bag.models):
        out = np.setdiff1d(np.arange(60), bag.bags[i])
        alone, mean, std = by_hand(bag.bags[i], 1 + i)
        expected = alone.predict((X[out] - mean) / std)
        assert model.predict(X[out]) == pytest.approx(expected, rel=1e-3, abs=1e-4)
        sums[out] += expected
    known = bag.counts > 0
    expected = sums[known] / bag.counts[known, None]
    assert bag.predictions[known] == pytest.approx(expected, rel=1e-3, abs=1e-4)
    mean = np.mean([model.predict(X) for model in bag.models], axis=0)
    assert bag.predict(X) == pytest.approx(mean)
    again = pickle.loads(pickle.dumps(bag.models[0]))
    assert_array_equal(again.predict(X), copy.deepcopy(bag.models[0]).predict(X))


def test_a_step_that_works_in_place_changes_no_array_of_the_user():
    before = X.copy()
    bag = many.bagging(make, X, Y, 2, prepare=centred, validation_data=(X, Y), seed=1)
    bag.predict(X)
    many.cross_validate(make, X, Y, [(np.arange(60), np.arange(60))], prepare=centred)
    many.parameter_search(make, [{}], X, Y, validation_data=(X, Y), prepare=centred).refit()
    assert_array_equal(X, before)


@pytest.mark.parametrize("prepare", [None, centred])
def test_validation_on_the_fold_or_on_a_share_of_the_training_rows(prepare):
    def stop():
        return [callbacks.EarlyStopping(patience=0, min_delta=1e9)]

    settings = {"seed": 3, "epochs": 9, "callbacks": stop, "prepare": prepare}
    fold = many.cross_validate(make, X, Y, SPLITS, validation="fold", **settings)
    share = many.cross_validate(make, X, Y, SPLITS, validation=0.25, **settings)
    for i, (train, test) in enumerate(SPLITS):
        drawn = np.random.default_rng(3 + i).permutation(train)[:10]
        rest = np.setdiff1d(train, drawn)
        for found, rows, validate in ((fold, train, test), (share, rest, np.sort(drawn))):
            assert len(found[i].history.history["val_loss"]) == 2  # it has stopped
            if prepare is None:
                utils.set_random_seed(3 + i)
                alone = make()
                data = X[validate], Y[validate]
                history = alone.fit(X[rows], Y[rows], epochs=2, verbose=0, validation_data=data)
                assert found[i].history.history == history.history
                assert_array_equal(found[i].model.parameters, alone.parameters)
            else:
                alone, *_ = by_hand(rows, 3 + i, validate=validate)
                values = alone.history.history["val_loss"]
                assert found[i].history.history["val_loss"] == pytest.approx(values, rel=1e-3)
        assert fold.scores["val_loss"][i] == pytest.approx(
            fold.scores["test_loss"][i], rel=1e-5
        )


@pytest.mark.filterwarnings("ignore:successive_halving")
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_validation_in_searches(n_jobs):
    sets = [{"units": 1}, {"units": 3}]
    settings = {"seed": 3, "n_jobs": n_jobs, "keep_models": True}
    found = many.parameter_search(make, sets, X, Y, SPLITS, validation="fold", **settings)
    given = many.parameter_search(
        make, sets, X[:40], Y[:40], validation_data=(X[40:], Y[40:]), validation="fold",
        **settings,
    )  # fmt: skip
    halving = many.successive_halving(
        make, sets, X, Y, SPLITS, validation=0.5, resource="rows", least=10, most=20, factor=2,
        **settings,
    )  # fmt: skip
    for row, models in zip(found, found.models, strict=True):
        ends = [model.history.history["val_loss"][-1] for model in models]
        assert ends == pytest.approx(row["scores"], rel=1e-5)
    for row, (model,) in zip(given, given.models, strict=True):
        assert model.history.history["val_loss"] == pytest.approx(row["scores"], rel=1e-5)
    assert halving.spent == 3 * (2 * 5 + 1 * 10)  # half of the rows are not trained on
    assert "val_loss" not in found.refit().history.history
    search = many.parameter_search(make, sets[:1], X, Y, SPLITS, validation=0.5, seed=3)
    drawn = np.sort(np.random.default_rng(3).permutation(60)[:30])
    utils.set_random_seed(3)
    alone = make(1)
    rest = np.setdiff1d(np.arange(60), drawn)
    alone.fit(X[rest], Y[rest], validation_data=(X[drawn], Y[drawn]), verbose=0)
    assert search.refit().history.history == alone.history.history


def test_a_repeated_row_is_on_one_side():
    rows = np.repeat(np.arange(20), 3)
    seen = []
    many.cross_validate(
        make, X, Y, [(rows, np.arange(20, 60))], validation=0.25,
        callbacks=lambda: seen.append(1) or [],
    )  # fmt: skip
    chosen = many.validation.Validation(0.25, {}).rows(rows, None, 0)
    assert not np.intersect1d(chosen["rows"], chosen["validation_rows"]).size
    assert (len(chosen["rows"]), len(chosen["validation_rows"])) == (45, 5)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"validation": "folds"}, ArgumentError, "validation: expected 'fold' or a share"),
        ({"validation": 1.5}, ArgumentError, "validation: expected"),
        ({"validation": 0.001}, ArgumentError, "leaves 40 to train on and 0 to validate"),
        (
            {"validation": "fold", "validation_split": 0.1},
            ArgumentError,
            "validation, validation_split: expected one of the two",
        ),
        ({"prepare": 3}, DataTypeError, "prepare: expected an object with fit and transform"),
        ({"prepare": StandardScaler}, DataTypeError, "prepare: expected an object"),
        ({"prepare": lambda x: x}, DataTypeError, "prepare: expected it to return a function"),
    ],
)
def test_what_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        many.cross_validate(make, X, Y, SPLITS, **arguments)
    if "prepare" not in arguments:
        with pytest.raises(error, match=words):
            many.parameter_search(make, [{}], X, Y, SPLITS, **arguments)


def test_no_method_leaves_out_the_step():
    model = many.PreparedModel(lambda x: x / 10, make())
    alone = copy.deepcopy(model.model)
    for name in ("predict_on_batch", "predict"):
        assert_array_equal(getattr(model, name)(X), getattr(alone, name)(X / 10))
    for name in ("evaluate", "test_on_batch", "train_on_batch", "train_on_batch"):
        assert getattr(model, name)(X, Y) == getattr(alone, name)(X / 10, Y)
    assert model.value_and_grad(X, Y)[0] == alone.value_and_grad(X / 10, Y)[0]
    ones = {name for name in dir(alone) if name.endswith("_one")}
    for name in ones | {"fit", "predictor", "learner", "save", "predict_proba_one"}:
        with pytest.raises(AttributeError, match=f"no {name}, which would leave out"):
            getattr(model, name)
