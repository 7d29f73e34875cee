"""Initial values that are not random."""

from typing import Self

import numpy as np

from fastgd import config
from fastgd._data.validation import number, numeric
from fastgd._registry.registry import Described
from fastgd._typing import Array, Config, Data, DType, Shape
from fastgd.errors import ArgumentError, ShapeError


class Initializer(Described):
    """Make the initial values of an array.

    A subclass defines ``__call__(shape, dtype=None)``, or ``values(shape)`` in float64.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Zeros()((2, 3), dtype="float64")
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """

    def __call__(self, shape: Shape, dtype: DType | None = None) -> Array:
        """Return an array of a shape and `dtype` (by default ``config.floatx()``)."""
        native = np.dtype(dtype or config.floatx()).newbyteorder("=")
        return np.asarray(self.values(tuple(shape)), native)

    def values(self, shape: Shape) -> Array:
        """Return the values in double precision."""
        raise NotImplementedError

    def clone(self) -> Self:
        """Return a new initializer with the same arguments."""
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """Fill with zeros."""

    def values(self, shape: Shape) -> Array:
        return np.zeros(shape)


class Ones(Initializer):
    """Fill with ones."""

    def values(self, shape: Shape) -> Array:
        return np.ones(shape)


class Constant(Initializer):
    """Fill with one value, or with the values of an array.

    Parameters
    ----------
    value : float, or array of numbers
        Finite; an array is broadcast to the shape of the weights.

    Raises
    ------
    ShapeError
        When called for a shape that the array cannot fill.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Constant([1.0, 2.0])((2, 2))
    array([[1., 2.],
           [1., 2.]], dtype=float32)
    """

    def __init__(self, value: Data = 0.0):
        one = np.ndim(value) == 0
        self.value = number(value, "value") if one else _array(value, "value").tolist()

    def values(self, shape: Shape) -> Array:
        try:
            return np.array(np.broadcast_to(self.value, shape), dtype=np.float64)
        except ValueError:
            raise _unfitting(np.shape(self.value), shape) from None


class Identity(Initializer):
    """Fill a matrix with gain on the diagonal, and 0 elsewhere.

    Parameters
    ----------
    gain : float, finite

    Raises
    ------
    ShapeError
        When called for a shape that is not that of a matrix.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Identity(gain=2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain: float = 1.0):
        self.gain = number(gain, "gain")

    def values(self, shape: Shape) -> Array:
        if len(shape) != 2:
            raise ShapeError(f"shape: Identity needs two dimensions, got {shape}")
        return self.gain * np.eye(*shape)


class Values(Initializer):
    """Give the values of an array to weights of its shape; ``get`` makes it of an ndarray.

    Parameters
    ----------
    array : array of numbers

    Raises
    ------
    ShapeError
        When called for another shape.
    """

    def __init__(self, array: Data):
        self.array = _array(array, "initializer")

    def values(self, shape: Shape) -> Array:
        if shape != self.array.shape:
            raise _unfitting(self.array.shape, shape)
        return self.array

    def get_config(self) -> Config:
        return {"array": self.array.tolist()}


def _array(values, argument):
    """Return a copy in double precision of finite numbers."""
    array = np.array(numeric(values, argument), dtype=np.float64)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{argument}: expected finite numbers")
    return array


def _unfitting(seen, shape):
    return ShapeError(
        f"initializer: an array of shape {seen} cannot fill weights of shape {shape}"
    )
