"""A line search for steps that meet the strong Wolfe conditions."""

import math
from typing import NamedTuple


class Trial(NamedTuple):
    """A point on the line: how far, its value and slope, and what came with them."""

    step: float
    value: float
    slope: float
    extra: object = None


def strong_wolfe(at, start, step, decrease=1e-4, curvature=0.9, most=25, rounding=0.0):
    """A step that lowers a function enough and leaves little of its slope.

    value(step) <= value(0) + decrease step slope(0), |slope(step)| <= curvature |slope(0)|

    Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the minimum of the
    cubic through two points and their slopes as the next trial.

    Parameters
    ----------
    at : callable
        A step to its Trial. Where the value is not finite, the step is too long.
    start : Trial
        That of step 0, with a slope below 0.
    step : float
        The first to try.
    decrease, curvature : float
        0 < decrease < curvature < 1.
    most : int
        Trials at most.
    rounding : float
        Values that differ by no more are equal: then the slopes alone decide. Near a minimum
        they are the more exact ones.

    Returns
    -------
    Trial
        If there is no such step, or `most` trials do not find it: the lowest one, `start` if
        none is lower.

    Examples
    --------
    >>> line = lambda a: Trial(a, (a - 3.0) ** 2, 2 * (a - 3.0))
    >>> strong_wolfe(line, line(0.0), 1.0).step
    1.0
    """

    def too_high(trial):
        return not trial.value <= start.value + decrease * trial.step * start.slope + rounding

    def flat(trial):
        return abs(trial.slope) <= -curvature * start.slope

    best = low = start
    high = None  # between low and high lies a step that is looked for
    for _ in range(most):
        trial = at(step)
        if trial.value < best.value:
            best = trial
        if too_high(trial) or (low is not start and trial.value >= low.value):
            high = trial
        elif flat(trial):
            return trial
        elif high is None and trial.slope < 0:
            low, step = trial, _beyond(low, trial)
            continue
        else:
            if high is None or trial.slope * (high.step - low.step) >= 0:
                high = low
            low = trial
        if abs(high.step - low.step) <= 1e-12 * max(abs(high.step), abs(low.step)):
            break
        step = _between(low, high)
    return best


def _cubic_minimum(a, b):
    """Where the cubic with the values and slopes of two trials is lowest; NaN if nowhere."""
    width = b.step - a.step
    d = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = d * d - a.slope * b.slope
    if not (square >= 0 and math.isfinite(square)):
        return math.nan
    root = math.copysign(math.sqrt(square), width)
    divisor = b.slope - a.slope + 2 * root
    return b.step - width * (b.slope + root - d) / divisor if divisor else math.nan


def _between(low, high):
    """A trial well inside of two; the middle if the cubic asks for none."""
    step = _cubic_minimum(low, high)
    width = high.step - low.step
    part = (step - low.step) / width
    return step if 0.1 <= part <= 0.9 else low.step + 0.5 * width


def _beyond(before, trial):
    """A longer trial than the second of two."""
    width = trial.step - before.step
    step = _cubic_minimum(before, trial)
    if not math.isfinite(step):
        return trial.step + 2 * width
    return min(max(step, trial.step + width), trial.step + 9 * width)
