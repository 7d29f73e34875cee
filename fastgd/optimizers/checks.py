"""Checks of the numbers that optimizers and schedules take."""

import numpy as np

from fastgd._data.validation import MOST, number, whole_number
from fastgd.errors import ArgumentError


def plain(value):
    """Return the number of what has one, such as a variable, or the value itself."""
    return value.numpy() if hasattr(value, "numpy") else value


#: The largest number below 1.
_BELOW_ONE = float(np.nextafter(1, 0))


def non_negative(value: float | None, argument: str) -> float | None:
    """Return None, or a number of at least 0."""
    return None if value is None else number(value, argument, 0)


def whole(value: int | None, argument: str, low: int) -> int | None:
    """Return None, or a whole number of at least `low` that the engine can count to."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        message = f"{argument}: expected a whole number of at least {low}, got {value!r}"
        raise ArgumentError(message)
    return whole_number(value, argument, low, MOST)


def below_one(value: float, argument: str) -> float:
    """Return a number in [0, 1)."""
    return number(value, argument, 0, _BELOW_ONE)


def above_zero(value: float, argument: str) -> float:
    """Return a number greater than 0, as it is."""
    if number(value, argument, 0) == 0:
        raise ArgumentError(f"{argument}: expected a number above 0, got {value!r}")
    return value


def at_most_zero(value: float, argument: str) -> float:
    """Return a number of at most 0, as a float."""
    if number(value, argument) > 0:
        raise ArgumentError(f"{argument}: expected at most 0, got {value!r}")
    return float(value)
