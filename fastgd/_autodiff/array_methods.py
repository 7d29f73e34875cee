"""The methods of an ndarray as calls of the NumPy function of the same name.

`Variable` and `Tensor` share them: NumPy hands the call of each function to
``__array_function__``, and so to the gradient tapes.
"""

from typing import Any

import numpy as np

from fastgd._typing import Data

# Functions whose first argument is the array and whose other arguments are the method's.
_SAME_AS_FUNCTION = (
    "all", "any", "argmax", "argmin", "argpartition", "argsort", "choose", "conj", "conjugate",
    "copy", "cumprod", "cumsum", "diagonal", "dot", "max", "mean", "min", "nonzero", "prod",
    "ravel", "repeat", "round", "searchsorted", "squeeze", "std", "sum", "swapaxes", "take",
    "trace", "var",
)  # fmt: skip


def cast(x, dtype):
    """Return a copy of `x` in another dtype (``np.astype`` exists only since NumPy 2.1)."""
    return np.asarray(x).astype(dtype)


def _method(name):
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"Return ``np.{name}`` of this array."
    return method


class ArrayMethods:
    """Base class of arrays: ``x.mean(axis=0)`` is ``np.mean(x, axis=0)``, and so on."""

    __slots__ = ()
    _value: Any  # the plain array
    _assignable = False  # whether in-place operations write into the array

    def reshape(self: Any, *shape: Any, order: Any = "C") -> Any:
        """Return ``np.reshape`` of this array; the lengths stand alone or in one tuple."""
        return np.reshape(self, shape[0] if len(shape) == 1 else shape, order=order)

    def transpose(self: Any, *axes: Any) -> Any:
        """Return ``np.transpose`` of this array; the axes stand alone or in one tuple."""
        return np.transpose(self, axes[0] if len(axes) == 1 else axes or None)

    def flatten(self: Any, order: Any = "C") -> Any:
        """Return a one-dimensional copy."""
        return np.copy(np.ravel(self, order=order))

    def clip(self: Any, min: Data = None, max: Data = None) -> Any:
        """Return ``np.clip`` of this array."""
        return np.clip(self, min, max)

    @property
    def T(self: Any) -> Any:
        """The array with its axes in reverse order."""
        return np.transpose(self)

    @property
    def mT(self: Any) -> Any:
        """The array with its last two axes exchanged."""
        return np.swapaxes(self, -1, -2)


for _name in _SAME_AS_FUNCTION:
    setattr(ArrayMethods, _name, _method(_name))
