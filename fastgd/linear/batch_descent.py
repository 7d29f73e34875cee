"""Batch gradient descent for any linear model."""

from dataclasses import dataclass

import numpy as np

from fastgd._data.validation import number, positive_int
from fastgd.errors import DivergenceError
from fastgd.linear.minimum import penalised
from fastgd.linear.problem import Solution, in_parts
from fastgd.linear.streamed import objective_of


@dataclass(frozen=True)
class GradientDescent:
    """Batch gradient descent: each iteration goes along the gradient over all rows.

    An iteration is theta <- theta - rate (gradient of J without l1), of weights and intercept
    theta. With L1 the weights then move towards 0 by rate l1, and stop there (proximal gradient
    descent; Beck and Teboulle 2009). Where a loss has a kink, one of its slopes counts.

    Parameters
    ----------
    rate : float
        J is a mean over rows: with the same rate, ``gradient_descent``, which sums over n rows,
        goes n times as far.
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

    #: It is given problems of several outputs as they are, see ``problem``.
    several = True

    #: And problems in chunks.
    streams = True

    def __post_init__(self):
        number(self.rate, "rate", low=0)
        positive_int(self.iterations, "iterations")

    def minimize(self, problem, start):
        """See ``problem``."""
        if problem.y.ndim == 2:  # least squares: one pass over the rows for all targets
            return self._descend(problem, start)
        return in_parts(self._descend, problem.parts(), start)

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
                    raise DivergenceError(
                        f"GradientDescent diverged: weights are not finite after iteration "
                        f"{iteration}; use a rate smaller than {self.rate:g}, or scale the "
                        "columns of x",
                        step=iteration,
                    )
            value = penalised(vector, objective(vector)[0], objective.l1)
        return Solution(*objective.split(vector), self.iterations, value)
