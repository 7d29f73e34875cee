"""The operations of `keras.ops` that make an array of numbers, not of arrays."""

from typing import Any

import numpy as np

from fastgd import config
from fastgd._typing import Array, Data, DType


def zeros(shape: Any, dtype: DType | None = None) -> Array:
    """Return a plain array of zeros, of ``config.floatx()`` by default."""
    return np.zeros(shape, dtype or config.floatx())


def ones(shape: Any, dtype: DType | None = None) -> Array:
    """Return a plain array of ones, of ``config.floatx()`` by default."""
    return np.ones(shape, dtype or config.floatx())


def full(shape: Any, fill_value: Data, dtype: DType | None = None) -> Array:
    """Return a plain array of one value, of ``config.floatx()`` by default."""
    return np.full(shape, fill_value, dtype or config.floatx())


def arange(start: Any, stop: Any = None, step: Any = None, dtype: Any = None) -> Array:
    """Return the numbers from start (or 0) up to stop: "int32" if all are whole, or floatx."""
    given = [number for number in (start, stop, step) if number is not None]
    whole = all(isinstance(number, (int, np.integer)) for number in given)
    dtype = dtype or ("int32" if whole else config.floatx())
    first, last = (0, start) if stop is None else (start, stop)
    return np.arange(first, last, step or 1, dtype=dtype)


def linspace(
    start: Data, stop: Data, num: int = 50, endpoint: bool = True, retstep: Any = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return `num` numbers at equal distances, of ``config.floatx()`` by default."""
    dtype = dtype or config.floatx()
    return np.linspace(start, stop, num, endpoint, retstep, dtype, axis)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Array:
    """Return ones on the k-th diagonal of N rows and M columns, zeros elsewhere."""
    return np.eye(N, M, k, dtype or config.floatx())


def identity(n: int, dtype: DType | None = None) -> Array:
    """Return ones on the diagonal of n rows and columns, zeros elsewhere."""
    return eye(n, dtype=dtype)
