"""Initial values that are not random."""

import numpy as np

from fastgd import config
from fastgd._registry import Described
from fastgd._validate import number, numeric
from fastgd.errors import ShapeError


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
        return np.asarray(self.values(tuple(shape)), dtype=dtype or config.floatx())

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
    """One value everywhere.

    Parameters
    ----------
    value : float
        Finite.
    """

    def __init__(self, value=0.0):
        self.value = number(value, "value")

    def values(self, shape):
        return np.full(shape, self.value, dtype=np.float64)


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
        self.array = np.array(numeric(array, "initializer"), dtype=np.float64)

    def values(self, shape):
        if shape != self.array.shape:
            raise ShapeError(
                f"initializer: an array of shape {self.array.shape} cannot fill weights of "
                f"shape {shape}"
            )
        return self.array

    def get_config(self):
        return {"array": self.array.tolist()}
