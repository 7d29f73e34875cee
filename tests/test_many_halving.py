"""Successive halving: exact budgets, models that go on to the bit, ties and failures."""

import math
import warnings

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from fastgd import Sequential, layers, many, optimizers, utils
from fastgd.errors import ArgumentError, UnknownNameError
from fastgd.many.halving import schedule

RNG = np.random.default_rng(6)
X = RNG.normal(size=(80, 3)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=80)).astype("float32")
SPLITS = many.k_fold(80, 2, shuffle=True, seed=3)
SETS = many.random(
    {"units": many.integers(2, 9), "rate": many.loguniform(1e-4, 0.1)}, 9, seed=1
)


def make(units=4, rate=0.01):
    model = Sequential(
        [
            layers.Dense(units, activation="tanh", input_shape=(3,)),
            layers.Dropout(0.2),
            layers.Dense(1),
        ]
    )
    # a schedule has to go on too
    model.compile(
        optimizers.Adam(optimizers.schedules.ExponentialDecay(rate, 20, 0.9)),
        "mse",
        metrics=["mae"],
    )
    return model


def trained(parameters, split, seed, epochs=1, rows=None):
    """A model from one fit, and its loss on the rows held out; kept for the next such call."""
    train, test = SPLITS[split]
    train = train if rows is None else rows
    call = *parameters.items(), split, seed, epochs, train.tobytes()
    if call not in TRAINED:
        TRAINED[call] = newly_trained(parameters, train, test, seed + split, epochs)
    return TRAINED[call]


TRAINED = {}


def newly_trained(parameters, train, test, seed, epochs):
    utils.set_random_seed(seed)
    model = make(**parameters)
    model.fit(X[train], Y[train], epochs=epochs, verbose=0)
    return model, model.evaluate(X[test], Y[test], verbose=0)[0]


def plain_halving(rungs, score):
    """(Sets tried, their mean scores) of each rung, by the definition."""
    going_on, found = list(range(len(SETS))), []
    for count, amount in rungs:
        if found:
            order = np.argsort(found[-1][1], kind="stable")[:count]
            going_on = sorted(going_on[place] for place in order)
        means = [np.mean([score(SETS[s], split, amount) for split in (0, 1)]) for s in going_on]
        found.append((going_on, means))
    return found


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((1, 5), [(1, 5)]),
        ((2, 1), [(2, 1), (1, 3)]),
        ((9, 1), [(9, 1), (3, 3), (1, 9)]),
        ((10, 1), [(10, 1), (4, 3), (2, 9), (1, 27)]),
        ((10, 1, 3, 26), [(10, 1), (4, 3), (2, 9)]),
        ((10, 1, 3, 27), [(10, 1), (4, 3), (2, 9), (1, 27)]),
        ((10, 4, 3, 4), [(10, 4)]),
        ((16, 3, 2), [(16, 3), (8, 6), (4, 12), (2, 24), (1, 48)]),
        ((1000, 1, 10), [(1000, 1), (100, 10), (10, 100), (1, 1000)]),
    ],
)
def test_schedule(arguments, expected):
    assert schedule(*arguments) == expected


@pytest.mark.parametrize("arguments", [(0, 1), (3, 0), (3, 1, 1), (3, 4, 3, 3)])
def test_schedules_that_cannot_be(arguments):
    with pytest.raises(ArgumentError, match="expected a number >="):
        schedule(*arguments)


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_epochs_go_on_to_the_bit(n_jobs):
    halving = many.successive_halving(
        make, SETS, X, Y, SPLITS, least=2, seed=4, n_jobs=n_jobs, keep_models=True
    )
    rungs = [(9, 2), (3, 6), (1, 18)]
    expected = plain_halving(rungs, lambda p, split, epochs: trained(p, split, 4, epochs)[1])
    found = [(rung["sets"], rung["means"]) for rung in halving.rungs]
    assert found == expected
    assert [rung["resource"] for rung in halving.rungs] == [2, 6, 18]
    assert halving.spent == 2 * (9 * 2 + 3 * 4 + 1 * 12)
    for row, models in zip(halving, halving.models, strict=True):
        for split, model in enumerate(models):
            alone, loss = trained(row["parameters"], split, 4, row["resource"])
            assert_array_equal(model.parameters, alone.parameters)
            assert model.optimizer.iterations == alone.optimizer.iterations
            assert row["scores"][split] == loss
    assert [halving.best["index"]] == halving.rungs[-1]["sets"]
    assert (halving.best["rung"], halving.best["resource"]) == (2, 18)
    order = sorted(halving, key=lambda row: row["rank"])
    assert order == sorted(halving, key=lambda row: row["mean"])


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("take", ["random", "last"])
def test_rows_begin_anew(take, n_jobs):
    halving = many.successive_halving(
        make, SETS, X, Y, SPLITS, resource="rows", take=take, least=4, seed=4, n_jobs=n_jobs,
        keep_models=True, batch_size=32,
    )  # fmt: skip
    assert [rung["resource"] for rung in halving.rungs] == [4, 12, 36]
    assert halving.spent == 2 * (9 * 4 + 3 * 12 + 1 * 36)

    def rows(split, amount):
        train = SPLITS[split][0]
        if take == "last":
            return train[-amount:]
        return np.sort(np.random.default_rng([4, split]).permutation(train)[:amount])

    expected = plain_halving(
        [(9, 4), (3, 12), (1, 36)],
        lambda p, split, amount: trained(p, split, 4, rows=rows(split, amount))[1],
    )
    assert [(rung["sets"], rung["means"]) for rung in halving.rungs] == expected


@pytest.mark.filterwarnings("ignore:successive_halving")
def test_rows_end_with_those_that_there_are():
    settings = {"resource": "rows", "least": 15, "factor": 2, "seed": 0}
    halving = many.successive_halving(make, SETS, X, Y, SPLITS, **settings)
    assert [(len(r["sets"]), r["resource"]) for r in halving.rungs] == [(9, 15), (5, 30)]
    halving = many.successive_halving(
        make, SETS, X, Y, validation_data=(X, Y), **settings | {"most": 1000}
    )
    assert [r["resource"] for r in halving.rungs] == [15, 30, 60]
    with pytest.raises(ArgumentError, match="least: there are 40 training rows, got 41"):
        many.successive_halving(make, SETS, X, Y, SPLITS, resource="rows", least=41)


def test_of_equals_the_first_goes_on():
    halving = many.successive_halving(
        make, [{"units": 2}] * 5, X, Y, SPLITS, factor=2, score=lambda model, x, y: 1.0
    )
    assert [rung["sets"] for rung in halving.rungs] == [[0, 1, 2, 3, 4], [0, 1, 2], [0, 1], [0]]
    assert halving.best["index"] == 0
    assert [row["rank"] for row in halving] == [1, 2, 3, 4, 4]


def test_more_can_be_better():
    scores = {2: 0.1, 3: 0.7, 4: 0.3, 5: 0.9}
    halving = many.successive_halving(
        make, many.grid({"units": list(scores)}), X, Y, SPLITS, factor=2,
        score=lambda model, x, y: {"gain": scores[model.layers[0].units]}, mode="max",
    )  # fmt: skip
    assert [rung["sets"] for rung in halving.rungs] == [[0, 1, 2, 3], [1, 3], [3]]


def test_sets_that_fail_drop_out():
    def fragile(units):
        if units < 0:
            raise RuntimeError("no such network")
        return make(units)

    def score(model, x, y):
        if model.layers[0].units == 7 and model.epochs_begun > 1:
            raise ValueError("late")
        return -float(model.layers[0].units)

    sets = many.grid({"units": [-1, 9, 8, 7, 2, -2]})
    halving = many.successive_halving(
        fragile, sets, X, Y, SPLITS, score=lambda *a: -score(*a), mode="max", factor=2
    )
    assert [rung["sets"] for rung in halving.rungs] == [
        [0, 1, 2, 3, 4, 5],
        [1, 2, 3],
        [1, 2],
        [1],
    ]
    assert halving[0]["error"] == "RuntimeError: no such network"
    assert halving[3]["error"] == "ValueError: late"
    # one that failed late keeps the score that it had before
    assert [row["rank"] for row in halving] == [5, 1, 2, 3, 4, 5]
    assert [row["rung"] for row in halving] == [0, 3, 2, 0, 0, 0]
    means = halving.rungs[0]["means"]
    assert math.isnan(means[0]) and means[1] == 9.0


def test_if_all_fail_it_ends():
    def broken(units):
        raise RuntimeError("out of order")

    halving = many.successive_halving(broken, many.grid({"units": [1, 2]}), X, Y, SPLITS)
    assert [rung["sets"] for rung in halving.rungs] == [[0, 1]]
    with pytest.raises(ArgumentError, match="out of order"):
        _ = halving.best


def test_refit_gives_the_epochs_of_the_best():
    halving = many.successive_halving(make, SETS, X, Y, SPLITS, least=2, seed=4)
    utils.set_random_seed(4)
    model = make(**halving.best["parameters"])
    model.fit(X, Y, epochs=18, verbose=0)
    assert_array_equal(halving.refit().parameters, model.parameters)
    rows = halving.to_dicts()
    assert {row["rung"] for row in rows} == {0, 1, 2}


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"resource": "time"}, ArgumentError, "resource: expected"),
        ({"take": "first"}, ArgumentError, "take: expected"),
        ({"epochs": 3}, ArgumentError, "epochs: epochs are the resource"),
        ({"least": 0}, ArgumentError, "least: expected"),
        ({"factor": 1}, ArgumentError, "factor: expected"),
        ({"monitor": "mse"}, UnknownNameError, "monitor: no 'mse'"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=message):
        many.successive_halving(make, SETS, X, Y, SPLITS, **arguments)


def test_sets_may_not_name_epochs_either():
    with pytest.raises(ArgumentError, match="epochs: epochs are the resource"):
        many.successive_halving(make, [{"units": 2, "epochs": 4}], X, Y, SPLITS)


def test_ctrl_c_keeps_the_rungs_that_are_done():
    calls = []

    def score(model, x, y):
        calls.append(1)
        if len(calls) == 2 * (9 + 1):
            raise KeyboardInterrupt
        return float(np.mean((model.predict(x)[:, 0] - y) ** 2))

    settings = {"splits": SPLITS, "mode": "min", "seed": 1, "n_jobs": 1}
    with pytest.raises(many.Interrupted) as caught:
        many.successive_halving(make, SETS, X, Y, score=score, **settings)
    halving = caught.value.search
    assert len(halving) == 9
    assert [len(rung["sets"]) for rung in halving.rungs] == [9]


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("mode", ["max", "min"])
@pytest.mark.parametrize("last", [0.6, math.nan])
def test_the_best_is_that_of_all_rungs_and_a_warning_says_which(last, mode, n_jobs):
    gains = {2: {1: 0.5}, 3: {1: 0.7, 2: 0.8, 4: last}, 4: {1: 0.6, 2: 0.75}, 5: {1: math.nan}}
    sign = 1 if mode == "max" else -1

    def score(model, x, y):
        return {"gain": sign * gains[model.layers[0].units][model.epochs_begun]}

    sets = many.grid({"units": list(gains)})
    with pytest.warns(UserWarning, match="is of rung 1 .2 epochs., not of the last") as warned:
        halving = many.successive_halving(
            make, sets, X, Y, SPLITS, factor=2, most=4, score=score, mode=mode, seed=4,
            n_jobs=n_jobs, keep_models=True,
        )  # fmt: skip
    assert warned[0].filename == __file__
    assert [rung["sets"] for rung in halving.rungs] == [[0, 1, 2, 3], [1, 2], [1]]
    best = halving.best
    assert (best["index"], best["rung"], best["resource"]) == (1, 1, 2)
    assert best["mean"] == pytest.approx(sign * 0.8)
    assert [row["rank"] for row in halving] == [3, 1, 2, 4]
    for split, model in enumerate(halving.models[1]):  # as it was then, not after 4 epochs
        alone, _ = trained({"units": 3}, split, 4, epochs=2)
        assert_array_equal(model.parameters, alone.parameters)
        assert model.optimizer.iterations == alone.optimizer.iterations
    utils.set_random_seed(4)
    final = make(3)
    final.fit(X, Y, epochs=2, verbose=0)
    assert_array_equal(halving.refit().parameters, final.parameters)


def test_a_last_rung_that_is_the_best_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        halving = many.successive_halving(
            make, SETS, X, Y, SPLITS, score=lambda model, x, y: float(model.epochs_begun)
        )
    assert halving.best["rung"] == 2


def test_picture_of_the_rungs():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    halving = many.successive_halving(make, SETS, X, Y, SPLITS, seed=4)
    (axis,) = halving.plot("rungs").axes
    assert sorted(len(line.get_xdata()) for line in axis.lines) == 6 * [1] + 2 * [2] + [3]
    assert axis.get_xlabel() == "epochs"
    assert len(halving.plot().axes) == 2
    plt.close("all")
