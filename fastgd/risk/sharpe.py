"""Compute Sharpe ratios, how certain they are, and what is left of the best of many.

Bailey & Lopez de Prado: "The Sharpe ratio efficient frontier" (Journal of Risk 2012), "The
deflated Sharpe ratio" (Journal of Portfolio Management 2014).
"""

import math
from typing import NamedTuple

import numpy as np

from fastgd._data.arguments import inner_share, positive_number, text
from fastgd._data.columns import column
from fastgd._data.validation import number, whole_number
from fastgd._registry.names import lookup
from fastgd._tails import normal, normal_quantile
from fastgd._typing import Data
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many.search import Search

#: Euler's constant.
_GAMMA = 0.5772156649015329


class SharpeRatio(NamedTuple):
    """Hold the result of ``sharpe_ratio``: four arguments of ``probabilistic_sharpe`` first."""

    sharpe: float
    n: int
    skewness: float
    kurtosis: float
    annual: float | None


class ProbabilisticSharpe(NamedTuple):
    """Hold the result of ``probabilistic_sharpe`` and ``deflated_sharpe``.

    probability is 1 - p_value: that of a true Sharpe ratio above `benchmark`.
    """

    probability: float
    statistic: float
    p_value: float
    benchmark: float


class TrackRecord(NamedTuple):
    """Hold the result of ``minimum_track_record``: how many returns, and the quantile."""

    length: float
    statistic: float


def sharpe_ratio(returns: Data, periods: float | None = None) -> SharpeRatio:
    """Return the Sharpe ratio of returns, with their number, skewness and kurtosis.

    Parameters
    ----------
    returns : array, shape (n,)
        Of a strategy, one for each period, at least two. Subtract the risk-free rate first
        where it matters.
    periods : float, optional
        Periods a year, such as 252 of days or 12 of months, for the annualised ratio.

    Returns
    -------
    SharpeRatio
        sharpe, of one period; n; skewness; kurtosis, **not the excess**: 3 for a normal
        distribution; annual, sharpe * sqrt(periods), or None without periods. If all
        returns are equal, all figures but n are NaN.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        For numbers that are not finite, and fewer than two.

    Notes
    -----
    The standard deviation is that of the population, with n, as in a loss of means and in Lo
    (2002), and so are the moments. With n - 1 the ratio would be smaller by the factor
    sqrt((n - 1) / n). Multiplication by sqrt(periods) assumes independent returns: with a
    positive autocorrelation the annual ratio is too large.

    Examples
    --------
    >>> from fastgd import risk
    >>> found = risk.sharpe_ratio([0.0045, 0.00425, 0.02875, 0.0035], periods=12)
    >>> round(found.sharpe, 12), round(found.annual, 4)
    (0.959080727214, 3.3224)
    >>> round(risk.probabilistic_sharpe(*found[:4]).probability, 4)
    0.9999
    """
    values = column(returns, "returns", least=2, of="periods")
    if periods is not None:
        periods = positive_number(periods, "periods")
    sharpe = skewness = kurtosis = math.nan
    if values.min() < values.max():
        scale = np.abs(values).max()  # no power of a tiny or a huge return leaves the numbers
        centred = values / scale - np.mean(values / scale)
        deviation = math.sqrt(np.mean(centred**2))
        sharpe = float(np.mean(values / scale) / deviation)
        skewness, kurtosis = (float(np.mean((centred / deviation) ** k)) for k in (3, 4))
    annual = None if periods is None else sharpe * math.sqrt(periods)
    return SharpeRatio(sharpe, len(values), skewness, kurtosis, annual)


def probabilistic_sharpe(sharpe: float, n: int, skewness: float = 0.0, kurtosis: float = 3.0,
                         benchmark: float = 0.0) -> ProbabilisticSharpe:  # fmt: skip
    """Return the probability that the true Sharpe ratio is above a benchmark.

    z = (SR - SR*) sqrt(n - 1) / sqrt(1 - skewness SR + (kurtosis - 1) / 4 SR^2), and the
    probability is that of a standard normal below z (Bailey & Lopez de Prado 2012).

    Parameters
    ----------
    sharpe, benchmark : float
        **Of one period**, that of the n returns: an annualised ratio makes anything look sure.
        Divide one by sqrt(periods a year).
    n : int
        The number of returns, at least two.
    skewness, kurtosis : float
        Of the returns; kurtosis is 3 for a normal distribution (pandas and SciPy give the
        excess: add 3). The defaults are those of normal returns, which most strategies do not
        have.

    Returns
    -------
    ProbabilisticSharpe
        probability, statistic (z), p_value (1 - probability), benchmark.

    Raises
    ------
    ArgumentError, DataTypeError
        For a kurtosis below 1 + skewness ** 2, which no distribution has.

    Examples
    --------
    >>> from fastgd import risk
    >>> found = risk.probabilistic_sharpe(0.458, 24, skewness=-2.448, kurtosis=10.164)
    >>> round(found.probability, 3), round(found.statistic, 3)
    (0.913, 1.362)
    """
    sharpe, benchmark = number(sharpe, "sharpe"), number(benchmark, "benchmark")
    n = whole_number(n, "n", 2)
    variance = _variance(sharpe, *_moments(skewness, kurtosis))
    z = _ratio((sharpe - benchmark) * math.sqrt(n - 1), math.sqrt(variance))
    return ProbabilisticSharpe(normal(-z), z, normal(z), benchmark)


def deflated_sharpe(sharpe: float, n: int, skewness: float, kurtosis: float, trials: int,
                    variance: float) -> ProbabilisticSharpe:  # fmt: skip
    """Return the probability that the best of many strategies is better than luck.

    ``probabilistic_sharpe`` with the largest Sharpe ratio that is to be expected of so many
    strategies without any skill as the benchmark (Bailey & Lopez de Prado 2014): with N trials,
    whose ratios have the variance V, and g = 0.5772 (Euler's constant),

        SR* = sqrt(V) ((1 - g) Q(1 - 1 / N) + g Q(1 - 1 / (N e)))

    where Q is the quantile of a standard normal. One trial has SR* = 0.

    Parameters
    ----------
    sharpe, n, skewness, kurtosis
        Of the strategy that was chosen, as for ``probabilistic_sharpe``: **of one period**.
    trials : int
        How many strategies were tried, also those that were thrown away. Strategies
        that are nearly the same may count as one; to count all is cautious.
    variance : float
        Of the Sharpe ratios of all trials, of one period.

    Returns
    -------
    ProbabilisticSharpe
        probability, statistic (z), p_value, benchmark (SR*). Below 0.95 the best may well be
        luck.

    Raises
    ------
    ArgumentError, DataTypeError
        As ``probabilistic_sharpe``.

    See Also
    --------
    deflated_sharpe_of : takes trials and variance from the results of a search.

    Examples
    --------
    >>> from fastgd import risk
    >>> one = 250**-0.5  # the example of the paper: 2.5 a year, 5 years of days, 100 trials
    >>> found = risk.deflated_sharpe(2.5 * one, 1250, -3, 10, trials=100, variance=0.5 / 250)
    >>> round(found.benchmark, 4), round(found.probability, 4)
    (0.1132, 0.9004)
    """
    trials = whole_number(trials, "trials", 1)
    deviation = math.sqrt(number(variance, "variance", 0))
    benchmark = deviation * _expected_largest(trials)
    return probabilistic_sharpe(sharpe, n, skewness, kurtosis, benchmark)


def deflated_sharpe_of(search: Search, returns: str = "returns",
                       trials: int | None = None) -> ProbabilisticSharpe:  # fmt: skip
    """Return the deflated Sharpe ratio of the best set of a search, from its own results.

    Let the `score` of the search return the returns of the rows held out beside what it ranks
    by::

        def score(model, x, y):
            earned = np.sign(model.predict(x)[:, 0]) * y
            return {"sharpe": risk.sharpe_ratio(earned).sharpe, "returns": earned}

        search = many.grid_search(..., splits, score=score, monitor="sharpe", mode="max")
        risk.deflated_sharpe_of(search)

    The returns of a set are those of its splits, one after the other. Each set is a trial: the
    number of trials and the variance of their Sharpe ratios are the true ones.

    Parameters
    ----------
    search : fastgd.many.Search
        Of any kind, also of successive halving, where the figures are of each set's best rung.
    returns : str
        The name under which `score` gives the returns of each split, an array.
    trials : int, optional
        If more were tried than this search knows, such as earlier searches. By default the sets
        that have returns; failed ones, and those whose returns are all equal, could not win and
        are left out.

    Returns
    -------
    ProbabilisticSharpe
        As for ``deflated_sharpe``; of one period, as the returns.

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError, UnknownNameError
        If `score` gave no such figure, or what is no array of returns; if the best set has
        returns that are all equal; for fewer `trials` than the search has.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import many, risk
    >>> class Momentum:
    ...     def __init__(self, lag):
    ...         self.lag = lag
    ...
    ...     def fit(self, x, y):
    ...         return self
    >>> def score(model, x, y):
    ...     earned = np.sign(x[:, model.lag]) * y
    ...     return {"sharpe": risk.sharpe_ratio(earned).sharpe, "returns": earned}
    >>> noise = np.random.default_rng(0).normal(size=(600, 21))
    >>> search = many.grid_search(
    ...     Momentum, {"lag": range(20)}, noise[:, :20], noise[:, 20],
    ...     many.walk_forward(600, 100), score=score, mode="max",
    ... )  # fmt: skip
    >>> found = risk.deflated_sharpe_of(search)
    >>> search.monitor, len(search), found.benchmark > 0, found.probability < 0.95
    ('sharpe', 20, True, True)
    """
    if not isinstance(search, Search):
        raise DataTypeError(f"search: expected a fastgd.many.Search, got {search!r}")
    text(returns, "returns")
    best = search.best
    ratios = {row["index"]: _of_row(row, returns) for row in search if row["error"] is None}
    tried = [found.sharpe for found in ratios.values() if not math.isnan(found.sharpe)]
    chosen = ratios[best["index"]]
    if math.isnan(chosen.sharpe):
        raise ArgumentError(f"{returns}: those of the best set, {best['index']}, are all equal")
    count = len(tried) if trials is None else whole_number(trials, "trials", len(tried))
    variance = float(np.var(tried, ddof=1)) if len(tried) > 1 else 0.0
    sharpe, n, skewness, kurtosis, _ = chosen
    return deflated_sharpe(sharpe, n, skewness, kurtosis, count, variance)


def minimum_track_record(
    sharpe: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    benchmark: float = 0.0,
    confidence: float = 0.95,
) -> TrackRecord:
    """Return how many returns show with confidence that a Sharpe ratio is above a benchmark.

    n = 1 + (1 - skewness SR + (kurtosis - 1) / 4 SR^2) (Q(confidence) / (SR - SR*))^2: with so
    many the ``probabilistic_sharpe`` is `confidence` (Bailey & Lopez de Prado 2012).

    Parameters
    ----------
    sharpe, benchmark : float
        Of one period, as for ``probabilistic_sharpe``.
    skewness, kurtosis : float
        Kurtosis is 3 for a normal distribution.
    confidence : float
        At least 0.5, and below 1.

    Returns
    -------
    TrackRecord
        length, the number of returns, not rounded; statistic, the quantile Q(confidence). The
        length is infinite if `sharpe` is not above `benchmark`.

    Raises
    ------
    ArgumentError, DataTypeError
        As ``probabilistic_sharpe``.

    Examples
    --------
    >>> from fastgd import risk
    >>> months = risk.minimum_track_record(2 / 12**0.5, -0.72, 5.78, benchmark=1 / 12**0.5)
    >>> round(months.length, 2)
    59.9
    """
    sharpe, benchmark = number(sharpe, "sharpe"), number(benchmark, "benchmark")
    variance = _variance(sharpe, *_moments(skewness, kurtosis))
    number(confidence, "confidence", 0.5, 1)
    quantile = normal_quantile(inner_share(confidence, "confidence"))
    if sharpe <= benchmark:
        return TrackRecord(math.inf, quantile)
    needed = quantile / (sharpe - benchmark)
    return TrackRecord(1 + variance * needed * needed, quantile)


def _of_row(row, name):
    """Return the SharpeRatio of the returns that a set of a search has over all its splits."""
    parts = lookup("returns", name, row["figures"])
    where = f"returns: {name!r} of set {row['index']}"
    earned = np.concatenate([column(part, where, of="periods") for part in parts])
    return sharpe_ratio(column(earned, where, least=2, of="periods"))


def _moments(skewness, kurtosis):
    """Return both, if some distribution has them."""
    skewness, kurtosis = number(skewness, "skewness"), number(kurtosis, "kurtosis")
    least = 1 + skewness * skewness  # a product may be infinite, a power raises an error
    if kurtosis < least * (1 - 1e-9):
        raise ArgumentError(
            f"kurtosis: expected at least 1 + skewness ** 2 = {least:g}, got {kurtosis:g}; "
            "it is 3 for a normal distribution: add 3 to an excess kurtosis"
        )
    return skewness, kurtosis


def _variance(sharpe, skewness, kurtosis):
    """Return 1 - skewness SR + (kurtosis - 1) / 4 SR^2, as a sum of squares."""
    rest = max(0.0, kurtosis - 1 - skewness * skewness)
    root = 1 - skewness * sharpe / 2
    return root * root + rest / 4 * sharpe * sharpe


def _ratio(a, b):
    if b:
        return a / b
    return math.copysign(math.inf, a) if a else 0.0


def _expected_largest(trials):
    """Return about the mean of the largest of so many standard normal numbers."""
    if trials == 1:
        return 0.0
    upper = [normal_quantile(1 / trials / share) for share in (1, math.e)]
    return -(1 - _GAMMA) * upper[0] - _GAMMA * upper[1]
