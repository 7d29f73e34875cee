"""The learning rate and the count of updates: numbers that can be assigned to, as in Keras."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np

from fastgd._data.validation import number
from fastgd.errors import DataTypeError
from fastgd.optimizers.options import plain
from fastgd.optimizers.schedule import LearningRateSchedule

#: The values that ``learning_rate=`` takes.
LearningRate: TypeAlias = float | LearningRateSchedule | Callable[[], float]


class _AssignableNumber:
    """A number that can be assigned to; results of arithmetic with it are plain numbers."""

    _plain: Any
    _assign: Callable[[float], None]

    def __new__(cls, value, assign):
        self = super().__new__(cls, value)
        self._assign = assign
        return self

    def assign(self, value: float) -> None:
        """Set the optimizer's number; this object keeps the value it was read with."""
        self._assign(value)

    def numpy(self) -> Any:
        """Return the number as a NumPy scalar."""
        return np.asarray(self)[()]

    def __reduce__(self):
        return self._plain, (self._plain(self),)

    @property
    def value(self):
        """The plain number."""
        return self._plain(self)


class Rate(_AssignableNumber, float):
    """A learning rate: a float with ``assign``, ``numpy`` and ``value``."""

    _plain = float


class Count(_AssignableNumber, int):
    """A number of updates: an int with ``assign``, ``numpy`` and ``value``."""

    _plain = int


def checked_rate(value, old=None):
    """Return the learning rate that replaces `old`: a float, a schedule or a function."""
    if isinstance(value, type) and issubclass(value, LearningRateSchedule):
        raise DataTypeError(
            f"learning_rate: expected a schedule, such as {value.__name__}(...), got the class"
        )
    if isinstance(value, LearningRateSchedule) or callable(value):
        return value
    if isinstance(old, LearningRateSchedule):
        raise DataTypeError(
            "learning_rate: that of a schedule cannot be set; make the optimizer with a "
            "number, or set another schedule"
        )
    return number(plain(value), "learning_rate", low=0)


def rate_at(rate, step):
    """Return the number that a learning rate is at a step."""
    if isinstance(rate, LearningRateSchedule):
        return rate.rates(step, 1)[0]
    return number(plain(rate()), "learning_rate", low=0) if callable(rate) else rate
