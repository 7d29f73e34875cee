"""Dense linear algebra by the engine, in float64.

NumPy's products and LAPACK give other bits on another CPU; these sum in an order that the
shapes alone decide.
"""

import numpy as np

from fastgd import config
from fastgd._core.types import LinearLoss
from fastgd._engine import builds


def _engine():
    return builds.load(config.engine())


def dot(x, y):
    """Return the sum of the products of two vectors, a float."""
    return _engine().dot(x, y)


def times(matrix, vector):
    """Return matrix (m, n) @ vector (n,)."""
    return _engine().row_products(matrix, vector[None])[:, 0]


def row_products(a, b):
    """Return a @ b.T for matrices a (m, k) and b (n, k)."""
    return _engine().row_products(a, b)


def cholesky(matrix):
    """Return (L, the smallest square on its diagonal), L Lᵀ = matrix; the square is 0 if the
    matrix is not positive definite. Only its lower half is read, only that of L is written."""
    return _engine().cholesky(matrix)


def cholesky_solve(lower, right):
    """Return the solutions x of L Lᵀ x = row for each row of right (k, n), as its rows."""
    return _engine().cholesky_solve(lower, right)


def eigenvalues(matrix):
    """Return the eigenvalues of a symmetric matrix, ascending; its lower half is read."""
    return _engine().eigenvalues(matrix)[0]


def eigenvectors(matrix):
    """Return (the eigenvalues of a symmetric matrix, ascending; their vectors, as rows)."""
    return _engine().eigenvalues(matrix, True)


def logarithms(x):
    """Return the logarithms of an array, float64; -inf at 0."""
    return _engine().logarithms(x)


def exponentials(x):
    """Return e^x of an array, float64."""
    slopes = np.empty((3, x.size))  # of a loss that has them
    flat = np.ascontiguousarray(x, np.float64).reshape(-1)
    _engine().decision_losses(LinearLoss.LINEAR_POISSON, 0.0, flat, np.zeros(x.size), slopes)
    return slopes[1].reshape(x.shape)


def sigmoids(x):
    """Return 1 / (1 + e^-x) of an array, float64."""
    return _engine().sigmoids(x)
