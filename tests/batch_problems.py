"""Problems for solvers of whole batches: rows, targets, and what is minimised."""

import numpy as np
from engines import engine as linear  # noqa: F401  (tests take it from here)
from linear_problems import CSR

from fastgd._core.types import LinearLoss
from fastgd.linear.objective import LOSSES, SMOOTH, Problem

#: Loss and outputs, of all that whole batches minimise.
CASES = [(name, 1) for name in sorted(SMOOTH - {"multinomial"})]
CASES += [("squared_error", 3), ("multinomial", 2), ("multinomial", 3), ("multinomial", 20)]


def rows(engine, x, kind="dense"):
    """Rows of a dense array, or of CSR arrays with indices of 32 or 64 bits."""
    if kind == "dense":
        return engine.Rows(x)
    sparse = CSR(x, kind)
    return engine.Rows(sparse.data, sparse.indices, sparse.indptr, x.shape[1])


def targets(name, n, outputs, rng):
    """Targets that a loss may have."""
    if name == "multinomial":
        return rng.integers(0, outputs, n).astype(np.float64)
    if LOSSES[name] >= LinearLoss.LINEAR_LOG_LOSS:
        return rng.choice([-1.0, 1.0], n)
    if name == "poisson":
        return rng.poisson(2.0, n).astype(np.float64)
    if name in ("gamma", "tweedie"):
        claims = rng.gamma(2.0, 1.0, n)
        return claims if name == "gamma" else claims * rng.choice([0.0, 1.0], n)
    return rng.normal(size=n if outputs == 1 else (n, outputs))


def problem(engine, x, y, loss, *, weights=None, l1=0.0, l2=0.0, outputs=1, **options):
    """A Problem; x: an array or the engine's rows."""
    given = engine.Rows(x) if isinstance(x, np.ndarray) else x
    return Problem(
        engine, given, np.asarray(y, np.float64), weights, LOSSES[loss],
        options.get("setting", 1.4 if loss == "tweedie" else 0.5), l1, l2,
        options.get("fit_intercept", True), outputs,
        options.get("threads", 1), offset=options.get("offset"),
    )  # fmt: skip
