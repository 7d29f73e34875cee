"""The training of linear models by stochastic gradient descent, for classes and numbers."""

import functools
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from fastgd import config
from fastgd._core.types import Status
from fastgd._data.validation import number
from fastgd._engine import builds
from fastgd._registry.advice import NamedArguments
from fastgd._typing import Data
from fastgd.errors import ArgumentError, DataError, DivergenceError, ShapeError, warn
from fastgd.linear.data import Chunk, check_finite_row, weights_of
from fastgd.linear.objective import LOSSES, Problem
from fastgd.linear.prediction import decisions
from fastgd.linear.sgd import RATES, SGD, Weights, run_epochs
from fastgd.sklearn.inputs import engine_and_rows, keep, restore_after, validated
from fastgd.sklearn.one_row import RowByRow

#: The values of parameters that differ from scikit-learn's.
CONSTRAINTS = {
    "learning_rate": [StrOptions(set(RATES))],
    "batch_size": [Interval(Integral, 1, None, closed="left"), None],
}

#: The parameters that are those of ``linear.SGD``.
SETTINGS = (
    "eta0", "power_t", "tol", "n_iter_no_change", "average", "shuffle", "batch_size",
    "early_stopping", "validation_fraction",
)  # fmt: skip

#: A step that no training reaches.
MOST_STEPS = 2**62

#: The step of the intercept of sparse rows, relative to that of their weights.
SPARSE_INTERCEPT_DECAY = 0.01


class SGDEstimator(NamedArguments, RowByRow, BaseEstimator):
    """Hold the common part of the two estimators.

    A subclass has ``_task``, which returns the problem of a fit; the weights of targets above 0
    and of others, for each output; and attributes to set.
    """

    @restore_after(DivergenceError)
    def fit(self, X: Data, y: Data, coef_init: Data | None = None,
            intercept_init: Data | None = None,
            sample_weight: Data | None = None) -> Self:  # fmt: skip
        """Fit from the start, or with ``warm_start`` from the current weights, and return self.

        Parameters
        ----------
        X : array or CSR matrix, (n, d)
        y, sample_weight : array (n,)
        coef_init, intercept_init : array
            (d,) and (1,), or (classes, d) and (classes,) for more than two classes.
        """
        self._validate_params()
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        return self._fit((X, y, sample_weight), True, (coef_init, intercept_init))

    def _partial_fit(self, X, y, sample_weight, first, classes=None):
        if self.early_stopping:
            raise ArgumentError("early_stopping should be False with partial_fit")
        return self._fit((X, y, sample_weight), first, (None, None), classes, once=True)

    def _fit(self, data, first, start, classes=None, once=False):
        """Run epochs, or a single one, and set the fitted attributes."""
        X, y = validated(self, *data[:2], reset=first, y_numeric=self._flat)
        problem, sides, fitted = self._task(X, y, data[2], classes)
        shape = problem.outputs, problem.rows.shape[1]
        if first:
            weights = self._start(shape, problem.l1 > 0, *start)
        else:
            weights = self._resumed(shape, problem.l1 > 0)
        if first:
            keep(self, fitted | {"t_": 1.0, "_row_names": None})
        decay = 1.0 if isinstance(X, np.ndarray) else SPARSE_INTERCEPT_DECAY
        settings = {name: getattr(self, name) for name in SETTINGS}
        settings["batch_size"] = min(self.batch_size or X.shape[0], X.shape[0])
        settings["average"] = min(self.average, MOST_STEPS)
        epochs = 1 if once else self.max_iter
        solver = SGD(self.learning_rate, epochs=epochs, intercept_decay=decay, **settings)
        judged = self.verbose or (self.tol is not None and not self.early_stopping)
        plan = solver.plan(problem, bool(judged and not once), self.alpha)
        positive, negative = (side * np.ones(problem.outputs) for side in sides)
        plan = replace(plan, positive=positive, negative=negative)
        descent = problem.engine.Descent(plan, weights)
        chunk = Chunk(problem.rows, problem.y, problem.weights)
        score, on_epoch = None, _report if self.verbose else None
        if self.early_stopping and not once:
            chunk, score = self._split(problem, chunk, weights)
        seed = _seed_from(self.random_state)
        try:
            taken = run_epochs(
                problem.engine, descent, [chunk], solver, seed, problem.threads, score, on_epoch
            )
        except (DivergenceError, KeyboardInterrupt):
            self._show(weights, plan)
            raise
        self.n_iter_ = int(taken.max())
        self.t_ += float(self.n_iter_ * problem.count)
        weights.t[:] = self.t_
        self._show(weights, plan)
        if not once and self.tol is not None and self.n_iter_ == self.max_iter:
            advice = "scale the columns of X, as StandardScaler does, or raise max_iter"
            message = f"the fit did not converge in {self.max_iter} epochs: {advice}"
            warn(message, ConvergenceWarning)
        return self

    def _problem(self, X, y, sample_weight, outputs, n_jobs=None):
        """Return the Problem of rows that scikit-learn has validated."""
        share = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty, 0.0)
        if share is None:
            raise ArgumentError("l1_ratio: 'elasticnet' needs one, got None")
        alpha = 0.0 if self.penalty is None else self.alpha
        engine, rows = engine_and_rows(X)
        weights = weights_of(sample_weight, rows.shape[0])
        threads = config.threads(n_jobs)
        if n_jobs is not None and n_jobs < -1:  # scikit-learn: all cores but some
            threads = max(1, config.threads(-1) + 1 + n_jobs)
        return Problem(
            engine, rows, y, weights, LOSSES[self.loss], self.epsilon, alpha * share,
            alpha * (1 - share), bool(self.fit_intercept), outputs, threads,
        )  # fmt: skip

    def _start(self, shape, has_l1, coef_init, intercept_init):
        """Return fresh weights (outputs, d), from zero or from those given."""
        coef, intercept = np.zeros(shape), np.zeros(shape[0])
        if hasattr(coef_init, "toarray"):  # as SGDClassifier.sparsify makes it
            coef_init = coef_init.toarray()
        try:
            if coef_init is not None:
                coef[:] = np.asarray(coef_init).reshape(shape)
            if intercept_init is not None:
                intercept[:] = np.asarray(intercept_init).reshape(-1)
        except ValueError:
            seen = f"{np.shape(coef_init)} and {np.shape(intercept_init)}"
            expected = f"expected shapes {shape} and {shape[:1]}, got {seen}"
            raise ShapeError(f"coef_init, intercept_init: {expected}") from None
        weights = Weights.start(coef, intercept, self.average, has_l1)
        if self.average:  # which go on from there
            weights.average_coef[:], weights.average_intercept[:] = coef, intercept
        return weights

    def _show(self, weights, plan):
        """Set the fitted attributes, views of the weights, and prepare more steps."""
        coef, intercept = weights.result(int(self.average))
        self.coef_ = self._shown = coef[0] if self._flat else coef
        # in a list, for a look at intercept_ changes no attribute
        self._intercept, self._settled = intercept, [None]
        self._weights, self._plan = weights, plan
        self._descent = builds.load(config.engine()).Descent(plan, weights)

    @property
    def intercept_(self) -> Any:
        """The intercept of each output, (outputs,)."""
        if self._shown is not None and self._settled[0] is None:
            self._settled[0] = self._intercept.tobytes()  # before it is written to
        return self._intercept

    @intercept_.setter
    def intercept_(self, values: Any) -> None:
        self._intercept, self._shown = values, None

    def _resumed(self, shape, has_l1):
        """Return the weights to continue with: those shown, or those a user set instead."""
        weights = self._weights
        holds = weights.owed.size > 0, weights.average_coef.size > 0
        if self._is_set() or holds != (has_l1, bool(self.average)):
            weights = self._start(shape, has_l1, self.coef_, self.intercept_)
        weights.owed[:] = weights.owed_total[:] = 0
        weights.t[:] = self.t_
        return weights

    def _is_set(self):
        """Return whether a user has put other arrays in the place of those shown."""
        return self.coef_ is not self._shown

    def _split(self, problem, chunk, weights):
        """Return training rows as scikit-learn chooses them, and a score of the others."""
        n, y = problem.rows.shape[0], problem.y
        splitter = ShuffleSplit if self._flat else StratifiedShuffleSplit
        split = splitter(test_size=self.validation_fraction, random_state=self.random_state)
        training, judged = next(split.split(np.zeros((n, 1)), y))
        given = None if problem.weights is None else problem.weights[judged]
        if given is not None and not given.any():
            reason = "those of the rows kept for validation are zero"
            raise DataError(f"sample_weight: {reason}; try another random_state")

        def score(output):
            arrays = (a[output : output + 1] for a in (weights.coef, weights.intercept))
            z = decisions(problem.engine, problem.rows, *arrays)[judged, 0]
            if self._flat:
                return r2_score(y[judged], z, sample_weight=given)
            truth = y if problem.outputs == 1 else problem.targets_of(output)
            return accuracy_score(truth[judged] > 0, z > 0, sample_weight=given)

        return replace(chunk, chosen=np.sort(training)), score

    def _step(self, x, target, sample_weight, unknown):
        """Take one step for one row."""
        try:
            descent, settled = self._descent, self._settled
        except AttributeError:
            check_is_fitted(self)
            raise
        # the engine keeps intercepts: it has to be told of an array that was written to
        written = settled[0] is not None and self._intercept.tobytes() != settled[0]
        if written or self.coef_ is not self._shown:
            weights = self._weights
            self._show(self._resumed(weights.coef.shape, weights.owed.size > 0), self._plan)
            descent, settled = self._descent, self._settled
        try:
            taken = type(x) is np.ndarray
            status = descent.step(x, target, sample_weight) if taken else -1
            if status < 0:
                row, names = self._row(x, unknown)
                status = descent.step(row, target, sample_weight)
                self._row_names = names
        except TypeError:
            number(target, "y")
            number(sample_weight, "sample_weight")
            raise
        if status != Status.STATUS_FINE:
            check_finite_row(self._row(x, unknown)[0])
            raise DivergenceError("the weights would not be finite after this row")
        descent.settle()
        if sample_weight > 0:
            self.t_ += 1.0
        if self.average:
            self._show(self._weights, self._plan)
        elif settled[0] is not None:
            settled[0] = self._intercept.tobytes()
        return self

    def __getstate__(self):
        """Return everything but the engine's state, which is created anew when needed."""
        dropped = "_descent", "_weights", "_shown", "_settled"
        state = {k: v for k, v in super().__getstate__().items() if k not in dropped}
        if hasattr(self, "_weights"):
            state["_kept"] = self._weights.copy(), not self._is_set(), self._plan
        return state

    def __setstate__(self, state):
        state = dict(state)
        kept = state.pop("_kept", None)
        super().__setstate__(state)
        if kept is not None:
            (weights, shown, plan), seen = kept, (self.coef_, self._intercept)
            self._show(weights, plan)
            if not shown:
                self.coef_, self.intercept_ = seen


def _seed_from(random_state):
    """Return a number that a random state draws."""
    if type(random_state) is int:
        return _seed_from_number(random_state)
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


@functools.lru_cache
def _seed_from_number(number):  # of which NumPy makes a random state in 80 microseconds
    return int(np.random.RandomState(number).randint(np.iinfo(np.int32).max))


def _report(epoch, costs):
    print(f"-- Epoch {epoch + 1}: objective {np.nanmean(costs):.6g}")
