"""Models and weights into files and back, and models as data, with Keras' names."""

import os
from collections.abc import Callable
from typing import IO, TYPE_CHECKING, Any, TypeAlias

import numpy as np

from fastgd._data.validation import boolean
from fastgd._registry.advice import explain
from fastgd._registry.custom import (
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_serializable,
)
from fastgd._registry.objects import Serializable, deserialize_object, serialize_object
from fastgd._typing import CustomObjects
from fastgd.errors import DataTypeError, ShapeError
from fastgd.saving import container, state

# Keras' words for them
CustomObjectScope = custom_object_scope
register_keras_serializable = register_serializable
serialize_keras_object = serialize_object
deserialize_keras_object = deserialize_object

__all__ = [
    "CustomObjectScope", "Serializable", "custom_object_scope", "deserialize_keras_object",
    "deserialize_object", "get_custom_objects", "get_registered_name", "get_registered_object",
    "load_model", "load_state", "load_weights", "register_keras_serializable",
    "register_serializable", "save_model", "save_state", "save_weights",
    "serialize_keras_object", "serialize_object",
]  # fmt: skip

File: TypeAlias = str | bytes | os.PathLike[Any] | IO[bytes]


def save_model(model: Any, filepath: File, overwrite: bool = True,
               zipped: bool | None = None) -> None:  # fmt: skip
    """Write a model into one file: its configuration, weights and state of training.

    The file is in the safetensors format. It holds data only, with a checksum over all of it,
    and is written so that a crash at any moment leaves the old file or the new one.

    Parameters
    ----------
    model : Model or LinearModel
    filepath : str, path-like or an object with ``write``
        Any name will do, ``.keras`` as well as ``.safetensors``.
    overwrite : bool
        Whether a file of that name may be replaced.
    zipped : None
        Accepted as in Keras; it is always one file.

    Raises
    ------
    FileExistsError
        If there is a file and ``overwrite`` is False.
    DataTypeError, ArgumentError
        For an object in the model that has no ``get_config``, or a lambda.
    DataError
        If a weight is NaN or infinite.
    OSError
        From the system; an old file is left as it was.

    Examples
    --------
    >>> import io
    >>> from fastgd import Sequential, layers, saving
    >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
    >>> file = io.BytesIO()
    >>> saving.save_model(model, file)
    >>> _ = file.seek(0)
    >>> bool((saving.load_model(file).parameters == model.parameters).all())
    True
    """
    _check_model(model, "saved_parts")
    _write(filepath, overwrite, *state.snapshot(model))


def load_model(filepath: File, custom_objects: CustomObjects | None = None,
               compile: bool = True, safe_mode: bool = True) -> Any:  # fmt: skip
    """Return the model in a file of ``save_model``; its training resumes bit for bit.

    Parameters
    ----------
    filepath : str, path-like or an object with ``read``
    custom_objects : dict, optional
        Name -> your own class or function, if it is not registered.
    compile : bool
        Whether the model is compiled as it was; without it there is no optimizer and no state.
    safe_mode : bool
        Accepted as in Keras. Nothing in a file is ever executed.

    Raises
    ------
    FileNotFoundError
    FileError
        If the file is damaged, cut short, not a model of fastgd, or of a newer format; if it
        describes more than it holds, or if a weight is NaN or infinite.
    UnknownNameError
        For a class or function that is not known here, with the way to register it.
    """
    boolean(safe_mode, "safe_mode")
    document, arrays = container.unpack(container.read(filepath), filepath)
    with custom_object_scope(custom_objects), container.errors_of(filepath):
        return state.model_from(document, arrays, boolean(compile, "compile"))


def save_weights(model: Any, filepath: File, overwrite: bool = True,
                 max_shard_size: float | None = None) -> None:  # fmt: skip
    """Write the weights of a model into a file, without its configuration.

    Parameters
    ----------
    model, filepath, overwrite
        As for ``save_model``.
    max_shard_size : None
        Accepted as in Keras; it is always one file.

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    FileExistsError, OSError
        As ``save_model``.
    """
    _check_model(model)
    model.assembly()
    with model.between_steps():
        weights = {name: np.array(array) for name, array in state.weights_of(model).items()}
    _write(filepath, overwrite, {}, weights)


def load_weights(model: Any, filepath: File, skip_mismatch: bool = False) -> None:
    """Give a model the weights in a file of ``save_weights`` or ``save_model``.

    Parameters
    ----------
    model : Model
    filepath : str, path-like or an object with ``read``
    skip_mismatch : bool
        Whether layers that do not fit keep the weights they have, with a warning.

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    ShapeError
        If weights do not fit; the message lists them, and nothing is changed.
    FileError, FileNotFoundError
        As ``load_model``.
    """
    _check_model(model)
    model.assembly()
    _, arrays = container.unpack(container.read(filepath), filepath)
    weights = state.part(arrays, container.WEIGHTS)
    with container.errors_of(filepath, ShapeError):
        state.assign(model, weights, boolean(skip_mismatch, "skip_mismatch"))


def save_state(model: Any, filepath: File, overwrite: bool = True) -> None:
    """Write weights, state of training and names of columns, without the configuration.

    This is for checkpoints of a program that makes its model itself: with ``load_state``
    training resumes bit for bit, and no class has to be registered.

    Parameters
    ----------
    model, filepath, overwrite
        As for ``save_model``.

    Raises
    ------
    NotBuiltError, FileExistsError, OSError
        As ``save_weights``.
    """
    _check_model(model)
    model.assembly()
    _write(filepath, overwrite, *state.snapshot(model, state.progress_of))


def load_state(model: Any, filepath: File) -> None:
    """Give a model the state of training in a file of ``save_state`` or ``save_model``.

    Parameters
    ----------
    model : Model
        With the same layers, and compiled with the same optimizer.
    filepath : str, path-like or an object with ``read``

    Raises
    ------
    ShapeError, FileError
        If weights or optimizer do not fit; nothing is changed.
    NotBuiltError, FileNotFoundError
        As ``load_weights``.
    """
    _check_model(model)
    model.assembly()
    document, arrays = container.unpack(container.read(filepath), filepath)
    with container.errors_of(filepath, ShapeError):
        state.restore(model, document, arrays)


def save_run(model: Any, filepath: File, run: Any) -> None:
    """Write what ``save_state`` writes, and the state of a run of training beside it.

    Parameters
    ----------
    model, filepath
        As for ``save_state``.
    run : dict, list, str, number, None or ndarray, nested
    """
    document, arrays = state.snapshot(model, state.progress_of)
    document["run"] = state.packed(run, arrays)
    _write(filepath, True, document, arrays)


def load_run(model: Any, filepath: File, resume: Callable[[Any], None]) -> None:
    """Give a model the state in a file of ``save_run``.

    Parameters
    ----------
    model, filepath
        As for ``load_state``, whose errors it raises.
    resume : function of (run)
        Takes the state of the run; where it raises an error, the model stays as it was.
    """
    document, arrays = container.unpack(container.read(filepath), filepath)
    with container.errors_of(filepath, ShapeError):
        run = state.unpacked(document["run"], arrays)
    resume(run)
    with container.errors_of(filepath, ShapeError):
        state.restore(model, document, arrays)


def _check_model(model, also="counters"):
    if not hasattr(model, "counters") and not hasattr(model, also):
        raise DataTypeError(f"model: expected a model of fastgd, got {model!r}")


def _write(filepath, overwrite, document, arrays):
    container.write(filepath, container.pack(document, arrays), boolean(overwrite, "overwrite"))


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
