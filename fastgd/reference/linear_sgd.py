"""Stochastic gradient descent for linear models, without any of the compiled one's devices."""

import math
import time

import numpy as np

from fastgd._core.types import LinearLoss, Rate, Status
from fastgd.reference.arrays import FLOATS
from fastgd.reference.linear_losses import decision_losses, multinomial_losses

_MAX_SLOPE = 1e12


class Descent:
    """Weights of a linear model on their way: what ``linear_sgd.pxi`` computes.

    Parameters
    ----------
    plan : fastgd.linear.steps.Plan
    weights : fastgd.linear.steps.Weights
        Changed in place.
    """

    def __init__(self, plan, weights):
        self.plan, self.weights = plan, weights
        self.outputs = len(weights.coef)
        self.eta = np.full(self.outputs, plan.eta0)
        if plan.rate == Rate.RATE_OPTIMAL:
            self.start = _optimal_start(plan)

    def run(self, chunk, active, positions, totals, seconds, threads=1):
        """Go on with the outputs `active` from their positions towards the end: a Status."""
        deadline = time.monotonic() + seconds
        last, order = len(chunk), chunk.chosen
        joint = self.plan.loss == LinearLoss.LINEAR_MULTINOMIAL
        groups = [np.arange(self.outputs)] if joint else [np.array([k]) for k in active]
        for group in groups:
            first = group[0]
            while positions[first] < last and time.monotonic() < deadline:
                stop = min(last, positions[first] + self.plan.batch_size)
                places = np.arange(positions[first], stop)
                batch = places if order is None else order[places]
                if not self._step(group, chunk.rows, chunk.y, chunk.weights, batch, totals):
                    return Status.STATUS_UPDATE
                positions[first] = stop
        return Status.STATUS_FINE

    def step(self, x, y, weight=1):
        """A step for one dense row (d,): a Status; -1 if it is no such row."""
        if x.shape != self.weights.coef.shape[1:] or x.dtype not in FLOATS:
            return -1
        rows = _OneRow(x)
        totals = np.zeros((3, self.outputs))
        y = np.full((1, self.outputs), y) if self.plan.y_stride else np.array([y])
        joint = self.plan.loss == LinearLoss.LINEAR_MULTINOMIAL
        groups = [np.arange(self.outputs)] if joint else np.arange(self.outputs)[:, None]
        for group in groups:
            one = y if self.plan.y_stride == 0 or joint else y[:, : self.plan.y_stride]
            fine = self._step(group, rows, one.reshape(-1) if joint else one, None,
                              np.array([0]), totals, weight)  # fmt: skip
            if not fine:
                return Status.STATUS_UPDATE
        return Status.STATUS_FINE

    def is_row(self, x):
        """Whether x is one row (1, d) that needs no conversion, of finite numbers."""
        return (
            type(x) is np.ndarray
            and x.shape == (1, self.weights.coef.shape[1])
            and x.dtype in FLOATS
            and bool(np.isfinite(x).all())
        )

    def decision(self, x, output=0):
        """The decision of one output for one dense row (d,)."""
        return float(x.astype(np.float64) @ self.weights.coef[output]) + float(
            self.weights.intercept[output]
        )

    def slow_down(self, output):
        """Take a fifth of an output's rate; whether it was above 1e-6."""
        if self.eta[output] <= 1e-6:
            return False
        self.eta[output] /= 5
        return True

    def settle(self):
        """The arrays mean what they say at any time."""

    def _rate(self, output):
        plan, t = self.plan, self.weights.t[output]
        if plan.rate == Rate.RATE_OPTIMAL:
            return 1 / (plan.alpha * (self.start + t - 1))
        if plan.rate == Rate.RATE_INVSCALING:
            return plan.eta0 / t**plan.power_t
        return self.eta[output]

    @np.errstate(over="ignore", invalid="ignore")
    def _step(self, group, rows, y, weights, batch, totals, extra=1.0):
        """A step of outputs that belong together for some rows; False if it is not finite."""
        plan, w = self.plan, self.weights
        lines = [rows.row(i) for i in batch]
        z = np.array([[v @ w.coef[k, c] + w.intercept[k] for k in group] for v, c in lines])
        given = np.ones(len(batch)) if weights is None else weights[batch]
        given = given * extra
        first, eta = group[0], self._rate(group[0])
        if plan.loss == LinearLoss.LINEAR_MULTINOMIAL:
            values, slopes = np.empty(len(batch)), np.empty(z.shape)
            multinomial_losses(z, y[batch], values, slopes)
        else:
            target = _targets(plan, y, batch, first)
            given = given * np.where(target > 0, plan.positive[first], plan.negative[first])
            found = np.empty((3, len(batch)))
            decision_losses(plan.loss, plan.setting, z[:, 0], target, found)
            values, slopes = found[0], np.clip(found[1], -_MAX_SLOPE, _MAX_SLOPE)[:, None]
        counted = np.ones(len(batch)) if plan.batch_size == 1 and len(group) == 1 else given
        if plan.objective:
            penalty = sum(self._penalty(k) for k in group)
            totals[0, first] += counted @ values
            totals[2, first] += counted.sum() * penalty
        totals[1, first] += counted.sum()
        if plan.rate >= Rate.RATE_PA1:
            square = lines[0][0] @ lines[0][0]
            if plan.rate == Rate.RATE_PA1 and square == 0:
                return True
            factors = [[_passive(plan, values[0], z[0, 0], target[0], square) * given[0]]]
        else:
            total = 1 if plan.batch_size == 1 else given.sum()
            factors = -eta * slopes * given[:, None] / (total or 1)
        return self._move(group, lines, factors, eta)

    def _penalty(self, k):
        if self.plan.rate >= Rate.RATE_PA1:
            return 0
        w = self.weights.coef[k]
        return self.plan.l2 / 2 * (w @ w) + self.plan.l1 * np.abs(w).sum()

    def _move(self, group, lines, factors, eta):
        """Change weights by factors (rows, outputs) times the rows, then by the penalties."""
        plan, w = self.plan, self.weights
        for h, k in enumerate(group):
            coef, intercept = w.coef[k] * max(0, 1 - eta * plan.l2), w.intercept[k]
            for (values, columns), factor in zip(lines, factors, strict=True):
                coef[columns] += factor[h] * values
                if plan.fit_intercept:
                    intercept += plan.intercept_decay * factor[h]
            if not (np.isfinite(coef).all() and np.isfinite(intercept)):
                return False
            w.coef[k], w.intercept[k] = coef, intercept
            if 0 < plan.average <= w.t[k]:
                count = w.t[k] - plan.average + 1
                w.average_coef[k] += (coef - w.average_coef[k]) / count
                w.average_intercept[k] += (intercept - w.average_intercept[k]) / count
            w.owed_total[k] += eta * plan.l1
            w.t[k] += 1
        if plan.l1 > 0:
            for _, columns in lines:
                for k in group:
                    self._pay(k, columns)
        return True

    def _pay(self, k, columns):
        """Move weights towards 0 by the penalty that they have not had yet, not beyond 0."""
        w = self.weights
        before, owed = w.coef[k, columns], w.owed[k, columns]
        due = w.owed_total[k] + np.sign(before) * owed
        after = np.where(before == 0, 0, np.sign(before) * np.maximum(np.abs(before) - due, 0))
        w.owed[k, columns] += after - before
        w.coef[k, columns] = after


class _OneRow:
    def __init__(self, x):
        self.x = x

    def row(self, _):
        return self.x.astype(np.float64), slice(None)


def _targets(plan, y, batch, output):
    if plan.y_stride == 0:
        return np.where(y[batch] == output, 1.0, -1.0)
    return y.reshape(-1, plan.y_stride)[batch, output]


def _passive(plan, value, z, y, square):
    if plan.rate == Rate.RATE_PA1:
        size = min(plan.eta0, value / square)
    else:
        size = value / (square + 0.5 / plan.eta0)
    if plan.loss in (LinearLoss.LINEAR_HINGE, LinearLoss.LINEAR_PERCEPTRON):
        return size * y
    return -size if y < z else size


def _optimal_start(plan):
    typical = math.sqrt(1 / math.sqrt(plan.alpha))
    slope = 1.0
    if plan.loss != LinearLoss.LINEAR_MULTINOMIAL:
        found = np.empty((3, 1))
        decision_losses(plan.loss, plan.setting, np.array([-typical]), np.ones(1), found)
        slope = found[1, 0]
    return max(1.0, slope) / (typical * plan.alpha)
