"""Models for the data of a fit: from a model, or from a function that returns one."""

import inspect

import numpy as np

from fastgd import layers, losses
from fastgd._engine import scope
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.models import Model, Sequential, clone_model


def new_model(model, facts, parameters, seed):
    """Return a fresh model, with weights from a seed; compiled only if `model` was.

    A model is cloned, with fresh weights. A function is called with those of the facts (of the
    data: n_features, n_outputs, n_classes ...) that it has parameters for, and with all
    parameters (of ``model__...``), which override facts. None: one hidden layer.
    """
    with scope.own(seed):
        if isinstance(model, Model):
            if parameters:
                raise ArgumentError(
                    f"model__{next(iter(parameters))}: a model takes no parameters: give a "
                    "function that returns one"
                )
            found = clone_model(model)
            if model.compiled:
                found.compile_from_config(model.get_compile_config())
        else:
            function = one_hidden_layer if model is None else model
            known = inspect.signature(function).parameters.values()
            kinds = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
            names = {p.name for p in known if p.kind in kinds}
            facts_wanted = {name: facts[name] for name in facts if name in names}
            found = function(**(facts_wanted | parameters))
            if not isinstance(found, Model):
                raise DataTypeError(f"model: expected it to return a model, got {found!r}")
        if not found.built:
            found.build((None, facts["n_features"]))
        found.seed = seed
    return found


def one_hidden_layer(n_features, n_outputs, output_activation, dtype, units=100):
    """Return the network of an estimator without a model."""
    return Sequential(
        [
            layers.Input(shape=(n_features,), dtype=dtype),
            layers.Dense(units, activation="relu"),
            layers.Dense(n_outputs, activation=output_activation),
        ],
        dtype=dtype,
    )


def configured(get, chosen, parameters):
    """Return an optimizer or loss as it was chosen, with parameters; never the user's object.

    get: ``optimizers.get`` or ``losses.get``.
    """
    found = get(chosen)
    if not hasattr(type(found), "from_config") or (get is losses.get and not parameters):
        return found
    return type(found).from_config(found.get_config() | parameters)


def output_width(model):
    """Return the number of columns of a model's output."""
    shape = model.output_shape
    if isinstance(shape, list):
        raise ArgumentError(f"model: expected one output, it has {len(shape)}")
    return int(np.prod(shape[1:]))
