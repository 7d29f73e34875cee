"""Check words, paths, lists and numbers in open intervals; the rest is in validation.py."""

import itertools
import os

import numpy as np

from fastgd._data.validation import number
from fastgd.errors import ArgumentError, DataTypeError

#: How many items a list may have: thresholds, bins or classes, of which sums are kept.
MOST_PARTS = 100_000


def choice(value, argument, allowed, hint=""):
    """Return a value that is among the allowed words, whole numbers and None."""
    if type(value) is str and value in allowed:
        return value
    simple = value is None or isinstance(value, (str, int, np.integer))
    if not simple or isinstance(value, bool) or value not in allowed:
        *others, last = map(repr, allowed)
        words = f"{', '.join(others)} or {last}" if others else last
        raise ArgumentError(f"{argument}: expected {words}{hint}, got {value!r}")
    return value


def positive_number(value, argument, high=np.inf):
    """Return a finite number with 0 < number <= high, as a float."""
    if not 0 < (found := number(value, argument)) <= high:
        most = f" and at most {high:g}" if high < np.inf else ""
        raise ArgumentError(f"{argument}: expected a number above 0{most}, got {value!r}")
    return found


def inner_share(value, argument):
    """Return a number with 0 < number < 1, as a float."""
    if not 0 < (found := number(value, argument)) < 1:
        raise ArgumentError(f"{argument}: expected a number between 0 and 1, got {value!r}")
    return found


def text(value, argument):
    """Return a string as it is."""
    if not isinstance(value, str):
        raise DataTypeError(f"{argument}: expected a string, got {value!r}")
    return value


def path_name(value, argument):
    """Return a path as a string that can name a file."""
    if not isinstance(value, (str, bytes, os.PathLike)):
        raise DataTypeError(f"{argument}: expected a path, got {value!r}")
    name = os.fsdecode(value)
    try:
        has_nul = b"\0" in os.fsencode(name)
    except UnicodeEncodeError as error:
        raise ArgumentError(f"{argument}: no name of a file: {name!r} ({error})") from None
    if has_nul:
        raise ArgumentError(f"{argument}: no file has a NUL in its name, got {name!r}")
    return name


def listed(given, argument, most=MOST_PARTS, expected="a list"):
    """Return what was given as a list, without going through more than may be in it."""
    try:
        items = iter(given)
    except TypeError:
        raise DataTypeError(f"{argument}: expected {expected}, got {given!r}") from None
    found = list(itertools.islice(items, most + 1))
    if len(found) > most:
        raise ArgumentError(f"{argument}: expected at most {most}, got more")
    return found
