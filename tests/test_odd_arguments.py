"""Each argument of functions that take many, with values that hardly any of them expects."""

import inspect

import numpy as np
import pytest

from fastgd import Sequential, layers, linear, many, metrics, ops, risk, utils
from fastgd.errors import FastgdError
from fastgd.saving import state
from fastgd.tape import GradientTape

X = np.random.default_rng(0).normal(size=(8, 3))
Y = X[:, :1].copy()
LABELS = (Y[:, 0] > 0).astype(int)
SPLITS = many.k_fold(8, 2)

#: Each is made anew, for an iterator ends. (A number such as 2**63 is a wish for epochs.)
ODD = (
    lambda: np.zeros(2), lambda: np.zeros(0), lambda: np.array(0.5), list, dict, object,
    lambda: [[1.0], [1.0, 2.0]], lambda: np.array([None, "a"], object), lambda: "x\ud800",
    lambda: b"x", lambda: 1j, lambda: float("nan"), lambda: -1.5, lambda: iter([1, 2]),
    lambda: True, lambda: None, lambda: {1, 2}, lambda: [{}], lambda: range(3), lambda: ...,
)  # fmt: skip


def network(rate=0.1):
    model = Sequential([layers.Input((3,)), layers.Dense(2, "tanh"), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def unbuilt():
    model = Sequential([layers.Dense(2, "tanh"), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def classifier():
    return linear.LinearModel("log_loss", l2=0.1).fit(X, LABELS)


def gradient(**arguments):
    with GradientTape() as tape:
        x = tape.watch(X)
        loss = ops.sum(x * x)
    return tape.gradient(**{"target": loss, "sources": x} | arguments)


BATCH = {"x": X, "y": Y}
ROWS = {"x": X, "y": LABELS}
TRAINING = BATCH | {"verbose": 0}
SEARCH = BATCH | {"make_model": network, "splits": SPLITS}
SETS = SEARCH | {"parameter_sets": [{"rate": 0.1}, {"rate": 0.2}]}
SPACE = {"rate": [0.1, 0.2]}
ONE_ROW = {"x": X[0], "y": 1}
#: Name -> (function, or maker of a model; the name of its method; right arguments).
CALLS = {
    "cross_validate": (many.cross_validate, "", BATCH | {"model": network, "splits": SPLITS}),
    "seeds": (many.seeds, "", BATCH | {"make_model": network, "seeds": [1]}),
    "bagging": (many.bagging, "", BATCH | {"make_model": network, "n_models": 2}),
    "parameter_search": (many.parameter_search, "", SETS),
    "grid_search": (many.grid_search, "", SEARCH | {"space": SPACE}),
    "random_search": (many.random_search, "", SEARCH | {"space": SPACE, "n": 1}),
    "successive_halving": (many.successive_halving, "", SETS),
    "fit_many": (many.fit_many, "", {"jobs": [BATCH | {"model": network}]}),
    "k_fold": (many.k_fold, "", {"n": 8}),
    "walk_forward": (many.walk_forward, "", {"n": 8, "test": 2}),
    "corrected_t_test": (
        many.corrected_t_test, "", {"differences": [0.1, 0.2], "test_to_train": 0.5},
    ),
    "delong": (
        metrics.delong, "", {"y_true": LABELS, "first": X[:, 0], "second": X[:, 1]},
    ),
    "acerbi_szekely": (
        risk.acerbi_szekely, "", {"returns": X[:, 0], "var": 0.1, "es": 0.2, "level": 0.05},
    ),
    "conditional_coverage": (
        risk.conditional_coverage, "", {"exceptions": LABELS, "level": 0.05},
    ),
    "traffic_light": (risk.traffic_light, "", {"exceptions": LABELS, "level": 0.05}),
    "sharpe_ratio": (risk.sharpe_ratio, "", {"returns": X[:, 0]}),
    "deflated_sharpe": (risk.deflated_sharpe, "", {
        "sharpe": 0.1, "n": 9, "skewness": 0, "kurtosis": 3, "trials": 3, "variance": 0.1,
    }),
    "deflated_sharpe_of": (risk.deflated_sharpe_of, "", {"search": None}),
    "minimum_track_record": (risk.minimum_track_record, "", {"sharpe": 0.1}),
    "probabilistic_sharpe": (risk.probabilistic_sharpe, "", {"sharpe": 0.1, "n": 9}),
    "population_stability_index": (risk.population_stability_index, "", {
        "expected": X[:, 0], "actual": X[:, 1], "edges": [-1, 0, 1],
    }),
    "grid": (many.grid, "", {"space": SPACE}),
    "random": (many.random, "", {"space": {"rate": many.uniform(0, 1)}, "n": 2}),
    "Ensemble": (many.Ensemble, "", {"models": [network()]}),
    "Ensemble.predict": (lambda: many.Ensemble([network()]), "predict", {"x": X}),
    "gradient": (gradient, "", dict.fromkeys(("output_gradients", "unconnected_gradients"))),
    "GradientTape": (GradientTape, "", {}),
    "watch": (GradientTape, "watch", {"x": X}),
    "to_categorical": (utils.to_categorical, "", {"x": [0, 1]}),
    "normalize": (utils.normalize, "", {"x": X}),
    "split_dataset": (utils.split_dataset, "", {"dataset": X, "left_size": 0.5}),
    "SGD": (linear.SGD, "", {}),
    "LinearModel": (linear.LinearModel, "", {}),
} | {
    f"{make.__name__}.{name}": (make, name, given)
    for make, methods in (
        (network, {"summary": {}, "learner": {}, "get_layer": {}}),
        (unbuilt, {
            "fit": TRAINING, "evaluate": TRAINING, "predict": {"x": X}, "train_on_batch": BATCH,
            "test_on_batch": BATCH, "predict_on_batch": {"x": X}, "value_and_grad": BATCH,
            "learn_one": ONE_ROW, "predict_one": {"x": X[0]}, "__call__": {"x": X},
        }),
        (classifier, {
            "fit": ROWS, "partial_fit": ROWS, "learn_one": ONE_ROW, "predict": {"x": X},
            "predict_one": {"x": X[0]}, "predict_proba": {"x": X},
        }),
    )
    for name, given in methods.items()
}  # fmt: skip


def content(thing):
    """Return what a refused call may not change of a model."""
    if isinstance(thing, linear.LinearModel):
        return thing.coef.tobytes(), thing.feature_names, thing.classes
    if not isinstance(thing, Sequential):
        return None
    arrays = {name: array.tobytes() for name, array in state.arrays_of(thing).items()}
    return thing.built, arrays, state.progress_of(thing), thing.feature_names


def names_of(call, given):
    """Return the names of the arguments of a call."""
    kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    own = [p.name for p in inspect.signature(call).parameters.values() if p.kind in kinds]
    return dict.fromkeys([*own, *given])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", CALLS)
def test_odd_values_are_taken_or_refused_by_errors_of_fastgd(
    name, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # some are names of files
    make, method, given = CALLS[name]
    refused = 0
    for argument in names_of(getattr(make(), method) if method else make, given):
        for odd in ODD:
            thing = make() if method else None
            call = getattr(thing, method) if method else make
            before = content(thing)
            try:
                with np.errstate(all="ignore"):
                    call(**given | {argument: odd()})
            except FastgdError:
                refused += 1
                assert content(thing) == before, (argument, odd())
            except Exception as error:
                raise AssertionError(f"{argument}={odd()!r}: {error!r}") from error
    assert refused > 0
