"""Batch gradient descent for least squares, against the same loop in NumPy."""

import numpy as np
import pytest

from fastgd import gradient_descent
from fastgd.errors import ArgumentError, DataError, DataTypeError, DivergenceError, ShapeError


def by_hand(x, y, theta, alpha, iterations):
    x, theta = x.astype(float), np.array(theta, float)
    for _ in range(iterations):
        theta = theta - alpha * x.T @ (x @ theta - y)
    return theta


def problem(n=50, d=4, shape=(), dtype="float64", seed=0):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    theta = rng.normal(size=(d, *shape))
    y = rng.normal(size=(n, *shape))
    return x.astype(dtype), y.astype(dtype), theta.astype(dtype)


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
@pytest.mark.parametrize("n", [1, 2, 50, 1037])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
def test_against_numpy(engine, n, shape, dtype, tolerance):
    x, y, theta = problem(n, 4, shape, dtype)
    alpha = 0.5 / n
    before = x.copy(), y.copy(), theta.copy()
    found = gradient_descent(x, y, theta, alpha, 100)
    expected = by_hand(x, y, theta, alpha, 100)
    assert found.shape == theta.shape
    assert found.dtype == dtype
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)
    for array, old in zip((x, y, theta), before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("d", [1, 3, 8, 17, 64])
def test_any_number_of_columns(engine, d):
    x, y, theta = problem(100, d)
    found = gradient_descent(x, y, theta, 0.002, 50)
    np.testing.assert_allclose(found, by_hand(x, y, theta, 0.002, 50), rtol=1e-11)


def test_vector_and_column_are_the_same(engine):
    x, y, theta = problem()
    expected = gradient_descent(x, y, theta, 0.01, 20)
    found = gradient_descent(x, y[:, None], theta[:, None], 0.01, 20)
    np.testing.assert_array_equal(found, expected[:, None])
    np.testing.assert_array_equal(gradient_descent(x, y[:, None], theta, 0.01, 20), expected)
    found = gradient_descent(x, y, theta[:, None], 0.01, 20)
    np.testing.assert_array_equal(found, expected[:, None])


def test_converges_to_least_squares(engine):
    x, y, theta = problem(200, 3)
    found = gradient_descent(x, y, theta, 0.004, 2000)
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_no_iteration_and_no_step_give_a_copy(engine):
    x, y, theta = problem()
    for found in (gradient_descent(x, y, theta, 0.1, 0), gradient_descent(x, y, theta, 0, 9)):
        np.testing.assert_array_equal(found, theta)
        assert not np.shares_memory(found, theta)


@pytest.mark.parametrize(
    "convert",
    [
        np.asfortranarray,
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.repeat(a, 2, axis=0)[::2],
        lambda a: a[::-1].copy()[::-1],
        lambda a: a.tolist(),
    ],
)
def test_any_layout_gives_the_same_bits(engine, convert):
    x, y, theta = problem()
    expected = gradient_descent(x, y, theta, 0.01, 20)
    found = gradient_descent(convert(x), convert(y), convert(theta), 0.01, 20)
    np.testing.assert_array_equal(found, expected)


def test_data_types():
    x, y, theta = problem(dtype="float32")
    assert gradient_descent(x, y, theta.astype(float), 0.01, 2).dtype == np.float32
    assert gradient_descent(x.astype(float), y, theta, 0.01, 2).dtype == np.float64
    whole = np.arange(8).reshape(4, 2)
    found = gradient_descent(whole, np.arange(4), [0, 0], 0.001, 5)
    np.testing.assert_allclose(found, by_hand(whole, np.arange(4), [0, 0], 0.001, 5))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_names_the_iteration(engine, dtype):
    x = np.ones((4, 1), dtype)
    y = np.zeros(4, dtype)
    theta = np.ones(1, dtype)
    # theta is multiplied by 1 - 4 * 250.25 = -1000 in each iteration
    with pytest.raises(DivergenceError, match=r"alpha smaller than 250") as caught:
        gradient_descent(x, y, theta, 250.25, 10_000)
    last = int(np.log10(float(np.finfo(dtype).max)) / 3)
    # the product of gradient and alpha may overflow an iteration before theta does
    assert last - 1 <= caught.value.step <= last + 1
    assert theta.tolist() == [1.0]


X, Y, T = problem(6, 2)


def with_value(array, index, value):
    array = array.copy()
    array[index] = value
    return array


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X[0], Y, T, 0.1, 1), ShapeError, r"x: .*\(2,\)"),
        ((X[None], Y, T, 0.1, 1), ShapeError, r"x: .*\(1, 6, 2\)"),
        ((1.0, Y, T, 0.1, 1), ShapeError, "x: "),
        ((X, Y[:5], T, 0.1, 1), ShapeError, r"y: expected \(6,\).*\(5,\)"),
        ((X, 1.0, T, 0.1, 1), ShapeError, "y: "),
        ((X, Y[:, None, None], T, 0.1, 1), ShapeError, "y: "),
        ((X, Y, T[:1], 0.1, 1), ShapeError, r"theta: .*\(2,\).*\(1,\)"),
        ((X, np.ones((6, 3)), T, 0.1, 1), ShapeError, r"theta: expected \(2, 3\).*\(2,\)"),
        ((X, Y, np.ones((2, 3)), 0.1, 1), ShapeError, "theta: "),
        ((X[:0], Y[:0], T, 0.1, 1), DataError, r"x: .*\(0, 2\)"),
        ((X[:, :0], Y, T[:0], 0.1, 1), DataError, r"x: .*\(6, 0\)"),
        ((None, Y, T, 0.1, 1), DataTypeError, "x: .*None"),
        ((X.astype(str), Y, T, 0.1, 1), DataTypeError, "x: .*text"),
        ((X, ["a"] * 6, T, 0.1, 1), DataTypeError, "y: .*text"),
        (([[1, 2], [3]], Y, T, 0.1, 1), ShapeError, "x: .*different lengths"),
        ((with_value(X, (3, 1), np.nan), Y, T, 0.1, 1), DataError, "x: nan at row 3, column 1"),
        ((X, with_value(Y, 2, np.inf), T, 0.1, 1), DataError, "y: inf at row 2"),
        ((X, Y, with_value(T, 1, np.nan), 0.1, 1), DataError, "theta: nan at row 1"),
        ((X, Y, T, -0.1, 1), ArgumentError, "alpha: .*-0.1"),
        ((X, Y, T, np.nan, 1), ArgumentError, "alpha: .*nan"),
        ((X, Y, T, "0.1", 1), DataTypeError, "alpha"),
        ((X, Y, T, 0.1, -1), ArgumentError, "iterations: .*-1"),
        ((X, Y, T, 0.1, 1.5), DataTypeError, "iterations: .*1.5"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        gradient_descent(*arguments)
