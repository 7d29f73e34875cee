"""L-BFGS over all rows; with L1, its orthant-wise form."""

from collections import deque

import numpy as np

from fastgd._data.validation import number, positive_int, whole_number
from fastgd._typing import Array
from fastgd.linear.linalg import EPSILON
from fastgd.linear.line_search import ROUNDING, backtrack, orthant_line, smooth_line
from fastgd.linear.objective import Objective, Problem, Solution
from fastgd.linear.solver_result import SolverResult, StagnationTest, smooth_objective
from fastgd.optimizers.line_search import Trial, strong_wolfe
from fastgd.optimizers.two_loop import two_loop


class LBFGS:
    """Minimise by limited-memory BFGS (Liu and Nocedal 1989), with all rows in each step.

    The steps are those of ``fastgd.optimizers.LBFGS``. If there are few columns, they are
    preconditioned by the columns' second moments, so that neither their scales nor correlations
    between them slow it down. With L1 it is OWL-QN (Andrew and Gao 2007): within the orthant of
    a point the penalty is linear; a step ends where it would leave the orthant, which makes
    zeros exact.

    Parameters
    ----------
    tol : float
        Stop where no element of the gradient of the objective, a weighted mean over rows, is
        larger; or where rounding hides any further progress.
    max_iter : int
        The maximum number of steps.
    history_size : int
        The number of steps to remember.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> model = linear.LinearModel(l1=0.5)
    >>> model.fit(x, 2 * x[:, 0], solver=linear.LBFGS(tol=1e-8)).coef != 0
    array([[ True, False, False]])
    """

    #: It also takes problems in chunks, see ``objective``.
    streams = True

    def __init__(self, tol: float = 1e-6, max_iter: int = 1000, history_size: int = 10) -> None:
        self.tol = number(tol, "tol", 0)
        self.max_iter = whole_number(max_iter, "max_iter", 0)
        self.history_size = positive_int(history_size, "history_size")

    def minimize(self, problem: Problem, start: Solution) -> Solution:
        """Return the best Solution of a Problem; warn if it is not reached."""
        objective, vector = smooth_objective(problem, start, self)
        return self.find(objective, vector).solution(objective, self)

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
            used = pairs
            if l1 is not None:
                moving = (vector != 0) | (slopes != 0)
                if free is None or (moving != free).any():
                    inverse, free = preconditioner.restricted(moving), moving
                used = _pairs_within(pairs, free)
            direction = two_loop(used, slopes, inverse)
            if l1 is not None:
                direction[(direction * slopes >= 0) & (l1 > 0) & (vector == 0)] = 0.0
            slope = float(direction @ slopes)
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
                found = backtrack(orthant_line(objective, vector, direction, slopes), here)
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
    if step @ change > EPSILON * np.abs(step) @ np.abs(change):
        return [(step, change, 1 / float(step @ change))]
    return []


def _pairs_within(pairs, free):
    """Return the pairs as they are where only the free elements move."""
    return [pair for step, change, _ in pairs for pair in _pair(step * free, change * free)]
