"""Linear models fitted by whole batches, beside scikit-learn's, one thread each.

``test_ratio`` lets both take turns and notes how many times as long scikit-learn's fit takes.
"""

import time

import numpy as np
import pytest

pytest.importorskip("sklearn")

import sklearn.linear_model as theirs

import fastgd.sklearn as ours

ROUNDS = 15


def rows(n, d):
    """Correlated columns of unit variance, and scores."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(n, d)) + rng.normal(size=(n, 1))
    return x / x.std(axis=0), rng


def binary():
    x, rng = rows(30_000, 29)
    return x, (x @ rng.normal(size=29) / 4 + rng.logistic(size=30_000) > 1).astype(np.int64)


def several_classes():
    x, rng = rows(30_000, 29)
    return x, (x @ rng.normal(size=(29, 4)) / 4 + rng.gumbel(size=(30_000, 4))).argmax(axis=1)


def numbers():
    x, rng = rows(30_000, 29)
    return x, x @ rng.normal(size=29) + rng.normal(size=30_000)


#: Name -> class, arguments, data. Append, but do not change.
CASES = {
    "logistic": ("LogisticRegression", {}, binary),
    "logistic newton": ("LogisticRegression", {"solver": "newton-cholesky"}, binary),
    "multinomial": ("LogisticRegression", {}, several_classes),
    "ridge": ("Ridge", {}, numbers),
    "least squares": ("LinearRegression", {}, numbers),
}


def objective(model, x, y):
    """Return the minimum of the fit, over the number of rows."""
    if not hasattr(model, "classes_"):
        penalty = getattr(model, "alpha", 0.0) * model.coef_ @ model.coef_
        return (np.sum((model.predict(x) - y) ** 2) + penalty) / len(y)
    p = model.predict_proba(x)[np.arange(len(y)), y]
    return -np.log(p).mean() + 0.5 * np.sum(model.coef_**2) / (model.C * len(y))


@pytest.fixture(scope="module", params=CASES)
def pair(request):
    """(our estimator, theirs, x, y), which reach the same objective."""
    name, arguments, make = CASES[request.param]
    x, y = make()
    both = [getattr(module, name)(**arguments).fit(x, y) for module in (ours, theirs)]
    mine, other = (objective(model, x, y) for model in both)
    assert mine <= other * (1 + 1e-6)
    return (*both, x, y)


@pytest.mark.parametrize("side", ["fastgd", "scikit-learn"])
def test_fit(pair, side, benchmark):
    mine, other, x, y = pair
    model = mine if side == "fastgd" else other
    benchmark.pedantic(model.fit, (x, y), rounds=ROUNDS)


def test_ratio(pair, benchmark):
    *both, x, y = pair
    best = [np.inf, np.inf]
    for _ in range(ROUNDS):
        for i, model in enumerate(both):
            begun = time.perf_counter()
            model.fit(x, y)
            best[i] = min(best[i], time.perf_counter() - begun)
    benchmark.extra_info["scikit-learn / fastgd"] = round(best[1] / best[0], 2)
    benchmark.pedantic(both[0].fit, (x, y), rounds=1)
