"""What weights satisfy after each update, with Keras' names, formulas and defaults."""

import math

import numpy as np

from fastgd import config
from fastgd._core.types import CONSTRAINT_ROW
from fastgd._core.types import Constraint as Code
from fastgd._data.validation import number, numeric
from fastgd._engine import builds
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Described, Registry
from fastgd.errors import ArgumentError, DataTypeError, ShapeError

#: What is added to a norm before it divides, as in Keras.
EPSILON = 1e-7


class Constraint(Described):
    """A projection: a function of an array that gives one of its shape.

    Write one's own by giving ``__call__`` in NumPy; any function of one argument serves as
    well. It is called after each step; all else stays compiled. This one leaves everything as
    it is.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import constraints
    >>> class AtMostOne(constraints.Constraint):
    ...     def __call__(self, w):
    ...         return np.minimum(w, 1)
    >>> AtMostOne()(np.array([0.5, 3.0]))
    array([0.5, 1. ])
    """

    def __call__(self, w):
        """The projected values of an array, in a new one."""
        return w

    def projection(self, shape):
        """A row of types.CONSTRAINT_ROW, offset 0, for the engine and weights of a shape.

        None, as here, if the engine does not know the formula: then it is called.
        """
        return None


class _Known(Constraint):
    """A constraint that the engine knows."""

    def __call__(self, w):
        w = numeric(w, "w")
        result = np.array(w, dtype=w.dtype if w.dtype.char in "fd" else np.float64, order="C")
        row = self.projection(w.shape)
        builds.load(config.engine()).constrain(result.reshape(-1), row.reshape(1))
        return result


class NonNeg(_Known):
    """max(w, 0).

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import constraints
    >>> constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def projection(self, shape):
        return _row(Code.CONSTRAINT_NON_NEGATIVE, (1, math.prod(shape), 1))


class MinMaxNorm(_Known):
    """Norms of at least min_value and at most max_value.

    Parameters
    ----------
    min_value, max_value : float
        0 <= min_value <= max_value.
    rate : float
        From 0 to 1: how far a norm outside goes towards the interval in one step.
    axis : int, list of int or None
        Along which axes the norms are taken: 0, the default, are the weights that lead to a
        unit of a Dense layer. Several have to be neighbours; None are all.

    Raises
    ------
    ShapeError
        When called for an array without such axes.

    Notes
    -----
    w (rate clip(norm, min_value, max_value) + (1 - rate) norm) / (1e-7 + norm), where the norm
    lies outside; a vector of zeros stays one.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import constraints
    >>> constraints.MinMaxNorm(max_value=1.0)(np.array([[3.0, 0.6], [4.0, 0.0]])).round(6)
    array([[0.6, 0.6],
           [0.8, 0. ]])
    """

    def __init__(self, min_value=0.0, max_value=1.0, rate=1.0, axis=0):
        self.min_value = number(min_value, "min_value", low=0)
        self.max_value = number(max_value, "max_value", low=self.min_value)
        self.rate = number(rate, "rate", low=0, high=1)
        self.axis = _axes(axis)

    def projection(self, shape):
        seen_as = _around(shape, self.axis)
        return _row(Code.CONSTRAINT_NORM, seen_as, self.min_value, self.max_value, self.rate)


class MaxNorm(_Known):
    """Norms of at most max_value: MinMaxNorm(0, max_value).

    Parameters
    ----------
    max_value : float
        At least 0.
    axis : int, list of int or None
        As for MinMaxNorm.
    """

    def __init__(self, max_value=2, axis=0):
        self.max_value = number(max_value, "max_value", low=0)
        self.axis = _axes(axis)

    def projection(self, shape):
        return _row(Code.CONSTRAINT_NORM, _around(shape, self.axis), 0.0, self.max_value)


class UnitNorm(_Known):
    """Norms of 1: w / (1e-7 + norm). A vector of zeros stays one.

    Parameters
    ----------
    axis : int, list of int or None
        As for MinMaxNorm.
    """

    def __init__(self, axis=0):
        self.axis = _axes(axis)

    def projection(self, shape):
        return _row(Code.CONSTRAINT_NORM, _around(shape, self.axis), 1.0, 1.0)


def _row(code, seen_as, low=0.0, high=0.0, rate=1.0):
    return np.array((code, 0, *seen_as, low, high, rate, EPSILON), dtype=CONSTRAINT_ROW)


def _axes(axis):
    given = axis if isinstance(axis, (list, tuple)) else [] if axis is None else [axis]
    if not all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in given):
        raise DataTypeError(f"axis: expected whole numbers or None, got {axis!r}")
    if axis is not None and not given:
        raise ArgumentError("axis: expected at least one, got none")
    return [int(a) for a in given] if isinstance(axis, (list, tuple)) else axis


def _around(shape, axis):
    """(outer, count, inner): the elements before, along and after the axes of a shape."""
    axes = range(len(shape)) if axis is None else axis if isinstance(axis, list) else [axis]
    if not all(-len(shape) <= a < len(shape) for a in axes):
        raise ShapeError(f"axis: weights of shape {shape} have no axis {axis}")
    axes = sorted({a % len(shape) for a in axes})
    first, last = axes[0], axes[-1] + 1
    if len(axes) != last - first:
        raise ShapeError(f"axis: expected axes that are neighbours, got {axis}")
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


CLASSES = (MaxNorm, MinMaxNorm, NonNeg, UnitNorm)
REGISTRY = Registry("constraint", __name__, (Constraint, *CLASSES))

max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

serialize = serialize_object
deserialize = REGISTRY.deserialize


def get(identifier):
    """The constraint for a name, a class, a description, a function or a constraint itself.

    Parameters
    ----------
    identifier : str, type, dict, callable or None
        A callable takes an array and gives one of its shape. None stays None.

    Raises
    ------
    UnknownNameError
        Listing the names there are.

    Examples
    --------
    >>> from fastgd import constraints
    >>> constraints.get("max_norm").get_config()
    {'max_value': 2.0, 'axis': 0}
    """
    return REGISTRY.get(identifier)
