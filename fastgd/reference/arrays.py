"""Questions about whole arrays."""

import numpy as np


def first_nonfinite(x):
    """The flat index of the first NaN or infinity in an array, or -1."""
    found = np.flatnonzero(~np.isfinite(x))
    return int(found[0]) if len(found) else -1


def weighted(weights, values):
    """weights * values, where a weight of 0 wipes out whatever the value is."""
    return np.where(weights == 0, 0, weights * values)
