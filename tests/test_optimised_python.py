"""Python without assertions and docstrings (-OO), and with docstrings as 3.13 keeps them."""

import ast
import inspect
import pathlib
import subprocess
import sys

import pytest

import fastgd

pytest.importorskip("sklearn")

from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor
from fastgd.sklearn.network_estimator import filled

PACKAGE = pathlib.Path(fastgd.__file__).parent

#: Imports every module, and does what a user does; the last line says how it went.
PROGRAM = """
import copy, importlib, io, pickle, pkgutil, sys, warnings
import numpy as np
import fastgd

if sys.flags.optimize:
    assert False, "assertions are on"
for name in fastgd.__all__:
    getattr(fastgd, name)
for found in pkgutil.walk_packages(fastgd.__path__, "fastgd."):
    if found.name != "fastgd.__main__":
        importlib.import_module(found.name)

from fastgd import Sequential, callbacks, layers, linear, losses, many, models, sklearn

if sys.flags.optimize > 1:
    assert fastgd.sklearn.mlp.MLPClassifier.__doc__ is None
fastgd.utils.set_random_seed(1)
x = np.random.default_rng(0).normal(size=(64, 3))
y = x.sum(axis=1)
done = []

def network(units=4, learning_rate=0.05):
    model = Sequential([layers.Input((3,)), layers.Dense(units, "tanh"), layers.Dropout(0.1),
                        layers.BatchNormalization(), layers.Dense(1)])
    model.compile(fastgd.optimizers.Adam(learning_rate), "mse", metrics=["mae"])
    return model

model = network()
history = model.fit(x, y, epochs=20, validation_split=0.25, verbose=0,
                    callbacks=[callbacks.EarlyStopping(patience=3)]).history
done.append(history["loss"][-1] < history["loss"][0])
file = io.BytesIO()
model.save(file)
for again in (models.load_model(io.BytesIO(file.getvalue())), copy.deepcopy(model),
              pickle.loads(pickle.dumps(model)), fastgd.models.clone_model(model)):
    again.set_weights(model.get_weights())
    done.append((again.predict(x, verbose=0) == model.predict(x, verbose=0)).all())
with fastgd.GradientTape() as tape:
    loss = losses.mean_squared_error(y[:, None], model(x, training=True))
done.append(len(tape.gradient(loss, model.trainable_variables)) == 6)
search = many.grid_search(network, {"units": [2, 4]}, x, y, splits=2,
                          epochs=3, seed=0)
done.append(np.isfinite(search.best["mean"]))
for estimator in (sklearn.MLPClassifier((4,), learning_rate_init=0.1, tol=1e-2, random_state=1),
                  sklearn.LogisticRegression(), sklearn.SGDClassifier(random_state=1)):
    done.append(estimator.fit(x, x[:, 0] > 0).score(x, x[:, 0] > 0) > 0.8)
try:
    models.load_model(io.BytesIO(b"no model"))
except fastgd.errors.FileError:
    done.append(True)
model.summary(print_fn=lambda text: None)
repr(model), repr(search)
print("failed:", [i for i, fine in enumerate(done) if not fine], file=sys.stderr)
print(*sorted(set(map(bool, done))), len(done))
"""


@pytest.mark.parametrize("options", [["-O"], ["-OO"], ["-W", "error"], ["-OO", "-W", "error"]],
                         ids=" ".join)  # fmt: skip
def test_everything_works_without_docstrings_assertions_and_warnings(options):
    """Try it in interpreters of their own, where warnings are errors from the start."""
    done = subprocess.run(
        [sys.executable, *options, "-c", PROGRAM], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["True", "11"], done.stderr


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda p: p.name)
def test_no_module_checks_anything_by_an_assertion(path):
    found = [node.lineno for node in ast.walk(ast.parse(path.read_text()))
             if isinstance(node, ast.Assert)]  # fmt: skip
    assert not found, f"-O would leave out lines {found}"


INDENTED = """What it is.

    PARAMETERS

    Notes
    -----
    Text.
    """
PARAMETERS = """
    Parameters
    ----------
    x : int
        A number.
"""
WHOLE = """What it is.

Parameters
----------
x : int
    A number.

Notes
-----
Text."""


@pytest.mark.parametrize("docstring", [INDENTED, inspect.cleandoc(INDENTED)])
def test_docstring_is_filled_whether_its_indentation_is_there_or_not(docstring):
    assert filled(docstring, PARAMETERS) == WHOLE


def test_no_docstring_stays_none():
    assert filled(None, PARAMETERS) is None


@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_sections_of_the_estimators_begin_their_lines(cls):
    lines = cls.__doc__.splitlines()
    for section in ("Parameters", "Attributes", "Notes", "Examples"):
        assert lines[lines.index(section) + 1] == "-" * len(section)
    assert "    Units of each hidden layer; none for a linear model." in lines
    assert "PARAMETERS" not in cls.__doc__
