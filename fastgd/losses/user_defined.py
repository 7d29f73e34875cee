"""User-defined losses: a Python function, or a compiled one."""

import ctypes
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd._autodiff.tensor import plain
from fastgd._core import formulas
from fastgd._registry.names import checked_name
from fastgd._typing import Array, Config, Data, Floatx
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.losses.loss import Loss, floating, recorded, with_columns
from fastgd.tape import Tensor


class LossFunctionWrapper(Loss):
    """Make a loss of a function.

    Parameters
    ----------
    fn : callable
        ``fn(y_true, y_pred, **kwargs)``, written with NumPy's functions or ``fastgd.ops``,
        returns a loss for each row, (n,) or (n, ...), or one for the whole batch.
    **kwargs
        Further arguments of `fn`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import losses, ops
    >>> def cubic(y_true, y_pred):
    ...     return ops.mean(ops.abs(y_pred - y_true) ** 3, axis=-1)
    >>> loss = losses.LossFunctionWrapper(cubic)
    >>> loss.values_and_slopes(np.zeros((2, 1)), np.array([[1.0], [2.0]]))[1].tolist()
    [[3.0], [12.0]]
    """

    def __init__(self, fn: Callable[..., Any], reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, dtype: Floatx | None = None,
                 **kwargs: Any):  # fmt: skip
        if not callable(fn):
            raise DataTypeError(f"fn: expected a function, got {fn!r}")
        super().__init__(checked_name(name) or getattr(fn, "__name__", None), reduction, dtype)
        self.fn = fn
        self._kwargs = kwargs

    def call(self, y_true: Data, y_pred: Data) -> Array | Tensor:
        y_pred = floating(y_pred)
        if isinstance(y_true, np.ndarray):
            y_true = with_columns(y_true, y_pred)
        return self.fn(y_true, y_pred, **self._kwargs)

    def get_config(self) -> Config:
        return super().get_config() | self._kwargs


def with_gradient(function: Callable[..., Any]) -> Callable[..., Any]:
    """Make a loss function of one that returns a pair (values, gradient).

    Parameters
    ----------
    function : callable
        ``function(y_true, y_pred)`` takes plain arrays and returns the loss of each row, (n,),
        and the gradient of their sum with respect to y_pred, of its shape; or one loss for the
        whole batch and its gradient.

    Returns
    -------
    callable
        Returns the values, and tells a tape their gradient.

    Raises
    ------
    ShapeError
        When called, if the gradient has another shape than y_pred.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import losses
    >>> @losses.with_gradient
    ... def quartic(y_true, y_pred):
    ...     d = y_pred - y_true
    ...     return (d**4).mean(axis=-1), 4 * d**3 / d.shape[-1]
    >>> quartic(np.zeros((2, 1)), np.array([[1.0], [2.0]]))
    array([ 1., 16.])
    """

    @functools.wraps(function)
    def loss(y_true, y_pred, **kwargs):
        y_pred = floating(y_pred)
        found = function(np.asarray(y_true), np.asarray(plain(y_pred)), **kwargs)
        if not isinstance(found, tuple) or len(found) != 2:
            raise ArgumentError(
                f"{function.__name__}: expected a pair (values, gradient), got {found!r}"
            )
        values, slopes = (np.asarray(part, dtype=y_pred.dtype) for part in found)
        if slopes.shape != y_pred.shape:
            raise ShapeError(
                f"{function.__name__}: expected a gradient of the shape of y_pred, "
                f"{y_pred.shape}, got {slopes.shape}"
            )
        return recorded(values, slopes, y_pred)

    return loss


class Compiled(Loss):
    """Call compiled code, in the training loop, for the loss of each element.

    Mean over outputs of value(y_true, y_pred). The functions run without the interpreter's
    lock, possibly in several threads at once.

    Parameters
    ----------
    value, slope : scipy.LowLevelCallable, numba cfunc, ctypes function or PyCapsule
        Both of signature ``double (double y_true, double y_pred)``: the loss of an element, and
        its derivative with respect to y_pred.

    Raises
    ------
    DataTypeError
        If a function is of another kind or signature.
    """

    code = formulas.Loss.LOSS_COMPILED

    def __init__(self, value: Any, slope: Any, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "compiled", dtype: Floatx | None = None):  # fmt: skip
        super().__init__(name, reduction, dtype)
        self.addresses = address(value, "value"), address(slope, "slope")
        self.value, self.slope = value, slope


SIGNATURE = "double (double, double)"
_FUNCTION = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)
_FUNCTION_BASE = _FUNCTION.__mro__[1]


def address(function, argument):
    """Return the address of a compiled function of two doubles."""
    if isinstance(function, tuple) and len(function):  # a scipy.LowLevelCallable
        function = tuple.__getitem__(function, 0)  # which scipy's own indexing refuses
    if type(function).__name__ == "PyCapsule":
        return _in_capsule(function, argument)
    if isinstance(function, _FUNCTION_BASE):
        types = [function.restype, *(function.argtypes or ())]
        if types != [ctypes.c_double] * 3:
            raise _wrong_signature(argument, "set its restype and argtypes")
        return ctypes.cast(function, ctypes.c_void_p).value
    found = getattr(function, "address", None)  # a numba cfunc's
    if isinstance(found, int) and not isinstance(found, bool):
        signature = str(getattr(function, "_sig", "(float64, float64) -> float64"))
        if signature != "(float64, float64) -> float64":
            raise _wrong_signature(argument, f"got {signature}")
        return found
    raise DataTypeError(
        f"{argument}: expected a scipy.LowLevelCallable, a numba cfunc or a ctypes function, "
        f"got {function!r}"
    )


def _wrong_signature(argument, why):
    return DataTypeError(f"{argument}: expected a function {SIGNATURE!r}: {why}")


def _in_capsule(capsule, argument):
    """Return the pointer in a capsule, whose name is the function's signature."""
    api = ctypes.pythonapi
    name_of = ctypes.PYFUNCTYPE(ctypes.c_char_p, ctypes.py_object)(("PyCapsule_GetName", api))
    pointer_of = ctypes.PYFUNCTYPE(ctypes.c_void_p, ctypes.py_object, ctypes.c_char_p)(
        ("PyCapsule_GetPointer", api)
    )
    name = name_of(capsule)
    if name is None or name.replace(b" ", b"") != SIGNATURE.replace(" ", "").encode():
        raise _wrong_signature(argument, f"got {name!r}")
    return pointer_of(capsule, name)
