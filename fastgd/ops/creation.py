"""The operations of `keras.ops` that make an array of numbers, not of arrays."""

import numpy as np

from fastgd import config


def zeros(shape, dtype=None):
    """A plain array of zeros, of ``config.floatx()`` by default."""
    return np.zeros(shape, dtype or config.floatx())


def ones(shape, dtype=None):
    """A plain array of ones, of ``config.floatx()`` by default."""
    return np.ones(shape, dtype or config.floatx())


def full(shape, fill_value, dtype=None):
    """A plain array of one value, of ``config.floatx()`` by default."""
    return np.full(shape, fill_value, dtype or config.floatx())


def arange(start, stop=None, step=None, dtype=None):
    """The numbers from start (or 0) up to stop: "int32" if all are whole, else floatx."""
    given = [number for number in (start, stop, step) if number is not None]
    whole = all(isinstance(number, (int, np.integer)) for number in given)
    dtype = dtype or ("int32" if whole else config.floatx())
    return np.arange(*((0, start) if stop is None else (start, stop)), step or 1, dtype=dtype)


def linspace(start, stop, num=50, endpoint=True, retstep=False, dtype=None, axis=0):
    """`num` numbers at equal distances, of ``config.floatx()`` by default."""
    return np.linspace(start, stop, num, endpoint, retstep, dtype or config.floatx(), axis)


def eye(N, M=None, k=0, dtype=None):
    """Ones on the k-th diagonal of N rows and M columns, zeros elsewhere."""
    return np.eye(N, M, k, dtype or config.floatx())


def identity(n, dtype=None):
    """Ones on the diagonal of n rows and columns, zeros elsewhere."""
    return eye(n, dtype=dtype)
