"""Newton's method and L-BFGS over all rows, also with an L1 penalty, and what they share."""

from collections import deque
from typing import Any, NamedTuple, cast

import numpy as np

from fastgd._data.validation import number, whole_number
from fastgd._engine.algebra import dot, times
from fastgd._engine.thread_choice import SPAN_SECONDS
from fastgd._typing import Array
from fastgd.errors import ConvergenceWarning, DivergenceError, warn
from fastgd.linear.linalg import EPSILON, Inverse
from fastgd.linear.objective import Objective, Problem, Solution, smooth_objective
from fastgd.optimizers.lbfgs import MOST_HISTORY, Trial, strong_wolfe, two_loop

#: Up to this number of variables it is the default.
NEWTON_SIZE = 600

#: Sweeps at most. Where nearly collinear columns need more, any split between them will do.
SWEEPS = 100_000

#: Values of the objective that differ by less than this many times themselves are equal.
ROUNDING = 4 * EPSILON


class SolverResult(NamedTuple):
    """Hold the point at which a solver stopped."""

    vector: Array  #: the variables, float64
    value: float  #: the objective there, with the L1 penalty
    gradient_size: float  #: the largest element of its gradient, or of ``subgradient``
    n_iter: int
    converged: bool  #: whether that is within the tolerance, or as small as rounding allows

    @classmethod
    def at(cls, vector, value, gradient, l1, n_iter):
        """Return the result at a vector, as if converged, and the subgradient there."""
        slopes = subgradient(vector, gradient, l1)
        size = float(np.abs(slopes).max(initial=0.0))
        return cls(vector, penalised(vector, value, l1), size, n_iter, True), slopes

    def ended_by(self, decrease, square):
        """Return this result where no step lowers the value: converged only if to rounding.

        decrease: by how much a step should have lowered it. square: roughly the mean square of
        all decisions, in the same metric. If the objective ends near zero, rounding of the
        decisions counts, not of the objective.
        """
        least = 64 * EPSILON
        rounding = max(least * abs(self.value), least**2 * square)
        return self._replace(converged=bool(decrease <= rounding))

    def warn_if_stopped(self, solver, category):
        """Warn if the solver did not converge, and say what to do."""
        if not self.converged:
            message = (
                f"{type(solver).__name__} stopped after {self.n_iter} iterations where the "
                f"gradient is {self.gradient_size:.2g}, and tol is {solver.tol:g}: scale the "
                "columns of x (to zero mean and unit variance), or raise max_iter "
                f"({solver.max_iter})"
            )
            warn(message, category)

    def solution(self, objective, solver):
        """Return the Solution; raise if the objective was not finite, warn if not converged."""
        if not (np.isfinite(self.value) and np.isfinite(self.gradient_size)):
            raise DivergenceError(
                f"{type(solver).__name__}: the objective is {self.value} at the start; scale "
                "the columns of x, and y"
            )
        self.warn_if_stopped(solver, ConvergenceWarning)
        return Solution(*objective.split(self.vector), self.n_iter, self.value)


def subgradient(vector, gradient, l1):
    """Return the one of least norm of a smooth function plus ``l1 @ abs(vector)``.

    Examples
    --------
    >>> import numpy as np
    >>> subgradient(np.array([0.0, 0.0, -2.0]), np.array([0.5, -3.0, 1.0]), np.ones(3))
    array([ 0., -2.,  0.])
    """
    if l1 is None:
        return gradient
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    return np.where(vector == 0, at_zero, gradient + l1 * np.sign(vector))


class StagnationTest:
    """Tell when the gradient shrinks no more while values differ by rounding only.

    most: steps in a row that may fail to halve the smallest gradient so far.
    """

    def __init__(self, most):
        self.most = self.left = most
        self.least = np.inf

    def ends(self, result, predicted):
        """Return whether to stop; `predicted`: by how much the next step lowers the value."""
        if predicted > ROUNDING * abs(result.value):
            return False
        if result.gradient_size <= 0.5 * self.least:
            self.least, self.left = result.gradient_size, self.most
        else:
            self.left -= 1
        return self.left < 0


def penalised(vector, value, l1):
    """Return a value plus ``l1 @ abs(vector)``; l1 may be None."""
    return value if l1 is None else value + dot(l1, np.abs(vector))


def smooth_line(objective, vector, direction, curved=False):
    """Return the function of a step along a direction, for an objective without L1."""
    return lambda step: _trial(
        objective, step, vector + step * direction, lambda g: dot(g, direction), curved
    )


def penalised_line(objective, vector, step, slope):
    """Return the function of a share of a step; the whole step has the slope given."""
    return lambda share: _trial(
        objective, share, vector + share * step, lambda _: share * slope, True
    )


def orthant_line(objective, vector, direction, slopes):
    """Return the function of a step that ends where it leaves an orthant (Andrew and Gao 2007).

    slopes: the subgradient of least norm at the vector. It gives the signs where that is zero.
    """
    signs = np.where(vector != 0, np.sign(vector), -np.sign(slopes))
    signs[objective.l1 == 0] = 0

    def at(step):
        moved = vector + step * direction
        moved[moved * signs < 0] = 0.0
        moved[(signs == 0) & (objective.l1 > 0)] = 0.0
        return _trial(objective, step, moved, lambda _: dot(slopes, moved - vector))

    return at


def _trial(objective, step, moved, slope_of, curved=False):
    """Return the Trial of a step to `moved`; slope_of: a function of the gradient there."""
    value, gradient = objective(moved, curved)
    if not (np.isfinite(value) and np.isfinite(gradient).all()):
        return Trial(step, np.inf, np.nan)
    value_with_l1 = penalised(moved, value, objective.l1)
    return Trial(step, value_with_l1, float(slope_of(gradient)), (moved, value, gradient))


def backtrack(at, start, decrease=1e-4, most=40):
    """Return the first of the steps 1, 1/2, 1/4 ... that lowers a penalised value enough.

    `at` maps a step to its Trial, whose slope is the one at the start times the distance. If no
    step lowers it, the result is `start`.
    """
    step = 1.0
    for _ in range(most):
        trial = at(step)
        if trial.value <= start.value + decrease * trial.slope + ROUNDING * abs(start.value):
            return trial
        step *= 0.5
    return start


class _Solver:
    """Minimise an ``Objective`` by ``find``, until tol or max_iter."""

    #: It also takes problems in chunks, and shared by ranks, see ``objective``.
    streams = shares = True

    def __init__(self, tol: float, max_iter: int) -> None:
        self.tol = number(tol, "tol", 0)
        self.max_iter = whole_number(max_iter, "max_iter", 0)

    def find(self, objective: Objective, start: Array) -> SolverResult:
        raise NotImplementedError

    def minimize(self, problem: Problem, start: Solution) -> Solution:
        """Return the best Solution of a Problem; warn if it is not reached."""
        objective, vector = smooth_objective(problem, start, self)
        return self.find(objective, vector).solution(objective, self)


class Newton(_Solver):
    """Minimise by Newton's method with the exact Hessian and a line search.

    A step takes one pass over the rows for the gradient and one for the Hessian, which is
    factored by Cholesky; weights do not move in directions in which the objective is flat. With
    L1 a step goes to the minimum of the quadratic model and the penalty, found by coordinate
    descent (Friedman, Hastie and Tibshirani 2010; Lee, Sun and Saunders 2014): zeros are exact.
    For few columns; the matrix has (k (d + 1))² elements.

    Parameters
    ----------
    tol : float
        Stop where no element of the gradient of the objective, a weighted mean over rows, is
        larger; or where rounding hides any further progress.
    max_iter : int, the most steps to take

    Examples
    --------
    >>> from fastgd import linear
    >>> model = linear.LinearModel("poisson", l2=0.01)
    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 9]
    >>> bool(model.fit(x, y, solver=linear.Newton(tol=1e-9)).n_iter < 10)
    True
    """

    def __init__(self, tol: float = 1e-6, max_iter: int = 100) -> None:
        super().__init__(tol, max_iter)

    def find(self, objective: Objective, start: Array) -> SolverResult:
        """Minimise an ``Objective`` from a vector on."""
        l1 = objective.l1
        stagnation = StagnationTest(2)
        vector = np.array(start, np.float64)
        value, gradient = objective(vector, curved=True)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return SolverResult(vector, value, np.inf, 0, False)
        n_iter = 0
        while True:
            best, _ = SolverResult.at(vector, value, gradient, l1, n_iter)
            size = best.gradient_size
            if size <= self.tol:
                return best
            if n_iter >= self.max_iter:
                return best._replace(converged=False)
            hessian = objective.hessian(vector)
            if l1 is None:
                step = -Inverse(hessian)(gradient)
                slope = dot(step, gradient)
                line = smooth_line(objective, vector, step, curved=True)
            else:
                target = vector.copy()
                moments = times(hessian, vector) - gradient
                accuracy = max(0.1 * self.tol, min(0.01, size) * size)
                coordinate_descent(objective.engine, hessian, moments, l1, target, accuracy)
                step = target - vector
                slope = dot(gradient, step)
                slope += dot(l1, np.abs(vector + step) - np.abs(vector))
                line = penalised_line(objective, vector, step, slope)
            if stagnation.ends(best, -0.5 * slope):
                return best
            here = Trial(0.0, best.value, slope, (vector, value, gradient))
            if not slope < 0:
                found = here
            elif l1 is None:
                found = strong_wolfe(line, here, 1.0, rounding=ROUNDING * abs(value))
            else:
                found = backtrack(line, here)
            if found.step == 0:  # only rounding is left, or the objective is ill-conditioned
                square = dot(vector, times(hessian, vector))
                return best.ended_by(-slope, square)
            vector, value, gradient = cast(tuple[Array, float, Array], found.extra)
            n_iter += 1


def coordinate_descent(engine, gram, moments, l1, vector, tol, sweeps=SWEEPS):
    """Minimise 1/2 w'Gw - b'w + l1'|w| from `vector` on, in place; return whether it converged.

    G, gram, is symmetric and positive semidefinite; all arrays are float64. tol: the largest
    element that the subgradient of least norm may have.
    """
    arguments, converged = (gram, moments, l1, vector, tol), False
    while sweeps > 0 and not converged:
        taken, converged = engine.coordinate_descent(*arguments, sweeps, SPAN_SECONDS)
        sweeps -= taken
    return converged


class LBFGS(_Solver):
    """Minimise by limited-memory BFGS (Liu and Nocedal 1989), with all rows in each step.

    The steps are those of ``fastgd.optimizers.LBFGS``. If there are few columns, they are
    preconditioned by the columns' second moments, so that neither their scales nor correlations
    between them slow it down. With L1 it is OWL-QN (Andrew and Gao 2007): within the orthant of
    a point the penalty is linear; a step ends where it would leave the orthant, which makes
    zeros exact.

    Parameters
    ----------
    tol, max_iter : float and int
        As in Newton.
    history_size : int, the steps to remember, up to 10 000

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> model = linear.LinearModel(l1=0.5)
    >>> model.fit(x, 2 * x[:, 0], solver=linear.LBFGS(tol=1e-8)).coef != 0
    array([[ True, False, False]])
    """

    def __init__(self, tol: float = 1e-6, max_iter: int = 1000, history_size: int = 10) -> None:
        super().__init__(tol, max_iter)
        self.history_size = whole_number(history_size, "history_size", 1, MOST_HISTORY)

    def find(self, objective: Objective, start: Array) -> SolverResult:
        """Minimise an ``Objective`` from a vector on."""
        l1 = objective.l1
        pairs: deque[tuple[Array, Array, float]] = deque(maxlen=self.history_size)
        preconditioner = objective.preconditioner()
        inverse, free = preconditioner.restricted(), None
        stagnation = StagnationTest(self.history_size)
        vector = np.array(start, np.float64)
        value, gradient = objective(vector)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return SolverResult(vector, value, np.inf, 0, False)
        n_iter, failed = 0, False
        while True:
            best, slopes = SolverResult.at(vector, value, gradient, l1, n_iter)
            if best.gradient_size <= self.tol:
                return best
            if n_iter >= self.max_iter:
                return best._replace(converged=False)
            used: Any = pairs
            if l1 is not None:
                moving = (vector != 0) | (slopes != 0)
                if free is None or (moving != free).any():
                    inverse, free = preconditioner.restricted(moving), moving
                used = [q for s, y, _ in pairs for q in _pair(s * free, y * free)]
            direction = two_loop(used, slopes, inverse)
            if l1 is not None:
                direction[(direction * slopes >= 0) & (l1 > 0) & (vector == 0)] = 0.0
            slope = dot(direction, slopes)
            if not slope < 0:
                if not pairs:
                    return best._replace(converged=False)
                pairs.clear()
                continue
            if stagnation.ends(best, -0.5 * slope):
                return best
            here = Trial(0.0, best.value, slope, (vector, value, gradient))
            if l1 is None:
                line = smooth_line(objective, vector, direction)
                found = strong_wolfe(line, here, 1.0, rounding=ROUNDING * abs(value))
            else:
                line = orthant_line(objective, vector, direction, slopes)
                found = backtrack(line, here)
            if found.step == 0:
                if failed or not pairs:
                    return best.ended_by(-slope, preconditioner.squared_norm(vector))
                failed = True
                pairs.clear()
                continue
            failed = False
            new, value, new_gradient = found.extra
            pairs.extendleft(_pair(new - vector, new_gradient - gradient))
            vector, gradient = new, new_gradient
            n_iter += 1


def _pair(step, change):
    """Return [(step, change, 1 / (step @ change))], or [] where the curvature is rounding."""
    product = dot(step, change)
    if product > EPSILON * dot(np.abs(step), np.abs(change)):
        return [(step, change, 1 / product)]
    return []
