"""Bags of rows, the ensembles of models trained on them, and several seeds at once."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from fastgd import Sequential, layers, many, metrics, utils
from fastgd.errors import ArgumentError, DataTypeError, FastgdError, ShapeError
from fastgd.many.bagging import Bags

RNG = np.random.default_rng(8)
X = RNG.normal(size=(70, 3)).astype("float32")
Y = (X[:, 0] - X[:, 1] + 0.5 * RNG.normal(size=70) > 0).astype("float32")


def make():
    model = Sequential(
        [layers.Dense(4, activation="tanh", input_shape=(3,)), layers.Dense(1, "sigmoid")]
    )
    model.compile("adam", "binary_crossentropy", metrics=["accuracy", metrics.AUC(name="auc")])
    return model


# -- bags --------------------------------------------------------------------------------------


def test_a_bag_is_drawn_by_its_seed_alone():
    bags = Bags(50, 6, seed=3)
    drawn = [bags[i] for i in range(6)]
    for i in (4, 1):
        assert_array_equal(bags[i], drawn[i])
        assert_array_equal(Bags(50, 9, seed=3)[i], drawn[i])
        expected = np.sort(np.random.default_rng([3, i]).integers(50, size=50))
        assert_array_equal(drawn[i], expected)
    assert (drawn[0] != drawn[1]).any() and (drawn[0] != Bags(50, 6, seed=4)[0]).any()
    assert drawn[0].dtype == np.int64
    assert_array_equal(bags[-1], drawn[5])
    with pytest.raises(IndexError, match="there are 6 bags, got 6"):
        bags[6]
    assert len(list(bags)) == 6


def test_rows_in_and_out_of_a_bag_are_all_rows():
    bags = Bags(1000, 3, seed=1)
    for i in range(3):
        assert_array_equal(np.union1d(bags[i], bags.without(i)), np.arange(1000))
        assert not set(bags[i]) & set(bags.without(i))
        # each row stays out with probability (1 - 1/n)^n = 0.368, deviation 0.0100 or so
        assert len(bags.without(i)) / 1000 == pytest.approx(math.exp(-1), abs=0.05)


@pytest.mark.parametrize(("max_samples", "size"), [(1.0, 40), (0.5, 20), (7, 7), (0.013, 1)])
def test_sizes(max_samples, size):
    assert len(Bags(40, 1, 0, max_samples=max_samples)[0]) == size
    alone = Bags(40, 1, 0, bootstrap=False, max_samples=max_samples)[0]
    assert len(alone) == len(set(alone)) == size
    assert len(Bags(40, 1, 0, max_samples=90)[0]) == 90


def test_blocks_are_neighbours():
    rows = Bags(100, 1, seed=5, block=10, max_samples=95)[0]
    assert len(rows) == 95 and rows.max() < 100
    starts = np.random.default_rng([5, 0]).integers(91, size=10)
    expected = np.concatenate([np.arange(start, start + 10) for start in starts])[:95]
    assert_array_equal(rows, np.sort(expected))
    last = [Bags(10, 200, seed=0, block=9)[i][-1] for i in range(200)]
    assert set(last) == {8, 9}  # every row can be drawn


def test_groups_stay_together():
    groups = np.array(["b", "a", "c", "a", "b", "a", "d"])
    for i in range(5):
        bags = Bags(7, 5, seed=2, groups=groups)
        drawn = np.random.default_rng([2, i]).integers(4, size=4)
        expected = np.concatenate([np.flatnonzero(groups == "abcd"[g]) for g in drawn])
        assert_array_equal(bags[i], np.sort(expected))
        assert not set(groups[bags[i]]) & set(groups[bags.without(i)])
    assert set(groups[Bags(7, 1, 0, bootstrap=False, max_samples=1, groups=groups)[0]]) < set(
        "abcd"
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"count": 0}, ArgumentError, "n_models: expected"),
        ({"max_samples": 0.0}, ArgumentError, "max_samples: 0 of 20"),
        ({"max_samples": 0}, ArgumentError, "max_samples: expected"),
        ({"max_samples": 1.5}, ArgumentError, "max_samples: expected"),
        ({"max_samples": True}, DataTypeError, "max_samples: expected"),
        ({"max_samples": 21, "bootstrap": False}, ArgumentError, "there are 20 without"),
        ({"block": 21}, ArgumentError, "block: there are 20 rows"),
        ({"block": 2, "bootstrap": False}, ArgumentError, "block: it is for bootstrap"),
        ({"block": 2, "groups": np.zeros(20)}, ArgumentError, "block, groups"),
        ({"groups": np.zeros(19)}, ShapeError, "groups: expected shape"),
        ({"groups": [None, *range(19)]}, DataTypeError, "groups: .* can be sorted"),
        ({"seed": -1}, ArgumentError, "seed: expected"),
        ({"bootstrap": "no"}, DataTypeError, "bootstrap: expected"),
    ],
)
def test_bags_that_cannot_be(arguments, error, message):
    with pytest.raises(error, match=message):
        Bags(**{"n": 20, "count": 3} | arguments)


# -- bagging -----------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"bootstrap": False, "max_samples": 0.6},
        {"block": 5},
        {"groups": np.arange(70) // 3},
    ],
    ids=lambda settings: "-".join(settings) or "bootstrap",
)
def test_bagging_is_a_plain_loop(settings, n_jobs):
    weights = RNG.uniform(0.5, 2, size=70)
    found = many.bagging(
        make,
        X,
        Y,
        n_models=6,
        seed=5,
        n_jobs=n_jobs,
        epochs=2,
        sample_weight=weights,
        **settings,
    )
    sums, counts = np.zeros((70, 1)), np.zeros(70, dtype=int)
    for i in range(6):
        rows = Bags(70, 6, 5, **settings)[i]
        assert_array_equal(found.bags[i], rows)
        utils.set_random_seed(5 + i)
        model = make()
        model.fit(X[rows], Y[rows], sample_weight=weights[rows], epochs=2, verbose=0)
        assert_array_equal(found.models[i].parameters, model.parameters)
        outside = np.setdiff1d(np.arange(70), rows)
        sums[outside] += model.predict(X[outside])
        counts[outside] += 1
    assert_array_equal(found.counts, counts)
    with np.errstate(invalid="ignore"):
        assert_array_equal(found.predictions, (sums / counts[:, None]).astype("float32"))
    assert_array_equal(found.predict(X), many.Ensemble(found.models).predict(X))
    assert [result.seed for result in found.results] == [5, 6, 7, 8, 9, 10]


def test_figures_out_of_bag():
    found = many.bagging(make, X, Y, n_models=1, seed=5, epochs=3)
    outside = found.bags.without(0)
    assert_array_equal(np.flatnonzero(found.counts), outside)
    expected = found.models[0].evaluate(X[outside], Y[outside], verbose=0, return_dict=True)
    assert found.scores == pytest.approx(expected, rel=1e-6)
    assert np.isnan(found.predictions[found.bags[0]]).all()
    assert "loss=" in repr(found) and "auc=" in repr(found)

    def brier(y, predictions):
        return np.mean((predictions[:, 0] - y) ** 2)

    own = many.bagging(make, X, Y, n_models=1, seed=5, epochs=3, score=brier)
    assert own.scores == {"score": brier(Y[outside], found.predictions[outside])}


def test_nothing_out_of_bag():
    found = many.bagging(make, X, Y, n_models=3, seed=5, bootstrap=False)
    assert not found.counts.any() and np.isnan(found.predictions).all() and found.scores == {}
    assert (found.models[0].parameters != found.models[1].parameters).any()  # seeds differ
    found = many.bagging(make, X, Y, n_models=3, seed=5, out_of_bag=False)
    assert found.predictions is None and found.scores == {}


def test_several_classes_and_files(tmp_path):
    classes = np.digitize(X[:, 0], [-0.5, 0.5])

    def three():
        model = Sequential([layers.Dense(3, "softmax", input_shape=(3,))])
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    found = many.bagging(three, X, classes, n_models=4, seed=1, epochs=3)
    assert found.predictions.shape == (70, 3)
    there = found.counts > 0
    right = found.predictions[there].argmax(axis=1) == classes[there]
    assert found.scores["accuracy"] == pytest.approx(right.mean())
    found.save(tmp_path / "bag.safetensors")
    loaded = many.Bagging.load(tmp_path / "bag.safetensors")
    assert_array_equal(loaded.predict_classes(X), found.predict_classes(X))


class Line:
    """An estimator without anything to do with fastgd."""

    def fit(self, x, y):
        self.coef = np.linalg.lstsq(x, y, rcond=None)[0]

    def predict(self, x):
        return x @ self.coef


def test_estimators():
    found = many.bagging(Line, X, Y, n_models=3, seed=2)
    expected = [
        np.linalg.lstsq(X[found.bags[i]], Y[found.bags[i]], rcond=None)[0] for i in range(3)
    ]
    assert_allclose(found.predict(X), X @ np.mean(expected, axis=0), rtol=1e-4, atol=1e-6)
    assert found.predictions.shape == (70,)
    assert found.scores == {}


def test_a_model_that_fails_is_an_error():
    def broken():
        raise RuntimeError("out of order")

    with pytest.raises(RuntimeError, match="out of order"):
        many.bagging(broken, X, Y, n_models=3)
    for refused, message in (({"epoch": 3}, "mean 'epochs'"), ({"prepare": 3}, "prepare")):
        with pytest.raises(FastgdError, match=message):
            many.bagging(make, X, Y, n_models=3, **refused)
    model = make()  # is for one job only
    with pytest.raises(ArgumentError, match="each needs its own"):
        many.bagging(model, X, Y, n_models=3)
    assert len(many.bagging(make(), X, Y, n_models=3, raise_errors=False)) == 1
    with pytest.raises(DataTypeError, match="score: expected a function"):
        many.bagging(make, X, Y, score=3)
    with pytest.raises(DataTypeError, match="out_of_bag"):
        many.bagging(make, X, Y, out_of_bag="yes")


# -- seeds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_seeds_are_a_plain_loop(n_jobs):
    train, test = np.arange(50), np.arange(50, 70)
    found = many.seeds(
        make, [3, 0, 2**32 - 1], X, Y, rows=train, test_rows=test, n_jobs=n_jobs, epochs=2
    )
    losses = []
    for seed, result in zip([3, 0, 2**32 - 1], found, strict=True):
        utils.set_random_seed(seed)
        model = make()
        history = model.fit(X[train], Y[train], epochs=2, verbose=0)
        assert_array_equal(result.model.parameters, model.parameters)
        assert result.scores["loss"] == history.history["loss"][-1]
        losses.append(model.evaluate(X[test], Y[test], verbose=0)[0])
        assert (result.seed, result.name) == (seed, f"seed {seed}")
    assert found.scores["test_loss"].tolist() == losses
    assert found.means["test_loss"] == np.mean(losses)
    assert found.deviations["test_loss"] == pytest.approx(np.std(losses, ddof=1))
    assert_array_equal(found.ensemble().predict(X), many.Ensemble(found.models).predict(X))
    assert repr(found).startswith("<Seeds 3: loss=")


def test_a_number_of_seeds_comes_from_the_process():
    def drawn(seed):
        utils.set_random_seed(seed)
        return [result.seed for result in many.seeds(make, 4, X, Y)]

    assert drawn(1) == drawn(1) != drawn(2)
    assert len(set(drawn(1))) == 4


def test_other_rows_to_test_on():
    def score(model, x, y):
        return len(x)

    settings = {"make_model": make, "seeds": [1], "x": X[:40], "y": Y[:40]}
    assert "test_loss" not in many.seeds(**settings)[0].scores
    found = many.seeds(**settings, test_data=(X[40:], Y[40:]))
    utils.set_random_seed(1)
    model = make()
    model.fit(X[:40], Y[:40], verbose=0)
    assert found[0].scores["test_loss"] == model.evaluate(X[40:], Y[40:], verbose=0)[0]
    found = many.seeds(**settings, test_rows=[5, 7], score=score, keep_models=False)
    assert found[0].scores["test_score"] == 2 and found[0].model is None


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"seeds": 0}, ArgumentError, "seeds: expected"),
        ({"seeds": []}, ArgumentError, "seeds: there are none"),
        ({"seeds": [2**32]}, ArgumentError, r"seeds: expected a number below 2\*\*32"),
        ({"seeds": [1.5]}, DataTypeError, "seeds: expected a whole number"),
        ({"test_data": (X, Y), "test_rows": [1]}, ArgumentError, "test_rows, test_data"),
        ({"test_data": X}, ArgumentError, "test_data: expected a pair"),
        ({"score": len}, ArgumentError, "score: it is for rows to test on"),
    ],
)
def test_seeds_that_cannot_be(arguments, error, message):
    with pytest.raises(error, match=message):
        many.seeds(**{"make_model": make, "seeds": 2, "x": X, "y": Y} | arguments)


def test_a_seed_that_fails():
    made = []

    def fragile():
        made.append(1)
        if len(made) == 2:
            raise RuntimeError("unlucky")
        return make()

    found = many.seeds(fragile, [1, 2, 3], X, Y, n_jobs=1, raise_errors=False)
    assert [result.ok for result in found] == [True, False, True]
    assert len(found.ensemble()) == 2
    made.clear()
    with pytest.raises(RuntimeError, match="unlucky"):
        many.seeds(fragile, [1, 2, 3], X, Y, n_jobs=1)
