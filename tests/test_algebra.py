"""The engine's linear algebra: NumPy's results to rounding, the same bits in every build."""

import numpy as np
import pytest
from engines import each_build, each_engine, engine, missing

SIZES = [1, 2, 3, 8, 15, 16, 17, 31, 32, 33, 65, 130]
EPSILON = np.finfo(np.float64).eps


def positive(n, seed=0):
    """Return a positive definite matrix (n, n) of a condition of some hundreds."""
    x = np.random.default_rng([n, seed]).normal(size=(n + 10, n))
    return x.T @ x + 0.1 * np.eye(n)


@each_engine
@pytest.mark.parametrize("n", [0, *SIZES, 1000])
def test_products_are_numpys(build, n):
    rng = np.random.default_rng(n)
    a, b = rng.normal(size=(3, n)), rng.normal(size=(5, n))
    bound = 4 * EPSILON * max(n, 1)
    found = engine(build).row_products(a, b)
    np.testing.assert_allclose(found, a @ b.T, rtol=0, atol=bound * 10)
    assert engine(build).dot(a[0], b[0]) == pytest.approx(float(a[0] @ b[0]), abs=bound * 10)
    # any layout and type is read
    wide = np.asfortranarray(b.astype(np.float32))
    expected = a @ wide.astype(np.float64).T
    np.testing.assert_allclose(
        engine(build).row_products(a, wide), expected, rtol=0, atol=1e-5 * max(n, 1)
    )


@each_engine
@pytest.mark.parametrize("n", SIZES)
def test_cholesky_factors_and_solves(build, n):
    matrix = positive(n)
    below = np.tril(matrix) + np.triu(np.full((n, n), np.nan), 1)  # the upper half is not read
    lower, smallest = engine(build).cholesky(below)
    expected = np.linalg.cholesky(matrix)
    np.testing.assert_allclose(np.tril(lower), expected, rtol=1e-11, atol=1e-12)
    assert smallest == pytest.approx(np.diagonal(expected).min() ** 2, rel=1e-10)
    right = np.random.default_rng(n).normal(size=(4, n))
    found = engine(build).cholesky_solve(lower, right)
    np.testing.assert_allclose(found, np.linalg.solve(matrix, right.T).T, rtol=1e-9, atol=1e-11)


@each_engine
@pytest.mark.parametrize("n", [1, 5, 40])
def test_a_matrix_that_is_not_positive_has_no_factor(build, n):
    for last in (0.0, -1.0, np.nan):
        matrix = positive(n)
        matrix[-1, :] = matrix[:, -1] = 0.0
        matrix[-1, -1] = last
        assert engine(build).cholesky(matrix)[1] == 0


def symmetric():
    """Yield symmetric matrices: of any size and scale, with equal and zero eigenvalues."""
    rng = np.random.default_rng(5)
    for n in SIZES:
        a = rng.normal(size=(n, n))
        yield a + a.T
    thin = rng.normal(size=(3, 40))
    yield thin.T @ thin
    yield np.zeros((7, 7))
    yield np.eye(20)
    yield np.diag(np.arange(10.0))
    yield positive(33) * 1e-290
    yield positive(33) * 1e290
    scales = 10.0 ** np.linspace(-9, 9, 25)
    yield positive(25) * scales * scales[:, None]
    yield np.ones((16, 16))


@each_engine
def test_eigenvalues_and_vectors(build):
    for matrix in symmetric():
        n, size = len(matrix), np.abs(matrix).max()
        values, none = engine(build).eigenvalues(np.tril(matrix))  # the lower half is enough
        assert none is None
        tolerance = 50 * n * EPSILON
        unit = max(size, np.finfo(float).tiny)
        expected = np.linalg.eigvalsh(matrix)
        np.testing.assert_allclose(values / unit, expected / unit, rtol=0, atol=tolerance)
        again, vectors = engine(build).eigenvalues(matrix, True)
        np.testing.assert_allclose(again / unit, expected / unit, rtol=0, atol=tolerance)
        np.testing.assert_allclose(vectors @ vectors.T, np.eye(n), rtol=0, atol=tolerance)
        restored = (vectors.T * (again / unit)) @ vectors
        np.testing.assert_allclose(restored, matrix / unit, rtol=0, atol=tolerance)


@each_build
def test_eigenvalues_of_what_is_not_finite_are_not_finite_either(build):
    assert np.isnan(engine(build).eigenvalues(np.full((4, 4), np.nan))[0]).all()


@pytest.mark.parametrize("build", ["avx512", "wide"])
def test_bits_do_not_depend_on_tiles_or_vectors(build):
    if reason := missing(build) or missing("avx2"):
        pytest.skip(reason)

    def results(engine):
        for n in SIZES:
            a = np.random.default_rng(n).normal(size=(3, n))
            lower, smallest = engine.cholesky(positive(n))
            yield np.tril(lower)
            yield np.float64(smallest)
            yield engine.cholesky_solve(lower, a)
            yield from engine.eigenvalues(positive(n), True)
            yield engine.row_products(a, positive(n))
            yield engine.logarithms(np.abs(a))
            yield engine.sigmoids(a)

    for found, expected in zip(results(engine(build)), results(engine("avx2")), strict=True):
        assert found.tobytes() == expected.tobytes()


@each_engine
def test_logarithms(build):
    x = np.array([[0.0, 1.0, 0.5], [1e-310, 3.0, np.inf]])
    expected = [
        [-np.inf, 0, -0.6931471805599453],
        [-713.8013788281542, 1.0986122886681098, np.inf],
    ]
    np.testing.assert_allclose(engine(build).logarithms(x), expected, rtol=1e-15)


@each_engine
def test_sigmoids(build):
    x = np.array([[0.0, 1.0, -40.0], [-800.0, 800.0, -1e-20]])
    expected = [[0.5, 0.7310585786300049, 4.248354255291589e-18], [0.0, 1.0, 0.5]]
    np.testing.assert_allclose(engine(build).sigmoids(x), expected, rtol=1e-15, atol=1e-300)
    assert engine(build).sigmoids(np.zeros((0, 2))).shape == (0, 2)


@each_build
def test_vectors_of_different_lengths_are_refused(build):
    with pytest.raises(ValueError, match="one length"):
        engine(build).dot(np.ones(2), np.ones(3))
    with pytest.raises(ValueError, match="one length"):
        engine(build).row_products(np.ones((1, 2)), np.ones((1, 3)))
    with pytest.raises(ValueError, match="rows of 2"):
        engine(build).cholesky_solve(np.eye(2), np.ones((1, 3)))
