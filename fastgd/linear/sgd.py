"""Stochastic gradient descent: a step for each row, or for a few."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd._data.validation import boolean, number, positive_int, whole_number
from fastgd._engine import streams
from fastgd.errors import ArgumentError
from fastgd.linear.objective import LOSS_NAMES, Problem, Solution
from fastgd.linear.sgd_epochs import RATES, Plan, Weights, run_epochs
from fastgd.linear.streaming import Chunk

#: The losses that the passive-aggressive rates can be used with.
PASSIVE = (
    LinearLoss.LINEAR_HINGE,
    LinearLoss.LINEAR_PERCEPTRON,
    LinearLoss.LINEAR_EPSILON_INSENSITIVE,
)


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
    epochs : int
        The maximum number of passes over the rows.
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
    early_stopping : bool
        Whether epochs are judged by the mean loss of rows that are not trained on.
    validation_fraction : float
        The share of these rows.
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
        if self.rate not in RATES:
            raise ArgumentError(f"rate: expected one of {', '.join(RATES)}, got {self.rate!r}")
        number(self.eta0, "eta0", low=0)
        number(self.power_t, "power_t")
        positive_int(self.epochs, "epochs")
        positive_int(self.n_iter_no_change, "n_iter_no_change")
        if not isinstance(self.average, (bool, np.bool_)):
            whole_number(self.average, "average", 0)
        boolean(self.shuffle, "shuffle")
        boolean(self.early_stopping, "early_stopping")
        number(self.validation_fraction, "validation_fraction", low=0, high=1)
        number(self.intercept_decay, "intercept_decay", low=0)
        if self.tol is not None:
            number(self.tol, "tol", low=0)
        if self.batch_size is not None:
            positive_int(self.batch_size, "batch_size")
        if self.seed is not None:
            whole_number(self.seed, "seed", 0)
        if self.rate in ("pa1", "pa2") and self.batch_size != 1:
            raise ArgumentError(f"rate: {self.rate!r} takes a row a step, batch_size=1")

    def plan(
        self, problem: Problem, objective: bool = True, alpha: float | None = None
    ) -> Plan:
        """Return the engine's Plan for a problem; alpha: of "optimal", None: l1 + l2."""
        alpha = problem.l1 + problem.l2 if alpha is None else alpha
        if self.rate == "optimal" and alpha == 0:
            raise ArgumentError(
                "rate: 'optimal' depends on the penalty, but l1 and l2 are 0; take another, "
                "such as 'invscaling'"
            )
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

    def follow(
        self, problem: Problem, descent: Any, chunks: Iterable[Chunk] | None = None
    ) -> Solution:
        """Run the epochs with a Descent over chunks of a problem, or over all its rows."""
        if chunks is None:
            weights = problem.weights
            if weights is not None:
                weights = weights * (len(weights) / weights.sum())
            chunks = [Chunk(problem.rows, problem.y, weights)]
        seed = streams.next_seed() if self.seed is None else int(self.seed)
        score = None
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
            raise ArgumentError(
                f"validation_fraction: {self.validation_fraction} of {n} rows leaves none to "
                f"{'train on' if held else 'validate on'}"
            )
        order = problem.engine.permutation(streams.element(seed, -1), n)
        judged, training = np.sort(order[:held]), np.sort(order[held:])

        def score(output):
            return -mean_loss(problem, descent.weights, judged, output)

        return [replace(chunk, chosen=training)], score


def mean_loss(problem, weights, chosen, output):
    """Return the weighted mean loss of some rows, for one output, or all of the multinomial."""
    engine = problem.engine
    z = np.empty((problem.rows.shape[0], len(weights.coef)))
    engine.decisions(problem.rows, weights.coef, weights.intercept, z, 0, len(z))
    given = np.ones(len(z)) if problem.weights is None else problem.weights
    if problem.loss == LinearLoss.LINEAR_MULTINOMIAL:
        values, slopes = np.empty(len(z)), np.empty(z.shape)
        engine.multinomial_losses(z, problem.y, values, slopes)
    else:
        found = np.empty((3, len(z)))
        y = problem.y if problem.outputs == 1 else problem.targets_of(output)
        engine.decision_losses(problem.loss, problem.setting, z[:, output].copy(), y, found)
        values = found[0]
    return float(given[chosen] @ values[chosen] / max(given[chosen].sum(), 1e-300))
