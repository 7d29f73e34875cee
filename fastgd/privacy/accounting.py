"""Account for private training: the epsilon of a plan, and the noise for an epsilon.

The figures are those of dp-accounting, by privacy loss distributions (PLD): the steps of
training are Gaussian mechanisms on Poisson samples, and their losses are convolved. Each figure
is an upper bound. The central-limit figure (GDP) is not used, since it lies below the truth.
"""

import collections
import math
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

import numpy as np

from fastgd._data.arguments import choice, positive_number
from fastgd._data.validation import number, whole_number
from fastgd._registry.extras import needed_by
from fastgd.errors import ArgumentError, warn

Relation: TypeAlias = Literal["add_or_remove_one", "replace_one"]
RELATIONS = ("add_or_remove_one", "replace_one")

#: Multipliers that are accounted for. Below the first an epsilon says next to nothing; more
#: than the second counts as the second, which gives no smaller figure.
MULTIPLIERS = (0.3, 1000.0)
#: Below this delta the rounding of the accountant's convolutions is as large as delta.
LEAST_DELTA = 1e-10
#: A plan whose RDP bound is above this has the epsilon infinity.
MOST_EPSILON = 10_000.0
#: The largest target of a calibration.
MOST_TARGET = 1000.0
#: A calibrated epsilon lies between this share of the target and the target.
SHARE = 0.99
#: The smallest rate divided by the multiplier: what RDP in double precision can tell from none.
LEAST_RATE = 1e-6
#: Orders of RDP. Whole numbers, for which its sums are finite and exact.
ORDERS = (*range(2, 17), 20, 24, 32, 48, 64, 96, 128, 256)
#: The most rows, steps and epochs: double precision holds these whole numbers.
MOST = 2**53


def epsilon(delta: float, *, rows: int, batch_size: int, noise_multiplier: float,
            epochs: int | None = None, steps: int | None = None,
            relation: Relation = "add_or_remove_one") -> float:  # fmt: skip
    """Return the epsilon of a plan of private training: (epsilon, delta)-differential privacy.

    Each step draws every row with the probability batch_size / rows (Poisson), and adds normal
    noise whose standard deviation is noise_multiplier times the clip.

    Parameters
    ----------
    delta : float
        The probability with which the promise of epsilon may fail, from 1e-10 to 1. Choose it
        well below 1 / rows; a warning says if it is not.
    rows : int
        How many rows the training data have.
    batch_size : int
        From 1 to rows.
    noise_multiplier : float
        0, for which epsilon is infinite, or at least 0.3. More than 1000 counts as 1000, and a
        rate batch_size / rows below 1e-6 times the multiplier as that; both bound epsilon from
        above.
    epochs, steps : int
        One of the two. An epoch has ceil(rows / batch_size) steps.
    relation : {"add_or_remove_one", "replace_one"}
        Which data sets count as neighbours: one has one row more, or one row is another. The
        second gives the larger epsilon, often about twice as large.

    Returns
    -------
    float
        At least 0; infinity if there is no noise, or so little that the bound by Rényi
        divergences is above 10 000.

    Raises
    ------
    ArgumentError, DataTypeError
        For a value that is out of range or of another type.
    MissingExtraError
        If dp-accounting is not installed: ``pip install "fastgd[privacy]"``.

    Notes
    -----
    By the PLD accountant of dp-accounting (Koskela, Jälkö & Honkela 2020; Doroshenko, Ghazi,
    Kamath, Kumar & Manurangsi 2022), or the RDP accountant (Mironov 2017) where that is
    smaller. It takes a second or so.

    Examples
    --------
    >>> from fastgd import privacy
    >>> plan = {"rows": 24_000, "batch_size": 256, "epochs": 20}
    >>> round(privacy.epsilon(1e-5, **plan, noise_multiplier=1.0), 3)
    2.688
    """
    rate, count = _plan(rows, batch_size, epochs, steps)
    multiplier = number(noise_multiplier, "noise_multiplier", low=0)
    check_delta(delta, rows)
    return compose([(rate, multiplier, count)], delta, relation)


def noise_multiplier(epsilon: float, delta: float, *, rows: int, batch_size: int,
                     epochs: int | None = None, steps: int | None = None,
                     relation: Relation = "add_or_remove_one") -> float:  # fmt: skip
    """Return the noise multiplier with which a plan of training stays within epsilon.

    Parameters
    ----------
    epsilon : float
        The budget, above 0 and at most 1000.
    delta, rows, batch_size, epochs, steps, relation
        As for ``privacy.epsilon``.

    Returns
    -------
    float
        From 0.3 to 1000. ``privacy.epsilon`` of it is never above the budget, and at most 1 %
        below.

    Raises
    ------
    ArgumentError, DataTypeError
        For a value that is out of range or of another type, and for a budget that no multiplier
        from 0.3 to 1000 meets.
    MissingExtraError
        If dp-accounting is not installed: ``pip install "fastgd[privacy]"``.

    Examples
    --------
    >>> from fastgd import privacy
    >>> plan = {"rows": 24_000, "batch_size": 256, "epochs": 20}
    >>> noise = privacy.noise_multiplier(3.0, 1e-5, **plan)
    >>> 0.9 < noise < 1.0, 2.97 <= privacy.epsilon(1e-5, **plan, noise_multiplier=noise) <= 3
    (True, True)
    """
    target = positive_number(epsilon, "epsilon", MOST_TARGET)
    rate, count = _plan(rows, batch_size, epochs, steps)
    check_delta(delta, rows)

    def figure(multiplier: float) -> float:
        return compose([(rate, multiplier, count)], delta, relation)

    def bound(multiplier: float) -> float:
        return _rdp_bound(_event({_mechanism(rate, multiplier): count}), delta)

    return _calibrated(target, figure, bound)


def compose(
    spans: Iterable[tuple[float, float, int]], delta: float, relation: Relation
) -> float:
    """Return the epsilon of spans of training one after another on the same rows.

    A span is (rate, noise multiplier, steps). The order of spans does not matter.
    """
    delta = _checked_delta(delta)
    relation = choice(relation, "relation", RELATIONS)
    counts: collections.Counter[tuple[float, float]] = collections.Counter()
    for rate, multiplier, steps in spans:
        if 0 < multiplier < MULTIPLIERS[0]:
            raise ArgumentError(
                f"noise_multiplier: expected 0 or at least {MULTIPLIERS[0]}, got {multiplier}: "
                "so little noise promises next to nothing; take more noise, and larger batches "
                "(privacy.noise_multiplier finds the noise for a budget)"
            )
        if steps:
            counts[_mechanism(rate, multiplier)] += steps
    if not counts:
        return 0.0
    if any(multiplier == 0 for _, multiplier in counts):
        return math.inf
    return _figure(counts, delta, relation)


def check_delta(delta: float, rows: int) -> None:
    """Warn if so large a delta allows to publish a row; ArgumentError if it is no delta."""
    if _checked_delta(delta) * rows >= 1:
        warn(
            f"delta: {delta:g} is not below 1 / rows = {1 / rows:.3g}. A method that publishes "
            "a row at random has such a delta with an epsilon of 0: choose a delta well below "
            "1 / rows"
        )


def _checked_delta(delta):
    """Return delta as a float; ArgumentError if it is not one."""
    value = number(delta, "delta")
    if not LEAST_DELTA <= value < 1:
        raise ArgumentError(
            f"delta: expected a number of at least {LEAST_DELTA:g} and below 1, such as 1e-5, "
            f"got {delta!r}"
        )
    return value


def _plan(rows, batch_size, epochs, steps):
    """Return the rate and the number of steps of a plan."""
    rows = whole_number(rows, "rows", 1, MOST)
    batch_size = checked_batch_size(batch_size, rows)
    if (epochs is None) == (steps is None):
        raise ArgumentError(
            f"epochs, steps: expected one of the two, got epochs={epochs!r}, steps={steps!r}"
        )
    if epochs is not None:
        steps = whole_number(epochs, "epochs", 1, MOST) * -(-rows // batch_size)
    return batch_size / rows, whole_number(steps, "steps", 1)


def checked_batch_size(batch_size: int, rows: int) -> int:
    """Return a batch size from 1 to the number of rows; ArgumentError otherwise."""
    if (value := whole_number(batch_size, "batch_size", 1)) > rows:
        raise ArgumentError(
            f"batch_size: expected at most the number of rows, {rows}, got {batch_size}"
        )
    return value


def _mechanism(rate, multiplier):
    """Return (rate, multiplier) within what is accounted for, never with a smaller epsilon."""
    multiplier = min(multiplier, MULTIPLIERS[1])
    return max(rate, LEAST_RATE * multiplier), multiplier


def _figure(counts, delta, relation):
    """Return the epsilon of (rate, multiplier) -> steps."""
    event = _event(counts)
    bound = _rdp_bound(event, delta)
    if bound > MOST_EPSILON:
        return math.inf
    with needed_by("fastgd.privacy"):
        import dp_accounting
        from dp_accounting import pld

    widest = max(_largest_loss(*mechanism, steps) for mechanism, steps in counts.items())
    # Losses are rounded up to multiples of this. Tens of thousands of them give four digits
    # or more, and bound time and memory.
    interval = max(1e-6, 5e-5 * max(widest, min(bound, 1000.0)))
    neighbours = dp_accounting.NeighboringRelation[relation.upper()]
    accountant = pld.PLDAccountant(neighbours, interval)
    with np.errstate(all="ignore"):
        found = float(accountant.compose(event).get_epsilon(delta))
    # RDP knows additions and removals only
    return min(found, bound) if relation == RELATIONS[0] else found


def _largest_loss(rate, multiplier, steps):
    """Return the privacy loss of noise that is 8.5 standard deviations away."""
    deviation = multiplier / math.sqrt(steps) if rate == 1 else multiplier
    loss = 8.5 / deviation + 0.5 / deviation**2
    return loss + math.log(rate + (1 - rate) * math.exp(-loss))


def _event(counts):
    """Return what dp-accounting calls an event, for (rate, multiplier) -> steps."""
    with needed_by("fastgd.privacy"):
        import dp_accounting as dp

    events = []
    for (rate, multiplier), steps in counts.items():
        event = dp.GaussianDpEvent(multiplier)
        if rate < 1:  # whole batches compose exactly, as one Gaussian
            event = dp.PoissonSampledDpEvent(rate, event)
        events.append(dp.SelfComposedDpEvent(event, steps))
    return dp.ComposedDpEvent(events)


def _rdp_bound(event, delta):
    """Return a cheap upper bound of epsilon where one row is added or removed."""
    with needed_by("fastgd.privacy"):
        from dp_accounting import rdp

    with np.errstate(all="ignore"):
        return float(rdp.RdpAccountant(ORDERS).compose(event).get_epsilon(delta))


def _calibrated(target, figure, bound):
    """Return a multiplier whose figure lies between SHARE * target and target.

    The figure is a slowly changing share of the bound, which costs little: solve for the bound,
    and correct the share. From two figures on a line through them, in logarithms, is better.
    Both fall as the multiplier rises.
    """
    low, high = MULTIPLIERS
    aim = (1 + SHARE) / 2 * target
    seen = []
    guess = _solved(bound, target)
    while guess not in dict(seen):
        found = figure(guess)
        if SHARE * target <= found <= target:
            return guess
        low, high = (guess, high) if found > target else (low, guess)
        if low == MULTIPLIERS[1] or high == MULTIPLIERS[0]:
            _refuse(target, found, guess)
        seen.append((guess, found))
        guess = _next_guess(seen[-2:], aim, bound)
        if not low <= guess <= high or guess in dict(seen):
            guess = math.sqrt(low * high)
    return high  # rounding: neighbours in double precision


def _next_guess(points, aim, bound):
    """Return where the figure should have the value aim, after one or two (multiplier, figure).

    NaN if these do not tell.
    """
    multiplier, found = points[-1]
    before, earlier = points[0]
    if not all(0 < value < math.inf for _, value in points):
        return math.nan
    if len(points) == 1:
        known = bound(multiplier)
        return _solved(bound, aim / found * known) if 0 < known < math.inf else math.nan
    slope = math.log(found / earlier) / math.log(multiplier / before)
    if not slope < 0:
        return math.nan
    exponent = math.log(aim / found) / slope
    return min(max(multiplier * math.exp(min(exponent, 50.0)), MULTIPLIERS[0]), MULTIPLIERS[1])


def _refuse(target, found, multiplier):
    """Raise the error for a budget that is out of reach."""
    if found < target:
        raise ArgumentError(
            f"epsilon: a noise multiplier of {multiplier:g}, the smallest that is accounted "
            f"for, already gives {found:.4g}; expected a smaller budget, got {target:g}"
        )
    raise ArgumentError(
        f"epsilon: a noise multiplier of {multiplier:g}, the largest that is accounted "
        f"for, still gives {found:.4g}; expected a larger budget, got {target:g}: take fewer "
        "epochs or a larger delta"
    )


def _solved(function: Callable[[float], float], value: float) -> float:
    """Return about where a falling function has a value, within MULTIPLIERS."""
    low, high = MULTIPLIERS
    if function(low) <= value:
        return low
    if function(high) > value:
        return high
    for _ in range(20):
        middle = math.sqrt(low * high)
        low, high = (middle, high) if function(middle) > value else (low, middle)
    return high
