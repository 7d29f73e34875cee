"""L-BFGS: its line search, and what it reaches."""

import itertools

import numpy as np
import pytest
from problems import network, regression

from fastgd import linear, optimizers
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError
from fastgd.optimizers.lbfgs import Trial, strong_wolfe

LINES = {
    "parabola": (lambda a: ((a - 3) ** 2, 2 * (a - 3)), (0.1, 1.0, 3.0, 50.0)),
    "steep": (lambda a: (-a / (a * a + 2), (a * a - 2) / (a * a + 2) ** 2), (1e-3, 1, 100)),
    "exponential": (lambda a: (np.exp(a) - 5 * a, np.exp(a) - 5), (1e-3, 1.0, 20.0)),
    "wave": (lambda a: (np.sin(5 * a) - 2 * a, 5 * np.cos(5 * a) - 2), (0.01, 5.0)),
    "edge": (lambda a: (-a if a < 1 else np.nan, -1.0), (0.5, 2.0)),
}


@pytest.mark.parametrize(
    ("name", "step"), [(name, step) for name, (_, steps) in LINES.items() for step in steps]
)
def test_steps_meet_the_strong_wolfe_conditions(name, step):
    function = LINES[name][0]
    if name == "wave":  # begin where it goes down
        function = lambda a: LINES[name][0](a + 1.0)  # noqa: E731

    def at(a):
        return Trial(a, *function(a))

    start = at(0.0)
    found = strong_wolfe(at, start, step)
    assert found.value <= start.value + 1e-4 * found.step * start.slope
    if name != "edge":  # whose lowest point is none
        assert abs(found.slope) <= 0.9 * abs(start.slope)


def test_a_line_that_only_rises():
    start = Trial(0.0, 1.0, -1e-9)
    assert strong_wolfe(lambda a: Trial(a, 1 + a, 1.0), start, 1.0) == start


def test_least_squares_is_solved(engine):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 7)) * 10.0 ** (np.arange(7) / 3 - 1)
    y = rng.normal(size=(60, 1))
    model = network((), 7, 1, dtype="float64")
    model.compile(optimizers.LBFGS(max_iter=100), "mse")
    history = model.fit(x, y, epochs=3, batch_size=8, verbose=0)
    exact, *_ = np.linalg.lstsq(np.c_[x, np.ones(60)], y, rcond=None)
    best = np.mean((np.c_[x, np.ones(60)] @ exact - y) ** 2)
    np.testing.assert_allclose(history.history["loss"][-1], best, rtol=1e-8)
    np.testing.assert_allclose(model.evaluate(x, y, verbose=0), best, rtol=1e-8)


def test_a_network_goes_down_all_the_way(engine):
    x, y = regression(50)
    model = network()
    model.compile(optimizers.LBFGS(max_iter=5), "mse", metrics=["mae"])
    losses = model.fit(x, y, epochs=15, verbose=0).history["loss"]
    assert all(b <= a for a, b in itertools.pairwise(losses))
    other = network()
    other.compile(optimizers.Adam(0.01), "mse")
    assert losses[-1] < other.fit(x, y, epochs=75, batch_size=50, verbose=0).history["loss"][-1]
    assert losses[-1] == pytest.approx(model.evaluate(x, y, verbose=0)[0], rel=1e-5)


def test_frozen_variables_stay(engine):
    x, y = regression(30)
    model = network()
    model.compile(optimizers.LBFGS(), "mse")
    before = model.get_weights()
    for variable in model.layers[0].variables:
        variable.trainable = False
    variables = [v for v in model.weights if v.trainable]
    step = model.compiled_step()
    totals = step.totals()

    def objective():
        totals[:] = 0
        step.program.gradients(x, y, totals)
        return step.results.loss(totals), None

    first = objective()[0]
    model.optimizer.minimize(model.parameters, model.assembly().gradients, objective, variables)
    assert objective()[0] < first
    for old, variable in zip(before, model.weights, strict=True):
        assert (old == variable).all() == (not variable.trainable)


def test_what_is_refused():
    with pytest.raises(ArgumentError, match="LBFGS"):
        optimizers.LBFGS().apply_gradients([(np.ones(1), np.ones(1))])
    for arguments in ({"max_iter": 0}, {"history_size": 1.5}, {"tolerance_grad": -1}):
        with pytest.raises(ArgumentError, match=next(iter(arguments))):
            optimizers.LBFGS(**arguments)


def test_a_loss_that_is_not_finite_changes_nothing(engine):
    x, y = regression(8)
    model = network()
    model.compile(optimizers.LBFGS(), "mse")
    model.parameters[:] = 1e30
    with pytest.raises(DivergenceError, match="loss"):
        model.fit(x, y, verbose=0)
    assert (model.parameters == np.float32(1e30)).all()


def test_rounds_are_counted(engine):
    x, y = regression(30)
    model = network()
    model.compile(optimizers.LBFGS(), "mse")
    model.fit(x, y, epochs=2, verbose=0)
    assert model.epochs_begun == 2


@pytest.mark.parametrize(
    ("arguments", "name"),
    [({"learning_rate": 0}, "learning_rate"), ({"learning_rate": 0.0}, "learning_rate")]
    + [
        ({name: value}, name)
        for name in ("max_iter", "history_size")
        for value in (0, -1, 2.5, True, float("nan"), float("inf"))
    ]
    + [({"history_size": value}, "history_size") for value in (10_001, 2**63, 10**30)],
)
def test_numbers_out_of_range_are_refused_at_once(arguments, name):
    with pytest.raises(ArgumentError, match=f"^{name}: expected"):
        optimizers.LBFGS(**arguments)
    if name == "history_size":
        with pytest.raises((ArgumentError, DataTypeError), match=f"^{name}: expected"):
            linear.LBFGS(**arguments)


@pytest.mark.parametrize("max_iter", [2**63, 10**30])
def test_any_number_of_steps_may_be_allowed(max_iter):
    x, y = regression(50)
    model = network()
    model.compile(optimizers.LBFGS(max_iter=max_iter, tolerance_change=1e-3), "mse")
    assert np.isfinite(model.fit(x, y, epochs=1, verbose=0).history["loss"]).all()


def test_where_a_schedule_gives_zero_no_step_is_taken(engine):
    x, y = regression(50)
    model = network()
    model.compile(optimizers.LBFGS(optimizers.schedules.PolynomialDecay(0.0, 5, 0.0)), "mse")
    before = [w.copy() for w in model.get_weights()]
    model.fit(x, y, epochs=2, verbose=0)
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)


def test_a_first_step_that_is_far_too_long_is_shortened_without_a_warning(engine):
    x, y = regression(50)
    model = network()
    model.compile(optimizers.LBFGS(1e300), "mse")
    before = model.evaluate(x, y, verbose=0)
    model.fit(x, y, epochs=2, verbose=0)
    assert model.evaluate(x, y, verbose=0) <= before
