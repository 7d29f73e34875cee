"""Initial values that are not random."""

import numpy as np

from fastgd import config
from fastgd._data.validation import number, numeric
from fastgd._registry.registry import Described
from fastgd.errors import ArgumentError, ShapeError


class Initializer(Described):
    """Makes the initial values of an array.

    A subclass gives ``__call__(shape, dtype=None)``, or ``values(shape)`` in double precision.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Zeros()((2, 3), dtype="float64")
    array([[0., 0., 0.],
           [0., 0., 0.]])
    """

    def __call__(self, shape, dtype=None):
        """An array of the shape, of `dtype` (by default ``config.floatx()``)."""
        dtype = np.dtype(dtype or config.floatx()).newbyteorder("=")
        return np.asarray(self.values(tuple(shape)), dtype)

    def values(self, shape):
        """The values in double precision."""
        raise NotImplementedError

    def clone(self):
        """A new initializer with the same arguments."""
        return type(self).from_config(self.get_config())


class Zeros(Initializer):
    """Zeros."""

    def values(self, shape):
        return np.zeros(shape)


class Ones(Initializer):
    """Ones."""

    def values(self, shape):
        return np.ones(shape)


class Constant(Initializer):
    """One value everywhere, or the values of an array.

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

    def __init__(self, value=0.0):
        one = np.ndim(value) == 0
        self.value = number(value, "value") if one else _array(value, "value").tolist()

    def values(self, shape):
        return _filled(self.value, shape)


class Identity(Initializer):
    """gain on the diagonal of a matrix, 0 elsewhere.

    Parameters
    ----------
    gain : float
        Finite.

    Raises
    ------
    ShapeError
        When called for a shape that is not a matrix's.

    Examples
    --------
    >>> from fastgd import initializers
    >>> initializers.Identity(gain=2.0)((2, 3))
    array([[2., 0., 0.],
           [0., 2., 0.]], dtype=float32)
    """

    def __init__(self, gain=1.0):
        self.gain = number(gain, "gain")

    def values(self, shape):
        if len(shape) != 2:
            raise ShapeError(f"shape: Identity makes matrices only, got {shape}")
        return self.gain * np.eye(*shape)


class Values(Initializer):
    """The values of an array, for weights of its shape: what ``get`` makes of an ndarray.

    Parameters
    ----------
    array : array of numbers

    Raises
    ------
    ShapeError
        When called for another shape.
    """

    def __init__(self, array):
        self.array = _array(array, "initializer")

    def values(self, shape):
        if shape != self.array.shape:
            raise _unfitting(self.array.shape, shape)
        return self.array

    def get_config(self):
        return {"array": self.array.tolist()}


def _array(values, argument):
    """An own copy in double precision; of finite numbers."""
    array = np.array(numeric(values, argument), dtype=np.float64)
    if not np.isfinite(array).all():
        raise ArgumentError(f"{argument}: expected finite numbers")
    return array


def _filled(value, shape):
    try:
        return np.array(np.broadcast_to(value, shape), dtype=np.float64)
    except ValueError:
        raise _unfitting(np.shape(value), shape) from None


def _unfitting(seen, shape):
    return ShapeError(
        f"initializer: an array of shape {seen} cannot fill weights of shape {shape}"
    )
