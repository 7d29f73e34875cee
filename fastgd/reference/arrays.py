"""Questions to whole arrays, and sums of them."""

import contextlib
import time

import numpy as np

#: The data types that the engine reads in place, in native byte order.
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
#: Rows that evaluate and predict take between two looks at the clock.
BLOCK_ROWS = 4096


@contextlib.contextmanager
def all_or_nothing(*arrays):
    """Restore arrays if the code that changes them is interrupted, as by Ctrl-C."""
    before = [array.copy() for array in arrays]
    try:
        yield
    except BaseException:
        for array, values in zip(arrays, before, strict=True):
            array[...] = values
        raise


def first_nonfinite(x, rows=None):
    """Return the flat index of the first NaN or infinity in x, or in x[rows], or -1."""
    found = np.flatnonzero(~np.isfinite(x if rows is None else x[rows]))
    return int(found[0]) if len(found) else -1


def all_between(x, low, high, classes=0):
    """Return whether x holds finite numbers from low to high, or class numbers, alone."""
    fine = np.isfinite(x) & (x >= low) & (x <= high)
    if classes:
        fine &= (x >= 0) & (x < classes) & (x == np.floor(x))
    return bool(fine.all())


def added(total, values):
    """Add values (along axis 0) to total, one after the other in double precision.

    NumPy's own sums add pairs of pairs: their bits depend on how the rows are divided.
    """
    first = np.asarray(total, np.float64)[None]
    return np.add.accumulate(np.concatenate([first, values], dtype=np.float64))[-1]


def weighted(weights, values):
    """Return weights * values; 0 where the weight is 0, even if the value is not finite."""
    return np.where(weights == 0, 0, weights * values)


def blocks(first_row, row_count, seconds, size=BLOCK_ROWS):
    """Yield slices of at most `size` rows, until the time is over."""
    deadline = time.monotonic() + seconds
    for row in range(first_row, row_count, size):
        yield slice(row, min(row + size, row_count))
        if time.monotonic() > deadline:
            return
