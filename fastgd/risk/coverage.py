"""Backtest value at risk: the number of exceptions, and whether they cluster."""

import math
from typing import NamedTuple

import numpy as np

from fastgd._data.arguments import inner_share
from fastgd._data.columns import flags
from fastgd._tails import binomial, chi_squared
from fastgd._typing import Data

#: Basel's zones by the chance of fewer exceptions, and of as many: yellow from 95 % on.
_YELLOW, _RED = 0.95, 0.9999


class Coverage(NamedTuple):
    """Hold the result of ``kupiec``; `expected` is the number of exceptions, days * level."""

    statistic: float
    p_value: float
    exceptions: int
    days: int
    expected: float


class Independence(NamedTuple):
    """Hold the result of ``christoffersen``.

    transitions[i][j] is the number of days of kind j that follow a day of kind i: 1 is an
    exception, 0 is none.
    """

    statistic: float
    p_value: float
    transitions: tuple[tuple[int, int], tuple[int, int]]


class ConditionalCoverage(NamedTuple):
    """Hold the result of ``conditional_coverage``, and of the two tests that it joins."""

    statistic: float
    p_value: float
    coverage: Coverage
    independence: Independence


class TrafficLight(NamedTuple):
    """Hold the result of ``traffic_light``; the statistic is the number of exceptions."""

    statistic: int
    p_value: float
    zone: str
    days: int


def kupiec(exceptions: Data, level: float) -> Coverage:
    """Test whether exceptions are as frequent as the value at risk says (Kupiec 1995).

    The proportion-of-failures test: with x exceptions in T days, LR = 2 (x log(x / (T p)) +
    (T - x) log((T - x) / (T (1 - p)))) is chi-squared with 1 degree of freedom if the chance of
    an exception is p. Without exceptions the first term is 0.

    Parameters
    ----------
    exceptions : array of bool, shape (days,)
        Days on which the loss was larger than the VaR. With returns, and the VaR as a positive
        number as in reports: ``returns < -var``.
    level : float
        The chance of an exception that the VaR is for: 0.01 for a VaR of 99 %.

    Returns
    -------
    Coverage
        statistic, p_value, exceptions, days, expected. A small p_value: the VaR is wrong, too
        low if there are more exceptions than expected, too high if there are fewer.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        For values other than True and False (or 1 and 0); for no days; for a level outside of
        (0, 1).

    Notes
    -----
    In few days the test sees little: of 250 days at 1 %, any number of exceptions from 1 to 6
    has a p_value above 0.05.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import risk
    >>> test = risk.kupiec(np.arange(250) == 100, 0.01)
    >>> round(test.statistic, 8), round(test.p_value, 8), test.exceptions, test.expected
    (1.17649114, 0.27807149, 1, 2.5)
    """
    failed, level = _days(exceptions), inner_share(level, "level")
    count, n = int(failed.sum()), len(failed)
    ratio = _log_likelihood(count, n, count / n) - _log_likelihood(count, n, level)
    statistic = max(0.0, 2 * ratio)  # rounding may fall below 0
    return Coverage(statistic, chi_squared(statistic, 1), count, n, n * level)


def christoffersen(exceptions: Data) -> Independence:
    """Test whether an exception is as likely after an exception as after none.

    Christoffersen (1998): of the T - 1 steps from one day to the next, n_ij lead from kind i to
    kind j. LR compares the chances n_01 / (n_00 + n_01) and n_11 / (n_10 + n_11) with a common
    one, and is chi-squared with 1 degree of freedom if exceptions do not cluster. It is defined
    for n_11 = 0, too. Without exceptions it is 0, and the p_value 1.

    Parameters
    ----------
    exceptions : array of bool, shape (days,)
        As for ``kupiec``, at least two days, in order of time.

    Returns
    -------
    Independence
        statistic, p_value, transitions. A small p_value: exceptions come in clusters (or avoid
        each other), so the VaR follows the market too slowly.

    Raises
    ------
    DataError, DataTypeError, ShapeError
        As for ``kupiec``.

    Examples
    --------
    >>> from fastgd import risk
    >>> test = risk.christoffersen([0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0])
    >>> round(test.statistic, 4), round(test.p_value, 4), test.transitions
    (3.0436, 0.0811, ((7, 1), (1, 2)))
    """
    failed = _days(exceptions, least=2).astype(int)
    (n00, n01), (n10, n11) = np.bincount(2 * failed[:-1] + failed[1:], minlength=4).reshape(
        2, 2
    )
    common = (n01 + n11) / (len(failed) - 1)
    ratio = -_log_likelihood(n01 + n11, len(failed) - 1, common)
    for after, steps in ((n01, n00 + n01), (n11, n10 + n11)):
        ratio += _log_likelihood(after, steps, after / max(steps, 1))
    statistic = max(0.0, 2 * float(ratio))
    transitions = (int(n00), int(n01)), (int(n10), int(n11))
    return Independence(statistic, chi_squared(statistic, 1), transitions)


def conditional_coverage(exceptions: Data, level: float) -> ConditionalCoverage:
    """Test the number of exceptions and their independence at once.

    The statistic is the sum of those of ``kupiec``, over T days, and ``christoffersen``, over
    T - 1 steps; it is chi-squared with 2 degrees of freedom (Christoffersen 1998).

    Parameters
    ----------
    exceptions : array of bool, shape (days,)
        As for ``kupiec``, at least two days, in order of time.
    level : float
        The chance of an exception, 0.01 for a VaR of 99 %.

    Returns
    -------
    ConditionalCoverage
        statistic, p_value, coverage, independence: the last two say which part fails.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        As for ``kupiec``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import risk
    >>> crisis = np.isin(np.arange(250), [100, 101, 102, 103])
    >>> test = risk.conditional_coverage(crisis, 0.01)
    >>> round(test.coverage.p_value, 3), round(test.p_value, 6)
    (0.38, 5e-06)
    """
    failed = _days(exceptions, least=2)
    coverage, independence = kupiec(failed, level), christoffersen(failed)
    statistic = coverage.statistic + independence.statistic
    return ConditionalCoverage(statistic, chi_squared(statistic, 2), coverage, independence)


def traffic_light(exceptions: Data, level: float) -> TrafficLight:
    """Return the zone of a VaR model: "green", "yellow" or "red" (Basel Committee 1996).

    By the binomial distribution of the exceptions of a correct model: yellow begins where
    P(X <= x) reaches 95 %, red where it reaches 99.99 %. For 250 days at 1 % these are Basel's
    zones: green to 4, yellow from 5 to 9, red from 10 on.

    Parameters
    ----------
    exceptions : array of bool, shape (days,)
        As for ``kupiec``; Basel counts the last 250 days at the level 0.01.
    level : float
        The chance of an exception, 0.01 for a VaR of 99 %.

    Returns
    -------
    TrafficLight
        statistic, the number of exceptions; p_value, the chance of so many or more if the model
        is correct; zone; days. A VaR that is too high is green: only ``kupiec`` sees that.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        As for ``kupiec``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import risk
    >>> [risk.traffic_light(np.arange(250) < count, 0.01).zone for count in (4, 5, 9, 10)]
    ['green', 'yellow', 'yellow', 'red']
    """
    failed, level = _days(exceptions), inner_share(level, "level")
    count, n = int(failed.sum()), len(failed)
    at_most = 1 - binomial(count + 1, n, level)
    zone = "red" if at_most >= _RED else "yellow" if at_most >= _YELLOW else "green"
    return TrafficLight(count, binomial(count, n, level), zone, n)


def _days(exceptions, least=1):
    """Return bools (days,): whether each day was an exception."""
    return flags(exceptions, "exceptions", least, of="days")


def _log_likelihood(count, n, chance):
    """Return log(chance ** count * (1 - chance) ** (n - count)), where 0 ** 0 is 1."""
    found = count * math.log(chance) if count else 0.0
    return found + (n - count) * math.log1p(-chance) if count < n else found
