"""Problems of linear models for the tests: engines by build, rows, targets."""

import importlib

import numpy as np
import scipy.sparse
from engines import digest  # noqa: F401

from fastgd._core.types import LinearLoss
from fastgd.linear.problem import LOSSES, SMOOTH, Problem
from fastgd.reference import linear as reference

#: Loss and outputs, of all that whole batches minimise.
CASES = [(name, 1) for name in sorted(SMOOTH - {"multinomial"})]
CASES += [("squared_error", 3), ("multinomial", 2), ("multinomial", 3), ("multinomial", 20)]


def linear(build):
    """The module of linear models of a build, or the reference."""
    if build == "reference":
        return reference
    return importlib.import_module(f"fastgd._core.linear_{build}")


def rows(engine, x, kind="dense"):
    """Rows of a dense array, or of CSR arrays with indices of 32 or 64 bits."""
    if kind == "dense":
        return engine.Rows(x)
    sparse = scipy.sparse.csr_array(x)
    index = np.int32 if kind == "int32" else np.int64
    return engine.Rows(
        sparse.data, sparse.indices.astype(index), sparse.indptr.astype(index), x.shape[1]
    )


def targets(name, n, outputs, rng):
    """Targets that a loss may have."""
    if name == "multinomial":
        return rng.integers(0, outputs, n).astype(np.float64)
    if LOSSES[name] >= LinearLoss.LINEAR_LOG_LOSS:
        return rng.choice([-1.0, 1.0], n)
    if name == "poisson":
        return rng.poisson(2.0, n).astype(np.float64)
    return rng.normal(size=n if outputs == 1 else (n, outputs))


def problem(engine, x, y, loss, *, weights=None, l1=0.0, l2=0.0, outputs=1, **options):
    """A Problem; x: an array or the engine's rows."""
    given = engine.Rows(x) if isinstance(x, np.ndarray) else x
    return Problem(
        engine, given, np.asarray(y, np.float64), weights, LOSSES[loss],
        options.get("setting", 0.5), l1, l2, options.get("fit_intercept", True), outputs,
        options.get("threads", 1),
    )  # fmt: skip
