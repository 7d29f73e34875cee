"""Backtest expected shortfall: the size of the losses beyond the VaR."""

import math
from typing import NamedTuple

import numpy as np

from fastgd._data.arguments import choice, inner_share
from fastgd._data.columns import column
from fastgd._data.validation import check_rows, numeric
from fastgd._typing import Data
from fastgd.errors import ShapeError


class Shortfall(NamedTuple):
    """Hold the result of ``acerbi_szekely``; p_value is NaN without scenarios."""

    statistic: float
    p_value: float
    exceptions: int
    days: int


def acerbi_szekely(returns: Data, var: Data, es: Data, level: float, z: int = 2, *,
                   scenarios: Data = None) -> Shortfall:  # fmt: skip
    """Test forecasts of expected shortfall (Acerbi & Szekely 2014).

    With I = 1 on days with ``returns < -var``, else 0, T days and the level a:

    - Z1 = sum(returns * I / es) / sum(I) + 1 looks at the size of the losses beyond the VaR
      alone; it assumes that these are as frequent as the VaR says;
    - Z2 = sum(returns * I / es) / (T a) + 1 looks at their size and number at once.

    Both are 0 on average if the forecasts are right. **A negative statistic: the risk was
    larger than forecast**; a positive one: the forecasts were too cautious.

    Parameters
    ----------
    returns : array, shape (days,)
        Gains are positive, losses negative.
    var, es : array, shape (days,), or float
        Forecasts of value at risk and expected shortfall for each day, made before it. Both
        **positive**, as in reports: a VaR of 0.02 is a loss of 2 %. es is at least var.
    level : float
        The chance of an exception, 0.025 for the expected shortfall of 97.5 %.
    z : {1, 2}
        Which of the two.
    scenarios : array, shape (simulations, days), optional
        Returns that were drawn from the forecast distribution of each day, for the p_value: the
        share of the simulations, the observed days counted as one, whose statistic is as low.

    Returns
    -------
    Shortfall
        statistic, p_value, exceptions, days. Without exceptions Z1 is NaN, and Z2 is 1. The
        p_value is NaN without scenarios.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        For other values of z; forecasts that are negative, or an es below its var; numbers that
        are not finite; other shapes.

    Notes
    -----
    Without scenarios compare Z2 with the critical values that Acerbi & Szekely publish for 250
    days at 2.5 %: -0.70 at a significance of 5 %, -1.8 at 0.01 %. Normal returns and Student's
    t from 5 degrees of freedom on have nearly the same; with 3 they are about -0.8 and -4. Z1
    has no such table, for it depends on the tail.

    Examples
    --------
    >>> from fastgd import risk
    >>> returns = [0.01, -0.03, 0.0, 0.02, -0.01, -0.05, 0.01, 0.0, 0.01, -0.02]
    >>> round(risk.acerbi_szekely(returns, 0.025, 0.04, 0.1).statistic, 12)
    -1.0
    >>> round(risk.acerbi_szekely(returns, 0.025, 0.04, 0.1, z=1).statistic, 12)
    0.0
    """
    choice(z, "z", (1, 2))
    level, observed = inner_share(level, "level"), column(returns, "returns", of="days")
    n = len(observed)
    var, es = (_forecasts(values, name, n) for values, name in ((var, "var"), (es, "es")))
    check_rows(es == 0, es, "es: expected positive numbers, the size of a loss")
    check_rows(es < var, es, "es: expected at least the var of its day")
    statistic = float(_statistics(observed, var, es, level, z))
    p_value = math.nan
    if scenarios is not None and not math.isnan(statistic):
        drawn = _drawn(scenarios, n)
        as_low = _statistics(drawn, var, es, level, z) <= statistic  # NaN is not
        p_value = float((1 + as_low.sum()) / (1 + len(drawn)))
    return Shortfall(statistic, p_value, int((observed < -var).sum()), n)


def _statistics(returns, var, es, level, z):
    """Return Z1 or Z2 over the last axis; Z1 is NaN where there is no exception."""
    beyond = returns < -var
    losses = np.sum(np.where(beyond, returns / es, 0.0), axis=-1)
    counts = beyond.sum(axis=-1) if z == 1 else returns.shape[-1] * level
    with np.errstate(invalid="ignore"):
        return losses / counts + 1


def _forecasts(values, argument, n):
    """Return losses that are not negative, (n,), from as many or from one for all days."""
    given = numeric(values, argument)
    array = column(np.full(n, given) if given.ndim == 0 else given, argument, n=n, of="days")
    hint = "the size of a loss (for a quantile of returns give its negative)"
    check_rows(array < 0, array, f"{argument}: expected positive numbers, {hint}")
    return array


def _drawn(scenarios, n):
    """Return returns of simulations, (simulations, n)."""
    array = numeric(scenarios, "scenarios")
    if array.ndim != 2 or array.shape[1] != n or not len(array):
        raise ShapeError(
            f"scenarios: expected shape (simulations, {n}), a column for each day, "
            f"got {array.shape}"
        )
    check_rows(~np.isfinite(array), array, "scenarios: expected finite numbers")
    return array.astype(np.float64)
