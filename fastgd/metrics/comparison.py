"""Compare two scores of the same rows: is one AUC larger than the other by more than chance?"""

import math
from typing import NamedTuple

import numpy as np

from fastgd._data.columns import column, flags
from fastgd._tails import normal_p_value
from fastgd._typing import Array, Data
from fastgd.errors import DataError


class DeLong(NamedTuple):
    """Hold the result of ``delong``: the two AUCs, their covariance, and the test."""

    first: float
    second: float
    covariance: Array
    statistic: float
    p_value: float


def delong(y_true: Data, first: Data, second: Data) -> DeLong:
    """Test whether two scores of the same rows have the same AUC (DeLong et al. 1988).

    An AUC is a mean of placements: for a positive the share of negatives with a smaller score,
    for a negative the share of positives with a larger one, equal scores counting half. The
    covariance of the AUCs is that of the placements of positives divided by their number, plus
    that of the negatives by theirs, and the difference divided by its standard deviation is
    about standard normal. Placements are differences of midranks (Sun & Xu 2014): the cost is
    that of sorting.

    Parameters
    ----------
    y_true : array, shape (n,) or (n, 1)
        1 for positives and 0 for negatives, at least two of each.
    first, second : array, shape (n,) or (n, 1)
        Scores of any scale, larger for positives.

    Returns
    -------
    DeLong
        first, second (AUCs), covariance (ndarray (2, 2) of both), statistic (z, positive if the
        first AUC is larger), p_value (of both sides). Where the difference does not vary, z is
        0 if there is none, else infinite.

    Raises
    ------
    DataError, DataTypeError, ShapeError
        For other targets, a class of fewer than two rows, and scores that are not finite.

    Notes
    -----
    Use it on rows that no model was trained on. For a single AUC, ``first`` plus and minus 1.96
    times the root of ``covariance[0, 0]`` is an interval of about 95 %.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y = [0, 0, 0, 1, 1, 1]
    >>> test = metrics.delong(y, [1, 2, 5, 4, 6, 7], [3, 4, 4, 4, 2, 9])
    >>> round(test.first, 4), round(test.second, 4), round(test.p_value, 4)
    (0.8889, 0.5556, 0.3367)
    """
    positive = flags(y_true, "y_true")
    n = len(positive)
    p, q = int(positive.sum()), int(n - positive.sum())
    if min(p, q) < 2:
        raise DataError(f"y_true: expected at least two rows of each class, got {q} and {p}")
    of_positives, of_negatives = zip(
        *(_placements(column(score, name, n=n), positive)
          for score, name in ((first, "first"), (second, "second"))),
        strict=True,
    )  # fmt: skip
    covariance = np.cov(of_positives) / p + np.cov(of_negatives) / q
    a, b = (float(placements.mean()) for placements in of_positives)
    # of the differences, so that it is 0 for scores in the same order
    variance = sum(
        float(np.var(two[0] - two[1], ddof=1)) / len(two[0])
        for two in (of_positives, of_negatives)
    )
    z = (a - b) / math.sqrt(variance) if variance else math.copysign(math.inf, a - b)
    z = z if a != b else 0.0
    return DeLong(a, b, covariance, z, normal_p_value(z))


def _placements(score, positive):
    """Return the share of the other class that each positive, and each negative, beats."""
    q, p = int((~positive).sum()), int(positive.sum())
    every = _midranks(score)
    below = every[positive] - _midranks(score[positive])
    above = p - (every[~positive] - _midranks(score[~positive]))
    return below / q, above / p


def _midranks(values):
    """Return the place of each value in ascending order; equals share the mean of theirs."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
