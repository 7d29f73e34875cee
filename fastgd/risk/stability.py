"""Measure how far the data of a model have moved from those that it was trained on."""

import math
from typing import NamedTuple

import numpy as np

from fastgd._data.columns import column
from fastgd._data.validation import check_rows, numeric
from fastgd._tails import chi_squared
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, ShapeError


class Stability(NamedTuple):
    """Hold the result of ``population_stability_index``; the last three have one a bin."""

    statistic: float
    p_value: float
    terms: Array
    expected: Array
    actual: Array


def population_stability_index(expected: Data, actual: Data, edges: Data) -> Stability:
    """Return how far a distribution has moved: PSI = sum((a - e) log(a / e)) over the bins.

    e and a are the shares of `expected` and `actual` in each bin. The rule of thumb: below 0.1
    nothing has changed, above 0.25 much has (Siddiqi 2006). It does not depend on the number of
    rows; the p_value does.

    Parameters
    ----------
    expected : array, shape (n,)
        Scores or a feature when the model was made.
    actual : array, shape (m,)
        The same quantity today.
    edges : array, shape (bins + 1,)
        Ascending, at least three. **Fix them once**, such as
        ``np.quantile(expected, np.linspace(0, 1, 11))``, and keep them: an index over other
        bins is another index. A bin contains its left edge but not its right one, the last bin
        both. The first and the last bin also count all values beyond, so that none is lost.

    Returns
    -------
    Stability
        statistic, the index; p_value; and for each bin its term, and the two shares. The
        p_value is the chance of an index at least as large if nothing has changed: then
        n m / (n + m) times the index is about chi-squared with bins - 1 degrees of freedom
        (Yurdakul 2018).

    Raises
    ------
    ArgumentError, DataError, DataTypeError, ShapeError
        For edges that do not ascend; values that are not finite, or none.

    Notes
    -----
    A bin that is empty on one side would make the index infinite. It counts as half a row
    there, 0.5 / n, so that its term says how many rows the other side has, and falls with n.
    Other programs put a fixed small share, and the index then depends mostly on that. A bin
    that is empty on both sides has the term 0. Few rows a bin (below about 5) make index and
    p_value rough: use fewer bins.

    Examples
    --------
    >>> from fastgd import risk
    >>> before, today = [1] * 50 + [2] * 30 + [3] * 20, [1] * 40 + [2] * 30 + [3] * 30
    >>> found = risk.population_stability_index(before, today, [0.5, 1.5, 2.5, 3.5])
    >>> round(found.statistic, 6), round(found.p_value, 4), found.actual.tolist()
    (0.062861, 0.2077, [0.4, 0.3, 0.3])
    """
    before, now = column(expected, "expected"), column(actual, "actual")
    limits = _checked_edges(edges)
    counts = [_counts(values, limits) for values in (before, now)]
    shares = [count / count.sum() for count in counts]
    filled = counts[0] + counts[1] > 0
    e, a = (np.maximum(count, 0.5) / count.sum() for count in counts)
    terms = np.where(filled, (a - e) * np.log(a / e), 0.0)
    index = math.fsum(terms)
    scaled = index * len(before) * len(now) / (len(before) + len(now))
    return Stability(index, chi_squared(scaled, len(limits) - 2), terms, *shares)


def _counts(values, edges):
    """Return the number of values in each bin; the outer bins have no end."""
    place = np.searchsorted(edges, values, side="right") - 1
    return np.bincount(np.clip(place, 0, len(edges) - 2), minlength=len(edges) - 1)


def _checked_edges(edges):
    """Return ascending edges as float64; the outer ones may be infinite."""
    array = numeric(edges, "edges").astype(np.float64)
    if array.ndim != 1 or len(array) < 3:
        raise ShapeError(
            f"edges: expected shape (bins + 1,), at least 3 edges, got {array.shape}"
        )
    check_rows(np.isnan(array), array, "edges: expected numbers")
    if not (np.diff(array) > 0).all():
        place = int(np.argmin(np.diff(array) > 0)) + 1
        raise ArgumentError(
            f"edges: expected ascending numbers, got {array[place - 1]} and then "
            f"{array[place]} at index {place}; of edges that are equal keep one (np.unique)"
        )
    return array
