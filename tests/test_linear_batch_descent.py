"""Batch gradient descent for linear models: by hand, and beside fastgd.gradient_descent."""

import numpy as np
import pytest
from batch_problems import CASES, linear, problem, targets
from engines import each_engine
from linear_problems import CSR

from fastgd import gradient_descent
from fastgd.errors import ArgumentError, DivergenceError
from fastgd.linear import SGD, GradientDescent, LinearModel
from fastgd.linear.objective import Solution
from fastgd.reference.linear_losses import decision_losses, multinomial_losses

CASES = [*CASES, ("hinge", 1), ("quantile", 1)]


def by_hand(x, y, weights, given, rate, iterations):
    """coef (k, d) and intercept (k,) from zero."""
    n, k = len(x), given.outputs
    w, b = np.zeros((k, x.shape[1])), np.zeros(k)
    for _ in range(iterations):
        z, slopes = x @ w.T + b, np.empty((n, k))
        if given.loss.name == "LINEAR_MULTINOMIAL":
            multinomial_losses(z, y, np.empty(n), slopes)
        else:
            for output in range(k):
                found = np.empty((3, n))
                decision_losses(
                    given.loss, given.setting, z[:, output], y.reshape(n, k)[:, output], found
                )
                slopes[:, output] = found[1]
        slopes *= weights[:, None] / weights.sum()
        w = w - rate * (slopes.T @ x + given.l2 * w)
        w = np.sign(w) * np.maximum(np.abs(w) - rate * given.l1, 0)
        b = b - rate * slopes.sum(axis=0) * given.fit_intercept
    return w, b


@each_engine
@pytest.mark.parametrize(("loss", "outputs"), CASES)
def test_by_hand(build, loss, outputs):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(31, 5)) * (rng.random((31, 5)) < 0.6)
    y, weights = targets(loss, 31, outputs, rng), rng.choice([0.0, 0.5, 2.0], 31)
    for options in ({"l2": 0.1}, {"l1": 0.03, "l2": 0.01}, {"fit_intercept": False}):
        given = [
            problem(linear(build), form, y, loss, weights=weights, outputs=outputs, **options)
            for form in (x, linear(build).Rows(*_arrays(x)))
        ]
        expected = by_hand(x, y, weights, given[0], 0.2, 15)
        for one in given:
            start = Solution(np.zeros((outputs, 5)), np.zeros(outputs))
            found = GradientDescent(0.2, 15).minimize(one, start)
            np.testing.assert_allclose(found.coef, expected[0], rtol=1e-11, atol=1e-14)
            np.testing.assert_allclose(found.intercept, expected[1], rtol=1e-11, atol=1e-14)
            assert found.n_iter == 15
            assert not start.coef.any()


def _arrays(x):
    sparse = CSR(x, np.int64)
    return sparse.data, sparse.indices, sparse.indptr, x.shape[1]


@pytest.mark.parametrize("targets", [1, 3])
def test_least_squares_is_gradient_descent_with_a_rate_for_the_mean(engine, targets):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(200, 4)), rng.normal(size=(200, targets))
    theta = gradient_descent(np.c_[x, np.ones(200)], y, np.zeros((5, targets)), 0.1 / 200, 60)
    model = LinearModel().fit(x, y, solver=GradientDescent(0.1, 60))
    np.testing.assert_allclose(np.c_[model.coef, model.intercept].T, theta, rtol=1e-11)
    residual = x @ model.coef.T + model.intercept - y
    assert model.loss_value == pytest.approx((residual**2).sum() / 400)
    halves = LinearModel()
    for _ in range(2):
        halves.fit(x, y, solver=GradientDescent(0.1, 30), warm_start=True)
    np.testing.assert_array_equal(halves.coef, model.coef)


def test_classes_against_the_rest(engine):
    rng = np.random.default_rng(2)
    x, y = rng.normal(size=(90, 3)), np.arange(90) % 3
    model = LinearModel("hinge", l2=0.01).fit(x, y, solver=GradientDescent(0.1, 20))
    for output in range(3):
        alone = LinearModel("hinge", l2=0.01).fit(
            x, y == output, solver=GradientDescent(0.1, 20)
        )
        np.testing.assert_allclose(model.coef[output], alone.coef[0], rtol=1e-12)


def test_threads_change_no_bit():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(5000, 40)), rng.integers(0, 3, 5000)
    for loss in ("log_loss", "multinomial"):
        one, two = (
            LinearModel(loss).fit(x, y, solver=GradientDescent(0.1, 4), n_jobs=jobs).coef
            for jobs in (1, 3)
        )
        np.testing.assert_array_equal(one, two)


def test_divergence_names_the_iteration_and_leaves_the_model_as_it_was(engine):
    x, y = np.array([[1.0], [2.0]]), np.array([0.0, 1.0])
    model = LinearModel().fit(x, y, solver=GradientDescent(0.1, 3))
    before = model.coef.copy()
    with pytest.raises(DivergenceError, match=r"rate smaller than 1e\+06.*columns") as caught:
        model.fit(x, y, solver=GradientDescent(1e6, 1000))
    assert 40 < caught.value.step < 60
    np.testing.assert_array_equal(model.coef, before)


@pytest.mark.parametrize(("settings", "name"), [((-1.0, 3), "rate"), ((0.1, 0), "iterations")])
def test_settings_are_checked(settings, name):
    with pytest.raises(ArgumentError, match=name):
        GradientDescent(*settings)


def test_numbers_that_no_engine_holds_are_refused_at_once():
    x, y = np.ones((3, 1)), np.ones(3)
    with pytest.raises(ArgumentError, match="iterations: expected a number <="):
        gradient_descent(x, y, np.zeros(1), 0.1, 2**63)
    for name in ("batch_size", "average"):
        with pytest.raises(ArgumentError, match=f"{name}: expected a number <="):
            SGD(**{name: 2**63})
