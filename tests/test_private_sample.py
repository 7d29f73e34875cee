"""Poisson samples of private training: the same on every engine, and of independent rows."""

import math

import numpy as np
import pytest
from engines import each_build, each_engine, engine

from fastgd._engine.sampling import most_rows

KEY = np.array([1, 2**32 - 1, 3, 4, 5, 2**31, 7, 8], np.uint32)


def sample(build, rate, n, steps, epoch=0, key=KEY, most=None, room=None):
    """Starts and rows of an epoch; what lies behind the rows must not change."""
    most = most_rows(rate, n) if most is None else most
    room = most_rows(rate, n * steps) if room is None else room
    starts, order = np.full(steps + 1, -1), np.full(room, -7)
    engine(build).poisson_sample(key, epoch, rate, n, most, starts, order)
    assert starts[0] == 0
    assert (order[starts[-1] :] == -7).all()
    return starts, order[: starts[-1]]


def table(starts, order, n):
    """Whether each row is in each step: bool, shape (steps, n)."""
    found = np.zeros((len(starts) - 1, n), bool)
    steps = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    found[steps, order] = True
    assert found.sum() == len(order), "a row is twice in a step"
    return found


CASES = [
    (0.01, 24_000, 94), (0.5, 33, 40), (0.999, 100, 7), (1.0, 9, 5), (1e-5, 1000, 300),
    (0.3, 1, 1000), (1 / 3, 3, 3), (2.0**-30, 10**9, 20), (0.7, 128, 1), (1e-300, 10**9, 3),
]  # fmt: skip


@each_build
@pytest.mark.parametrize(("rate", "n", "steps"), CASES)
def test_samples_agree_with_the_reference(build, rate, n, steps):
    for epoch in (0, 1, 2**63 + 5):
        found = sample(build, rate, n, steps, epoch)
        expected = sample("reference", rate, n, steps, epoch)
        np.testing.assert_array_equal(found[0], expected[0])
        np.testing.assert_array_equal(found[1], expected[1])


@each_engine
def test_at_rate_1_each_step_has_each_row(build):
    starts, order = sample(build, 1.0, 9, 5)
    np.testing.assert_array_equal(starts, 9 * np.arange(6))
    np.testing.assert_array_equal(order, np.tile(np.arange(9), 5))
    starts, order = sample(build, 1.0, 1, 3)
    np.testing.assert_array_equal(order, [0, 0, 0])


@each_engine
def test_a_tiny_rate_leaves_steps_empty(build):
    starts, order = sample(build, 1e-300, 2**58, 4)
    np.testing.assert_array_equal(starts, np.zeros(5))
    assert len(order) == 0
    starts, order = sample(build, 0.001, 10, 1000)
    sizes = np.diff(starts)
    assert (sizes == 0).mean() == pytest.approx(0.999**10, abs=0.02)
    assert sizes.sum() == len(order) > 0


@each_engine
def test_rows_ascend_in_each_step(build):
    starts, order = sample(build, 0.2, 57, 300)
    rises = np.diff(order) > 0
    inside = np.ones(len(order) - 1, bool)
    inside[starts[1:-1][(starts[1:-1] > 0) & (starts[1:-1] < len(order))] - 1] = False
    assert rises[inside].all()
    assert order.min() == 0
    assert order.max() == 56


@each_engine
@pytest.mark.parametrize(("rate", "n"), [(0.2, 25), (0.02, 100), (0.9, 10)])
def test_sizes_of_steps_are_binomial(build, rate, n):
    stats = pytest.importorskip("scipy.stats")
    steps, epochs = 100, 200
    sizes = np.concatenate(
        [np.diff(sample(build, rate, n, steps, epoch)[0]) for epoch in range(epochs)]
    )
    expected = stats.binom(n, rate).pmf(np.arange(n + 1)) * len(sizes)
    counts = np.bincount(sizes, minlength=n + 1)
    # classes of at least ten expected steps; those at both ends stand together
    usual = expected >= 10
    observed = np.append(counts[usual], counts[~usual].sum())
    wanted = np.append(expected[usual], expected[~usual].sum())
    chi_squared = ((observed - wanted) ** 2 / np.maximum(wanted, 1)).sum()
    assert stats.chi2.sf(chi_squared, len(wanted) - 1) > 1e-6


@each_engine
def test_each_row_has_the_rate_whatever_else_is_drawn(build):
    rate, n, steps = 0.15, 40, 20_000
    drawn = table(*sample(build, rate, n, steps), n)
    z = (drawn - rate) / math.sqrt(rate * (1 - rate))
    # each bound is passed once in 26 million times
    assert abs(z.mean(0)).max() < 5.5 / math.sqrt(steps)
    # all pairs of rows of a step, and of a step with the next ones
    for lag in (0, 1, 2, 7):
        products = z[: steps - lag].T @ z[lag:] / (steps - lag)
        if lag == 0:
            np.fill_diagonal(products, 0)
        assert abs(products).max() < 6 / math.sqrt(steps - lag)


@each_engine
def test_epochs_and_keys_draw_other_samples(build):
    rate, n, steps = 0.5, 100, 100
    key = KEY.copy()
    key[7] ^= 1
    one = table(*sample(build, rate, n, steps), n)
    for other in (
        table(*sample(build, rate, n, steps, 1), n),
        table(*sample(build, rate, n, steps, 2**32), n),
        table(*sample(build, rate, n, steps, key=key), n),
    ):
        assert abs((one == other).mean() - 0.5) < 5.5 * 0.5 / math.sqrt(n * steps)
    np.testing.assert_array_equal(one, table(*sample(build, rate, n, steps), n))


@each_engine
def test_steps_and_order_hold_no_more_than_they_may(build):
    whole = table(*sample(build, 0.4, 20, 30), 20)
    starts, order = sample(build, 0.4, 20, 30, most=6, room=100)
    expected = [np.flatnonzero(row)[:6] for row in whole]
    assert any(row.sum() > 6 for row in whole)
    np.testing.assert_array_equal(order, np.concatenate(expected)[:100])
    sizes = np.cumsum([len(rows) for rows in expected])
    np.testing.assert_array_equal(starts[1:], np.minimum(sizes, 100))


@pytest.mark.parametrize("rate", [1e-9, 1e-4, 0.01, 0.3, 0.9, 1.0])
@pytest.mark.parametrize("trials", [1, 100, 24_000, 10**9])
def test_most_rows_is_passed_never(rate, trials):
    stats = pytest.importorskip("scipy.stats")
    most = most_rows(rate, trials)
    assert most <= trials
    assert stats.binom(trials, rate).sf(most) < 1e-30
    # and not for being large without need
    mean = rate * trials
    assert most <= mean + 12 * math.sqrt(mean) + 47
