"""Data for the tests of linear models, and the builds of their engine."""

import numpy as np
from engines import engine

from fastgd._core.types import LinearLoss
from fastgd.linear.data import Chunk
from fastgd.linear.objective import LOG_LINK, LOSSES
from fastgd.linear.sgd import RATES, Plan, Weights

#: The losses of one decision a row.
POINT_LOSSES = [name for name, loss in LOSSES.items() if loss != LinearLoss.LINEAR_MULTINOMIAL]


class CSR:
    """What is asked of a sparse matrix: its shape and three arrays."""

    def __init__(self, dense, index=np.int32):
        row, column = np.nonzero(dense)
        self.shape = dense.shape
        self.data = dense[row, column]
        self.indices = column.astype(index)
        self.indptr = np.searchsorted(row, np.arange(len(dense) + 1)).astype(index)


def rows(build, x):
    """An array or a CSR as an engine's Rows."""
    if isinstance(x, np.ndarray):
        return engine(build).Rows(x)
    return engine(build).Rows(x.data, x.indices, x.indptr, x.shape[1])


def features(n, d, dtype=np.float64, share=0.4, seed=0):
    """(n, d) numbers, of which such a share is not zero."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d))
    return np.where(rng.random((n, d)) < share, x, 0).astype(dtype)


def targets_for(loss, x, seed=0):
    """(n,) targets as the engine wants them, which x explains in part."""
    rng = np.random.default_rng(100 + seed)
    z = x.astype(np.float64) @ rng.normal(size=x.shape[1]) + 0.3 * rng.normal(size=len(x))
    if LOSSES[loss] >= LinearLoss.LINEAR_LOG_LOSS:
        return np.where(z > 0, 1.0, -1.0)
    return np.exp(z / 4) if loss in LOG_LINK else z


def plan(loss="log_loss", outputs=1, **settings):
    """A Plan; what is not given is plain."""
    usual = {
        "setting": 1.3 if loss == "tweedie" else 0.3, "l1": 0.0, "l2": 0.0,
        "fit_intercept": True, "rate": "constant",
        "eta0": 0.02, "power_t": 0.5, "intercept_decay": 1.0, "average": 0, "batch_size": 1,
        "objective": True, "y_stride": 1, "positive": np.ones(outputs),
        "negative": np.ones(outputs),
    }  # fmt: skip
    values = usual | settings
    values.setdefault("alpha", values["l1"] + values["l2"])
    values["rate"] = RATES[values["rate"]]
    return Plan(loss=LOSSES[loss], **values)


class Course:
    """A Descent from zero, and what it has come to."""

    def __init__(self, build, steps, d, outputs=1):
        self.weights = Weights.start(
            np.zeros((outputs, d)), np.zeros(outputs), steps.average > 0, steps.l1 > 0
        )
        self.descent = engine(build).Descent(steps, self.weights)
        self.build, self.outputs = build, outputs
        self.sums = np.zeros((3, outputs))

    def go(self, x, y, weights=None, order=None, epochs=1, threads=1, offset=None):
        """Epochs over all rows; the last status."""
        table = rows(self.build, x)
        chunk = Chunk(table, y, weights, order, offset)
        for _ in range(epochs):
            positions = np.zeros(self.outputs, np.int64)
            status = self.descent.run(
                chunk, np.arange(self.outputs), positions, self.sums, 1e9, threads
            )
        self.descent.settle()
        return status

    @property
    def totals(self):
        """Objectives and weights, (2, outputs)."""
        return np.stack([self.sums[0] + self.sums[2], self.sums[1]])

    def result(self):
        """[coef, intercept, averages, objective], flat."""
        w = self.weights
        return np.concatenate([
            w.coef.ravel(), w.intercept, w.average_coef.ravel(), w.average_intercept,
            self.totals.ravel(),
        ])  # fmt: skip
