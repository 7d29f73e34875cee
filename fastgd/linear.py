"""Linear models: batch gradient descent for least squares."""

import numpy as np

from fastgd import _engines, config
from fastgd._core.types import Status
from fastgd._validate import check_finite, number, numeric, prepared, whole_number
from fastgd.errors import DataError, DivergenceError, ShapeError

_SPAN_SECONDS = 0.05


def gradient_descent(x, y, theta, alpha, iterations):
    """Batch gradient descent for linear regression: theta <- theta - alpha xᵀ(x theta - y).

    Parameters
    ----------
    x : array, shape (n, d)
        A column of ones makes an intercept. float32 stays float32; everything else is computed
        in float64.
    y : array, shape (n,) or (n, k)
    theta : array, shape (d,), (d, 1) or (d, k)
        Where to start; it is not changed.
    alpha : float
        The size of a step, at least 0. The gradient is a sum over rows, not a mean: a step
        converges below 2 / (the largest eigenvalue of xᵀx).
    iterations : int
        At least 0.

    Returns
    -------
    ndarray, of theta's shape

    Raises
    ------
    ShapeError, DataTypeError, DataError
        If the arrays do not fit together, are not numbers, or are not finite.
    DivergenceError
        If theta leaves the finite numbers; says at which iteration.

    Notes
    -----
    x is read once an iteration. Rows are summed in blocks, and the blocks in double precision.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import gradient_descent
    >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    >>> y = np.array([1.0, 3.0, 5.0, 7.0])
    >>> gradient_descent(x, y, np.zeros(2), alpha=0.1, iterations=1000).round(6)
    array([1., 2.])
    """
    engine = _engines.load(config.engine())
    arrays = [numeric(a, name) for a, name in ((x, "x"), (y, "y"), (theta, "theta"))]
    single = all(a.dtype == np.float32 for a in arrays[:2])
    dtype = np.dtype(np.float32 if single else np.float64)
    x, y, start = (prepared(a, dtype) for a in arrays)
    _check_shapes(x, y, start)
    for array, original, name in zip((x, y, start), arrays, ("x", "y", "theta"), strict=True):
        check_finite(engine, array, original, name)
    alpha = number(alpha, "alpha", low=0)
    iterations = whole_number(iterations, "iterations", 0)
    shape = start.shape
    y = y.reshape(len(y), -1)
    # one row for each output, as the engine wants it; always a copy
    theta = np.array(start.reshape(x.shape[1], -1).T, order="C")
    done = 0
    while done < iterations:
        done, status = engine.least_squares_descent(
            x, y, theta, alpha, done, iterations, _SPAN_SECONDS
        )
        if status != Status.STATUS_FINE:
            raise DivergenceError(
                f"gradient_descent diverged: theta is not finite after iteration {done}; use "
                f"an alpha smaller than {alpha:g}, or scale the columns of x",
                step=done,
            )
    return np.ascontiguousarray(theta.T).reshape(shape)


def _check_shapes(x, y, theta):
    if x.ndim != 2:
        raise ShapeError(f"x: expected 2 dimensions (rows, columns), got shape {x.shape}")
    if x.size == 0:
        raise DataError(f"x: there is nothing in an array of shape {x.shape}")
    if y.ndim not in (1, 2) or len(y) != len(x) or y.size == 0:
        raise ShapeError(f"y: expected ({len(x)},) or ({len(x)}, k) for x, got shape {y.shape}")
    k = 1 if y.ndim == 1 else y.shape[1]
    expected = [(x.shape[1], k)] + [(x.shape[1],)] * (k == 1)
    if theta.shape not in expected:
        shapes = " or ".join(map(str, expected))
        raise ShapeError(f"theta: expected {shapes} for x and y, got shape {theta.shape}")
