"""Tensors, and how operations on Tensors and Variables are recorded on gradient tapes.

NumPy and `fastgd.ops` hand each operation on a `Tensor` or a `Variable` to `apply`, which
computes the result on plain arrays and notes the operation on each tape in ``active.tapes``
that follows an argument. This module sees both kinds of array as `ArrayMethods`; ``variables``
builds on it, and ``tape`` on both: a `GradientTape` enters itself into ``active.tapes``, where
this module finds it.
"""

import inspect
import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from fastgd._autodiff import array_rules, rules
from fastgd._autodiff.active import active, followed
from fastgd._autodiff.array_methods import ArrayMethods, cast, refuse_loss
from fastgd._autodiff.rules import CONSTANT, WRITING, unbroadcast
from fastgd._typing import Array, DType
from fastgd.errors import DataTypeError

_RULES = rules.RULES | array_rules.RULES
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_OBJECT = np.dtype(object)


def _operator(ufunc):
    def method(self, other):
        # NumPy's protocol: with None the other class handles operators itself.
        if getattr(type(other), "__array_ufunc__", ufunc) is None:
            return NotImplemented
        return apply(ufunc, (self, other))

    return method


def _reflected(ufunc):
    return lambda self, other: apply(ufunc, (other, self))


def _unary(ufunc):
    return lambda self: apply(ufunc, (self,))


class Tensor(ArrayMethods):
    """An array that a gradient tape follows.

    It has an ndarray's attributes, methods and operators, and NumPy's functions and those of
    `fastgd.ops` take it. While a tape records, floating-point results computed from it are
    Tensors again; comparisons, integers and, without a tape, everything are plain NumPy.

    ``t.numpy()`` and ``ops.stop_gradient(t)`` leave the tape: no gradient flows through them.
    While a tape records and follows it, other conversions such as ``float(t)``, ``t.item()``,
    ``np.asarray(t)``, ``math.exp(t)`` or ``np.array([t, u])`` raise a DataTypeError, since the
    gradient would be lost; write ``np.exp(t)`` and ``np.stack([t, u])``.

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
    __hash__ = None  # type: ignore[assignment] # == compares elements, as for an ndarray

    def __init__(self, value: Array):
        self._value = value

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self._value.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return self._value.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._value.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._value.size

    def numpy(self) -> Array:
        """Return a copy as a plain array (or NumPy scalar)."""
        return self._value.copy()

    def astype(self, dtype: DType) -> Any:
        """Return the values in another dtype."""
        return apply(cast, (self, dtype))

    def __array__(self, dtype=None, copy=None):
        refuse_loss(self, "np.asarray(), or a function that is not NumPy's own,")
        return np.array(self._value, dtype=dtype, copy=copy)

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if method == "__call__" and not kwargs:
            return apply(ufunc, inputs)
        return apply_ufunc(ufunc, method, inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return apply(function, args, kwargs)

    def __getitem__(self, key: Any) -> Any:
        return apply(operator.getitem, (self, key))

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def __len__(self) -> int:
        return len(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        value = str(self._value) if self.ndim == 0 else repr(self._value)
        return f"<Tensor shape={self.shape}, dtype={self.dtype}, value={value}>"

    __add__, __radd__ = _operator(np.add), _reflected(np.add)
    __sub__, __rsub__ = _operator(np.subtract), _reflected(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply), _reflected(np.multiply)
    __truediv__, __rtruediv__ = _operator(np.true_divide), _reflected(np.true_divide)
    __floordiv__, __rfloordiv__ = _operator(np.floor_divide), _reflected(np.floor_divide)
    __mod__, __rmod__ = _operator(np.remainder), _reflected(np.remainder)
    __matmul__, __rmatmul__ = _operator(np.matmul), _reflected(np.matmul)
    _power, __rpow__ = _operator(np.power), _reflected(np.power)
    __lt__, __le__ = _operator(np.less), _operator(np.less_equal)
    __gt__, __ge__ = _operator(np.greater), _operator(np.greater_equal)
    __eq__, __ne__ = _operator(np.equal), _operator(np.not_equal)
    __neg__, __pos__, __abs__ = _unary(np.negative), _unary(np.positive), _unary(np.absolute)

    def __pow__(self, other: Any) -> Any:
        # As an ndarray does, and with a cheaper gradient.
        if type(other) in (int, float) and other == 2:
            return apply(np.square, (self,))
        return self._power(other)


def plain(x):
    """Return `x` with the Tensors and Variables in it, also in lists, as plain arrays."""
    if isinstance(x, ArrayMethods):
        return x._value
    if isinstance(x, (list, tuple)):
        return [plain(item) for item in x] if isinstance(x, list) else tuple(map(plain, x))
    return x


def record(value: Array, parents: Sequence[Any], backward: Callable[[Array], Any]) -> Tensor:
    """Record an operation that NumPy does not know, such as the call of a model.

    Parameters
    ----------
    value : ndarray
        The result.
    parents : sequence
        The arguments: ndarrays, Tensors, Variables, or the flat vector (`owner`) of a model's
        Variables for all of them at once. Those that no tape follows are ignored.
    backward : callable
        ``backward(d_value)`` takes the gradient with respect to `value`, of its shape and
        dtype and not to be written to, and returns one ndarray or None per parent, of the
        parent's shape. An array for a flat vector or a Variable is copied at once; any other
        must stay as it is until `GradientTape.gradient` returns.

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

    def guarded(d_value):
        return backward(d_value) if not active.tapes else _once(backward, d_value, parents)

    tensor = Tensor(value)
    for tape in active.tapes:
        links = tape._links(parents, [plain(x) for x in parents])
        if links:
            tape._note(tensor, links, guarded)
    return tensor


def _once(backward, d_value, parents):
    """Return what `backward` does, of which a tape that asks for its gradient is told."""
    parents = [*parents, d_value]
    tapes, active.tapes = active.tapes, ()
    try:
        gradients = backward(plain(d_value))
    finally:
        active.tapes = tapes
    if not followed(parents):
        return gradients
    return [None if g is None else record(g, parents, _no_second_order) for g in gradients]


def _no_second_order(d):
    raise DataTypeError(
        "the gradient of a compiled or custom function was taken inside a tape, and has no "
        "gradient itself: models, layers, losses and activations have first derivatives only. "
        "Write the function with fastgd.ops, or put ops.stop_gradient around the inner gradient"
    )


class Symbolic:
    """An array without values yet, which notes operations on it: see ``layers.symbolic``."""

    def applied(self, function, args, kwargs):
        """Return the result of `function`, where ``self`` is one of `args`."""
        raise NotImplementedError


def apply(function, args, kwargs=_NOTHING):
    """Call `function` on the plain arrays in `args`, and record it if a tape follows one.

    A DataTypeError says that the function, or the followed argument of it, has no rule.
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
        # A list of Tensors in the place of an array is the array that it would make.
        apply(np.stack, (x,)) if isinstance(x, (list, tuple)) and followed(x) else x
        for x in (args[0] if rule.sequence else args[:n])
    ]
    # Copies, since a Variable may be assigned to before the gradient is asked for.
    values = [
        x._value.copy() if isinstance(x, ArrayMethods) and x._assignable else plain(x)
        for x in arrays
    ]
    rest = args[n:]
    if rest or kwargs:
        if followed((*rest, *kwargs.values())):
            raise _no_gradient(function)
        rest, kwargs = plain(rest), {name: plain(x) for name, x in kwargs.items()}
    inputs = [values, *rest] if rule.sequence else [*values, *rest]
    try:
        value = function(*inputs, **kwargs)
    except (AttributeError, KeyError, ZeroDivisionError) as error:
        raise _not_numbers(function) from error
    tensor = None
    for tape in tapes:
        links = tape._links(arrays, values)
        if links and getattr(value, "dtype", _OBJECT).kind == "f":
            if tensor is None:
                if kwargs or len(args) > rule.n_arguments:
                    _check(function, rule, args, kwargs)
                tensor = Tensor(value)
                if len(tapes) > 1:  # one may ask for the gradient of another's gradient
                    arrays = list(map(_snapshot, arrays, values))
            backward = _backward(function, rule, links, tensor, arrays, inputs, kwargs)
            tape._note(tensor, links, backward)
    return value if tensor is None else tensor


def _snapshot(x, value):
    """Return a Tensor of the value of `x` that each tape follows as it follows `x`."""
    if isinstance(x, Tensor):
        return x
    tensor = Tensor(value)
    for tape in active.tapes:
        slot = tape._slot(x)
        if slot is not None:
            tape._follow(tensor, slot)
    return tensor if followed(tensor) else value


def _backward(function, rule, links, tensor, arrays, inputs, kwargs):
    if not rule.sequence and any(rule.vjps[i] is None for i, _, _ in links):
        raise _no_gradient(function)
    value = tensor._value

    def backward(d):
        out, given = value, inputs
        if active.tapes:  # which record the rule, so that it can be differentiated again
            out, given = tensor, _with_tensors(rule, arrays, inputs)
        if rule.sequence:
            return rule.vjps[0](d, out, *given, **kwargs)
        gradients = [None] * len(rule.vjps)
        for i, _, like in links:
            gradients[i] = unbroadcast(rule.vjps[i](d, out, *given, **kwargs), like.shape)
        return gradients

    return backward


def _with_tensors(rule, arrays, inputs):
    """Return the arguments of a rule with Tensors in the place of their values."""
    values = inputs[0] if rule.sequence else inputs[: len(arrays)]
    given = [x if isinstance(x, Tensor) else v for x, v in zip(arrays, values, strict=True)]
    return [given, *inputs[1:]] if rule.sequence else [*given, *inputs[len(arrays) :]]


def _apply_without_rule(function, args, kwargs):
    if active.tapes and function in WRITING and followed((*args, *kwargs.values())):
        raise DataTypeError(
            f"{_name(function)} writes in place, which cannot be recorded, but a tape follows "
            "its argument; use np.where, np.concatenate or ops.stop_gradient(x)"
        )
    try:
        value = function(*plain(args), **{k: plain(v) for k, v in kwargs.items()})
    except (AttributeError, KeyError, ZeroDivisionError) as error:
        raise _not_numbers(function) from error
    if not active.tapes or function in CONSTANT or _is_constant(value):
        return value
    if not followed((*args, *kwargs.values())):
        return value
    raise DataTypeError(
        f"{_name(function)} has no gradient rule, but a tape follows its argument; "
        "use the functions of fastgd.ops, or ops.stop_gradient(x) if no gradient is wanted"
    )


def _is_constant(value):
    """Return whether no gradient flows through results of this kind."""
    if isinstance(value, (list, tuple)):
        return all(_is_constant(item) for item in value)
    dtype = getattr(value, "dtype", None)
    return not isinstance(value, float) if dtype is None else dtype.kind not in "fcO"


def _positional(function, args, kwargs):
    """Return (args, kwargs) with arrays as positional arguments, as the rules take them."""
    if kwargs.get("out", ...) is None:
        kwargs = {name: value for name, value in kwargs.items() if name != "out"}
    try:
        bound = inspect.signature(function).bind(*args, **kwargs)
    except (TypeError, ValueError):  # no signature, or a call that the function refuses
        return args, kwargs
    return bound.args, bound.kwargs


def _no_gradient(function):
    return DataTypeError(
        f"{_name(function)} has no gradient with respect to one of the arrays that a tape "
        "follows; use ops.stop_gradient(x) if none is wanted"
    )


def _not_numbers(function):  # but objects, which NumPy asks to compute themselves
    return DataTypeError(f"{_name(function)}: expected arrays of numbers, got objects")


def _check(function, rule, args, kwargs):
    unknown = sorted(kwargs.keys() - rule.keywords)
    if unknown or len(args) > rule.n_arguments:
        seen = f"the argument {unknown[0]!r}" if unknown else f"{len(args)} arguments"
        raise DataTypeError(f"{_name(function)} has no gradient rule for {seen}")


def _name(function):
    module = getattr(function, "__module__", None) or "numpy"
    return f"{module.replace('numpy', 'np', 1)}.{getattr(function, '__name__', function)}"


def apply_ufunc(ufunc, method, inputs, kwargs):
    """Do what ``__array_ufunc__`` does for Tensors and, under a tape, for Variables."""
    outputs = kwargs.get("out")
    if method == "__call__" and outputs is None:
        return apply(ufunc, inputs, kwargs)
    written = outputs or inputs[: method == "at"]
    if any(isinstance(x, Tensor) for x in written):
        raise DataTypeError(f"{_name(ufunc)} cannot write into a Tensor")
    # In-place operations on a Variable are assignments; anything else would lose a gradient.
    if not (written and all(getattr(x, "_assignable", False) for x in written)) and followed(
        inputs
    ):
        how = "into a plain array" if written else f"by its method {method!r}"
        raise DataTypeError(
            f"{_name(ufunc)} {how} cannot be recorded, but a tape follows its argument; "
            "write a = a + b for a += b, and np.sum(a) for np.add.reduce(a)"
        )
    kwargs = {name: plain(value) for name, value in kwargs.items()}
    result = getattr(ufunc, method)(*plain(inputs), **kwargs)
    return outputs[0] if outputs is not None and len(outputs) == 1 else result
