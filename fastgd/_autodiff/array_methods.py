"""The methods of an ndarray as calls of the NumPy function of the same name.

`Variable` and `Tensor` share them: NumPy hands the call of each function to
``__array_function__``, and so to the gradient tapes.
"""

from typing import Any

import numpy as np

from fastgd._autodiff.active import active, followed
from fastgd._typing import Data
from fastgd.errors import DataTypeError

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


def as_array(x):
    """Return `x` as an array; a Tensor or Variable stays as it is."""
    return x if isinstance(x, ArrayMethods) else np.asarray(x)


def _method(name):
    function = getattr(np, name)

    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        return function(self, *args, **kwargs)

    method.__name__ = name
    method.__doc__ = f"Return ``np.{name}`` of this array."
    return method


def refuse_loss(x, conversion):
    """Raise an error if a tape that records would lose the gradient of `x` by a conversion."""
    if active.tapes and followed(x):
        raise DataTypeError(
            f"{conversion} of an array that a GradientTape follows would lose its gradient; "
            "compute with fastgd.ops or NumPy's functions, or write x.numpy() or "
            "ops.stop_gradient(x) if no gradient is wanted"
        )


class ArrayMethods:
    """Base class of arrays: ``x.mean(axis=0)`` is ``np.mean(x, axis=0)``, and so on.

    What makes Python numbers of elements is refused while a tape follows the array.
    """

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

    def compress(self: Any, condition: Data, axis: Any = None) -> Any:
        """Return ``np.compress`` of this array."""
        return np.compress(condition, self, axis)

    def item(self, *args: Any) -> Any:
        """Return one element as a Python number."""
        refuse_loss(self, "item()")
        return self._value.item(*args)

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        refuse_loss(self, "tolist()")
        return self._value.tolist()

    def __float__(self) -> float:
        refuse_loss(self, "float(), or a function of the module math,")
        return float(self._value)

    def __int__(self) -> int:
        refuse_loss(self, "int()")
        return int(self._value)

    def __format__(self: Any, spec: str) -> str:
        return format(self._value if self.ndim else self._value[()], spec)

    def __copy__(self) -> Any:
        return np.copy(self)  # type: ignore[call-overload]

    def __deepcopy__(self, memo: Any) -> Any:
        return np.copy(self)  # type: ignore[call-overload]

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
