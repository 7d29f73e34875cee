"""Arguments for ``fit`` of many models: none takes the place of what the models differ in."""

import itertools

import numpy as np
import pytest

from fastgd import Sequential, layers, many
from fastgd.errors import ArgumentError, DataTypeError, ShapeError

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=(60, 3))
Y = RANDOM.integers(0, 2, 60)  # pure noise: nothing in X tells it
ROWS = np.arange(40)


def network(units=2):
    model = Sequential([layers.Dense(units, "tanh", input_shape=(3,)), layers.Dense(1)])
    model.compile("adam", "mse")
    return model


class Nearest:
    """The label of the nearest row that it was trained on: it knows all of these by heart."""

    def __init__(self, units=1):
        self.units = units

    def fit(self, x, y):
        self.x, self.y = x, y
        return self

    def predict(self, x):
        distances = ((x[:, None] - self.x) ** 2).sum(axis=2)
        return self.y[distances.argmin(axis=1)]

    def score(self, x, y):
        return float(np.mean(self.predict(x) == y))


SPACE = {"units": [1, 2]}
SETS = [{"units": 1}, {"units": 2}]

#: Each function that makes the jobs: what it is called with for a model, x and y, and more.
FUNCTIONS = {
    "cross_validate": lambda make, /, *data, **more: many.cross_validate(
        make, *data, 4, **more
    ),
    "bagging": lambda make, /, *data, **more: many.bagging(make, *data, 4, **more),
    "seeds": lambda make, /, *data, **more: many.seeds(make, [0, 1], *data, **more),
    "parameter_search": lambda make, /, *data, **more: many.parameter_search(
        make, SETS, *data, 4, **more
    ),
    "grid_search": lambda make, /, *data, **more: many.grid_search(
        make, SPACE, *data, 4, **more
    ),
    "random_search": lambda make, /, *data, **more: many.random_search(
        make, SPACE, *data, 4, n=2, **more
    ),
    "successive_halving": lambda make, /, *data, **more: many.successive_halving(
        make, SETS, *data, 4, resource="rows", least=20, **more
    ),
}
TESTING = [name for name in FUNCTIONS if name != "seeds"]

#: What nobody may say for all models, with a word of what to do instead.
SLIPPING = {
    "rows": (ROWS, r"x\[rows\]"),
    "validation_rows": (ROWS, "validation_split"),
    "name": ("mine", "fit_many"),
    "params": ({"mine": 1}, "fit_many"),
    "model": (network, "first argument"),
}

#: What is an argument of its own there.
OWN = {
    "cross_validate": {"model"},
    "seeds": {"rows", "validation_rows"},
}


def scores(found):
    """How well each model did on rows that it was not to be trained on."""
    if isinstance(found, many.CrossValidation):
        return found.scores["test_score"]
    if isinstance(found, many.Bagging):
        known = found.counts > 0
        return [np.mean((found.predictions[known] > 0.5).ravel() == Y[known])]
    return [score for row in found for score in row["scores"]]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_models_differ_in_is_no_argument_for_fit(name):
    for argument, (value, instead) in SLIPPING.items():
        if argument not in OWN.get(name, ()):
            for make in (network, Nearest):
                with pytest.raises(ArgumentError, match=f"^{argument}: .*{instead}"):
                    FUNCTIONS[name](make, X, Y, **{argument: value})


@pytest.mark.filterwarnings("ignore:successive_halving")
@pytest.mark.parametrize("kind", [network, Nearest])
@pytest.mark.parametrize("resource", [None, "epochs", "rows"])
def test_what_a_search_was_of_is_no_argument_of_its_refit(kind, resource):
    if resource is None:
        search = many.grid_search(kind, SPACE, X, Y, 4)
    elif kind is network or resource == "rows":
        search = many.successive_halving(kind, SETS, X, Y, 4, resource=resource, most=20)
    else:
        return  # it has no epochs
    for argument, (value, instead) in SLIPPING.items():
        with pytest.raises(ArgumentError, match=f"^{argument}: .*{instead}"):
            search.refit(**{argument: value})


@pytest.mark.parametrize("name", FUNCTIONS)
def test_data_and_first_arguments_are_given_once(name):
    for argument in ("x", "y", *OWN.get(name, set()) & {"model"}):
        with pytest.raises(TypeError, match=f"multiple values for .*'{argument}'"):
            FUNCTIONS[name](Nearest, X, Y, **{argument: X})


def test_each_seed_is_said_once():
    with pytest.raises(ArgumentError, match=r"^seed: give it as seeds, such as \[seed\]"):
        many.seeds(network, 3, X, Y, seed=7)
    found = many.seeds(network, [7, 8], X, Y)
    first, second = (result.model.get_weights()[0] for result in found)
    assert (first != second).any()


@pytest.mark.parametrize("name", TESTING)
def test_a_seed_is_that_of_the_first_model_only(name):
    say = FUNCTIONS[name]
    found = [say(network, X, Y.astype(float), seed=3) for _ in range(2)]
    if name == "bagging":
        models = found[0].models
        np.testing.assert_array_equal(*(one.predictions for one in found))
    elif name == "cross_validate":
        models = found[0].models
        np.testing.assert_array_equal(*(one.scores["test_loss"] for one in found))
    else:
        models = say(network, X, Y.astype(float), seed=3, keep_models=True).models[0]
        assert [row["scores"] for row in found[0]] == [row["scores"] for row in found[1]]
    first, second = (model.get_weights()[0] for model in models[:2])
    assert (first != second).any()


@pytest.mark.parametrize("name", TESTING)
def test_noise_is_not_foretold(name):
    """With rows, whether they are refused or taken, no model is tested on its own."""
    everything = np.arange(len(X))
    try:
        found = FUNCTIONS[name](Nearest, X, Y, rows=everything)
    except ArgumentError:  # it says to do this
        found = FUNCTIONS[name](Nearest, X[everything], Y[everything])
    assert 0.2 < np.mean(scores(found)) < 0.8


def test_rows_of_seeds_are_those_trained_on():
    rest = np.arange(40, 60)
    found = many.seeds(Nearest, [0, 1], X, Y, rows=ROWS, test_rows=rest)
    alone = Nearest().fit(X[ROWS], Y[ROWS]).score(X[rest], Y[rest])
    assert found.scores["test_score"].tolist() == [alone, alone]
    found = many.seeds(network, [0, 1], X, Y, rows=ROWS, validation_rows=rest, test_rows=rest)
    for result in found:
        assert result.scores["val_loss"] == pytest.approx(result.scores["test_loss"], rel=1e-6)


SPLITS = many.k_fold(60, 2)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: many.seeds(network, None, X, Y), DataTypeError, "seeds: expected a list"),
        (lambda: many.seeds(network, 1.5, X, Y), DataTypeError, "seeds: expected a list"),
        (
            lambda: many.seeds(network, 2**40, X, Y),
            ArgumentError,
            "seeds: .* <= .*, got 1099511627776",
        ),
        (lambda: many.seeds(network, itertools.repeat(1), X, Y), ArgumentError, "at most"),
        (lambda: many.bagging(network, X, Y, 2**40), ArgumentError, "n_models: .* <= "),
        (lambda: many.bagging(network, X, Y, max_samples=2**60), ShapeError, "max_samples"),
        (lambda: many.bagging(network, X), ArgumentError, "job 0: it has no 'y'"),
        (lambda: many.bagging(network, np.array(0.5), Y), ArgumentError, "n: .* >= 1, got 0"),
        (lambda: many.random({"rate": many.uniform(0, 1)}, 2**40), ArgumentError, "n: .* <= "),
        (
            lambda: many.grid({name: list(range(999)) for name in "abcd"}),
            ArgumentError,
            "space: the number of combinations: .* <= ",
        ),
        (lambda: many.Ensemble(None), DataTypeError, "models: expected a list of models"),
        (lambda: many.Ensemble(3), DataTypeError, "models: expected a list of models"),
        (lambda: many.Ensemble([network()]).predict(0.5), ShapeError, "x: expected rows"),
        (
            lambda: many.parameter_search(network, np.inf, X, Y, SPLITS),
            DataTypeError,
            "parameter_sets: expected a list of dicts",
        ),
        (
            lambda: many.parameter_search(network, SETS, X, Y, 0.5),
            DataTypeError,
            r"splits: expected a number, pairs .* or a splitter, got 0\.5",
        ),
        (lambda: many.cross_validate(network, X, Y, "min"), DataTypeError, "splits: .* pairs"),
        (
            lambda: many.successive_halving(network, SETS, X, Y, SPLITS, mode=np.zeros(0)),
            ArgumentError,
            "mode: expected 'auto', 'min' or 'max'",
        ),
        (
            lambda: many.cross_validate(network, X, Y, SPLITS, validation=np.zeros(2)),
            DataTypeError,
            "validation: expected a number",
        ),
        (
            lambda: many.cross_validate(network, X, Y, SPLITS, validation="share"),
            ArgumentError,
            "validation: expected 'fold' or a share below 1, got 'share'",
        ),
        (
            lambda: many.cross_validate(network, X, Y, SPLITS, predict="guess"),
            ArgumentError,
            "predict: Sequential has no method 'guess'",
        ),
        (lambda: many.fit_many(np.array(0.5)), DataTypeError, "jobs: expected dicts"),
    ],
)
def test_lists_words_and_counts_that_are_none(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_errors_of_a_splitter_are_its_own():
    class Splitter:
        def split(self, x, y):
            raise TypeError("mine")
            yield

    with pytest.raises(TypeError, match="mine"):
        many.cross_validate(network, X, Y, Splitter())
