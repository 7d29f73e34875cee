"""scikit-learn's estimators of linear models by stochastic gradient descent."""

import warnings
from dataclasses import replace
from numbers import Integral
from typing import Any, Self

import numpy as np
from sklearn import linear_model
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit
from sklearn.utils import check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted, validate_data

from fastgd import config
from fastgd._core.types import Status
from fastgd._engine import builds
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataError, DivergenceError, ShapeError
from fastgd.linear.data import Chunk, weights_of
from fastgd.linear.objective import LOSSES, Problem
from fastgd.linear.prediction import decisions
from fastgd.linear.sgd import RATES, SGD, Weights, run_epochs
from fastgd.sklearn.inputs import engine_and_rows, keep

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

#: The step of the intercept of sparse rows, relative to that of their weights.
SPARSE_INTERCEPT_DECAY = 0.01


class SGDEstimator(BaseEstimator):
    """Hold the common part of the two estimators.

    A subclass has ``_task``, which returns the problem of a fit; the weights of targets above 0
    and of others, for each output; and attributes to set.
    """

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
        X, y = validate_data(
            self, *data[:2], accept_sparse="csr", dtype=[np.float64, np.float32], order="C",
            reset=first, y_numeric=self._flat,
        )  # fmt: skip
        problem, sides, fitted = self._task(X, y, data[2], classes)
        weights = self._start(problem, *start) if first else self._resumed(problem)
        if first:
            keep(self, fitted | {"t_": 1.0})
        decay = 1.0 if isinstance(X, np.ndarray) else SPARSE_INTERCEPT_DECAY
        settings = {name: getattr(self, name) for name in SETTINGS}
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
            advice = "scale the columns of X, as StandardScaler does, or raise max_iter"
            message = f"the fit did not converge in {self.max_iter} epochs: {advice}"
            warnings.warn(message, ConvergenceWarning, stacklevel=3)
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

    def _start(self, problem, coef_init, intercept_init):
        """Return fresh weights, from zero or from those given."""
        shape = problem.outputs, problem.rows.shape[1]
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
        return Weights.start(coef, intercept, self.average, problem.l1 > 0)

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
        holds = weights.owed.size > 0, weights.average_coef.size > 0
        if self.coef_ is not self._shown or holds != (problem.l1 > 0, bool(self.average)):
            weights = self._start(problem, self.coef_, self.intercept_)
        weights.owed[:] = weights.owed_total[:] = 0
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

    def _step(self, x, target, sample_weight):
        """Take one step for one row."""
        if not hasattr(self, "_descent"):
            check_is_fitted(self)
        taken = type(x) is np.ndarray
        status = self._descent.step(x, target, sample_weight) if taken else -1
        if status < 0:
            x = np.ascontiguousarray(x, np.float64)
            if x.shape != (d := self.n_features_in_,):
                raise ShapeError(f"x: expected a row of {d} columns, got shape {x.shape}")
            status = self._descent.step(x, target, sample_weight)
        if status != Status.STATUS_FINE:
            raise DivergenceError("the weights would not be finite after this row")
        self._descent.settle()
        self.t_ += 1.0
        if self.average:
            self._show(self._weights, self._plan)
        return self

    def __getstate__(self):
        """Return everything but the engine's state, which is created anew when needed."""
        dropped = "_descent", "_weights", "_shown"
        state = {k: v for k, v in super().__getstate__().items() if k not in dropped}
        if hasattr(self, "_weights"):
            state["_kept"] = self._weights.copy(), self.coef_ is self._shown, self._plan
        return state

    def __setstate__(self, state):
        state = dict(state)
        kept = state.pop("_kept", None)
        super().__setstate__(state)
        if kept is not None:
            (weights, shown, plan), coef = kept, self.coef_
            self._show(weights, plan)
            if not shown:
                self.coef_ = coef


def _report(epoch, costs):
    print(f"-- Epoch {epoch + 1}: objective {np.nanmean(costs):.6g}")


class SGDClassifier(SGDEstimator, linear_model.SGDClassifier):
    """Classify by a linear model trained row by row: scikit-learn's, on fastgd's engine.

    Its parameters, attributes and results are those of
    ``sklearn.linear_model.SGDClassifier``; with ``shuffle=False``, or the same order, weights
    agree to rounding. The differences are:

    - ``batch_size``: rows a step, 1 by default; None: all of them. A step of several follows
      the weighted mean of their slopes, so that with all rows a weight of 2 is the same as a
      row that comes twice.
    - ``learn_one(x, y)`` takes a row without validation.
    - The orders of the rows are fastgd's own. ``coef_`` is float64 also for float32 rows.
    - With ``average`` and an L1 penalty, the result is the mean of the weights. scikit-learn
      also subtracts each penalty from earlier weights. And ``partial_fit`` continues from the
      intercept, scikit-learn from the averaged one.
    - ``early_stopping`` scores the weights as they are, not before they are scaled.
    - For sparse rows, the objective that ends a fit has the penalty of all weights, not only of
      the last row's.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import SGDClassifier
    >>> X = np.array([[-1.0, -1.0], [-2.0, -1.0], [1.0, 1.0], [2.0, 1.0]])
    >>> model = SGDClassifier(random_state=0).fit(X, ["a", "a", "b", "b"])
    >>> model.predict([[-0.8, -1.0]]).item()
    'a'
    """

    _flat = False
    _parameter_constraints = linear_model.SGDClassifier._parameter_constraints | CONSTRAINTS

    def __init__(
        self, loss: str = "hinge", *, penalty: str | None = "l2", alpha: float = 0.0001,
        l1_ratio: float = 0.15, fit_intercept: bool = True, max_iter: int = 1000,
        tol: float | None = 1e-3, shuffle: bool = True, verbose: int = 0, epsilon: float = 0.1,
        n_jobs: int | None = None, random_state: Any = None, learning_rate: str = "optimal",
        eta0: float = 0.01, power_t: float = 0.5, early_stopping: bool = False,
        validation_fraction: float = 0.1, n_iter_no_change: int = 5, class_weight: Any = None,
        warm_start: bool = False, average: bool | int = False, batch_size: int | None = 1,
    ) -> None:  # fmt: skip
        keep(self, locals())

    def partial_fit(self, X: Data, y: Data, classes: Data | None = None,
                    sample_weight: Data | None = None) -> Self:  # fmt: skip
        """Take one pass over some rows from the current weights, and return the model.

        Parameters
        ----------
        X, y, sample_weight
            As in ``fit``.
        classes : array or None
            All labels that will come; needed at the first call.
        """
        self._validate_params()
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ArgumentError("classes must be passed on the first call to partial_fit.")
        if isinstance(self.class_weight, str):
            reason = "'balanced' needs all rows, not for partial_fit; give a dict"
            raise ArgumentError(f"class_weight: {reason}")
        known = unique_labels(classes) if first else self.classes_
        if classes is not None and not np.array_equal(unique_labels(classes), known):
            seen = f"classes={classes!r} is not the same as on last call to partial_fit"
            raise ArgumentError(f"{seen}, was: {known!r}")
        return self._partial_fit(X, y, sample_weight, first, known)

    def learn_one(self, x: Array, y: Any, sample_weight: float = 1.0) -> Self:
        """Take one step for one row (d,), of which only the number of columns is checked.

        The estimator has to know its classes, by ``fit`` or ``partial_fit``.
        """
        if not hasattr(self, "_number_of"):
            check_is_fitted(self)
        if (number := self._number_of.get(y)) is None:
            raise DataError(f"y: expected one of {list(self._number_of)}, got {y!r}")
        return self._step(x, number, sample_weight)

    def _task(self, X, y, sample_weight, classes=None):
        if classes is None:
            classes = _classes_of(y)
            if len(classes) < 2:
                seen = f"got 1 class: y is {classes[0]!r} everywhere"
                raise DataError(f"The number of classes has to be greater than one; {seen}")
        else:
            check_classification_targets(y)
        if two := len(classes) == 2:
            above = y == classes[1]
            strange = ~above & (y != classes[0])
            targets = np.where(above, 1.0, -1.0)
        else:
            codes = np.searchsorted(classes, y).clip(max=len(classes) - 1)
            strange = classes[codes] != y
            targets = codes.astype(np.float64)
        if strange.any():
            row = int(np.argmax(strange))
            label = y[row].item() if isinstance(y[row], np.generic) else y[row]
            seen = f"{label!r} at row {row} is none of the classes {classes.tolist()}"
            raise DataError(f"y: {seen}: declare them at the first call of partial_fit")
        each = np.ones(len(classes))
        if self.class_weight is not None:
            each = compute_class_weight(self.class_weight, classes=classes, y=y)
        outputs = 1 if two else len(classes)
        problem = self._problem(X, targets, sample_weight, outputs, self.n_jobs)
        numbers = (-1.0, 1.0) if two else range(outputs)
        self._number_of = dict(zip(classes.tolist(), map(float, numbers), strict=True))
        return problem, (each[1], each[0]) if two else (each, 1.0), {"classes_": classes}


def _classes_of(y):
    """Return the labels of y in order, as ``unique_labels`` does by sorting y twice."""
    if y.dtype.kind in "bif" and len(y):
        low, high = float(y.min()), float(y.max())
        if abs(low) < 2**53 and high - low < len(y) // 4:
            codes = y.astype(np.int64)
            if y.dtype.kind != "f" or (codes == y).all():
                counts = np.bincount(codes - int(low))
                return (np.flatnonzero(counts) + int(low)).astype(y.dtype)
    check_classification_targets(y)
    return unique_labels(y)


class SGDRegressor(SGDEstimator, linear_model.SGDRegressor):
    """Fit a linear regression row by row: scikit-learn's, on fastgd's engine.

    Its parameters, attributes and results are those of ``sklearn.linear_model.SGDRegressor``;
    for the differences see ``SGDClassifier``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import SGDRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = SGDRegressor(random_state=0, tol=1e-6, eta0=0.1).fit(X, 3 * X[:, 0] + 1)
    >>> model.predict([[0.5]]).round(1)
    array([2.5])
    """

    _flat = True
    _parameter_constraints = linear_model.SGDRegressor._parameter_constraints | CONSTRAINTS

    def __init__(self, loss: str = "squared_error", *, penalty: str | None = "l2",
                 alpha: float = 0.0001, l1_ratio: float = 0.15, fit_intercept: bool = True,
                 max_iter: int = 1000, tol: float | None = 1e-3, shuffle: bool = True,
                 verbose: int = 0, epsilon: float = 0.1, random_state: Any = None,
                 learning_rate: str = "invscaling", eta0: float = 0.01, power_t: float = 0.25,
                 early_stopping: bool = False, validation_fraction: float = 0.1,
                 n_iter_no_change: int = 5, warm_start: bool = False,
                 average: bool | int = False, batch_size: int | None = 1) -> None:  # fmt: skip
        keep(self, locals())

    def partial_fit(self, X: Data, y: Data, sample_weight: Data | None = None) -> Self:
        """Take one pass over some rows, as in ``fit``, from the current weights."""
        self._validate_params()
        return self._partial_fit(X, y, sample_weight, not hasattr(self, "coef_"))

    def learn_one(self, x: Array, y: float, sample_weight: float = 1.0) -> Self:
        """Take one step for one row (d,), of which only the number of columns is checked.

        The estimator has to be fitted, by ``fit`` or ``partial_fit``.
        """
        return self._step(x, y, sample_weight)

    def _task(self, X, y, sample_weight, classes=None):
        return self._problem(X, y.astype(np.float64), sample_weight, 1), (1.0, 1.0), {}
