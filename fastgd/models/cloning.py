"""Make models from models, and from JSON."""

import json
from collections.abc import Callable
from typing import Any

from fastgd._registry.objects import deserialize_object
from fastgd._typing import CustomObjects
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.layers import InputLayer


def model_from_json(json_string: str, custom_objects: CustomObjects | None = None) -> Any:
    """Return the model, with fresh weights, that ``model.to_json()`` describes.

    Parameters
    ----------
    json_string : str
    custom_objects : dict, optional
        Name -> class or function, for custom ones that are not registered.

    Raises
    ------
    ArgumentError
        If it is no JSON, or does not describe a model.

    Examples
    --------
    >>> from fastgd import Sequential, layers, models
    >>> model = Sequential([layers.Dense(1, input_shape=(2,), name="only")])
    >>> models.model_from_json(model.to_json()).layers[0].kernel.shape
    (2, 1)
    """
    try:
        config = json.loads(json_string)
    except (ValueError, TypeError, RecursionError) as error:
        raise ArgumentError(f"json_string: no JSON: {error}") from None
    model = deserialize_object(config, custom_objects)
    if not hasattr(model, "to_json"):
        raise ArgumentError(f"json_string: it describes no model, but {model!r}")
    return model


def clone_model(model: Any, input_tensors: None = None,
                clone_function: Callable[..., Any] | None = None, call_function: None = None,
                recursive: bool = False) -> Any:  # fmt: skip
    """Return a model of the same layers, with fresh weights; not compiled.

    Names of columns and ranges of data stay.

    Parameters
    ----------
    model : Model
    input_tensors, call_function
        Accepted as in Keras; have to be None: call the clone on other tensors instead.
    clone_function : function, optional
        Makes a layer of the new model from one of the old; by default from its config.
    recursive : bool
        Call `clone_function` for the layers of inner models, not for the models.

    Examples
    --------
    >>> from fastgd import Sequential, layers, models
    >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
    >>> target = models.clone_model(model)
    >>> target.set_weights(model.get_weights())
    >>> bool((target.parameters == model.parameters).all())
    True
    """
    if not hasattr(model, "get_config"):
        raise DataTypeError(f"model: expected a model, got {model!r}")
    for name, value in {"input_tensors": input_tensors, "call_function": call_function}.items():
        if value is not None:
            raise ArgumentError(f"{name}: not supported; call the clone on tensors instead")
    if clone_function is not None and not callable(clone_function):
        raise DataTypeError(f"clone_function: expected a function, got {clone_function!r}")
    config = model.get_config()
    if clone_function is not None and "layers" not in config:
        raise ArgumentError(
            f"clone_function: {type(model).__name__} makes its layers itself, in __init__"
        )
    if clone_function is not None:
        old = {layer.name: layer for layer in model.layers}
        config["layers"] = [
            _cloned(entry, old, clone_function, recursive) for entry in config["layers"]
        ]
    clone = type(model).from_config(config)
    clone.feature_names, clone.ranges = model.feature_names, model.ranges
    return clone


def _cloned(entry, layers, clone_function, recursive):
    """Return the clone for an entry of a config; an input stays."""
    layer = layers.get(entry["config"].get("name"))
    if recursive and hasattr(layer, "layers"):
        return clone_model(layer, clone_function=clone_function, recursive=True)
    return entry if layer is None or isinstance(layer, InputLayer) else clone_function(layer)
