"""User-defined classes and functions that a configuration may name.

A configuration is data: its names are looked up in the registries of fastgd and in the tables
of this module, and nowhere else. No code is read from a file.
"""

import contextlib
import contextvars
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from fastgd._typing import CustomObjects
from fastgd.errors import ArgumentError, DataTypeError

Thing = TypeVar("Thing", bound=Callable[..., Any])

_registered: dict[str, Callable[..., Any]] = {}  # "package>name" -> class or function
_scope = contextvars.ContextVar[CustomObjects | None]("custom objects", default=None)
_references = contextvars.ContextVar[dict[str, Any] | None]("references", default=None)


def register_serializable(package: str = "Custom",
                          name: str | None = None) -> Callable[[Thing], Thing]:  # fmt: skip
    """Decorate a class or function of your own that configurations and model files may name.

    Parameters
    ----------
    package : str
        Tells apart what different packages call the same.
    name : str, optional
        The name of the class or function by default.

    Raises
    ------
    ArgumentError
        For a class without ``get_config``, or if something else bears the name.

    Examples
    --------
    >>> from fastgd import initializers, saving
    >>> @saving.register_serializable(package="docs")
    ... class Halves(initializers.Initializer):
    ...     def values(self, shape):
    ...         return 0.5 * initializers.Ones().values(shape)
    >>> config = saving.serialize_object(Halves())
    >>> config["registered_name"]
    'docs>Halves'
    >>> saving.deserialize_object(config)((2,), dtype="float64")
    array([0.5, 0.5])
    """

    def register(thing: Thing) -> Thing:
        key = f"{package}>{name or thing.__name__}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ArgumentError(f"{thing.__name__}: a class needs get_config to be saved")
        other = _registered.get(key, thing)
        if _path(other) != _path(thing):  # a cell of a notebook may run again
            raise ArgumentError(
                f"name: {key!r} stands for {_path(other)} already; choose another name"
            )
        _registered[key] = thing
        return thing

    return register


def _path(thing):
    return f"{thing.__module__}.{thing.__qualname__}"


def get_registered_name(obj: Callable[..., Any]) -> str:
    """Return the name that a class or function was registered under, else its own.

    Raises
    ------
    DataTypeError
        If it has no name.
    """
    known = (key for key, value in _registered.items() if value is obj)
    name = next(known, getattr(obj, "__name__", None))
    if name is None:
        raise DataTypeError(f"obj: expected a class or function, got {obj!r}")
    return name


def get_registered_object(name: str, custom_objects: CustomObjects | None = None) -> Any:
    """Return what a name stands for in ``custom_objects`` or by registration, else None."""
    if not isinstance(name, str):
        raise DataTypeError(f"name: expected a string, got {name!r}")
    with custom_object_scope(custom_objects):
        return {**_registered, **(_scope.get() or {})}.get(name)


def get_custom_objects() -> dict[str, Callable[..., Any]]:
    """Return all that was registered: a dict of ``"package>name"`` -> class or function."""
    return _registered


@contextlib.contextmanager
def custom_object_scope(custom_objects: CustomObjects | None) -> Iterator[None]:
    """Let configurations name more classes and functions within a ``with`` block.

    Parameters
    ----------
    custom_objects : dict of str -> class or function, or None

    Examples
    --------
    >>> from fastgd import initializers, saving
    >>> class Thirds(initializers.Constant):
    ...     pass
    >>> config = saving.serialize_object(Thirds(1 / 3))
    >>> with saving.custom_object_scope({"Thirds": Thirds}):
    ...     saving.deserialize_object(config).value
    0.3333333333333333
    """
    if custom_objects is not None and not isinstance(custom_objects, Mapping):
        raise DataTypeError(
            "custom_objects: expected a dict of name -> class or function, "
            f"got {custom_objects!r}"
        )
    token = _scope.set({**(_scope.get() or {}), **(custom_objects or {})})
    try:
        yield
    finally:
        _scope.reset(token)


@contextlib.contextmanager
def by_reference() -> Iterator[dict[str, Any]]:
    """Give user-defined objects names in a dict, which is yielded: copies share them."""
    references: dict[str, Any] = {}
    token = _references.set(references)
    try:
        yield references
    finally:
        _references.reset(token)


def reference(thing: Any) -> str | None:
    """Return the name of an object in the dict of ``by_reference``; None outside."""
    references = _references.get()
    if references is None:
        return None
    known = (key for key, value in references.items() if value is thing)
    key = next(known, f"reference>{len(references)}")
    references[key] = thing
    return key
