"""What a model is, as a document and arrays, and a model from them."""

import warnings

import numpy as np

from fastgd._names import snake_case
from fastgd.errors import FileError, ShapeError
from fastgd.saving import registry
from fastgd.saving.objects import deserialize_object, serialize_object

WEIGHTS, OPTIMIZER = "weights/", "optimizer/"


def document_of(model):
    """What is kept of a model beside arrays."""
    training = {name: getattr(model, name) for name in model.counters}
    return {"model": serialize_object(model), "training": training}


def arrays_of(model):
    """The arrays of a model and of its optimizer by name: views, where they lie in memory."""
    if not model.built:
        return {}
    arrays = weights_of(model)
    if model.optimizer is not None:
        state = model.optimizer.state_arrays(model.parameters)
        arrays |= {OPTIMIZER + name: array for name, array in state.items()}
    return arrays


def weights_of(model):
    """The arrays of a model's weights by name."""
    return {WEIGHTS + path: v.value for path, v in weight_paths(model).items()}


def model_from(document, arrays, compile=True):
    """The model that a document and arrays describe.

    Raises
    ------
    FileError
        If the document is not that of a model.
    """
    try:
        entry, training = dict(document["model"]), dict(document["training"])
    except (KeyError, TypeError, ValueError):
        raise FileError("the file holds weights alone, or no model of fastgd") from None
    if not compile:
        entry.pop("compile_config", None)
    model = deserialize_object(entry)
    if not hasattr(model, "counters"):
        raise FileError(f"the file describes no model, but {model!r}")
    weights = part(arrays, WEIGHTS)
    if weights:
        assign(model, weights)
    kept = part(arrays, OPTIMIZER)
    if kept and model.optimizer is not None:
        _load_optimizer(model.optimizer, model.parameters, kept)
    for name in model.counters:
        if not isinstance(training.get(name), int):
            raise FileError(f"the file has no count of {name}, but {training.get(name)!r}")
        setattr(model, name, training[name])
    return model


def part(arrays, prefix):
    return {k.removeprefix(prefix): a for k, a in arrays.items() if k.startswith(prefix)}


def _load_optimizer(optimizer, vector, arrays):
    """Give an optimizer what it kept for a vector."""
    own = optimizer.state_arrays(vector)
    seen, expected = ({n: (a.shape, a.dtype) for n, a in d.items()} for d in (arrays, own))
    if seen != expected:
        raise FileError(f"the optimizer's state is {seen} in the file, expected {expected}")
    optimizer.load_state_arrays(vector, arrays)


def weight_paths(model):
    """The weights by layer and name: a dict of path -> Variable.

    As in Keras a layer goes by its class and, where there are more of a class, by a number
    within the model. So the paths are the same in every process, whatever names the layers were
    given.
    """
    paths = {}
    _collect(model, "", paths, set())
    return paths


def _collect(owner, prefix, paths, seen):
    counts = {}
    for layer in getattr(owner, "layers", []):
        stem = snake_case(type(layer).__name__)
        count = counts[stem] = counts.get(stem, -1) + 1
        _collect(
            layer, f"{prefix}{stem}_{count}/" if count else f"{prefix}{stem}/", paths, seen
        )
    for i, variable in enumerate(owner.weights):
        if id(variable) not in seen:
            seen.add(id(variable))
            path = prefix + variable.name.rpartition("/")[2]
            paths[f"{path}_{i}" if path in paths else path] = variable


def assign(model, weights, skip_mismatch=False):
    """Overwrite a model's weights by those of the same paths.

    Parameters
    ----------
    model : Model
    weights : dict of path -> ndarray
    skip_mismatch : bool
        Whether layers that do not fit keep what they have, with a warning.

    Raises
    ------
    ShapeError
        Before anything is changed, if not everything fits.
    """
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
    """How pickle and copy make a model again: by reference to classes of the user's own."""
    with registry.by_reference() as references:
        document = document_of(model)
    arrays = {name: np.array(array) for name, array in arrays_of(model).items()}
    return _again, (document, arrays, references), model.__getstate__()


def _again(document, arrays, references):
    with registry.custom_object_scope(references):
        return model_from(document, arrays)
