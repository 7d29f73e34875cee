"""Tell whether two jobs are the same: a digest of what they are made of."""

import functools
import hashlib
import json
import os
import pickle
import types

import numpy as np

from fastgd._data.subsets import Shared
from fastgd.errors import DataTypeError
from fastgd.many.messages import is_data
from fastgd.models import Model
from fastgd.saving import state

#: So many arrays are remembered, so that the data of many jobs are read once.
KEPT = 64

_LIBRARIES = os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__))


class Fingerprints:
    """Make digests of values: equal ones for equal values, in any process.

    Data and models must not change as long as this object is used.

    Functions count by their code, their defaults and what they refer to in their module; models
    by configuration and weights; other objects by their attributes.
    """

    def __init__(self):
        self._known = {}  # id -> (data, digest)

    def of(self, value):
        """Return the digest of a value, as text; a DataTypeError if it has none."""
        return self._digest(value, ())

    def _digest(self, value, above):
        while isinstance(value, Shared):
            value = value.values
        if not (is_data(value) or isinstance(value, Model)):
            return self._new(value, above)
        known = self._known.pop(id(value), None) or (value, self._new(value, above))
        self._known[id(value)] = known
        if len(self._known) > KEPT:
            del self._known[next(iter(self._known))]
        return known[1]

    def _new(self, value, above):
        if id(value) in above:  # it holds itself
            return f"level {len(above) - above.index(id(value))}"
        above = *above, id(value)
        found = hashlib.sha256()
        for part in _parts(value):
            if isinstance(part, (bytes, memoryview)):
                found.update(b"bytes:")
                found.update(part)
            else:
                found.update(self._digest(part, above).encode())
            found.update(b";")
        return found.hexdigest()


def _parts(value):
    """Yield what a value is made of: bytes, and other values."""
    kind = type(value)
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if value is None or isinstance(value, (bool, int, float, complex, str, bytes, np.dtype)):
        yield repr(value).encode()
    elif isinstance(value, (np.ndarray, np.generic)):
        array = np.asarray(value)
        yield f"{array.dtype.str}{array.shape}".encode()
        if array.dtype.kind == "O":
            yield from array.reshape(-1).tolist()
        elif array.size:
            yield memoryview(np.ascontiguousarray(array).view(np.uint8).reshape(-1))
    elif isinstance(value, (list, tuple)):
        yield from value
    elif isinstance(value, dict):
        for key in sorted(value, key=repr):
            yield from (key, value[key])
    elif isinstance(value, (set, frozenset)):
        yield from sorted(value, key=repr)
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, types.MethodType):
        yield from (value.__self__, value.__func__)
    elif isinstance(value, types.FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, types.CodeType):
        yield from (value.co_code, value.co_consts, value.co_names)
    elif isinstance(value, (type, types.ModuleType, types.BuiltinFunctionType)):
        yield f"{getattr(value, '__module__', '')}.{value.__name__}".encode()
        if isinstance(value, type) and not _is_installed(value):
            yield value.__bases__
            yield {k: v for k, v in vars(value).items() if isinstance(v, types.FunctionType)}
    elif hasattr(value, "manifest") and getattr(value, "built", True):
        yield from _parts_of_model(value)
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):
        yield list(value.columns)
        for name in value.columns:
            yield np.asarray(value[name])
    elif hasattr(value, "to_numpy"):
        yield value.to_numpy()
    elif hasattr(value, "get_config"):
        yield value.get_config()
    elif hasattr(value, "__dict__"):
        yield from (getattr(value, "__name__", None), vars(value))
    else:
        try:
            yield pickle.dumps(value)
        except Exception as error:
            raise DataTypeError(
                f"journal: no digest can be made of {value!r:.80}: {error}; leave out journal"
            ) from error


def _parts_of_function(function):
    """Yield the code of a function, and what it refers to."""
    yield function.__qualname__.encode()
    if _is_installed(function):
        yield function.__module__.encode()
        return
    yield from (function.__code__, function.__defaults__, function.__kwdefaults__)
    for cell in function.__closure__ or ():
        yield cell.cell_contents
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield from (name, function.__globals__[name])


def _names(code):
    """Return the names that code and the functions in it refer to."""
    inner = (_names(one) for one in code.co_consts if isinstance(one, types.CodeType))
    return set(code.co_names).union(*inner)


def _is_installed(thing):
    """Return whether a function or class is of a library, and stays as it is."""
    functions = [thing] if isinstance(thing, types.FunctionType) else vars(thing).values()
    for function in functions:
        if isinstance(function, types.FunctionType):
            file = function.__globals__.get("__file__") or ""
            return file.startswith(_LIBRARIES) or "site-packages" in file
    return thing.__module__ != "__main__"


def _parts_of_model(model):
    """Yield what a model is; names of layers do not count, which may be numbered."""
    found = model.manifest()
    for name in ("environment", "scores", "data"):
        del found[name]
    yield json.dumps(found, sort_keys=True).encode()
    yield list(state.arrays_of(model).values())
    compilation = getattr(model, "_compilation", None)
    if compilation is not None:
        yield dict(compilation.arguments)
