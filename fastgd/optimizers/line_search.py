"""A line search for steps that meet the strong Wolfe conditions."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple


class Trial(NamedTuple):
    """A point on the line: the step, its value and slope, and an object that belongs to it."""

    step: float
    value: float
    slope: float
    extra: Any = None


def strong_wolfe(
    at: Callable[[float], Trial], start: Trial, step: float, decrease: float = 1e-4,
    curvature: float = 0.9, most: int = 25, rounding: float = 0.0,
) -> Trial:  # fmt: skip
    """Return a step that lowers a function enough and leaves little of its slope.

    value(step) <= value(0) + decrease step slope(0), |slope(step)| <= curvature |slope(0)|

    Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the minimum of the
    cubic through two points and their slopes as the next trial.

    Parameters
    ----------
    at : callable
        The function from a step to its Trial. Where the value is not finite, the step is too
        long.
    start : Trial
        That of step 0, with a slope below 0.
    step : float
        The first to try.
    decrease, curvature : float
        0 < decrease < curvature < 1.
    most : int
        The largest number of trials.
    rounding : float
        Values that differ by no more are equal: then the slopes alone decide, which are more
        exact near a minimum.

    Returns
    -------
    Trial
        If `most` trials find no such step: the lowest one, or `start` if none is lower.

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
    high = None  # such a step lies between low and high
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
    """Return the minimum of the cubic through two trials and their slopes, or NaN."""
    width = b.step - a.step
    d = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = d * d - a.slope * b.slope
    if not (square >= 0 and math.isfinite(square)):
        return math.nan
    root = math.copysign(math.sqrt(square), width)
    divisor = b.slope - a.slope + 2 * root
    return b.step - width * (b.slope + root - d) / divisor if divisor else math.nan


def _between(low, high):
    """Return a step well between two trials: by their cubic, else the middle."""
    step = _cubic_minimum(low, high)
    width = high.step - low.step
    part = (step - low.step) / width
    return step if 0.1 <= part <= 0.9 else low.step + 0.5 * width


def _beyond(before, trial):
    """Return a longer step than the second of two trials."""
    width = trial.step - before.step
    step = _cubic_minimum(before, trial)
    if not math.isfinite(step):
        return trial.step + 2 * width
    return min(max(step, trial.step + width), trial.step + 9 * width)
