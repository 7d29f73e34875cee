"""Optimizers: each formula by hand, one weight at a time, and every build against it."""

import math

import numpy as np
import pytest
from engines import (
    OPTIMIZERS,
    distance,
    each_build,
    each_dtype,
    each_engine,
    engine,
    flat,
    room_behind,
    state,
)

from fastgd._core.types import Status

RATE = 0.03


def sgd(gradients, momentum, nesterov):
    w = velocity = 0.0
    for g in gradients:
        velocity = momentum * velocity - RATE * g
        w += momentum * velocity - RATE * g if nesterov else velocity
        yield w


def rmsprop(gradients, rho, momentum, epsilon, centered):
    w = square = mean = velocity = 0.0
    for g in gradients:
        square = rho * square + (1 - rho) * g * g
        mean = rho * mean + (1 - rho) * g
        spread = square - mean * mean if centered else square
        velocity = momentum * velocity + RATE * g / math.sqrt(spread + epsilon)
        w -= velocity
        yield w


def adam(gradients, beta_1, beta_2, epsilon):
    w = m = v = 0.0
    for t, g in enumerate(gradients, 1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g * g
        # epsilon is added to the root of the uncorrected v: scaled, to that of the corrected
        scaled = epsilon / math.sqrt(1 - beta_2**t)
        w -= RATE * (m / (1 - beta_1**t)) / (math.sqrt(v / (1 - beta_2**t)) + scaled)
        yield w


FORMULAS = {"sgd": sgd, "momentum": sgd, "nesterov": sgd, "adam": adam}


@each_engine
@each_dtype
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_ten_steps_by_hand(build, dtype, optimizer):
    formula = FORMULAS.get(optimizer, rmsprop)
    settings = OPTIMIZERS[optimizer][1]
    rng = np.random.default_rng(0)
    n = 37
    gradients = (rng.normal(size=(10, n)) * 10 ** rng.uniform(-2, 1, n)).astype(dtype)
    w, optimizer_state = flat(np.zeros(n), dtype), state(optimizer, n, dtype)
    paths = [list(formula(column, *settings)) for column in gradients.T.tolist()]
    for k, g in enumerate(gradients):
        status = engine(build).update(w, flat(g, dtype), optimizer_state, RATE)
        assert status == Status.STATUS_FINE
        assert optimizer_state.iterations[0] == k + 1
        expected = [path[k] for path in paths]
        tolerance = (2e-5 if dtype == np.float32 else 1e-13) * np.abs(expected).max()
        np.testing.assert_allclose(w, expected, rtol=0, atol=tolerance)
    assert np.isnan(room_behind(w)).all()
    assert not optimizer_state.slots[:, n:].any()


@each_build
@each_dtype
@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 33, 1000])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_each_length_agrees_with_the_reference(build, dtype, n, optimizer):
    rng = np.random.default_rng(n)
    start = rng.normal(size=n)
    found = []
    for name in (build, "reference"):
        w, optimizer_state = flat(start, dtype), state(optimizer, n, dtype)
        rng = np.random.default_rng(n)
        for _ in range(20):
            g = flat(rng.normal(size=n), dtype)
            engine(name).update(w, g, optimizer_state, RATE)
        found.append((w, optimizer_state.slots[:, :n].copy()))
    for a, b in zip(*found, strict=True):
        assert distance(a, b) < (1e-5 if dtype == np.float32 else 1e-14)


@each_engine
@each_dtype
@pytest.mark.parametrize("done", [0, 9, 999, 10**7, 2**40])
def test_adams_first_step_after_many(build, dtype, done):
    # from slots of zero: m = (1 - b1) g, v = (1 - b2) g^2, whatever the step
    w, g = flat([1.0, -2.0], dtype), flat([0.5, 0.25], dtype)
    optimizer_state = state("adam", 2, dtype)
    optimizer_state.iterations[0] = done
    engine(build).update(w, g, optimizer_state, RATE)
    t = done + 1
    alpha = RATE * math.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    expected = [
        start - alpha * 0.1 * slope / (math.sqrt(0.001 * slope * slope) + 1e-3)
        for start, slope in ((1.0, 0.5), (-2.0, 0.25))
    ]
    np.testing.assert_allclose(w, expected, rtol=1e-6 if dtype == np.float32 else 1e-13)
    assert optimizer_state.iterations[0] == t
