"""Along a line: the functions of a step that solvers search."""

import numpy as np

from fastgd.linear.minimum import penalised
from fastgd.optimizers.line_search import Trial

EPSILON = np.finfo(np.float64).eps

#: Values of the objective that differ by less than so many eps of it are equal.
ROUNDING = 4 * EPSILON


def smooth_line(objective, vector, direction, curved=False):
    """The function of a step along a direction."""

    def at(step):
        moved = vector + step * direction
        value, gradient = objective(moved, curved)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return Trial(step, np.inf, np.nan)
        return Trial(step, value, float(gradient @ direction), (moved, value, gradient))

    return at


def backtrack(at, start, decrease=1e-4, most=40):
    """The first of the steps 1, 1/2, 1/4 ... that lowers a penalised value enough.

    Parameters
    ----------
    at : callable
        A step to its Trial, whose slope is that at the start times the way to the trial.
    start : Trial

    Returns
    -------
    Trial
        `start` if there is none.
    """
    step = 1.0
    for _ in range(most):
        trial = at(step)
        if trial.value <= start.value + decrease * trial.slope + ROUNDING * abs(start.value):
            return trial
        step *= 0.5
    return start


def orthant_line(objective, vector, direction, slopes):
    """The function of a step that ends where it would leave an orthant (Andrew and Gao 2007).

    slopes: the subgradient of least norm at the vector, which tells the signs of what is zero.
    """
    signs = np.where(vector != 0, np.sign(vector), -np.sign(slopes))
    signs[objective.l1 == 0] = 0

    def at(step):
        moved = vector + step * direction
        moved[moved * signs < 0] = 0.0
        moved[(signs == 0) & (objective.l1 > 0)] = 0.0
        value, gradient = objective(moved)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return Trial(step, np.inf, np.nan)
        whole = penalised(moved, value, objective.l1)
        return Trial(step, whole, float(slopes @ (moved - vector)), (moved, value, gradient))

    return at


def penalised_line(objective, vector, step, slope):
    """The function of a share of a step whose whole has the slope given."""

    def at(share):
        moved = vector + share * step
        value, gradient = objective(moved, True)
        if not (np.isfinite(value) and np.isfinite(gradient).all()):
            return Trial(share, np.inf, np.nan)
        whole = penalised(moved, value, objective.l1)
        return Trial(share, whole, share * slope, (moved, value, gradient))

    return at
