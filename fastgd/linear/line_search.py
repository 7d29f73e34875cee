"""Functions of a step along a line, which the solvers search."""

import numpy as np

from fastgd.linear.linalg import EPSILON
from fastgd.optimizers.line_search import Trial

#: Values of the objective that differ by less than this many times themselves are equal.
ROUNDING = 4 * EPSILON


def penalised(vector, value, l1):
    """Return a value plus ``l1 @ abs(vector)``; l1 may be None."""
    return value if l1 is None else value + float(l1 @ np.abs(vector))


def smooth_line(objective, vector, direction, curved=False):
    """Return the function of a step along a direction, for an objective without L1."""

    def at(step):
        moved = vector + step * direction
        return _trial(objective, step, moved, lambda gradient: gradient @ direction, curved)

    return at


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
        return _trial(objective, step, moved, lambda _: slopes @ (moved - vector))

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
