"""A row's prediction by an estimator: the same bits in any batch, layout and format."""

import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning

from fastgd import layers, models
from fastgd import sklearn as estimators

METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def network():
    return models.Sequential([layers.Dense(6, "tanh"), layers.Dense(1)])


def two_classes():
    return models.Sequential([layers.Dense(6, "tanh"), layers.Dense(1, "sigmoid")])


#: Estimator class -> its variants: each has what its methods may depend on.
VARIANTS = {
    "LinearRegression": [{}],
    "Ridge": [{}, {"fit_intercept": False}],
    "LogisticRegression": [{}, {"l1_ratio": 0.5, "solver": "saga"}],
    "SGDClassifier": [{"loss": loss} for loss in ("hinge", "log_loss", "modified_huber")],
    "SGDRegressor": [{"eta0": 1e-3}],
    "MLPClassifier": [{"hidden_layer_sizes": (9,), "max_iter": 3}],
    "MLPRegressor": [
        {"hidden_layer_sizes": (9,), "max_iter": 3, "loss": loss}
        for loss in ("squared_error", "poisson")
    ],
    "Classifier": [{"model": two_classes, "loss": "binary_crossentropy", "epochs": 2}],
    "Regressor": [{"model": network, "loss": "mse", "epochs": 2}],
}
#: Those that take CSR matrices.
SPARSE = {"LinearRegression", "Ridge", "LogisticRegression", "SGDClassifier", "SGDRegressor"}
CASES = [
    pytest.param(name, settings, id=f"{name}-{i}")
    for name, variants in VARIANTS.items()
    for i, settings in enumerate(variants)
]


def test_all_estimators_are_tried():
    assert set(VARIANTS) == set(estimators.__all__)


def fitted(name, settings, x, several):
    made = getattr(estimators, name)(**settings)
    rng = np.random.default_rng(1)
    z = (x * rng.normal(size=x.shape[1])).sum(axis=1)
    y = np.exp(z / 9)
    if hasattr(made, "decision_function") or "Classifier" in name:
        y = (z > 0).astype(int) + (several and name != "Classifier") * (z > 2)
    elif several and name not in ("SGDRegressor", "Regressor"):
        y = np.stack([y, y[::-1]], axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return made.fit(x, y)


def bits(array):
    return np.ascontiguousarray(array).tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_a_row_has_the_same_bits_in_any_batch(name, settings, several, dtype):
    x = np.random.default_rng(0).normal(size=(70, 37)).astype(dtype)
    model = fitted(name, settings, x, several)
    tried = [method for method in METHODS if hasattr(model, method)]
    assert "predict" in tried
    for method in tried:
        predict = getattr(model, method)
        whole = predict(x)
        rows = [predict(x[i : i + 1]) for i in range(len(x))]
        assert bits(np.concatenate(rows)) == bits(whole)
        assert bits(predict(x[5:29])) == bits(whole[5:29])
        assert bits(predict(np.asfortranarray(x))) == bits(whole)
        assert bits(predict(np.repeat(x, 2, axis=1)[:, ::2])) == bits(whole)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize(("name", "settings"), [c for c in CASES if c.values[0] in SPARSE])
def test_a_sparse_row_has_the_same_bits_in_any_batch(name, settings, several, dtype):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(70, 37)).astype(dtype)
    x[rng.random(x.shape) < 0.6] = 0
    model = fitted(name, settings, x, several)
    for method in METHODS:
        if not hasattr(model, method):
            continue
        predict = getattr(model, method)
        csr = sparse.csr_matrix(x)
        whole = predict(csr)
        rows = [predict(csr[i : i + 1]) for i in range(len(x))]
        assert bits(np.concatenate(rows)) == bits(whole)
        assert bits(predict(sparse.csc_matrix(x))) == bits(whole)
        if method != "predict" or "Class" not in name:
            np.testing.assert_allclose(whole, predict(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", sorted(SPARSE))
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_are_scikit_learns(name, dtype):
    import sklearn.linear_model

    x = np.random.default_rng(0).normal(size=(60, 5)).astype(dtype)
    for settings in VARIANTS[name]:
        for several in (False, True):
            model = fitted(name, settings, x, several)
            theirs = getattr(sklearn.linear_model, name)(**settings)
            vars(theirs).update(vars(model) | {"intercept_": model.intercept_})
            for method in METHODS:
                if hasattr(theirs, method):
                    found = getattr(model, method)(x)
                    with np.errstate(divide="ignore"):
                        expected = getattr(theirs, method)(x)
                    assert (found.shape, found.dtype) == (expected.shape, expected.dtype)
                    if "log" in method:  # 1 - p cancels, and the logarithm shows it
                        found, expected = np.exp(found), np.exp(expected)
                    tolerance = 1e-5 if dtype == "float32" else 1e-12
                    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)
                else:
                    assert not hasattr(model, method)


@pytest.mark.parametrize("name", sorted(SPARSE))
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("form", [np.array, np.asfortranarray, sparse.csr_matrix, list])
def test_rows_that_are_not_finite_are_refused_whatever_the_weights(name, bad, form):
    x = np.random.default_rng(0).normal(size=(60, 5))
    model = fitted(name, {}, x, False)
    model.coef_ = np.zeros_like(model.coef_)  # then z shows it only as 0 times inf
    x[7, 3] = bad
    for method in METHODS:
        if hasattr(model, method):
            with pytest.raises(ValueError, match=r"NaN|infinity|inf|nan"):
                getattr(model, method)(form(x))


@pytest.mark.parametrize("name", sorted(SPARSE))
def test_finite_rows_beyond_the_range_of_decisions_are_predicted(name):
    x = np.random.default_rng(0).normal(size=(60, 5))
    model = fitted(name, {}, x, False)
    model.coef_ = np.full_like(model.coef_, 10.0)
    x[0] = 1e308
    decide = getattr(model, "decision_function", model.predict)
    assert decide(x)[0] == np.inf
