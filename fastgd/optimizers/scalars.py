"""Numbers of an optimizer that can be assigned to, as Keras' variables can."""

import numpy as np


class _Assignable:
    """A number that knows where it came from; what is computed with it is a plain number."""

    def __new__(cls, value, assign):
        self = super().__new__(cls, value)
        self._assign = assign
        return self

    def assign(self, value):
        """Set the optimizer's number; this one, read before, stays."""
        self._assign(value)

    def numpy(self):
        """The number as a NumPy scalar."""
        return np.asarray(self)[()]

    def __reduce__(self):
        return self._plain, (self._plain(self),)

    @property
    def value(self):
        """The plain number."""
        return self._plain(self)


class Rate(_Assignable, float):
    """A learning rate: a float with ``assign``, ``numpy`` and ``value``."""

    _plain = float


class Count(_Assignable, int):
    """A number of steps: an int with ``assign``, ``numpy`` and ``value``."""

    _plain = int
