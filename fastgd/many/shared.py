"""Data that many jobs train on, made ready once for all."""

import threading

import numpy as np

from fastgd._frames import array_of_frame
from fastgd._validate import prepared
from fastgd.errors import FastgdError

#: So many arrays are kept, those asked for last: a run over many data sets shall not keep all.
KEPT = 8


class Shared:
    """Arrays as models read them, made of whatever jobs hold, for as long as it is asked for.

    What needs no conversion is passed on, as is what cannot be converted: ``fit`` knows what to
    say.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._kept = {}  # (id, dtype) -> the original, which so keeps its id, and the array

    def of(self, values, model):
        """The values, arrays or frames or a tuple of them, in a model's data type."""
        dtype = model.network().dtype if model.built else np.dtype(model.dtype)
        if isinstance(values, tuple):
            return tuple(self._of(part, dtype) for part in values)
        return self._of(values, dtype)

    def _of(self, values, dtype):
        if type(values) is np.ndarray:
            ready = values.dtype == dtype and values.flags.c_contiguous
            if ready or values.dtype.kind not in "fiub":
                return values
        elif not hasattr(values, "columns") and not hasattr(values, "to_numpy"):
            return values
        key = id(values), dtype
        with self._lock:  # the others wait, rather than do the same
            _, array = self._kept.pop(key, (None, None))
            if array is None:
                array = _converted(values, dtype)
            self._kept[key] = values, array  # behind the others
            if len(self._kept) > KEPT:
                del self._kept[next(iter(self._kept))]
        return array


def _converted(values, dtype):
    try:
        array = values if type(values) is np.ndarray else array_of_frame(values, "x")
    except FastgdError:
        return values
    if array is None:
        return values
    array = prepared(array, dtype)
    return array if np.isfinite(array).all() else values
