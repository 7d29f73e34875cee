"""Configurations of every class there is: constructor arguments in, the same out of JSON."""

import copy
import importlib
import inspect
import io
import json
import math

import numpy as np
import pytest
from test_saving import content

from fastgd import (
    Sequential,
    activations,
    initializers,
    layers,
    losses,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
)
from fastgd._registry import objects
from fastgd.errors import ArgumentError, DataTypeError, FastgdError, UnknownNameError

#: What a constructor wants that has no default, by the name of the argument.
NEEDED = {
    "units": 3,
    "activation": "tanh",
    "shape": (3,),
    "rate": 0.25,
    "stddev": 0.5,
    "input_dim": 5,
    "output_dim": 2,
    "target_shape": (3, 1),
    "scale": 0.5,
    "axes": 1,
    "initial_learning_rate": 0.1,
    "decay_steps": 10,
    "decay_rate": 0.9,
    "boundaries": [3, 5],
    "values": [0.3, 0.2, 0.1],
    "first_decay_steps": 10,
    "precision": 0.5,
    "recall": 0.5,
    "sensitivity": 0.5,
    "specificity": 0.5,
    "num_classes": 3,
    "target_class_ids": [0],
    "max_learning_rate": 0.1,
    "total_steps": 20,
    "quantiles": [0.1, 0.9],
    "quantile": 0.3,
    "array": [[1.0, 2.0]],
    "fn": losses.mean_squared_error,
    "l2_norm_clip": 0.5,
    "noise_multiplier": 1.5,
    "loss": losses.MeanAbsoluteError(),
}
#: Other values to try for an argument, by its name; each constructor takes those it can.
OTHERS = {
    "name": ["another"],
    "dtype": ["float64"],
    "seed": [7],
    "axis": [1],
    "mode": ["fan_out"],
    "distribution": ["uniform"],
    "reduction": ["sum"],
    "from_logits": [True],
    "thresholds": [[0.25, 0.75]],
    "activation": ["relu"],
    "trainable": [False],
    "spans": [[[0.5, 1.5, 1.0, 3, 10]]],
    "ignore_class": [1],
    "clipnorm": [1.5],
    "clipvalue": [1.5],
    "global_clipnorm": [1.5],
    "weight_decay": [0.125],
    "gradient_accumulation_steps": [2],
}
#: Not arguments of the thing itself: what makes it, or how many there are of it.
NOT_KEPT = {"input_shape", "kwargs", "args"}


#: What others derive from, what makes nothing by itself, and what is code and no data.
BASES = {
    "Compiled", "Constraint", "Initializer", "Layer", "LearningRateSchedule", "Loss", "Metric",
    "Optimizer", "RandomInitializer", "Regularizer",
}  # fmt: skip


def public(family):
    """The classes of a family that stand for something."""
    return {
        f"{family}.{name}": thing
        for name, thing in objects.members(family).items()
        if inspect.isclass(thing) and hasattr(thing, "get_config")
        if name not in BASES and family != "models"
    }


CLASSES = {name: cls for family in objects.FAMILIES for name, cls in public(family).items()}


def parameters(cls):
    """The arguments of a constructor, those of its bases for ``**kwargs`` included."""
    found = {}
    for base in cls.__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        given = inspect.signature(base.__init__).parameters
        for name, parameter in list(given.items())[1:]:
            if parameter.kind not in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL):
                found.setdefault(name, parameter)
        if not any(p.kind == p.VAR_KEYWORD for p in given.values()):
            break
    return {name: p for name, p in found.items() if name not in NOT_KEPT}


def needed(cls):
    return {
        name: NEEDED[name]
        for name, p in parameters(cls).items()
        if p.default is p.empty or (cls, name) == (layers.InputLayer, "shape")
    }  # fmt: skip


def others(name, default):
    """Values for an argument that are not its default."""
    if name in OTHERS:
        return OTHERS[name]
    if isinstance(default, bool):
        return [not default]
    if isinstance(default, int):
        return [default + 1]
    if isinstance(default, float):
        return [default / 2 if default else 0.25, 0.75]
    return []


def through_json(thing):
    data = json.loads(json.dumps(saving.serialize_object(thing), allow_nan=False))
    return saving.deserialize_object(data)


def made(cls, arguments):
    """An object, or None where the class itself or these arguments are refused."""
    try:
        return cls(**arguments)
    except (FastgdError, NotImplementedError):
        return None


def test_classes_are_found():
    for name in ("layers.Dense", "losses.MeanSquaredError", "optimizers.Adam",
                 "metrics.MeanSquaredError", "initializers.Zeros"):  # fmt: skip
        assert name in CLASSES


@pytest.mark.parametrize("family", objects.FAMILIES)
def test_the_registry_of_a_family_lists_every_public_class(family):
    module = importlib.import_module(f"fastgd.{family}")
    public_classes = {
        name: thing
        for name, thing in vars(module).items()
        if inspect.isclass(thing) and hasattr(thing, "get_config")
        and f"{thing.__module__}.".startswith(f"fastgd.{family}.") and name[0] != "_"
    }  # fmt: skip
    assert public_classes.items() <= objects.members(family).items()


@pytest.mark.parametrize("family", ["activations", "losses", "metrics"])
def test_functions_of_a_family_go_through_json(family):
    functions = [f for f in objects.members(family).values() if inspect.isfunction(f)]
    assert functions
    for function in functions:
        assert through_json(function) is function


def test_names_in_descriptions():
    mine = {"mse": losses.MeanAbsoluteError, "root": math.sqrt}
    assert type(losses.deserialize("mse", mine)) is losses.MeanAbsoluteError
    assert activations.deserialize("root", mine) is math.sqrt
    assert type(metrics.deserialize("Mean")) is metrics.Mean
    of_keras = {"module": "keras.optimizers", "class_name": "Adam", "registered_name": None}
    made = optimizers.deserialize(of_keras | {"config": {"learning_rate": 0.5}})
    assert type(made) is optimizers.Adam and made.learning_rate == 0.5
    assert regularizers.deserialize("l1_l2").get_config() == {"l1": 0.01, "l2": 0.01}
    entry = {"class_name": "l1_l2", "config": {"l1": 0.5}}
    assert regularizers.deserialize(entry).get_config() == {"l1": 0.5, "l2": 0.0}
    with pytest.raises(UnknownNameError, match="schedule: no 'cosine'"):
        optimizers.schedules.deserialize("cosine")


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_goes_through_json(name):
    cls = CLASSES[name]
    thing = cls(**needed(cls))
    again = through_json(thing)
    assert type(again) is cls
    assert saving.serialize_object(again) == saving.serialize_object(thing)
    plain = cls.from_config(thing.get_config())
    assert saving.serialize_object(plain) == saving.serialize_object(thing)


@pytest.mark.parametrize("name", CLASSES)
def test_every_argument_is_kept(name):
    cls = CLASSES[name]
    usual = saving.serialize_object(cls(**needed(cls)))["config"]
    for argument, parameter in parameters(cls).items():
        if argument not in inspect.signature(cls.__init__).parameters and argument != "name":
            continue  # a base's, which its own test tries
        for value in others(argument, parameter.default):
            thing = made(cls, needed(cls) | {argument: value})
            if thing is None:
                continue
            config = saving.serialize_object(thing)["config"]
            assert argument in config, f"get_config leaves out {argument}"
            assert config[argument] != usual[argument], f"get_config forgets {argument}"
            assert saving.serialize_object(through_json(thing))["config"] == config


# ---------------------------------------------------------------- models of every class


def of_family(family):
    prefix = family + "."
    return pytest.mark.parametrize(
        "cls",
        [pytest.param(c, id=name) for name, c in CLASSES.items() if name.startswith(prefix)],
    )


def made_or_skipped(make):
    """What make gives; a class that does not fit this model, alone, is skipped."""
    try:
        return make()
    except FastgdError as error:
        pytest.skip(f"not in this model: {error}")


def through_a_file(model):
    file = io.BytesIO()
    model.save(file)
    return models.load_model(io.BytesIO(file.getvalue()))


RNG = np.random.default_rng(4)
X, Y = RNG.integers(0, 4, (20, 3)).astype("float32"), RNG.random((20, 2)).astype("float32")


@of_family("layers")
def test_a_model_of_every_layer_trains_on_from_a_file(cls):
    def make():
        model = Sequential([layers.Input((3,)), cls(**needed(cls)), layers.Dense(2)])
        model.compile("adam", "mse")
        model.fit(X, Y, epochs=2, batch_size=6, verbose=0)
        return model

    model = made_or_skipped(make)
    for again in (through_a_file(model), copy.deepcopy(model)):
        assert content(again) == content(model)
        np.testing.assert_array_equal(again.predict(X), model.predict(X))
    copies = [model, through_a_file(model), copy.deepcopy(model)]
    histories = [m.fit(X, Y, epochs=2, batch_size=6, verbose=0).history for m in copies]
    assert histories[0] == histories[1] == histories[2]
    assert content(copies[0]) == content(copies[1]) == content(copies[2])


@of_family("losses")
def test_every_loss_is_compiled_again_from_a_file(cls):
    def make():
        model = Sequential([layers.Input((3,)), layers.Dense(2, "softmax")])
        model.compile("sgd", loss=cls(**needed(cls)))
        return model

    model = made_or_skipped(make)
    assert content(through_a_file(model)) == content(model)


@of_family("metrics")
def test_every_metric_is_compiled_again_from_a_file(cls):
    def make():
        sparse = cls.__name__.startswith("Sparse")
        model = Sequential([layers.Input((3,)), layers.Dense(2, "softmax")])
        loss = "sparse_categorical_crossentropy" if sparse else "mse"
        model.compile("sgd", loss=loss, metrics=[cls(**needed(cls))])
        return model

    model = made_or_skipped(make)
    assert content(through_a_file(model)) == content(model)


# ---------------------------------------------------------------- plain data


@pytest.mark.parametrize(
    "value",
    [
        None, True, 3, -(2**63), 2**64 - 1, 0.1, 5e-324, "text\n☃", [], (), {}, (1, (2, [3])),
        {"a": (1, None), "class": [0.5]}, math.inf, -math.inf,
    ],
    ids=repr,
)  # fmt: skip
def test_plain_values(value):
    again = through_json(value)
    assert again == value and type(again) is type(value)


def test_nan():
    assert math.isnan(through_json(math.nan))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_arrays(dtype):
    array = np.array([[0, 1], [3, 5]]).astype(dtype) / (3 if "float" in dtype else 1)
    array = array.astype(dtype)
    again = through_json({"a": array})["a"]
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)
    assert through_json(np.array([np.inf, np.nan]))[0] == np.inf
    assert through_json(np.float32(0.1)) == float(np.float32(0.1))


def test_what_cannot_be_written_is_refused():
    with pytest.raises(DataTypeError, match="get_config"):
        saving.serialize_object({"a": object()})
    with pytest.raises(DataTypeError, match="keys"):
        saving.serialize_object({1: 2})
    with pytest.raises(ArgumentError, match="lambda"):
        saving.serialize_object(lambda x: x)


def test_functions_and_classes():
    entry = saving.serialize_object([initializers.Zeros, math.sqrt])
    assert saving.deserialize_object(entry, {"sqrt": math.sqrt}) == [
        initializers.Zeros,
        math.sqrt,
    ]
    with pytest.raises(UnknownNameError, match="sqrt"):
        saving.deserialize_object(entry)


@pytest.mark.parametrize(
    "entry",
    [
        {"class_name": "__tuple__"},
        {"class_name": "__float__", "config": "many"},
        {"class_name": "__numpy__", "config": {"value": [1], "dtype": "many"}},
        {"class_name": "Zeros", "module": "fastgd.initializers", "config": []},
        {"class_name": "Zeros", "module": "fastgd.initializers", "config": {"no": 1}},
        {"class_name": "function", "module": "fastgd.layers", "config": "Dense"},
        {"class_name": "function", "module": "os", "config": "system"},
        {"class_name": "__object__", "config": "reference>0"},
        {"class_name": "annotations", "module": "fastgd.saving", "config": {}},
    ],
)
def test_entries_made_by_hand_are_refused(entry):
    with pytest.raises(ArgumentError):
        saving.deserialize_object(entry)
