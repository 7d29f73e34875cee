"""Objects as data and back: the form in which configurations are written as JSON.

A plain value stands for itself. An object is a dict with the name of its class and the result
of its ``get_config``, as in Keras, but nothing in it is ever executed.
"""

import functools
import importlib
import inspect
import math
from typing import Any, Self

import numpy as np

from fastgd._registry import custom
from fastgd._typing import Config, CustomObjects
from fastgd.errors import ArgumentError, DataTypeError, FastgdError, UnknownNameError

#: The modules below ``fastgd`` that hold a ``REGISTRY`` of what may be named. A description
#: loads the one that it names, and no other module.
FAMILIES = (
    "activations", "constraints", "initializers", "layers", "linear", "losses", "metrics",
    "models", "optimizers", "optimizers.schedules", "privacy", "regularizers",
)  # fmt: skip


@functools.cache
def members(family: str) -> dict[str, Any]:
    """Return the classes and functions of a family by the names that a description may use."""
    members: dict[str, Any] = importlib.import_module(f"fastgd.{family}").REGISTRY.members
    return members


def identify(thing: Any) -> tuple[str | None, str, str | None]:
    """Return how a description names a class or function: (module, name, registered name)."""
    name, module = thing.__name__, getattr(thing, "__module__", None)
    for family in reversed(FAMILIES):
        if f"{module}.".startswith(f"fastgd.{family}.") and members(family).get(name) is thing:
            return f"fastgd.{family}", name, None
    registered = custom.reference(thing) or custom.get_registered_name(thing)
    if registered == "<lambda>":
        raise ArgumentError(
            "a lambda cannot be saved: give it a name with def, and register it with "
            "fastgd.saving.register_serializable"
        )
    return module, name, registered


def find(module: Any, name: Any, registered_name: Any) -> Any:
    """Return the class or function that a description names."""
    first, _, family = str(module).partition(".")
    found = members(family).get(name) if first == "fastgd" and family in FAMILIES else None
    for key in (registered_name, name):
        if found is None and isinstance(key, str):
            found = custom.get_registered_object(key)
    if found is None:
        raise UnknownNameError(
            f"config: no class or function {name!r} (of module {module!r}) is known here. If "
            "it is one of your own, put @fastgd.saving.register_serializable() before its "
            f"definition, or pass custom_objects={{{name!r}: ...}}"
        )
    return found


class Serializable:
    """An object that is made again from its ``get_config``."""

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Return the object for the result of ``get_config``, also if read from JSON."""
        return cls(**checked_config(config))


def checked_config(config: Any, custom_objects: CustomObjects | None = None) -> Config:
    """Return a config with the objects that it describes; DataTypeError if it is no dict."""
    if not isinstance(config, dict) or not all(isinstance(key, str) for key in config):
        raise DataTypeError(f"config: expected a dict, as get_config gives, got {config!r}")
    return {key: deserialize_object(value, custom_objects) for key, value in config.items()}


def argument_names(cls: type) -> tuple[str, ...]:
    """Return the names of the arguments of a class of fastgd, or of the one that it extends."""
    return _names(next(base for base in cls.__mro__ if base.__module__.startswith("fastgd.")))


@functools.cache
def _names(cls):
    parameters = inspect.signature(cls).parameters.values()
    return tuple(p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD)


def serialize_object(obj: Any) -> Any:
    """Return an object as plain data, which JSON can hold.

    Parameters
    ----------
    obj
        A number, string, None, array, list, tuple or dict of such; a class or function; or
        an object with ``get_config``.

    Raises
    ------
    DataTypeError
        If there is anything else in it.

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
    if isinstance(obj, (list, tuple)):
        items = [serialize_object(item) for item in obj]
        return items if isinstance(obj, list) else {"class_name": "__tuple__", "items": items}
    if isinstance(obj, dict):
        if not all(isinstance(key, str) for key in obj):
            raise DataTypeError(f"config: the keys of a dict are strings, got {list(obj)}")
        return {key: serialize_object(value) for key, value in obj.items()}
    return _serialized(obj)


def _entry(class_name, config):
    return {"class_name": class_name, "config": config}


def _serialized(obj):
    is_class = inspect.isclass(obj)
    is_named = is_class or (callable(obj) and hasattr(obj, "__name__"))
    if not is_named and not hasattr(obj, "get_config"):
        key = custom.reference(obj)
        if key is None:
            raise DataTypeError(
                f"config: {obj!r} cannot be saved: give {type(obj).__name__} a get_config"
            )
        return _entry("__object__", key)
    module, name, registered_name = identify(obj if is_named else type(obj))
    if is_named:
        entry = _entry("__type__" if is_class else "function", name)
    else:
        entry = _entry(name, serialize_object(obj.get_config()))
    entry = {"module": module, **entry, "registered_name": registered_name}
    if not is_named and hasattr(obj, "get_compile_config") and (c := obj.get_compile_config()):
        entry["compile_config"] = c
    return entry


def deserialize_object(config: Any, custom_objects: CustomObjects | None = None) -> Any:
    """Return the object that ``serialize_object`` described; objects stay as they are.

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
    if custom_objects is not None:
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
    """Return whether a dict describes an object; otherwise it is a plain dict."""
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
            dtype = np.dtype(inner["dtype"])
            if dtype.kind not in "biufcO":  # the length of others is in their name
                raise TypeError(f"data type {dtype}")
            return np.array(deserialize_object(inner["value"]), dtype=dtype)
    except FastgdError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(f"config: {entry!r} is no {kind}") from error
    if kind == "__object__":
        return find(None, inner, inner)
    name = inner if kind in ("function", "__type__") else kind
    found = find(entry.get("module"), name, entry.get("registered_name"))
    if inspect.isclass(found) != (kind != "function"):
        raise ArgumentError(
            f"config: {name!r} is a {type(found).__name__}, expected "
            f"{'a function' if kind == 'function' else 'a class'}"
        )
    return found if kind in ("function", "__type__") else _make(found, entry)


def _make(cls, entry):
    """Return an object of a class by its config."""
    config = entry.get("config")
    if not isinstance(config, dict):
        raise ArgumentError(f"config: that of {cls.__name__} is no dict: {config!r}")
    config = deserialize_object(config)
    try:
        obj = cls.from_config(config) if hasattr(cls, "from_config") else cls(**config)
        if entry.get("compile_config"):
            obj.compile_from_config(entry["compile_config"])
    except (FastgdError, Warning):
        raise
    except Exception as error:  # the config may hold anything
        raise ArgumentError(
            f"config: {cls.__name__} cannot be made from {config!r}: {error}"
        ) from error
    return obj
