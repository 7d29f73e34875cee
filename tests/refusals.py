"""Calls that have to be refused, and the proof that they changed nothing."""

import numpy as np
import pytest
from problems import regression

from fastgd import Sequential, layers, optimizers
from fastgd.errors import FastgdError

X, Y = regression(8)
LABELS = np.arange(8) % 3
ONE_HOT = np.eye(3)[LABELS]


def model_for(outputs=1, loss="mse", activation=None, built=True):
    model = Sequential([layers.Dense(4, name="first"), layers.Dense(outputs, activation)])
    if built:
        model.build((None, 3))
    model.compile(optimizers.Adam(0.01), loss, metrics=["accuracy"])
    return model


def state(model):
    """All that a failed call may not change."""
    built = model.built
    slots = [s.slots.tobytes() for s in model.optimizer._states.living()] if built else []
    return {
        "built": built,
        "layers": [(layer.name, layer.built) for layer in model.layers],
        "weights": model.parameters.tobytes() if built else None,
        "slots": slots,
        "iterations": model.optimizer.iterations,
        "history": id(model.history.history) if model.history else None,
        "epochs": list(model.history.epoch) if model.history else None,
        "begun": model.epochs_begun,
        "compiled": (id(model.optimizer), id(model.loss), [m.name for m in model.metrics]),
    }


def refused(model, error, words, call):
    """The message of a call that is refused and changes nothing; it holds all the words."""
    before = state(model)
    with pytest.raises(error) as caught:
        call(model)
    assert state(model) == before
    assert isinstance(caught.value, FastgdError)
    for word in words:
        assert word in str(caught.value)
    return str(caught.value)
