"""From a problem to its solution by a solver of a whole batch."""

import warnings

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd.errors import ArgumentError, ConvergenceWarning, DivergenceError
from fastgd.linear.minimum import advice
from fastgd.linear.problem import LOSSES, SMOOTH, Solution
from fastgd.linear.streamed import objective_of


def solve(solver, problem, start):
    """The Solution that a solver finds from another one; warns where it does not get there."""
    name = next(name for name, loss in LOSSES.items() if loss == problem.loss)
    if name not in SMOOTH:
        raise ArgumentError(
            f"loss: {name} has kinks, which {type(solver).__name__} cannot minimise: use SGD"
        )
    objective = objective_of(problem)
    minimum = solver.find(objective, objective.joined(start.coef, begin(problem, start)))
    if not (np.isfinite(minimum.value) and np.isfinite(minimum.steepness)):
        raise DivergenceError(
            f"{type(solver).__name__}: the objective is {minimum.value} at the start; scale "
            f"the columns of x, and y"
        )
    if not minimum.converged:
        warnings.warn(advice(minimum, solver), ConvergenceWarning, stacklevel=4)
    coef, intercept = objective.split(minimum.vector)
    return Solution(coef, intercept, minimum.n_iter, minimum.value)


def begin(problem, start):
    """Intercepts to begin with: the best constant for Poisson, if everything is zero."""
    if (
        problem.loss != LinearLoss.LINEAR_POISSON
        or not problem.fit_intercept
        or problem.chunks is not None
        or start.coef.any()
        or start.intercept.any()
    ):
        return start.intercept
    mean = np.average(problem.y, weights=problem.weights)
    return np.full(1, np.log(mean) if mean > 0 else 0.0)
