"""The array operations that a loss or a training step is written in: those of `keras.ops`.

On plain arrays each one is NumPy's function of that name and gives a plain array; under a
`GradientTape` it is recorded if the tape follows an argument, and the result is a `Tensor`.
Python numbers do not widen float32. The rules of differentiation, also at a kink, stand in
``fastgd/_autodiff/rules.py``.

Examples
--------
>>> import numpy as np
>>> from fastgd import ops
>>> from fastgd.tape import GradientTape
>>> y = np.array([1.0, 0.0])
>>> with GradientTape() as tape:
...     z = tape.watch(np.array([0.5, 2.0]))
...     loss = ops.mean(ops.softplus(z) - y * z)
>>> tape.gradient(loss, z).round(4)
array([-0.1888,  0.4404])
"""

import operator
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd import config
from fastgd._autodiff import array_rules, rules
from fastgd._autodiff.array_methods import cast as _cast
from fastgd._autodiff.tensor import Tensor, apply, plain
from fastgd._engine.sizes import check_size
from fastgd._registry.advice import explain
from fastgd._typing import Array, Data, DType
from fastgd.errors import DataTypeError, ShapeError
from fastgd.variables import Variable


def _unary(function: Any, name: str, result: str) -> Callable[[Data], Any]:
    def op(x: Data) -> Any:
        return apply(function, (x,))

    return _described(op, name, result)


def _binary(function: Any, name: str, result: str) -> Callable[[Data, Data], Any]:
    def op(x1: Data, x2: Data) -> Any:
        return apply(function, (x1, x2))

    return _described(op, name, result + "; the shapes broadcast")


def _reduction(function: Any, name: str, result: str) -> Callable[..., Any]:
    def op(x: Data, axis: Any = None, keepdims: bool = False) -> Any:
        return apply(function, (x,), {"axis": axis, "keepdims": keepdims})

    return _described(op, name, result + " over all axes, or over `axis` (int or tuple)")


def _along(function: Any, name: str, default: int | None, result: str) -> Callable[..., Any]:
    def op(x: Data, axis: Any = default) -> Any:
        return apply(function, (x, axis))

    return _described(op, name, result)


def _described(op, name, result):
    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"Return {result}."
    return op


# --- elementwise, one argument ----------------------------------------------------------

absolute = abs = _unary(np.absolute, "absolute", "``|x|``, elementwise; gradient 0 at 0")
negative = _unary(np.negative, "negative", "``-x``, elementwise")
exp = _unary(np.exp, "exp", "``e**x``, elementwise")
exp2 = _unary(np.exp2, "exp2", "``2**x``, elementwise")
expm1 = _unary(np.expm1, "expm1", "``e**x - 1``, elementwise, exact for small x")
log = _unary(np.log, "log", "the natural logarithm, elementwise")
log2 = _unary(np.log2, "log2", "the logarithm to base 2, elementwise")
log10 = _unary(np.log10, "log10", "the logarithm to base 10, elementwise")
log1p = _unary(np.log1p, "log1p", "``log(1 + x)``, elementwise, exact for small x")
sqrt = _unary(np.sqrt, "sqrt", "the square root, elementwise")
square = _unary(np.square, "square", "``x * x``, elementwise")
reciprocal = _unary(np.reciprocal, "reciprocal", "``1 / x``, elementwise")
sin = _unary(np.sin, "sin", "the sine of radians, elementwise")
cos = _unary(np.cos, "cos", "the cosine of radians, elementwise")
tan = _unary(np.tan, "tan", "the tangent of radians, elementwise")
arcsin = _unary(np.arcsin, "arcsin", "the inverse sine in radians, elementwise")
arccos = _unary(np.arccos, "arccos", "the inverse cosine in radians, elementwise")
arctan = _unary(np.arctan, "arctan", "the inverse tangent in radians, elementwise")
sinh = _unary(np.sinh, "sinh", "the hyperbolic sine, elementwise")
cosh = _unary(np.cosh, "cosh", "the hyperbolic cosine, elementwise")
tanh = _unary(np.tanh, "tanh", "the hyperbolic tangent, elementwise")
arcsinh = _unary(np.arcsinh, "arcsinh", "the inverse hyperbolic sine, elementwise")
arccosh = _unary(np.arccosh, "arccosh", "the inverse hyperbolic cosine, elementwise")
arctanh = _unary(np.arctanh, "arctanh", "the inverse hyperbolic tangent, elementwise")
sigmoid = _unary(rules.sigmoid, "sigmoid", "``1 / (1 + e**-x)``, elementwise, no overflow")
log_sigmoid = _unary(rules.log_sigmoid, "log_sigmoid", "``log(sigmoid(x))``, finite for any x")
softplus = _unary(rules.softplus, "softplus", "``log(1 + e**x)``, elementwise, no overflow")
relu = _unary(rules.relu, "relu", "``max(x, 0)``, elementwise; gradient 0 at 0")
silu = _unary(rules.silu, "silu", "``x * sigmoid(x)``, elementwise")
sign = _unary(np.sign, "sign", "-1, 0 or 1, elementwise; a plain array, without gradient")
floor = _unary(np.floor, "floor", "the integer below, elementwise; a plain array")
ceil = _unary(np.ceil, "ceil", "the integer above, elementwise; a plain array")
isfinite = _unary(np.isfinite, "isfinite", "a boolean array: neither infinite nor NaN")
isnan = _unary(np.isnan, "isnan", "a boolean array: not a number")
logical_not = _unary(np.logical_not, "logical_not", "a boolean array: ``not x``")

# --- elementwise, two arguments ---------------------------------------------------------

add = _binary(np.add, "add", "``x1 + x2``, elementwise")
subtract = _binary(np.subtract, "subtract", "``x1 - x2``, elementwise")
multiply = _binary(np.multiply, "multiply", "``x1 * x2``, elementwise")
divide = true_divide = _binary(np.divide, "divide", "``x1 / x2``, elementwise")
power = _binary(np.power, "power", "``x1 ** x2``, elementwise; no gradient of x2 for x1 <= 0")
maximum = _binary(np.maximum, "maximum", "the larger, elementwise; equals share the gradient")
minimum = _binary(np.minimum, "minimum", "the smaller, elementwise; equals share the gradient")
logaddexp = _binary(np.logaddexp, "logaddexp", "``log(e**x1 + e**x2)``, without overflow")
arctan2 = _binary(np.arctan2, "arctan2", "the angle of the point (x2, x1) in radians")
mod = _binary(np.remainder, "mod", "the remainder with the divisor's sign, elementwise")
matmul = _binary(np.matmul, "matmul", "the matrix product, of stacks of matrices too")
dot = _binary(np.dot, "dot", "the product over the last axis of x1 and the last but one of x2")
outer = _binary(np.outer, "outer", "all products of an element of x1 and one of x2")
equal = _binary(np.equal, "equal", "a boolean array: ``x1 == x2``")
not_equal = _binary(np.not_equal, "not_equal", "a boolean array: ``x1 != x2``")
greater = _binary(np.greater, "greater", "a boolean array: ``x1 > x2``")
greater_equal = _binary(np.greater_equal, "greater_equal", "a boolean array: ``x1 >= x2``")
less = _binary(np.less, "less", "a boolean array: ``x1 < x2``")
less_equal = _binary(np.less_equal, "less_equal", "a boolean array: ``x1 <= x2``")
logical_and = _binary(np.logical_and, "logical_and", "a boolean array: ``x1 and x2``")
logical_or = _binary(np.logical_or, "logical_or", "a boolean array: ``x1 or x2``")

# --- reductions -------------------------------------------------------------------------

sum = _reduction(np.sum, "sum", "the sum")
mean = _reduction(np.mean, "mean", "the mean")
prod = _reduction(np.prod, "prod", "the product")
var = _reduction(np.var, "var", "the mean squared distance from the mean")
std = _reduction(np.std, "std", "the root of `var`, with the gradient 0 if it is 0,")
max = amax = _reduction(np.max, "max", "the largest element (equals share the gradient)")
min = amin = _reduction(np.min, "min", "the smallest element (equals share the gradient)")
all = _reduction(np.all, "all", "whether every element is true,")
any = _reduction(np.any, "any", "whether some element is true,")
logsumexp = _reduction(array_rules.logsumexp, "logsumexp", "``log(sum(e**x))``, no overflow,")
argmax = _reduction(np.argmax, "argmax", "the index (int) of the first largest element")
argmin = _reduction(np.argmin, "argmin", "the index (int) of the first smallest element")

# --- along an axis ----------------------------------------------------------------------

cumsum = _along(np.cumsum, "cumsum", None, "sums of all elements so far (None: flattened)")
softmax = _along(
    array_rules.softmax, "softmax", -1, "``e**x / sum(e**x)`` along `axis`, without overflow"
)
log_softmax = _along(
    array_rules.log_softmax, "log_softmax", -1, "``log(softmax(x))``, finite wherever x is"
)
squeeze = _along(np.squeeze, "squeeze", None, "x without the axes of length 1, or `axis`")
flip = _along(np.flip, "flip", None, "the elements in reverse order along all axes, or `axis`")

# --- elementwise, with parameters -------------------------------------------------------


def ones_like(x: Data, dtype: DType | None = None) -> Array:
    """Return a plain array of ones, shaped as x, of its data type by default."""
    return apply(np.ones_like, (x, dtype))


def zeros_like(x: Data, dtype: DType | None = None) -> Array:
    """Return a plain array of zeros, shaped as x, of its data type by default."""
    return apply(np.zeros_like, (x, dtype))


def full_like(x: Data, fill_value: Data, dtype: DType | None = None) -> Array:
    """Return a plain array of one value, shaped as x, of its data type by default."""
    return apply(np.full_like, (x, fill_value, dtype))


def rsqrt(x: Data) -> Any:
    """Return ``1 / sqrt(x)``, elementwise."""
    return reciprocal(sqrt(x))


def leaky_relu(x: Data, negative_slope: float = 0.2) -> Any:
    """Return ``x`` where it is above 0, else ``negative_slope * x``."""
    return apply(rules.leaky_relu, (x, negative_slope))


def elu(x: Data, alpha: float = 1.0) -> Any:
    """Return ``x`` where it is above 0, else ``alpha * (e**x - 1)``."""
    return apply(rules.elu, (x, alpha))


def clip(x: Data, x_min: Data, x_max: Data) -> Any:
    """Return ``x`` brought into ``[x_min, x_max]`` (None: no limit); gradient 1 at limits."""
    return apply(np.clip, (x, x_min, x_max))


def where(condition: Data, x1: Data = None, x2: Data = None) -> Any:
    """Return ``x1`` where `condition` is true, else ``x2``; alone, the indices of the true.

    The gradient of the array that is not taken is 0, unless computing that array gave an
    infinite slope (0 * inf is NaN): limit the argument of such a function first.
    """
    if x1 is None and x2 is None:
        return apply(np.nonzero, (condition,))
    return apply(np.where, (condition, x1, x2))


def round(x: Data, decimals: int = 0) -> Array:
    """Return ``x`` rounded to `decimals` places, ties to even: plain, without gradient."""
    return apply(np.round, (x, decimals))


# --- shapes -----------------------------------------------------------------------------

ravel = _unary(np.ravel, "ravel", "the elements of x in one axis")


def shape(x: Data) -> tuple[int, ...]:
    """Return the lengths of the axes."""
    return np.shape(x)


def ndim(x: Data) -> int:
    """Return the number of axes."""
    return np.ndim(x)


def size(x: Data) -> int:
    """Return the number of elements."""
    return np.size(x)


def reshape(x: Data, newshape: Any) -> Any:
    """Return the elements of x, the last axis fastest, in another shape; -1 is the rest."""
    return apply(np.reshape, (x, newshape))


def transpose(x: Data, axes: Sequence[int] | None = None) -> Any:
    """Return the array with its axes in the order `axes`, by default reversed."""
    return apply(np.transpose, (x, axes))


def swapaxes(x: Data, axis1: int, axis2: int) -> Any:
    """Return the array with two axes exchanged."""
    return apply(np.swapaxes, (x, axis1, axis2))


def moveaxis(x: Data, source: Any, destination: Any) -> Any:
    """Return the array with the axes `source` moved to the places `destination`."""
    return apply(np.moveaxis, (x, source, destination))


def expand_dims(x: Data, axis: Any) -> Any:
    """Return the array with a new axis of length 1 at the place(s) `axis`."""
    return apply(np.expand_dims, (x, axis))


def broadcast_to(x: Data, shape: Any) -> Any:
    """Return the array repeated along axes of length 1, and new first axes, up to `shape`."""
    return apply(np.broadcast_to, (x, shape))


def concatenate(xs: Sequence[Data], axis: int | None = 0) -> Any:
    """Return the arrays of a sequence joined along an axis that they have."""
    return apply(np.concatenate, (xs, axis))


def stack(x: Sequence[Data], axis: int = 0) -> Any:
    """Return the arrays of a sequence, all of one shape, joined along a new axis."""
    return apply(np.stack, (x, axis))


def repeat(x: Data, repeats: Any, axis: int | None = None) -> Any:
    """Return every element (or slice along `axis`) `repeats` times."""
    return apply(np.repeat, (x, repeats, axis))


def roll(x: Data, shift: Any, axis: Any = None) -> Any:
    """Return the elements shifted along `axis`; the last come first."""
    return apply(np.roll, (x, shift, axis))


def take(x: Data, indices: Data, axis: int | None = None) -> Any:
    """Return the elements (or slices along `axis`) with these indices."""
    return apply(np.take, (x, indices, axis))


def getitem(x: Data, key: Any) -> Any:
    """Return ``x[key]``."""
    return apply(operator.getitem, (x, key))


def one_hot(x: Data, num_classes: int, dtype: DType = "float32") -> Array:
    """Return rows of zeros with a one at the class: a plain (n, classes) array for (n,).

    Raises
    ------
    ShapeError
        If a class is not below `num_classes`. As in Keras, -1 gives a row of zeros.
    """
    x = np.asarray(plain(x))
    if x.size and not -1 <= x.min() <= x.max() < num_classes:
        raise ShapeError(f"x must be in [-1, {num_classes}), got {x.min()} to {x.max()}")
    check_size("num_classes", (*x.shape, num_classes))
    return (x[..., None] == np.arange(num_classes)).astype(dtype)


# --- conversion -------------------------------------------------------------------------


def cast(x: Data, dtype: DType) -> Any:
    """Return the values in another dtype; without gradient if that is not floating point."""
    return apply(_cast, (x, dtype))


def convert_to_tensor(x: Data, dtype: DType | None = None) -> Any:
    """Return an array of x: a followed one stays followed, all else is a plain ndarray."""
    if isinstance(x, list | tuple) and x:
        x = stack(x)
    elif not isinstance(x, Tensor | np.ndarray):
        x = np.asarray(x)
    if not x.dtype.isnative:  # another machine's byte order, which only NumPy reads
        x = cast(x, x.dtype.newbyteorder("="))
    return x if dtype is None or x.dtype == np.dtype(dtype) else cast(x, dtype)


def convert_to_numpy(x: Data) -> Array:
    """Return a plain ndarray of x, without gradient."""
    return np.array(plain(x))


def stop_gradient(variable: Data) -> Any:
    """Return the values of `variable` as a plain array through which no gradient flows.

    Raises
    ------
    DataTypeError
        If it is not an array.
    """
    if isinstance(variable, Tensor | Variable):
        return variable.numpy()
    if not isinstance(variable, np.ndarray | np.generic):
        raise DataTypeError(f"variable must be an array, got {type(variable).__name__}")
    return variable.view()


# --- arrays of numbers -------------------------------------------------------------------


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
    whole = np.all([isinstance(number, (int, np.integer)) for number in given])
    dtype = dtype or ("int32" if whole else config.floatx())
    first, last = (0, start) if stop is None else (start, stop)
    return np.arange(first, last, step or 1, dtype=dtype)


def linspace(start: Data, stop: Data, num: int = 50, endpoint: bool = True,
             retstep: Any = False, dtype: Any = None, axis: int = 0) -> Any:  # fmt: skip
    """Return `num` numbers at equal distances, of ``config.floatx()`` by default."""
    dtype = dtype or config.floatx()
    return np.linspace(start, stop, num, endpoint, retstep, dtype, axis)


def eye(N: int, M: int | None = None, k: int = 0, dtype: DType | None = None) -> Array:
    """Return ones on the k-th diagonal of N rows and M columns, zeros elsewhere."""
    return np.eye(N, M, k, dtype or config.floatx())


def identity(n: int, dtype: DType | None = None) -> Array:
    """Return ones on the diagonal of n rows and columns, zeros elsewhere."""
    return eye(n, dtype=dtype)


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
