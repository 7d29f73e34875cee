"""Copies and pickles of models, optimizers and histories."""

import copy
import pickle

import numpy as np
import pytest
from problems import network, regression
from test_saving import OPTIMIZERS, content, trained

from fastgd import Sequential, initializers, layers, models, utils
from fastgd._engine import builds
from fastgd._registry import names
from fastgd.errors import FastgdError

X, Y = regression(60)

WAYS = {
    "pickle": lambda thing: pickle.loads(pickle.dumps(thing)),
    "pickle 2": lambda thing: pickle.loads(pickle.dumps(thing, protocol=2)),
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=list(WAYS))


@each_way
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copy_goes_on_to_the_bit_by_itself(way, name):
    model = trained(OPTIMIZERS[name]())
    other = way(model)
    assert content(other) == content(model)
    before = content(model)
    first = other.fit(X, Y, epochs=2, batch_size=7, verbose=0).history
    assert content(model) == before
    assert model.fit(X, Y, epochs=2, batch_size=7, verbose=0).history == first
    assert content(other) == content(model)


@each_way
@pytest.mark.parametrize(
    "make",
    [Sequential, lambda: Sequential([layers.Dense(1)]), network],
    ids=["empty", "not built", "not compiled"],
)
def test_copies_of_models_in_every_state(way, make):
    model = make()
    assert content(way(model)) == content(model)


@each_way
def test_a_copy_runs_on_the_engine_of_the_model(way, engine):
    assert way(network()).engine is builds.load(engine)


def test_a_pickle_of_another_machine_runs_on_an_engine_of_this_one(monkeypatch):
    data = pickle.dumps(trained())
    monkeypatch.setattr(builds, "available", lambda: ["reference"])
    monkeypatch.setattr("fastgd.config._settings", {"floatx": "float32", "engine": "reference"})
    assert pickle.loads(data).engine is builds.load("reference")


@pytest.mark.parametrize("way", [WAYS["pickle"], copy.deepcopy], ids=["pickle", "deepcopy"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_copied_optimizer_goes_on_with_copied_variables(way, name):
    rng = np.random.default_rng(0)
    optimizer = OPTIMIZERS[name](
        learning_rate=0.1, **({"momentum": 0.9} if name == "SGD" else {})
    )
    variables = [rng.normal(size=3), rng.normal(size=(2, 2)), rng.normal(size=3)]
    gradients = [rng.normal(size=v.shape) for v in variables]
    try:
        for _ in range(3):
            optimizer.apply(gradients, variables)
    except FastgdError as error:  # one that wants the loss itself, not gradients
        pytest.skip(str(error))
    other, others = way(optimizer), [v.copy() for v in variables]
    for _ in range(2):
        other.apply(gradients, others)
    assert (optimizer.iterations, other.iterations) == (3, 5)
    for _ in range(2):
        optimizer.apply(gradients, variables)
    for variable, same in zip(variables, others, strict=True):
        np.testing.assert_array_equal(same, variable)
    assert other.get_config() == optimizer.get_config()


@each_way
def test_a_history_keeps_its_figures_and_a_model(way):
    model = trained()
    history = way(model.history)
    assert (history.history, history.epoch) == (model.history.history, model.history.epoch)
    assert history.model.history is history or way is copy.copy


def test_a_copied_model_has_its_history():
    model = copy.deepcopy(trained())
    assert model.history.model is model
    assert len(model.history.epoch) == 2


class Own(initializers.Initializer):
    def values(self, shape):
        return np.full(shape, 0.25)


@pytest.mark.parametrize("way", [WAYS["pickle"], copy.deepcopy], ids=["pickle", "deepcopy"])
def test_classes_of_ones_own_need_no_registration(way):
    model = Sequential([layers.Dense(2, kernel_initializer=Own(), input_shape=(3,))])
    assert type(way(model).layers[0].kernel_initializer) is Own


def test_a_local_class_can_be_copied():
    class Local(Own):
        pass

    model = Sequential([layers.Dense(2, kernel_initializer=Local(), input_shape=(3,))])
    assert type(copy.deepcopy(model).layers[0].kernel_initializer) is Local
    with pytest.raises((AttributeError, pickle.PicklingError), match="Local"):
        pickle.dumps(model)


# ---------------------------------------------------------------- clones and JSON


def test_a_clone_is_the_same_model_with_weights_of_its_own():
    model = trained()
    clone = models.clone_model(model)
    assert clone.get_config() == model.get_config()
    assert clone.optimizer is None
    assert (clone.parameters != model.parameters).any()
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(clone.predict(X), model.predict(X))


def test_clone_function_makes_the_layers():
    def wider(layer):
        config = layer.get_config()
        return type(layer).from_config(config | {"units": 2 * layer.units})

    clone = models.clone_model(network(), clone_function=wider)
    assert [layer.units for layer in clone.layers] == [10, 8, 2]
    assert clone.input_shape == (None, 3)


def test_a_model_from_json_is_compiled_and_trains_alike():
    utils.set_random_seed(3)
    model = network()
    model.compile("adam", "mse", metrics=["mae"])
    again = models.model_from_json(model.to_json(indent=2))
    names.reset_names()
    again.set_weights(model.get_weights())
    again.seed = model.seed
    histories = [m.fit(X, Y, epochs=2, verbose=0).history for m in (model, again)]
    assert histories[0] == histories[1]
