"""Rows of data that jobs share: models read them in place, estimators get a copy."""

import copy
import threading

import numpy as np

from fastgd._data.sources import makes_batches, on_disk, read_rows
from fastgd._data.subsets import Shared
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many.prepare import transform
from fastgd.models import Model

#: The number of data sets that a cache keeps, those used last.
CACHE_SIZE = 8


class SharedDataCache:
    """Keep the Shared of the data of jobs, so that they are converted once."""

    def __init__(self):
        self._lock = threading.Lock()
        self._cache = {}  # id -> Shared, which holds the data, so that the id stays theirs

    def of(self, values, argument="x"):
        """Return what a Model takes for these values: see ``share``."""
        with self._lock:
            shared = self._cache.pop(id(values), None)
            if shared is None:
                shared = share(values, argument)
            if isinstance(shared, Shared) and shared is not values:
                self._cache[id(values)] = shared  # behind the others
                if len(self._cache) > CACHE_SIZE:
                    del self._cache[next(iter(self._cache))]
        return shared


def share(values, argument="x"):
    """Return an array or frame as a Shared; anything else as it is, for ``fit`` to check."""
    is_frame = hasattr(values, "columns") or hasattr(values, "to_numpy")
    return Shared(values, argument) if is_frame or type(values) is np.ndarray else values


def share_pair(data, argument="x, y", by_rows=True):
    """Return x and y of a pair, each as ``share`` returns it.

    Refuse what ends when it is read once and, if rows are chosen, all that gives batches.
    """
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ArgumentError(f"{argument}: expected a pair (x, y)")
    for name, values, y in ("x", *data), ("y", data[1], data[1]):
        if makes_batches(values, y) and (by_rows or hasattr(values, "__next__")):
            of = "" if argument == "x, y" else f"{argument}: "
            raise DataTypeError(
                f"{of}{name}: many models read it, so it has to be an array, a frame, or a "
                f"list or dict of such, got {type(values).__name__}, which gives batches: "
                "give arrays, or jobs with data of their own to many.fit_many"
            )
    return share(data[0]), share(data[1], "y")


def take(x, rows):
    """Return a copy of some rows of data of any kind; for None the data as they are."""
    if isinstance(x, Shared):
        x = x.values
    if rows is None or x is None:
        return x
    if isinstance(x, dict):
        return {key: take(part, rows) for key, part in x.items()}
    if isinstance(x, (list, tuple)) and x and getattr(x[0], "ndim", 0) > 1:
        return [take(part, rows) for part in x]  # of several inputs
    if hasattr(x, "iloc"):
        return x.iloc[rows]
    if on_disk(x) and not isinstance(x, np.ndarray):
        return np.asarray(read_rows(x, np.asarray(rows)))
    return x[rows] if hasattr(x, "shape") else np.asarray(x)[rows]


def copied(x, rows):
    """Return rows as ``take`` does; all of them as a copy, too, which a step may change."""
    return copy.deepcopy(take(x, None)) if rows is None else take(x, rows)


def fit(model, x, y, rows, arguments):
    """Train on some rows, None for all; return what the model's ``fit`` returns."""
    if isinstance(model, Model):
        return model.fit(x, y, rows=rows, **({"n_jobs": 1, "verbose": 0} | arguments))
    if arguments.get("sample_weight") is not None:
        weights = take(arguments["sample_weight"], rows)
        arguments = arguments | {"sample_weight": weights}
    x, y = take(x, rows), take(y, rows)
    return model.fit(x, **arguments) if y is None else model.fit(x, y, **arguments)


def predict(model, x, rows, method="predict", step=None):
    """Return the result of a method of a trained model for some rows; step as above."""
    if step is not None:
        x, rows = transform(step, copied(x, rows)), None
    if isinstance(model, Model) and method == "predict":
        return model.predict(x, rows=rows, verbose=0, n_jobs=1)
    call = getattr(model, method, None)
    if not callable(call):
        raise ArgumentError(f"predict: {type(model).__name__} has no method {method!r}")
    return call(take(x, rows))
