"""Products with inverses of positive semidefinite matrices of any scale and rank."""

import numpy as np

from fastgd.errors import DivergenceError

EPSILON = np.finfo(np.float64).eps


def check_squares(squares):
    """Return sums of squares as they are; raise a DivergenceError unless they are finite."""
    if not np.isfinite(squares).all():
        raise DivergenceError(
            "x: the squares of its columns are beyond float64: scale the columns of x"
        )
    return squares


def root_of_inverse(matrix, least):
    """Return R (rank, n) such that RᵀR is a matrix's pseudo-inverse.

    Eigenvalues up to `least` times the largest count as 0.
    """
    values, vectors = np.linalg.eigh(matrix)
    kept = values > max(0.0, least * values[-1])
    return (vectors[:, kept] / np.sqrt(values[kept])).T


class Inverse:
    """Multiply by the inverse of a positive semidefinite matrix, or by a pseudo-inverse.

    The matrix is scaled to a unit diagonal first, so that columns of very different sizes lose
    no digits, and factored by Cholesky. If it is singular to rounding, its null directions are
    left out.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Only the lower half is read.
    often : bool
        Whether each product is to be quick; preparing them then takes five times as long.
    null_share : float, optional
        Take the pseudo-inverse of the matrix as it is, whose products have the least norm.
        Eigenvalues up to this share of the largest count as 0.

    ``condition`` is roughly the condition number of the scaled matrix; infinite if singular.

    Examples
    --------
    >>> import numpy as np
    >>> Inverse(np.array([[2.0, 0.0], [1.0, 1.0]]))(np.array([3.0, 2.0]))
    array([1., 1.])
    """

    def __init__(self, matrix, often=False, null_share=None):
        if null_share is not None:
            self.condition, self._root = np.inf, root_of_inverse(matrix, null_share)
            return
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
        """Return the product with (n,) or (n, k)."""
        if self._root is not None:
            return self._root.T @ (self._root @ right)
        scale = self._scale if right.ndim == 1 else self._scale[:, None]
        return scale * np.linalg.solve(self._scaled, scale * right)


class Preconditioner:
    """Multiply by the inverse of a positive matrix that is the same for each output.

    The matrix is (width, width), or its diagonal, (width,).
    """

    def __init__(self, matrix):
        self._matrix = matrix

    def squared_norm(self, vector):
        """Return v'Mv of the matrix, summed over the outputs."""
        both = vector.reshape(-1, len(self._matrix))
        if self._matrix.ndim == 1:
            return float((self._matrix * both**2).sum())
        return float((both @ self._matrix * both).sum())

    def restricted(self, free=None):
        """Return the function that multiplies a vector as if only free elements existed."""
        width = len(self._matrix)
        if self._matrix.ndim == 1:
            scale = np.divide(
                1.0, self._matrix, out=np.zeros_like(self._matrix), where=self._matrix > 0
            )
            return lambda v: (v.reshape(-1, width) * scale).ravel()
        if free is None or free.all():
            inverse = Inverse(self._matrix, often=True)
            return lambda v: inverse(v.reshape(-1, width).T).T.ravel()
        kept = [np.flatnonzero(part) for part in free.reshape(-1, width)]
        inverses = [Inverse(self._matrix[np.ix_(part, part)], often=True) for part in kept]

        def product(v):
            result = np.zeros_like(v)
            parts = zip(
                v.reshape(-1, width), result.reshape(-1, width), kept, inverses, strict=True
            )
            for given, out, part, inverse in parts:
                out[part] = inverse(given[part])
            return result

        return product


@np.errstate(over="ignore", invalid="ignore")
def column_squares(rows, weights):
    """Return the sums of weighted squares of the columns of rows, float64 (d,)."""
    n, d = rows.shape
    if not rows.sparse:
        total = np.zeros(d)
        for first in range(0, n, 1024):
            part = rows.values[first : first + 1024].astype(np.float64)
            total += weights[first : first + 1024] @ (part * part)
        return total
    inside = slice(int(rows.starts[0]), int(rows.starts[-1]))
    values = rows.values[inside].astype(np.float64)
    shares = np.repeat(weights, np.diff(rows.starts))
    return np.bincount(rows.columns[inside], shares * values * values, d)
