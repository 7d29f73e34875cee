"""Which engine runs: the compiled one over the kernels of a build, or the reference."""

import functools
import importlib
import importlib.util
import os
import types

from fastgd._core import cpu, engine
from fastgd.errors import EngineError

#: Every engine, the compiled ones in order of preference.
NAMES = ("avx512", "avx2", "baseline", "reference")

#: What the compiled engine is to be given kernels for, and what works with that.
OVER_KERNELS = (
    "Descent", "Program", "Rows", "constrain", "coordinate_descent", "decision_losses",
    "first_nonfinite", "gram_descent", "least_squares_descent", "multinomial_losses",
    "row_decisions", "update",
)  # fmt: skip
ON_TOP = ("Predictor", "Stepper", "decisions", "objective", "permutation", "weighted_gram")


@functools.cache
def available():
    """The names of the engines that this machine can run and that were built, best first."""
    supported = {*cpu.supported(), "reference"}
    return tuple(name for name in NAMES if name in supported and built(name))


def built(build):
    """Whether the kernels of a build were compiled; the reference needs none."""
    return build == "reference" or bool(
        importlib.util.find_spec(f"fastgd._core.kernels_{build}")
    )


def kernels(build):
    """The compiled module of a build."""
    return importlib.import_module(f"fastgd._core.kernels_{build}")


@functools.cache
def default():
    """``FASTGD_ENGINE`` where it was set at first use, else the best build for this machine."""
    return os.environ.get("FASTGD_ENGINE") or available()[0]


@functools.cache
def load(name):
    """An engine: its ``Program``, ``update``, ``Rows``, ``objective`` ..., as ``reference``."""
    if _checked(name) == "reference":
        return importlib.import_module("fastgd.reference")
    return compiled(name)


@functools.cache
def compiled(build):
    """The compiled engine over the kernels of a build."""
    table = kernels(build).kernels
    return types.SimpleNamespace(
        **{name: functools.partial(getattr(engine, name), table) for name in OVER_KERNELS},
        **{name: getattr(engine, name) for name in ON_TOP},
    )


def _checked(name):
    """The name of an engine that there is and that runs here, or an error."""
    if name not in NAMES:
        raise EngineError(f"engine: no {name!r} (there are: {', '.join(NAMES)})")
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
