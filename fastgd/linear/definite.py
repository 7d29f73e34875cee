"""Solving with a positive semidefinite matrix, well scaled or not, singular or not."""

import numpy as np

EPSILON = np.finfo(np.float64).eps


class Inverse:
    """Multiplies by the inverse of a positive semidefinite matrix, or by a pseudo-inverse.

    The matrix is scaled to a unit diagonal first, so that columns of very different sizes lose
    nothing, and factored by Cholesky. If it is singular to rounding, the directions in which it
    is are left out.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Its lower half is read.

    Attributes
    ----------
    condition : float
        About the condition number of the scaled matrix; infinite if it is singular.

    Examples
    --------
    >>> import numpy as np
    >>> Inverse(np.array([[2.0, 0.0], [1.0, 1.0]]))(np.array([3.0, 2.0]))
    array([1., 1.])
    """

    def __init__(self, matrix):
        size = np.sqrt(np.maximum(np.diagonal(matrix), 0))
        scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
        scaled = np.tril(matrix, -1) * scale * scale[:, None]
        scaled += scaled.T
        np.fill_diagonal(scaled, 1.0)
        least = 10 * len(scaled) * EPSILON
        try:
            lower = np.linalg.cholesky(scaled)
        except np.linalg.LinAlgError:
            lower = None
        pivot = 0.0 if lower is None else np.diagonal(lower).min(initial=1.0) ** 2
        if pivot > least:
            self.condition = 1 / pivot
            self._root = np.linalg.inv(lower) * scale
        else:
            self.condition = np.inf
            self._root = root_of_inverse(scaled, least)[0] * scale

    def __call__(self, right):
        """The product with (n,) or (n, k)."""
        return self._root.T @ (self._root @ right)


def root_of_inverse(matrix, least):
    """R such that RᵀR is a matrix's pseudo-inverse, and the eigenvalues from the largest down.

    Eigenvalues up to `least` times the largest are taken for 0.
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = values > max(0.0, least * values[-1])
    return (vectors[:, kept] / np.sqrt(values[kept])).T, np.maximum(values[::-1], 0)
