"""Parameters of the estimators: what cannot be used is refused, and what can be is not."""

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.estimator_checks import check_param_validation

import fastgd.sklearn
from fastgd import callbacks, layers, losses, optimizers
from fastgd.linear import SGD, LinearModel
from fastgd.models import Sequential
from fastgd.optimizers import schedules

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [getattr(fastgd.sklearn, name) for name in fastgd.sklearn.__all__]

INFINITY, NAN = float("inf"), float("nan")
RATE = [-1, INFINITY, NAN, "0.1", None]
COUNT = [0, -1, 1.5, NAN, "5"]
FLAG = ["False", "yes", None, 2, 0.5]
CHOICE = ["no such", 1, ["l1"]]

#: Values that no estimator takes, by the name of the parameter.
BAD = {
    "C": [0, -1, NAN, "1", None],
    "activation": [3],
    "alpha": [*RATE[:4], "small"],
    "average": ["yes", -1, 0.5, NAN, None],
    "batch_size": [*COUNT[:4], "all"],
    "beta_1": [-0.1, 1.0, NAN, "0.9"],
    "beta_2": [-0.1, 1.0, NAN, "0.9"],
    "callbacks": ["history", 3],
    "class_weight": ["even", 3],
    "copy_X": FLAG,
    "dropout": [-0.1, 1.5, NAN, "0.1", None],
    "dual": FLAG,
    "early_stopping": FLAG,
    "epochs": COUNT,
    "epsilon": RATE,
    "eta0": RATE,
    "fit_intercept": FLAG,
    "hidden_layer_sizes": [0, -1, 2.5, None],
    "intercept_scaling": RATE,
    "l1_ratio": [-1, 2, NAN, "half"],
    "learning_rate": CHOICE,
    "learning_rate_init": [0, *RATE],
    "loss": [3, ["hinge"]],
    "max_fun": COUNT,
    "max_iter": [-1, 1.5, NAN, "5"],
    "metrics": [3],
    "model": ["net", 3],
    "monotonic_cst": ["up", 3.5],
    "privacy": [1.0, "DPSGD"],
    "momentum": [-0.1, 1.5, NAN, "0.9"],
    "n_iter_no_change": COUNT,
    "n_jobs": ["all", 1.5],
    "nesterovs_momentum": FLAG,
    "optimizer": [3],
    "penalty": CHOICE,
    "positive": FLAG,
    "power_t": [INFINITY, NAN, "0.5", None],
    "random_state": [-1, "luck", 0.5],
    "shuffle": FLAG,
    "solver": [3, None],
    "tol": [-1, INFINITY, NAN, "small"],
    "validation_fraction": [-0.1, 1.0, NAN, "0.1"],
    "verbose": [-1, "loud", 0.5],
    "warm_start": FLAG,
}

#: Those that only some estimators refuse.
ALSO_BAD = {
    "LogisticRegression": {"solver": ["sgd"]},
    "Ridge": {"solver": ["sgd"], "max_iter": [0]},
    "SGDClassifier": {"max_iter": [0, None], "loss": ["cosine"]},
    "SGDRegressor": {"max_iter": [0, None], "loss": ["hinge"]},
    "MLPClassifier": {"max_iter": [0, None], "loss": [None]},
    "MLPRegressor": {"max_iter": [0, None], "loss": [None]},
}


def data(rows=40):
    random = np.random.default_rng(0)
    x = random.normal(size=(rows, 3))
    return x, (x[:, 0] > 0).astype(int)


def attempts(model, x, y):
    """Each way to train: a function without arguments."""
    yield lambda: model.fit(x, y)
    if hasattr(model, "partial_fit"):
        yield lambda: model.partial_fit(x, y)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_scikit_learn_checks_each_parameter(kind):
    check_param_validation(kind.__name__, kind())


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_each_parameter_refuses_what_cannot_be_used(kind):
    x, y = data()
    for name in kind().get_params():
        for value in [*BAD[name], *ALSO_BAD.get(kind.__name__, {}).get(name, [])]:
            for attempt in attempts(kind(**{name: value}), x, y):
                with pytest.raises(InvalidParameterError, match=f"'{name}' parameter of"):
                    attempt()


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_fitted_estimator_checks_again_and_stays_as_it_was(kind):
    x, y = data()
    quick = {"max_iter": 2, "epochs": 2}
    model = kind(**{k: v for k, v in quick.items() if k in kind().get_params()}).fit(x, y)
    before = model.predict(x)
    flag = "warm_start" if hasattr(model, "warm_start") else "fit_intercept"
    model.set_params(**{flag: "yes"})
    for attempt in attempts(model, x, y):
        with pytest.raises(InvalidParameterError, match=flag):
            attempt()
    np.testing.assert_array_equal(model.predict(x), before)


@pytest.mark.parametrize("settings", [
    {"penalty": "l1", "alpha": -1e-3}, {"penalty": "l1", "alpha": NAN},
    {"penalty": "elasticnet", "l1_ratio": -1}, {"penalty": "elasticnet", "l1_ratio": NAN},
])  # fmt: skip
def test_a_number_that_is_no_penalty_ends_in_an_error(settings):
    x, y = data()
    for kind in (fastgd.sklearn.SGDClassifier, fastgd.sklearn.SGDRegressor):
        for attempt in attempts(kind(**settings), x, y):
            with pytest.raises(InvalidParameterError, match=r"alpha|l1_ratio"):
                attempt()


def test_names_that_are_not_there_are_said():
    x, y = data()
    for kind in (fastgd.sklearn.MLPClassifier, fastgd.sklearn.MLPRegressor):
        for name in ("activation", "solver", "loss"):
            with pytest.raises(ValueError, match=f"^{name}: no 'no such'"):
                kind(**{name: "no such"}).fit(x, y)
    for kind in (fastgd.sklearn.Classifier, fastgd.sklearn.Regressor):
        for name in ("optimizer", "loss"):
            with pytest.raises(ValueError, match=f"^{name}: no 'no such'"):
                kind(**{name: "no such"}).fit(x, y)


SGDS = [
    {"batch_size": None},
    {"batch_size": 8},
    {"average": 10},
    {"tol": None},
    {"penalty": None},
    {"max_iter": np.int64(3)},
    {"alpha": np.float32(0.01)},
    {"fit_intercept": np.bool_(False)},
    {"random_state": np.random.RandomState(0)},
]
MLPS = [
    {"hidden_layer_sizes": ()},
    {"hidden_layer_sizes": np.array([4, 2])},
    {"hidden_layer_sizes": 4},
    {"activation": "gelu"},
    {"activation": np.tanh},
    {"activation": ["relu"], "hidden_layer_sizes": [4]},
    {"solver": "rmsprop"},
    {"solver": optimizers.Nadam()},
    {"dropout": 0.2},
    {"dropout": [0.2], "hidden_layer_sizes": [4]},
    {"callbacks": callbacks.History()},
    {"callbacks": [callbacks.History()]},
    {"verbose": 0, "n_iter_no_change": INFINITY},
    {"learning_rate": schedules.ExponentialDecay(0.01, 10, 0.9)},
    {"n_jobs": 1},
]
WRAPPED = [
    {"loss": losses.Huber()},
    {"optimizer": "sgd"},
    {"optimizer": optimizers.SGD()},
    {"optimizer": optimizers.SGD},
    {"metrics": ["mse"]},
    {"batch_size": 7},
    {"model": Sequential([layers.Dense(1)])},
    {"verbose": False},
    {"callbacks": [callbacks.History()]},
]
GOOD = {
    "SGDClassifier": [*SGDS, {"class_weight": {0: 2.0}}, {"learning_rate": "pa1"}],
    "SGDRegressor": SGDS,
    "LogisticRegression": [{"C": INFINITY}, {"C": 1}, {"l1_ratio": None}, {"n_jobs": -1},
                           {"solver": "saga", "l1_ratio": 1}, {"class_weight": "balanced"}],
    "LinearRegression": [{"tol": 0.0}, {"n_jobs": 2}, {"positive": True}],
    "Ridge": [{"alpha": [1.0]}, {"alpha": 0}, {"max_iter": None}, {"solver": "lbfgs",
                                                                  "positive": True}],
    "MLPClassifier": [*MLPS, {"loss": "focal"}, {"loss": losses.BinaryCrossentropy()},
                      {"class_weight": {0: 2.0}}, {"class_weight": "balanced"}],
    "MLPRegressor": [*MLPS, {"loss": losses.Quantile([0.1, 0.9])}, {"loss": "huber"}],
    "Classifier": [{"class_weight": "balanced"}, *WRAPPED[1:]],
    "Regressor": WRAPPED,
}  # fmt: skip


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_what_can_be_used_is(kind):
    x, y = data()
    quick = {"max_iter": 2} if kind.__name__.startswith(("SGD", "MLP")) else {}
    quick = {"epochs": 1} if hasattr(kind(), "epochs") else quick
    for settings in GOOD[kind.__name__]:
        assert np.isfinite(kind(**quick | settings).fit(x, y).predict(x)).all(), settings


def test_linear_models_and_their_steps_refuse_what_is_no_penalty():
    for name in ("l1", "l2"):
        for value in (-1, NAN, INFINITY, "0.1", None):
            with pytest.raises((ValueError, TypeError), match=f"^{name}: expected a number"):
                LinearModel(**{name: value})
    for name, values in {
        "average": [-1, "yes", 0.5, NAN, None], "eta0": [-1, NAN], "power_t": [NAN],
        "epochs": COUNT, "tol": [-1, NAN], "batch_size": COUNT, "intercept_decay": [-1, NAN],
        "validation_fraction": [-1, 2, NAN], "n_iter_no_change": COUNT, "shuffle": FLAG,
        "early_stopping": FLAG, "seed": [-1, 0.5, "one", NAN],
    }.items():  # fmt: skip
        for value in values:
            with pytest.raises((ValueError, TypeError), match=f"^{name}: expected"):
                SGD(**{name: value})
