"""Dense linear algebra in double precision, by NumPy's BLAS and LAPACK."""

import numpy as np

from fastgd.reference.activations import sigmoid


def dot(x, y):
    """Return the sum of the products of two vectors."""
    return float(x @ y)


def row_products(a, b):
    """Return a @ b.T for matrices a (m, k) and b (n, k)."""
    return a @ b.T


def cholesky(matrix):
    """Return (L, the smallest square on its diagonal), L Lᵀ = matrix, lower half read.

    The square is 0 if the matrix is not positive definite.
    """
    try:
        lower = np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return np.zeros_like(matrix), 0.0
    smallest = float(np.diagonal(lower).min(initial=np.inf)) ** 2
    return lower, smallest if smallest > 0 else 0.0  # not NaN


def cholesky_solve(lower, right):
    """Return the solutions x of L Lᵀ x = row for each row of right (k, n), as its rows."""
    lower = np.tril(lower)
    return np.linalg.solve(lower.T, np.linalg.solve(lower, right.T)).T


def eigenvalues(matrix, vectors=False):
    """Return (the eigenvalues of a symmetric matrix, ascending; their vectors as rows).

    The vectors are None unless they are asked for.
    """
    if not vectors:
        return np.linalg.eigvalsh(matrix), None
    values, found = np.linalg.eigh(matrix)
    return values, found.T


def sigmoids(x):
    """Return 1 / (1 + e^-x) of an array."""
    return sigmoid(x)


@np.errstate(divide="ignore", invalid="ignore")
def logarithms(x):
    """Return the logarithms of an array."""
    return np.log(x)
