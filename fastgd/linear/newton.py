"""Newton's method over all rows; with L1, by coordinate descent on its quadratic model."""

from typing import cast

import numpy as np

from fastgd._data.validation import number, whole_number
from fastgd._engine.threads import SPAN_SECONDS
from fastgd._typing import Array
from fastgd.linear.linalg import Inverse
from fastgd.linear.line_search import ROUNDING, backtrack, penalised_line, smooth_line
from fastgd.linear.objective import Objective, Problem, Solution
from fastgd.linear.solver_result import SolverResult, StagnationTest, smooth_objective
from fastgd.optimizers.line_search import Trial, strong_wolfe

#: Up to this number of variables it is the default.
NEWTON_SIZE = 600

#: Sweeps at most. Where nearly collinear columns need more, any split between them will do.
SWEEPS = 100_000


class Newton:
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
    max_iter : int
        The maximum number of steps.

    Examples
    --------
    >>> from fastgd import linear
    >>> model = linear.LinearModel("poisson", l2=0.01)
    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 9]
    >>> bool(model.fit(x, y, solver=linear.Newton(tol=1e-9)).n_iter < 10)
    True
    """

    #: It also takes problems in chunks, see ``objective``.
    streams = True

    def __init__(self, tol: float = 1e-6, max_iter: int = 100) -> None:
        self.tol = number(tol, "tol", 0)
        self.max_iter = whole_number(max_iter, "max_iter", 0)

    def minimize(self, problem: Problem, start: Solution) -> Solution:
        """Return the best Solution of a Problem; warn if it is not reached."""
        objective, vector = smooth_objective(problem, start, self)
        return self.find(objective, vector).solution(objective, self)

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
                slope = float(step @ gradient)
                line = smooth_line(objective, vector, step, curved=True)
            else:
                target = vector.copy()
                moments = hessian @ vector - gradient
                accuracy = max(0.1 * self.tol, min(0.01, size) * size)
                coordinate_descent(objective.engine, hessian, moments, l1, target, accuracy)
                step = target - vector
                slope = float(gradient @ step)
                slope += float(l1 @ (np.abs(vector + step) - np.abs(vector)))
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
                square = float(vector @ hessian @ vector)
                return best.ended_by(-slope, square)
            vector, value, gradient = cast(tuple[Array, float, Array], found.extra)
            n_iter += 1


def coordinate_descent(engine, gram, moments, l1, vector, tol, sweeps=SWEEPS):
    """Minimise 1/2 w'Gw - b'w + l1'|w| from `vector` on, in place; return whether it converged.

    G, gram, is symmetric and positive semidefinite; all arrays are float64. tol: the largest
    element that the subgradient of least norm may have.
    """
    while sweeps > 0:
        taken, converged = engine.coordinate_descent(
            gram, moments, l1, vector, tol, sweeps, SPAN_SECONDS
        )
        sweeps -= taken
        if converged:
            return True
    return False
