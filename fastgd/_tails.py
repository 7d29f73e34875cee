"""Tails and quantiles of the normal, chi-squared, Student's t and binomial distributions."""

import math
from statistics import NormalDist

import numpy as np

from fastgd._engine.algebra import logarithms

#: The coefficients of 1/x, 1/x^3 ... in Stirling's series of log-gamma (DLMF 5.11.1).
_STIRLING = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188)

#: From here on that series is exact to rounding.
_LARGE = 16


def log_gamma(x):
    """Return log(gamma(x)) of an array of numbers above 0, float64.

    Examples
    --------
    >>> log_gamma(np.array([0.5, 5.0])).round(6)
    array([0.572365, 3.178054])
    """
    x = np.array(x, np.float64)
    product = np.ones_like(x)
    for _ in range(_LARGE):  # gamma(x + 1) = x gamma(x)
        small = x < _LARGE
        if not small.any():
            break
        product[small] *= x[small]
        x[small] += 1
    series = sum(c * x ** -(2 * i + 1) for i, c in enumerate(_STIRLING))
    found = (x - 0.5) * logarithms(x) - x + 0.5 * math.log(2 * math.pi) + series
    return found - logarithms(product)


def normal(z):
    """Return P(Z >= z) for a standard normal Z."""
    return math.erfc(z / math.sqrt(2)) / 2


def chi_squared(x, degrees):
    """Return P(X >= x) of chi-squared with a whole number of degrees of freedom.

    Then it is a finite sum: with one degree erfc(sqrt(x / 2)), with two exp(-x / 2), and each
    two degrees more add a term (Abramowitz & Stegun 1964, 26.4.4 and 26.4.5).
    """
    half = x / 2
    if half <= 0:
        return 1.0
    first = degrees % 2 / 2
    powers = (first + i for i in range(degrees // 2))
    terms = [math.exp(p * math.log(half) - half - math.lgamma(p + 1)) for p in powers]
    return min(1.0, math.fsum([math.erfc(math.sqrt(half)) * (degrees % 2), *terms]))


def normal_p_value(z):
    """Return the probability that a standard normal number is further from 0 than z.

    Examples
    --------
    >>> round(normal_p_value(1.96), 4)
    0.05
    """
    return 2 * normal(abs(z))


def normal_quantile(p):
    """Return the number below which a standard normal one is with probability p.

    Examples
    --------
    >>> round(normal_quantile(0.975), 4)
    1.96
    """
    return NormalDist().inv_cdf(p)


def t_p_value(t, freedom):
    """Return the probability that Student's t is further from 0 than t.

    It is I_x(freedom / 2, 1/2) at x = freedom / (freedom + t²), the regularised incomplete
    beta function (DLMF 8.17).

    Examples
    --------
    >>> round(t_p_value(2.228, 10), 4)
    0.05
    """
    if not math.isfinite(t):
        return math.nan if math.isnan(t) else 0.0
    square = t * t / freedom
    if not math.isfinite(square):
        return 0.0
    a, b, x, rest = freedom / 2, 0.5, 1 / (1 + square), square / (1 + square)
    if rest == 0:
        return 1.0
    # x^a (1 - x)^b / B(a, b), where gamma(1/2)² = pi
    logarithm = _half_step(a) - 0.5 * math.log(math.pi) - a * math.log1p(square)
    factor = math.exp(logarithm + 0.5 * math.log(rest))
    return _from_fraction(a, b, x, rest, factor)


def t_quantile(p, freedom):
    """Return the number below which Student's t is with probability p, from 1/2 on.

    Examples
    --------
    >>> round(t_quantile(0.975, 10), 4)
    2.2281
    """
    t, wanted = normal_quantile(p), 2 * (1 - p)
    scale = _half_step(freedom / 2) - 0.5 * math.log(math.pi * freedom)
    for _ in range(200):  # Newton's method: the tail is convex, and t is below the quantile
        density = math.exp(scale - (freedom + 1) / 2 * math.log1p(t * t / freedom))
        step = (t_p_value(t, freedom) - wanted) / (2 * density)
        t += step
        if abs(step) <= 1e-13 * t:
            break
    return t


def binomial(count, n, chance):
    """Return P(X >= count) of n trials that each succeed with this chance."""
    if not 0 < count <= n:
        return float(count <= 0)
    return incomplete_beta(count, n - count + 1, chance, 1 - chance)


def incomplete_beta(a, b, x, rest):
    """Return the regularised incomplete beta function I_x(a, b); rest is 1 - x."""
    if x <= 0 or rest <= 0:
        return float(x > 0)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    factor = math.exp(scale + a * math.log(x) + b * math.log(rest))
    return _from_fraction(a, b, x, rest, factor)


def _from_fraction(a, b, x, rest, factor):
    """Return I_x(a, b), given x^a rest^b / B(a, b). The fraction converges below the mean."""
    if x < (a + 1) / (a + b + 2):
        return factor * _beta_fraction(a, b, x) / a
    return 1 - factor * _beta_fraction(b, a, rest) / b


def _half_step(a):
    """Return log(gamma(a + 1/2) / gamma(a)); of a large a by its series, which cancels less."""
    if a < 50:
        return math.lgamma(a + 0.5) - math.lgamma(a)
    small = 1 / (a * a)
    series = 1 / 8 - small * (1 / 192 - small * (1 / 640 - small * 17 / 14336))
    return 0.5 * math.log(a) - series / a


def _beta_fraction(a, b, x):
    """Return the continued fraction of the incomplete beta function (DLMF 8.17.22).

    It is computed from its convergents by Steed's recurrence: the terms of a series, each from
    the one before (Gautschi 1967).
    """
    ratio = term = total = 1.0
    m = 0
    while abs(term) > 1e-17 * abs(total) and m < 100_000:
        k = m // 2
        if m % 2:
            k += 1
            coefficient = k * (b - k) * x / ((a + 2 * k - 1) * (a + 2 * k))
        else:
            coefficient = -(a + k) * (a + b + k) * x / ((a + 2 * k) * (a + 2 * k + 1))
        ratio = 1 / (1 + coefficient * ratio)
        term *= ratio - 1
        total += term
        m += 1
    return total
