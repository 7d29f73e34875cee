"""Searches: the same as a plain loop, whatever the threads; failures, ranks and pictures."""

import gc
import json
import math
import os
import signal
import threading
import weakref

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastgd import Sequential, layers, losses, many, metrics, optimizers, utils
from fastgd._data import subsets
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError, UnknownNameError

RNG = np.random.default_rng(5)
X = RNG.normal(size=(90, 3)).astype("float32")
Y = (X[:, 0] + 0.3 * RNG.normal(size=90) > 0).astype("float32")
SPLITS = many.k_fold(90, 3, shuffle=True, seed=2)
WALK = many.walk_forward(90, 20, gap=3)


def make(units=4, rate=0.01, dropout=0.0):
    model = Sequential(
        [
            layers.Dense(units, activation="tanh", input_shape=(3,)),
            layers.Dropout(dropout),
            layers.Dense(1, activation="sigmoid"),
        ]
    )
    model.compile(
        optimizers.Adam(rate),
        "binary_crossentropy",
        metrics=["accuracy", metrics.AUC(name="auc")],
    )
    return model


def plain_loop(parameters, fit, splits, seed):
    """Figures of each split, and the models, as a user without fastgd.many gets them.

    They are kept for the next such call.
    """
    call = *parameters.items(), *fit.items(), id(splits), seed  # SPLITS and WALK stay
    if call not in LOOPS:
        LOOPS[call] = new_loop(parameters, fit, splits, seed)
    return LOOPS[call]


LOOPS = {}


def new_loop(parameters, fit, splits, seed):
    found, models = [], []
    for i, (train, test) in enumerate(splits):
        utils.set_random_seed(seed + i)
        model = make(**parameters)
        model.fit(X[train], Y[train], verbose=0, **fit)
        found.append(model.evaluate(X[test], Y[test], verbose=0, return_dict=True))
        models.append(model)
    return {name: [figures[name] for figures in found] for name in found[0]}, models


# -- results -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("splits", [SPLITS, WALK], ids=["k_fold", "walk_forward"])
def test_a_search_is_a_plain_loop(splits, n_jobs):
    space = {"units": [2, 5], "dropout": [0.0, 0.3], "batch_size": [8, 32]}
    search = many.grid_search(
        make, space, X, Y, splits, seed=11, n_jobs=n_jobs, keep_models=True, epochs=3
    )
    assert [row["parameters"] for row in search] == many.grid(space)
    for row, kept in zip(search, search.models, strict=True):
        parameters = dict(row["parameters"])
        fit = {"batch_size": parameters.pop("batch_size"), "epochs": 3}
        figures, models = plain_loop(parameters, fit, splits, seed=11)
        assert row["figures"] == figures
        assert row["scores"] == figures["loss"]
        assert row["mean"] == np.mean(figures["loss"])
        assert row["std"] == np.std(figures["loss"], ddof=1)
        for model, expected in zip(kept, models, strict=True):
            assert_array_equal(model.parameters, expected.parameters)


def test_random_search_draws_the_sets_and_keeps_to_the_seed():
    space = {"units": many.integers(2, 9), "rate": many.loguniform(1e-3, 1e-1)}
    searches = [
        many.random_search(make, space, X, Y, SPLITS, n=6, seed=3, n_jobs=n_jobs)
        for n_jobs in (1, 2)
    ]
    assert [row["parameters"] for row in searches[0]] == many.random(space, 6, seed=3)
    for one, other in zip(*searches, strict=True):
        assert without_times(one) == without_times(other)
    other = many.random_search(make, space, X, Y, SPLITS, n=6, seed=4)
    assert [row["mean"] for row in other] != [row["mean"] for row in searches[0]]
    figures, _ = plain_loop(searches[0][4]["parameters"], {}, SPLITS, seed=3)
    assert searches[0][4]["figures"] == figures


def test_without_a_seed_the_seed_of_the_process_decides():
    def means(seed):
        utils.set_random_seed(seed)
        space = {"units": many.integers(2, 9)}
        return [row["mean"] for row in many.random_search(make, space, X, Y, SPLITS, n=3)]

    assert means(1) == means(1) != means(2)


def without_times(row):
    return {name: value for name, value in row.items() if name != "seconds"}


def test_a_search_converts_data_once_and_keeps_no_copy(monkeypatch):
    x, copies = X.astype("float64"), []

    def spy(array, dtype):
        copy = prepared(array, dtype)
        copies.append(weakref.ref(copy))
        return copy

    prepared = subsets.prepared
    monkeypatch.setattr(subsets, "prepared", spy)
    search = many.grid_search(make, {"units": [2, 3]}, x, Y, SPLITS, seed=5, n_jobs=2)
    assert len(copies) == 2
    gc.collect()
    assert copies[0]() is None or copies[1]() is None  # Y needs none: it is the other
    again = many.grid_search(make, {"units": [2, 3]}, X, Y, SPLITS, seed=5)
    assert [row["scores"] for row in search] == [row["scores"] for row in again]


def test_validation_data_instead_of_splits():
    search = many.grid_search(
        make, {"units": [3]}, X[:60], Y[:60], validation_data=(X[60:], Y[60:]), seed=5
    )
    utils.set_random_seed(5)
    model = make(3)
    model.fit(X[:60], Y[:60], verbose=0)
    assert search[0]["scores"] == [model.evaluate(X[60:], Y[60:], verbose=0)[0]]
    assert math.isnan(search[0]["std"])


def test_weights_of_rows_go_with_their_rows():
    weights = RNG.uniform(0, 2, size=90)
    search = many.grid_search(make, {"units": [3]}, X, Y, SPLITS, seed=5, sample_weight=weights)
    for i, (train, test) in enumerate(SPLITS):
        utils.set_random_seed(5 + i)
        model = make(3)
        model.fit(X[train], Y[train], sample_weight=weights[train], verbose=0)
        assert search[0]["scores"][i] == model.evaluate(X[test], Y[test], verbose=0)[0]


def test_the_metric_says_which_way_is_better():
    space = {"rate": [1e-5, 0.05]}
    by_loss = many.grid_search(make, space, X, Y, SPLITS, seed=1, epochs=5)
    by_auc = many.grid_search(make, space, X, Y, SPLITS, seed=1, epochs=5, monitor="auc")
    assert (by_loss.monitor, by_loss.mode) == ("loss", "min")
    assert (by_auc.monitor, by_auc.mode) == ("auc", "max")
    assert by_auc.best["mean"] == max(row["mean"] for row in by_auc)
    assert by_loss.best["mean"] == min(row["mean"] for row in by_loss)
    assert by_auc[0]["scores"] == by_loss[0]["figures"]["auc"]
    worst = many.grid_search(make, space, X, Y, SPLITS, seed=1, epochs=5, mode="max")
    assert worst.best["index"] == 1 - by_loss.best["index"]


def test_a_score_of_ones_own():
    def score(model, x, y):
        return {"brier": np.mean((model.predict(x)[:, 0] - y) ** 2), "rows": len(x)}

    search = many.grid_search(
        make, {"units": [2, 3]}, X, Y, SPLITS, seed=1, score=score, monitor="brier", mode="min"
    )
    assert search[0]["figures"]["rows"] == [30, 30, 30]
    _, models = plain_loop({"units": 2}, {}, SPLITS, seed=1)
    expected = [
        score(model, X[test], Y[test])["brier"]
        for model, (_, test) in zip(models, SPLITS, strict=True)
    ]
    assert search[0]["scores"] == expected
    one = many.grid_search(
        make,
        {"units": [2]},
        X,
        Y,
        SPLITS,
        seed=1,
        score=lambda m, x, y: -score(m, x, y)["brier"],
    )
    assert (one.monitor, one.mode) == ("score", "max")
    assert one[0]["scores"] == [-value for value in expected]


class Mean:
    """An estimator without anything to do with fastgd; `offset` says how bad it is."""

    def __init__(self, offset):
        self.offset = offset

    def fit(self, x, y):
        self.mean = np.mean(y) + self.offset

    def score(self, x, y):
        return -float(np.mean((y - self.mean) ** 2))


def test_estimators_by_their_own_score():
    search = many.grid_search(Mean, {"offset": [1.0, 0.0, -2.0]}, X, Y, SPLITS)
    assert search.best["parameters"] == {"offset": 0.0}
    assert (search.monitor, search.mode) == ("score", "max")
    assert [row["rank"] for row in search] == [2, 1, 3]
    expected = [-np.mean((Y[test] - np.mean(Y[train])) ** 2) for train, test in SPLITS]
    assert search.best["scores"] == pytest.approx(expected, rel=1e-6)
    assert search.refit().mean == np.mean(Y)


# -- ranks and failures ------------------------------------------------------------------------


def test_ties_share_a_rank_and_the_first_is_best():
    search = many.grid_search(Mean, {"offset": [1.0, 0.0, 0.0, 1.0, 0.5]}, X, Y, SPLITS)
    assert [row["rank"] for row in search] == [4, 1, 1, 4, 3]
    assert search.best["index"] == 1


def test_a_set_that_fails_does_not_harm_the_others():
    def fragile(units, rate=0.01):
        if units == 13:
            raise RuntimeError("no thirteen")
        return make(units, rate)

    sets = [{"units": 4}, {"units": 13}, {"units": 0}, {"units": 6}]
    alone = many.parameter_search(fragile, [sets[0], sets[3]], X, Y, SPLITS, seed=7)
    for n_jobs in (1, 2):
        search = many.parameter_search(fragile, sets, X, Y, SPLITS, seed=7, n_jobs=n_jobs)
        assert [search[i]["scores"] for i in (0, 3)] == [row["scores"] for row in alone]
        assert [row["error"] is None for row in search] == [True, False, False, True]
        assert search[1]["error"] == "RuntimeError: no thirteen"
        assert "units" in search[2]["error"]
        assert math.isnan(search[1]["mean"]) and all(map(math.isnan, search[1]["scores"]))
        assert sorted(row["rank"] for row in search) == [1, 2, 3, 3]
        assert search[1]["rank"] == search[2]["rank"] == 3


def test_a_set_that_fails_on_one_split_has_no_mean():
    def score(model, x, y):
        if model.count_params() > 15 and x[0, 0] == X[SPLITS[1][1][0], 0]:
            raise ValueError("not these rows")
        return 1.0

    search = many.grid_search(make, {"units": [2, 8]}, X, Y, SPLITS, score=score)
    assert search[0]["scores"] == [1.0] * 3
    assert [math.isnan(value) for value in search[1]["scores"]] == [False, True, False]
    assert math.isnan(search[1]["mean"])
    assert search[1]["error"] == "ValueError: not these rows"


def test_training_that_diverges_is_a_failure():
    def explosive(rate):
        model = Sequential([layers.Dense(1, input_shape=(3,))])
        model.compile(optimizers.SGD(rate), losses.MeanSquaredError())
        return model

    search = many.grid_search(explosive, {"rate": [1e30, 0.01]}, X, Y, SPLITS, epochs=3)
    assert search[0]["error"].startswith(DivergenceError.__name__)
    assert search.best["index"] == 1


def test_if_all_fail_best_says_why():
    def broken(units):
        raise RuntimeError("out of order")

    search = many.grid_search(broken, {"units": [1, 2]}, X, Y, SPLITS)
    assert [row["rank"] for row in search] == [1, 1]
    assert "none has a score" in repr(search)
    with pytest.raises(ArgumentError, match=r"no parameter set has a score.*out of order"):
        _ = search.best


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            {"space": {"unit": [2]}},
            UnknownNameError,
            "parameters: no 'unit'; did you mean 'units'",
        ),
        ({"monitor": "aux"}, UnknownNameError, "monitor: no 'aux'; did you mean 'auc'"),
        ({"mode": "best"}, ArgumentError, "mode: expected 'auto'"),
        ({"splits": None}, ArgumentError, "splits, validation_data: expected one"),
        ({"validation_data": (X, Y)}, ArgumentError, "splits, validation_data: expected one"),
        ({"splits": None, "validation_data": (X,)}, ArgumentError, "validation_data: expected"),
        ({"splits": [([0, 1], [90])]}, ArgumentError, "splits: test rows of split 0"),
        ({"score": 3}, DataTypeError, "score: expected a function"),
        ({"make_model": "adam"}, DataTypeError, "make_model: expected a function"),
        ({"epoch": 3}, UnknownNameError, "'epoch'; did you mean 'epochs'"),
        ({"score": lambda m, x, y: {"profit": 1}}, ArgumentError, "'profit' does not say"),
        ({"score": lambda m, x, y: {}}, ArgumentError, "score: it returned no value"),
        ({"keep_models": "all"}, DataTypeError, "keep_models"),
        ({"seed": -1}, ArgumentError, "seed"),
    ],
)
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_bad_arguments(arguments, error, message, n_jobs):
    settings = {
        "make_model": make,
        "space": {"units": [2, 3]},
        "x": X,
        "y": Y,
        "splits": SPLITS,
    }
    with pytest.raises(error, match=message):
        many.grid_search(**settings | {"n_jobs": n_jobs} | arguments)


@pytest.mark.parametrize("sets", [[], {"units": 2}, [3], [{2: 3}], "ab"])
def test_what_are_no_parameter_sets(sets):
    with pytest.raises(DataTypeError, match="parameter_sets: expected a"):
        many.parameter_search(make, sets, X, Y, SPLITS)


def test_parameters_of_a_function_that_takes_any():
    seen = []

    def greedy(**parameters):
        seen.append(parameters)
        return Mean(0.0)

    many.parameter_search(greedy, [{"a": 1, "batch_size": 2}], X, Y, SPLITS, n_jobs=1)
    assert seen == 3 * [{"a": 1, "batch_size": 2}]


def test_ctrl_c_keeps_what_is_done():
    def stops(units):
        if units == 5:
            raise KeyboardInterrupt
        return make(units)

    sets = [{"units": units} for units in (2, 3, 5, 4)]
    with pytest.raises(many.Interrupted) as caught:
        many.parameter_search(stops, sets, X, Y, SPLITS, seed=1, n_jobs=1)
    search = caught.value.search
    whole = many.parameter_search(make, sets[:2], X, Y, SPLITS, seed=1)
    assert [without_times(row) for row in search] == [without_times(row) for row in whole]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_ctrl_c_comes_through_where_system_calls_restart(n_jobs):
    signal.siginterrupt(signal.SIGINT, False)  # as polars does when it is imported
    timer = threading.Timer(0.4, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        with pytest.raises(many.Interrupted) as caught:
            many.grid_search(make, {"units": [2, 3]}, X, Y, SPLITS, n_jobs=n_jobs, epochs=10**9)
    finally:
        timer.cancel()
        signal.siginterrupt(signal.SIGINT, True)
    assert len(caught.value.search) == 0


# -- after it ----------------------------------------------------------------------------------


def test_refit_trains_the_best_set_on_all_rows():
    space = {"units": [2, 6], "batch_size": [4, 64]}
    search = many.grid_search(make, space, X, Y, SPLITS, seed=9, epochs=4)
    parameters = dict(search.best["parameters"])
    batch_size = parameters.pop("batch_size")

    def expected(x, y, seed, epochs):
        utils.set_random_seed(seed)
        model = make(**parameters)
        model.fit(x, y, batch_size=batch_size, epochs=epochs, verbose=0)
        return model.parameters

    assert_array_equal(search.refit().parameters, expected(X, Y, 9, 4))
    refitted = search.refit(X[:50], Y[:50], seed=3, epochs=2)
    assert_array_equal(refitted.parameters, expected(X[:50], Y[:50], 3, 2))
    with pytest.raises(ArgumentError, match="x, y: expected both"):
        search.refit(X)


def test_tables():
    search = many.grid_search(make, {"units": [2, 3], "rate": [0.1]}, X, Y, SPLITS, seed=1)
    rows = search.to_dicts()
    assert rows[1]["param_units"] == 3 and rows[1]["split_2"] == search[1]["scores"][2]
    assert json.loads(json.dumps(search.results)) == search.results
    pytest.importorskip("pandas")
    frame = search.to_frame()
    assert frame["mean"].tolist() == [row["mean"] for row in search]
    assert frame.sort_values("rank")["index"].iloc[0] == search.best["index"]
    assert list(frame.columns[:4]) == ["index", "rank", "mean", "std"]


def test_pictures():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    def fragile(units, rate, kind="a"):
        if units == 3:
            raise RuntimeError
        return make(units, rate)

    space = [
        {"units": [2, 3, 4], "rate": [1e-4, 1e-1], "kind": ["a", None]},
        {"units": [5], "rate": [0.01]},
    ]
    search = many.grid_search(fragile, space, X, Y, SPLITS, seed=1)
    figure = search.plot()
    assert [ax.get_xlabel() for ax in figure.axes] == ["units", "rate", "kind"]
    assert [ax.get_xscale() for ax in figure.axes] == ["linear", "log", "linear"]
    assert figure.axes[0].get_ylabel() == "loss"
    points = figure.axes[0].containers[0].lines[0].get_xydata()  # without those that failed
    expected = [
        (row["parameters"]["units"], row["mean"]) for row in search if row["error"] is None
    ]
    assert_array_equal(points, expected)
    assert [t.get_text() for t in figure.axes[2].get_xticklabels()] == ["a", "None"]

    figure = search.plot("parallel")
    (axis,) = figure.axes
    labels = [text.get_text() for text in axis.get_xticklabels()]
    assert labels == ["units", "rate", "kind", "loss"]
    lines = [line.get_ydata() for line in axis.lines if len(line.get_ydata()) == 4]
    assert len(lines) == len(expected)
    assert lines[-1][3] == 0  # the best, drawn last, has the least loss
    assert all(0 <= value <= 1 for line in lines for value in line)

    _, axes = plt.subplots(1, 1)
    assert search.plot(names=["rate"], ax=axes) is axes.figure
    with pytest.raises(UnknownNameError, match="names: no 'rates'"):
        search.plot(names=["rates"])
    with pytest.raises(ArgumentError, match="kind: expected"):
        search.plot("bars")
    plt.close("all")
