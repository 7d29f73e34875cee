"""Tell whether two jobs are the same: a digest of what they are made of."""

import copyreg
import functools
import hashlib
import json
import os
import types
from pathlib import Path

import numpy as np

from fastgd._data.subsets import Shared
from fastgd.errors import DataTypeError
from fastgd.many.executors.messages import is_data
from fastgd.models import Model
from fastgd.saving import state

#: So many arrays are remembered, so that the data of many jobs are read once.
KEPT = 64

_LIBRARIES = tuple(
    folder + os.sep
    for folder in (os.path.dirname(os.__file__), os.path.dirname(os.path.dirname(__file__)))
)
#: What values of these kinds are is seen by their text.
_BY_TEXT = bool, int, float, complex, str, bytes, np.dtype, type(None), type(...)
#: The parts of code that decide what it does.
_CODE = (
    "co_code", "co_consts", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags",
    "co_argcount", "co_posonlyargcount", "co_kwonlyargcount",
)  # fmt: skip
#: Attributes of classes that decide nothing.
_ASIDE = {
    "__dict__", "__weakref__", "__doc__", "__module__", "__qualname__", "__firstlineno__",
    "__static_attributes__", "__annotations__", "__annotate_func__", "__abstractmethods__",
    "_abc_impl", "__slotnames__", "__annotations_cache__",
}  # fmt: skip
#: The types of methods that are compiled: by them a class of C or Cython is known.
_COMPILED = {
    "builtin_function_or_method", "classmethod_descriptor", "cython_function_or_method",
    "method_descriptor", "wrapper_descriptor",
}  # fmt: skip
_SLOTS = types.MemberDescriptorType, types.GetSetDescriptorType


class Fingerprints:
    """Make digests of values: equal ones for equal values, in any process.

    Functions and classes count by their code and what it refers to, modules of the user by
    their file, those of libraries by their names; models by configuration and weights, replicas
    by their configuration; other objects by their class and what pickle would keep of them.
    Data, models, functions and classes must not change as long as this object is used.
    """

    def __init__(self):
        self._known = {}  # id -> (data, digest)
        self._code = {}  # the same, of functions and classes

    def of(self, value):
        """Return the digest of a value, as text; a DataTypeError if it has none."""
        try:
            return self._digest(value, ())
        except RecursionError:
            raise DataTypeError(f"no digest can be made of {value!r:.80}: too deep") from None

    def _digest(self, value, above):
        while isinstance(value, Shared):
            value = value.values
        if isinstance(value, (types.FunctionType, type)):
            if id(value) not in self._code:
                self._code[id(value)] = value, self._new(value, above)
            return self._code[id(value)][1]
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
    if isinstance(value, _BY_TEXT):
        yield repr(value).encode()
    elif kind in (np.ndarray, np.memmap) or isinstance(value, np.generic):
        yield from _parts_of_array(np.asarray(value))
    elif kind in (list, tuple):
        yield from value
    elif kind is dict:
        for key in sorted(value, key=repr):
            yield from (key, value[key])
    elif kind in (set, frozenset):
        yield from sorted(value, key=repr)
    elif isinstance(value, functools.partial):
        yield from (value.func, value.args, value.keywords)
    elif isinstance(value, types.MethodType):
        replica = isinstance(value.__self__, Model) and value.__name__ == "replicate"
        yield value.__func__
        yield from _configuration(value.__self__) if replica else (value.__self__,)
    elif isinstance(value, types.FunctionType):
        yield from _parts_of_function(value)
    elif isinstance(value, types.CodeType):
        yield from (getattr(value, name) for name in _CODE)
    elif isinstance(value, types.BuiltinFunctionType):
        yield f"{value.__module__}.{value.__name__}".encode()
        if not isinstance(value.__self__, (types.ModuleType, type(None))):
            yield value.__self__
    elif isinstance(value, types.ModuleType):
        file = getattr(value, "__file__", None) or ""
        yield value.__name__.encode()
        if file.endswith(".py") and not _is_of_library(file):
            yield Path(file).read_bytes()
    elif isinstance(value, type):
        yield from _parts_of_class(value)
    elif isinstance(value, (staticmethod, classmethod)):
        yield value.__func__
    elif isinstance(value, property):
        yield from (value.fget, value.fset, value.fdel)
    elif isinstance(value, Model) and value.built:
        yield from _configuration(value)
        yield list(state.arrays_of(value).values())
        yield json.dumps(value.manifest()["training"])
    elif hasattr(value, "columns") and hasattr(value, "to_numpy"):
        yield list(value.columns)
        for name in value.columns:
            yield from (getattr(value[name], "dtype", None), np.asarray(value[name]))
    elif hasattr(value, "get_config"):
        yield from (kind, value.get_config())
        if hasattr(value, "get_weights"):
            yield value.get_weights()
    else:
        yield from _parts_of_object(value)


def _parts_of_array(array):
    yield repr((array.dtype, array.shape)).encode()
    if array.dtype.hasobject:
        yield array.tolist()
    elif array.size:
        yield memoryview(np.ascontiguousarray(array).reshape(-1).view(np.uint8))


def _parts_of_object(value):
    """Yield the class of an object, and what pickle would keep of it."""
    yield type(value)
    try:
        reduce = copyreg.dispatch_table.get(type(value))
        found = value.__reduce_ex__(4) if reduce is None else reduce(value)
    except Exception as error:
        raise DataTypeError(f"no digest can be made of {value!r:.80}: {error}") from error
    if isinstance(found, str):
        yield found
        return
    make, arguments, *rest = found
    yield from (make, arguments)
    for part in rest:
        yield list(part) if hasattr(part, "__next__") else part


def _parts_of_function(function):
    """Yield the code of a function, and what it refers to."""
    yield f"{function.__module__}.{function.__qualname__}".encode()
    if _is_of_library(function.__globals__.get("__file__") or ""):
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


def _parts_of_class(kind):
    """Yield the bases and attributes of a class that is of no library."""
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    attributes = {name: vars(kind)[name] for name in sorted(set(vars(kind)) - _ASIDE)}
    functions = [one for one in attributes.values() if isinstance(one, types.FunctionType)]
    files = [one.__globals__.get("__file__") or "" for one in functions]
    compiled = {type(value).__name__ for value in attributes.values()} & _COMPILED
    if compiled or kind.__module__ == "builtins" or any(map(_is_of_library, files)):
        return
    yield kind.__bases__
    for name, value in attributes.items():
        yield from (name, None if isinstance(value, _SLOTS) else value)


def _is_of_library(file):
    """Return whether a file is of a library, which stays as it is."""
    return file.startswith(_LIBRARIES) or "site-packages" in file


def _configuration(model):
    """Yield what a model is; names of layers do not count, which may be numbered."""
    if not model.built:
        yield from (type(model), model.get_config())
    else:
        found = model.manifest()
        described = {k: v for k, v in found["model"].items() if k != "weights"}
        yield json.dumps([described, found["columns"], found["ranges"]], sort_keys=True)
    compilation = getattr(model, "_compilation", None)
    if compilation is not None:
        yield dict(compilation.arguments)
