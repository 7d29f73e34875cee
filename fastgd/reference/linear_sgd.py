"""Stochastic gradient descent for linear models, written like the formulas."""

import math
import time
from types import SimpleNamespace

import numpy as np

from fastgd._core.types import LinearLoss, Rate, Status
from fastgd.errors import ArgumentError
from fastgd.reference.arrays import FLOATS
from fastgd.reference.linear_losses import decision_losses, multinomial_losses
from fastgd.reference.linear_rows import Rows, is_line

_MAX_SLOPE = 1e12


class Descent:
    """Train fastgd.linear.sgd.Weights in place by a fastgd.linear.sgd.Plan."""

    def __init__(self, plan, weights):
        self.plan, self.weights = plan, weights
        self.outputs = len(weights.coef)
        self.eta = np.full(self.outputs, plan.eta0)
        if plan.rate == Rate.RATE_OPTIMAL:
            self.start = _optimal_start(plan)

    def _groups(self, outputs):
        """Return arrays of outputs that take their steps together."""
        if self.plan.loss == LinearLoss.LINEAR_MULTINOMIAL:
            return [np.arange(self.outputs)]
        return [np.array([k]) for k in outputs]

    def run(self, chunk, active, positions, totals, seconds, threads=1):
        """Train the outputs `active` from their positions to the last row: return a Status."""
        deadline = time.monotonic() + seconds
        last, order = len(chunk), chunk.chosen
        for group in self._groups(active):
            first = group[0]
            while positions[first] < last and time.monotonic() < deadline:
                stop = min(last, positions[first] + self.plan.batch_size)
                places = np.arange(positions[first], stop)
                batch = places if order is None else order[places]
                if not self._step(group, chunk, batch, totals):
                    return Status.STATUS_UPDATE
                positions[first] = stop
        return Status.STATUS_FINE

    def step(self, x, y, weight=1, names=None, unknown="raise", offset=0.0):
        """Take a step for one dense row (d,): return a Status; -1 for anything else."""
        if not is_line(x, self.weights.coef.shape[1]):
            return -1
        if not 0 <= weight < np.inf:
            raise ArgumentError(
                f"sample_weight: expected a number of at least 0, got {weight!r}"
            )
        if not np.isfinite(x).all():
            return Status.STATUS_UPDATE
        y = np.full(self.plan.y_stride or 1, y)
        batch, totals = np.array([0]), np.zeros((3, self.outputs))
        chunk = SimpleNamespace(
            rows=Rows(x[None]), y=y, weights=np.array([weight]), offset=np.array([offset])
        )
        before = self.weights.copy()
        for group in self._groups(range(self.outputs)):
            if not self._step(group, chunk, batch, totals):
                for name, array in vars(before).items():
                    getattr(self.weights, name)[...] = array
                return Status.STATUS_UPDATE
        return Status.STATUS_FINE

    def is_row(self, x):
        """Return whether x is a row (1, d) of finite numbers that needs no conversion."""
        fits = type(x) is np.ndarray and x.shape == (1, self.weights.coef.shape[1])
        return fits and x.dtype in FLOATS and bool(np.isfinite(x).all())

    def decision(self, x, output=0):
        """Return the decision of one output for a dense row (d,)."""
        coef, intercept = self.weights.coef[output], self.weights.intercept[output]
        return float(x.astype(np.float64) @ coef) + float(intercept)

    def slow_down(self, output):
        """Divide an output's rate by five; return whether it was above 1e-6."""
        if self.eta[output] <= 1e-6:
            return False
        self.eta[output] /= 5
        return True

    def settle(self):
        """Do nothing: here the arrays hold the weights at any time."""

    def _rate(self, output):
        plan, t = self.plan, self.weights.t[output]
        if plan.rate == Rate.RATE_OPTIMAL:
            return 1 / (plan.alpha * (self.start + t - 1))
        if plan.rate == Rate.RATE_INVSCALING:
            return plan.eta0 / t**plan.power_t
        return self.eta[output]

    @np.errstate(over="ignore", invalid="ignore")
    def _step(self, group, chunk, batch, totals):
        """Take a step of a group of outputs for some rows: return False if it is not finite."""
        plan, w, y, weights = self.plan, self.weights, chunk.y, chunk.weights
        entries = [chunk.rows.row(i) for i in batch]
        z = np.array([[v @ w.coef[k, c] + w.intercept[k] for k in group] for v, c in entries])
        if chunk.offset is not None:
            z += chunk.offset[batch, None]
        given = np.ones(len(batch)) if weights is None else weights[batch]
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
        if not given.any():
            return True
        counted = np.ones(len(batch)) if plan.batch_size == 1 and len(group) == 1 else given
        if plan.objective:
            penalty = sum(self._penalty(k) for k in group)
            totals[0, first] += counted @ values
            totals[2, first] += counted.sum() * penalty
        totals[1, first] += counted.sum()
        if plan.rate >= Rate.RATE_PA1:
            square = entries[0][0] @ entries[0][0]
            if plan.rate == Rate.RATE_PA1 and square == 0:
                return True
            factor = _passive_aggressive(plan, values[0], z[0, 0], target[0], square)
            factors = [[factor * given[0]]]
        else:
            total = 1 if plan.batch_size == 1 else given.sum()
            factors = -eta * slopes * given[:, None] / total
        entries = [entry for entry, weight in zip(entries, given, strict=True) if weight]
        return self._move(group, entries, np.asarray(factors)[given > 0], eta)

    def _penalty(self, k):
        if self.plan.rate >= Rate.RATE_PA1:
            return 0
        w = self.weights.coef[k]
        return self.plan.l2 / 2 * (w @ w) + self.plan.l1 * np.abs(w).sum()

    def _move(self, group, entries, factors, eta):
        """Add factors (rows, outputs) times the rows to the weights, then the penalties."""
        plan, w = self.plan, self.weights
        for h, k in enumerate(group):
            coef, intercept = w.coef[k] * max(0, 1 - eta * plan.l2), w.intercept[k]
            for (values, columns), factor in zip(entries, factors, strict=True):
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
            for _, columns in entries:
                for k in group:
                    self._apply_l1(k, columns)
        return True

    def _apply_l1(self, k, columns):
        """Move weights towards 0, but not beyond, by the L1 penalty that they still owe."""
        w = self.weights
        before, owed = w.coef[k, columns], w.owed[k, columns]
        due = w.owed_total[k] + np.sign(before) * owed
        after = np.where(before == 0, 0, np.sign(before) * np.maximum(np.abs(before) - due, 0))
        w.owed[k, columns] += after - before
        w.coef[k, columns] = after


def _targets(plan, y, batch, output):
    if plan.y_stride == 0:
        return np.where(y[batch] == output, 1.0, -1.0)
    return y.reshape(-1, plan.y_stride)[batch, output]


def _passive_aggressive(plan, value, z, y, square):
    """Return the factor of a passive-aggressive step (Crammer et al. 2006): PA-I or PA-II."""
    if plan.rate == Rate.RATE_PA1:
        size = min(plan.eta0, value / square)
    else:
        size = value / (square + 0.5 / plan.eta0)
    if plan.loss in (LinearLoss.LINEAR_HINGE, LinearLoss.LINEAR_PERCEPTRON):
        return size * y
    return -size if y < z else size


def _optimal_start(plan):
    """Return the start t0 of the rate 1 / (alpha (t0 + t - 1)) (Bottou 2012)."""
    typical = math.sqrt(1 / math.sqrt(plan.alpha))
    slope = 1.0
    if plan.loss != LinearLoss.LINEAR_MULTINOMIAL:
        found = np.empty((3, 1))
        decision_losses(plan.loss, plan.setting, np.array([-typical]), np.ones(1), found)
        slope = found[1, 0]
    return max(1.0, slope) / (typical * plan.alpha)
