"""Objects as data and back: the form in which configurations are written as JSON.

A plain value stands for itself; an object is a dict that names its class and holds what its
``get_config`` gave. Keras' form, without any of its ways to run code.
"""

import inspect
import math

import numpy as np

from fastgd._registry import custom
from fastgd.errors import ArgumentError, DataTypeError, FastgdError


class Serializable:
    """What is made again from its ``get_config``."""

    @classmethod
    def from_config(cls, config):
        """The object for what ``get_config`` gave, as it is or read from JSON."""
        return cls(**deserialize_object(config))


def serialize_object(obj):
    """An object as plain data, which JSON can hold.

    Parameters
    ----------
    obj
        A number, string, None, array, list, tuple or dict of such; a class or function; or
        anything with ``get_config``.

    Raises
    ------
    DataTypeError
        If there is something else in it.

    Examples
    --------
    >>> from fastgd import initializers, saving
    >>> saving.serialize_object(initializers.Constant(2.0))["config"]
    {'value': 2.0}
    >>> saving.serialize_object((1, float("inf")))
    {'class_name': '__tuple__', 'items': [1, {'class_name': '__float__', 'config': 'inf'}]}
    """
    if isinstance(obj, np.generic):
        obj = obj.item()
    if obj is None or isinstance(obj, (bool, int, str)):
        return obj
    if isinstance(obj, float):  # JSON has no infinity and no NaN
        return obj if math.isfinite(obj) else _entry("__float__", repr(obj))
    if isinstance(obj, np.ndarray):
        value = serialize_object(obj.tolist())
        return _entry("__numpy__", {"value": value, "dtype": obj.dtype.name})
    if isinstance(obj, np.dtype):
        return obj.name
    if isinstance(obj, list):
        return _listed(obj)
    if isinstance(obj, tuple):
        return {"class_name": "__tuple__", "items": _listed(obj)}
    if isinstance(obj, dict):
        if not all(isinstance(key, str) for key in obj):
            raise DataTypeError(f"config: the keys of a dict are strings, got {list(obj)}")
        return {key: serialize_object(value) for key, value in obj.items()}
    return _serialized(obj)


def _listed(items):
    return [serialize_object(item) for item in items]


def _entry(class_name, config):
    return {"class_name": class_name, "config": config}


def _serialized(obj):
    is_class = inspect.isclass(obj)
    if is_class or (callable(obj) and hasattr(obj, "__name__")):
        named = custom.named(obj)
        kind = "__type__" if is_class else "function"
        return _placed(named, kind, named["name"])
    if not hasattr(obj, "get_config"):
        key = custom.reference(obj)
        if key is None:
            raise DataTypeError(
                f"config: {obj!r} cannot be saved: give {type(obj).__name__} a get_config"
            )
        return _entry("__object__", key)
    named = custom.named(type(obj))
    entry = _placed(named, named["name"], serialize_object(obj.get_config()))
    compiled = obj.get_compile_config() if hasattr(obj, "get_compile_config") else None
    return entry | ({"compile_config": compiled} if compiled else {})


def _placed(named, class_name, config):
    return {
        "module": named["module"],
        "class_name": class_name,
        "config": config,
        "registered_name": named["registered_name"],
    }


def deserialize_object(config, custom_objects=None):
    """What ``serialize_object`` was given; objects that are there already stay as they are.

    Parameters
    ----------
    config
        As ``serialize_object`` gave it.
    custom_objects : dict, optional
        Name -> class or function, for names that are not registered.

    Raises
    ------
    UnknownNameError
        For a class that is neither fastgd's nor registered.
    ArgumentError
        If a class does not take its config.
    """
    if custom_objects:
        with custom.custom_object_scope(custom_objects):
            return deserialize_object(config)
    if isinstance(config, list):
        return [deserialize_object(item) for item in config]
    if not isinstance(config, dict):
        return config
    if not _is_entry(config):
        return {key: deserialize_object(value) for key, value in config.items()}
    return _deserialized(config)


def _is_entry(config):
    """Whether a dict stands for an object, and is none of the user's own."""
    kind = config.get("class_name")
    return isinstance(kind, str) and (kind.startswith("__") or "module" in config)


def _deserialized(entry):
    kind = entry["class_name"]
    inner = entry.get("config")
    try:
        if kind == "__tuple__":
            return tuple(deserialize_object(entry["items"]))
        if kind == "__float__":
            return float(inner)
        if kind == "__numpy__":
            return np.array(deserialize_object(inner["value"]), dtype=inner["dtype"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArgumentError(f"config: {entry!r} is no {kind}") from error
    if kind == "__object__":
        return custom.find(None, inner, inner)
    name = inner if kind in ("function", "__type__") else kind
    found = custom.find(entry.get("module"), name, entry.get("registered_name"))
    if inspect.isclass(found) != (kind != "function"):
        raise ArgumentError(
            f"config: {name!r} is a {type(found).__name__}, which was not meant"
        )
    return found if kind in ("function", "__type__") else _made(found, entry)


def _made(cls, entry):
    """An object of a class, by its config."""
    config = entry.get("config")
    if not isinstance(config, dict):
        raise ArgumentError(f"config: that of {cls.__name__} is no dict: {config!r}")
    config = deserialize_object(config)
    try:
        obj = cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)
        if entry.get("compile_config"):
            obj.compile_from_config(entry["compile_config"])
    except FastgdError:
        raise
    except (TypeError, KeyError) as error:
        raise ArgumentError(
            f"config: {cls.__name__} cannot be made from {config!r}: {error}"
        ) from error
    return obj
