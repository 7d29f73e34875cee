"""The Gram matrix of least squares, and gradient descent by it."""

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
        {"n": [1, 2, 5, 63, 64, 65, 129, 2049, 4500], "k": [1, 2, 3, 5, 33],
         "d": [1, 2, 3, 8, 15, 16, 17, 30, 31, 32, 33, 65, 150]}
    )
]  # fmt: skip
THREADS = (1, 2, 3, 5, 8)


def problem(n, d, k, dtype):
    """x, y, a starting point, and a step that converges."""
    rng = np.random.default_rng([n, d, k])
    x = rng.normal(size=(n, d)).astype(dtype)
    y = rng.normal(size=(n, k)).astype(dtype)
    return x, y, rng.normal(size=(k, d)), 0.5 / np.linalg.norm(x.astype(np.float64), 2) ** 2


def matrix(build, x, y, threads=1):
    row, sums = more(build, x, y, None, 0, FOR_EVER, threads)
    assert row == len(x)
    return sums


def more(build, x, y, sums, row, seconds, threads):
    rows = engine(build).Rows(x)
    y = y.astype(np.float64)
    return engine(build).weighted_gram(rows, None, None, y, sums, row, seconds, threads)


@each_engine
@each_dtype
def test_matrix_is_the_product_in_float64(build, dtype):
    for n, d, k in SHAPES:
        x, y, _, _ = problem(n, d, k, dtype)
        # what stands in front of the data and behind them is not theirs
        room = np.full(n * d + 128, np.nan, dtype)
        room[64:-64] = x.ravel()
        found = matrix(build, room[64:-64].reshape(n, d), y)[0]
        both = np.hstack([x, np.ones((n, 1)), y]).astype(np.float64)
        expected = both[:, :d].T @ both
        largest = np.abs(both[:, :d]).T @ np.abs(both)
        assert (np.abs(found - expected) <= 2e-14 * largest).all(), (n, d, k)
        np.testing.assert_array_equal(found[:, :d], found[:, :d].T)


@each_engine
@each_dtype
def test_matrix_of_whole_numbers_is_exact(build, dtype):
    x = np.array([[1, 2], [3, 4], [5, -6]], dtype)
    y = np.array([[1], [0], [2]], dtype)
    np.testing.assert_array_equal(matrix(build, x, y)[0], [[35, -16, 9, 11], [-16, 56, 0, -10]])


@each_engine
@each_dtype
def test_matrix_stops_and_goes_on_to_the_same_bits(build, dtype):
    x, y, _, _ = problem(9000, 5, 2, dtype)
    for threads in (1, 3):
        sums, row, calls = None, 0, 0
        while row < len(x):
            row, sums = more(build, x, y, sums, row, 0.0, threads)
            calls += 1
        assert calls > 2
        np.testing.assert_array_equal(sums[0], matrix(build, x, y)[0])


@each_build
@each_dtype
def test_threads_and_builds_give_the_same_bits(build, dtype):
    def run(build, threads):
        found = []
        for n, d, k in [(70, 3, 1), (4500, 30, 1), (2100, 33, 3), (700, 150, 2), (200, 260, 1)]:
            x, y, theta, alpha = problem(n, d, k, dtype)
            sums = matrix(build, x, y, threads)
            engine(build).gram_descent(sums, theta, alpha, np.inf, 20, FOR_EVER)
            found += [sums[0], theta]
        return digest(*found)

    expected = run(build if build == "baseline" or missing("avx2") else "avx2", 1)
    assert {threads: run(build, threads) for threads in THREADS} == dict.fromkeys(
        THREADS, expected
    )


@each_engine
@each_dtype
def test_descent_agrees_with_float64(build, dtype):
    for n, d, k in SHAPES:
        x, y, theta, alpha = problem(n, d, k, dtype)
        expected = theta.T.copy()
        wide_x, wide_y = x.astype(np.float64), y.astype(np.float64)
        for _ in range(10):
            expected = expected - alpha * (wide_x.T @ (wide_x @ expected - wide_y))
        sums = matrix(build, x, y)
        found = engine(build).gram_descent(sums, theta, alpha, np.inf, 10, FOR_EVER)
        assert found == (10, Status.STATUS_FINE)
        assert distance(theta.T, expected) < 1e-13, (n, d, k)


@each_engine
def test_one_iteration_by_hand(build):
    x = np.array([[1.0, 2], [3, 4]])
    y = np.array([[1.0], [0]])
    theta = np.array([[1.0, 1]])
    # residuals 2 and 7, gradient (2 + 21, 4 + 28)
    engine(build).gram_descent(matrix(build, x, y), theta, 0.125, np.inf, 1, FOR_EVER)
    np.testing.assert_array_equal(theta, [[1 - 23 / 8, 1 - 32 / 8]])


@each_engine
def test_descent_stops_and_goes_on_to_the_same_bits(build):
    x, y, theta, alpha = problem(300, 70, 3, np.float64)
    sums = matrix(build, x, y)
    whole = theta.copy()
    run = engine(build).gram_descent
    assert run(sums, whole, alpha, np.inf, 1000, FOR_EVER) == (1000, Status.STATUS_FINE)
    iteration, calls = 0, 0
    while iteration < 1000:
        taken, status = run(sums, theta, alpha, np.inf, 1000 - iteration, 0.0)
        iteration += taken
        assert status == Status.STATUS_FINE
        calls += 1
    assert calls > 5
    np.testing.assert_array_equal(theta, whole)


@each_engine
@pytest.mark.parametrize("limit", [1e30, float(np.finfo(np.float64).max)])
def test_descent_that_diverges_keeps_the_last_theta_within_the_limit(build, limit):
    x, y, theta, alpha = problem(300, 5, 2, np.float64)
    sums = matrix(build, x, y)
    start = theta.copy()
    run = engine(build).gram_descent
    iteration, status = run(sums, theta, 1e6 * alpha, limit, 1000, FOR_EVER)
    assert status == Status.STATUS_UPDATE
    assert 0 < iteration < 1000
    assert limit / 1e7 < np.abs(theta).max() <= limit
    assert run(sums, start, 1e6 * alpha, limit, iteration, FOR_EVER)[0] == iteration
    np.testing.assert_array_equal(theta, start)
