"""Names: how a string finds its class, and how an unnamed layer gets a name."""

import functools
import itertools
import re
from collections.abc import Mapping
from typing import Any

from fastgd._data.arguments import text
from fastgd._engine import scope
from fastgd._registry.advice import advice
from fastgd.errors import DataTypeError, UnknownNameError


@functools.cache
def snake_case(name: str) -> str:
    """Return ``mean_squared_error`` for ``MeanSquaredError``."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def checked_name(name: str | None) -> str | None:
    """Return a name that a user gave, or None; raise a DataTypeError for anything else."""
    return None if name is None else text(name, "name")


def unique_name(stem: str) -> str:
    """Return ``dense``, then ``dense_1``, ``dense_2`` ..."""
    names = scope.current().names
    count = next(names.get(stem) or names.setdefault(stem, itertools.count()))
    return f"{stem}_{count}" if count else stem


def reset_names() -> None:
    """Number unnamed layers and models from the beginning again."""
    scope.current().names.clear()


def lookup(argument: str, name: Any, table: Mapping[str, Any]) -> Any:
    """Return the entry of a table under a name; the error gives the nearest names there are."""
    if not isinstance(name, str):
        raise DataTypeError(f"{argument}: expected a name or an object, got {name!r}")
    if name in table:
        return table[name]
    raise UnknownNameError(f"{argument}: no {name!r}{advice(name, table)}")
