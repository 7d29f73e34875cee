"""Trainable arrays: views into the one flat parameter vector of a model."""

import functools
import math
import operator
import weakref
from typing import Any, Self

import numpy as np

from fastgd._autodiff.active import active
from fastgd._autodiff.array_methods import ArrayMethods, cast
from fastgd._autodiff.tensor import apply, apply_ufunc, plain
from fastgd._core.arrays import native
from fastgd._typing import Array, Data, DType
from fastgd.errors import DataTypeError, ShapeError


class _Link(weakref.ref[Array]):
    """A weak reference to a flat vector that leads on to a Variable in the vector.

    An array knows the weak references to it, and each Variable holds one: so a tape or an
    optimizer finds the Variables of a vector, and no table has to be kept up to date.
    """

    __slots__ = ("variable",)
    variable: "weakref.ref[Variable]"


def variables_in(vector: Array) -> list["Variable"]:
    """Return the Variables that live in a flat vector, in the order of their offsets."""
    references = weakref.getweakrefs(vector)
    if not references:
        return []
    links = (link for link in reversed(references) if type(link) is _Link)
    living = (variable for link in links if (variable := link.variable()) is not None)
    places = {(variable.offset, variable.shape): variable for variable in living}
    return [places[place] for place in sorted(places)]


class Variable(ArrayMethods, np.ndarray[Any, Any]):  # type: ignore[misc] # plain results
    """A trainable array without memory of its own: a view into a flat vector.

    It is an ndarray, and all that is computed, sliced or copied from it is a plain ndarray.
    In-place operations (``v -= 0.1 * g``, ``v[...] = x``) write into the flat vector and are,
    as in TensorFlow, assignments: a tape does not record them. A tape does not see
    ``np.asarray(v)``, ``v.value`` and ``v.numpy()``, through which no gradient flows;
    ``float(v)``, ``v.item()`` and ``v.tolist()`` raise a DataTypeError while it follows v.

    Parameters
    ----------
    owner : ndarray, 1-d, contiguous, floating point
        The flat vector. Without `shape`: an initial value of any shape, which is copied into
        a fresh vector, so that the variable stands alone.
    offset : int
        Where in `owner` the variable begins, in elements.
    shape : tuple of int, optional
        The variable is ``owner[offset:offset + size].reshape(shape)``.
    name : str
    trainable : bool
        Whether tapes watch it without being asked.

    Attributes
    ----------
    owner, offset, name, trainable
        As given.
    path : str
        The same as `name`.
    regularizer, constraint : callable or None
        Those of the layer's weight; see `fastgd.regularizers` and `fastgd.constraints`.

    Raises
    ------
    DataTypeError
        If `owner` is not a floating-point ndarray, in this machine's byte order.
    ShapeError
        If it is not one-dimensional and contiguous, or too short.

    Examples
    --------
    >>> import numpy as np
    >>> flat = np.zeros(8)
    >>> kernel = Variable(flat, offset=0, shape=(3, 2), name="kernel")
    >>> kernel.assign_add(np.ones((3, 2)))[0]
    array([1., 1.])
    >>> flat
    array([1., 1., 1., 1., 1., 1., 0., 0.])
    """

    # Also of views that NumPy makes by itself, as `as_strided(v, subok=True)` does.
    owner: Any = None
    offset: Any = None
    name: Any = None
    trainable = False
    regularizer: Any = None
    constraint: Any = None
    _assignable = True
    _link: _Link

    def __new__(cls, owner: Data, offset: int = 0, shape: Any = None, *, name: str = "variable",
                trainable: bool = True) -> Self:  # fmt: skip
        if shape is None:
            value = native(np.array(owner))
            owner, shape = value.reshape(-1), value.shape
        if not isinstance(owner, np.ndarray) or isinstance(owner, Variable):
            raise DataTypeError(f"owner must be a plain ndarray, got {type(owner).__name__}")
        if owner.dtype.kind != "f" or not owner.dtype.isnative:
            raise DataTypeError(f"owner must be of a floating-point dtype, got {owner.dtype}")
        if not isinstance(shape, tuple):
            shape = (shape,) if np.ndim(shape) == 0 else shape
        shape = tuple(map(operator.index, shape))
        offset = operator.index(offset)
        stop = offset + math.prod(shape)
        if owner.ndim != 1 or not owner.flags.c_contiguous:
            raise ShapeError(f"owner must be 1-d and contiguous, got shape {owner.shape}")
        if not 0 <= offset <= stop <= owner.size:
            raise ShapeError(
                f"a variable of shape {shape} at offset {offset} does not fit into an owner "
                f"of {owner.size} elements"
            )
        self = owner[offset:stop].reshape(shape).view(cls)
        self.owner, self.offset = owner, offset
        self.name, self.trainable = name, bool(trainable)
        self._link = _Link(owner)
        self._link.variable = weakref.ref(self)
        return self

    @functools.cached_property
    def _value(self):
        return np.ndarray.view(self, np.ndarray)

    @property
    def value(self) -> Array:
        """The same memory as a plain ndarray."""
        return self._value

    @property
    def path(self) -> str:
        """The same as `name`."""
        return self.name

    def numpy(self) -> Array:
        """Return a copy as a plain ndarray."""
        return self._value.copy()

    def assign(self, value: Data) -> Self:
        """Write `value` into the variable, else a ShapeError if shapes differ; return self."""
        value = np.asarray(plain(value))
        if value.shape != self.shape:
            raise ShapeError(
                f"value must have the shape {self.shape} of variable {self.name!r}, "
                f"got {value.shape}"
            )
        self._value[...] = value
        return self

    def assign_add(self, value: Data) -> Self:
        """Add `value` in place, else a ShapeError if it does not broadcast; return self."""
        return self._update(np.add, value)

    def assign_sub(self, value: Data) -> Self:
        """Subtract `value` in place; otherwise as `assign_add`."""
        return self._update(np.subtract, value)

    def _update(self, ufunc, value):
        value = np.asarray(plain(value))
        try:
            ufunc(self._value, value, out=self._value)
        except ValueError:
            raise ShapeError(
                f"value must broadcast to the shape {self.shape} of variable "
                f"{self.name!r}, got {value.shape}"
            ) from None
        return self

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        if active.tapes:
            return apply_ufunc(ufunc, method, inputs, kwargs)
        inputs = [x._value if isinstance(x, Variable) else x for x in inputs]
        if not kwargs and method == "__call__":
            return ufunc(*inputs)
        outputs = kwargs.get("out")
        kwargs = {name: plain(value) for name, value in kwargs.items()}
        result = getattr(ufunc, method)(*inputs, **kwargs)
        # `v -= g` binds v to the result, which must be v itself.
        return outputs[0] if outputs is not None and len(outputs) == 1 else result

    def __array_function__(self, function, types, args, kwargs):
        if active.tapes:
            return apply(function, args, kwargs)
        return function(*plain(args), **{name: plain(value) for name, value in kwargs.items()})

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else np.asarray(array)

    def __getitem__(self, key):
        return apply(operator.getitem, (self, key)) if active.tapes else self._value[key]

    def astype(  # type: ignore[override] # a Tensor under a tape
        self, dtype: DType, **kwargs: Any
    ) -> Any:
        """Return a plain copy in another dtype."""
        if active.tapes:
            return apply(cast, (self, dtype))
        return self._value.astype(dtype, **kwargs)

    def view(  # type: ignore[override] # never a Variable
        self, *args: Any, **kwargs: Any
    ) -> Array:
        """Return ``ndarray.view`` of the plain array; tapes do not record it."""
        return self._value.view(*args, **kwargs)

    @property  # type: ignore[misc] # read-only
    def real(self) -> Array:
        """The plain array itself."""
        return self._value

    def __reduce_ex__(self, protocol):
        return self._value.__reduce_ex__(protocol)

    def __str__(self):
        return str(self._value)

    def __repr__(self):
        return (
            f"<Variable name={self.name}, shape={self.shape}, dtype={self.dtype}, "
            f"value={self._value!r}>"
        )
