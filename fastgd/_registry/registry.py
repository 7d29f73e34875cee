"""The classes and functions of a family by name, and objects made from descriptions."""

import functools
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from fastgd._registry import custom
from fastgd._registry.names import lookup, snake_case
from fastgd._registry.objects import Serializable, deserialize_object
from fastgd._typing import Config, CustomObjects
from fastgd.errors import ArgumentError, DataTypeError

Things = Iterable[Callable[..., Any]]


class Registry:
    """The classes and functions of a family by the names that strings and descriptions use.

    Each module of `objects.FAMILIES` holds one, as ``REGISTRY``. `argument` is the word of
    error messages, such as "regularizer". A string finds a class by its name, also as
    `spelling` spells it, and a function by its name, unless that stands for a class. `unnamed`
    classes and functions are found by descriptions alone. `aliases` are more strings -> class,
    function, or a partial that makes an object. ``names`` and ``members`` are the tables of
    strings, and of descriptions.
    """

    def __init__(self, argument: str, module: str, classes: Things, functions: Things = (),
                 unnamed: Things = (), aliases: Mapping[str, Callable[..., Any]] | None = None,
                 spelling: Callable[[str], str] = snake_case):  # fmt: skip
        self.argument, self.module = argument, module
        own, called, more = (
            {thing.__name__: thing for thing in things}
            for things in (classes, functions, unnamed)
        )
        spelled = {spelling(name): thing for name, thing in own.items()}
        aliases = dict(aliases or {})
        self.names = called | own | spelled | aliases
        self.members = aliases | spelled | called | own | more

    def make(self, name: Any, /, **arguments: Any) -> Any:
        """Return a new object for a name, or a function as it is; the error lists the names."""
        return _made(lookup(self.argument, name, self.names), **arguments)

    def get(self, identifier: Any) -> Any:
        """Return the object for a name, a description, a class or any callable.

        None stays None. An UnknownNameError lists the names there are; a DataTypeError refuses
        anything else.
        """
        if identifier is None:
            return None
        if isinstance(identifier, str):
            return self.make(identifier)
        if isinstance(identifier, dict):
            return self.deserialize(identifier)
        if callable(identifier):
            return identifier() if isinstance(identifier, type) else identifier
        raise DataTypeError(
            f"{self.argument}: expected a name or an object, got {identifier!r}"
        )

    def deserialize(self, config: Config | str | None,
                    custom_objects: CustomObjects | None = None) -> Any:  # fmt: skip
        """Return the object that ``serialize`` described, or that a name stands for.

        Parameters
        ----------
        config : dict or str or None
            ``{"class_name": ..., "config": ...}``; without a ``"module"`` it is this one.
        custom_objects : dict of str -> class or function, optional
            Your own classes and functions by name.

        Raises
        ------
        UnknownNameError, ArgumentError
            For a name or a description that stands for nothing here.
        """
        if custom_objects is not None:
            with custom.custom_object_scope(custom_objects):
                return self.deserialize(config)
        if isinstance(config, str):
            found = custom.get_registered_object(config)
            if found is None:
                found = self.names.get(config) or self.members.get(config)
            return self.make(config) if found is None else _made(found)
        if not isinstance(config, dict):
            return self.get(config)
        if self._is_own(config):
            config = {"config": {}, "registered_name": None, **config, "module": self.module}
        found = deserialize_object(config)
        if not callable(found) and not hasattr(found, "get_config"):
            raise ArgumentError(
                f"{self.argument}: {config!r} describes no object, but {found!r}"
            )
        return found

    def _is_own(self, config):
        """Return whether a description belongs to this family, but does not name its module."""
        name = config.get("class_name")
        if not isinstance(name, str) or "module" not in config:
            return isinstance(name, str)
        return str(config["module"]).startswith("keras.") and name in self.members


_MAKERS = type, functools.partial  # a union would be made at each call


def _made(found, **arguments):
    return found(**arguments) if isinstance(found, _MAKERS) else found


class Described(Serializable):
    """An object whose attributes are the arguments that make it again."""

    def get_config(self) -> Config:
        """Return the arguments that make this object again."""
        return dict(vars(self))

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"
