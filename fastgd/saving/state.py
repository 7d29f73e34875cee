"""A model as a document and arrays, and a model from them."""

import contextlib
import math

import numpy as np

from fastgd._data.named_row import checked_names
from fastgd._data.ranges import RANGES, checked_ranges
from fastgd._engine import arena
from fastgd._registry import custom
from fastgd._registry.names import snake_case
from fastgd._registry.objects import deserialize_object, serialize_object
from fastgd.errors import DataTypeError, FastgdError, FileError, ShapeError, warn
from fastgd.privacy import Ledger, PrivateTraining
from fastgd.saving.container import OPTIMIZER, WEIGHTS

RUN = "run/"
#: So many weights and columns a file may describe whatever it holds.
FREE = 2**20


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
    if model.privacy is not None:
        progress["privacy"] = model.privacy.ledger.get_config()
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
    arrays = weights_of(model)
    if model.built and model.optimizer is not None:
        state = model.assembly().optimizer_arrays(model.optimizer)
        arrays |= {OPTIMIZER + name: array for name, array in state.items()}
    if model.ranges is not None:
        arrays |= {RANGES + name: array for name, array in model.ranges._asdict().items()}
    return arrays


def weights_of(model):
    """Return the arrays of a model's weights by name."""
    return {WEIGHTS + path: v.value for path, v in weight_paths(model).items()}


def part(arrays, prefix):
    """Return the arrays whose names begin with a prefix, by the rest of the name."""
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def model_from(document, arrays, compile=True, trusted=False):
    """Return the model that a document and arrays describe; raise a FileError for others.

    The weights are made of the arrays, and not initialised before.

    trusted : whether the model may have parts whose weights are not among the arrays
    """
    try:
        entry = dict(document["model"])
    except (KeyError, TypeError, ValueError):
        raise FileError("the file holds weights alone, or no model of fastgd") from None
    if not compile:
        entry.pop("compile_config", None)
    size = sum(array.size for array in part(arrays, WEIGHTS).values())
    with arena.loading(math.inf if trusted else max(size, FREE)) as loading:
        model = deserialize_object(entry)
    if hasattr(model, "take_parts"):
        model.take_parts(document, arrays)
        return model
    if not hasattr(model, "counters"):
        raise FileError(f"the file describes no model, but {model!r}")
    restore(model, document, arrays)
    loading.initialise_others(weight_paths(model).values())
    return model


def restore(model, document, arrays):
    """Give a model its weights, optimizer's state and counters: all of them, or none."""
    training = document.get("training") if isinstance(document, dict) else None
    if not isinstance(training, dict):
        raise FileError("the file does not say how far training has come")
    for name in model.counters:
        count = training.get(name)
        if type(count) is not int or not 0 <= count < (2**64 if name == "seed" else 2**63):
            raise FileError(f"the file has no count of {name}, but {count!r}")
    rate = document.get("learning_rate")
    if rate is not None and not (type(rate) is float and 0 <= rate < math.inf):
        raise FileError(f"the file has no learning rate, but {rate!r}")
    try:
        names = checked_names(document.get("feature_names", model.feature_names))
        ends = part(arrays, RANGES)
        ranges = checked_ranges(ends.get("low"), ends.get("high")) if ends else model.ranges
        spent = document.get("privacy")
        ledger = None if spent is None else Ledger.from_config(spent)
    except FastgdError as error:
        raise FileError(f"the file's {error}") from None
    weights, kept = part(arrays, WEIGHTS), part(arrays, OPTIMIZER)
    if model.optimizer is not None and model.built:
        seen = {name: (array.shape, array.dtype) for name, array in kept.items()}
        expected = model.assembly().optimizer_shapes(model.optimizer)
        if seen != expected or kept["iterations"].min() < 0:
            raise FileError(f"the optimizer's state is {seen} in the file, expected {expected}")
    assign(model, weights)
    if model.built and model.optimizer is not None:
        model.assembly().load_optimizer_arrays(model.optimizer, kept)
    for name in model.counters:
        setattr(model, name, training[name])
    if rate is not None and model.optimizer is not None and model.optimizer.rate_is_constant:
        model.optimizer.learning_rate = rate
    model.feature_names, model.ranges = names, ranges
    if ledger is not None:
        if model.privacy is None:
            model.privacy = PrivateTraining(None)
        model.privacy.resume(ledger)


def weight_paths(model):
    """Return the weights by layer and name: a dict of path -> Variable.

    As in Keras a layer is named by its class and, if there are several of a class, by a number
    within the model. So the paths are the same in every process and for any names of layers.
    Of a model that is not built these are the weights of inner models that are.
    """
    paths = {}
    _collect(model, "", paths, set())
    return paths


def _collect(owner, prefix, paths, seen):
    counts, layers = {}, ()
    is_model = hasattr(owner, "counters")
    made = owner.built or not is_model
    if is_model:
        layers = owner.layers if made else owner._described_layers()
    for layer in layers:
        stem = snake_case(type(layer).__name__)
        count = counts[stem] = counts.get(stem, -1) + 1
        stem = f"{stem}_{count}" if count else stem
        if made or hasattr(layer, "counters"):
            _collect(layer, f"{prefix}{stem}/", paths, seen)
    for i, variable in enumerate(owner.weights if made else ()):
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
        warn(message + "; the layers concerned are skipped")
    layers = {path.rpartition("/")[0] for path in wrong}
    taken = {path: v for path, v in paths.items() if path.rpartition("/")[0] not in layers}
    values = {path: _as_type(weights[path], v.dtype, path) for path, v in taken.items()}
    for path, variable in taken.items():
        variable.assign(values[path])


def _as_type(array, dtype, path):
    """Return an array of weights in a data type, if all of them are numbers in it."""
    if array.dtype == dtype:
        return array
    if array.dtype.kind == "f":
        with np.errstate(over="ignore"):
            cast = array.astype(dtype)
        if np.isfinite(cast).all():
            return cast
    raise FileError(f"weights: {path!r} are {array.dtype} in the file, too large for {dtype}")


def reduced(model):
    """Return how pickle and copy make a model again, by reference to user-defined classes."""
    with custom.by_reference() as references:
        document, arrays = snapshot(model)
    return _again, (document, arrays, references), model.__getstate__()


def _again(document, arrays, references):
    with custom.custom_object_scope(references):
        return model_from(document, arrays, trusted=True)


# -- a run of training ------------------------------------------------------------------------


def packed(value, arrays):
    """Return nested plain data as JSON; move the arrays in it into a dict of them by name."""
    if isinstance(value, np.ndarray) and value.ndim and value.dtype.kind in "biuf":
        name = f"{RUN}{len(arrays)}"
        arrays[name] = np.array(value)
        return {"array": name}
    if isinstance(value, (np.generic, np.ndarray)) and value.ndim == 0:
        value = value.item()
    if isinstance(value, float) and not np.isfinite(value):
        return {"float": repr(value)}
    if isinstance(value, dict) and all(isinstance(k, (str, int, float)) for k in value):
        return {"items": [[k, packed(v, arrays)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return [packed(v, arrays) for v in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise DataTypeError(
        "state: expected numbers, strings, None, arrays of numbers, and lists and dicts of "
        f"such, got {value!r}; see Callback.state_names"
    )


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
