"""A model as a document and arrays, and a model from them."""

import contextlib
import warnings

import numpy as np

from fastgd._data.named_row import checked_names
from fastgd._registry import custom
from fastgd._registry.names import snake_case
from fastgd._registry.objects import deserialize_object, serialize_object
from fastgd.errors import FastgdError, FileError, ShapeError

WEIGHTS, OPTIMIZER, RUN = "weights/", "optimizer/", "run/"


def document_of(model):
    """Return all that is saved of a model beside arrays."""
    if hasattr(model, "saved_parts"):  # a model that is no network
        return {"model": serialize_object(model), **model.saved_parts()[0]}
    return {"model": serialize_object(model), **progress_of(model)}


def progress_of(model):
    """Return what training has left beside arrays: counters, learning rate, and names."""
    progress = {"training": {name: getattr(model, name) for name in model.counters}}
    if model.optimizer is not None and model.optimizer.rate_is_constant:
        progress["learning_rate"] = float(model.optimizer.learning_rate)
    if model.feature_names is not None:
        progress["feature_names"] = model.feature_names
    return progress


def snapshot(model, document_of=document_of):
    """Return a document and copies of all arrays, of the same training step."""
    still = getattr(model, "between_steps", contextlib.nullcontext)
    with still():
        document = document_of(model)
        return document, {name: np.array(array) for name, array in arrays_of(model).items()}


def arrays_of(model):
    """Return the arrays of a model and of its optimizer by name, as views."""
    if hasattr(model, "saved_parts"):
        return model.saved_parts()[1]
    if not model.built:
        return {}
    arrays = weights_of(model)
    if model.optimizer is not None:
        state = model.assembly().optimizer_arrays(model.optimizer)
        arrays |= {OPTIMIZER + name: array for name, array in state.items()}
    return arrays


def weights_of(model):
    """Return the arrays of a model's weights by name."""
    return {WEIGHTS + path: v.value for path, v in weight_paths(model).items()}


def part(arrays, prefix):
    """Return the arrays whose names begin with a prefix, by the rest of the name."""
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def model_from(document, arrays, compile=True):
    """Return the model that a document and arrays describe; raise a FileError for others."""
    try:
        entry = dict(document["model"])
    except (KeyError, TypeError, ValueError):
        raise FileError("the file holds weights alone, or no model of fastgd") from None
    if not compile:
        entry.pop("compile_config", None)
    model = deserialize_object(entry)
    if hasattr(model, "take_parts"):
        model.take_parts(document, arrays)
        return model
    if not hasattr(model, "counters"):
        raise FileError(f"the file describes no model, but {model!r}")
    restore(model, document, arrays)
    return model


def restore(model, document, arrays):
    """Give a model its weights, optimizer's state and counters: all of them, or none."""
    training = document.get("training") if isinstance(document, dict) else None
    if not isinstance(training, dict):
        raise FileError("the file does not say how far training has come")
    for name in model.counters:
        if not isinstance(training.get(name), int):
            raise FileError(f"the file has no count of {name}, but {training.get(name)!r}")
    try:
        names = checked_names(document.get("feature_names", model.feature_names))
    except FastgdError as error:
        raise FileError(f"the file's {error}") from None
    weights, kept = part(arrays, WEIGHTS), part(arrays, OPTIMIZER)
    if model.optimizer is not None and model.built:
        own = model.assembly().optimizer_arrays(model.optimizer)
        seen, expected = ({n: (a.shape, a.dtype) for n, a in d.items()} for d in (kept, own))
        if seen != expected:
            raise FileError(f"the optimizer's state is {seen} in the file, expected {expected}")
    if model.built:
        assign(model, weights)
        if model.optimizer is not None:
            model.assembly().load_optimizer_arrays(model.optimizer, kept)
    elif weights:
        raise FileError("the file holds weights, but the model that it describes has none")
    for name in model.counters:
        setattr(model, name, training[name])
    rate = document.get("learning_rate")
    if rate is not None and model.optimizer is not None and model.optimizer.rate_is_constant:
        model.optimizer.learning_rate = rate
    model.feature_names = names


def weight_paths(model):
    """Return the weights by layer and name: a dict of path -> Variable.

    As in Keras a layer is named by its class and, if there are several of a class, by a number
    within the model. So the paths are the same in every process and for any names of layers.
    """
    paths = {}
    _collect(model, "", paths, set())
    return paths


def _collect(owner, prefix, paths, seen):
    counts = {}
    for layer in getattr(owner, "layers", []):
        stem = snake_case(type(layer).__name__)
        count = counts[stem] = counts.get(stem, -1) + 1
        stem = f"{stem}_{count}" if count else stem
        _collect(layer, f"{prefix}{stem}/", paths, seen)
    for i, variable in enumerate(owner.weights):
        if id(variable) not in seen:
            seen.add(id(variable))
            path = prefix + variable.name.rpartition("/")[2]
            paths[f"{path}_{i}" if path in paths else path] = variable


def assign(model, weights, skip_mismatch=False):
    """Overwrite a model's weights by arrays of the same paths, all or (with a warning) some."""
    paths = weight_paths(model)
    seen = {path: array.shape for path, array in weights.items()}
    expected = {path: variable.shape for path, variable in paths.items()}
    wrong = {p for p in {**seen, **expected} if seen.get(p) != expected.get(p)}
    if wrong:
        listing = "; ".join(
            f"{p!r} is {seen.get(p, 'missing')} in the file and {expected.get(p, 'missing')} "
            "in the model"
            for p in sorted(wrong)
        )
        message = f"weights: the file does not fit model {model.name!r}: {listing}"
        if not skip_mismatch:
            raise ShapeError(message)
        warnings.warn(message + "; the layers concerned are skipped", stacklevel=4)
    layers = {path.rpartition("/")[0] for path in wrong}
    for path, variable in paths.items():
        if path.rpartition("/")[0] not in layers:
            variable.assign(weights[path])


def reduced(model):
    """Return how pickle and copy make a model again, by reference to user-defined classes."""
    with custom.by_reference() as references:
        document, arrays = snapshot(model)
    return _again, (document, arrays, references), model.__getstate__()


def _again(document, arrays, references):
    with custom.custom_object_scope(references):
        return model_from(document, arrays)


# -- a run of training ------------------------------------------------------------------------


def packed(value, arrays):
    """Return nested plain data as JSON; move the arrays in it into a dict of them by name."""
    if isinstance(value, np.ndarray) and value.ndim:
        name = f"{RUN}{len(arrays)}"
        arrays[name] = np.array(value)
        return {"array": name}
    if isinstance(value, (np.generic, np.ndarray)):
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, dict):
        return {"items": [[k, packed(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [packed(v, arrays) for v in value]
    return value


def unpacked(value, arrays):
    """Return what ``packed`` was given; its arrays are copies."""
    if isinstance(value, list):
        return [unpacked(v, arrays) for v in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "array":
        return np.array(arrays[content])
    if kind == "float":
        return float(content)
    return {k: unpacked(v, arrays) for k, v in content}
