"""Solving with a symmetric positive semidefinite matrix, well scaled or not, singular or not."""

import numpy as np


def inverse_of(matrix):
    """A function that multiplies by the inverse of a matrix, or by a pseudo-inverse.

    The matrix is scaled to a unit diagonal first, so that columns of very different sizes lose
    nothing, and factored by Cholesky. If it is singular to rounding, the directions in which it
    is are left out.

    Parameters
    ----------
    matrix : ndarray, shape (n, n)
        Its lower half is read.

    Returns
    -------
    callable
        An array (n,) or (n, k) to its product with the inverse.

    Examples
    --------
    >>> import numpy as np
    >>> inverse_of(np.array([[2.0, 0.0], [1.0, 1.0]]))(np.array([3.0, 2.0]))
    array([1., 1.])
    """
    size = np.sqrt(np.maximum(np.diagonal(matrix), 0))
    scale = np.divide(1.0, size, out=np.zeros_like(size), where=size > 0)
    scaled = np.tril(matrix) * scale * scale[:, None]
    scaled += np.tril(scaled, -1).T
    np.fill_diagonal(scaled, 1.0)
    least = 10 * len(scaled) * np.finfo(np.float64).eps
    try:
        lower = np.linalg.cholesky(scaled)
    except np.linalg.LinAlgError:
        lower = None
    if lower is not None and np.diagonal(lower).min(initial=1.0) ** 2 > least:
        root = np.linalg.inv(lower) * scale
    else:
        values, vectors = np.linalg.eigh(scaled)
        kept = values > least * values[-1]
        root = (vectors[:, kept] / np.sqrt(values[kept])).T * scale
    return lambda right: root.T @ (root @ right)
