"""Linear regression by the moments of columns."""

from typing import Self

import numpy as np
from sklearn import linear_model

from fastgd import config
from fastgd._core.types import LinearLoss
from fastgd._engine import algebra
from fastgd._registry.advice import NamedArguments
from fastgd._typing import Data
from fastgd.errors import ArgumentError, ShapeError
from fastgd.linear.linalg import Inverse, correct, moments, ridge
from fastgd.linear.objective import Problem
from fastgd.sklearn.decisions import LinearRegressor
from fastgd.sklearn.inputs import (
    NumPyEstimator,
    engine_and_rows,
    restore_after,
    row_weights,
    validated,
)
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
