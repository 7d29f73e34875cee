"""Batch gradient descent for least squares."""

import functools

import numpy as np

from fastgd import config
from fastgd._core.types import Status
from fastgd._data.validation import check_finite, number, numeric, prepared, whole_number
from fastgd._engine import builds
from fastgd._engine.threads import Choice, useful_threads
from fastgd._training.loop import SPAN_SECONDS
from fastgd.errors import ArgumentError, DataError, DivergenceError, ShapeError
from fastgd.linear.passes import sums_over_rows

METHODS = ("auto", "direct", "gram")

#: The error of the Gram matrix's method that "auto" accepts, in eps of the data type.
ACCEPTED_ERROR = 1e5


def gradient_descent(x, y, theta, alpha, iterations, method="auto", n_jobs=None):
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
    method : {"auto", "direct", "gram"}
        "direct" reads x in each iteration. "gram" reads it once: with G = xᵀx and b = xᵀy an
        iteration is theta <- theta - alpha (G theta - b), which takes d² k multiply-adds
        however many rows there are. "auto" takes "gram" where it is faster and as good, see
        the notes.
    n_jobs : int or None
        Threads, see ``config.threads``; they change no bit.

    Returns
    -------
    ndarray, of theta's shape

    Raises
    ------
    ShapeError, DataTypeError, DataError
        If the arrays do not fit together, are not numbers, or are not finite.
    ArgumentError
        For numbers out of range and other methods.
    DivergenceError
        If theta leaves the finite numbers; says at which iteration.

    Notes
    -----
    "direct" sums rows in blocks, and the blocks in float64.

    "gram" computes in float64 throughout, float32 data too; theta is rounded at the end. Its
    error is that of G, which each iteration repeats: relative to theta at most about 3 times
    2⁻⁵² min(iterations, c), where c, the condition number of G, is the square of that of x;
    measured with up to 5000 rows, c up to 1e12 and a million iterations. "direct" computes
    residuals afresh: in float64 its error was up to 2000 times smaller there. In float32 it is
    larger, as it rounds theta to float32 in each iteration.

    "auto" thus accepts "gram" if min(iterations, c) is at most 1e5 in float64 (1e5 eps are
    2e-11) or 5e13 in float32; to judge it needs c, and the eigenvalues of G, only where there
    are more iterations than that. Else, and if G overflows, it goes on with "direct". Which one
    is faster, the shapes decide: see ``direct_cost`` and ``gram_cost``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import gradient_descent
    >>> x = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0], [1.0, 3.0]])
    >>> y = np.array([1.0, 3.0, 5.0, 7.0])
    >>> gradient_descent(x, y, np.zeros(2), alpha=0.1, iterations=1000).round(6)
    array([1., 2.])
    """
    engine = builds.load(config.engine())
    arrays = [numeric(a, name) for a, name in ((x, "x"), (y, "y"), (theta, "theta"))]
    single = all(a.dtype == np.float32 for a in arrays[:2])
    dtype = np.dtype(np.float32 if single else np.float64)
    x, y, start = (prepared(a, dtype) for a in arrays)
    _check_shapes(x, y, start)
    for array, original, name in zip((x, y, start), arrays, ("x", "y", "theta"), strict=True):
        check_finite(engine, array, original, name)
    alpha = number(alpha, "alpha", low=0)
    iterations = whole_number(iterations, "iterations", 0)
    if method not in METHODS:
        raise ArgumentError(f"method: expected one of {METHODS}, got {method!r}")
    threads = config.threads(n_jobs)
    y = y.reshape(len(y), -1)
    gram = _gram(engine, x, y, iterations, method, threads)
    # one row for each output, as the engine wants it; always a copy
    theta = start.reshape(x.shape[1], -1).T
    theta = np.array(theta, dtype if gram is None else np.float64, order="C")
    if gram is None:
        choice = Choice(useful_threads(threads, 2 * x.size * len(theta), iterations))

        def descend(left):
            span = functools.partial(engine.least_squares_descent, x, y, theta, alpha, left)
            return choice.run(span, 0, SPAN_SECONDS)
    else:
        limit = float(np.finfo(dtype).max)

        def descend(left):
            return engine.gram_descent(gram, theta, alpha, limit, left, SPAN_SECONDS)

    done = 0
    while done < iterations:
        taken, status = descend(iterations - done)
        done += taken
        if status != Status.STATUS_FINE:
            raise DivergenceError(
                f"gradient_descent diverged: theta is not finite after iteration {done}; use "
                f"an alpha smaller than {alpha:g}, or scale the columns of x",
                step=done,
            )
    return np.ascontiguousarray(theta.T, dtype).reshape(start.shape)


def direct_cost(n, d, k, iterations, dtype):
    """About how many nanoseconds "direct" takes on one thread of a current CPU."""
    return iterations * (60 + (0.15 if dtype == np.float32 else 0.25) * n * k * max(d, 8))


def gram_cost(n, d, k, iterations):
    """About how many nanoseconds "gram" takes on one thread of a current CPU."""
    return 5000 + 0.035 * n * max(d, 16) * max(d + k, 16) + iterations * (25 + 0.11 * d * d * k)


def is_accurate(gram, iterations, dtype):
    """Whether "auto" accepts the error of so many iterations by a matrix (d, d + k)."""
    accepted = ACCEPTED_ERROR * np.finfo(dtype).eps / np.finfo(np.float64).eps
    if not np.isfinite(gram).all():
        return False
    if iterations <= accepted:
        return True
    eigenvalues = np.linalg.eigvalsh(gram[:, : len(gram)])
    return bool(eigenvalues[-1] <= accepted * eigenvalues[0])


def _gram(engine, x, y, iterations, method, threads):
    """The sums for gram_descent, or None where "direct" is to be taken."""
    (n, d), k = x.shape, y.shape[1]
    if method == "direct" or (
        method == "auto"
        and direct_cost(n, d, k, iterations, x.dtype) <= gram_cost(n, d, k, iterations)
    ):
        return None
    choice = Choice(useful_threads(threads, n * d * (d + k) // 2, 1))
    y = y.astype(np.float64, copy=False)
    sums = sums_over_rows(choice, n, engine.weighted_gram, engine.Rows(x), None, None, y)
    accepted = method == "gram" or is_accurate(sums[0], iterations, x.dtype)
    return sums if accepted else None


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
