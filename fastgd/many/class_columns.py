"""The columns of classifiers that know different classes, put side by side."""

import math

import numpy as np

from fastgd.errors import ArgumentError, DataTypeError, ShapeError

#: What a method gives for a class that a model has not seen. Other values have none.
UNSEEN = {"predict_proba": 0.0, "predict_log_proba": -math.inf}


def classes_of(model, place):
    """Return the classes of a model as an array, None if it has none; place: for messages."""
    classes = getattr(model, "classes_", None)
    if classes is None:
        return None
    if isinstance(classes, (list, tuple)) and any(np.ndim(one) for one in classes):
        raise DataTypeError(
            f"models: {type(model).__name__} at place {place} has classes for each of "
            f"{len(classes)} targets: their columns cannot be aligned"
        )
    return np.asarray(classes)


def union(all_classes):
    """Return all classes of several arrays, sorted; None of none, and as they are if equal."""
    first, *others = all_classes
    if all(_equal(first, one) for one in others):
        return first
    if any(one is None for one in all_classes):
        raise ArgumentError(
            "models: the classes of some differ, and others have no classes_: their columns "
            "cannot be aligned"
        )
    kinds = {"number" if one.dtype.kind in "iufb" else one.dtype.kind for one in all_classes}
    try:
        if len(kinds) == 1:
            return np.unique(np.concatenate(all_classes))
    except TypeError:  # objects that have no order
        pass
    seen = sorted({type(label).__name__ for one in all_classes for label in one.tolist()})
    raise DataTypeError(
        f"models: expected classes of one type, so that columns can be aligned, got {seen}"
    )


def placed(outputs, classes, every, method="predict_proba"):
    """Return outputs of a model of some classes with a column for every class."""
    if classes is None or _equal(classes, every):
        return outputs
    if method not in UNSEEN or outputs.ndim != 2 or outputs.shape[1] != len(classes):
        raise ShapeError(
            f"models: {method} gives shape {outputs.shape} for {len(classes)} classes, others "
            f"know {len(every)}: such values cannot be aligned; take 'predict_proba'"
        )
    full = np.full((len(outputs), len(every)), UNSEEN[method], dtype=outputs.dtype)
    full[:, np.searchsorted(every, classes)] = outputs
    return full


def _equal(some, others):
    if some is None or others is None:
        return some is others
    return some.shape == others.shape and bool(np.all(some == others))
