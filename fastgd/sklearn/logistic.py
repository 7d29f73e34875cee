"""Logistic regression, binary and multinomial."""

import warnings

import numpy as np
import sklearn.linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from fastgd import config
from fastgd.errors import ArgumentError
from fastgd.linear.anchored import Anchored
from fastgd.linear.lbfgs import LBFGS
from fastgd.linear.minimum import advice
from fastgd.linear.newton import NEWTON_SIZE, Newton
from fastgd.linear.objective import Objective
from fastgd.linear.problem import LOSSES, Problem
from fastgd.sklearn.inputs import all_or_nothing, engine_and_rows, row_weights


class LogisticRegression(sklearn.linear_model.LogisticRegression):
    """``sklearn.linear_model.LogisticRegression``, trained by fastgd.

    Parameters, attributes and the objective are scikit-learn's::

        C sum of s_i loss(y_i, x_i w + b) + l1_ratio |w|_1 + (1 - l1_ratio)/2 |w|²

    What differs:

    - any solver takes any l1_ratio and any number of classes. "lbfgs" is L-BFGS in the metric
      of the columns' second moments, so that it needs no scaled columns and fewer iterations;
      with an L1 penalty OWL-QN. "newton-cholesky", "newton-cg", "sag" and "saga" are Newton's
      method, with an L1 penalty by coordinate descent on its model; above 600 variables they
      are L-BFGS. "liblinear", whose objective penalises the intercept, is scikit-learn's own;
    - tol is for the largest element of the gradient of the objective divided by C sum of s, or
      of its subgradient: what scikit-learn's "lbfgs" means;
    - n_jobs is the number of threads within a fit, which change no bit;
    - ``partial_fit``.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastgd.sklearn import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> round(LogisticRegression().fit(X, y).score(X, y), 2)
    0.97
    """

    @all_or_nothing
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
            float32 and float64 in C order, and CSR matrices, are read in place.
        y : array, shape (n,)
            Labels.
        sample_weight : array, shape (n,), optional
            Weights of at least 0; a whole number does what so many copies of its row do.

        Returns
        -------
        LogisticRegression

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
        ratio, C = self._penalties()
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
        problem = self._problem(X, y, classes, labels, sample_weight, ratio, C)
        objective = Objective(problem)
        coef, intercept = self._start(classes, X.shape[1], problem.outputs)
        solver = self._solver(objective.size)
        minimum = self._found(objective, solver, objective.joined(coef, intercept), X.dtype)
        self.classes_ = classes
        self._precision = None
        if objective.size <= NEWTON_SIZE:
            self._precision = _total(problem) * objective.rough_hessian(minimum.vector)
        return self

    @all_or_nothing
    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Learn from more rows, which need not be kept.

        What was learned from the rows before enters as a quadratic function around the
        coefficients found then (Laplace's approximation), and Newton's method adds the losses
        of the new ones; the penalty counts once. So after all parts of a table the coefficients
        are close to those of a fit to it as a whole, and old rows count as much as new ones.
        It takes memory for a matrix of (outputs (d + 1))² numbers. A call after ``fit`` goes on
        from there, if these are no more than 600², and scikit-learn's own code did not fit it;
        else it begins anew.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
        y : array, shape (n,)
        classes : array, optional
            All labels that may come, needed at the first call, unless ``fit`` saw them.
        sample_weight : array, shape (n,), optional

        Returns
        -------
        LogisticRegression

        Raises
        ------
        ValueError, TypeError
            As in ``fit``, and for labels that are none of the classes.

        Examples
        --------
        >>> from fastgd.sklearn import LogisticRegression
        >>> model = LogisticRegression()
        >>> model = model.partial_fit([[-1.0], [1.0]], ["no", "yes"], classes=["no", "yes"])
        >>> str(model.partial_fit([[2.0]], ["yes"]).predict([[3.0]])[0])
        'yes'
        """
        self._validate_params()
        ratio, C = self._penalties()
        first = getattr(self, "_precision", None) is None
        if first and classes is None:
            classes = getattr(self, "classes_", None)
            if classes is None:
                raise ArgumentError("classes: expected all labels at the first partial_fit")
        X, y = self._checked(X, y, reset=first)
        known = np.unique(classes) if first else self.classes_
        if len(known) < 2:
            raise ArgumentError(f"classes: expected at least 2, got {list(known)}")
        if not first and classes is not None and not np.array_equal(np.unique(classes), known):
            raise ArgumentError(f"classes: expected those of the first call, {list(known)}")
        labels = np.searchsorted(known, y).clip(max=len(known) - 1)
        new = known[labels] != y
        if new.any():
            raise ArgumentError(f"y: {y[new][0]} is none of the classes {list(known)}")
        problem = self._problem(X, y, known, labels, sample_weight, ratio, C, whole=not first)
        objective = Objective(problem)
        total = _total(problem)
        if first:
            anchor = np.zeros(objective.size)
            precision = np.zeros((objective.size, objective.size))
        else:
            anchor = objective.joined(*self._known())
            precision = self._precision / total
        anchored = Anchored(objective, anchor, precision)
        minimum = self._found(anchored, Newton(self.tol, self.max_iter), anchor, X.dtype)
        self.classes_ = known
        self._precision = total * anchored.hessian(minimum.vector)
        return self

    def set_callbacks(self, *callbacks):
        """Refused: scikit-learn's callbacks follow a solver of its own."""
        if callbacks:
            raise ArgumentError("callbacks: expected none, the solvers of fastgd call nobody")
        return self

    def _penalties(self):
        """(l1_ratio, C) as the two parameters and the deprecated third say; C may be inf."""
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
        if y.dtype.kind not in "biuU":  # which are labels, whatever they are
            check_classification_targets(y)
        return X, y

    def _problem(self, X, y, classes, labels, sample_weight, ratio, C, whole=False):
        """The Problem; `whole`: without its L2 penalty, which an anchor brings along."""
        engine, rows = engine_and_rows(X)
        weights = row_weights(sample_weight, X.shape[0])
        if self.class_weight is not None:
            found = compute_class_weight(
                self.class_weight, classes=classes, y=y, sample_weight=weights
            )
            weights = found[labels] * (1.0 if weights is None else weights)
        binary = len(classes) == 2
        strength = 1 / (C * (X.shape[0] if weights is None else weights.sum()))
        return Problem(
            engine=engine,
            rows=rows,
            y=2.0 * labels - 1 if binary else labels.astype(np.float64),
            weights=weights,
            loss=LOSSES["log_loss" if binary else "multinomial"],
            setting=0.0,
            l1=ratio * strength,
            l2=0.0 if whole else (1 - ratio) * strength,
            fit_intercept=bool(self.fit_intercept),
            outputs=1 if binary else len(classes),
            threads=config.threads(self.n_jobs),
        )

    def _start(self, classes, width, outputs):
        """(coef, intercept) to begin with."""
        old = getattr(self, "coef_", None) if self.warm_start else None
        if old is None:
            return np.zeros((outputs, width)), np.zeros(outputs)
        if old.shape != (outputs, width) or len(self.classes_) != len(classes):
            raise ArgumentError(
                f"warm_start: coef_ has shape {old.shape}, these data need {(outputs, width)}"
            )
        return self._known()

    def _known(self):
        """(coef, intercept) as they are, dense and in float64."""
        coef = self.coef_.toarray() if hasattr(self.coef_, "toarray") else self.coef_
        return coef.astype(np.float64), self.intercept_.astype(np.float64)

    def _solver(self, size):
        if self.solver == "lbfgs" or size > NEWTON_SIZE:
            return LBFGS(self.tol, self.max_iter)
        return Newton(self.tol, self.max_iter)

    def _found(self, objective, solver, start, dtype):
        """Minimise, and set the attributes: the Minimum."""
        minimum = solver.find(objective, start)
        if not minimum.converged:
            warnings.warn(advice(minimum, solver), ConvergenceWarning, stacklevel=4)
        coef, intercept = getattr(objective, "objective", objective).split(minimum.vector)
        self.coef_, self.intercept_ = coef.astype(dtype), intercept.astype(dtype)
        self.n_iter_ = np.array([minimum.n_iter], np.int32)
        return minimum

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags


def _total(problem):
    return problem.rows.shape[0] if problem.weights is None else problem.weights.sum()
