"""Bound how many rows a Poisson sample can have."""

import math


def most_rows(rate: float, trials: int) -> int:
    """Return a number of successes that is passed with a probability below 1e-30.

    Of so many independent trials, each with the probability `rate`. By Bernstein's inequality,
    more than mean + t successes have at most the probability exp(-t^2 / (2 (mean + t / 3))).
    """
    mean, exponent = rate * trials, 30 * math.log(10)
    t = exponent / 3 + math.sqrt(exponent**2 / 9 + 2 * exponent * mean)
    return min(trials, math.ceil(mean + t))
