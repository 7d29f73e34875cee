"""Which classes and functions a configuration may name, and under which names.

A configuration is data: a name in it is looked up here and nowhere else. Nothing but fastgd's
own modules is imported, and no code is read from a file.
"""

import contextlib
import contextvars
import functools
import importlib
import inspect

from fastgd.errors import ArgumentError, UnknownNameError

#: The modules below ``fastgd`` whose public classes and functions may be named.
FAMILIES = (
    "activations", "constraints", "initializers", "layers", "losses", "metrics", "models",
    "optimizers", "optimizers.schedules", "regularizers",
)  # fmt: skip
#: Those whose functions may be named too; elsewhere functions make something.
_OF_FUNCTIONS = ("activations", "losses", "metrics")
_HELPERS = {"get", "serialize", "deserialize"}

_registered = {}  # "package>name" -> class or function
_scope = contextvars.ContextVar("custom objects", default=None)
_references = contextvars.ContextVar("references", default=None)


@functools.cache
def family(name):
    """The public classes and functions of a family, which this loads: name -> object."""
    module = importlib.import_module(f"fastgd.{name}")
    return {
        key: value
        for key, value in vars(module).items()
        if not key.startswith("_")
        and key not in _HELPERS
        and (inspect.isclass(value) or (inspect.isfunction(value) and name in _OF_FUNCTIONS))
        and f"{value.__module__}.".startswith(f"fastgd.{name}.")
    }


def register_serializable(package="Custom", name=None):
    """A decorator: let configurations and model files name a class or function of your own.

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

    def register(thing):
        key = f"{package}>{name or thing.__name__}"
        if inspect.isclass(thing) and not hasattr(thing, "get_config"):
            raise ArgumentError(f"{thing.__name__}: a class needs get_config to be saved")
        other = _registered.get(key, thing)
        if _place(other) != _place(thing):  # a cell of a notebook may run again
            raise ArgumentError(f"name: {key!r} stands for {_place(other)} already")
        _registered[key] = thing
        return thing

    return register


def _place(thing):
    return f"{thing.__module__}.{thing.__qualname__}"


def get_registered_name(obj):
    """The name under which a class or function was registered; its own where it was not."""
    return next((key for key, value in _registered.items() if value is obj), obj.__name__)


def get_registered_object(name, custom_objects=None):
    """What was registered under a name or stands in ``custom_objects``; None if nothing."""
    for table in (custom_objects, _scope.get(), _registered):
        if table and name in table:
            return table[name]
    return None


def get_custom_objects():
    """All that was registered: a dict of ``"package>name"`` -> class or function."""
    return _registered


@contextlib.contextmanager
def custom_object_scope(custom_objects):
    """Within it, configurations may also name these: a dict of name -> class or function.

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
    token = _scope.set({**(_scope.get() or {}), **(custom_objects or {})})
    try:
        yield
    finally:
        _scope.reset(token)


@contextlib.contextmanager
def by_reference():
    """Within it, names are given to objects of the user's own, which the dict that it yields
    holds: for a copy, which lives beside them, or a pickle, which knows how to find them."""
    token = _references.set({})
    try:
        yield _references.get()
    finally:
        _references.reset(token)


def reference(thing):
    """The name for a thing in the dict of ``by_reference``; None outside."""
    references = _references.get()
    if references is None:
        return None
    known = (key for key, value in references.items() if value is thing)
    key = next(known, f"reference>{len(references)}")
    references[key] = thing
    return key


def named(thing):
    """How a configuration names a class or function: a dict of module and name."""
    name = thing.__name__
    module = getattr(thing, "__module__", None)
    for key in reversed(FAMILIES):
        if f"{module}.".startswith(f"fastgd.{key}.") and family(key).get(name) is thing:
            return {"module": f"fastgd.{key}", "name": name, "registered_name": None}
    registered = reference(thing) or get_registered_name(thing)
    if registered == "<lambda>":
        raise ArgumentError(
            "a lambda cannot be saved: give it a name with def, and register it with "
            "fastgd.saving.register_serializable"
        )
    return {"module": module, "name": name, "registered_name": registered}


def find(module, name, registered_name):
    """The class or function that a configuration names.

    Raises
    ------
    UnknownNameError
        Saying how to register it.
    """
    first, _, rest = str(module).partition(".")
    found = family(rest).get(name) if first == "fastgd" and rest in FAMILIES else None
    for key in (registered_name, name):
        if found is None and isinstance(key, str):
            found = get_registered_object(key)
    if found is None:
        raise UnknownNameError(
            f"config: no class or function {name!r} (of module {module!r}) is known here. If "
            "it is one of your own, put @fastgd.saving.register_serializable() before its "
            f"definition, or pass custom_objects={{{name!r}: ...}}"
        )
    return found
