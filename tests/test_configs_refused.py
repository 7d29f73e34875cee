"""Bad configurations, names, shapes and models end in errors of fastgd."""

import numpy as np
import pytest
from test_saving_configs import CLASSES, needed

from fastgd import (
    Input,
    Model,
    Sequential,
    initializers,
    layers,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
)
from fastgd.errors import ArgumentError, DataTypeError, FastgdError, ShapeError

NO_CONFIGS = [None, 3, "x", [1], (1, 2), {1: 2}, np.zeros(2), object()]


@pytest.mark.parametrize("config", NO_CONFIGS, ids=lambda config: type(config).__name__)
@pytest.mark.parametrize(
    "cls", [*CLASSES.values(), Model, Sequential], ids=lambda c: c.__name__
)
def test_from_config_takes_a_dict_of_names(cls, config):
    with pytest.raises(DataTypeError, match="config: expected a dict"):
        cls.from_config(config)


@pytest.mark.parametrize("name", CLASSES)
def test_a_name_is_a_string(name):
    cls = CLASSES[name]
    try:
        cls(**needed(cls), name="mine")
    except (TypeError, FastgdError):
        pytest.skip("it has no name")
    for wrong in (3, ["a"], np.zeros(2), b"x"):
        with pytest.raises(DataTypeError, match="name: expected a string"):
            cls(**needed(cls), name=wrong)


@pytest.mark.parametrize("make", [
    lambda name: Input((3,), name=name), lambda name: Sequential(name=name),
    lambda name: Model(name=name),
], ids=["Input", "Sequential", "Model"])  # fmt: skip
def test_a_name_of_a_model_is_a_string(make):
    with pytest.raises(DataTypeError, match="name: expected a string"):
        make(3)


NO_OBJECTS = [{}, {"a": 1}, {"config": {}}, {"class_name": "__tuple__", "items": [1]}]


@pytest.mark.parametrize("description", NO_OBJECTS, ids=str)
@pytest.mark.parametrize(
    "deserialize",
    [
        regularizers.deserialize, optimizers.deserialize, initializers.deserialize,
        optimizers.schedules.deserialize, metrics.deserialize, regularizers.get,
    ],
)  # fmt: skip
def test_a_description_describes_an_object(deserialize, description):
    with pytest.raises(ArgumentError):
        deserialize(description)


@pytest.mark.parametrize("custom", [3, [1], np.zeros(0), "x"], ids=repr)
def test_custom_objects_are_a_dict(custom):
    entry = saving.serialize_object(initializers.Zeros())
    for call in (
        lambda: saving.deserialize_object(entry, custom),
        lambda: initializers.deserialize(entry, custom),
        lambda: Sequential.from_config({"layers": []}, custom),
        lambda: saving.get_registered_object("x", custom),
        lambda: models.model_from_json(Sequential().to_json(), custom),
    ):
        with pytest.raises(DataTypeError, match="custom_objects"):
            call()


def test_names_of_registered_objects():
    with pytest.raises(DataTypeError, match="name"):
        saving.get_registered_object([1])
    with pytest.raises(DataTypeError, match="obj"):
        saving.get_registered_name(object())
    assert saving.get_registered_object("nothing", {"nothing": np.tanh}) is np.tanh
    assert saving.get_registered_object("nothing") is None


@pytest.mark.parametrize("shape", [None, "ab", (None, 3), (2, -1), (1.5,), -2, [()]], ids=repr)
@pytest.mark.parametrize("name", ["zeros", "he_normal", "orthogonal", "random_uniform"])
def test_the_shape_of_an_initializer(name, shape):
    with pytest.raises(ShapeError, match="shape"):
        initializers.get(name)(shape)


def test_a_number_is_the_shape_of_a_vector():
    np.testing.assert_array_equal(initializers.Ones()(3), [1, 1, 1])


@pytest.mark.parametrize("axis", ["a", ([],), int, (0.5,), None], ids=repr)
@pytest.mark.parametrize("cls", [layers.LayerNormalization, layers.UnitNormalization])
def test_axes_are_whole_numbers(cls, axis):
    with pytest.raises(DataTypeError, match="axis"):
        Sequential([Input((2, 3)), cls(axis=axis)])


@pytest.mark.parametrize("name", ["l1", "l2", "l1_l2", "orthogonal_regularizer"])
@pytest.mark.parametrize("x", [np.array([["a"]]), [], "a", None, np.zeros((1, 1), "M8[s]")],
                         ids=repr)  # fmt: skip
def test_a_penalty_is_of_numbers(name, x):
    penalty = regularizers.get(name)
    if isinstance(x, list):  # an empty vector
        x = np.zeros(0, "M8[s]")
    with pytest.raises(DataTypeError, match="x: expected an array of numbers"):
        penalty(x)


def test_no_rows_are_orthogonal():
    assert regularizers.OrthogonalRegularizer()(np.zeros((0, 3))) == 0


def test_no_model_is_saved_or_loaded_into(tmp_path):
    calls = [saving.save_model, saving.save_weights, saving.save_state, saving.load_weights,
             saving.load_state]  # fmt: skip
    for call in calls:
        for wrong in (None, 3, {}, layers.Dense(1)):
            with pytest.raises(DataTypeError, match="model: expected a model"):
                call(wrong, tmp_path / "m")
    for text in (None, 3, b"\xff", "{", "[" * 100_000, []):
        with pytest.raises(ArgumentError, match="json_string"):
            models.model_from_json(text)
    with pytest.raises(DataTypeError, match="clone_function"):
        models.clone_model(Sequential([Input((2,)), layers.Dense(1)]), clone_function=3)


def test_a_path_without_a_file(tmp_path):
    model = Sequential([Input((2,)), layers.Dense(1)])
    for call in (model.save, model.save_weights, model.load_weights, models.load_model):
        with pytest.raises(ArgumentError, match=r"filepath.*NUL"):
            call(f"{tmp_path}/a\0b")
        with pytest.raises(ArgumentError, match="filepath: no name of a file"):
            call(f"{tmp_path}/a\ud800")


def test_more_weights_than_memory_can_hold():
    for make in (
        lambda: Sequential([Input((3,)), layers.Dense(10**30, name="large")]),
        lambda: layers.Dense(2**62, name="large").build((None, 3)),
        lambda: layers.Embedding(5, 2**70, name="large")(np.zeros((1, 2), int)),
    ):
        with pytest.raises(ArgumentError, match=r"large.*expected an array that fits"):
            make()
