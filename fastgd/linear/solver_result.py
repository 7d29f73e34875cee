"""The result of a solver for whole batches, and the tests that end its iterations."""

import warnings
from typing import Any, NamedTuple

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd._typing import Array
from fastgd.errors import ArgumentError, ConvergenceWarning, DivergenceError
from fastgd.linear.linalg import EPSILON
from fastgd.linear.line_search import penalised
from fastgd.linear.objective import LOSS_NAMES, SMOOTH, Solution
from fastgd.linear.streaming import objective_of


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

    def warn(self, solver, category, stacklevel):
        """Warn if the solver did not converge, and say what to do."""
        if not self.converged:
            warnings.warn(
                f"{type(solver).__name__} stopped after {self.n_iter} iterations where the "
                f"gradient is {self.gradient_size:.2g}, and tol is {solver.tol:g}: scale the "
                f"columns of x (to zero mean and unit variance), or raise max_iter "
                f"({solver.max_iter})",
                category,
                stacklevel=stacklevel + 1,
            )

    def solution(self, objective, solver):
        """Return the Solution; raise if the objective was not finite, warn if not converged."""
        if not (np.isfinite(self.value) and np.isfinite(self.gradient_size)):
            raise DivergenceError(
                f"{type(solver).__name__}: the objective is {self.value} at the start; scale "
                "the columns of x, and y"
            )
        self.warn(solver, ConvergenceWarning, stacklevel=5)
        return Solution(*objective.split(self.vector), self.n_iter, self.value)


def smooth_objective(problem: Any, start: Any, solver: Any) -> tuple[Any, Array]:
    """Return the objective of a problem and the first vector; refuse losses with kinks."""
    name = LOSS_NAMES[problem.loss]
    if name not in SMOOTH:
        raise ArgumentError(
            f"loss: {name} has kinks, which {type(solver).__name__} cannot minimise: use SGD"
        )
    objective = objective_of(problem)
    intercept = start.intercept
    if (
        problem.loss == LinearLoss.LINEAR_POISSON
        and problem.fit_intercept
        and problem.chunks is None
        and not (start.coef.any() or start.intercept.any())
    ):  # the best constant
        mean = np.average(problem.y, weights=problem.weights)
        intercept = np.full(1, np.log(mean) if mean > 0 else 0.0)
    return objective, objective.joined(start.coef, intercept)


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
        if predicted > 4 * EPSILON * abs(result.value):
            return False
        if result.gradient_size <= 0.5 * self.least:
            self.least, self.left = result.gradient_size, self.most
        else:
            self.left -= 1
        return self.left < 0
