"""L-BFGS over all rows; with L1, its orthant-wise form."""

from collections import deque

import numpy as np

from fastgd._data.validation import number, positive_int, whole_number
from fastgd.linear.minimum import Minimum, Patience, is_rounding, penalised, subgradient
from fastgd.linear.search import EPSILON, ROUNDING, backtrack, orthant_line, smooth_line
from fastgd.linear.solving import solve
from fastgd.optimizers.line_search import Trial, strong_wolfe
from fastgd.optimizers.two_loop import two_loop


class LBFGS:
    """Limited-memory BFGS for a linear model (Liu and Nocedal 1989), all rows in each step.

    The steps are those of ``fastgd.optimizers.LBFGS``, in the metric of the columns' second
    moments where these are few: so neither their scales nor correlations between them slow it
    down. With L1 it is OWL-QN (Andrew and Gao 2007): within the orthant of a point the penalty
    is linear; a step ends where it would leave the orthant, which makes zeros exact.

    Parameters
    ----------
    tol : float
        It ends where no element of the gradient of the objective, a weighted mean over rows, is
        larger; or where rounding hides any further progress.
    max_iter : int
        Steps at most.
    history_size : int
        Steps that are remembered.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> x = np.random.default_rng(0).normal(size=(100, 3))
    >>> model = linear.LinearModel(l1=0.5)
    >>> model.fit(x, 2 * x[:, 0], solver=linear.LBFGS(tol=1e-8)).coef != 0
    array([[ True, False, False]])
    """

    #: It is given problems in chunks, too, see ``problem``.
    streams = True

    def __init__(self, tol=1e-6, max_iter=1000, history_size=10):
        self.tol = number(tol, "tol", 0)
        self.max_iter = whole_number(max_iter, "max_iter", 0)
        self.history_size = positive_int(history_size, "history_size")

    def minimize(self, problem, start):
        """From one Solution of a Problem to the best one; warns where it is not reached."""
        return solve(self, problem, start)

    def find(self, objective, start):
        """From a vector to the Minimum of an ``Objective``."""
        l1 = objective.l1
        pairs = deque(maxlen=self.history_size)
        metric = objective.metric()
        inverse, free = metric.on(), None
        patience = Patience(self.history_size)
        vector = np.array(start, np.float64)
        value, gradient = objective(vector)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return Minimum(vector, value, np.inf, 0, False)
        n_iter, failed = 0, False
        while True:
            slopes = subgradient(vector, gradient, l1)
            steepness = float(np.abs(slopes).max(initial=0.0))
            best = Minimum(vector, penalised(vector, value, l1), steepness, n_iter, True)
            if steepness <= self.tol:
                return best
            if n_iter >= self.max_iter:
                return best._replace(converged=False)
            used = pairs
            if l1 is not None:
                moving = (vector != 0) | (slopes != 0)
                if free is None or (moving != free).any():
                    inverse, free = metric.on(moving), moving
                used = _within(pairs, free)
            direction = two_loop(used, slopes, inverse)
            if l1 is not None:
                direction[(direction * slopes >= 0) & (l1 > 0) & (vector == 0)] = 0.0
            slope = float(direction @ slopes)
            if not slope < 0:
                if not pairs:
                    return best._replace(converged=False)
                pairs.clear()
                continue
            if patience.ends(steepness, -0.5 * slope, best.value):
                return best
            here = Trial(0.0, best.value, slope, (vector, value, gradient))
            if l1 is None:
                line = smooth_line(objective, vector, direction)
                first = 1.0 if pairs or inverse is not None else min(1.0, 1 / steepness)
                found = strong_wolfe(line, here, first, rounding=ROUNDING * abs(value))
            else:
                found = backtrack(orthant_line(objective, vector, direction, slopes), here)
            if found.step == 0:
                if failed or not pairs:
                    small = is_rounding(-slope, best.value, metric.square(vector))
                    return best._replace(converged=small)
                failed = True
                pairs.clear()
                continue
            failed = False
            new, value, new_gradient = found.extra
            step, change = new - vector, new_gradient - gradient
            if step @ change > EPSILON * np.abs(step) @ np.abs(change):
                pairs.appendleft((step, change, 1 / float(step @ change)))
            vector, gradient = new, new_gradient
            n_iter += 1


def _within(pairs, free):
    """The pairs as they are where nothing but what is free moves."""
    kept = []
    for step, change, _ in pairs:
        step, change = step * free, change * free
        if step @ change > EPSILON * np.abs(step) @ np.abs(change):
            kept.append((step, change, 1 / float(step @ change)))
    return kept
