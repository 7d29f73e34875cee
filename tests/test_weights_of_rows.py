"""Weights of rows: a negative one is refused everywhere, and a row of weight 0 is none."""

import warnings

import numpy as np
import pytest
from problems import network

from fastgd import linear, losses, metrics
from fastgd.errors import FastgdError
from fastgd.linear.objective import LOG_LINK, LOSSES, REGRESSIONS, SMOOTH

N, D = 40, 3


def data(seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, D))
    z = x @ [1.0, -2.0, 0.5] + 0.3 * rng.normal(size=N)
    weights = rng.uniform(0.5, 2, N)
    weights[::3] = 0
    return x, z, weights


def targets_for(loss, z):
    if loss in LOG_LINK:
        return np.exp(z / 4)
    if loss == "multinomial":
        return (z > -1).astype(int) + (z > 1)
    return z if loss in REGRESSIONS else (z > 0).astype(int)


# ---------------------------------------------------------------- negative


def refusals():
    x, z, _ = data()
    negative = np.ones(N)
    negative[7] = -1.0
    labels = (z > 0).astype(int)
    model = network((), D, 1)
    model.compile("sgd", "mse")
    y = z[:, None]
    fitted = linear.LinearModel(l2=0.1).fit(x, z, solver=linear.SGD(seed=0))
    yield "fit", lambda: linear.LinearModel().fit(x, z, negative)
    yield "partial_fit", lambda: linear.LinearModel(l2=0.1).partial_fit(x, z, negative)
    yield "first learn_one", lambda: linear.LinearModel(l2=0.1).learn_one(x[0], 1.0, -1.0)
    yield "later learn_one", lambda: fitted.learn_one(x[0], 1.0).learn_one(x[0], 1.0, -1.0)
    yield "learn_one, nan", lambda: fitted.learn_one(x[0], 1.0, float("nan"))
    yield "learn_one, inf", lambda: fitted.learn_one(x[0], 1.0, float("inf"))
    yield "chunks", lambda: linear.LinearModel().fit([(x, z, negative)])
    yield "train_on_batch", lambda: model.train_on_batch(x, y, negative)
    yield "test_on_batch", lambda: model.test_on_batch(x, y, negative)
    yield "network.fit", lambda: model.fit(x, y, sample_weight=negative, verbose=0)
    yield "evaluate", lambda: model.evaluate(x, y, sample_weight=negative, verbose=0)
    yield "a batch", lambda: model.fit(iter([(x, y, negative)]), steps_per_epoch=1, verbose=0)
    yield "validation", lambda: model.fit(x, y, validation_data=(x, y, negative), verbose=0)
    yield "class_weight", lambda: model.fit(x, labels, class_weight={0: -1.0}, verbose=0)
    yield "metric", lambda: metrics.MeanSquaredError()(y, y + 1, sample_weight=negative)
    yield "metric, a number", lambda: metrics.MeanSquaredError()(y, y + 1, sample_weight=-1.0)
    yield "mean", lambda: metrics.Mean()(z, sample_weight=negative)
    yield "sum", lambda: metrics.Sum()(z, sample_weight=negative)
    yield "counts", lambda: metrics.AUC()(labels, labels / 2, sample_weight=negative)
    yield "loss", lambda: losses.MeanSquaredError()(y, y + 1, sample_weight=negative)


CASES = [name for name, _ in refusals()]


@pytest.mark.parametrize("name", CASES)
def test_a_negative_weight_is_refused(name):
    with pytest.raises(FastgdError, match="at least 0"):
        dict(refusals())[name]()


@pytest.mark.parametrize(
    "name", ["LinearRegression", "Ridge", "LogisticRegression", "SGDClassifier", "SGDRegressor",
             "MLPClassifier", "MLPRegressor"],
)  # fmt: skip
def test_estimators_refuse_a_negative_weight(name):
    sklearn = pytest.importorskip("fastgd.sklearn")
    x, z, _ = data()
    negative = np.ones(N)
    negative[7] = -1.0
    y = z if ("Regress" in name and name != "LogisticRegression") or name == "Ridge" else z > 0
    with pytest.raises(ValueError, match="at least 0"):
        getattr(sklearn, name)().fit(x, y, sample_weight=negative)
    if name.startswith("SGD"):
        model = getattr(sklearn, name)(random_state=0).fit(x, y)
        before = model.coef_.copy()
        with pytest.raises(ValueError, match="at least 0"):
            model.learn_one(x[0], y[0].item(), -1.0)
        np.testing.assert_array_equal(model.coef_, before)


def test_a_refused_row_leaves_the_model_as_it_was(engine):
    x, z, _ = data()
    model = linear.LinearModel(l2=0.1).partial_fit(x, z)
    before = model.coef
    with pytest.raises(FastgdError, match="sample_weight"):
        model.learn_one(x[0], 1.0, -0.5)
    np.testing.assert_array_equal(model.coef, before)


# ---------------------------------------------------------------- zero


def solvers(loss):
    yield linear.SGD("constant", eta0=0.01, epochs=3, tol=None, shuffle=False)
    yield linear.SGD("invscaling", epochs=3, tol=1e-3, shuffle=False, average=True)
    yield linear.SGD("optimal", epochs=2, tol=None, shuffle=False)
    yield linear.GradientDescent(0.01, 10)
    if loss in SMOOTH:
        yield linear.Newton()
        yield linear.LBFGS()


@pytest.mark.parametrize("loss", sorted(LOSSES))
@pytest.mark.parametrize("penalty", [{"l2": 0.05}, {"l1": 0.02, "l2": 0.01}])
def test_a_fit_is_that_without_rows_of_weight_zero(engine, loss, penalty):
    x, z, weights = data()
    y = targets_for(loss, z)
    used = weights > 0
    for solver in solvers(loss):
        found = linear.LinearModel(loss, **penalty).fit(x, y, weights, solver=solver)
        expected = linear.LinearModel(loss, **penalty)
        classes = None if loss in REGRESSIONS else int(y.max()) + 1
        expected.fit(x[used], y[used], weights[used], solver=solver, classes=classes)
        np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-6, atol=1e-8)
        np.testing.assert_allclose(found.intercept, expected.intercept, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("loss", ["squared_error", "log_loss", "multinomial", "hinge"])
def test_learning_from_a_row_of_weight_zero_changes_nothing(engine, loss):
    x, z, _ = data()
    y = targets_for(loss, z)
    penalised = {"l1": 0.01, "l2": 0.1}
    steps = linear.SGD(shuffle=False)
    model = linear.LinearModel(loss, **penalised).partial_fit(x, y, solver=steps)
    other = linear.LinearModel(loss, **penalised).partial_fit(x, y, solver=steps)
    for i in range(5):
        model.learn_one(x[i], y[i].item(), 0.0)
    np.testing.assert_array_equal(model.coef, other.coef)
    model.learn_one(x[9], y[9].item())  # the learning rate has not moved on, either
    other.learn_one(x[9], y[9].item())
    np.testing.assert_array_equal(model.coef, other.coef)
    np.testing.assert_array_equal(model.intercept, other.intercept)


@pytest.mark.parametrize("solver", [linear.Newton(), linear.LBFGS()])
def test_a_row_of_weight_zero_may_have_a_loss_beyond_all_numbers(engine, solver):
    x, z, weights = data()
    y = targets_for("poisson", z)
    expected = linear.LinearModel("poisson", l2=0.01).fit(x, y, weights, solver=solver)
    x[0] = 1e5
    found = linear.LinearModel("poisson", l2=0.01).fit(x, y, weights, solver=solver)
    # the preconditioner and the shape of the line are the same, too
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-9)


@pytest.mark.parametrize("name", ["SGDClassifier", "SGDRegressor"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_estimators_do_not_count_rows_of_weight_zero(name, batch_size):
    sklearn = pytest.importorskip("fastgd.sklearn")
    x, z, weights = data()
    y = (z > 0) if name == "SGDClassifier" else z
    order = np.argsort(weights == 0, kind="stable")  # whole batches of weight 0 at the end
    x, y, weights = x[order], y[order], weights[order]
    used = weights > 0
    made = lambda: getattr(sklearn, name)(  # noqa: E731
        shuffle=False, max_iter=3, tol=None, batch_size=batch_size, penalty="elasticnet"
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = made().fit(x, y, sample_weight=weights)
        expected = made().fit(x[used], y[used], sample_weight=weights[used])
    np.testing.assert_allclose(found.coef_, expected.coef_, rtol=1e-12)
    assert found.t_ == expected.t_
    t, coef = found.t_, found.coef_.copy()
    found.learn_one(x[0], y[0].item(), 0.0)
    assert found.t_ == t
    np.testing.assert_array_equal(found.coef_, coef)
