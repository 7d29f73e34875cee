"""Models and weights into files and back."""

import contextlib

from fastgd._data.validation import boolean
from fastgd._registry import custom
from fastgd.errors import FileError
from fastgd.saving import container, files, state


def save_model(model, filepath, overwrite=True, zipped=None):
    """Write a model into one file: what it is, its weights, and how far its training has come.

    The file is in the safetensors format; it holds data only, a checksum over all of it, and is
    written so that a crash at any moment leaves the old file or the new one.

    Parameters
    ----------
    model : Model
    filepath : str, path-like or an object with ``write``
        Under any name; ``.keras`` does as well as ``.safetensors``.
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
    OSError
        As the system says; then an old file is there as it was.

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
    overwrite = boolean(overwrite, "overwrite")
    document = state.document_of(model)
    files.write(filepath, container.pack(document, state.arrays_of(model)), overwrite)


def load_model(filepath, custom_objects=None, compile=True, safe_mode=True):
    """The model in a file of ``save_model``; training goes on to the bit.

    Parameters
    ----------
    filepath : str, path-like or an object with ``read``
    custom_objects : dict, optional
        Name -> class or function, for those of your own that are not registered.
    compile : bool
        Whether the model is compiled as it was; without it there is no optimizer and no state.
    safe_mode : bool
        Accepted as in Keras. Nothing in a file is ever executed.

    Raises
    ------
    FileNotFoundError
    FileError
        If the file is damaged, cut short, not a model of fastgd, or of a newer format.
    UnknownNameError
        For a class or function that is not known here; says how to register it.
    """
    boolean(safe_mode, "safe_mode")
    document, arrays = container.unpack(files.read(filepath), filepath)
    with custom.custom_object_scope(custom_objects), _naming(filepath):
        return state.model_from(document, arrays, boolean(compile, "compile"))


def save_weights(model, filepath, overwrite=True, max_shard_size=None):
    """Write the weights of a model into a file, without its configuration.

    Parameters
    ----------
    model : Model
    filepath : str, path-like or an object with ``write``
    overwrite : bool
        Whether a file of that name may be replaced.
    max_shard_size : None
        Accepted as in Keras; it is always one file.

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    FileExistsError, OSError
        As ``save_model``.
    """
    overwrite = boolean(overwrite, "overwrite")
    model.network()
    files.write(filepath, container.pack({}, state.weights_of(model)), overwrite)


def load_weights(model, filepath, skip_mismatch=False):
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
        If the weights do not fit; lists them, and changes nothing.
    FileError, FileNotFoundError
        As ``load_model``.
    """
    model.network()
    _, arrays = container.unpack(files.read(filepath), filepath)
    state.assign(
        model, state.part(arrays, state.WEIGHTS), boolean(skip_mismatch, "skip_mismatch")
    )


def save_state(model, filepath, overwrite=True):
    """Write weights, the optimizer's state and counters, without the configuration.

    For checkpoints of a program that makes its model itself: with ``load_state`` training goes
    on to the bit, and no class has to be registered.

    Parameters
    ----------
    model : Model
    filepath : str, path-like or an object with ``write``
    overwrite : bool
        Whether a file of that name may be replaced.

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    FileExistsError, OSError
        As ``save_model``.
    """
    overwrite = boolean(overwrite, "overwrite")
    model.network()
    document = {"training": state.counters_of(model)}
    files.write(filepath, container.pack(document, state.arrays_of(model)), overwrite)


def load_state(model, filepath):
    """Bring a model back to where it was when ``save_state`` or ``save_model`` wrote a file.

    Parameters
    ----------
    model : Model
        Of the same layers and compiled with the same optimizer.
    filepath : str, path-like or an object with ``read``

    Raises
    ------
    NotBuiltError
        If the model has no weights yet.
    ShapeError, FileError
        If weights or optimizer do not fit; changes nothing.
    FileError, FileNotFoundError
        As ``load_model``.
    """
    model.network()
    document, arrays = container.unpack(files.read(filepath), filepath)
    with _naming(filepath):
        state.restore(model, document, arrays)


@contextlib.contextmanager
def _naming(filepath):
    """Within it, a FileError gets the name of the file."""
    try:
        yield
    except FileError as error:
        raise FileError(f"{filepath}: {error}") from None
