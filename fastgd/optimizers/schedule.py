"""Define what a schedule is: the learning rate as a function of the step."""

import functools
import inspect
from typing import Any

import numpy as np

from fastgd._registry.objects import Serializable
from fastgd._typing import Array, Config
from fastgd.errors import ArgumentError
from fastgd.optimizers.options import plain


class LearningRateSchedule(Serializable):
    """A learning rate for each step: pass it to an optimizer as ``learning_rate``.

    A custom schedule is a subclass with ``__call__(step)``. It gets the number of steps taken
    so far, an int, and returns the learning rate of the next one. If it takes an array of steps
    too, set ``vectorized = True`` in the class. The compiled loop gets the rates as an array.

    Examples
    --------
    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 / 2**step
    >>> Halving().rates(1, 3)
    array([0.05  , 0.025 , 0.0125])
    """

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(self, step)")

    def rates(self, first: int, count: int) -> Array:
        """Return the rates of the steps first ... first + count - 1: float64, shape (count,).

        Raises
        ------
        ArgumentError
            If one of them is not a finite number of at least 0.
        """
        owner = next(c for c in type(self).__mro__ if "__call__" in vars(c))
        if vars(owner).get("vectorized", hasattr(owner.__call__, "vectorized")):
            found = np.asarray(self(np.arange(first, first + count)), np.float64)
        else:
            rates = [plain(self(step)) for step in range(first, first + count)]
            found = np.array([np.asarray(rate, np.float64).reshape(()) for rate in rates])
        bad = ~(np.isfinite(found) & (found >= 0))
        if bad.any():
            i = int(np.argmax(bad))
            raise ArgumentError(
                f"learning_rate: {type(self).__name__} has to give finite numbers of at least "
                f"0, got {found[i]} at step {first + i}"
            )
        return found

    def get_config(self) -> Config:
        """Return the arguments that make this schedule again."""
        names = list(inspect.signature(type(self)).parameters)
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LearningRateSchedule) or type(self) is not type(other):
            return False
        return self.get_config() == other.get_config()

    __hash__ = object.__hash__

    def __repr__(self) -> str:
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def elementwise(call):
    """Let a formula for arrays of float64 take a single step too and return a float for it."""

    @functools.wraps(call)
    def schedule(self, step):
        # A single step becomes an array as well: NumPy's powers of numbers may differ.
        rates = call(self, np.atleast_1d(np.asarray(step, np.float64)))
        return float(rates[0]) if np.ndim(step) == 0 else rates

    schedule.vectorized = True
    return schedule
