"""The families of fastgd's classes and functions, as saved descriptions name them."""

import functools
import importlib
from typing import Any

from fastgd._registry import custom
from fastgd.errors import ArgumentError, UnknownNameError

#: The modules below ``fastgd`` that hold a ``REGISTRY`` of what may be named. A description
#: loads the one that it names, and no other module.
FAMILIES = (
    "activations", "constraints", "initializers", "layers", "losses", "metrics", "models",
    "optimizers", "optimizers.schedules", "regularizers",
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
    """Return the class or function that a description names.

    Raises
    ------
    UnknownNameError
        With the advice to register it.
    """
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
