"""Check single columns of numbers that users pass in to statistics, outside of any model."""

import numpy as np

from fastgd._data.validation import check_rows, numeric
from fastgd.errors import DataError, ShapeError


def column(values, argument, least=1, n=None, of="rows"):
    """Return finite numbers as float64 (n,), a copy, from (n,) or (n, 1); at least so many."""
    given = numeric(values, argument)
    array = given[:, 0] if given.ndim == 2 and given.shape[1] == 1 else given
    if array.ndim != 1:
        raise ShapeError(f"{argument}: expected shape ({of},), got {given.shape}")
    if n is not None and len(array) != n:
        raise ShapeError(f"{argument}: expected one for each of {n} {of}, got {len(array)}")
    if len(array) < least:
        raise DataError(f"{argument}: expected at least {least} {of}, got {len(array)}")
    array = array.astype(np.float64)
    check_rows(~np.isfinite(array), array, f"{argument}: expected finite numbers")
    return array


def flags(values, argument, least=1, of="rows"):
    """Return bools (n,), from bools or from 0 and 1."""
    array = column(values, argument, least, of=of)
    wrong = (array != 0) & (array != 1)
    check_rows(wrong, array, f"{argument}: expected True and False, or 1 and 0")
    return array == 1
