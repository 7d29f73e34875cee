"""Conditions on weights after each update, with Keras' names, formulas and defaults."""

import itertools
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from fastgd import config
from fastgd._core.types import CONSTRAINT_ROW
from fastgd._core.types import Constraint as Code
from fastgd._data.validation import number, numeric
from fastgd._engine import builds
from fastgd._registry.advice import NamedArguments, explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Described, Registry
from fastgd._typing import Array, Data, Identifier, Shape
from fastgd.errors import ArgumentError, DataTypeError, ShapeError

#: Added to a norm before it divides, as in Keras.
EPSILON = 1e-7


class Constraint(NamedArguments, Described):
    """Project an array to one of the same shape; this class returns it unchanged.

    To write your own, define ``__call__`` in NumPy, or pass a function of one argument. It is
    called after each step; all else stays compiled.

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

    def __call__(self, w: Data) -> Array:
        """Return the projected values of an array in a new one."""
        row = self.projection(np.shape(w))
        if row is None:
            return w
        w = numeric(w, "w")
        result = np.array(w, dtype=w.dtype if w.dtype.char in "fd" else np.float64, order="C")
        builds.load(config.engine()).constrain(result.reshape(-1), row.reshape(-1))
        return result

    def projection(self, shape: Shape) -> Array | None:
        """Return a row of types.CONSTRAINT_ROW, or several, for weights of a shape.

        Their offsets begin at 0, where the weights do.

        None, as here, if the engine does not know the formula: it calls the constraint then.
        """
        return None


class NonNeg(Constraint):
    """Compute max(w, 0).

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import constraints
    >>> constraints.NonNeg()(np.array([-1.0, 2.0]))
    array([0., 2.])
    """

    def projection(self, shape: Shape) -> Array:
        return _row(Code.CONSTRAINT_NON_NEGATIVE, (1, math.prod(shape), 1))


class Signs(Constraint):
    """Compute max(w, 0) where a sign is 1, and min(w, 0) where it is -1; 0 leaves w alone.

    Parameters
    ----------
    signs : int, or list of int
        -1, 0 or 1 for each index of the first axis, which are the inputs of a Dense layer; one
        number stands for all.

    Raises
    ------
    ArgumentError
        For other numbers.
    ShapeError
        When called for an array whose first axis has another length.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import constraints
    >>> constraints.Signs([1, -1, 0])(np.array([[-1.0, 2.0], [-1.0, 2.0], [-1.0, 2.0]]))
    array([[ 0.,  2.],
           [-1.,  0.],
           [-1.,  2.]])
    """

    def __init__(self, signs: Data = 1):
        self.signs = checked_signs(signs, "signs")

    def projection(self, shape: Shape) -> Array:
        """Return a row for each run of equal signs."""
        count = shape[0] if shape else 1
        signs = np.array(self.signs if isinstance(self.signs, list) else [self.signs] * count)
        if len(signs) != count:
            raise ShapeError(
                f"signs: expected one for each of {count} rows of weights of shape {shape}, "
                f"got {len(signs)}"
            )
        starts = np.flatnonzero(np.diff(signs, prepend=2))
        size = math.prod(shape[1:])
        rows = []
        for start, stop in itertools.pairwise([*starts, count]):
            if signs[start] == 0:
                continue
            code = Code.CONSTRAINT_NON_NEGATIVE
            if signs[start] < 0:
                code = Code.CONSTRAINT_NON_POSITIVE
            rows.append(_row(code, (1, (stop - start) * size, 1)))
            rows[-1]["offset"] = start * size
        return np.array(rows, dtype=CONSTRAINT_ROW)


def checked_signs(signs: Data, argument: str) -> int | list[int]:
    """Return one sign, or a list of them: each is -1, 0 or 1."""
    found = numeric(signs, argument)
    if found.ndim > 1 or found.dtype.kind == "b" or not np.isin(found, (-1, 0, 1)).all():
        raise ArgumentError(
            f"{argument}: expected -1, 0 or 1, or a list of such, got {signs!r}"
        )
    checked: int | list[int] = found.astype(int).tolist()
    return checked


class MinMaxNorm(Constraint):
    """Project to norms of at least min_value and at most max_value.

    Parameters
    ----------
    min_value, max_value : float
        0 <= min_value <= max_value.
    rate : float
        From 0 to 1: the share of the way to the interval that a norm outside goes in a step.
    axis : int, list of int or None
        The axes that the norms are taken along: by default 0, the weights of the inputs of a
        unit of a Dense layer. Several have to be neighbours; None stands for all.

    Raises
    ------
    ShapeError
        When called for an array without such axes.

    Notes
    -----
    w (rate clip(norm, min_value, max_value) + (1 - rate) norm) / (1e-7 + norm), if the norm
    lies outside; a vector of zeros stays unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import constraints
    >>> constraints.MinMaxNorm(max_value=1.0)(np.array([[3.0, 0.6], [4.0, 0.0]])).round(6)
    array([[0.6, 0.6],
           [0.8, 0. ]])
    """

    def __init__(self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0,
                 axis: int | list[int] | None = 0):  # fmt: skip
        self.min_value = number(min_value, "min_value", low=0)
        self.max_value = number(max_value, "max_value", low=self.min_value)
        self.rate = number(rate, "rate", low=0, high=1)
        self.axis = _axes(axis)

    def projection(self, shape: Shape) -> Array:
        sizes = _around(shape, self.axis)
        return _row(Code.CONSTRAINT_NORM, sizes, self.min_value, self.max_value, self.rate)


class MaxNorm(Constraint):
    """Project to norms of at most max_value: MinMaxNorm(0, max_value).

    Parameters
    ----------
    max_value : float, at least 0
    axis : int, list of int or None
        As for MinMaxNorm.
    """

    def __init__(self, max_value: float = 2, axis: int | list[int] | None = 0):
        self.max_value = number(max_value, "max_value", low=0)
        self.axis = _axes(axis)

    def projection(self, shape: Shape) -> Array:
        return _row(Code.CONSTRAINT_NORM, _around(shape, self.axis), 0.0, self.max_value)


class UnitNorm(Constraint):
    """Project to norms of 1: w / (1e-7 + norm). A vector of zeros stays unchanged.

    Parameters
    ----------
    axis : int, list of int or None
        As for MinMaxNorm.
    """

    def __init__(self, axis: int | list[int] | None = 0):
        self.axis = _axes(axis)

    def projection(self, shape: Shape) -> Array:
        return _row(Code.CONSTRAINT_NORM, _around(shape, self.axis), 1.0, 1.0)


def _row(code, sizes, low=0.0, high=0.0, rate=1.0):
    return np.array((code, 0, *sizes, low, high, rate, EPSILON), dtype=CONSTRAINT_ROW)


def _axes(axis):
    given = axis if isinstance(axis, (list, tuple)) else [] if axis is None else [axis]
    if not all(isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in given):
        raise DataTypeError(f"axis: expected whole numbers or None, got {axis!r}")
    if axis is not None and not given:
        raise ArgumentError("axis: expected at least one axis, got an empty list")
    return [int(a) for a in given] if isinstance(axis, (list, tuple)) else axis


def _around(shape, axis):
    """Return the numbers of elements before, along and after the axes of a shape."""
    if axis is None:
        return 1, math.prod(shape), 1
    axes = axis if isinstance(axis, list) else [axis]
    if not all(-len(shape) <= a < len(shape) for a in axes):
        raise ShapeError(f"axis: weights of shape {shape} have no axis {axis}")
    axes = sorted({a % len(shape) for a in axes})
    first, last = axes[0], axes[-1] + 1
    if len(axes) != last - first:
        raise ShapeError(f"axis: expected axes that are neighbours, got {axis}")
    return math.prod(shape[:first]), math.prod(shape[first:last]), math.prod(shape[last:])


CLASSES = (MaxNorm, MinMaxNorm, NonNeg, Signs, UnitNorm)
REGISTRY = Registry("constraint", __name__, classes=(Constraint, *CLASSES))

max_norm, min_max_norm, non_neg, unit_norm = MaxNorm, MinMaxNorm, NonNeg, UnitNorm

serialize = serialize_object
deserialize = REGISTRY.deserialize


def get(identifier: Identifier) -> Callable[..., Array] | None:
    """Return the constraint for a name, class, description or function, or itself.

    Parameters
    ----------
    identifier : str, type, dict, callable or None
        A callable takes an array and returns one of its shape. None stays None.

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


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
