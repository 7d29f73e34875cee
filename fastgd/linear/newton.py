"""Newton's method over all rows; with L1, by coordinate descent on its quadratic model."""

import numpy as np

from fastgd._data.validation import number, whole_number
from fastgd.linear.coordinates import descend
from fastgd.linear.definite import Inverse
from fastgd.linear.minimum import Minimum, Patience, is_rounding, penalised, subgradient
from fastgd.linear.search import ROUNDING, backtrack, penalised_line, smooth_line
from fastgd.linear.solving import solve
from fastgd.optimizers.line_search import Trial, strong_wolfe

#: Variables up to which it is the method that suits.
NEWTON_SIZE = 600


class Newton:
    """Newton's method with the exact Hessian and a line search.

    A step takes one pass over the rows for the gradient and one for the Hessian, which is
    factored by Cholesky; where it is singular, directions in which the objective is flat are
    left alone. With L1 a step goes to the minimum of the quadratic model and the penalty, which
    coordinate descent finds (Friedman, Hastie and Tibshirani 2010; Lee, Sun and Saunders 2014):
    zeros are exact. For few columns; the matrix has (k (d + 1))² elements.

    Parameters
    ----------
    tol : float
        It ends where no element of the gradient of the objective, a weighted mean over rows, is
        larger; or where rounding hides any further progress.
    max_iter : int
        Steps at most.

    Examples
    --------
    >>> from fastgd import linear
    >>> model = linear.LinearModel("poisson", l2=0.01)
    >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 9]
    >>> bool(model.fit(x, y, solver=linear.Newton(tol=1e-9)).n_iter < 10)
    True
    """

    #: It is given problems in chunks, too, see ``problem``.
    streams = True

    def __init__(self, tol=1e-6, max_iter=100):
        self.tol = number(tol, "tol", 0)
        self.max_iter = whole_number(max_iter, "max_iter", 0)

    def minimize(self, problem, start):
        """From one Solution of a Problem to the best one; warns where it is not reached."""
        return solve(self, problem, start)

    def find(self, objective, start):
        """From a vector to the Minimum of an ``Objective``."""
        l1 = objective.l1
        patience = Patience(2)
        vector = np.array(start, np.float64)
        value, gradient = objective(vector, curved=True)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return Minimum(vector, value, np.inf, 0, False)
        n_iter = 0
        while True:
            slopes = subgradient(vector, gradient, l1)
            steepness = float(np.abs(slopes).max(initial=0.0))
            best = Minimum(vector, penalised(vector, value, l1), steepness, n_iter, True)
            if steepness <= self.tol:
                return best
            if n_iter >= self.max_iter:
                return best._replace(converged=False)
            hessian = objective.hessian(vector)
            if l1 is None:
                step = -Inverse(hessian)(gradient)
                slope = float(step @ gradient)
                line = smooth_line(objective, vector, step, curved=True)
            else:
                step = self._penalised_step(objective, hessian, vector, gradient, steepness)
                slope = float(gradient @ step)
                slope += float(l1 @ (np.abs(vector + step) - np.abs(vector)))
                line = penalised_line(objective, vector, step, slope)
            if patience.ends(steepness, -0.5 * slope, best.value):
                return best
            here = Trial(0.0, best.value, slope, (vector, value, gradient))
            if not slope < 0:
                found = here
            elif l1 is None:
                found = strong_wolfe(line, here, 1.0, rounding=ROUNDING * abs(value))
            else:
                found = backtrack(line, here)
            if found.step == 0:  # nothing but rounding is left, or the objective is ill-formed
                square = float(vector @ hessian @ vector)
                return best._replace(converged=is_rounding(-slope, best.value, square))
            vector, value, gradient = found.extra
            n_iter += 1

    def _penalised_step(self, objective, hessian, vector, gradient, steepness):
        """To the minimum of the quadratic model and the penalty."""
        target = vector.copy()
        accuracy = max(0.1 * self.tol, min(0.01, steepness) * steepness)
        descend(
            objective.engine,
            hessian,
            hessian @ vector - gradient,
            objective.l1,
            target,
            accuracy,
        )
        return target - vector
