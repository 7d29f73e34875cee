"""What is asked of, and done to, whole arrays."""

import contextlib

import numpy as np

#: The data types that the engine reads in place, in native byte order.
FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


@contextlib.contextmanager
def all_or_nothing(*arrays):
    """Leave arrays as they were if what changes them is interrupted, as by a Ctrl-C."""
    before = [array.copy() for array in arrays]
    try:
        yield
    except BaseException:
        for array, values in zip(arrays, before, strict=True):
            array[...] = values
        raise


def first_nonfinite(x, rows=None):
    """The flat index of the first NaN or infinity in an array, or in x[rows], or -1."""
    found = np.flatnonzero(~np.isfinite(x if rows is None else x[rows]))
    return int(found[0]) if len(found) else -1


def added(total, values):
    """total and values (along axis 0), added one after the other in double precision.

    NumPy's own sums add pairs of pairs, so that their bits depend on how rows are cut.
    """
    first = np.asarray(total, np.float64)[None]
    return np.add.accumulate(np.concatenate([first, values], dtype=np.float64))[-1]


def weighted(weights, values):
    """weights * values, where a weight of 0 wipes out whatever the value is."""
    return np.where(weights == 0, 0, weights * values)
