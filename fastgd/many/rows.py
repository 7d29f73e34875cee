"""Some rows of shared data: models read them where they are, estimators get a copy."""

import numpy as np

from fastgd.models import Model


def taken(x, rows):
    """Some rows of data of any kind, copied; None for all."""
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


def evaluate(model, x, y, rows):
    """The figures of a trained model over some rows: a dict."""
    if isinstance(model, Model):
        return model.evaluate(x, y, rows=rows, verbose=0, return_dict=True, n_jobs=1)
    return {"score": float(model.score(taken(x, rows), taken(y, rows)))}


def predict(model, x, rows, method="predict"):
    """What a method of a trained model gives for some rows."""
    if isinstance(model, Model) and method == "predict":
        return model.predict(x, rows=rows, verbose=0, n_jobs=1)
    return getattr(model, method)(taken(x, rows))
