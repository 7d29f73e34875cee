"""Batch gradient descent: for any linear model, and for least squares alone."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd import config
from fastgd._core.types import Status
from fastgd._data.validation import check_finite, number, numeric, prepared, whole_number
from fastgd._engine import builds
from fastgd._engine.algebra import eigenvalues
from fastgd._engine.ranks import Ranks, digest
from fastgd._engine.thread_choice import SPAN_SECONDS, ThreadTuner, useful_threads
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataError, DivergenceError, ShapeError
from fastgd.linear.distributed import data_digest, together
from fastgd.linear.linalg import accumulate
from fastgd.linear.objective import Problem, Solution, minimize_parts, objective_of
from fastgd.linear.solvers import penalised

METHODS = ("auto", "direct", "gram")

#: The error of the Gram matrix's method that "auto" accepts, in eps of the data type.
ACCEPTED_ERROR = 1e5


@dataclass(frozen=True)
class GradientDescent:
    """Minimise by batch gradient descent: each iteration follows the gradient over all rows.

    An iteration is theta <- theta - rate (gradient of J without l1), for weights and intercept
    theta. With L1 the weights then move towards 0 by rate l1, and stop there (proximal gradient
    descent; Beck and Teboulle 2009). Where a loss has a kink, it uses one of its slopes.

    Parameters
    ----------
    rate : float
        J is a mean over rows; ``gradient_descent`` sums over n rows, and thus goes n times as
        far with the same rate.
    iterations : int

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> solver = linear.GradientDescent(rate=0.5, iterations=200)
    >>> model = linear.LinearModel().fit(x, 2 * x[:, 0] + 1, solver=solver)
    >>> model.coef.round(6), model.intercept.round(6)
    (array([[2.]]), array([1.]))
    """

    rate: float
    iterations: int

    #: It takes problems of several outputs whole, in chunks, or shared by ranks: ``objective``.
    several = streams = shares = True

    def __post_init__(self) -> None:
        number(self.rate, "rate", low=0)
        whole_number(self.iterations, "iterations", 1)

    def minimize(self, problem: Problem, start: Solution) -> Solution:
        """Run all iterations from a Solution on."""
        if problem.y.ndim == 2:  # least squares: one pass over the rows for all targets
            return self._descend(problem, start)
        return minimize_parts(self._descend, problem.parts(), start)

    def _descend(self, problem, start):
        objective = objective_of(problem)
        l1 = None if objective.l1 is None else self.rate * objective.l1
        vector = objective.joined(start.coef, start.intercept)
        with np.errstate(over="ignore", invalid="ignore"):
            for iteration in range(self.iterations):
                vector = vector - self.rate * objective(vector)[1]
                if l1 is not None:
                    vector = np.sign(vector) * np.maximum(np.abs(vector) - l1, 0)
                if not np.isfinite(vector).all():
                    advice = f"use a rate smaller than {self.rate:g}, or scale the columns of x"
                    what = f"diverged: weights are not finite after iteration {iteration}"
                    raise DivergenceError(f"GradientDescent {what}; {advice}", step=iteration)
            value = penalised(vector, objective(vector)[0], objective.l1)
        return Solution(*objective.split(vector), self.iterations, value)


def gradient_descent(x: Data, y: Data, theta: Data, alpha: float, iterations: int,
                     method: str = "auto", n_jobs: int | None = None, *,
                     comm: Any = None) -> Array:  # fmt: skip
    """Fit linear regression by batch gradient descent: theta <- theta - alpha xᵀ(x theta - y).

    Parameters
    ----------
    x : array, shape (n, d)
        A column of ones makes an intercept. float32 stays float32; everything else is computed
        in float64.
    y : array, shape (n,) or (n, k)
    theta : array, shape (d,), (d, 1) or (d, k), as the result
        The start; it is not changed.
    alpha : float
        The size of a step, at least 0. The gradient is a sum over rows, not a mean: a step
        converges below 2 / (the largest eigenvalue of xᵀx).
    iterations : int
    method : {"auto", "direct", "gram"}
        "direct" reads x in each iteration. "gram" reads it once: with G = xᵀx and b = xᵀy an
        iteration is theta <- theta - alpha (G theta - b), which takes d² k multiply-adds
        for any number of rows. "auto" takes "gram" where it is faster and as accurate, see the
        notes.
    n_jobs : int or None
        Threads, see ``config.threads``; they change no bit.
    comm : communicator or None
        Such as ``mpi4py.MPI.COMM_WORLD``: every rank makes the same call with the same arrays,
        which may be memory maps, and computes a part of the sums over rows. The result has the
        bits of a call without it, for any number of ranks; see docs/cluster.md.

    Raises
    ------
    ShapeError, DataTypeError, DataError
        If the arrays do not fit together, are not numbers, or are not finite.
    ArgumentError
        For numbers out of range and unknown methods.
    DivergenceError
        If theta is no longer finite; names the iteration.
    RankError
        If ranks do not make the same call, or another rank fails.

    Notes
    -----
    "direct" sums rows in blocks, and the blocks in float64.

    "gram" computes in float64 throughout, also for float32 data; theta is rounded at the end.
    Its error is that of G, which each iteration repeats: relative to theta at most about
    3 times 2⁻⁵² min(iterations, c), where c, the condition number of G, is the square of that
    of x; measured with up to 5000 rows, c up to 1e12 and a million iterations. "direct"
    computes residuals afresh: in float64 its error was up to 2000 times smaller there. In
    float32 it is larger, as it rounds theta to float32 in each iteration.

    "auto" thus accepts "gram" if min(iterations, c) is at most 1e5 in float64 (1e5 eps are
    2e-11) or 5e13 in float32; it computes c, from the eigenvalues of G, only for more
    iterations. Otherwise, and if G overflows, it uses "direct". The shapes decide which one is
    faster: see ``direct_cost`` and ``gram_cost``.

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
    ranks = None if comm is None else Ranks(comm)
    with together(ranks, "gradient_descent"):
        arrays = [numeric(a, name) for a, name in ((x, "x"), (y, "y"), (theta, "theta"))]
        single = all(a.dtype == np.float32 for a in arrays[:2])
        dtype = np.dtype("float32" if single else "float64")
        x, y, start = (prepared(a, dtype) for a in arrays)
        _check_shapes(x, y, start)
        for one, original, name in zip((x, y, start), arrays, ("x", "y", "theta"), strict=True):
            check_finite(engine, one, original, name)
        alpha = number(alpha, "alpha", low=0)
        iterations = whole_number(iterations, "iterations", 0, 2**63 - 1)
        if method not in METHODS:
            raise ArgumentError(f"method: expected one of {METHODS}, got {method!r}")
        threads = config.threads(n_jobs)
    rows, y = engine.Rows(x), y.reshape(len(y), -1)
    if ranks is not None:
        rows.share(ranks.rank, ranks.size)
        ranks.agree("gradient_descent", {
            "alpha, iterations and method": [alpha, iterations, method],
            "theta": digest(start), "the data": data_digest(rows, y),
        })  # fmt: skip
    gram = _gram(engine, rows, y, (iterations, method, threads), ranks)
    # one row for each output, as the engine expects it; always a copy
    theta = start.reshape(x.shape[1], -1).T
    theta = np.array(theta, dtype if gram is None else np.float64, order="C")
    if gram is None:
        tuner = ThreadTuner(useful_threads(threads, 2 * x.size * len(theta), iterations))
    limit = float(np.finfo(dtype).max)
    done = 0
    while done < iterations:
        left = iterations - done
        if gram is not None:
            taken, status = engine.gram_descent(gram, theta, alpha, limit, left, SPAN_SECONDS)
        elif ranks is None:
            span = functools.partial(engine.least_squares_descent, x, y, theta, alpha, left)
            taken, status = tuner.run(span, 0, SPAN_SECONDS)
        else:
            span = functools.partial(_shared_iteration, (engine, ranks), x, y, theta, alpha)
            taken, status = tuner.run(span, 0, SPAN_SECONDS)
        done += taken
        if status != Status.STATUS_FINE:
            advice = f"use an alpha smaller than {alpha:g}, or scale the columns of x"
            what = f"diverged: theta is not finite after iteration {done}"
            raise DivergenceError(f"gradient_descent {what}; {advice}", step=done)
    return np.ascontiguousarray(theta.T, dtype).reshape(start.shape)


def direct_cost(n, d, k, iterations, dtype):
    """Return roughly the nanoseconds that "direct" takes on one thread of a current CPU."""
    return iterations * (60 + (0.15 if dtype == np.float32 else 0.25) * n * k * max(d, 8))


def gram_cost(n, d, k, iterations):
    """Return roughly the nanoseconds that "gram" takes on one thread of a current CPU."""
    return 5000 + 0.035 * n * max(d, 16) * max(d + k, 16) + iterations * (25 + 0.11 * d * d * k)


def is_accurate(gram, iterations, dtype):
    """Return whether "auto" accepts the error of these iterations by a matrix (d, d + k)."""
    accepted = ACCEPTED_ERROR * np.finfo(dtype).eps / np.finfo(np.float64).eps
    if iterations <= accepted or not np.isfinite(gram).all():
        return bool(np.isfinite(gram).all())
    values = eigenvalues(gram[:, : len(gram)])
    return bool(values[-1] <= accepted * values[0])


@np.errstate(over="ignore", invalid="ignore")
def _shared_iteration(shared, x, y, theta, alpha, seconds, threads):
    """Take one iteration of "direct", whose sums ranks share: as least_squares_descent does.

    shared: the engine and the Ranks.
    """
    engine, ranks = shared
    sums = engine.descent_sums(x, y, theta, ranks.rank, ranks.size, threads)
    total = np.add.accumulate(ranks.merge(sums))[-1]  # from the first to the last
    moved = (theta - alpha * total).astype(theta.dtype)
    if not np.isfinite(moved).all():
        return 0, Status.STATUS_UPDATE
    theta[:] = moved
    return 1, Status.STATUS_FINE


def _gram(engine, rows, y, settings, ranks):
    """Return the sums for gram_descent, or None where "direct" is the method.

    settings: iterations, method and threads.
    """
    (n, d), k, dtype = rows.shape, y.shape[1], rows.values.dtype
    iterations, method, threads = settings
    fast = gram_cost(n, d, k, iterations) < direct_cost(n, d, k, iterations, dtype)
    if method == "direct" or (method == "auto" and not fast):
        return None
    tuner = ThreadTuner(useful_threads(threads, n * d * (d + k) // 2, 1))
    y = y.astype(np.float64, copy=False)
    sums = accumulate(tuner, n, engine.weighted_gram, rows, None, None, y, ranks=ranks)
    accepted = method == "gram" or is_accurate(sums[0], iterations, dtype)
    return sums if accepted else None


def _check_shapes(x, y, theta):
    if x.ndim != 2:
        raise ShapeError(f"x: expected 2 dimensions (rows, columns), got shape {x.shape}")
    if x.size == 0:
        raise DataError(f"x: expected at least one row and column, got shape {x.shape}")
    if y.ndim not in (1, 2) or len(y) != len(x) or y.size == 0:
        raise ShapeError(f"y: expected ({len(x)},) or ({len(x)}, k) for x, got shape {y.shape}")
    k = 1 if y.ndim == 1 else y.shape[1]
    expected = [(x.shape[1], k)] + [(x.shape[1],)] * (k == 1)
    if theta.shape not in expected:
        shapes = " or ".join(map(str, expected))
        raise ShapeError(f"theta: expected {shapes} for x and y, got shape {theta.shape}")
