"""The common part of SGDClassifier and SGDRegressor: epochs and single steps on the engine."""

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted, validate_data

from fastgd import config
from fastgd._core.types import Status
from fastgd._engine import builds
from fastgd._typing import Data
from fastgd.errors import ArgumentError, DataError, DivergenceError, ShapeError
from fastgd.linear.data import weights_of
from fastgd.linear.objective import LOSSES, Problem
from fastgd.linear.prediction import decisions
from fastgd.linear.sgd import SGD
from fastgd.linear.sgd_epochs import RATES, Weights, run_epochs
from fastgd.linear.streaming import Chunk
from fastgd.sklearn.inputs import engine_and_rows, keep

#: The values of parameters that differ from scikit-learn's.
CONSTRAINTS = {
    "learning_rate": [StrOptions(set(RATES))],
    "batch_size": [Interval(Integral, 1, None, closed="left"), None],
}

#: The step of the intercept of sparse rows, relative to that of their weights.
SPARSE_INTERCEPT_DECAY = 0.01


class SGDEstimator(BaseEstimator):
    """Hold the common part of the two estimators.

    A subclass has ``_task``, which returns the problem of a fit; the weights of targets above 0
    and of others, for each output; and attributes to set.
    """

    def fit(
        self, X: Data, y: Data, coef_init: Data | None = None,
        intercept_init: Data | None = None, sample_weight: Data | None = None,
    ) -> Self:  # fmt: skip
        """Fit from the start, or with ``warm_start`` from the current weights, and return self.

        Parameters
        ----------
        X : array or CSR matrix, (n, d)
        y : array (n,)
        coef_init : array (d,), or (classes, d) for more than two classes
        intercept_init : array (1,), or (classes,)
        sample_weight : array (n,)
        """
        self._validate_params()
        X, y = self._checked(X, y, first=True)
        problem, sides, fitted = self._task(X, y, sample_weight)
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        weights = self._start(problem, coef_init, intercept_init)
        keep(self, fitted | {"t_": 1.0})
        self._train(X, problem, weights, sides)
        return self

    def _partial_fit(self, X, y, sample_weight, first, classes=None):
        if self.early_stopping:
            raise ArgumentError("early_stopping should be False with partial_fit")
        X, y = self._checked(X, y, first)
        problem, sides, fitted = self._task(X, y, sample_weight, classes)
        if first:
            weights = self._start(problem, None, None)
            keep(self, fitted | {"t_": 1.0})
        else:
            weights = self._resumed(problem)
        self._train(X, problem, weights, sides, once=True)
        return self

    def _solver(self, X, epochs):
        names = (
            "eta0", "power_t", "tol", "n_iter_no_change", "average", "shuffle", "batch_size",
            "early_stopping", "validation_fraction",
        )  # fmt: skip
        decay = 1.0 if isinstance(X, np.ndarray) else SPARSE_INTERCEPT_DECAY
        settings = {name: getattr(self, name) for name in names}
        return SGD(self.learning_rate, epochs=epochs, intercept_decay=decay, **settings)

    def _problem(self, X, y, sample_weight, outputs, n_jobs=None):
        """Return the Problem of rows that scikit-learn has validated."""
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ArgumentError("l1_ratio: 'elasticnet' needs one, got None")
        share = {"l1": 1.0, "elasticnet": self.l1_ratio}.get(self.penalty, 0.0)
        alpha = 0.0 if self.penalty is None else self.alpha
        engine, rows = engine_and_rows(X)
        weights = weights_of(sample_weight, rows.shape[0])
        threads = config.threads(n_jobs)
        if n_jobs is not None and n_jobs < -1:  # scikit-learn: all cores but some
            threads = max(1, config.threads(-1) + 1 + n_jobs)
        return Problem(
            engine, rows, y, weights, LOSSES[self.loss],
            self.epsilon, alpha * share, alpha * (1 - share), bool(self.fit_intercept), outputs,
            threads,
        )  # fmt: skip

    def _start(self, problem, coef_init, intercept_init):
        """Return fresh weights, from zero or from those given."""
        shape = problem.outputs, problem.rows.shape[1]
        coef, intercept = np.zeros(shape), np.zeros(shape[0])
        try:
            if coef_init is not None:
                if hasattr(coef_init, "toarray"):  # as SGDClassifier.sparsify makes it
                    coef_init = coef_init.toarray()
                coef[:] = np.asarray(coef_init).reshape(shape)
            if intercept_init is not None:
                intercept[:] = np.asarray(intercept_init).reshape(-1)
        except ValueError:
            raise ShapeError(
                f"coef_init, intercept_init: expected shapes {shape} and {shape[:1]}, got "
                f"{np.shape(coef_init)} and {np.shape(intercept_init)}"
            ) from None
        return Weights.start(coef, intercept, self.average, problem.l1 > 0)

    def _train(self, X, problem, weights, sides, once=False):
        """Run epochs, or a single one, from these weights on, and set the fitted attributes."""
        solver = self._solver(X, 1 if once else self.max_iter)
        judged = self.verbose or (self.tol is not None and not self.early_stopping)
        plan = solver.plan(problem, bool(judged and not once), self.alpha)
        positive, negative = (side * np.ones(problem.outputs) for side in sides)
        plan = replace(plan, positive=positive, negative=negative)
        descent = problem.engine.Descent(plan, weights)
        chunk = Chunk(problem.rows, problem.y, problem.weights)
        score = None
        if self.early_stopping and not once:
            chunk, score = self._split(problem, chunk, weights)
        on_epoch = _report if self.verbose else None
        seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        try:
            taken = run_epochs(
                problem.engine, descent, [chunk], solver, seed, problem.threads, score, on_epoch
            )
        except (DivergenceError, KeyboardInterrupt):
            self._show(weights, plan)
            raise
        self.n_iter_ = int(taken.max())
        self.t_ += float(self.n_iter_ * problem.rows.shape[0])
        weights.t[:] = self.t_
        self._show(weights, plan)
        if not once and self.tol is not None and self.n_iter_ == self.max_iter:
            warnings.warn(
                f"the fit did not converge in {self.max_iter} epochs: scale the columns of X, "
                "as StandardScaler does, or allow more epochs by max_iter",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _show(self, weights, plan):
        """Set the fitted attributes, views of the weights, and prepare more steps."""
        coef, intercept = weights.result(int(self.average))
        self.coef_ = coef[0] if self._flat else coef
        self.intercept_ = intercept
        self._weights, self._plan, self._shown = weights, plan, self.coef_
        self._descent = builds.load(config.engine()).Descent(plan, weights)

    def _resumed(self, problem):
        """Return the weights to continue with: those shown, or those a user set instead."""
        weights = self._weights
        as_before = (
            self.coef_ is self._shown
            and (problem.l1 > 0) == (weights.owed.size > 0)
            and bool(self.average) == (weights.average_coef.size > 0)
        )
        if not as_before:
            weights = self._start(problem, self.coef_, self.intercept_)
        weights.owed[:] = 0
        weights.owed_total[:] = 0
        weights.t[:] = self.t_
        return weights

    def _split(self, problem, chunk, weights):
        """Return training rows as scikit-learn chooses them, and a score of the others."""
        n, y = problem.rows.shape[0], problem.y
        splitter = ShuffleSplit if self._flat else StratifiedShuffleSplit
        split = splitter(test_size=self.validation_fraction, random_state=self.random_state)
        training, judged = next(split.split(np.zeros((n, 1)), y))
        given = None if problem.weights is None else problem.weights[judged]
        if given is not None and not given.any():
            raise DataError(
                "sample_weight: all weights of the rows kept for validation are zero; try "
                "another random_state"
            )

        def score(output):
            coef = weights.coef[output : output + 1]
            intercept = weights.intercept[output : output + 1]
            z = decisions(problem.engine, problem.rows, coef, intercept)[judged, 0]
            if self._flat:
                return r2_score(y[judged], z, sample_weight=given)
            truth = y if problem.outputs == 1 else problem.targets_of(output)
            return accuracy_score(truth[judged] > 0, z > 0, sample_weight=given)

        return replace(chunk, chosen=np.sort(training)), score

    def _step(self, x, target, sample_weight):
        """Take one step for one row."""
        if not hasattr(self, "_descent"):
            check_is_fitted(self)
        taken = type(x) is np.ndarray
        status = self._descent.step(x, target, sample_weight) if taken else -1
        if status < 0:
            x = np.ascontiguousarray(x, np.float64)
            if x.shape != (self.n_features_in_,):
                raise ShapeError(
                    f"x: expected a row of {self.n_features_in_} columns, got shape {x.shape}"
                )
            status = self._descent.step(x, target, sample_weight)
        if status != Status.STATUS_FINE:
            raise DivergenceError("the weights would not be finite after this row")
        self._descent.settle()
        self.t_ += 1.0
        if self.average:
            self._show(self._weights, self._plan)
        return self

    def _checked(self, X, y, first):
        """Return X and y as scikit-learn validates them."""
        return validate_data(
            self, X, y, accept_sparse="csr", dtype=[np.float64, np.float32], order="C",
            reset=first,
            **({"y_numeric": True} if self._flat else {}),
        )  # fmt: skip

    def __getstate__(self):
        """Return everything but the engine's state, which is created anew when needed."""
        state = dict(super().__getstate__())
        for name in ("_descent", "_weights", "_shown"):
            state.pop(name, None)
        if hasattr(self, "_weights"):
            state["_kept"] = self._weights.copy(), self.coef_ is self._shown, self._plan
        return state

    def __setstate__(self, state):
        state = dict(state)
        kept = state.pop("_kept", None)
        super().__setstate__(state)
        if kept is not None:
            weights, shown, plan = kept
            coef = self.coef_
            self._show(weights, plan)
            if not shown:
                self.coef_ = coef


def _report(epoch, costs):
    print(f"-- Epoch {epoch + 1}: objective {np.nanmean(costs):.6g}")
