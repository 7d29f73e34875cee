"""Arrays that a tape follows, and the one way by which an operation on them is recorded."""

import inspect
import operator
from types import MappingProxyType

import numpy as np

from fastgd._autodiff import array_rules, rules
from fastgd._autodiff.array_methods import ArrayMethods, cast
from fastgd._autodiff.rules import CONSTANT, unbroadcast
from fastgd.errors import DataTypeError
from fastgd.variables import Variable, active

_RULES = rules.RULES | array_rules.RULES
_NOTHING = MappingProxyType({})
_OBJECT = np.dtype(object)


class Tensor(ArrayMethods):
    """An array that a gradient tape follows.

    It has an ndarray's attributes, methods and operators, and NumPy's functions and those of
    `fastgd.ops` take it. While a tape records, what is computed from it in floating point is a
    Tensor again; comparisons, integers and, without a tape, everything are plain NumPy.

    ``np.asarray(t)``, ``float(t)`` and ``t.numpy()`` leave the tape: the gradient does not
    flow through them. So ``np.array([t, u])`` loses it too; write ``np.stack([t, u])``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.tape import GradientTape
    >>> with GradientTape() as tape:
    ...     x = tape.watch(np.array([1.0, 2.0]))
    ...     y = np.sum(x**2)
    >>> y
    <Tensor shape=(), dtype=float64, value=5.0>
    >>> tape.gradient(y, x)
    array([2., 4.])
    """

    __slots__ = ("_value",)
    __hash__ = None

    def __init__(self, value):
        self._value = value

    @property
    def shape(self):
        """tuple of int: the lengths of the axes."""
        return self._value.shape

    @property
    def dtype(self):
        """The NumPy dtype."""
        return self._value.dtype

    @property
    def ndim(self):
        """The number of axes."""
        return self._value.ndim

    @property
    def size(self):
        """The number of elements."""
        return self._value.size

    def numpy(self):
        """A copy as a plain array (or NumPy scalar)."""
        return self._value.copy()

    def item(self, *args):
        """One element as a Python number."""
        return self._value.item(*args)

    def tolist(self):
        """The elements as nested lists of Python numbers."""
        return self._value.tolist()

    def astype(self, dtype):
        """The values in another dtype."""
        return apply(cast, (self, dtype))

    def __array__(self, dtype=None, copy=None):
        return np.array(self._value, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and not kwargs:
            return apply(ufunc, inputs)
        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return apply(function, args, kwargs)

    def __getitem__(self, key):
        return apply(operator.getitem, (self, key))

    def __iter__(self):
        return (self[i] for i in range(len(self)))

    def __len__(self):
        return len(self._value)

    def __float__(self):
        return float(self._value)

    def __int__(self):
        return int(self._value)

    def __bool__(self):
        return bool(self._value)

    def __format__(self, spec):
        return format(self._value if self.ndim else self._value[()], spec)

    def __repr__(self):
        value = str(self._value) if self.ndim == 0 else repr(self._value)
        return f"<Tensor shape={self.shape}, dtype={self.dtype}, value={value}>"

    def __pow__(self, other):
        # What an ndarray does, and with a cheaper gradient.
        if type(other) in (int, float) and other == 2:
            return apply(np.square, (self,))
        return _power(self, other)


def _operator(ufunc):
    def method(self, other):
        # The array protocol: None says that the other class handles operators itself.
        if getattr(type(other), "__array_ufunc__", ufunc) is None:
            return NotImplemented
        return apply(ufunc, (self, other))

    return method


_power = _operator(np.power)


def _reflected(ufunc):
    return lambda self, other: apply(ufunc, (other, self))


def _add_operators():
    for name, ufunc in {
        "add": np.add, "sub": np.subtract, "mul": np.multiply, "truediv": np.true_divide,
        "floordiv": np.floor_divide, "mod": np.remainder, "matmul": np.matmul,
    }.items():  # fmt: skip
        setattr(Tensor, f"__{name}__", _operator(ufunc))
        setattr(Tensor, f"__r{name}__", _reflected(ufunc))
    Tensor.__rpow__ = _reflected(np.power)
    for name, ufunc in {
        "lt": np.less, "le": np.less_equal, "eq": np.equal, "ne": np.not_equal,
        "ge": np.greater_equal, "gt": np.greater,
    }.items():  # fmt: skip
        setattr(Tensor, f"__{name}__", _operator(ufunc))
    for name, ufunc in {"neg": np.negative, "pos": np.positive, "abs": np.absolute}.items():
        setattr(Tensor, f"__{name}__", lambda self, ufunc=ufunc: apply(ufunc, (self,)))


_add_operators()


def plain(x):
    """`x` with the Tensors and Variables in it, also in lists and tuples, as plain arrays."""
    if isinstance(x, (Tensor, Variable)):
        return x._value
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x] if isinstance(x, list) else tuple(map(plain, x))
    return x


def followed(x):
    """Whether a tape that records in this thread follows `x`, also inside lists and tuples.

    Parameters
    ----------
    x : Tensor, Variable, ndarray, or list or tuple of them

    Returns
    -------
    bool
    """
    if isinstance(x, (list, tuple)):
        return any(followed(item) for item in x)
    return any(tape._slot(x) is not None for tape in active.tapes)


def record(value, parents, backward):
    """Put an operation that NumPy does not know, such as the call of a model, on the tapes.

    Parameters
    ----------
    value : ndarray
        The result.
    parents : sequence
        What it was computed from: ndarrays, Tensors, Variables, or the flat vector (`owner`)
        of a model's Variables for all of them at once. Others than the followed are ignored.
    backward : callable
        ``backward(d_value)`` takes the gradient with respect to `value`, of its shape and
        dtype and not to be written to, and returns one ndarray or None per parent, of the
        parent's shape. An array for a flat vector or a Variable is copied at once; any other
        must stay as it is until `GradientTape.gradient` returns.

    Returns
    -------
    Tensor

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.tape import GradientTape, record
    >>> with GradientTape() as tape:
    ...     x = tape.watch(np.array([1.0, 2.0]))
    ...     y = record(3.0 * x.numpy(), [x], lambda d_value: [3.0 * d_value])
    >>> tape.gradient(y, x)
    array([3., 3.])
    """
    tensor = Tensor(value)
    for tape in active.tapes:
        links = tape._links(parents, [plain(x) for x in parents])
        if links:
            tape._note(tensor, links, backward)
    return tensor


class Symbolic:
    """What has no values yet and notes what is done with it, see ``layers.symbolic``."""

    def applied(self, function, args, kwargs):
        """What `function` would give, ``self`` being one of `args`."""
        raise NotImplementedError

    def activated(self, description, axis):
        """What an activation gives, see ``_engine.plan.Description``."""
        raise NotImplementedError


def apply(function, args, kwargs=_NOTHING):
    """Call `function` on the plain arrays in `args`, and record it where a tape follows one.

    Raises
    ------
    DataTypeError
        If a followed array goes through a function, or an argument of it, without a rule.
    """
    for x in args[0] if args and type(args[0]) in (list, tuple) else args:
        if isinstance(x, Symbolic):
            return x.applied(function, args, kwargs)
    tapes = active.tapes
    rule = _RULES.get(function) if tapes else None
    if rule is None:
        return _apply_without_rule(function, args, kwargs)
    if kwargs and not rule.keywords.issuperset(kwargs):
        args, kwargs = _positional(function, args, kwargs)
    n = len(rule.vjps)
    arrays = [
        # A list with Tensors in it where an array belongs is the array that it would make.
        apply(np.stack, (x,)) if isinstance(x, (list, tuple)) and followed(x) else x
        for x in (args[0] if rule.sequence else args[:n])
    ]
    # Copies, since a Variable may be assigned to before the gradient is asked for.
    values = [x._value.copy() if isinstance(x, Variable) else plain(x) for x in arrays]
    rest = args[n:]
    if rest or kwargs:
        if followed((*rest, *kwargs.values())):
            raise _no_gradient(function)
        rest, kwargs = plain(rest), {name: plain(x) for name, x in kwargs.items()}
    inputs = [values, *rest] if rule.sequence else [*values, *rest]
    value = function(*inputs, **kwargs)
    tensor = None
    for tape in tapes:
        links = tape._links(arrays, values)
        if links and getattr(value, "dtype", _OBJECT).kind == "f":
            if tensor is None:
                if kwargs or len(args) > rule.n_arguments:
                    _check(function, rule, args, kwargs)
                tensor = Tensor(value)
            tape._note(tensor, links, _backward(function, rule, links, value, inputs, kwargs))
    return value if tensor is None else tensor


def _backward(function, rule, links, value, inputs, kwargs):
    if rule.sequence:
        return lambda d: rule.vjps[0](d, value, *inputs, **kwargs)
    if None in rule.vjps and any(rule.vjps[i] is None for i, _, _ in links):
        raise _no_gradient(function)

    def backward(d):
        gradients = [None] * len(rule.vjps)
        for i, _, like in links:
            gradients[i] = unbroadcast(rule.vjps[i](d, value, *inputs, **kwargs), like.shape)
        return gradients

    return backward


def _apply_without_rule(function, args, kwargs):
    value = function(*plain(args), **{k: plain(v) for k, v in kwargs.items()})
    if not active.tapes or function in CONSTANT or _is_constant(value):
        return value
    if not followed((*args, *kwargs.values())):
        return value
    raise DataTypeError(
        f"{_name(function)} has no gradient rule, but a tape follows its argument; "
        "use the functions of fastgd.ops, or ops.stop_gradient(x) if no gradient is wanted"
    )


def _is_constant(value):
    """Whether the result of a function is of a kind that no gradient flows through."""
    if isinstance(value, (list, tuple)):
        return all(_is_constant(item) for item in value)
    dtype = getattr(value, "dtype", None)
    return not isinstance(value, float) if dtype is None else dtype.kind not in "fcO"


def _positional(function, args, kwargs):
    """Turn keyword arguments into positional ones, as the rules want arrays to be."""
    if kwargs.get("out", ...) is None:
        kwargs = {name: value for name, value in kwargs.items() if name != "out"}
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):  # no signature, or a call that the function will refuse
        return args, kwargs
    return bound.args, bound.kwargs


def _no_gradient(function):
    return DataTypeError(
        f"{_name(function)} has no gradient with respect to one of the arrays that a tape "
        "follows; use ops.stop_gradient(x) if none is wanted"
    )


def _check(function, rule, args, kwargs):
    unknown = sorted(kwargs.keys() - rule.keywords)
    if unknown or len(args) > rule.n_arguments:
        seen = f"the argument {unknown[0]!r}" if unknown else f"{len(args)} arguments"
        raise DataTypeError(f"{_name(function)} has no gradient rule for {seen}")


def _name(function):
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{getattr(function, '__name__', function)}"


def apply_ufunc(ufunc, method, inputs, kwargs):
    """``__array_ufunc__`` of Tensors and, under a tape, of Variables."""
    outputs = kwargs.get("out")
    if method == "__call__" and outputs is None:
        return apply(ufunc, inputs, kwargs)
    written = outputs or inputs[: method == "at"]
    if any(isinstance(x, Tensor) for x in written):
        raise DataTypeError(f"{_name(ufunc)} cannot write into a Tensor")
    # In-place operations on a Variable are assignments; anything else would lose a gradient.
    if not (written and all(isinstance(x, Variable) for x in written)) and followed(inputs):
        how = "into a plain array" if written else f"by its method {method!r}"
        raise DataTypeError(
            f"{_name(ufunc)} {how} cannot be recorded, but a tape follows its argument; "
            "write a = a + b for a += b, and np.sum(a) for np.add.reduce(a)"
        )
    kwargs = {name: plain(value) for name, value in kwargs.items()}
    result = getattr(ufunc, method)(*plain(inputs), **kwargs)
    return outputs[0] if outputs is not None and len(outputs) == 1 else result
