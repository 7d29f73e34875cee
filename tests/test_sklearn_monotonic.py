"""The parameter ``monotonic_cst`` of the perceptrons."""

import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")
pytest.importorskip("pandas")

import pandas as pd
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from fastgd import explain, layers
from fastgd.errors import ArgumentError, NotBuiltError, ShapeError, UnknownNameError
from fastgd.losses import Quantile
from fastgd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = pd.DataFrame(RNG.normal(size=(300, 4)), columns=["income", "debt", "age", "rate"])
NUMBERS = X["income"] ** 3 / 3 - X["debt"] + np.sin(3 * X["age"]) + RNG.normal(0, 0.3, 300)
CLASSES = np.where(NUMBERS > 0, "paid", "late")
CST = {"income": 1, "debt": -1}
SIGNS = [1, -1, 0, 0]
SHORT = {"hidden_layer_sizes": (12, 6), "max_iter": 15, "random_state": 1}


def violations(outputs, signs=SIGNS, pairs=50_000):
    """The largest step against a sign, among random pairs of rows, and the size of outputs."""
    rng = np.random.default_rng(5)
    rows = rng.normal(0, 2, (pairs, 4))
    further = rows + signs * np.abs(rng.normal(0, 1, rows.shape))
    frames = (pd.DataFrame(v, columns=X.columns) for v in (rows, further))
    before, after = map(outputs, frames)
    return (before - after).max()


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_every_solver_keeps_the_signs(solver):
    model = MLPRegressor(**SHORT, solver=solver, monotonic_cst=CST).fit(X, NUMBERS)
    assert violations(model.predict) <= 0
    found = explain.monotone(model, CST)
    assert found.names == tuple(X.columns)
    assert found.directions[:2, 0].tolist() == [1, -1]
    free = MLPRegressor(**SHORT, solver=solver).fit(X, NUMBERS)
    assert violations(free.predict) > 0.01


def test_a_million_pairs_of_a_classifier():
    model = MLPClassifier(**SHORT, monotonic_cst=CST).fit(X, CLASSES)
    assert model.classes_.tolist() == ["late", "paid"]  # the second one's probability rises
    # a sigmoid may round down by a unit in the last place
    assert violations(lambda v: model.predict_proba(v)[:, 1], pairs=1_000_000) < 1e-15
    explain.monotone(model, model.monotonic_cst)
    model.coefs_[1][2, 3] = -0.1
    with pytest.raises(ArgumentError, match=r"hidden_1/kernel\[2, 3\] = -0.1"):
        explain.monotone(model, CST)


def test_a_list_and_a_dict_give_the_same_bits():
    found = [
        MLPClassifier(**SHORT, monotonic_cst=cst).fit(X, CLASSES).predict_proba(X)
        for cst in (CST, SIGNS, np.array(SIGNS), tuple(SIGNS), CST | {"age": 0})
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


@pytest.mark.parametrize("cst", [None, [0, 0, 0, 0], {}])
def test_no_sign_is_no_constraint(cst):
    model = MLPClassifier(**SHORT, activation="gelu", monotonic_cst=cst).fit(X, CLASSES)
    plain = MLPClassifier(**SHORT, activation="gelu").fit(X, CLASSES)
    np.testing.assert_array_equal(model.predict_proba(X), plain.predict_proba(X))
    assert type(model.model_.layers[0]) is layers.Dense


def test_pipelines_searches_clones_and_copies():
    model = make_pipeline(
        StandardScaler(), MLPClassifier(**SHORT, monotonic_cst=SIGNS)
    ).fit(X, CLASSES)  # fmt: skip
    assert violations(lambda v: model.predict_proba(v)[:, 1]) < 1e-15
    assert clone(model)[-1].get_params()["monotonic_cst"] == SIGNS
    named = make_pipeline(
        StandardScaler().set_output(transform="pandas"), MLPClassifier(**SHORT)
    ).set_params(mlpclassifier__monotonic_cst=CST)  # fmt: skip
    named.fit(X, CLASSES)
    np.testing.assert_array_equal(named.predict_proba(X), model.predict_proba(X))
    search = GridSearchCV(
        MLPClassifier(**SHORT), {"monotonic_cst": [None, CST]}, cv=2, n_jobs=1
    ).fit(X, CLASSES)  # fmt: skip
    assert len(search.cv_results_["params"]) == 2
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    explain.monotone(again[-1], SIGNS)


def test_without_hidden_layers_and_with_many():
    for sizes, activation in ((), "relu"), ((5, 4, 3), ["elu", "tanh", "relu"]):
        short = SHORT | {"hidden_layer_sizes": sizes, "activation": activation}
        model = MLPClassifier(**short, dropout=0.1, monotonic_cst=CST).fit(X, CLASSES)
        explain.monotone(model, CST)
        out = model.model_.layers[-1]
        assert out.counts() == (1, 0, 0)


def test_several_targets_and_quantiles_all_rise():
    both = np.stack([NUMBERS, 2 * NUMBERS], axis=1)
    model = MLPRegressor(**SHORT, monotonic_cst=CST).fit(X, both)
    assert violations(model.predict) <= 0
    model = MLPRegressor(Quantile([0.1, 0.9]), **SHORT, monotonic_cst=CST).fit(X, NUMBERS)
    assert explain.monotone(model, CST).directions.shape == (4, 2)
    counts = np.exp(np.clip(NUMBERS, -2, 2)).round()
    model = MLPRegressor("poisson", **SHORT, monotonic_cst=CST).fit(X, counts)
    assert violations(lambda v: np.log(model.predict(v))) < 1e-12


@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_a_warm_start_takes_up_a_constraint(solver):
    model = MLPRegressor(**SHORT, solver=solver, warm_start=True).fit(X, NUMBERS)
    assert violations(model.predict) > 0.01
    model.set_params(monotonic_cst=CST, max_iter=1).fit(X, NUMBERS)
    explain.monotone(model, CST)
    model.set_params(monotonic_cst=None).fit(X, NUMBERS)
    assert type(model.model_.layers[0]) is layers.Dense


def test_partial_fit_and_early_stopping_keep_the_signs():
    model = MLPClassifier(**SHORT, monotonic_cst=CST)
    for _ in range(3):
        model.partial_fit(X, CLASSES, classes=["late", "paid"])
        explain.monotone(model, CST)
    stopped = MLPClassifier(**SHORT, monotonic_cst=CST, early_stopping=True).fit(X, CLASSES)
    explain.monotone(stopped, CST)


@pytest.mark.parametrize(
    ("cst", "y", "error", "words"),
    [
        ({"incom": 1}, CLASSES, UnknownNameError, "monotonic_cst: .*'incom'; did you mean"),
        ({0: 1}, CLASSES, UnknownNameError, "monotonic_cst: X has no column 0"),
        ({"income": 2}, CLASSES, ArgumentError, "monotonic_cst: expected -1, 0 or 1"),
        ([1, 0], CLASSES, ShapeError, "monotonic_cst: expected 4 numbers"),
        (1, CLASSES, ValueError, "monotonic_cst"),
        ([1, 0, 0.5, 0], CLASSES, ArgumentError, "monotonic_cst: expected -1, 0 or 1"),
        ("income", CLASSES, ValueError, "monotonic_cst"),
        (CST, np.arange(300) % 3, ArgumentError, "monotonic_cst: expected two classes"),
        (CST, np.eye(2)[np.arange(300) % 2], ArgumentError, "monotonic_cst: expected two"),
    ],
)
def test_what_makes_no_sense_is_refused(cst, y, error, words):
    with pytest.raises(error, match=words):
        MLPClassifier(**SHORT, monotonic_cst=cst).fit(X, y)


def test_an_estimator_that_is_not_fitted():
    with pytest.raises(NotBuiltError, match="call fit"):
        explain.monotone(MLPClassifier(), CST)


def test_names_need_a_frame_and_activations_that_never_fall():
    with pytest.raises(ArgumentError, match="monotonic_cst: X has no names of columns"):
        MLPRegressor(**SHORT, monotonic_cst=CST).fit(X.to_numpy(), NUMBERS)
    with pytest.raises(ArgumentError, match=r"activation: .*never falls.*gelu"):
        MLPRegressor(**SHORT, activation="gelu", monotonic_cst=CST).fit(X, NUMBERS)
