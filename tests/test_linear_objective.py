"""The objective of linear models, its derivatives, Gram matrices and coordinate descent."""

import numpy as np
import pytest
from batch_problems import CASES, linear, problem, rows, targets
from engines import FOR_EVER, covering, digest, each_build, each_engine, missing

from fastgd import reference
from fastgd.linear.objective import Objective
from fastgd.linear.solvers import coordinate_descent

SHAPES = covering(
    {"n": [1, 2, 7, 8, 9, 64, 65, 600],
     "d": [1, 2, 8, 9, 17, 24, 29, 33, 70, 130],
     "dtype": [np.float32, np.float64], "kind": ["dense", "int32", "int64"],
     "weighted": [False, True]}
)  # fmt: skip
THREADS = (1, 2, 3, 8, 9)


def matrix(n, d, dtype, kind, rng):
    """x between other numbers in memory, with zeros if it is to be sparse."""
    room = np.full(n * d + 128, np.nan, dtype)
    x = room[64:-64].reshape(n, d)
    x[:] = rng.normal(size=(n, d))
    if kind != "dense":
        x[rng.random((n, d)) < 0.7] = 0
    return x


def run(engine, given, y, weights, name, coef, intercept, threads=1, curved=True):
    """(loss, gradient, curvatures)."""
    kept = np.full((len(coef), given.shape[0]), np.nan) if curved else None
    whole = problem(engine, given, y, name, weights=weights, outputs=len(coef))
    row, sums = engine.objective(whole, coef, intercept, kept, None, 0, FOR_EVER, threads)
    assert row == given.shape[0]
    return sums[0].copy(), kept


@each_build
@pytest.mark.parametrize(("name", "outputs"), CASES)
def test_every_build_agrees_with_the_reference(build, name, outputs):
    for shape in SHAPES:
        n, d, dtype, kind, weighted = shape.values()
        rng = np.random.default_rng([n, d])
        x = matrix(n, d, dtype, kind, rng)
        y = targets(name, n, outputs, rng)
        weights = rng.choice([0.0, 0.5, 2.0], n) if weighted else None
        coef, intercept = rng.normal(size=(outputs, d)) / d**0.5, rng.normal(size=outputs)
        curved = name == "multinomial" or outputs == 1
        expected = run(
            reference, rows(reference, x), y, weights, name, coef, intercept, 1, curved
        )
        found = run(
            linear(build), rows(linear(build), x, kind), y, weights, name, coef, intercept, 1,
            curved,
        )  # fmt: skip
        np.testing.assert_allclose(
            found[0], expected[0], rtol=1e-12, atol=1e-13 * n, err_msg=str(shape)
        )
        if curved:
            np.testing.assert_allclose(found[1], expected[1], rtol=1e-13, atol=1e-15)


def complex_value(z, y, name):
    """A sum of losses of complex decisions, for derivatives without cancellation."""
    values = {
        "squared_error": lambda: (z - y) ** 2 / 2,
        "log_loss": lambda: np.log(1 + np.exp(-y * z)),
        "poisson": lambda: np.exp(z) - y * z,
        "gamma": lambda: y * np.exp(-z) - 1 - np.log(y) + z,
        # power 1.4; the first term does not depend on z
        "tweedie": lambda: y**0.6 / -0.24 + y * np.exp(-0.4 * z) / 0.4 + np.exp(0.6 * z) / 0.6,
        "multinomial": lambda: (
            np.log(np.exp(z).sum(axis=1)) - z[np.arange(len(z)), y.astype(int)]
        ),
    }
    return values[name]().sum()


@each_engine
@pytest.mark.parametrize(
    "name", ["squared_error", "log_loss", "poisson", "gamma", "tweedie", "multinomial"]
)
def test_gradients_are_those_of_a_complex_step(build, name):
    rng = np.random.default_rng(0)
    n, d, k = 20, 5, 3 if name == "multinomial" else 1
    x, y = rng.normal(size=(n, d)), targets(name, n, k, rng)
    coef, intercept = rng.normal(size=(k, d)), rng.normal(size=k)
    found, _ = run(linear(build), rows(linear(build), x), y, None, name, coef, intercept)
    both = np.c_[coef, intercept].astype(complex)
    ones = np.c_[x, np.ones(n)]
    y = y if k > 1 else y[:, None]
    np.testing.assert_allclose(found[0], complex_value(ones @ both.T, y, name).real, rtol=1e-13)
    for o in range(k):
        for j in range(d + 1):
            moved = both.copy()
            moved[o, j] += 1e-30j
            slope = complex_value(ones @ moved.T, y, name).imag / 1e-30
            assert found[1 + o * (d + 1) + j] == pytest.approx(slope, rel=1e-11, abs=1e-12)


@each_engine
@pytest.mark.parametrize(("name", "outputs"), [case for case in CASES if case[1] < 20])
@pytest.mark.parametrize("fit_intercept", [True, False])
def test_hessians_are_differences_of_gradients(build, name, outputs, fit_intercept):
    if name == "squared_error" and outputs > 1:
        return
    rng = np.random.default_rng(1)
    engine = linear(build)
    x, y = rng.normal(size=(40, 4)), targets(name, 40, outputs, rng)
    objective = Objective(
        problem(
            engine, x, y, name, weights=rng.uniform(0.1, 2, 40), l2=0.3, outputs=outputs,
            fit_intercept=fit_intercept, setting=1.4 if name == "tweedie" else 0.2,
        )
    )  # fmt: skip
    point = rng.normal(size=objective.size)
    hessian = objective.hessian(point)
    if name == "multinomial" and fit_intercept:  # without what was added where it is flat
        flat = np.zeros((outputs, 5))
        flat[:, 4] = 1
        flat = flat.ravel() / outputs**0.5
        hessian = hessian - np.outer(flat, flat) * (flat @ hessian @ flat)
    step = 1e-6
    for j, unit in enumerate(np.eye(objective.size)):
        ahead, behind = (objective(point + s * unit)[1] for s in (step, -step))
        np.testing.assert_allclose(hessian[j], (ahead - behind) / (2 * step), atol=2e-8)


@each_engine
def test_extreme_decisions_are_finite(build):
    engine = linear(build)
    x = np.array([[1e4], [-1e4], [1e4], [-1e4]])
    for name, y, k in (("log_loss", [1.0, 1, -1, -1], 1), ("multinomial", [0.0, 1, 2, 2], 3)):
        coef = np.linspace(1, -1, k)[:, None]
        sums, kept = run(engine, rows(engine, x), np.array(y), None, name, coef, np.zeros(k))
        assert np.isfinite(sums).all()
        assert np.isfinite(kept).all()
        assert sums[0] == pytest.approx(2e4 if k == 1 else 3e4)


@each_build
@pytest.mark.parametrize("kind", ["dense", "int64"])
def test_threads_and_builds_give_the_same_bits(build, kind):
    def bits(build, threads):
        engine, found = linear(build), []
        for n, d, dtype in ((70, 3, np.float32), (1500, 29, np.float64), (600, 70, np.float32)):
            rng = np.random.default_rng([n, d])
            x = matrix(n, d, dtype, kind, rng)
            given, weights = rows(engine, x, kind), rng.uniform(size=n)
            for name, k in (
                ("log_loss", 1), ("poisson", 1), ("gamma", 1), ("tweedie", 1),
                ("multinomial", 3),
            ):  # fmt: skip
                y = targets(name, n, k, rng)
                coef, intercept = rng.normal(size=(k, d)) / d, rng.normal(size=k)
                found += run(engine, given, y, weights, name, coef, intercept, threads)
            none = np.zeros((n, 0))
            found.append(
                engine.weighted_gram(given, weights, None, none, None, 0, FOR_EVER, threads)[1][
                    0
                ]
            )
        return digest(*found)

    expected = bits(build if build == "baseline" or missing("avx2") else "avx2", 1)
    assert {threads: bits(build, threads) for threads in THREADS} == dict.fromkeys(
        THREADS, expected
    )


@each_engine
@pytest.mark.parametrize("kind", ["dense", "int32", "int64"])
def test_gram_matrices_are_products(build, kind):
    engine = linear(build)
    for shape in SHAPES:
        n, d, dtype, _, weighted = shape.values()
        if n * d > 20_000:
            continue
        rng = np.random.default_rng([n, d])
        x = matrix(n, d, dtype, kind, rng)
        y = rng.normal(size=(n, n % 3))
        weights = rng.choice([0.0, 0.5, 2.0], n) if weighted else None
        shift = rng.normal(size=d) if kind == "dense" and n % 2 else None
        row, sums = engine.weighted_gram(
            rows(engine, x, kind), weights, shift, y, None, 0, FOR_EVER
        )
        assert row == n
        moved = x.astype(np.float64) - (0 if shift is None else shift)
        both = np.hstack([moved, np.ones((n, 1)), y])
        scaled = both * (np.ones(n) if weights is None else weights)[:, None]
        largest = np.abs(moved).T @ np.abs(scaled)
        assert (np.abs(sums[0] - moved.T @ scaled) <= 2e-14 * largest + 1e-300).all(), shape


@each_build
@pytest.mark.parametrize("kind", ["dense", "int32"])
def test_passes_stop_and_go_on_to_the_same_bits(build, kind):
    engine = linear(build)
    rng = np.random.default_rng(3)
    x = matrix(3000, 5, np.float64, kind, rng)
    given, y, none = (
        rows(engine, x, kind),
        targets("log_loss", 3000, 1, rng),
        np.zeros((3000, 0)),
    )
    coef, intercept = rng.normal(size=(1, 5)), np.zeros(1)
    for threads in (1, 3):
        row, sums, grams, calls = 0, None, None, 0
        while row < 3000:
            row, sums = engine.objective(
                problem(engine, given, y, "log_loss"), coef, intercept, None, sums, row, 0.0,
                threads,
            )  # fmt: skip
            calls += 1
        assert calls > 2
        whole, _ = run(engine, given, y, None, "log_loss", coef, intercept)
        np.testing.assert_array_equal(sums[0], whole)
        row = 0
        while row < 3000:
            row, grams = engine.weighted_gram(given, None, None, none, grams, row, 0.0, threads)
        _, once = engine.weighted_gram(given, None, None, none, None, 0, FOR_EVER)
        np.testing.assert_array_equal(grams[0], once[0])


# ---------------------------------------------------------------- coordinate descent


def quadratic(n, rng):
    root = rng.normal(size=(n + 5, n))
    return root.T @ root, 3 * rng.normal(size=n), rng.choice([0.0, 1.0, 4.0], n)


@each_engine
def test_coordinate_descent_meets_the_conditions_of_a_minimum(build):
    for n in (1, 2, 3, 8, 17, 40):
        gram, moments, l1 = quadratic(n, np.random.default_rng(n))
        w = np.zeros(n)
        assert coordinate_descent(linear(build), gram, moments, l1, w, 1e-9)
        slope = gram @ w - moments
        at_zero = w == 0
        assert (np.abs(slope[at_zero]) <= l1[at_zero] + 1e-9).all()
        np.testing.assert_allclose(slope[~at_zero], -(l1 * np.sign(w))[~at_zero], atol=1e-8)


@each_engine
def test_coordinate_descent_by_hand(build):
    w = np.array([5.0, 5.0, 5.0])
    gram = np.diag([2.0, 4.0, 0.0])  # the third does not count: it stays
    assert coordinate_descent(
        linear(build), gram, np.array([6.0, -1.0, 0.0]), np.full(3, 2.0), w, 0.0
    )
    np.testing.assert_array_equal(w, [2.0, 0.0, 5.0])


@each_build
def test_coordinate_descent_agrees_with_the_reference_and_goes_on(build):
    gram, moments, l1 = quadratic(20, np.random.default_rng(0))
    expected, found, once = np.zeros(20), np.zeros(20), np.zeros(20)
    reference.coordinate_descent(gram, moments, l1, expected, 0.0, 50, FOR_EVER)
    linear(build).coordinate_descent(gram, moments, l1, once, 0.0, 50, FOR_EVER)
    np.testing.assert_allclose(once, expected, atol=1e-12)
    once[:] = 0
    descend = linear(build).coordinate_descent
    taken, _ = descend(gram, moments, l1, once, 0.0, 192, FOR_EVER)
    sweeps = 0
    while sweeps < taken:  # the clock may end it only where that changes no bit
        sweeps += descend(gram, moments, l1, found, 0.0, 192 - sweeps, 0.0)[0]
        assert sweeps in (64, 128, taken)
    np.testing.assert_array_equal(found, once)
