"""Trainable arrays: views into the one flat parameter vector of a model."""

import functools
import math
import operator
import threading
import weakref

import numpy as np

from fastgd._autodiff.array_methods import ArrayMethods, cast
from fastgd._core.arrays import native
from fastgd.errors import DataTypeError, ShapeError


class _Active(threading.local):
    tapes = ()  # the tapes that record in this thread, the innermost last


active = _Active()

# id of a flat vector -> its live Variables by (offset, shape). So a tape knows such a vector
# from any other array, and can name the variables that lie in it.
owners = {}


def _register(variable):
    owner = variable.owner
    views = owners.get(id(owner))
    if views is None:
        views = owners[id(owner)] = weakref.WeakValueDictionary()
        weakref.finalize(owner, owners.pop, id(owner), None).atexit = False
    views[variable.offset, variable.shape] = variable


class Variable(ArrayMethods, np.ndarray):
    """A trainable array without memory of its own: a view into a flat vector.

    It is an ndarray, and whatever is computed, sliced or copied from it is a plain ndarray.
    In-place operations (``v -= 0.1 * g``, ``v[...] = x``) write into the flat vector and are,
    as in TensorFlow, assignments: a tape does not record them.

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
        What a layer gave with it; see `fastgd.regularizers` and `fastgd.constraints`.

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

    # What a view has that NumPy makes behind our back (`as_strided(v, subok=True)`).
    owner = None
    offset = None
    name = None
    trainable = False
    regularizer = None
    constraint = None

    def __new__(cls, owner, offset=0, shape=None, *, name="variable", trainable=True):
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
        self.owner = owner
        self.offset = offset
        self.name = name
        self.trainable = bool(trainable)
        _register(self)
        return self

    @functools.cached_property
    def _value(self):
        return np.ndarray.view(self, np.ndarray)

    @property
    def value(self):
        """The same memory as a plain ndarray."""
        return self._value

    @property
    def path(self):
        """The same as `name`."""
        return self.name

    def numpy(self):
        """A copy as a plain ndarray."""
        return self._value.copy()

    def assign(self, value):
        """Write `value`, an array of the same shape, into the variable; returns it.

        Raises
        ------
        ShapeError
            If the shapes differ.
        """
        value = np.asarray(value)
        if value.shape != self.shape:
            raise ShapeError(
                f"value must have the shape {self.shape} of variable {self.name!r}, "
                f"got {value.shape}"
            )
        self._value[...] = value
        return self

    def assign_add(self, value):
        """Add `value`, of this shape or one that broadcasts to it, in place; returns self.

        Raises
        ------
        ShapeError
            If `value` does not broadcast to the variable's shape.
        """
        return self._update(np.add, value)

    def assign_sub(self, value):
        """Subtract `value` in place; otherwise as `assign_add`."""
        return self._update(np.subtract, value)

    def _update(self, ufunc, value):
        value = np.asarray(value)
        try:
            ufunc(self._value, value, out=self._value)
        except ValueError:
            raise ShapeError(
                f"value must broadcast to the shape {self.shape} of variable "
                f"{self.name!r}, got {value.shape}"
            ) from None
        return self

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        tapes = active.tapes
        if tapes:
            return tapes[-1]._apply_ufunc(ufunc, method, inputs, kwargs)
        inputs = [x._value if isinstance(x, Variable) else x for x in inputs]
        if not kwargs and method == "__call__":
            return ufunc(*inputs)
        outputs = kwargs.get("out")
        kwargs = {name: plain(value) for name, value in kwargs.items()}
        result = getattr(ufunc, method)(*inputs, **kwargs)
        # `v -= g` binds v to what comes back: it must be v itself.
        return outputs[0] if outputs is not None and len(outputs) == 1 else result

    def __array_function__(self, function, types, args, kwargs):
        tapes = active.tapes
        if tapes:
            return tapes[-1]._apply(function, args, kwargs)
        return function(*plain(args), **{name: plain(value) for name, value in kwargs.items()})

    def __array_wrap__(self, array, context=None, return_scalar=False):
        return array[()] if return_scalar else np.asarray(array)

    def __getitem__(self, key):
        tapes = active.tapes
        if tapes:
            return tapes[-1]._apply(operator.getitem, (self, key), {})
        return self._value[key]

    def astype(self, dtype, **kwargs):
        """A plain copy in another dtype."""
        tapes = active.tapes
        if tapes:
            return tapes[-1]._apply(cast, (self, dtype), {})
        return self._value.astype(dtype, **kwargs)

    def view(self, *args, **kwargs):
        """``ndarray.view`` of the plain array; not recorded by tapes."""
        return self._value.view(*args, **kwargs)

    @property
    def real(self):
        """The plain array itself."""
        return self._value

    def __copy__(self):
        return self._value.copy()

    def __deepcopy__(self, memo):
        return self._value.copy()

    def __reduce_ex__(self, protocol):
        return self._value.__reduce_ex__(protocol)

    def __repr__(self):
        return (
            f"<Variable name={self.name}, shape={self.shape}, dtype={self.dtype}, "
            f"value={self._value!r}>"
        )


def plain(x):
    """`x` with the Variables in it, also those in lists and tuples, as plain arrays."""
    if isinstance(x, Variable):
        return x._value
    if isinstance(x, list):
        return [plain(item) for item in x]
    if isinstance(x, tuple):
        return tuple(plain(item) for item in x)
    return x
