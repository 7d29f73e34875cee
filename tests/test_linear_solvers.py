"""Solvers of whole batches: the optima of scikit-learn's exact ones, and their parts."""

import warnings

import numpy as np
import pytest
from batch_problems import linear, problem, rows, targets
from credit_table import credit
from engines import each_build, each_engine

from fastgd import linear as linear_models
from fastgd.errors import ArgumentError, ConvergenceWarning, DivergenceError
from fastgd.linear import LBFGS, LinearModel, Newton
from fastgd.linear.linalg import Inverse, correct, moments, ridge
from fastgd.linear.objective import SMOOTH, Objective, PriorObjective, Solution
from fastgd.linear.solvers import subgradient

pytest.importorskip("sklearn")

import sklearn.linear_model as sklearn_linear
from threadpoolctl import threadpool_limits

SOLVERS = [LBFGS(1e-12), Newton(1e-12)]
each_solver = pytest.mark.parametrize("solver", SOLVERS, ids=["lbfgs", "newton"])


@pytest.fixture(autouse=True)
def _one_thread():
    with threadpool_limits(1):
        yield


def zeros(given):
    k, d = given.outputs, given.rows.shape[1]
    return Solution(np.zeros((k, d)), np.zeros(k))


def made(n, d, name, k=1, seed=0):
    """Correlated columns of different sizes, and targets."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) + rng.normal(size=(n, 1))
    x *= 10.0 ** np.linspace(-1, 1, d)
    return x, targets(name, n, k, rng)


@each_engine
@each_solver
@pytest.mark.parametrize("name", sorted(SMOOTH))
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_the_gradient_vanishes(build, solver, name, fit_intercept):
    k = 3 if name == "multinomial" else 1
    x, y = made(150, 5, name, k)
    weights = np.random.default_rng(1).uniform(0, 2, 150)
    given = problem(
        linear(build), x, y, name, weights=weights, l2=0.01, outputs=k,
        fit_intercept=fit_intercept,
    )  # fmt: skip
    found = solver.minimize(given, zeros(given))
    objective = Objective(given)
    value, gradient = objective(objective.joined(found.coef, found.intercept))
    assert np.abs(gradient).max() < 1e-11
    assert value == pytest.approx(found.loss_value)
    assert found.n_iter < 60
    if not fit_intercept:
        assert not found.intercept.any()


@each_engine
@each_solver
@pytest.mark.parametrize("name", ["squared_error", "log_loss", "multinomial", "poisson"])
def test_l1_meets_the_conditions_of_a_minimum_with_exact_zeros(build, solver, name):
    k = 3 if name == "multinomial" else 1
    x, y = made(200, 9, name, k)
    x /= x.std(axis=0)
    given = problem(linear(build), x, y, name, l1=0.05, l2=0.01, outputs=k)
    found = solver.minimize(given, zeros(given))
    objective = Objective(given)
    vector = objective.joined(found.coef, found.intercept)
    _, gradient = objective(vector)
    assert np.abs(subgradient(vector, gradient, objective.l1)).max() < 1e-10
    assert 0 < (found.coef == 0).sum() < found.coef.size


@each_build
@each_solver
def test_threads_and_sparse_rows_change_nothing_that_matters(build, solver):
    engine = linear(build)
    x, y = made(900, 6, "log_loss")
    x[np.random.default_rng(2).random(x.shape) < 0.6] = 0

    def run(given, threads):
        found = problem(engine, given, y, "log_loss", l2=1e-3, threads=threads)
        return solver.minimize(found, zeros(found)).coef

    for kind in ("dense", "int64"):
        given = rows(engine, x, kind)
        np.testing.assert_array_equal(run(given, 1), run(given, 3))
    np.testing.assert_allclose(
        run(rows(engine, x), 1), run(rows(engine, x, "int32"), 1), rtol=1e-9
    )


@each_solver
def test_many_columns_have_a_diagonal_metric(solver):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(120, 300)), rng.choice([-1.0, 1.0], 120)
    given = problem(linear("reference"), x, y, "log_loss", l2=0.05)
    exact = sklearn_linear.LogisticRegression(
        C=1 / (0.05 * 120), solver="newton-cholesky", tol=1e-12
    ).fit(x, y)
    found = solver.minimize(given, zeros(given))
    np.testing.assert_allclose(found.coef, exact.coef_, rtol=1e-7, atol=1e-10)


# ---------------------------------------------------------------- optima of scikit-learn


@each_engine
@each_solver
def test_logistic_optimum(build, solver):
    x, y = made(400, 6, "log_loss")
    exact = sklearn_linear.LogisticRegression(
        C=0.7, solver="newton-cholesky", tol=1e-13, max_iter=200
    ).fit(x, y)
    given = problem(linear(build), x, y, "log_loss", l2=1 / (0.7 * 400))
    found = solver.minimize(given, zeros(given))
    np.testing.assert_allclose(found.coef, exact.coef_, rtol=1e-8)
    np.testing.assert_allclose(found.intercept, exact.intercept_, rtol=1e-8)


@each_engine
@each_solver
def test_multinomial_optimum(build, solver):
    x, y = made(400, 6, "multinomial", 4)
    x /= x.std(axis=0)
    exact = sklearn_linear.LogisticRegression(
        C=0.7, solver="newton-cholesky", tol=1e-13, max_iter=200
    ).fit(x, y)
    given = problem(linear(build), x, y, "multinomial", l2=1 / (0.7 * 400), outputs=4)
    found = solver.minimize(given, zeros(given))
    np.testing.assert_allclose(found.coef, exact.coef_, rtol=1e-7)
    np.testing.assert_allclose(found.intercept, exact.intercept_, rtol=1e-7)


@each_engine
@each_solver
def test_poisson_optimum(build, solver):
    x, y = made(400, 6, "poisson")
    x /= 10 * x.std(axis=0)
    exact = sklearn_linear.PoissonRegressor(
        alpha=0.01, solver="newton-cholesky", tol=1e-13, max_iter=200
    ).fit(x, y)
    given = problem(linear(build), x, y, "poisson", l2=0.01)
    found = solver.minimize(given, zeros(given))
    np.testing.assert_allclose(found.coef[0], exact.coef_, rtol=1e-7)
    np.testing.assert_allclose(found.intercept, exact.intercept_, rtol=1e-7)


@each_engine
@each_solver
@pytest.mark.parametrize("name", ["gamma", "tweedie"])
def test_gamma_and_tweedie_optimum(build, solver, name):
    x, y = made(400, 6, "poisson")
    x /= 10 * x.std(axis=0)
    y, power = (y + 0.5, 2) if name == "gamma" else (y, 1.4)
    exact = sklearn_linear.TweedieRegressor(
        power=power, link="log", alpha=0.01, solver="newton-cholesky", tol=1e-13, max_iter=200
    ).fit(x, y)
    given = problem(linear(build), x, y, name, l2=0.01)
    found = solver.minimize(given, zeros(given))
    np.testing.assert_allclose(found.coef[0], exact.coef_, rtol=1e-7)
    np.testing.assert_allclose(found.intercept, exact.intercept_, rtol=1e-7)


@each_engine
@each_solver
@pytest.mark.parametrize(("alpha", "ratio"), [(0.5, 1.0), (0.2, 0.5), (2.0, 0.7)])
def test_elastic_net_zeros(build, solver, alpha, ratio):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(200, 12)) + 0.8 * rng.normal(size=(200, 1))
    y = x @ np.r_[3.0, -2, 1, np.zeros(9)] + rng.normal(size=200)
    exact = sklearn_linear.ElasticNet(
        alpha=alpha, l1_ratio=ratio, tol=1e-14, max_iter=100_000
    ).fit(x, y)
    given = problem(
        linear(build), x, y, "squared_error", l1=alpha * ratio, l2=alpha * (1 - ratio)
    )
    found = solver.minimize(given, zeros(given))
    np.testing.assert_array_equal(found.coef[0] == 0, exact.coef_ == 0)
    np.testing.assert_allclose(found.coef[0], exact.coef_, rtol=1e-6, atol=1e-9)


@each_solver
def test_poisson_optimum_on_the_credit_table(solver):
    x, y = credit("AGE")
    exact = sklearn_linear.PoissonRegressor(
        alpha=1e-3, solver="newton-cholesky", tol=1e-12, max_iter=100
    ).fit(x, y)
    model = LinearModel("poisson", l2=1e-3).fit(x, y, solver=solver)
    np.testing.assert_allclose(model.coef[0], exact.coef_, rtol=1e-6)
    np.testing.assert_allclose(model.intercept, exact.intercept_, rtol=1e-6)


# ---------------------------------------------------------------- ill-formed problems


@each_solver
def test_data_without_an_optimum_or_with_many(solver):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 4))
    x = np.c_[x, x[:, 0], np.zeros(60), np.ones(60)]  # a copy, nothing, another intercept
    y = rng.choice([-1.0, 1.0], 60)
    given = problem(linear("reference"), x, y, "log_loss")
    found = solver.minimize(given, zeros(given))
    least = problem(linear("reference"), x[:, :4], y, "log_loss")
    best = solver.minimize(least, zeros(least))
    assert found.loss_value == pytest.approx(best.loss_value, rel=1e-12)
    assert found.coef[0, 5] == 0


def test_separable_classes_end_without_noise():
    x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    given = problem(linear("reference"), x, [-1.0, -1, 1, 1], "log_loss")
    for solver in (LBFGS(1e-6), Newton(1e-6)):
        found = solver.minimize(given, zeros(given))
        assert np.isfinite(found.coef).all()
        assert found.loss_value < 1e-5


def test_a_constant_target_and_a_single_row():
    for solver in SOLVERS:
        given = problem(linear("reference"), np.ones((1, 2)), [3.0], "squared_error", l2=0.1)
        found = solver.minimize(given, zeros(given))
        np.testing.assert_allclose(found.intercept, 3.0)
        np.testing.assert_allclose(found.coef, 0.0, atol=1e-12)
        given = problem(linear("reference"), np.eye(3), np.zeros(3), "poisson", l2=0.1)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            assert np.isfinite(solver.minimize(given, zeros(given)).intercept).all()


@each_engine
@each_solver
@pytest.mark.parametrize(
    ("scale", "size"), [(1e15, 1.0), (1e-15, 1.0), (1.0, 1e15), (np.array([1e15, 1, 1e-15]), 1)]
)
def test_huge_and_tiny_columns_and_targets_end_where_rounding_does(build, solver, scale, size):
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x @ [1.0, 2.0, 3.0] + 1
    given = problem(linear(build), x * scale, y * size, "squared_error")
    found = solver.minimize(given, zeros(given))  # a warning would be an error
    np.testing.assert_allclose(found.coef[0] * scale / size, [1, 2, 3], rtol=1e-9)


@each_engine
@each_solver
@pytest.mark.parametrize("d", [3, 300])
def test_columns_whose_squares_no_float_holds(build, solver, d):
    x = 1e200 * np.random.default_rng(0).normal(size=(20, d))
    given = problem(linear(build), x, np.arange(20) % 2 * 2.0 - 1, "log_loss")
    with pytest.raises(DivergenceError, match="x: the squares of its columns are beyond"):
        solver.minimize(given, zeros(given))


@each_solver
def test_too_few_iterations_are_told_of_with_advice(solver):
    short = type(solver)(1e-12, 1)
    x, y = made(100, 4, "poisson")
    given = problem(linear("reference"), x / 10, y, "poisson", l2=0.01)
    with pytest.warns(ConvergenceWarning, match="scale the columns of x.*max_iter"):
        found = short.minimize(given, zeros(given))
    assert found.n_iter == 1


@each_solver
def test_losses_with_kinks_are_refused(solver):
    given = problem(linear("reference"), np.eye(2), [1.0, -1.0], "hinge")
    with pytest.raises(ArgumentError, match="hinge has kinks"):
        solver.minimize(given, zeros(given))


@each_solver
def test_a_start_beyond_the_finite_numbers(solver):
    given = problem(linear("reference"), np.eye(2), [1.0, 2.0], "poisson")
    with pytest.raises(DivergenceError, match="scale the columns"):
        solver.minimize(given, Solution(np.full((1, 2), 1e4), np.zeros(1)))


@pytest.mark.parametrize("kind", [LBFGS, Newton])
def test_arguments_are_checked(kind):
    with pytest.raises(ArgumentError, match="tol"):
        kind(tol=-1)
    with pytest.raises(ArgumentError, match="max_iter"):
        kind(max_iter=-1)


def test_the_model_picks_a_solver():
    x, y = made(100, 4, "log_loss")
    model = LinearModel("log_loss", l2=0.1).fit(x, (y + 1) / 2)
    assert model.loss_value is not None
    assert model.n_iter < 20
    assert {"LBFGS", "Newton"} <= set(linear_models.__all__)


@each_build
def test_ctrl_c_leaves_the_model_as_it_was(build, monkeypatch):
    x, y = made(100, 4, "log_loss")
    model = LinearModel("log_loss", l2=0.1).fit(x, (y + 1) / 2)
    before = model.coef.copy()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Objective, "hessian", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(2 * x, (y + 1) / 2, solver=Newton())
    np.testing.assert_array_equal(model.coef, before)


# ---------------------------------------------------------------- parts


def test_inverse_of_badly_scaled_and_of_singular_matrices():
    rng = np.random.default_rng(0)
    scale = 10.0 ** np.arange(-6, 6, 2)
    x = rng.normal(size=(40, 6)) * scale
    matrix = x.T @ x
    right = rng.normal(size=6) * scale
    inverse = Inverse(matrix)
    np.testing.assert_allclose(matrix @ inverse(right), right, rtol=1e-11)
    assert inverse.condition < 100
    both = np.block([[matrix, matrix], [matrix, matrix]])
    twice = Inverse(both)
    assert twice.condition == np.inf
    np.testing.assert_allclose(
        both @ twice(np.r_[right, right]), np.r_[right, right], rtol=1e-9
    )
    assert not Inverse(np.zeros((2, 2)))(np.ones(2)).any()


@each_engine
@pytest.mark.parametrize("kind", ["dense", "int32"])
@pytest.mark.parametrize("weighted", [False, True])
def test_moments_in_parts_are_those_of_the_whole(build, kind, weighted):
    engine = linear(build)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(90, 5)) + np.array([0, 1, 0, 1e3, 0]), rng.normal(size=(90, 2)) + 5
    s = rng.uniform(0, 2, 90) if weighted else None
    whole = moments(engine, rows(engine, x, kind), y, s)
    cuts = (slice(0, 7), slice(7, 8), slice(8, 90))
    first, *others = (
        moments(engine, rows(engine, x[c], kind), y[c], None if s is None else s[c])
        for c in cuts
    )
    for other in others:
        first = first.joined(other)
    weights = np.ones(90) if s is None else s
    x_mean, y_mean = np.average(x, axis=0, weights=weights), np.average(y, 0, weights)
    for found in (whole, first):
        np.testing.assert_allclose(found.x_mean, x_mean, rtol=1e-13)
        np.testing.assert_allclose(found.y_mean, y_mean, rtol=1e-13)
        centred = (x - x_mean).T * weights
        tolerance = 1e-12 if kind == "dense" else 1e-6
        np.testing.assert_allclose(found.square, centred @ (x - x_mean), atol=tolerance * 90)
        np.testing.assert_allclose(found.cross, centred @ (y - y_mean), atol=tolerance * 90)


def test_corrections_regain_what_squaring_loses():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 4))
    x = np.c_[x, x[:, 0] + 1e-5 * rng.normal(size=200)]
    truth = np.array([[1.0, 2, 3, 4, 5]])
    y = x @ truth.T + 1
    given = problem(linear("reference"), x, y, "squared_error")
    found = moments(given.engine, given.rows, y, None)
    coef, solvers = ridge(found, np.zeros(1), True)
    before = np.abs(coef - truth).max()
    correct(given, found, np.zeros(1), coef, solvers)
    assert np.abs(coef - truth).max() < min(1e-9, before / 10)


def test_an_anchor_adds_its_quadratic_function():
    x, y = made(40, 3, "log_loss")
    objective = Objective(problem(linear("reference"), x, y, "log_loss"))
    anchor, precision = np.arange(4.0), np.diag([1.0, 2, 3, 4])
    anchored = PriorObjective(objective, anchor, precision)
    point = np.full(4, 0.1)
    step = point - anchor
    value, gradient = anchored(point)
    plain, slope = objective(point)
    assert value == pytest.approx(plain + 0.5 * step @ precision @ step)
    np.testing.assert_allclose(gradient, slope + precision @ step)
    np.testing.assert_allclose(
        anchored.hessian(point), objective.hessian(point) + precision, rtol=1e-12
    )
