"""Linear and logistic regression, by moments, Newton's method and L-BFGS."""

from dataclasses import replace
from typing import Any, Self

import numpy as np
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets

from fastgd import config
from fastgd._core.types import LinearLoss
from fastgd._engine import algebra
from fastgd._registry.advice import NamedArguments
from fastgd._typing import Data
from fastgd.errors import ArgumentError, ShapeError, warn
from fastgd.linear.linalg import Inverse, correct, moments, ridge
from fastgd.linear.objective import LOSSES, Objective, PriorObjective, Problem
from fastgd.linear.solvers import LBFGS, NEWTON_SIZE, Newton
from fastgd.sklearn.decisions import LinearClassifier, LinearRegressor
from fastgd.sklearn.inputs import (
    NumPyEstimator,
    engine_and_rows,
    restore_after,
    row_weights,
    validated,
)
from fastgd.sklearn.objectives import class_weights, classes_and_codes
from fastgd.sklearn.one_row import CheckedRows, targets_of

#: Columns up to which a matrix of moments is taken of sparse rows, and of dense ones.
SPARSE_COLUMNS, DENSE_COLUMNS = 500, 4000

#: The smallest share of a singular value that its square shows reliably.
RESOLUTION = 1e-7

#: The solvers of Ridge whose iterations scikit-learn counts.
ITERATING = ("lsqr", "sag", "saga")


class _MomentsEstimator(LinearRegressor, NumPyEstimator):
    """Solve by the columns' moments, which partial_fit adds up."""

    @restore_after(BaseException)
    def fit(self, X: Data, y: Data, sample_weight: Data | None = None) -> Self:
        """Fit the model, and return it.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
        y : array, shape (n,) or (n, targets)
        sample_weight : float or array, shape (n,), optional, at least 0

        What cannot be used, or is not finite, is a ValueError or TypeError.
        """
        self._validate_params()
        if not self._takes_sklearn():
            rows, targets = self._checked(X, y, reset=True)
            (n, d), sparse = np.shape(rows), hasattr(rows, "tocsr")
            if d <= (SPARSE_COLUMNS if sparse else min(n, DENSE_COLUMNS)):
                self._learn(rows, targets, sample_weight)
                self._set_attributes(sparse, 1 if targets.ndim == 1 else targets.shape[1])
                return self
        super().fit(X, y, sample_weight)
        self._moments = None
        return self

    @restore_after(BaseException)
    def partial_fit(self, X: Data, y: Data, sample_weight: Data | None = None) -> Self:
        """Learn from more rows, which may then be dropped; the result is that of a fit to all.

        Arguments and errors are those of ``fit``; positive=True is a ValueError. Only sums of
        products are kept, of d (d + targets) numbers. A fit counts as the first call, unless
        scikit-learn's code did it, as for more columns than rows.

        Examples
        --------
        >>> from fastgd.sklearn import Ridge
        >>> parts = Ridge().partial_fit([[0.0], [1.0]], [1.0, 2.0]).partial_fit([[2.0]], [4.0])
        >>> whole = Ridge().fit([[0.0], [1.0], [2.0]], [1.0, 2.0, 4.0])
        >>> bool(abs(parts.coef_ - whole.coef_)[0] < 1e-12)
        True
        """
        self._validate_params()
        if self.positive:
            raise ArgumentError("positive: partial_fit does not restrict signs; use fit")
        known = getattr(self, "_moments", None)
        rows, targets = self._checked(X, y, reset=known is None)
        self._learn(rows, targets, sample_weight, known, corrects=False)
        return self

    def _checked(self, X, y, reset):
        if type(X) is CheckedRows:
            return X.view(np.ndarray), targets_of(y, numbers=True)
        self._row_names = None if reset else self._row_names
        how = {"accept_sparse": ["csr", "csc", "coo"], "y_numeric": True, "multi_output": True}
        X, y = validated(self, X, y, reset=reset, **how)
        return (X.tocsr() if hasattr(X, "tocsr") else X), y

    def _learn(self, X, y, sample_weight, known=None, corrects=True):
        """Solve for these rows and the moments known of earlier ones."""
        engine, rows = engine_and_rows(X)
        weights = row_weights(sample_weight, X.shape[0])
        columns = np.ascontiguousarray(y.reshape(len(y), -1), np.float64)
        targets = columns.shape[1]
        if known is not None and known.cross.shape[1] != targets:
            before = known.cross.shape[1]
            raise ShapeError(f"y: expected {before} targets as before, got {targets}")
        threads = config.threads(getattr(self, "n_jobs", None))
        found = moments(engine, rows, columns, weights, threads)
        found = found if known is None else known.joined(found)
        coef, solvers, penalties = self._solve(found, targets)
        centred = bool(self.fit_intercept)
        if corrects:
            problem = Problem(
                engine, rows, columns, weights, LinearLoss.LINEAR_SQUARED_ERROR, 0.0, 0.0, 0.0,
                centred, targets, threads,
            )  # fmt: skip
            correct(problem, found, penalties, coef, solvers)
        intercept = found.intercept(coef, centred).astype(X.dtype)
        coef, self._moments = coef.astype(X.dtype), found
        self.coef_ = coef if y.ndim > 1 else coef[0]
        self.intercept_ = (intercept if y.ndim > 1 else intercept[0]) if centred else 0.0


class LinearRegression(_MomentsEstimator, linear_model.LinearRegression, NamedArguments):
    """Train ``sklearn.linear_model.LinearRegression`` by fastgd.

    Parameters and attributes are scikit-learn's. The solution comes from the columns' moments
    about their means, which take one pass over the rows; if the columns are nearly collinear,
    further passes correct it by the residuals. Singular values of the centred X up to tol times
    the largest count as 0, as in scikit-learn; the solution is then the one of the least norm.
    ``singular_`` are roots of eigenvalues: below 1e-4 times the largest they lose digits.

    n_jobs is the number of threads, which change no bit. scikit-learn's own code runs with
    positive=True, a tol below 1e-7, more columns than rows, more than 4000 columns, or more
    than 500 of a sparse X.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import LinearRegression
    >>> x = np.array([[1.0, 1], [1, 2], [2, 2], [2, 3]])
    >>> LinearRegression().fit(x, x @ [1.0, 2] + 3).coef_.round(6)
    array([1., 2.])
    """

    def _takes_sklearn(self):
        return self.positive or self.tol < RESOLUTION

    def _set_attributes(self, sparse, targets):
        if sparse:
            del self.rank_, self.singular_

    def _solve(self, found, targets):
        """Return (coef, the solver of each target, penalties); set the rank."""
        centred = bool(self.fit_intercept)
        square, cross = found.about(centred)
        least, none = max(self.tol, RESOLUTION) ** 2, np.zeros(targets)
        eigenvalues = np.maximum(algebra.eigenvalues(square)[::-1], 0)
        self.rank_ = int((eigenvalues > least * eigenvalues[0]).sum())
        self.singular_ = np.sqrt(eigenvalues)
        if self.rank_ < len(square):
            pseudo = Inverse(square, null_share=least)
            return pseudo(cross).T.copy(), [pseudo] * targets, none
        return *ridge(found, none, centred), none


class Ridge(_MomentsEstimator, linear_model.Ridge, NamedArguments):
    """Train ``sklearn.linear_model.Ridge`` by fastgd.

    Parameters and attributes are scikit-learn's; it minimises, for each target,
    sum of s (x w + b - y)² + alpha |w|². With any solver the solution is exact, as in
    ``LinearRegression``; tol and max_iter have no effect. scikit-learn's own code runs with
    solver="lbfgs", and where it does in ``LinearRegression``, whatever tol is.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import Ridge
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> Ridge(alpha=2.0).fit(x, [1.0, 2.0, 3.0]).coef_
    array([0.5])
    """

    def _takes_sklearn(self):
        return self.positive or self.solver == "lbfgs"

    def _set_attributes(self, sparse, targets):
        self.solver_ = "cholesky" if self.solver == "auto" else self.solver
        self.n_iter_ = np.ones(targets, np.int32) if self.solver in ITERATING else None

    def _learn(self, *data, **options):
        super()._learn(*data, **options)
        if np.shape(self.coef_)[:-1] == (1,):  # as in scikit-learn, a column is a vector
            self.coef_ = self.coef_[0]

    def _solve(self, found, targets):
        """Return (coef, the solver of each target, penalties)."""
        penalties = np.asarray(self.alpha, np.float64)
        if (shape := penalties.shape) not in ((), (1,), (targets,)):
            expected = f"one number, or one for each of {targets} targets"
            raise ShapeError(f"alpha: expected {expected}, got shape {shape}")
        if not (penalties >= 0).all() or np.isinf(penalties).any():
            raise ArgumentError(f"alpha: expected numbers of at least 0, got {self.alpha!r}")
        penalties = np.broadcast_to(penalties.ravel(), targets)
        return *ridge(found, penalties, bool(self.fit_intercept)), penalties


class LogisticRegression(
    LinearClassifier, NumPyEstimator, linear_model.LogisticRegression, NamedArguments
):
    """Train ``sklearn.linear_model.LogisticRegression`` by fastgd.

    Parameters, attributes and the objective are scikit-learn's::

        C sum of s_i loss(y_i, x_i w + b) + l1_ratio |w|_1 + (1 - l1_ratio)/2 |w|²

    The differences are:

    - any solver takes any l1_ratio and any number of classes. "lbfgs" is L-BFGS preconditioned
      by the columns' second moments, so that it needs no scaled columns and fewer iterations;
      with an L1 penalty OWL-QN. "newton-cholesky", "newton-cg", "sag" and "saga" are Newton's
      method, with an L1 penalty by coordinate descent on its model; above 600 variables they
      are L-BFGS. "liblinear", whose objective penalises the intercept, is scikit-learn's own;
    - tol is for the largest element of the gradient of the objective divided by C sum of s, or
      of its subgradient, as for scikit-learn's "lbfgs";
    - n_jobs is the number of threads within a fit, which change no bit;
    - there is ``partial_fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastgd.sklearn import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> round(LogisticRegression().fit(X, y).score(X, y), 2)
    0.97
    """

    @restore_after(BaseException)
    def fit(self, X: Data, y: Data, sample_weight: Data | None = None) -> Self:
        """Fit the model, and return it.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
            float32 and float64 in C order, and CSR matrices, are read in place.
        y : array of labels, shape (n,)
        sample_weight : array, shape (n,), optional, at least 0

        What cannot be used, or is not finite, is a ValueError or TypeError. A
        ConvergenceWarning says what to do if max_iter iterations do not reach tol.
        """
        self._validate_params()
        penalties = self._penalties()
        if self.solver == "liblinear":
            super().fit(X, y, sample_weight)
            self._precision = None
            return self
        if self.dual:
            raise ArgumentError(f"dual: only liblinear solves it, got solver={self.solver!r}")
        X, y = self._checked(X, y, reset=True)
        classes, labels = classes_and_codes(y)
        if len(classes) < 2:
            seen = f"got one class only: {classes[0]!r}"
            raise ArgumentError(f"y: expected samples of at least 2 classes, {seen}")
        problem = self._problem(X, y, classes, labels, sample_weight, penalties)
        objective = Objective(problem)
        start = objective.joined(*self._start(classes, X.shape[1], problem.outputs))
        few = self.solver != "lbfgs" and objective.size <= NEWTON_SIZE
        vector = self._minimize(objective, Newton if few else LBFGS, start, X.dtype)
        self.classes_, self._precision = classes, None
        if objective.size <= NEWTON_SIZE:
            self._precision = problem.total * objective.approximate_hessian(vector)
        return self

    @restore_after(BaseException)
    def partial_fit(self, X: Data, y: Data, classes: Data | None = None,
                    sample_weight: Data | None = None) -> Self:  # fmt: skip
        """Learn from more rows, which may then be dropped.

        Earlier rows enter as a quadratic function around the coefficients found then (Laplace's
        approximation), and Newton's method adds the losses of the new ones; the penalty counts
        once. So after all parts of a table the coefficients are close to those of a fit to the
        whole, and old rows count as much as new ones. It takes memory for a matrix of
        (outputs (d + 1))² numbers. A call after ``fit`` continues from there, if the matrix has
        at most 600² numbers, and scikit-learn's own code did not fit the model; otherwise it
        begins again.

        Parameters
        ----------
        X, y, sample_weight
            As in ``fit``, with its errors; a label that is not among the classes is another.
        classes : array, optional
            All labels that may come, needed at the first call, unless ``fit`` saw them.

        Examples
        --------
        >>> from fastgd.sklearn import LogisticRegression
        >>> model = LogisticRegression()
        >>> model = model.partial_fit([[-1.0], [1.0]], ["no", "yes"], classes=["no", "yes"])
        >>> str(model.partial_fit([[2.0]], ["yes"]).predict([[3.0]])[0])
        'yes'
        """
        self._validate_params()
        first = getattr(self, "_precision", None) is None
        if first and classes is None:
            if not hasattr(self, "classes_"):
                raise ArgumentError("classes: expected all labels at the first partial_fit")
            classes = self.classes_
        X, y = self._checked(X, y, reset=first)
        known = self.classes_ if classes is None or not first else np.unique(classes)
        if len(known) < 2:
            raise ArgumentError(f"classes: expected at least 2, got {list(known)}")
        if not first and classes is not None and not np.array_equal(np.unique(classes), known):
            raise ArgumentError(f"classes: expected those of the first call, {list(known)}")
        labels = np.searchsorted(known, y).clip(max=len(known) - 1)
        if (new := known[labels] != y).any():
            raise ArgumentError(f"y: {y[new][0]} is none of the classes {list(known)}")
        problem = self._problem(X, y, known, labels, sample_weight, self._penalties())
        if not first:  # the prior contains the L2 penalty
            problem = replace(problem, l2=0.0)
        objective = Objective(problem)
        total, size = problem.total, objective.size
        mean = np.zeros(size) if first else objective.joined(*self._known())
        precision = np.zeros((size, size)) if first else self._precision / total
        with_prior = PriorObjective(objective, mean, precision)
        vector = self._minimize(with_prior, Newton, mean, X.dtype)
        self.classes_ = known
        self._precision = total * with_prior.hessian(vector)
        return self

    def set_callbacks(self, *callbacks: Any) -> Self:
        """Refuse callbacks: scikit-learn's follow a solver of its own."""
        if callbacks:
            raise ArgumentError("callbacks: expected none, the solvers of fastgd call none")
        return self

    def _probability_loss(self):
        one_for_all = len(self.classes_) > 2 and self.solver != "liblinear"
        return "multinomial" if one_for_all else "log_loss"

    def _penalties(self):
        """Return (l1_ratio, C), also where the deprecated penalty sets them; C may be inf."""
        C, ratio = float(self.C), float(self.l1_ratio or 0.0)
        if self.penalty == "deprecated":
            return ratio, C
        kinds = {None: (0.0, np.inf), "l2": (0.0, C), "l1": (1.0, C), "elasticnet": (ratio, C)}
        advice = "penalty is deprecated by scikit-learn: use l1_ratio, and C=inf for no penalty"
        warn(advice, FutureWarning)
        return kinds[self.penalty]

    def _checked(self, X, y, reset):
        if type(X) is CheckedRows:
            return X.view(np.ndarray), y
        self._row_names = None if reset else self._row_names
        X, y = validated(self, X, y, reset=reset)
        if y.dtype.kind not in "biuU":  # numbers and text are labels anyway
            check_classification_targets(y)
        return X, y

    def _problem(self, X, y, classes, labels, sample_weight, penalties):
        engine, rows = engine_and_rows(X)
        weights = row_weights(sample_weight, X.shape[0])
        if (given := self.class_weight) is not None:
            by_class = class_weights(given, classes, y, weights)
            weights = by_class[labels] * (1.0 if weights is None else weights)
        binary = len(classes) == 2
        ratio, C = penalties
        strength = 1 / (C * (X.shape[0] if weights is None else weights.sum()))
        return Problem(
            engine, rows, 2.0 * labels - 1 if binary else labels.astype(np.float64), weights,
            LOSSES["log_loss" if binary else "multinomial"], 0.0, ratio * strength,
            (1 - ratio) * strength, bool(self.fit_intercept), 1 if binary else len(classes),
            config.threads(self.n_jobs),
        )  # fmt: skip

    def _start(self, classes, width, outputs):
        """Return the (coef, intercept) to begin with."""
        if (old := getattr(self, "coef_", None) if self.warm_start else None) is None:
            return np.zeros((outputs, width)), np.zeros(outputs)
        if old.shape != (outputs, width) or len(self.classes_) != len(classes):
            needed = outputs, width
            raise ArgumentError(f"warm_start: coef_ is {old.shape}, these data need {needed}")
        return self._known()

    def _known(self):
        """Return the current (coef, intercept), dense and in float64."""
        coef = self.coef_.toarray() if hasattr(self.coef_, "toarray") else self.coef_
        return coef.astype(np.float64), self.intercept_.astype(np.float64)

    def _minimize(self, objective, solver, start, dtype):
        """Minimise, set the attributes, and return the vector."""
        solver = solver(self.tol, self.max_iter)
        result = solver.find(objective, start)
        result.warn_if_stopped(solver, ConvergenceWarning)
        coef, intercept = objective.split(result.vector)
        self.coef_, self.intercept_ = coef.astype(dtype), intercept.astype(dtype)
        self.n_iter_ = np.array([result.n_iter], np.int32)
        return result.vector
