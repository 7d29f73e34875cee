"""Penalties on weights and outputs, with Keras' names, formulas and defaults.

The value of a penalty is added to the loss of each batch, and its gradient to that of the
weights, before clipping and the update; ``evaluate`` adds it to the loss, too.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd import ops
from fastgd._core.types import Penalty
from fastgd._data.arguments import choice
from fastgd._data.validation import number, numeric
from fastgd._registry.advice import NamedArguments, explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Described, Registry
from fastgd._typing import Array, Data, Identifier, Shape
from fastgd.errors import ArgumentError, ShapeError
from fastgd.tape import Tensor, value_and_grad

#: A vector shorter than this is not made a unit vector, as in Keras.
EPSILON = 1e-7


class Regularizer(NamedArguments, Described):
    """Compute a penalty: one number from an array.

    To write your own, define ``__call__`` in operators, NumPy functions or ``fastgd.ops``, or
    pass a function of one argument. Its gradient comes from the tape, or from a
    ``value_and_grad`` of its own. It is called once a step; all else stays compiled.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import ops, regularizers
    >>> class Quartic(regularizers.Regularizer):
    ...     def __init__(self, factor=0.1):
    ...         self.factor = factor
    ...
    ...     def __call__(self, x):
    ...         return self.factor * ops.sum(x**4)
    >>> value, gradient = Quartic().value_and_grad(np.array([1.0, -2.0]))
    >>> round(value, 9), gradient.round(9).tolist()
    (1.7, [0.4, -3.2])
    """

    def __call__(self, x: Data) -> Any:
        """Return the penalty for an array or tensor."""
        raise NotImplementedError(f"{type(self).__name__} does not define __call__")

    def value_and_grad(self, x: Array) -> tuple[float, Array]:
        """Return the penalty for an array, and its gradient of the shape of x."""
        return value_and_grad(self.__call__, x)

    def penalty(self, shape: Shape) -> tuple[int, float, float] | None:
        """Return (code, first, second) for the engine and weights of a shape.

        None, as here, if the engine does not know the formula: it calls value_and_grad then.
        """
        return None


def _numbers(x):
    """Return a tensor as it is, and anything else as an array of numbers."""
    parts = x if isinstance(x, (list, tuple)) else [x]
    followed = any(isinstance(part, Tensor) for part in parts)
    return ops.convert_to_tensor(x if followed else numeric(x, "x"))


class L1L2(Regularizer):
    """Compute l1 * sum of |x| + l2 * sum of x².

    Parameters
    ----------
    l1, l2 : float
        At least 0; None is 0. At x = 0 the gradient of |x| is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import regularizers
    >>> float(regularizers.L1L2(l1=0.5, l2=0.25)(np.array([1.0, -2.0])))
    2.75
    """

    def __init__(self, l1: float | None = 0.0, l2: float | None = 0.0):
        self.l1 = _factor(l1, "l1", 0.0)
        self.l2 = _factor(l2, "l2", 0.0)

    def factors(self) -> tuple[float, float]:
        """Return (l1, l2)."""
        return getattr(self, "l1", 0.0), getattr(self, "l2", 0.0)

    def __call__(self, x: Data) -> Any:
        x = _numbers(x)
        l1, l2 = self.factors()
        value = l1 * ops.sum(ops.absolute(x)) if l1 else x.dtype.type(0)
        return value + l2 * ops.sum(ops.square(x)) if l2 else value

    def penalty(self, shape: Shape) -> tuple[int, float, float]:
        return (Penalty.PENALTY_L1L2, *self.factors())


class L1(L1L2):
    """Compute l1 * sum of |x|.

    Parameters
    ----------
    l1 : float
        At least 0; None is 0.01. At x = 0 the gradient is 0.
    """

    def __init__(self, l1: float | None = 0.01):
        self.l1 = _factor(l1, "l1", 0.01)


class L2(L1L2):
    """Compute l2 * sum of x².

    Parameters
    ----------
    l2 : float
        At least 0; None is 0.01.

    Examples
    --------
    >>> from fastgd import layers, regularizers
    >>> layer = layers.Dense(4, kernel_regularizer=regularizers.L2(1e-4))
    """

    def __init__(self, l2: float | None = 0.01):
        self.l2 = _factor(l2, "l2", 0.01)


class SharedL2(L2):
    """Compute l2 * sum of x², divided by the rows of the batch.

    As in scikit-learn's networks, the penalty is added to the sum of a batch's losses, and
    divided with it: by the number of rows, or by the sum of their weights where the loss is.
    It is a part of the loss that ``fit`` shows, but not of that of ``evaluate``; as a function
    of an array it is not divided. Keras lacks it.

    Parameters
    ----------
    l2 : float
        At least 0; None is 0.01.

    Examples
    --------
    >>> from fastgd import Sequential, layers, regularizers
    >>> layer = layers.Dense(1, kernel_regularizer=regularizers.SharedL2(0.5), use_bias=False)
    >>> model = Sequential([layers.Input(shape=(1,)), layer])
    >>> model.compile("sgd", "mse")
    >>> layer.kernel = [[2.0]]
    >>> model.train_on_batch([[1.0]] * 4, [2.0] * 4)
    0.5
    """

    def penalty(self, shape: Shape) -> tuple[int, float, float]:
        return (Penalty.PENALTY_SHARED, *self.factors())


class OrthogonalRegularizer(Regularizer):
    """Compute factor * mean of |cosine| over the pairs of rows, or columns, of a matrix.

    Parameters
    ----------
    factor : float, at least 0
    mode : {"rows", "columns"}
        The vectors to make orthogonal; the columns of a Dense kernel are those of its units.

    Raises
    ------
    ShapeError
        When called for anything but a matrix.

    Notes
    -----
    A vector is divided by its norm, or by 1e-7 if that is larger. The penalty of a single
    vector is 0. At a cosine of 0 the gradient of |cosine| is 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import regularizers
    >>> regularizer = regularizers.OrthogonalRegularizer(factor=0.5)
    >>> float(regularizer(np.array([[1.0, 0.0], [3.0, 4.0]])))
    0.3
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows"):
        self.factor = number(factor, "factor", low=0)
        self.mode = choice(mode, "mode", ("rows", "columns"))

    def __call__(self, x: Data) -> Any:
        x = _numbers(x)
        self._check(x.shape)
        if self.mode == "columns":
            x = ops.transpose(x)
        n = x.shape[0]
        if n < 2:
            return 0.0 * ops.sum(x)
        squares = ops.sum(ops.square(x), axis=1, keepdims=True)
        unit = x / ops.sqrt(ops.maximum(squares, EPSILON**2))
        cosines = ops.matmul(unit, ops.transpose(unit)) * (1 - np.eye(n, dtype=x.dtype))
        return self.factor / (n * (n - 1)) * ops.sum(ops.absolute(cosines))

    def _check(self, shape):
        if len(shape) != 2:
            raise ShapeError(f"OrthogonalRegularizer: expected a matrix, got shape {shape}")

    def penalty(self, shape: Shape) -> tuple[int, float, float]:
        self._check(shape)
        return Penalty[f"PENALTY_ORTHOGONAL_{self.mode.upper()}"], self.factor, 0.0


def of_outputs(identifier: Identifier) -> L1L2 | None:
    """Return the regularizer of a layer's outputs; ArgumentError unless L1, L2 or L1L2."""
    regularizer = get(identifier)
    if regularizer is not None and not isinstance(regularizer, L1L2):
        raise ArgumentError(
            f"activity_regularizer: expected L1, L2 or L1L2, which are sums over the values, "
            f"got {regularizer!r}"
        )
    return regularizer


def _factor(value, argument, default):
    return number(default if value is None else value, argument, low=0)


CLASSES = (L1, L2, L1L2, OrthogonalRegularizer)
REGISTRY = Registry(
    "regularizer", __name__, CLASSES, unnamed=(Regularizer, SharedL2),
    # It has the factors of "l1" and "l2": without any it would be no penalty at all.
    aliases={"l1_l2": functools.partial(L1L2, 0.01, 0.01)},
)  # fmt: skip

l1, l2, l1_l2, orthogonal_regularizer = L1, L2, L1L2, OrthogonalRegularizer

serialize = serialize_object
deserialize = REGISTRY.deserialize


def get(identifier: Identifier) -> Callable[..., Any] | None:
    """Return the regularizer for a name, class, description or function, or itself.

    Parameters
    ----------
    identifier : str, type, dict, callable or None
        A callable takes an array and returns one number. None stays None.

    Raises
    ------
    UnknownNameError
        Listing the names there are.

    Examples
    --------
    >>> from fastgd import regularizers
    >>> regularizers.get("l2").get_config()
    {'l2': 0.01}
    """
    return REGISTRY.get(identifier)


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
