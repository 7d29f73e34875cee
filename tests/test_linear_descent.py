"""Batch gradient descent for least squares, against the same loop in NumPy."""

import numpy as np
import pytest

from fastgd import config, gradient_descent
from fastgd.errors import ArgumentError, DataError, DataTypeError, DivergenceError, ShapeError
from fastgd.linear import batch_descent


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


each_method = pytest.mark.parametrize("method", ["direct", "gram"])


@pytest.mark.parametrize("shape", [(), (1,), (3,)])
@pytest.mark.parametrize("n", [1, 2, 50, 1037])
@pytest.mark.parametrize(("dtype", "tolerance"), [("float32", 1e-5), ("float64", 1e-12)])
@each_method
def test_against_numpy(engine, n, shape, dtype, tolerance, method):
    x, y, theta = problem(n, 4, shape, dtype)
    alpha = 0.5 / n
    before = x.copy(), y.copy(), theta.copy()
    found = gradient_descent(x, y, theta, alpha, 100, method)
    expected = by_hand(x, y, theta, alpha, 100)
    assert found.shape == theta.shape
    assert found.dtype == dtype
    assert np.linalg.norm(found - expected) < tolerance * np.linalg.norm(expected)
    for array, old in zip((x, y, theta), before, strict=True):
        np.testing.assert_array_equal(array, old)


@pytest.mark.parametrize("d", [1, 3, 8, 17, 64])
@each_method
def test_any_number_of_columns(engine, d, method):
    x, y, theta = problem(100, d)
    found = gradient_descent(x, y, theta, 0.002, 50, method)
    np.testing.assert_allclose(found, by_hand(x, y, theta, 0.002, 50), rtol=1e-11)


def test_vector_and_column_are_the_same(engine):
    x, y, theta = problem()
    expected = gradient_descent(x, y, theta, 0.01, 20)
    found = gradient_descent(x, y[:, None], theta[:, None], 0.01, 20)
    np.testing.assert_array_equal(found, expected[:, None])
    np.testing.assert_array_equal(gradient_descent(x, y[:, None], theta, 0.01, 20), expected)
    found = gradient_descent(x, y, theta[:, None], 0.01, 20)
    np.testing.assert_array_equal(found, expected[:, None])


@each_method
def test_converges_to_least_squares(engine, method):
    x, y, theta = problem(200, 3)
    found = gradient_descent(x, y, theta, 0.004, 2000, method)
    expected = np.linalg.lstsq(x, y, rcond=None)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@each_method
def test_no_iteration_and_no_step_give_a_copy(engine, method):
    x, y, theta = problem()
    for alpha, iterations in ((0.1, 0), (0, 9)):
        found = gradient_descent(x, y, theta, alpha, iterations, method)
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
@each_method
def test_any_layout_gives_the_same_bits(engine, convert, method):
    x, y, theta = problem()
    expected = gradient_descent(x, y, theta, 0.01, 20, method)
    found = gradient_descent(convert(x), convert(y), convert(theta), 0.01, 20, method)
    np.testing.assert_array_equal(found, expected)


def test_data_types():
    x, y, theta = problem(dtype="float32")
    assert gradient_descent(x, y, theta.astype(float), 0.01, 2).dtype == np.float32
    assert gradient_descent(x.astype(float), y, theta, 0.01, 2).dtype == np.float64
    whole = np.arange(8).reshape(4, 2)
    found = gradient_descent(whole, np.arange(4), [0, 0], 0.001, 5)
    np.testing.assert_allclose(found, by_hand(whole, np.arange(4), [0, 0], 0.001, 5))


@each_method
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_names_the_iteration(engine, dtype, method):
    x = np.ones((4, 1), dtype)
    y = np.zeros(4, dtype)
    theta = np.ones(1, dtype)
    # theta is multiplied by 1 - 4 * 250.25 = -1000 in each iteration
    with pytest.raises(DivergenceError, match=r"alpha smaller than 250") as caught:
        gradient_descent(x, y, theta, 250.25, 10_000, method)
    last = int(np.log10(float(np.finfo(dtype).max)) / 3)
    # the product of gradient and alpha may overflow an iteration before theta does
    assert last - 1 <= caught.value.step <= last + 1
    assert theta.tolist() == [1.0]


@pytest.fixture
def taken(monkeypatch):
    """The methods that ran, in their order."""
    names = []

    class Watched:
        def __init__(self, engine):
            self.engine = engine

        def __getattr__(self, name):
            names.append(name)
            return getattr(self.engine, name)

    load = batch_descent.builds.load
    monkeypatch.setattr(batch_descent.builds, "load", lambda name: Watched(load(name)))
    return names


DIRECT, MATRIX, GRAM = "least_squares_descent", "weighted_gram", "gram_descent"


def with_condition(condition, n=400, d=4, dtype="float64"):
    """x whose matrix x^T x has this condition number, and y."""
    rng = np.random.default_rng(0)
    left = np.linalg.qr(rng.normal(size=(n, d)))[0]
    right = np.linalg.qr(rng.normal(size=(d, d)))[0]
    x = left * np.geomspace(1, condition**-0.5, d) @ right
    return x.astype(dtype), rng.normal(size=n).astype(dtype)


@pytest.mark.parametrize(
    ("n", "d", "k", "iterations", "faster"),
    [
        (1_000_000, 30, 1, 1, "direct"),
        (1_000_000, 30, 1, 20, "gram"),
        (1_000_000, 30, 5, 1000, "gram"),
        (4, 2, 1, 10, "direct"),
        (4, 2, 1, 1000, "gram"),
        (10_000, 1000, 1, 20, "direct"),
        (10_000, 1000, 1, 1000, "gram"),
        (100, 1000, 1, 10**6, "direct"),  # more columns than rows
    ],
)
def test_the_faster_method_by_shape(n, d, k, iterations, faster):
    direct = batch_descent.direct_cost(n, d, k, iterations, np.dtype(np.float64))
    gram = batch_descent.gram_cost(n, d, k, iterations)
    assert ("gram" if gram < direct else "direct") == faster


def test_auto_takes_the_faster_method(engine, taken):
    x, y, theta = problem(400, 4)
    gradient_descent(x, y, theta, 0.001, 1)
    assert DIRECT in taken
    assert MATRIX not in taken
    taken.clear()
    gradient_descent(x, y, theta, 0.001, 1000)
    assert GRAM in taken
    assert DIRECT not in taken


@pytest.mark.parametrize(
    ("condition", "iterations", "dtype", "method"),
    [
        (1e12, 100_000, "float64", GRAM),  # the error has no time to grow
        (1e3, 100_001, "float64", GRAM),
        (1e6, 100_001, "float64", DIRECT),
        (1e6, 100_001, "float32", GRAM),
    ],
)
def test_auto_takes_a_method_that_is_accurate(taken, condition, iterations, dtype, method):
    x, y = with_condition(condition, dtype=dtype)
    found = gradient_descent(x, y, np.zeros(4), 1, iterations)
    assert MATRIX in taken
    assert {DIRECT, GRAM} & {*taken} == {method}
    np.testing.assert_array_equal(
        found,
        gradient_descent(
            x, y, np.zeros(4), 1, iterations, "gram" if method == GRAM else "direct"
        ),
    )


def test_auto_is_direct_where_the_gram_matrix_overflows(taken):
    x = np.full((100, 2), 1e160)
    y = np.zeros(100)
    theta = np.zeros(2)
    np.testing.assert_array_equal(gradient_descent(x, y, theta, 0.1, 1000), theta)
    assert taken.index(MATRIX) < taken.index(DIRECT)
    with pytest.raises(DivergenceError, match="after iteration 0"):
        gradient_descent(x, y, theta, 0.1, 1000, "gram")


@pytest.mark.parametrize("condition", [1e2, 1e6, 1e10])
@pytest.mark.parametrize("iterations", [100, 10_000])
def test_accuracy_of_the_gram_matrix_in_float64(engine, condition, iterations):
    x, y = with_condition(condition)
    found = gradient_descent(x, y, np.zeros(4), 1, iterations, "gram")
    # theta - alpha (G theta - b) as one matrix, whose powers give many iterations at once
    both = np.hstack([x, y[:, None]]).astype(np.longdouble)
    step = np.eye(5, dtype=np.longdouble)
    step[:4] -= both[:, :4].T @ both * np.array([1, 1, 1, 1, -1])
    expected = np.linalg.matrix_power(step, iterations)[:4, 4].astype(np.float64)
    error = np.linalg.norm(found - expected) / np.linalg.norm(expected)
    assert error <= 4 * 2.0**-52 * min(iterations, condition)


def test_gram_is_more_accurate_than_direct_in_float32():
    x, y, theta = problem(5000, 4, dtype="float32")
    expected = by_hand(x, y, theta, 1e-5, 300)
    apart = [
        np.abs(gradient_descent(x, y, theta, 1e-5, 300, method) - expected).max()
        for method in ("direct", "gram")
    ]
    assert apart[1] <= np.abs(expected).max() * 2.0**-24
    assert apart[1] < apart[0]


@each_method
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_threads_change_no_bit(monkeypatch, method, dtype):
    monkeypatch.setattr(batch_descent, "useful_threads", lambda threads, *work: threads)
    x, y, theta = problem(9000, 30, (2,), dtype)
    expected = gradient_descent(x, y, theta, 1e-5, 20, method)
    for threads in (2, 3, 5, 8):
        monkeypatch.setattr(config, "threads", lambda n_jobs, n=threads: n)
        found = gradient_descent(x, y, theta, 1e-5, 20, method, n_jobs=threads)
        np.testing.assert_array_equal(found, expected)


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
        ((X, Y, T, 0.1, 1, "fast"), ArgumentError, "method: .*'gram'.*'fast'"),
        ((X, Y, T, 0.1, 1, None), ArgumentError, "method: .*None"),
        ((X, Y, T, 0.1, 1, "auto", 0), ArgumentError, "n_jobs: .*0"),
    ],
)
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        gradient_descent(*arguments)
