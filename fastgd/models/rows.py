"""Rows chosen by their numbers, of arrays that many share."""

import numpy as np

from fastgd._validate import numeric, row_numbers
from fastgd.errors import ShapeError


class Chosen:
    """Some rows of what a user passes in.

    Parameters
    ----------
    rows : array of int, shape (m,)
        Their numbers, in any order; one may be there more than once.
    x : array, or list or dict of arrays
        What they are rows of.
    argument : str
        For messages.

    Attributes
    ----------
    rows : ndarray of int64
    """

    def __init__(self, rows, x, argument="rows"):
        self._count = row_count(x)
        self.rows = row_numbers(rows, self._count, argument)

    def of(self, values, argument, several=False):
        """A copy of the rows of an array, or of each in a dict, or in a list of `several`."""
        if isinstance(values, dict):
            return {name: self.of(v, f"{argument}[{name!r}]") for name, v in values.items()}
        if isinstance(values, (list, tuple)) and (several or _is_array_in_a_list(values)):
            return [self.of(v, f"{argument}[{i}]") for i, v in enumerate(values)]
        array = numeric(values, argument)
        if array.shape[:1] != (self._count,):
            raise ShapeError(
                f"{argument}: expected {self._count} rows, as x has, got shape {array.shape}"
            )
        return array[self.rows]


def shareable(x, dtype):
    """Whether the engine can read rows of x where they are."""
    return (
        type(x) in (np.ndarray, np.memmap)
        and x.dtype == dtype
        and x.flags.c_contiguous
        and x.flags.aligned
    )


def row_count(x):
    """The number of rows of data, which may be a list or dict of arrays; 0 if it has none."""
    while isinstance(x, dict) and x:
        x = next(iter(x.values()))
    if isinstance(x, (list, tuple)) and x and getattr(x[0], "ndim", 0) > 1:
        x = x[0]  # of several inputs
    return len(x) if hasattr(x, "__len__") else 0


def _is_array_in_a_list(values):
    return len(values) == 1 and getattr(values[0], "ndim", 0) > 1
