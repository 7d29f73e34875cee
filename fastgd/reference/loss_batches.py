"""Losses of a whole batch, whose rows follow one another in time: returns in units of risk."""

import numpy as np

from fastgd._core.formulas import Loss
from fastgd.reference.arrays import added

LEAST_VARIANCE = 1e-9
#: Where the sums of a loss lie in its part of the totals, see loss_batches.pxi.
COUNT, FIRST, SUM, RISK, POSITIONS = range(5)


def returns_of(p, y, cost, before):
    """Return sum over assets of p y - cost |p - the positions before|, for each row."""
    turnover = np.abs(np.diff(p, axis=0, prepend=before[None])).sum(axis=1)
    return (p * y).sum(axis=1) - p.dtype.type(cost) * turnover


def add_returns(kind, returns, sums):
    """Add the returns of some rows to the sums, one after the other."""
    if sums[COUNT] == 0:
        sums[FIRST] = 0 if kind == Loss.LOSS_SORTINO else returns[0]
    apart = returns.astype(np.float64) - sums[FIRST]
    risky = np.minimum(apart, 0) if kind == Loss.LOSS_SORTINO else apart
    sums[COUNT] += len(returns)
    sums[SUM], sums[RISK] = added(sums[SUM], apart), added(sums[RISK], risky * risky)


def ratio_of(kind, settings, sums):
    """Return (the loss, the mean, the risk) of the returns that were added."""
    shift, variance = sums[SUM] / sums[COUNT], sums[RISK] / sums[COUNT]
    if kind != Loss.LOSS_SORTINO:
        variance = max(variance - shift * shift, 0) if np.isfinite(shift) else shift
    mean, risk = sums[FIRST] + shift, np.sqrt(variance + LEAST_VARIANCE)
    return -settings[1] * (mean / risk), mean, risk


def collect(kind, p, y, settings, sums):
    """Add the rows of a batch to the sums, and return the loss of all rows so far."""
    before = sums[POSITIONS : POSITIONS + p.shape[1]].astype(p.dtype)
    add_returns(kind, returns_of(p, y, settings[0], before), sums)
    sums[POSITIONS : POSITIONS + p.shape[1]] = p[-1]
    return ratio_of(kind, settings, sums)[0]


def batch_loss(kind):
    """Return the function of a loss: the batch's for each row, and the slopes of their sum."""

    def values_and_slopes(p, y, settings):
        if not len(p):
            return p[:, 0], p
        returns = returns_of(p, y, settings[0], np.zeros_like(p[0]))
        sums = np.zeros(POSITIONS)
        add_returns(kind, returns, sums)
        value, mean, risk = ratio_of(kind, settings, sums)
        apart = np.minimum(returns, 0) if kind == Loss.LOSS_SORTINO else returns - mean
        d_returns = -settings[1] / risk * (1 - mean * apart / risk**2)
        d_returns = d_returns[:, None]
        bought = settings[0] * np.sign(np.diff(p, axis=0, prepend=0)) * d_returns
        slopes = d_returns * y - bought
        slopes[:-1] += bought[1:]
        return np.full(len(p), value, p.dtype), slopes.astype(p.dtype)

    return values_and_slopes


sharpe, sortino = batch_loss(Loss.LOSS_SHARPE), batch_loss(Loss.LOSS_SORTINO)
