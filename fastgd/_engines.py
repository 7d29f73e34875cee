"""Which engine runs: a compiled build, or the reference in plain NumPy."""

import functools
import importlib
import importlib.util
import os

from fastgd._core import cpu
from fastgd.errors import EngineError

#: Every engine by name, the compiled ones in order of preference.
MODULES = {
    "avx512": "fastgd._core.program_avx512",
    "avx2": "fastgd._core.program_avx2",
    "baseline": "fastgd._core.program_baseline",
    "reference": "fastgd.reference",
}

#: The same for linear models.
LINEAR_MODULES = {
    "avx512": "fastgd._core.linear_avx512",
    "avx2": "fastgd._core.linear_avx2",
    "baseline": "fastgd._core.linear_baseline",
    "reference": "fastgd.reference.linear",
}


def available():
    """The names of the engines that this machine can run, best first."""
    supported = {*cpu.supported(), "reference"}
    return [name for name in MODULES if name in supported and _is_built(name)]


@functools.cache
def _is_built(name):
    """Whether the module of an engine was compiled: FASTGD_BUILDS may have left it out."""
    return importlib.util.find_spec(MODULES[name]) is not None


@functools.cache
def default():
    """``FASTGD_ENGINE`` where it was set at first use, else the best build for this machine."""
    return os.environ.get("FASTGD_ENGINE") or available()[0]


@functools.cache
def load(name):
    """The module of an engine: ``Program``, ``update``, ``least_squares_descent`` ..."""
    return importlib.import_module(MODULES[_checked(name)])


@functools.cache
def load_linear(name):
    """The module of an engine that trains linear models: ``Rows``, ``decisions`` ..."""
    return importlib.import_module(LINEAR_MODULES[_checked(name)])


def _checked(name):
    """The name of an engine that there is and that runs here, or an error."""
    if name not in MODULES:
        raise EngineError(f"engine: no {name!r} (there are: {', '.join(MODULES)})")
    if name in cpu.supported() and not _is_built(name):
        raise EngineError(
            f"engine: {name!r} was not built: install fastgd again with FASTGD_BUILDS={name}, "
            "or without FASTGD_BUILDS for all"
        )
    if name not in available():
        raise EngineError(
            f"engine: this CPU cannot run {name!r} (it can run: {', '.join(available())})"
        )
    return name
