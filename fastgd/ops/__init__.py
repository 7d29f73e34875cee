"""The array operations that a loss or a training step is written in: those of `keras.ops`.

On plain arrays every one is NumPy's function of that name and gives a plain array; under a
`GradientTape` it is recorded where an argument is followed, and the result is a `Tensor`.
Python numbers do not widen float32. The rules of differentiation, and what they take at a
kink, stand in ``fastgd/_autodiff/rules.py``.

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

import numpy as np

from fastgd._autodiff import array_rules as array_rules
from fastgd._autodiff import rules as rules
from fastgd._autodiff.array_methods import cast as _cast
from fastgd._autodiff.tensor import Tensor, apply
from fastgd.errors import DataTypeError, ShapeError
from fastgd.ops.creation import arange, eye, full, identity, linspace, ones, zeros  # noqa: F401
from fastgd.variables import Variable


def _unary(function, name, formula):
    def op(x):
        return apply(function, (x,))

    return _described(op, name, formula)


def _binary(function, name, formula):
    def op(x1, x2):
        return apply(function, (x1, x2))

    return _described(op, name, formula + "; the shapes broadcast")


def _reduction(function, name, formula):
    def op(x, axis=None, keepdims=False):
        return apply(function, (x,), {"axis": axis, "keepdims": keepdims})

    return _described(op, name, formula + " over all axes, or over `axis` (int or tuple)")


def _described(op, name, formula):
    op.__name__ = op.__qualname__ = name
    op.__doc__ = f"{formula}."
    return op


# --- elementwise, one argument ----------------------------------------------------------

absolute = abs = _unary(np.absolute, "absolute", "``|x|``, elementwise; gradient 0 at 0")
negative = _unary(np.negative, "negative", "``-x``, elementwise")
exp = _unary(np.exp, "exp", "``e**x``, elementwise")
exp2 = _unary(np.exp2, "exp2", "``2**x``, elementwise")
expm1 = _unary(np.expm1, "expm1", "``e**x - 1``, elementwise, exact for small x")
log = _unary(np.log, "log", "The natural logarithm, elementwise")
log2 = _unary(np.log2, "log2", "The logarithm to base 2, elementwise")
log10 = _unary(np.log10, "log10", "The logarithm to base 10, elementwise")
log1p = _unary(np.log1p, "log1p", "``log(1 + x)``, elementwise, exact for small x")
sqrt = _unary(np.sqrt, "sqrt", "The square root, elementwise")
square = _unary(np.square, "square", "``x * x``, elementwise")
reciprocal = _unary(np.reciprocal, "reciprocal", "``1 / x``, elementwise")
sin = _unary(np.sin, "sin", "The sine of radians, elementwise")
cos = _unary(np.cos, "cos", "The cosine of radians, elementwise")
tan = _unary(np.tan, "tan", "The tangent of radians, elementwise")
arcsin = _unary(np.arcsin, "arcsin", "The inverse sine in radians, elementwise")
arccos = _unary(np.arccos, "arccos", "The inverse cosine in radians, elementwise")
arctan = _unary(np.arctan, "arctan", "The inverse tangent in radians, elementwise")
sinh = _unary(np.sinh, "sinh", "The hyperbolic sine, elementwise")
cosh = _unary(np.cosh, "cosh", "The hyperbolic cosine, elementwise")
tanh = _unary(np.tanh, "tanh", "The hyperbolic tangent, elementwise")
arcsinh = _unary(np.arcsinh, "arcsinh", "The inverse hyperbolic sine, elementwise")
arccosh = _unary(np.arccosh, "arccosh", "The inverse hyperbolic cosine, elementwise")
arctanh = _unary(np.arctanh, "arctanh", "The inverse hyperbolic tangent, elementwise")
sigmoid = _unary(rules.sigmoid, "sigmoid", "``1 / (1 + e**-x)``, elementwise, no overflow")
log_sigmoid = _unary(rules.log_sigmoid, "log_sigmoid", "``log(sigmoid(x))``, finite for any x")
softplus = _unary(rules.softplus, "softplus", "``log(1 + e**x)``, elementwise, no overflow")
relu = _unary(rules.relu, "relu", "``max(x, 0)``, elementwise; gradient 0 at 0")
silu = _unary(rules.silu, "silu", "``x * sigmoid(x)``, elementwise")
sign = _unary(np.sign, "sign", "-1, 0 or 1, elementwise; a plain array, without gradient")
floor = _unary(np.floor, "floor", "The integer below, elementwise; a plain array")
ceil = _unary(np.ceil, "ceil", "The integer above, elementwise; a plain array")
isfinite = _unary(np.isfinite, "isfinite", "Neither infinite nor NaN: a boolean array")
isnan = _unary(np.isnan, "isnan", "Not a number: a boolean array")
logical_not = _unary(np.logical_not, "logical_not", "``not x``: a boolean array")

# --- elementwise, two arguments ---------------------------------------------------------

add = _binary(np.add, "add", "``x1 + x2``, elementwise")
subtract = _binary(np.subtract, "subtract", "``x1 - x2``, elementwise")
multiply = _binary(np.multiply, "multiply", "``x1 * x2``, elementwise")
divide = true_divide = _binary(np.divide, "divide", "``x1 / x2``, elementwise")
power = _binary(np.power, "power", "``x1 ** x2``, elementwise; no gradient of x2 for x1 <= 0")
maximum = _binary(np.maximum, "maximum", "The larger, elementwise; equals share the gradient")
minimum = _binary(np.minimum, "minimum", "The smaller, elementwise; equals share the gradient")
logaddexp = _binary(np.logaddexp, "logaddexp", "``log(e**x1 + e**x2)``, without overflow")
arctan2 = _binary(np.arctan2, "arctan2", "The angle of the point (x2, x1) in radians")
mod = _binary(np.remainder, "mod", "The remainder with the divisor's sign, elementwise")
matmul = _binary(np.matmul, "matmul", "The matrix product, of stacks of matrices too")
dot = _binary(np.dot, "dot", "The product over the last axis of x1 and the last but one of x2")
outer = _binary(np.outer, "outer", "All products of an element of x1 and one of x2")
equal = _binary(np.equal, "equal", "``x1 == x2``: a boolean array")
not_equal = _binary(np.not_equal, "not_equal", "``x1 != x2``: a boolean array")
greater = _binary(np.greater, "greater", "``x1 > x2``: a boolean array")
greater_equal = _binary(np.greater_equal, "greater_equal", "``x1 >= x2``: a boolean array")
less = _binary(np.less, "less", "``x1 < x2``: a boolean array")
less_equal = _binary(np.less_equal, "less_equal", "``x1 <= x2``: a boolean array")
logical_and = _binary(np.logical_and, "logical_and", "``x1 and x2``: a boolean array")
logical_or = _binary(np.logical_or, "logical_or", "``x1 or x2``: a boolean array")

# --- reductions -------------------------------------------------------------------------

sum = _reduction(np.sum, "sum", "The sum")
mean = _reduction(np.mean, "mean", "The mean")
prod = _reduction(np.prod, "prod", "The product")
var = _reduction(np.var, "var", "The mean squared distance from the mean")
std = _reduction(np.std, "std", "The root of `var`; gradient 0 where it is 0")
max = amax = _reduction(np.max, "max", "The largest; equals share the gradient")
min = amin = _reduction(np.min, "min", "The smallest; equals share the gradient")
all = _reduction(np.all, "all", "Whether every element is true,")
any = _reduction(np.any, "any", "Whether some element is true,")
logsumexp = _reduction(array_rules.logsumexp, "logsumexp", "``log(sum(e**x))``, no overflow,")


def argmax(x, axis=None, keepdims=False):
    """The index of the first largest element: a plain integer array, without gradient."""
    return apply(np.argmax, (x,), {"axis": axis, "keepdims": keepdims})


def argmin(x, axis=None, keepdims=False):
    """The index of the first smallest element: a plain integer array, without gradient."""
    return apply(np.argmin, (x,), {"axis": axis, "keepdims": keepdims})


def cumsum(x, axis=None):
    """Sums of all elements so far along `axis`; of the flattened array if it is None."""
    return apply(np.cumsum, (x, axis))


def softmax(x, axis=-1):
    """``e**x / sum(e**x)`` along `axis`, without overflow."""
    return apply(array_rules.softmax, (x, axis))


def log_softmax(x, axis=-1):
    """``x - log(sum(e**x))`` along `axis`, finite wherever x is."""
    return apply(array_rules.log_softmax, (x, axis))


# --- elementwise, with parameters -------------------------------------------------------


def ones_like(x, dtype=None):
    """A plain array of ones, shaped as x, of its data type by default."""
    return apply(np.ones_like, (x, dtype))


def zeros_like(x, dtype=None):
    """A plain array of zeros, shaped as x, of its data type by default."""
    return apply(np.zeros_like, (x, dtype))


def full_like(x, fill_value, dtype=None):
    """A plain array of one value, shaped as x, of its data type by default."""
    return apply(np.full_like, (x, fill_value, dtype))


def rsqrt(x):
    """``1 / sqrt(x)``, elementwise."""
    return reciprocal(sqrt(x))


def leaky_relu(x, negative_slope=0.2):
    """``x`` where it is above 0, else ``negative_slope * x``."""
    return apply(rules.leaky_relu, (x, negative_slope))


def elu(x, alpha=1.0):
    """``x`` where it is above 0, else ``alpha * (e**x - 1)``."""
    return apply(rules.elu, (x, alpha))


def clip(x, x_min, x_max):
    """``x`` brought into ``[x_min, x_max]`` (None: no limit); gradient 1 at the limits."""
    return apply(np.clip, (x, x_min, x_max))


def where(condition, x1=None, x2=None):
    """``x1`` where `condition` is true, else ``x2``; alone, the indices of the true elements.

    The gradient of the array that is not taken is 0, unless computing that array gave an
    infinite slope (0 * inf is NaN): limit the argument of such a function first.
    """
    if x1 is None and x2 is None:
        return apply(np.nonzero, (condition,))
    return apply(np.where, (condition, x1, x2))


def round(x, decimals=0):
    """``x`` rounded to `decimals` places, ties to even: a plain array, without gradient."""
    return apply(np.round, (x, decimals))


# --- shapes -----------------------------------------------------------------------------


def shape(x):
    """tuple of int: the lengths of the axes."""
    return np.shape(x)


def ndim(x):
    """int: the number of axes."""
    return np.ndim(x)


def size(x):
    """int: the number of elements."""
    return np.size(x)


def reshape(x, newshape):
    """The elements of x, the last axis fastest, in another shape; one length may be -1."""
    return apply(np.reshape, (x, newshape))


def ravel(x):
    """The elements of x in one axis."""
    return apply(np.ravel, (x,))


def transpose(x, axes=None):
    """The axes in the order `axes`, by default reversed."""
    return apply(np.transpose, (x, axes))


def swapaxes(x, axis1, axis2):
    """The array with two axes exchanged."""
    return apply(np.swapaxes, (x, axis1, axis2))


def moveaxis(x, source, destination):
    """The array with the axes `source` moved to the places `destination`."""
    return apply(np.moveaxis, (x, source, destination))


def squeeze(x, axis=None):
    """Without the axes of length 1, or without `axis`."""
    return apply(np.squeeze, (x, axis))


def expand_dims(x, axis):
    """With a new axis of length 1 at the place(s) `axis`."""
    return apply(np.expand_dims, (x, axis))


def broadcast_to(x, shape):
    """The array repeated along axes of length 1, and new first axes, up to `shape`."""
    return apply(np.broadcast_to, (x, shape))


def concatenate(xs, axis=0):
    """The arrays of a sequence joined along an axis that they have."""
    return apply(np.concatenate, (xs, axis))


def stack(x, axis=0):
    """The arrays of a sequence, all of one shape, joined along a new axis."""
    return apply(np.stack, (x, axis))


def repeat(x, repeats, axis=None):
    """Every element (or slice along `axis`) `repeats` times."""
    return apply(np.repeat, (x, repeats, axis))


def flip(x, axis=None):
    """The elements in reverse order along `axis`, or along all axes."""
    return apply(np.flip, (x, axis))


def roll(x, shift, axis=None):
    """The elements shifted along `axis`; the last come first."""
    return apply(np.roll, (x, shift, axis))


def take(x, indices, axis=None):
    """The elements (or slices along `axis`) with these indices."""
    return apply(np.take, (x, indices, axis))


def getitem(x, key):
    """``x[key]``."""
    return apply(operator.getitem, (x, key))


def one_hot(x, num_classes, dtype="float32"):
    """Rows of zeros with a one at the class: (n,) integers give a plain (n, classes) array.

    Raises
    ------
    ShapeError
        If a class is not below `num_classes`. As in Keras, -1 gives a row of zeros.
    """
    x = np.asarray(x)
    if x.size and not -1 <= x.min() <= x.max() < num_classes:
        raise ShapeError(f"x must be in [-1, {num_classes}), got {x.min()} to {x.max()}")
    return (x[..., None] == np.arange(num_classes)).astype(dtype)


# --- conversion -------------------------------------------------------------------------


def cast(x, dtype):
    """The values in another dtype; without gradient if that is not floating point."""
    return apply(_cast, (x, dtype))


def convert_to_tensor(x, dtype=None):
    """An array of x: a followed one stays followed, anything else becomes a plain ndarray."""
    if isinstance(x, list | tuple):
        x = stack(x)
    elif not isinstance(x, Tensor | np.ndarray):
        x = np.asarray(x)
    if not x.dtype.isnative:  # another machine's byte order, which only NumPy reads
        x = cast(x, x.dtype.newbyteorder("="))
    return x if dtype is None or x.dtype == np.dtype(dtype) else cast(x, dtype)


def convert_to_numpy(x):
    """A plain ndarray of x, without gradient."""
    return np.array(x)


def stop_gradient(variable):
    """The values of `variable` as a plain array through which no gradient flows.

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
