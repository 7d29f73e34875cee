"""Stochastic gradient descent: a step for each row, or for a few."""

from dataclasses import dataclass, replace

import numpy as np

from fastgd._core.types import LinearLoss
from fastgd._data.validation import boolean, number, positive_int, whole_number
from fastgd._engine import streams
from fastgd.errors import ArgumentError
from fastgd.linear.epochs import Chunk, run_epochs
from fastgd.linear.problem import Solution
from fastgd.linear.steps import RATES, Plan, Weights


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: a step for each row, or for each batch of rows.

    Parameters
    ----------
    rate : {"optimal", "constant", "invscaling", "adaptive", "pa1", "pa2"}
        The length eta of step t, t = 1, 2, ...: "constant", eta0; "optimal",
        1 / (alpha (t0 + t - 1)) with alpha = l1 + l2 and a t0 that suits the loss;
        "invscaling", eta0 / t^power_t; "adaptive", eta0, and a fifth of it each time that
        ``n_iter_no_change`` epochs bring nothing; "pa1" and "pa2", the passive-aggressive steps
        of Crammer et al. with eta0 for their C, for "hinge", "perceptron" and
        "epsilon_insensitive".
    eta0, power_t : float
    epochs : int
        At most so many passes over the rows.
    tol : float or None
        An epoch is no better than another if its mean objective is not smaller by so much;
        after ``n_iter_no_change`` of them the run ends. None: all epochs are run.
    n_iter_no_change : int
    average : bool or int
        Whether the result is the mean of the weights over all steps, or from such a step on.
    shuffle : bool
        Whether each epoch takes the rows in an order of its own.
    batch_size : int or None
        Rows a step, which goes along the mean of their slopes, weighted; None: all of them.
    early_stopping : bool
        Whether epochs are judged by the mean loss of rows that are kept from training.
    validation_fraction : float
        Their share.
    seed : int or None
        Of the orders. None: drawn from that of ``utils.set_random_seed``.
    intercept_decay : float
        What steps of the intercept are multiplied by. scikit-learn takes 0.01 for sparse rows.

    Notes
    -----
    L2 shrinks the weights by a factor that is kept beside them, and L1 moves them towards 0 as
    they are next used (Tsuruoka et al. 2009): a step of a sparse row costs its non-zeros only.
    Weights are float64, whatever x is.

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

    #: It is given problems of several outputs as they are, see ``problem``.
    several = True

    def __post_init__(self):
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

    def plan(self, problem, objective=True, alpha=None):
        """What the engine is to do for a problem; alpha: of "optimal", None: l1 + l2."""
        alpha = problem.l1 + problem.l2 if alpha is None else alpha
        if self.rate == "optimal" and alpha == 0:
            raise ArgumentError(
                "rate: 'optimal' depends on the penalty, but l1 and l2 are 0; take another, "
                "such as 'invscaling'"
            )
        if self.rate in ("pa1", "pa2") and problem.loss not in PASSIVE:
            names = ", ".join(repr(loss.name[7:].lower()) for loss in PASSIVE)
            raise ArgumentError(f"rate: {self.rate!r} is for the losses {names}")
        joint = problem.loss == LinearLoss.LINEAR_MULTINOMIAL
        of_classes = problem.outputs > 1 and problem.y.ndim == 1 and not joint
        ones = np.ones(problem.outputs)
        return Plan(
            problem.loss,
            problem.setting,
            problem.l1,
            problem.l2,
            alpha,
            problem.fit_intercept,
            RATES[self.rate],
            self.eta0,
            self.power_t,
            self.intercept_decay,
            int(self.average),
            self.batch_size or max(1, problem.rows.shape[0]),
            objective,
            0 if of_classes else (*problem.y.shape, 1)[1],
            ones,
            ones,
        )

    def begin(self, problem, start, objective=True):
        """The engine's ``Descent`` for a problem, from a solution on."""
        judged = self.tol is not None and not self.early_stopping
        plan = self.plan(problem, objective and judged)
        weights = Weights.start(start.coef, start.intercept, plan.average > 0, problem.l1 > 0)
        return problem.engine.Descent(plan, weights)

    def seed_now(self):
        """The seed of a run."""
        return streams.next_seed() if self.seed is None else int(self.seed)

    def minimize(self, problem, start):
        """See ``problem``."""
        descent = self.begin(problem, start)
        weights = problem.weights
        if weights is not None:
            weights = weights * (len(weights) / weights.sum())
        chunk = Chunk(problem.rows, problem.y, weights)
        return self.follow(problem, descent, [chunk])

    def follow(self, problem, descent, chunks):
        """Run the epochs over chunks of a problem: the Solution."""
        seed = self.seed_now()
        score = None
        if self.early_stopping:
            (chunk,) = chunks
            chunks, score = self._split(problem, descent, chunk, seed)
        costs = []
        taken = run_epochs(
            problem.engine,
            descent,
            chunks,
            self,
            seed,
            problem.threads,
            score,
            lambda _, found: costs.append(found),
        )
        coef, intercept = descent.weights.result(int(self.average))
        return Solution(coef.copy(), intercept.copy(), int(taken.max()))

    def _split(self, problem, descent, chunk, seed):
        """The training rows of a chunk, and a judge by the others."""
        n = chunk.rows.shape[0]
        held = int(np.ceil(n * self.validation_fraction))
        if not 0 < held < n:
            raise ArgumentError(
                f"validation_fraction: {self.validation_fraction} of {n} rows leaves none to "
                f"{'train on' if held else 'judge by'}"
            )
        order = problem.engine.permutation(streams.element(seed, -1), n)
        judged, training = np.sort(order[:held]), np.sort(order[held:])

        def score(output):
            return -mean_loss(problem, descent.weights, judged, output)

        return [replace(chunk, chosen=training)], score


#: The losses that the passive-aggressive rates can be used with.
PASSIVE = (
    LinearLoss.LINEAR_HINGE,
    LinearLoss.LINEAR_PERCEPTRON,
    LinearLoss.LINEAR_EPSILON_INSENSITIVE,
)


def mean_loss(problem, weights, chosen, output):
    """The weighted mean loss of some rows, for one output or, of the multinomial, all."""
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
