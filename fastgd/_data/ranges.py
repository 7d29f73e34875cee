"""The ranges of training data: the lowest and the highest value of each column."""

import math
from typing import NamedTuple

import numpy as np

from fastgd._data.frames import at
from fastgd._data.packing import named
from fastgd._typing import Array
from fastgd.errors import DataError

#: Begins the name of their arrays in a file.
RANGES = "ranges/"


class Ranges(NamedTuple):
    """Hold the lowest and the highest value of each column, as the model reads it.

    The columns of several inputs stand side by side, and those of a row of several axes in the
    order of memory.

    Attributes
    ----------
    low, high : ndarray, shape (columns,)
        Read-only, of the model's data type.
    """

    low: Array
    high: Array


def checked_ranges(low, high):
    """Return copies of arrays as Ranges; a DataError for what is none."""
    pair = [np.array(each, order="C") for each in (low, high)]
    low, high = pair
    fits = low.ndim == 1 and low.shape == high.shape and low.dtype == high.dtype
    if not (fits and low.dtype.name in ("float32", "float64") and len(low)):
        raise DataError("ranges: expected two arrays of floats (columns,)")
    if not (np.isfinite(pair).all() and (low <= high).all()):
        raise DataError("ranges: expected finite numbers low <= high")
    for array in pair:
        array.flags.writeable = False
    return Ranges(low, high)


def ranges_of(blocks):
    """Return the Ranges of rows that come in blocks (rows, columns), of finite numbers."""
    ends = [(block.min(axis=0), block.max(axis=0)) for block in blocks if len(block)]
    if not ends:
        raise DataError("x: there are no rows")
    low, high = zip(*ends, strict=True)
    return checked_ranges(np.min(low, axis=0), np.max(high, axis=0))


def refuse_outside(ranges, inputs, names, rows):
    """Raise a DataError for the first value of some rows that lies outside of ranges.

    Parameters
    ----------
    ranges : Ranges
    inputs : dict of name -> shape (None, d...)
    names : tuple of str, dict of input -> such, or None
        The names of the columns.
    rows : ndarray, shape (n, columns) or (columns,)
    """
    rows = rows.reshape(-1, len(ranges.low))
    outside = (rows < ranges.low) | (rows > ranges.high)
    row, place = divmod(int(np.argmax(outside)), rows.shape[1])
    value, low, high = rows[row, place], ranges.low[place], ranges.high[place]
    left = iter(inputs.items())
    name, (_, *shape) = next(left)
    while place >= math.prod(shape):
        place -= math.prod(shape)
        name, (_, *shape) = next(left)
    if isinstance(names, dict):
        names = names.get(name)
    known = len(shape) == 1 and names is not None and place < len(names)
    column = f" ({names[place]!r})" if known else ""
    where = at((row, *map(int, np.unravel_index(place, shape))))
    raise DataError(
        f"{named('x', name, len(inputs))}: {value}{where}{column} is outside of the training "
        f"data, which go from {low} to {high}: correct it, or predict without check what the "
        "model has never seen"
    )
