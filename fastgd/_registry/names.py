"""Names: how a string finds its class, and how an unnamed layer gets a name."""

import functools
import itertools
import re
from difflib import get_close_matches

from fastgd._engine import scope
from fastgd.errors import DataTypeError, UnknownNameError


@functools.cache
def snake_case(name):
    """``MeanSquaredError`` -> ``mean_squared_error``."""
    name = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1_\2", name)
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def unique_name(stem):
    """``dense``, then ``dense_1``, ``dense_2`` ..."""
    names = scope.current().names
    count = next(names.get(stem) or names.setdefault(stem, itertools.count()))
    return f"{stem}_{count}" if count else stem


def reset_names():
    """Start the numbers of unnamed layers and models anew."""
    scope.current().names.clear()


def lookup(argument, name, table):
    """What stands in ``table`` under ``name``; the error lists the names that do."""
    if not isinstance(name, str):
        raise DataTypeError(f"{argument}: expected a name or an object, got {name!r}")
    if name in table:
        return table[name]
    close = get_close_matches(name, table, n=1)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    raise UnknownNameError(
        f"{argument}: no {name!r}{hint} (there are: {', '.join(sorted(table))})"
    )
