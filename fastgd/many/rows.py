"""Rows of shared data: models read them where they are, estimators get a copy of theirs."""

import numpy as np

from fastgd._validate import numeric
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.models import Model


def row_numbers(rows, n, argument):
    """Checked numbers of some of n rows: an int64 array; True and False for each row do too."""
    rows = numeric(rows, argument)
    if rows.ndim != 1:
        raise ShapeError(f"{argument}: expected shape (rows,), got {rows.shape}")
    if rows.dtype.kind == "b":
        if len(rows) != n:
            raise ShapeError(f"{argument}: expected {n} of True and False, got {len(rows)}")
        return np.flatnonzero(rows)
    if rows.dtype.kind == "f" and rows.size:
        raise DataTypeError(f"{argument}: expected whole numbers, got {rows.dtype}")
    if rows.size and not 0 <= rows.min() <= rows.max() < n:
        wrong = rows.min() if rows.min() < 0 else rows.max()
        raise ArgumentError(f"{argument}: expected numbers from 0 to {n - 1}, got {wrong}")
    return rows.astype(np.int64, copy=False)


def _is_list_of_arrays(x):
    return isinstance(x, (list, tuple)) and len(x) > 0 and np.ndim(x[0]) > 1


def length(x):
    """The number of rows of data, which may be a list or dict of arrays."""
    if isinstance(x, dict):
        return length(next(iter(x.values())))
    if _is_list_of_arrays(x):
        return length(x[0])
    return x.shape[0] if hasattr(x, "shape") else len(x)


def taken(x, rows):
    """Some rows of data, copied; None for all."""
    if rows is None or x is None:
        return x
    if isinstance(x, dict):
        return {key: taken(part, rows) for key, part in x.items()}
    if _is_list_of_arrays(x):
        return [taken(part, rows) for part in x]
    if hasattr(x, "iloc"):
        return x.iloc[rows]
    return x[rows] if hasattr(x, "shape") else np.asarray(x)[rows]


def fit(model, x, y, rows, arguments):
    """Train on some rows, None for all; what ``fit`` of the model returns."""
    if isinstance(model, Model):
        arguments = {"n_jobs": 1, "verbose": 0} | arguments
    if arguments.get("sample_weight") is not None:
        weights = taken(arguments["sample_weight"], rows)
        arguments = arguments | {"sample_weight": weights}
    return model.fit(taken(x, rows), taken(y, rows), **arguments)


def evaluate(model, x, y, rows):
    """The figures of a trained model over some rows: a dict."""
    x, y = taken(x, rows), taken(y, rows)
    if isinstance(model, Model):
        return model.evaluate(x, y, verbose=0, return_dict=True, n_jobs=1)
    return {"score": float(model.score(x, y))}


def predict(model, x, rows, method="predict"):
    """What a method of a trained model gives for some rows."""
    x = taken(x, rows)
    if isinstance(model, Model) and method == "predict":
        return model.predict(x, verbose=0, n_jobs=1)
    return getattr(model, method)(x)
