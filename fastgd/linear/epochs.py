"""Epochs of stochastic gradient descent, until they bring nothing more."""

from dataclasses import dataclass

import numpy as np

from fastgd._core.types import LinearLoss, Status
from fastgd._engine import streams
from fastgd._training.loop import SPAN_SECONDS
from fastgd.errors import DataError, DivergenceError


@dataclass(frozen=True)
class Chunk:
    """Rows of a stream: ``engine.Rows``, targets, weights or None, and which rows, or None.

    ``chosen``, of int64, are visited in their order; None: all of them in turn.
    """

    rows: object
    y: np.ndarray
    weights: np.ndarray | None = None
    chosen: np.ndarray | None = None

    def __len__(self):
        return self.rows.shape[0] if self.chosen is None else len(self.chosen)


def run_epochs(engine, descent, chunks, solver, seed=0, threads=1, score=None, on_epoch=None):
    """Run epochs as a solver says: how many each output took, int64 (k,).

    Parameters
    ----------
    engine : module
    descent : engine.Descent
        Settled at the end, whatever happens.
    chunks : iterable of Chunk
        Iterated once an epoch.
    solver : SGD, or what has its epochs, tol, n_iter_no_change, shuffle and rate
    seed : int
        Of the order of rows: epoch e of chunk c is in an order of its own.
    score : function of an output or None
        Judges an epoch in the place of the objective; larger is better.
    on_epoch : function of (epoch, objectives) or None

    Raises
    ------
    DivergenceError
        If weights would leave the finite numbers. The last finite ones are kept.
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
    """One pass over the chunks."""
    rows_seen = 0
    for number, chunk in enumerate(chunks):
        n = len(chunk)
        ordered = chunk
        if key is not None:
            order = engine.permutation(streams.element(key, number) if number else key, n)
            order = order if chunk.chosen is None else chunk.chosen[order]
            ordered = Chunk(chunk.rows, chunk.y, chunk.weights, order)
        positions = np.zeros(totals.shape[1], np.int64)
        while (positions[active] < n).any():
            status = descent.run(ordered, active, positions, totals, SPAN_SECONDS, threads)
            if status != Status.STATUS_FINE:
                place = int(positions[active].min())
                raise DivergenceError(
                    f"the weights would not be finite after row {rows_seen + place} of epoch "
                    f"{epoch}: scale the columns of x, or lower the rate",
                    epoch=epoch,
                    step=rows_seen + place,
                )
        rows_seen += n
    if rows_seen == 0:
        again = " again; a generator can be read once only" if epoch else ""
        raise DataError(f"x: there are no rows{again}")
