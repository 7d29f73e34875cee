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


@functools.cache
def available():
    """The names of the engines that this machine can run and that were built, best first."""
    supported = {*cpu.supported(), "reference"}
    return tuple(name for name in MODULES if name in supported and _built(name))


def _built(name):
    modules = MODULES[name], LINEAR_MODULES[name]
    return all(importlib.util.find_spec(module) is not None for module in modules)


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
    if name not in {*cpu.supported(), "reference"}:
        raise EngineError(
            f"engine: this CPU cannot run {name!r} (it can run: {', '.join(available())})"
        )
    if name not in available():
        wanted = ",".join([name, *available()[:-1]])
        raise EngineError(
            f"engine: {name!r} was not built (there are: {', '.join(available())}); "
            f"`FASTGD_BUILDS={wanted} pip install -e .` in the source folder builds it"
        )
    return name
