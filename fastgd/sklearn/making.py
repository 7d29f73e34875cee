"""A model for the data of a fit: from a model, or from a function that makes one."""

import inspect

import numpy as np

from fastgd import layers, losses, optimizers
from fastgd._engine import scope
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.models import Model, Sequential, clone_model


def made(model, facts, parameters, seed):
    """A fresh model, with weights that come from a seed; compiled only if `model` was.

    Parameters
    ----------
    model : Model, callable or None
        A model is cloned, with fresh weights; a function is called with those of the facts
        that it has parameters for, and with all parameters, which go first. None: one hidden
        layer.
    facts : dict
        What is known of the data: n_features, n_outputs, n_classes ...
    parameters : dict
        What ``model__...`` said.
    """
    with scope.own(seed):
        if isinstance(model, Model):
            if parameters:
                raise ArgumentError(
                    f"model__{next(iter(parameters))}: a model takes no parameters: give a "
                    "function that makes one"
                )
            found = clone_model(model)
            if model.compiled:
                found.compile_from_config(model.get_compile_config())
        else:
            function = one_hidden_layer if model is None else model
            found = function(**(_arguments(function, facts) | parameters))
            if not isinstance(found, Model):
                raise DataTypeError(f"model: expected it to make a model, got {found!r}")
        if not found.built:
            found.build((None, facts["n_features"]))
        found.seed = seed
    return found


def one_hidden_layer(n_features, n_outputs, output_activation, dtype, units=100):
    """The network of an estimator that was given none."""
    return Sequential(
        [
            layers.Input(shape=(n_features,), dtype=dtype),
            layers.Dense(units, activation="relu"),
            layers.Dense(n_outputs, activation=output_activation),
        ],
        dtype=dtype,
    )


def _arguments(function, facts):
    """Those of the facts that a function has parameters for."""
    parameters = inspect.signature(function).parameters.values()
    names = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return {name: value for name, value in facts.items() if name in names}


def fresh(kind, chosen, parameters):
    """An optimizer or loss as it was chosen, with parameters; never the user's own object.

    Parameters
    ----------
    kind : {"optimizer", "loss"}
    chosen : str, object, class or function
    parameters : dict
        What ``optimizer__...`` or ``loss__...`` said.
    """
    module = {"optimizer": optimizers, "loss": losses}[kind]
    found = module.get(chosen)
    if not hasattr(type(found), "from_config") or (kind == "loss" and not parameters):
        return found
    return type(found).from_config(found.get_config() | parameters)


def width_of(model):
    """The columns of a model's output."""
    shape = model.output_shape
    if isinstance(shape, list):
        raise ArgumentError(f"model: expected one output, it has {len(shape)}")
    return int(np.prod(shape[1:]))
