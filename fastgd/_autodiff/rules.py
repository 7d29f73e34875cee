"""The table of gradient rules, and the rules of functions that work elementwise.

A rule has one function ``vjp(d, out, *arguments)`` per array argument: the gradient of a
scalar with respect to that argument, where ``d`` is its gradient with respect to the result
``out``. It may have the broadcast shape of the result: `unbroadcast` sums it back.

While another tape records, a rule gets Tensors and is recorded: it writes nothing in place, and
uses NumPy's functions that have rules themselves, and others by `call`. So there are second
derivatives.

At a kink the rules take: 0 for ``abs`` and ``relu`` at 0, one half each for the two equal
arguments of ``maximum`` and ``minimum``, 1 for ``clip`` at its limits.
"""

import math
from typing import Any

import numpy as np

from fastgd._autodiff.array_methods import ArrayMethods
from fastgd.reference import activations

# Their derivative is zero wherever it exists: the result is a plain array. (A result that is
# not floating point, such as that of argmax or of a comparison, needs no entry here.)
CONSTANT = {
    np.floor, np.ceil, np.trunc, np.fix, np.rint, np.round, np.around, np.sign,
    np.floor_divide, np.heaviside, np.zeros_like, np.ones_like, np.full_like, np.empty_like,
    np.spacing, np.nextafter,
}  # fmt: skip

# They write into an argument and return nothing.
WRITING = {
    np.copyto, np.fill_diagonal, np.place, np.put, np.put_along_axis, np.putmask,
}  # fmt: skip


class Rule:
    """The gradient functions of one function: one, or None, for each leading array argument.

    With ``sequence`` the first argument is a sequence of arrays, and the vjp returns a list.
    """

    __slots__ = ("keywords", "n_arguments", "sequence", "vjps")

    def __init__(self, *vjps, sequence=False):
        code = next(vjp for vjp in vjps if vjp is not None).__code__
        n_named = code.co_argcount + code.co_kwonlyargcount
        self.vjps = vjps
        self.sequence = sequence
        self.n_arguments = code.co_argcount - 2
        self.keywords = frozenset(code.co_varnames[2:n_named])


class Rules(dict[Any, Rule]):
    """The Rule of NumPy's functions and those of this package, for all uses of them."""

    def define(self, function, *vjps, **options):
        """Enter the rule of `function`."""
        self[function] = Rule(*vjps, **options)


#: The rules of functions of elements; ``array_rules`` has the others.
RULES = Rules()
define = RULES.define


def unbroadcast(d, shape):
    """Sum `d` over the axes along which an array of `shape` was broadcast."""
    if d.shape == shape:
        return d
    extra = d.ndim - len(shape)
    stretched = (i for i, n in enumerate(shape, extra) if n == 1 != d.shape[i])
    return d.sum(axis=(*range(extra), *stretched)).reshape(shape)


def call(function, x, *args):
    """Call a function that NumPy lacks, which is recorded if `x` is a Tensor."""
    if isinstance(x, ArrayMethods):
        return x.__array_function__(function, (), (x, *args), {})
    return function(x, *args)


# --- functions that NumPy lacks ---------------------------------------------------------


def sigmoid(x):
    """Return ``1 / (1 + exp(-x))`` without overflow."""
    return activations.sigmoid(np.asarray(x))


def log_sigmoid(x):
    """Return ``log(sigmoid(x))``, finite wherever x is."""
    return -softplus(np.negative(x))


def softplus(x):
    """Return ``log(1 + exp(x))`` without overflow."""
    return activations.softplus(np.asarray(x))


def relu(x):
    """Return ``max(x, 0)``."""
    return np.maximum(x, 0)


def leaky_relu(x, negative_slope=0.2):
    """Return ``x`` where it is above 0, else ``negative_slope * x``."""
    x = np.asarray(x)
    return np.where(x > 0, x, negative_slope * x)


def elu(x, alpha=1.0):
    """Return ``x`` where it is above 0, else ``alpha * (exp(x) - 1)``."""
    return activations.elu(np.asarray(x), alpha)


def silu(x):
    """Return ``x * sigmoid(x)``."""
    return x * sigmoid(x)


define(sigmoid, lambda d, out, x: d * out * (1 - out))
define(log_sigmoid, lambda d, out, x: d * call(sigmoid, -x))
define(softplus, lambda d, out, x: d * call(sigmoid, x))
define(relu, lambda d, out, x: d * (x > 0))
define(leaky_relu, lambda d, out, x, negative_slope=0.2: np.where(x > 0, d, negative_slope * d))
define(elu, lambda d, out, x, alpha=1.0: np.where(x > 0, d, d * (out + alpha)))
define(silu, lambda d, out, x: d * (s := call(sigmoid, x)) * (1 + x * (1 - s)))

# --- one argument -----------------------------------------------------------------------

define(np.positive, lambda d, out, x: d)
define(np.negative, lambda d, out, x: -d)
define(np.conjugate, lambda d, out, x: d)
define(np.absolute, lambda d, out, x: d * np.sign(x))
define(np.fabs, lambda d, out, x: d * np.sign(x))
define(np.exp, lambda d, out, x: d * out)
define(np.exp2, lambda d, out, x: d * out * math.log(2))
define(np.expm1, lambda d, out, x: d * (out + 1))
define(np.log, lambda d, out, x: d / x)
define(np.log2, lambda d, out, x: d / (x * math.log(2)))
define(np.log10, lambda d, out, x: d / (x * math.log(10)))
define(np.log1p, lambda d, out, x: d / (1 + x))
define(np.sqrt, lambda d, out, x: d / (2 * out))
define(np.cbrt, lambda d, out, x: d / (3 * out * out))
define(np.square, lambda d, out, x: 2 * x * d)
define(np.reciprocal, lambda d, out, x: -d * out * out)
define(np.sin, lambda d, out, x: d * np.cos(x))
define(np.cos, lambda d, out, x: -d * np.sin(x))
define(np.tan, lambda d, out, x: d * (1 + out * out))
define(np.arcsin, lambda d, out, x: d / np.sqrt(1 - x * x))
define(np.arccos, lambda d, out, x: -d / np.sqrt(1 - x * x))
define(np.arctan, lambda d, out, x: d / (1 + x * x))
define(np.sinh, lambda d, out, x: d * np.cosh(x))
define(np.cosh, lambda d, out, x: d * np.sinh(x))
define(np.tanh, lambda d, out, x: d * (1 - out * out))
define(np.arcsinh, lambda d, out, x: d / np.sqrt(x * x + 1))
define(np.arccosh, lambda d, out, x: d / np.sqrt(x * x - 1))
define(np.arctanh, lambda d, out, x: d / (1 - x * x))
define(np.copy, lambda d, out, x, *, order="K": d)

# --- two arguments ----------------------------------------------------------------------


def _power_base(d, out, a, b):
    if isinstance(b, (int, float)):
        return d * b * np.power(a, b - 1) if b != 0 else np.zeros_like(d)
    # a ** (b - 1) is infinite at a = b = 0, where a ** b is the constant 1.
    return d * b * np.power(a, np.where(b == 0, 1, b - 1))


def _power_exponent(d, out, a, b):
    # As TensorFlow: a base that is not positive gives no gradient to its exponent.
    return d * out * np.log(np.where(np.greater(a, 0), a, 1))


def _larger(d, a, b):
    """Return the share of `d` for `a`, where the larger of a and b is the result."""
    return np.where(a == b, d * 0.5, np.where(np.greater(a, b), d, 0))


define(np.add, lambda d, out, a, b: d, lambda d, out, a, b: d)
define(np.subtract, lambda d, out, a, b: d, lambda d, out, a, b: -d)
define(np.multiply, lambda d, out, a, b: d * b, lambda d, out, a, b: d * a)
define(np.divide, lambda d, out, a, b: d / b, lambda d, out, a, b: -d * out / b)
define(np.power, _power_base, _power_exponent)
define(np.float_power, _power_base, _power_exponent)
define(np.remainder, lambda d, out, a, b: d, lambda d, out, a, b: -d * np.floor_divide(a, b))
define(np.maximum, lambda d, out, a, b: _larger(d, a, b), lambda d, out, a, b: _larger(d, b, a))
define(np.minimum, lambda d, out, a, b: _larger(d, b, a), lambda d, out, a, b: _larger(d, a, b))
define(np.hypot, lambda d, out, a, b: d * a / out, lambda d, out, a, b: d * b / out)
define(
    np.arctan2,
    lambda d, out, a, b: d * b / (a * a + b * b),
    lambda d, out, a, b: -d * a / (a * a + b * b),
)
define(
    np.logaddexp,
    lambda d, out, a, b: d * np.exp(a - out),
    lambda d, out, a, b: d * np.exp(b - out),
)

# --- three arguments --------------------------------------------------------------------


def _clip_x(d, out, x, low=None, high=None):
    inside = np.ones(np.shape(out), bool)
    if low is not None:
        inside &= x >= low
    if high is not None:
        inside &= x <= high
    return d * inside


define(
    np.clip,
    _clip_x,
    lambda d, out, x, low, high=None: d * (x < low),
    lambda d, out, x, low, high: d * (x > high),
)
define(
    np.where,
    None,
    lambda d, out, condition, a, b: np.where(condition, d, 0),
    lambda d, out, condition, a, b: np.where(condition, 0, d),
)
