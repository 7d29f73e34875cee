"""Rows of data that jobs share: models read them where they are, estimators get a copy."""

import threading

import numpy as np

from fastgd._data.subsets import Shared
from fastgd.errors import ArgumentError
from fastgd.many.results import figures
from fastgd.models import Model

#: The data of so many are kept, those asked for last: a run over many data sets shall not keep
#: all.
KEPT = 8


class Kept:
    """The Shared of whatever jobs hold, for as long as it is asked for."""

    def __init__(self):
        self._lock = threading.Lock()
        self._kept = {}  # id -> Shared, which holds what is shared, so that this keeps its id

    def of(self, values, argument="x"):
        """What a Model takes for these values: see ``share``."""
        with self._lock:
            shared = self._kept.pop(id(values), None)
            if shared is None:
                shared = share(values, argument)
            if isinstance(shared, Shared) and shared is not values:
                self._kept[id(values)] = shared  # behind the others
                if len(self._kept) > KEPT:
                    del self._kept[next(iter(self._kept))]
        return shared


def share(values, argument="x"):
    """An array or frame as a Shared; anything else as it is: ``fit`` knows what to do."""
    arrays = type(values) is np.ndarray or any(
        hasattr(values, name) for name in ("columns", "to_numpy")
    )
    return Shared(values, argument) if arrays else values


def pair(data, argument):
    """x and y, each as ``share`` has it, of what is to be such a pair."""
    if not isinstance(data, (tuple, list)) or len(data) != 2:
        raise ArgumentError(f"{argument}: expected a pair (x, y)")
    return share(data[0]), share(data[1], "y")


def taken(x, rows):
    """Some rows of data of any kind, copied; None for all, as they were given."""
    if isinstance(x, Shared):
        x = x.values
    if rows is None or x is None:
        return x
    if isinstance(x, dict):
        return {key: taken(part, rows) for key, part in x.items()}
    if hasattr(x, "iloc"):
        return x.iloc[rows]
    return x[rows] if hasattr(x, "shape") else np.asarray(x)[rows]


def fit(model, x, y, rows, arguments):
    """Train on some rows, None for all; what ``fit`` of the model returns."""
    if isinstance(model, Model):
        return model.fit(x, y, rows=rows, **({"n_jobs": 1, "verbose": 0} | arguments))
    if arguments.get("sample_weight") is not None:
        weights = taken(arguments["sample_weight"], rows)
        arguments = arguments | {"sample_weight": weights}
    x, y = taken(x, rows), taken(y, rows)
    return model.fit(x, **arguments) if y is None else model.fit(x, y, **arguments)


def evaluate(model, x, y, rows, score=None):
    """The figures of a trained model over some rows: a dict.

    score : function of (model, x, y), optional
        By default a Model's ``evaluate``, an estimator's ``score``.
    """
    if score is not None:
        return figures(score(model, taken(x, rows), taken(y, rows)))
    if isinstance(model, Model):
        return model.evaluate(x, y, rows=rows, verbose=0, return_dict=True, n_jobs=1)
    return {"score": float(model.score(taken(x, rows), taken(y, rows)))}


def predict(model, x, rows, method="predict"):
    """What a method of a trained model gives for some rows."""
    if isinstance(model, Model) and method == "predict":
        return model.predict(x, rows=rows, verbose=0, n_jobs=1)
    return getattr(model, method)(taken(x, rows))
