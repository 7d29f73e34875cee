"""Stochastic gradient descent: a step for each row, or for a few."""

import functools
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from fastgd._core.types import LinearLoss, Rate, Status
from fastgd._data.arguments import choice
from fastgd._data.validation import boolean, number, whole_number
from fastgd._engine import streams
from fastgd._engine.algebra import dot
from fastgd._engine.thread_choice import SPAN_SECONDS
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataError, DivergenceError
from fastgd.linear.data import Chunk, check_finite_row, least_target, row_of, wrong_target
from fastgd.linear.objective import LOG_LINK, LOSS_NAMES, Problem, Solution

#: The rules for the rate by name.
RATES = {rate.name.removeprefix("RATE_").lower(): rate for rate in Rate}

#: The losses that the passive-aggressive rates can be used with.
PASSIVE = (
    LinearLoss.LINEAR_HINGE, LinearLoss.LINEAR_PERCEPTRON,
    LinearLoss.LINEAR_EPSILON_INSENSITIVE,
)  # fmt: skip

#: The checks of the numbers that SGD takes, and their bounds.
_CHECKS: tuple[Any, ...] = (
    ("eta0", number, 0), ("power_t", number), ("epochs", whole_number, 1),
    ("tol", number, 0), ("n_iter_no_change", whole_number, 1), ("shuffle", boolean),
    ("batch_size", whole_number, 1, 2**31 - 1),
    ("early_stopping", boolean), ("seed", whole_number, 0),
    ("validation_fraction", number, 0, 1), ("intercept_decay", number, 0),
)  # fmt: skip


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
    """Hold the arrays of k outputs, float64; ``Descent`` changes them in place."""

    coef: Array
    intercept: Array
    average_coef: Array
    average_intercept: Array
    owed: Array  #: minus the L1 penalty that each weight has received
    owed_total: Array  #: (k,), the penalty that is due
    t: Array  #: (k,), the numbers of the next steps

    @classmethod
    def start(cls, coef, intercept, average=False, l1=False):
        """Return fresh weights that begin at copies of coef (k, d) and intercept (k,)."""
        k, d = coef.shape
        return cls(
            np.array(coef, np.float64, order="C"), np.array(intercept, np.float64),
            np.zeros((k, d if average else 0)), np.zeros(k), np.zeros((k, d if l1 else 0)),
            np.zeros(k), np.ones(k),
        )  # fmt: skip

    def copy(self):
        """Return a copy with arrays of its own."""
        return Weights(*(getattr(self, field.name).copy() for field in fields(self)))

    def result(self, average):
        """Return (coef, intercept): the averages from step `average` on, if it is not 0."""
        if 0 < average <= self.t.max() - 1:
            return self.average_coef, self.average_intercept
        return self.coef, self.intercept


@dataclass(frozen=True)
class SGD:
    """Minimise by stochastic gradient descent: a step for each row, or batch of rows.

    Parameters
    ----------
    rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}
        The length eta of step t, t = 1, 2, ...: "constant", eta0; "optimal",
        1 / (alpha (t0 + t - 1)) with alpha = l1 + l2 and a t0 that suits the loss;
        "invscaling", eta0 / t^power_t; "adaptive", eta0, divided by 5 whenever
        ``n_iter_no_change`` epochs bring no improvement; "pa1" and "pa2", the
        passive-aggressive steps of Crammer et al. with eta0 as their C, for "hinge",
        "perceptron" and "epsilon_insensitive".
    eta0, power_t : float
    epochs : int, the most passes over the rows
    tol : float or None
        An epoch is an improvement if its mean objective is smaller than the best by more than
        this. The run ends after ``n_iter_no_change`` epochs without. None: run all epochs.
    n_iter_no_change : int
    average : bool or int
        Whether the result is the mean of the weights over all steps, or the step from which the
        mean is taken.
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    batch_size : int or None
        Rows a step, which follows their weighted mean slope; None: all of them.
    early_stopping, validation_fraction : bool and float
        Judge epochs by the mean loss of rows that are not trained on: this share of them.
    seed : int or None
        The seed of the orders. None: drawn from that of ``utils.set_random_seed``.
    intercept_decay : float
        The factor of steps of the intercept. scikit-learn uses 0.01 for sparse rows.

    Notes
    -----
    L2 shrinks the weights by a factor that is kept beside them, and L1 moves them towards 0 as
    they are next used (Tsuruoka et al. 2009): the cost of a step of a sparse row depends on its
    non-zeros only. Weights are float64 for any x.

    References
    ----------
    L. Bottou, "Stochastic gradient descent tricks", 2012. K. Crammer et al., "Online
    passive-aggressive algorithms", JMLR 7, 2006.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> x = np.random.default_rng(0).normal(size=(500, 3))
    >>> y = (x[:, 0] > x[:, 1]).astype(int)
    >>> solver = linear.SGD(epochs=20, tol=None, seed=0)
    >>> model = linear.LinearModel("log_loss", l2=1e-3).fit(x, y, solver=solver)
    >>> bool((model.predict(x) == y).mean() > 0.95)
    True
    """

    rate: str = "optimal"
    eta0: float = 0.01
    power_t: float = 0.5
    epochs: int = 1000
    tol: float | None = 1e-3
    n_iter_no_change: int = 5
    average: bool | int = False
    shuffle: bool = True
    batch_size: int | None = 1
    early_stopping: bool = False
    validation_fraction: float = 0.1
    seed: int | None = None
    intercept_decay: float = 1.0

    #: It takes problems of several outputs whole, see ``objective``.
    several = True

    def __post_init__(self) -> None:
        choice(self.rate, "rate", tuple(RATES))
        for name, check, *bounds in _CHECKS:
            value = getattr(self, name)
            if value is not None or name not in ("tol", "batch_size", "seed"):
                check(value, name, *bounds)
        if not isinstance(self.average, (bool, np.bool_)):
            whole_number(self.average, "average", 0, 2**63 - 1)
        if self.rate in ("pa1", "pa2") and self.batch_size != 1:
            raise ArgumentError(f"rate: {self.rate!r} takes a row a step, batch_size=1")

    def plan(self, problem: Problem, objective: bool = True,
             alpha: float | None = None) -> Plan:  # fmt: skip
        """Return the engine's Plan for a problem; alpha: of "optimal", None: l1 + l2."""
        alpha = problem.l1 + problem.l2 if alpha is None else alpha
        if self.rate == "optimal" and alpha == 0:
            reason = "'optimal' depends on the penalty, but l1 and l2 are 0"
            raise ArgumentError(f"rate: {reason}; take another, such as 'invscaling'")
        if self.rate in ("pa1", "pa2") and problem.loss not in PASSIVE:
            names = ", ".join(repr(LOSS_NAMES[loss]) for loss in PASSIVE)
            raise ArgumentError(f"rate: {self.rate!r} is for the losses {names}")
        joint = problem.loss == LinearLoss.LINEAR_MULTINOMIAL
        of_classes = problem.outputs > 1 and problem.y.ndim == 1 and not joint
        ones = np.ones(problem.outputs)
        return Plan(
            problem.loss, problem.setting, problem.l1, problem.l2, alpha, problem.fit_intercept,
            RATES[self.rate], self.eta0, self.power_t, self.intercept_decay, int(self.average),
            self.batch_size or max(1, problem.rows.shape[0]), objective,
            0 if of_classes else (*problem.y.shape, 1)[1], ones, ones,
        )  # fmt: skip

    def begin(self, problem: Problem, start: Solution, objective: bool = True) -> Any:
        """Return the engine's ``Descent`` for a problem, from a Solution on."""
        judged = self.tol is not None and not self.early_stopping
        plan = self.plan(problem, objective and judged)
        weights = Weights.start(start.coef, start.intercept, plan.average > 0, problem.l1 > 0)
        return problem.engine.Descent(plan, weights)

    def minimize(self, problem: Problem, start: Solution) -> Solution:
        """Run the epochs over all rows, from a Solution on."""
        return self.follow(problem, self.begin(problem, start))

    def follow(self, problem: Problem, descent: Any,
               chunks: Iterable[Chunk] | None = None) -> Solution:  # fmt: skip
        """Run the epochs with a Descent over chunks of a problem, or over all its rows."""
        if chunks is None:
            weights = problem.weights
            if weights is not None:
                weights = weights * (problem.count / weights.sum())
            chunks = [Chunk(problem.rows, problem.y, weights, offset=problem.offset)]
        seed, score = streams.next_seed() if self.seed is None else int(self.seed), None
        if self.early_stopping:
            (chunk,) = chunks
            chunks, score = self._split(problem, descent, chunk, seed)
        taken = run_epochs(problem.engine, descent, chunks, self, seed, problem.threads, score)
        coef, intercept = descent.weights.result(int(self.average))
        return Solution(coef.copy(), intercept.copy(), int(taken.max()))

    def _split(self, problem, descent, chunk, seed):
        """Return [the training rows of a chunk] and the score of an output on the others."""
        n = chunk.rows.shape[0]
        held = int(np.ceil(n * self.validation_fraction))
        if not 0 < held < n:
            seen = f"{self.validation_fraction} of {n} rows leaves none"
            use = "train on" if held else "validate on"
            raise ArgumentError(f"validation_fraction: {seen} to {use}")
        order = problem.engine.permutation(streams.element(seed, -1), n)
        judged, training = np.sort(order[:held]), np.sort(order[held:])
        score = functools.partial(_score, problem, descent.weights, judged)
        return [replace(chunk, chosen=training)], score


def default_sgd(problem):
    """Return the SGD for rows that come in parts."""
    return SGD("optimal" if problem.l1 + problem.l2 > 0 else "invscaling")


def _score(problem, weights, chosen, output):
    """Return minus the mean loss of some rows, for one output, or all of the multinomial."""
    engine = problem.engine
    z = np.empty((problem.rows.shape[0], len(weights.coef)))
    engine.decisions(problem.rows, weights.coef, weights.intercept, z, 0, len(z))
    if problem.offset is not None:
        z += problem.offset[:, None]
    given = np.ones(len(z)) if problem.weights is None else problem.weights
    if problem.loss == LinearLoss.LINEAR_MULTINOMIAL:
        values, slopes = np.empty(len(z)), np.empty(z.shape)
        engine.multinomial_losses(z, problem.y, values, slopes)
    else:
        found = np.empty((3, len(z)))
        y = problem.y if problem.outputs == 1 else problem.targets_of(output)
        engine.decision_losses(problem.loss, problem.setting, z[:, output].copy(), y, found)
        values = found[0]
    return -(dot(given[chosen], values[chosen]) / max(given[chosen].sum(), 1e-300))


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
    for i, chunk in enumerate(chunks):
        n = len(chunk)
        if key is not None:
            order = engine.permutation(streams.element(key, i) if i else key, n)
            chosen = order if chunk.chosen is None else chunk.chosen[order]
            chunk = replace(chunk, chosen=chosen)
        positions = np.zeros(totals.shape[1], np.int64)
        while (positions[active] < n).any():
            status = descent.run(chunk, active, positions, totals, SPAN_SECONDS, threads)
            if status != Status.STATUS_FINE:
                row = rows_seen + int(positions[active].min())
                message = (
                    f"the weights would not be finite after row {row} of epoch {epoch}: scale "
                    "the columns of x, or lower the rate"
                )
                raise DivergenceError(message, epoch=epoch, step=row)
        rows_seen += n
    if rows_seen == 0:
        again = " again; a generator can be read only once" if epoch else ""
        raise DataError(f"x: there are no rows{again}")


class _Targets:
    """Map each target to itself, and refuse those that a loss does not allow."""

    def __init__(self, loss, least):
        self._loss, self._least = loss, least

    def __getitem__(self, y):
        if y < self._least:
            raise DataError(f"y: {wrong_target(self._loss)}, got {y}")
        return y


class RowLearner:
    """Train the weights of a Descent row by row, for classes or for numbers."""

    def __init__(self, descent, loss, classes):
        self.descent, self._step = descent, descent.step
        #: the smallest target that the loss allows
        self.least_target = least_target(loss)
        self._classes = classes
        self._target_of = None  # class -> target of the engine
        if loss in LOG_LINK:
            self._target_of = _Targets(loss, self.least_target)
        if classes is not None:
            two = classes == 2 and loss != "multinomial"
            self._target_of = {c: float(2 * c - 1 if two else c) for c in range(classes)}

    def step(self, x, y, weight, names=None, unknown="raise", offset=0.0):
        """Take one step for one row; return False, and do nothing, if x is to be converted.

        x: (d,), or a list, or a dict by such names; unknown: see ``data.row_of``.
        """
        try:
            target = y if self._target_of is None else self._target_of[y]
            status = self._step(x, target, weight, names, unknown, offset)
        except (KeyError, TypeError):
            number(weight, "sample_weight", low=0)
            if (k := self._classes) is None:
                number(y, "y")
                raise
            seen = f"expected a class number from 0 to {k - 1}, got {y!r}"
            raise DataError(f"y: {seen}: declare classes at the first call") from None
        if status < 0:
            return False
        if status != Status.STATUS_FINE:
            x, _ = row_of(x, names, self.descent.weights.coef.shape[1], None, unknown)
            check_finite_row(x)
            raise DivergenceError(
                "the weights would not be finite after this row: scale the columns of x, or "
                "lower the rate"
            )
        return True
