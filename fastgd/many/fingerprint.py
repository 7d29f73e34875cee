"""Tell whether two jobs are the same: a digest of what they are made of."""

import contextlib
import copyreg
import dis
import functools
import hashlib
import importlib.util
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
#: The flag of classes that are not static ones of C.
_PYTHON_CLASS = 1 << 9
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
            kind = type(value).__name__  # its text would be too deep as well
            raise DataTypeError(f"no digest can be made of a {kind}: it is too deep") from None

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
    elif kind is types.MappingProxyType:
        yield dict(value)
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
        yield from (value.__name__, _sources([value.__name__]))
    elif hasattr(kind, "fingerprint_parts"):
        yield from value.fingerprint_parts()
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
    if isinstance(found, str):  # the name of what it is, such as a function with a cache
        yield from (found, getattr(value, "__wrapped__", None))
        return
    make, arguments, *rest = found
    yield from (make, arguments)
    for part in rest:
        yield list(part) if hasattr(part, "__next__") else part


def _parts_of_function(function):
    """Yield the code of a function, unless it is of a library, and what it refers to."""
    yield f"{function.__module__}.{function.__qualname__}".encode()
    for cell in function.__closure__ or ():  # also of a library's decorator
        yield cell.cell_contents
    yield vars(function)  # such as __wrapped__
    if _is_of_library(function.__globals__.get("__file__")):
        return
    code = function.__code__
    yield from (code, function.__defaults__, function.__kwdefaults__)
    for name in sorted(_names(code)):
        if name in function.__globals__:
            yield from (name, function.__globals__[name])
    yield _sources(_imports(code))


def _codes(code):
    """Yield code, and that of the functions in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _names(code):
    """Return the names that code refers to."""
    return {name for one in _codes(code) for name in one.co_names}


def _imports(code):
    """Return the names of the modules that code imports, and of what it takes from them."""
    found, module = set(), None
    for one in _codes(code):
        for step in dis.get_instructions(one):
            if step.opname == "IMPORT_NAME":
                module = step.argval
                found.add(module)
            elif step.opname == "IMPORT_FROM":  # it may be a module, too
                found.add(f"{module}.{step.argval}")
    return found


def _sources(names):
    """Return the sources of modules that are of no library, and of those that they import."""
    found, waiting = {}, sorted(names)
    while waiting:
        name = waiting.pop()
        file = None if name in found else _file_of(name)
        if file is not None and not _is_of_library(file):
            found[name] = Path(file).read_bytes()
            waiting += _imports(compile(found[name], file, "exec"))
    return found


def _parts_of_class(kind):
    """Yield the bases and attributes of a class that is of no library."""
    yield f"{kind.__module__}.{kind.__qualname__}".encode()
    if not kind.__flags__ & _PYTHON_CLASS or _is_of_library(_file_of(kind.__module__)):
        return
    yield from (kind.__bases__, type(kind))
    for name in sorted(set(vars(kind)) - _ASIDE):
        value = vars(kind)[name]
        yield from (name, None if isinstance(value, _SLOTS) else value)


def _file_of(name):
    """Return the file of a module; None if it has none, or is not there."""
    with contextlib.suppress(Exception):  # such as that of a package, which it imports
        spec = importlib.util.find_spec(name)
        return spec.origin if spec is not None and spec.has_location else None
    return None


def _is_of_library(file):
    """Return whether a file is of a library, which stays as it is; None is of the program."""
    if file is None:
        return False
    return file.startswith(_LIBRARIES) or "site-packages" in file or not file.endswith(".py")


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
