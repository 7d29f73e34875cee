"""Logistic regression by Newton's method and L-BFGS, or privately by a network."""

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn import linear_model
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets

from fastgd import config
from fastgd._registry.advice import NamedArguments
from fastgd._typing import Data
from fastgd.errors import ArgumentError, warn
from fastgd.linear.objective import LOSSES, Objective, PriorObjective, Problem
from fastgd.linear.solvers import LBFGS, NEWTON_SIZE, Newton
from fastgd.privacy import DPSGD
from fastgd.sklearn.decisions import LinearClassifier
from fastgd.sklearn.inputs import (
    NumPyEstimator,
    engine_and_rows,
    keep,
    restore_after,
    row_weights,
    validated,
)
from fastgd.sklearn.objectives import class_weights, classes_and_codes
from fastgd.sklearn.one_row import CheckedRows
from fastgd.sklearn.private_logistic import fit_network


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
    - there is ``partial_fit``;
    - with `privacy`, a ``fastgd.privacy.DPSGD``, a network of one unit (or one for each class)
      is trained in place of a solver: max_iter epochs of Adam with learning_rate_init and steps
      of batch_size rows ("auto": 256, or all), from weights of 0. ``model_`` is the network,
      and ``model_.privacy`` keeps account. The labels that there are count as known.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from fastgd.sklearn import LogisticRegression
    >>> X, y = load_iris(return_X_y=True)
    >>> round(LogisticRegression().fit(X, y).score(X, y), 2)
    0.97
    """

    _parameter_constraints = linear_model.LogisticRegression._parameter_constraints | {
        "privacy": [DPSGD, None],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self, penalty: str | None = "deprecated", *, C: float = 1.0,
        l1_ratio: float | None = 0.0, dual: bool = False, tol: float = 1e-4,
        fit_intercept: bool = True, intercept_scaling: float = 1, class_weight: Any = None,
        random_state: Any = None, solver: str = "lbfgs", max_iter: int = 100,
        verbose: int = 0, warm_start: bool = False, n_jobs: int | None = None,
        privacy: DPSGD | None = None, batch_size: int | str = "auto",
        learning_rate_init: float = 0.01,
    ) -> None:  # fmt: skip
        keep(self, locals())

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
        if self.privacy is None:
            self.__dict__.pop("model_", None)  # of a private fit before, as is its ledger
        elif self.solver == "liblinear":
            raise ArgumentError(
                "solver: 'liblinear' sees all rows without noise: with privacy leave it out"
            )
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
        if self.privacy is not None:
            return self._fit_privately(X, labels, classes, sample_weight, penalties[1])
        problem = self._problem(X, y, classes, labels, sample_weight, penalties)
        objective = Objective(problem)
        start = objective.joined(*self._start(classes, X.shape[1], problem.outputs))
        few = self.solver != "lbfgs" and objective.size <= NEWTON_SIZE
        vector = self._minimize(objective, Newton if few else LBFGS, start, X.dtype)
        self.classes_, self._precision = classes, None
        if objective.size <= NEWTON_SIZE:
            self._precision = problem.total * objective.approximate_hessian(vector)
        return self

    def _fit_privately(self, X, labels, classes, sample_weight, C):
        weights = self._row_weights(classes[labels], classes, labels, sample_weight)
        self.model_ = fit_network(self, X, labels, classes, weights, C)
        kernel, bias = self.model_.get_weights()
        self.coef_, self.intercept_ = np.ascontiguousarray(kernel.T), bias
        self.classes_, self._precision = classes, None
        self.n_iter_ = np.array([self.max_iter], np.int32)
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
        if self.privacy is not None:
            raise ArgumentError(
                "privacy: partial_fit keeps sums of all rows without noise; use fit, or "
                "MLPClassifier(hidden_layer_sizes=(), privacy=...)"
            )
        self.__dict__.pop("model_", None)
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
        weights = self._row_weights(y, classes, labels, sample_weight)
        binary = len(classes) == 2
        ratio, C = penalties
        strength = 1 / (C * (X.shape[0] if weights is None else weights.sum()))
        return Problem(
            engine, rows, 2.0 * labels - 1 if binary else labels.astype(np.float64), weights,
            LOSSES["log_loss" if binary else "multinomial"], 0.0, ratio * strength,
            (1 - ratio) * strength, bool(self.fit_intercept), 1 if binary else len(classes),
            config.threads(self.n_jobs),
        )  # fmt: skip

    def _row_weights(self, y, classes, labels, sample_weight):
        """Return the weights of rows, those of their classes counted in; None without any."""
        weights = row_weights(sample_weight, len(labels))
        if (given := self.class_weight) is None:
            return weights
        by_class = class_weights(given, classes, y, weights)
        return by_class[labels] * (1.0 if weights is None else weights)

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
