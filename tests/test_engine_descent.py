"""Batch gradient descent for least squares, and the search for values that are not finite."""

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    covering,
    digest,
    distance,
    each_build,
    each_dtype,
    each_engine,
    engine,
    missing,
)

from fastgd._core.types import Status

SHAPES = [
    tuple(row.values())
    for row in covering(
        {"n": [1, 2, 3, 4, 5, 255, 256, 257, 259, 513], "d": [1, 2, 3, 15, 16, 17, 30, 65],
         "k": [1, 2, 3, 5]}
    )
]  # fmt: skip


def problem(n, d, k, dtype, seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)).astype(dtype)
    y = (x @ rng.normal(size=(d, k)) + 0.1 * rng.normal(size=(n, k))).astype(dtype)
    theta = rng.normal(size=(k, d)).astype(dtype)
    alpha = 0.5 / np.linalg.norm(x.astype(np.float64), 2) ** 2
    return x, y, theta, alpha


@each_engine
@each_dtype
def test_descent_agrees_with_float64(build, dtype):
    for n, d, k in SHAPES:
        x, y, theta, alpha = problem(n, d, k, dtype)
        expected = theta.astype(np.float64).T
        for _ in range(30):
            slope = np.zeros((d, k))
            for x_row, y_row in zip(x.astype(np.float64), y.astype(np.float64), strict=True):
                slope += np.outer(x_row, x_row @ expected - y_row)
            expected -= alpha * slope
        found = engine(build).least_squares_descent(x, y, theta, alpha, 30, FOR_EVER)
        assert found == (30, Status.STATUS_FINE)
        assert distance(theta.T, expected) < (5e-6 if dtype == np.float32 else 1e-13), (n, d, k)


@each_engine
@each_dtype
def test_one_iteration_by_hand(build, dtype):
    x = np.array([[1, 2], [3, 4]], dtype)
    y = np.array([[1], [0]], dtype)
    theta = np.array([[1, 1]], dtype)
    # residuals 2 and 7, gradient (2 + 21, 4 + 28)
    engine(build).least_squares_descent(x, y, theta, 0.125, 1, FOR_EVER)
    np.testing.assert_array_equal(theta, [[1 - 23 / 8, 1 - 32 / 8]])


@each_engine
@each_dtype
def test_descent_stops_and_goes_on_to_the_same_bits(build, dtype):
    x, y, theta, alpha = problem(2000, 30, 3, dtype)
    whole = theta.copy()
    run = engine(build).least_squares_descent
    assert run(x, y, whole, alpha, 100, FOR_EVER) == (100, Status.STATUS_FINE)
    iteration, calls = 0, 0
    while iteration < 100:
        taken, status = run(x, y, theta, alpha, 100 - iteration, 0.0)
        iteration += taken
        assert status == Status.STATUS_FINE
        calls += 1
    assert calls > 5
    np.testing.assert_array_equal(theta, whole)


@each_build
@each_dtype
def test_threads_and_builds_give_the_same_bits(build, dtype):
    threads = (1, 2, 3, 5, 8)

    def run(build, threads, seconds):
        found = []
        for n, d, k in [(3, 2, 1), (600, 17, 2), (9001, 30, 1), (2500, 100, 3)]:
            x, y, theta, alpha = problem(n, d, k, dtype)
            done = 0
            while done < 3:
                taken, status = engine(build).least_squares_descent(
                    x, y, theta, alpha, 3 - done, seconds, threads
                )
                done += taken
                assert status == Status.STATUS_FINE
            found.append(theta)
        return digest(*found)

    expected = run(build if build == "baseline" or missing("avx2") else "avx2", 1, FOR_EVER)
    assert {t: run(build, t, FOR_EVER) for t in threads} == dict.fromkeys(threads, expected)
    assert run(build, 3, 0.0) == expected


@each_engine
@each_dtype
def test_descent_that_diverges_keeps_the_last_finite_theta(build, dtype):
    x, y, theta, alpha = problem(300, 5, 2, dtype)
    start = theta.copy()
    run = engine(build).least_squares_descent
    iteration, status = run(x, y, theta, 1e6 * alpha, 1000, FOR_EVER)
    assert status == Status.STATUS_UPDATE
    assert 0 < iteration < 1000
    assert np.isfinite(theta).all()
    again = start.copy()
    assert run(x, y, again, 1e6 * alpha, iteration, FOR_EVER)[0] == iteration
    np.testing.assert_array_equal(theta, again)
    assert run(x, y, start, 1e6 * alpha, 1000, FOR_EVER, 2) == (iteration, status)
    np.testing.assert_array_equal(theta, start)


@each_engine
@each_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_first_nonfinite_at_every_place(build, dtype, bad):
    first_nonfinite = engine(build).first_nonfinite
    # blocks of 16 within blocks of 4096; the largest float is finite
    for size in (1, 5, 16, 37, 4096, 4097, 8200):
        x = np.full(size, np.finfo(dtype).max, dtype)
        x[::2] = 0
        assert first_nonfinite(x) == -1
        for place in {*range(min(size, 40)), *range(max(size - 40, 0), size),
                      *range(4080, min(size, 4120))}:  # fmt: skip
            kept = x[place]
            x[place] = bad
            assert first_nonfinite(x) == place
            x[place] = kept
    x = np.zeros((50, 200), dtype)
    x[3, 7] = x[3, 8] = x[40, 0] = bad
    assert first_nonfinite(x) == 607
    assert first_nonfinite(x[:0]) == -1


@each_engine
@each_dtype
def test_targets_are_between_bounds(build, dtype):
    """Or they are not, by one of them; 70 000 are looked at without the interpreter's lock."""
    all_between = engine(build).all_between
    for size in (1, 37, 70_000):
        for bad in (0, 1, 2, 3, -1, 0.5, np.inf, -np.inf, np.nan):
            x = (np.arange(size) % 3).astype(dtype)
            x[size // 2] = bad
            assert all_between(x, -np.inf, np.inf) == np.isfinite(bad)
            assert all_between(x, 0, 2) == (0 <= bad <= 2)
            assert all_between(x, 0, 2, 3) == (bad in (0, 1, 2))
            assert all_between(x, -np.inf, np.inf, 4) == (bad in (0, 1, 2, 3))
    assert all_between(x[:0], 1, 0)


@each_build
@each_dtype
def test_blocks_of_descent_are_summed_in_double(build, dtype):
    # 4096 rows whose share is 1 each, to a theta of 2**24: single sums of 2**24 + 1 would stand
    # still; here the blocks of 256 are exact, and so is their sum
    x = np.ones((4096, 1), dtype)
    y = np.full((4096, 1), 2.0**12 + 1, dtype)
    theta = np.zeros((1, 1), dtype)
    engine(build).least_squares_descent(x, y, theta, 2.0**-12, 1, FOR_EVER)
    assert theta[0, 0] == 2.0**12 + 1
