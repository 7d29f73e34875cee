"""Solving with a positive semidefinite matrix, well scaled or not, singular or not."""

import numpy as np

from fastgd.errors import DivergenceError

EPSILON = np.finfo(np.float64).eps


def finite_squares(squares):
    """Sums of squares as they are, if they are finite."""
    if not np.isfinite(squares).all():
        raise DivergenceError(
            "x: the squares of its columns are beyond float64: scale the columns of x"
        )
    return squares


class Inverse:
    """Multiplies by the inverse of a positive semidefinite matrix, or by a pseudo-inverse.

    The matrix is scaled to a unit diagonal first, so that columns of very different sizes lose
    nothing, and factored by Cholesky. If it is singular to rounding, the directions in which it
    is are left out.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Its lower half is read.
    often : bool
        Whether many products are to come, one after the other: then each is quick, and making
        this takes five times as long.

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

    def __init__(self, matrix, often=False):
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
        self.condition = 1 / pivot if pivot > least else np.inf
        self._scale = scale
        self._root = self._scaled = None
        if pivot <= least:
            self._root = root_of_inverse(scaled, least) * scale
        elif often:
            self._root = np.linalg.inv(lower) * scale
        else:
            self._scaled = scaled

    def __call__(self, right):
        """The product with (n,) or (n, k)."""
        if self._root is not None:
            return self._root.T @ (self._root @ right)
        scale = self._scale if right.ndim == 1 else self._scale[:, None]
        return scale * np.linalg.solve(self._scaled, scale * right)


def root_of_inverse(matrix, least):
    """R such that RᵀR is a matrix's pseudo-inverse, (rank, n).

    Eigenvalues up to `least` times the largest are taken for 0.
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = values > max(0.0, least * values[-1])
    return (vectors[:, kept] / np.sqrt(values[kept])).T
