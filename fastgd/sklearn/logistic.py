"""Logistic regression, binary and multinomial."""

import warnings
from dataclasses import replace
from typing import Any, Self

import numpy as np
import sklearn.linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from fastgd import config
from fastgd._typing import Data
from fastgd.errors import ArgumentError
from fastgd.linear.lbfgs import LBFGS
from fastgd.linear.newton import NEWTON_SIZE, Newton
from fastgd.linear.objective import LOSSES, Objective, PriorObjective, Problem
from fastgd.sklearn.inputs import engine_and_rows, restore_after, row_weights


class LogisticRegression(sklearn.linear_model.LogisticRegression):
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
        y : array, shape (n,)
            Labels.
        sample_weight : array, shape (n,), optional
            Weights of at least 0; a weight of 2 equals a row that comes twice.

        Raises
        ------
        ValueError, TypeError
            For arguments that cannot be used, and data of the wrong shape or not finite.

        Warns
        -----
        sklearn.exceptions.ConvergenceWarning
            If max_iter iterations do not reach tol; says what to do.
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
        classes, labels = np.unique(y, return_inverse=True)
        if len(classes) < 2:
            raise ArgumentError(
                f"y: expected samples of at least 2 classes, got one class only: {classes[0]!r}"
            )
        problem = self._problem(X, y, classes, labels, sample_weight, penalties)
        objective = Objective(problem)
        start = objective.joined(*self._start(classes, X.shape[1], problem.outputs))
        few = self.solver != "lbfgs" and objective.size <= NEWTON_SIZE
        vector = self._minimize(objective, Newton if few else LBFGS, start, X.dtype)
        self.classes_ = classes
        self._precision = None
        if objective.size <= NEWTON_SIZE:
            self._precision = problem.total * objective.approximate_hessian(vector)
        return self

    @restore_after(BaseException)
    def partial_fit(
        self, X: Data, y: Data, classes: Data | None = None, sample_weight: Data | None = None
    ) -> Self:
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
        X : array, frame or sparse matrix, shape (n, d)
        y : array, shape (n,)
        classes : array, optional
            All labels that may come, needed at the first call, unless ``fit`` saw them.
        sample_weight : array, shape (n,), optional

        Raises
        ------
        ValueError, TypeError
            As in ``fit``, and for labels that are not among the classes.

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
        new = known[labels] != y
        if new.any():
            raise ArgumentError(f"y: {y[new][0]} is none of the classes {list(known)}")
        problem = self._problem(X, y, known, labels, sample_weight, self._penalties())
        if not first:  # the prior contains the L2 penalty
            problem = replace(problem, l2=0.0)
        objective = Objective(problem)
        total = problem.total
        if first:
            mean = np.zeros(objective.size)
            precision = np.zeros((objective.size, objective.size))
        else:
            mean = objective.joined(*self._known())
            precision = self._precision / total
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

    def _penalties(self):
        """Return (l1_ratio, C), also where the deprecated penalty sets them; C may be inf."""
        C = float(self.C)
        ratio = 0.0 if self.l1_ratio is None else float(self.l1_ratio)
        if self.penalty == "deprecated":
            return ratio, C
        kinds = {None: (0.0, np.inf), "l2": (0.0, C), "l1": (1.0, C), "elasticnet": (ratio, C)}
        warnings.warn(
            "penalty is deprecated by scikit-learn: use l1_ratio, and C=inf for no penalty",
            FutureWarning,
            stacklevel=4,
        )
        return kinds[self.penalty]

    def _checked(self, X, y, reset):
        X, y = validate_data(
            self, X, y, reset=reset, accept_sparse="csr", dtype=[np.float64, np.float32],
            order="C", accept_large_sparse=True,
        )  # fmt: skip
        if y.dtype.kind not in "biuU":  # numbers and text are labels anyway
            check_classification_targets(y)
        return X, y

    def _problem(self, X, y, classes, labels, sample_weight, penalties):
        engine, rows = engine_and_rows(X)
        weights = row_weights(sample_weight, X.shape[0])
        if self.class_weight is not None:
            of_classes = compute_class_weight(
                self.class_weight, classes=classes, y=y, sample_weight=weights
            )
            weights = of_classes[labels] * (1.0 if weights is None else weights)
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
        old = getattr(self, "coef_", None) if self.warm_start else None
        if old is None:
            return np.zeros((outputs, width)), np.zeros(outputs)
        if old.shape != (outputs, width) or len(self.classes_) != len(classes):
            raise ArgumentError(
                f"warm_start: coef_ has shape {old.shape}, these data need {(outputs, width)}"
            )
        return self._known()

    def _known(self):
        """Return the current (coef, intercept), dense and in float64."""
        coef = self.coef_.toarray() if hasattr(self.coef_, "toarray") else self.coef_
        return coef.astype(np.float64), self.intercept_.astype(np.float64)

    def _minimize(self, objective, solver, start, dtype):
        """Minimise, set the attributes, and return the vector."""
        solver = solver(self.tol, self.max_iter)
        result = solver.find(objective, start)
        result.warn(solver, ConvergenceWarning, stacklevel=4)
        coef, intercept = objective.split(result.vector)
        self.coef_, self.intercept_ = coef.astype(dtype), intercept.astype(dtype)
        self.n_iter_ = np.array([result.n_iter], np.int32)
        return result.vector

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags
