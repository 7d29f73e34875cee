"""Choose the engine: the compiled one over the kernels of a build, or the reference."""

import functools
import importlib
import importlib.util
import os
import types

from fastgd._core import cpu, engine
from fastgd.errors import EngineError

#: Every engine, the compiled ones in order of preference.
NAMES = ("avx512", "avx2", "baseline", "reference")

#: The functions and classes that take kernels first, and those that are given the result.
OVER_KERNELS = (
    "Descent", "Program", "RowPredictor", "Rows", "add_noise", "all_between", "cholesky",
    "cholesky_solve", "constrain", "coordinate_descent", "decision_losses", "descent_sums",
    "dot", "eigenvalues", "first_nonfinite", "gram_descent", "least_squares_descent",
    "logarithms", "multinomial_losses", "permutation", "poisson_sample", "row_products",
    "sigmoids", "update",
)  # fmt: skip
ON_TOP = ("OnlineJob", "Predictor", "decisions", "objective", "weighted_gram")


@functools.cache
def available():
    """Return the names of the engines that were built and run on this machine, best first."""
    supported = {*cpu.supported(), "reference"}
    return tuple(name for name in NAMES if name in supported and built(name))


def built(build):
    """Return whether the kernels of a build were compiled; the reference needs none."""
    return build == "reference" or bool(
        importlib.util.find_spec(f"fastgd._core.kernels_{build}")
    )


def kernels(build):
    """Return the compiled module of a build."""
    return importlib.import_module(f"fastgd._core.kernels_{build}")


@functools.cache
def default():
    """Return ``FASTGD_ENGINE`` where it was set, else the best build for this machine."""
    return os.environ.get("FASTGD_ENGINE") or available()[0]


def bits(name):
    """Return what engines whose bits are equal have in common."""
    return name if name in ("baseline", "reference") else "fused multiply-add"


@functools.cache
def load(name):
    """Return an engine: its ``Program``, ``update``, ``Rows`` ..., as in ``reference``."""
    if _checked(name) == "reference":
        return importlib.import_module("fastgd.reference")
    return compiled(name)


@functools.cache
def compiled(build):
    """Return the compiled engine over the kernels of a build."""
    table = kernels(build).kernels
    return types.SimpleNamespace(
        **{name: functools.partial(getattr(engine, name), table) for name in OVER_KERNELS},
        **{name: getattr(engine, name) for name in ON_TOP},
    )


def _checked(name):
    """Return the name of an engine that runs here; raise EngineError otherwise."""
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
