"""The chance of a statistic at least as large: normal, chi-squared, Student's t, binomial."""

import math

#: The continued fraction of the beta function needs about the root of its arguments in terms.
_MOST_TERMS = 100_000


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


def student(t, degrees):
    """Return P(|T| >= |t|) of Student's t: both tails."""
    if math.isinf(t):
        return 0.0
    square = t * t
    return incomplete_beta(
        degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)
    )


def binomial(count, n, chance):
    """Return P(X >= count) of n trials that each succeed with this chance."""
    if not 0 < count <= n:
        return float(count <= 0)
    return incomplete_beta(count, n - count + 1, chance, 1 - chance)


def incomplete_beta(a, b, x, rest):
    """Return the regularised incomplete beta function I_x(a, b); rest is 1 - x.

    By its continued fraction (Abramowitz & Stegun 1964, 26.5.8), evaluated from the front as
    Lentz (1976) does. It converges fast below the mean, and 1 - I_rest(b, a) is the rest.
    """
    if x <= 0 or rest <= 0:
        return float(x > 0)
    if x > (a + 1) / (a + b + 2):
        return 1 - incomplete_beta(b, a, rest, x)
    scale = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    front = math.exp(scale + a * math.log(x) + b * math.log(rest)) / a
    fraction = upper = 1.0
    lower = 0.0
    for i in range(1, _MOST_TERMS):
        m = i // 2
        if i % 2:
            term = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        else:
            term = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        lower = 1 / _not_zero(1 + term * lower)
        upper = _not_zero(1 + term / upper)
        fraction *= upper * lower
        if abs(upper * lower - 1) < 1e-15:
            break
    return front / fraction


def _not_zero(value):
    return value if abs(value) > 1e-300 else 1e-300
