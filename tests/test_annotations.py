"""Every public function, method and property says what it takes and what it returns."""

import importlib
import inspect
import pkgutil

import pytest

import fastgd

pytest.importorskip("sklearn")

OWN = "fastgd."


def public_modules():
    """Return the modules that a user may import: without private names, bench aside."""
    found = [fastgd]
    for info in pkgutil.walk_packages(fastgd.__path__, OWN):
        parts = info.name.split(".")[1:]
        if any(part.startswith("_") for part in parts) or parts[0] in ("bench", "reference"):
            continue
        found.append(importlib.import_module(info.name))
    return found


def functions_of(thing, name):
    """Yield (name, function) of a function, or of what a class defines in public."""
    if inspect.isfunction(thing):
        yield name, thing
    if not inspect.isclass(thing):
        return
    for key, value in vars(thing).items():
        if key.startswith("_") and key not in ("__init__", "__call__"):
            continue
        if isinstance(value, property):
            value = value.fget
        value = inspect.unwrap(getattr(value, "__func__", value))
        if inspect.isfunction(value) and value.__module__.startswith(OWN):
            yield f"{name}.{key}", value


def public_functions():
    """Return name -> function: all that the modules list in ``__all__``."""
    found = {}
    for module in public_modules():
        for name in getattr(module, "__all__", ()):
            thing = getattr(module, name)
            if getattr(thing, "__module__", "").startswith(OWN):
                found |= {
                    f"{function.__module__}.{function.__qualname__}": function
                    for _, function in functions_of(thing, name)
                }
    return found


FUNCTIONS = public_functions()
ROOMS = sorted({name.split(".")[1] for name in FUNCTIONS})


def missing(function):
    """Return what a signature leaves open."""
    signature = inspect.signature(function)
    open_ = [
        name
        for place, (name, parameter) in enumerate(signature.parameters.items())
        if parameter.annotation is parameter.empty
        and not (place == 0 and name in ("self", "cls"))
    ]
    if signature.return_annotation is signature.empty and function.__name__ != "__init__":
        open_.append("return")
    return open_


def test_there_are_public_functions():
    assert len(FUNCTIONS) > 500


@pytest.mark.parametrize("room", ROOMS)
def test_public_signatures_are_annotated(room):
    found = {
        name: missing(function)
        for name, function in FUNCTIONS.items()
        if name.split(".")[1] == room
    }
    assert {name: open_ for name, open_ in found.items() if open_} == {}
