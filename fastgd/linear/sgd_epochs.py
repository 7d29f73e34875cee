"""Epochs of SGD for linear models, and the plan and weights of the engine's ``Descent``."""

from dataclasses import dataclass, fields

import numpy as np

from fastgd._core.types import LinearLoss, Rate, Status
from fastgd._engine import streams
from fastgd._engine.threads import SPAN_SECONDS
from fastgd._typing import Array
from fastgd.errors import DataError, DivergenceError
from fastgd.linear.streaming import Chunk

#: The rules for the rate by name.
RATES = {rate.name.removeprefix("RATE_").lower(): rate for rate in Rate}


@dataclass(frozen=True)
class Plan:
    """Describe the objective, and the steps that minimise it."""

    loss: int  #: LinearLoss
    setting: float  #: the number that the loss takes
    l1: float
    l2: float
    alpha: float  #: the strength that the rate "optimal" depends on, usually l1 + l2
    fit_intercept: bool
    rate: int  #: Rate
    eta0: float
    power_t: float
    intercept_decay: float  #: the factor of a step of the intercept
    average: int  #: the step, counted from 1, with which averaging begins; 0: never
    batch_size: int
    objective: bool  #: whether the objective is summed up
    y_stride: int  #: columns of y; 0 if it holds the class numbers of several outputs
    positive: Array  #: (outputs,), the weights of targets above 0
    negative: Array  #: (outputs,), the weights of the other targets


@dataclass
class Weights:
    """Hold the arrays of k outputs, float64; ``Descent`` changes them in place.

    ``owed`` is minus the L1 penalty that each weight has received, ``owed_total`` (k,) the
    penalty that is due, ``t`` (k,) the numbers of the next steps.
    """

    coef: Array
    intercept: Array
    average_coef: Array
    average_intercept: Array
    owed: Array
    owed_total: Array
    t: Array

    @classmethod
    def start(cls, coef, intercept, average=False, l1=False):
        """Return fresh weights that begin at copies of coef (k, d) and intercept (k,)."""
        k, d = coef.shape
        return cls(
            np.array(coef, np.float64, order="C"),
            np.array(intercept, np.float64),
            np.zeros((k, d if average else 0)),
            np.zeros(k),
            np.zeros((k, d if l1 else 0)),
            np.zeros(k),
            np.ones(k),
        )

    def copy(self):
        """Return a copy with arrays of its own."""
        return Weights(*(getattr(self, field.name).copy() for field in fields(self)))

    def result(self, average):
        """Return (coef, intercept): the averages from step `average` on, if it is not 0."""
        if 0 < average <= self.t.max() - 1:
            return self.average_coef, self.average_intercept
        return self.coef, self.intercept


def run_epochs(engine, descent, chunks, solver, seed=0, threads=1, score=None, on_epoch=None):
    """Run the epochs of a solver; return how many each output took, int64 (k,).

    The Descent is settled at the end, even after an error; if weights would not be finite, it
    keeps the last finite ones. `chunks` are iterated once an epoch; each chunk of each epoch
    has an order of its own, from the seed. `score`, a function of an output, judges epochs in
    place of the objective; larger is better. `on_epoch` takes (epoch, objectives).
    """
    k = len(descent.weights.coef)
    joint = descent.plan.loss == LinearLoss.LINEAR_MULTINOMIAL
    active = np.arange(1 if joint else k)
    taken = np.zeros(k, np.int64)
    best, worse = np.full(k, np.inf), np.zeros(k, np.int64)
    try:
        for epoch in range(solver.epochs):
            totals = np.zeros((3, k))
            key = streams.element(seed, epoch) if solver.shuffle else None
            _run_epoch(engine, descent, chunks, epoch, key, active, totals, threads)
            taken[active] = epoch + 1
            with np.errstate(invalid="ignore"):
                costs = (totals[0] + totals[2]) / totals[1]
            if score is not None:
                descent.settle()
                costs[active] = [-score(output) for output in active]
            if on_epoch is not None:
                on_epoch(epoch, costs)
            if solver.tol is None:
                continue
            worse = np.where(costs > best - solver.tol, worse + 1, 0)
            best = np.fmin(best, costs)
            stopped = worse[active] >= solver.n_iter_no_change
            for output in active[stopped]:
                if solver.rate == "adaptive" and descent.slow_down(output):
                    worse[output] = 0
            active = active[worse[active] < solver.n_iter_no_change]
            if len(active) == 0:
                break
    finally:
        descent.settle()
    return np.full(k, taken[0]) if joint else taken


def _run_epoch(engine, descent, chunks, epoch, key, active, totals, threads):
    """Run one pass over the chunks."""
    rows_seen = 0
    for number, chunk in enumerate(chunks):
        n = len(chunk)
        if key is not None:
            order = engine.permutation(streams.element(key, number) if number else key, n)
            chosen = order if chunk.chosen is None else chunk.chosen[order]
            chunk = Chunk(chunk.rows, chunk.y, chunk.weights, chosen)
        positions = np.zeros(totals.shape[1], np.int64)
        while (positions[active] < n).any():
            status = descent.run(chunk, active, positions, totals, SPAN_SECONDS, threads)
            if status != Status.STATUS_FINE:
                row = rows_seen + int(positions[active].min())
                raise DivergenceError(
                    f"the weights would not be finite after row {row} of epoch {epoch}: scale "
                    "the columns of x, or lower the rate",
                    epoch=epoch,
                    step=row,
                )
        rows_seen += n
    if rows_seen == 0:
        again = " again; a generator can be read only once" if epoch else ""
        raise DataError(f"x: there are no rows{again}")
