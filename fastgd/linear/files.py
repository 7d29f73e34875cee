"""Turn a linear model into the parts of a file, and back."""

from dataclasses import asdict, fields

import numpy as np

from fastgd._registry.objects import deserialize_object, serialize_object
from fastgd.errors import FileError
from fastgd.linear.objective import REGRESSIONS
from fastgd.linear.sgd import SGD, Weights

#: Where the document has the state of a linear model.
STATE = "linear_model"


def saved_parts(model, weights, solver):
    """Return (entries of the document, arrays by name) for a model with Weights, or None."""
    names = model.feature_names
    state = {
        "classes": model.classes, "feature_names": None if names is None else list(names),
        "n_iter": model.n_iter, "loss_value": model.loss_value, "has_offset": model.has_offset,
        "solver": None if solver is None else asdict(solver),
    }  # fmt: skip
    arrays = (
        {} if weights is None else {f.name: getattr(weights, f.name) for f in fields(weights)}
    )
    return {STATE: serialize_object(state)}, arrays


def restored_parts(model, document, arrays):
    """Return (state, Weights or None, SGD or None) of a file, or raise a FileError."""
    try:
        state = deserialize_object(document[STATE])
        solver = None if state["solver"] is None else SGD(**state["solver"])
        names = state["feature_names"]
        state["feature_names"] = None if names is None else tuple(names)
        state["has_offset"] = bool(state.get("has_offset", False))
        weights = _weights(model, state, arrays, solver) if arrays else None
    except FileError:
        raise
    except Exception as error:  # an arbitrary document may raise anything
        raise FileError(f"the file describes no linear model ({error})") from error
    return state, weights, solver


def _weights(model, state, arrays, solver):
    """Return the Weights, whose shapes the engine relies on."""
    found = {name: np.array(array, np.float64, order="C") for name, array in arrays.items()}
    k, d = found["coef"].shape
    classes, names = state["classes"], state["feature_names"]
    outputs = 1 if classes == 2 and model.loss != "multinomial" else classes
    averages, penalised = solver is not None and solver.average, solver is not None and model.l1
    expected = {
        "coef": [(k, d)], "intercept": [(k,)], "average_intercept": [(k,)],
        "average_coef": [(k, d)] if averages else [(k, 0), (k, d)],
        "owed": [(k, d)] if penalised else [(k, 0), (k, d)], "owed_total": [(k,)], "t": [(k,)],
    }  # fmt: skip
    wrong = [name for name, shapes in expected.items() if found[name].shape not in shapes]
    if wrong or len(found) > len(expected) or not min(k, d):
        raise FileError(f"the arrays of a linear model do not fit: {wrong or sorted(found)}")
    if (classes is None) != (model.loss in REGRESSIONS) or outputs not in (None, k):
        raise FileError(f"{k} outputs do not fit {classes} classes of loss {model.loss!r}")
    if names is not None and len(names) != d:
        raise FileError(f"{len(names)} names do not fit {d} columns")
    if not all(np.isfinite(array).all() for array in found.values()):
        raise FileError("the weights of a linear model have to be finite")
    return Weights(**found)
