"""Open models and pickles in an interpreter that has loaded nothing of fastgd before."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from fastgd import (
    Model,
    Sequential,
    callbacks,
    constraints,
    initializers,
    layers,
    linear,
    losses,
    metrics,
    optimizers,
    regularizers,
    saving,
)

X = np.linspace(-1, 1, 12).reshape(6, 2).astype("float32")


def run(code, *arguments):
    """The output of code in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def sequential():
    model = Sequential([layers.Dense(3, "relu", input_shape=(2,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def graph():
    inputs = layers.Input((2,))
    model = Model(inputs, layers.Dense(1)(layers.Dropout(0.5)(inputs)))
    model.compile(optimizers.SGD(0.1), "mse")
    return model


@pytest.mark.parametrize("make", [sequential, graph])
@pytest.mark.parametrize("door", ["saving.load_model", "models.load_model"])
def test_a_model_file_opens(make, door, tmp_path):
    model = make()
    model.fit(X, X[:, 0], verbose=0)
    model.save(tmp_path / "model.safetensors")
    code = f"import sys, fastgd; fastgd.saving, fastgd.{door}(sys.argv[1]).summary()"
    assert "Dense" in run(code, tmp_path / "model.safetensors")


def test_a_description_opens():
    code = "import sys, fastgd; print(fastgd.models.model_from_json(sys.argv[1]).name)"
    model = sequential()
    assert run(code, model.to_json()).strip() == model.name


@pytest.mark.parametrize(
    "make",
    [
        sequential,
        graph,
        lambda: sequential().fit(X, X[:, 0], verbose=0),
        lambda: layers.Dense(2, kernel_regularizer="l2"),
        lambda: losses.Huber(0.5),
        lambda: metrics.AUC(),
        lambda: optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 10, 0.9)),
        lambda: initializers.GlorotUniform(3),
        lambda: regularizers.L1L2(0.1, 0.2),
        lambda: constraints.MaxNorm(1.0),
        lambda: callbacks.EarlyStopping(),
        lambda: linear.LinearModel().fit(X.astype(float), X[:, 0].astype(float)),
    ],
)
def test_a_pickle_opens(make, tmp_path):
    thing = make()
    (tmp_path / "pickle").write_bytes(pickle.dumps(thing))
    code = (
        "import pickle, sys; thing = pickle.load(open(sys.argv[1], 'rb'));"
        "print(type(thing).__name__)"
    )
    assert run(code, tmp_path / "pickle").strip() == type(thing).__name__


def test_a_configuration_opens():
    config = saving.serialize_object(regularizers.L2(0.5))
    code = (
        "import ast, sys; from fastgd import saving;"
        "print(saving.deserialize_object(ast.literal_eval(sys.argv[1])))"
    )
    assert "L2" in run(code, config)
