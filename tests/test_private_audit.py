"""An audit: what an attacker finds out of 100 000 trainings stays below the claimed epsilon.

A small network is trained with and without one row that stands out, and the attacker tells from
the final weights which it was. With 99 % confidence (C. J. Clopper, E. S. Pearson, 1934) the
errors of such a test bound epsilon from below: of (epsilon, delta)-differential privacy follows
true positives <= e^epsilon false positives + delta (Kairouz, Oh, Viswanath 2015; M. Jagielski,
J. Ullman, A. Oprea, "Auditing differentially private machine learning", 2020). The audit can
fail: it does where clipping is switched off, and where noise is halved.
"""

import numpy as np
import pytest
from scipy import stats

from fastgd import Sequential, layers, privacy, utils
from fastgd._core.engine import Job, PrivateSteps
from fastgd._engine.sampling import most_rows
from fastgd.privacy import DPSGD

pytest.importorskip("dp_accounting")

ROWS, BATCH, STEPS = 8, 6, 4
CLIP, NOISE, DELTA = 1.0, 1.2, 1e-3
TRAININGS = 100_000


class Trainings:
    """Train one small network again and again, each time from the same weights."""

    def __init__(self):
        utils.set_random_seed(1)
        rng = np.random.default_rng(1)
        self.model = Sequential(
            [layers.Dense(2, "tanh", use_bias=False), layers.Dense(1, use_bias=False)]
        )
        # rows of zeros have no gradient: the last one is then as good as not there
        self.x = 0.1 * rng.normal(size=(ROWS, 2)).astype(np.float32)
        self.y = 0.1 * rng.normal(size=(ROWS, 1)).astype(np.float32)
        self.model.compile("sgd", "mse", privacy=DPSGD(CLIP, NOISE))
        self.model.build((None, 2))
        self.step = self.model.compiled_step()
        self.start = self.step.assembly.parameters.copy()
        self.keys = iter(range(10**9))

    def weights(self, canary, count, clip=CLIP, noise=NOISE):
        """Return the final weights of so many trainings, with the canary or without."""
        x, y = self.x.copy(), self.y.copy()
        x[-1], y[-1] = ([4.0, -4.0], 50.0) if canary else (0.0, 0.0)
        key = np.random.default_rng(next(self.keys)).integers(0, 2**32, (2, 8), np.uint32)
        trained = np.array([[0, self.start.size]], np.int64)
        rate, steps = BATCH / ROWS, -(-ROWS // BATCH)
        rooms = most_rows(rate, ROWS), most_rows(rate, steps * ROWS)
        private = PrivateSteps(clip, noise * CLIP, BATCH, ROWS, key, trained, *rooms)
        job = Job(x, y, BATCH)
        job.private, job.last, job.epochs = private, steps, STEPS // steps
        job.state, job.rates = self.step.state(), np.array([0.5])
        parameters = self.step.assembly.parameters
        found = np.empty((count, self.start.size))
        for row in found:
            parameters[:] = self.start
            job.step = job.done = 0
            job.totals = self.step.totals(job.epochs)
            assert self.step.program.train(job) == 0
            row[:] = parameters
        assert private.count == count * STEPS
        return found


def bound(trainings, count, **broken):
    """Return a lower bound of epsilon at 99 % confidence, by the best of a few thresholds.

    The direction in which weights tell the two apart, and the threshold, come from trainings of
    their own, so that the test is fixed before its errors are counted.
    """
    half = count // 4
    pilot = [trainings.weights(canary, half, **broken) for canary in (False, True)]
    spread = np.cov(pilot[0].T) + np.cov(pilot[1].T)
    direction = np.linalg.solve(spread, pilot[1].mean(0) - pilot[0].mean(0))
    scores = [weights @ direction for weights in pilot]
    thresholds = np.quantile(scores[0], [0.9, 0.99, 0.999, 0.9997])
    rates = [[(s > t).mean() for s in scores] for t in thresholds]
    best = thresholds[np.argmax([hit / max(fall, 3 / half) for fall, hit in rates])]
    falls, hits = (
        int((trainings.weights(canary, count // 2, **broken) @ direction > best).sum())
        for canary in (False, True)
    )
    n = count // 2
    most_falls = stats.beta.ppf(0.995, falls + 1, n - falls)
    least_hits = stats.beta.ppf(0.005, hits, n - hits + 1) if hits else 0.0
    return float(np.log(max(least_hits - DELTA, 1e-300) / most_falls))


def test_the_claimed_epsilon_holds_and_the_audit_can_fail():
    claimed = privacy.epsilon(
        DELTA, rows=ROWS, batch_size=BATCH, steps=STEPS, noise_multiplier=NOISE
    )
    trainings = Trainings()
    found = bound(trainings, TRAININGS)
    assert 0.3 * claimed < found < claimed, found
    assert bound(trainings, TRAININGS, clip=1e9) > claimed
    assert bound(trainings, TRAININGS, noise=NOISE / 2) > claimed
