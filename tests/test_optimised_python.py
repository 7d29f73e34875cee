"""Python without assertions and docstrings (-OO), and with docstrings as 3.13 keeps them."""

import inspect
import subprocess
import sys

import pytest

pytest.importorskip("sklearn")

from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor
from fastgd.sklearn.network_estimator import filled

PROGRAM = """
import importlib
import pkgutil
import numpy as np
import fastgd

assert False, "assertions are on"
for name in fastgd.__all__:
    getattr(fastgd, name)
for found in pkgutil.walk_packages(fastgd.__path__, "fastgd."):
    name = found.name
    if not any(part.startswith("_") for part in name.split(".")[1:]) and "bench" not in name:
        importlib.import_module(name)

x = np.random.default_rng(0).normal(size=(64, 3))
model = fastgd.Sequential([fastgd.layers.Dense(1, input_shape=(3,))])
model.compile("sgd", "mse")
losses = model.fit(x, x.sum(axis=1), epochs=5, verbose=0).history["loss"]
print(fastgd.sklearn.mlp.MLPClassifier.__doc__, losses[-1] < losses[0])
fitted = fastgd.sklearn.MLPClassifier((4,), max_iter=300, random_state=1).fit(x, x[:, 0] > 0)
print(fitted.score(x, x[:, 0] > 0) > 0.8)
"""


def test_everything_public_works_without_docstrings():
    done = subprocess.run(
        [sys.executable, "-OO", "-W", "ignore", "-c", PROGRAM],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["None", "True", "True"]


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
