"""Linear estimators refuse parameters that scikit-learn's own constraints refuse."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")
from sklearn.utils._param_validation import InvalidParameterError

from fastgd.sklearn import (
    LinearRegression,
    LogisticRegression,
    Ridge,
    SGDClassifier,
    SGDRegressor,
)

X = np.random.default_rng(0).normal(size=(20, 3))
Y = (X[:, 0] > 0).astype(int)
SGD = {
    "alpha": (-1e-3, float("nan"), "one"), "l1_ratio": (-1, 2, "half"), "penalty": ("l3", 1),
    "fit_intercept": ("False", 2), "average": ("yes", -1), "max_iter": (0, -1, 2.5),
    "epsilon": (-1, None), "tol": (-1, "small"), "eta0": (-1,), "batch_size": (0, -1, "all"),
    "learning_rate": ("fast",), "loss": ("cube",), "shuffle": ("no",),
}  # fmt: skip
BAD = {
    SGDClassifier: SGD,
    SGDRegressor: SGD,
    LogisticRegression: {
        "C": (-1, 0, "one"),
        "max_iter": (-1, 2.5),
        "fit_intercept": ("False",),
    },
    LinearRegression: {"fit_intercept": ("False",), "positive": ("no",), "tol": (-1,)},
    Ridge: {"alpha": (-1,), "fit_intercept": ("False",), "max_iter": (0,), "tol": (-1,)},
}


@pytest.mark.parametrize("estimator", BAD)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_a_wrong_parameter_is_refused(estimator, method):
    more = {"classes": [0, 1]} if method == "partial_fit" and "Cl" in estimator.__name__ else {}
    if method == "partial_fit" and estimator is LogisticRegression:
        more = {"classes": [0, 1]}
    for name, values in BAD[estimator].items():
        for value in values:
            with pytest.raises(InvalidParameterError, match=f"'{name}' parameter"):
                getattr(estimator(**{name: value}), method)(X, Y, **more)


def test_a_name_of_no_number_does_not_crash():
    code = (
        "import numpy as np; from fastgd.sklearn import SGDRegressor\n"
        "for bad in ({'alpha': -1e-3}, {'alpha': float('nan')}, {'l1_ratio': -1}):\n"
        "    try: SGDRegressor(penalty='l1', **bad).fit(np.ones((9, 2)), np.arange(9.0))\n"
        "    except ValueError: print('refused')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (0, ["refused"] * 3), done.stderr


def test_estimators_import_without_docstrings():
    code = (
        "import fastgd.sklearn as s; print(s.MLPClassifier.__name__, s.MLPClassifier.__doc__)"
    )
    done = subprocess.run([sys.executable, "-OO", "-c", code], capture_output=True, text=True)
    assert done.stdout.split() == ["MLPClassifier", "None"], done.stderr
