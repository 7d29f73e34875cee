"""Least squares with and without a penalty."""

import numpy as np
import sklearn.linear_model
from sklearn.utils.validation import validate_data

from fastgd import config
from fastgd._core.types import LinearLoss
from fastgd.errors import ArgumentError, ShapeError
from fastgd.linear.least_squares import PseudoInverse, correct, moments, ridge
from fastgd.linear.problem import Problem
from fastgd.sklearn.inputs import all_or_nothing, engine_and_rows, row_weights

#: Columns up to which a matrix of moments is taken of sparse rows, and of dense ones.
SPARSE_COLUMNS, DENSE_COLUMNS = 500, 4000

#: The smallest share of a singular value that its square shows reliably.
RESOLUTION = 1e-7


class _ByMoments:
    """What the estimators share: they solve by moments, which partial_fit adds up."""

    def _checked(self, X, y, reset):
        X, y = validate_data(
            self, X, y, reset=reset, accept_sparse=["csr", "csc", "coo"], y_numeric=True,
            multi_output=True, dtype=[np.float64, np.float32], order="C",
        )  # fmt: skip
        return (X.tocsr() if hasattr(X, "tocsr") else X), y

    def _pays(self, X):
        """Whether moments are the way to go, rather than scikit-learn's own solvers."""
        n, d = np.shape(X)
        return d <= (SPARSE_COLUMNS if hasattr(X, "tocsr") else min(n, DENSE_COLUMNS))

    def _threads(self):
        return config.threads(getattr(self, "n_jobs", None))

    @all_or_nothing
    def partial_fit(self, X, y, sample_weight=None):
        """Learn from more rows, which need not be kept; exactly what a fit to all gives.

        Only sums of products are kept, of d (d + targets) numbers. A fit counts as the first
        call, unless scikit-learn's own code did it, as for more columns than rows.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
        y : array, shape (n,) or (n, targets)
        sample_weight : array, shape (n,), optional

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For data of the wrong shape or not finite, and for positive=True.

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
            raise ArgumentError("positive: partial_fit does not restrict signs")
        known = getattr(self, "_moments", None)
        X, y = self._checked(X, y, reset=known is None)
        y_rows = y.reshape(len(y), -1).astype(np.float64, copy=False)
        if known is not None and known.cross.shape[1] != y_rows.shape[1]:
            raise ShapeError(
                f"y: expected {known.cross.shape[1]} targets as before, got {y_rows.shape[1]}"
            )
        engine, rows = engine_and_rows(X)
        weights = row_weights(sample_weight, X.shape[0])
        found = moments(engine, rows, y_rows, weights, self._threads())
        found = found if known is None else known.joined(found)
        coef = self._solve(found, y_rows.shape[1])[0]
        self._set(found, coef, y.ndim, X.dtype)
        return self

    def _fit(self, X, y, sample_weight):
        engine, rows = engine_and_rows(X)
        weights = row_weights(sample_weight, X.shape[0])
        y_rows = np.ascontiguousarray(y.reshape(len(y), -1), np.float64)
        threads = self._threads()
        found = moments(engine, rows, y_rows, weights, threads)
        coef, solvers, penalties = self._solve(found, y_rows.shape[1])
        problem = Problem(
            engine, rows, y_rows, weights, LinearLoss.LINEAR_SQUARED_ERROR, 0.0, 0.0, 0.0,
            bool(self.fit_intercept), len(coef), threads,
        )  # fmt: skip
        correct(problem, found, penalties, coef, solvers)
        self._set(found, coef, y.ndim, X.dtype)
        return self

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags

    def _set(self, found, coef, dimensions, dtype):
        intercept = found.intercept(coef, bool(self.fit_intercept)).astype(dtype)
        coef = coef.astype(dtype)
        self._moments = found
        self.coef_ = coef if dimensions > 1 else coef[0]
        self.intercept_ = intercept if dimensions > 1 else intercept[0]
        if not self.fit_intercept:
            self.intercept_ = 0.0


class LinearRegression(_ByMoments, sklearn.linear_model.LinearRegression):
    """``sklearn.linear_model.LinearRegression``, trained by fastgd.

    Parameters and attributes are scikit-learn's. The solution comes from the columns' moments
    about their means, which take one pass over the rows, and further passes that correct it by
    the residuals where the columns are nearly collinear. Singular values of X, without its
    means, up to tol times the largest are taken for 0, as in scikit-learn; of the solutions
    that there are then, it is the one of the least norm. ``singular_`` are roots of
    eigenvalues: of those below 1e-4 times the largest, digits are lost.

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

    @all_or_nothing
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
        y : array, shape (n,) or (n, targets)
        sample_weight : array, shape (n,), optional
            Weights of at least 0.

        Returns
        -------
        LinearRegression

        Raises
        ------
        ValueError, TypeError
            For arguments that cannot be used, and data of the wrong shape or not finite.
        """
        self._validate_params()
        own = self.positive or self.tol < RESOLUTION
        if not own:
            rows, targets = self._checked(X, y, reset=True)
        if own or not self._pays(rows):
            super().fit(X, y, sample_weight)
            self._moments = None
            return self
        self._fit(rows, targets, sample_weight)
        if hasattr(rows, "tocsr"):
            del self.rank_, self.singular_
        return self

    def _solve(self, found, targets):
        """(coef, what solved for each target, penalties); sets the rank."""
        centred = bool(self.fit_intercept)
        square, cross = found.about(centred)
        least = max(self.tol, RESOLUTION) ** 2
        eigenvalues = np.maximum(np.linalg.eigvalsh(square)[::-1], 0)
        self.rank_ = int((eigenvalues > least * eigenvalues[0]).sum())
        self.singular_ = np.sqrt(eigenvalues)
        none = np.zeros(targets)
        if self.rank_ < len(square):
            pseudo = PseudoInverse(square, least)
            return pseudo(cross).T.copy(), [pseudo] * targets, none
        return *ridge(found, none, centred), none


class Ridge(_ByMoments, sklearn.linear_model.Ridge):
    """``sklearn.linear_model.Ridge``, trained by fastgd.

    Parameters and attributes are scikit-learn's; it minimises, for each target,
    sum of s (x w + b - y)² + alpha |w|². Whatever the solver's name, the solution is exact,
    from the columns' moments about their means, as in ``LinearRegression``; tol and max_iter
    have no effect. scikit-learn's own code runs with positive=True, more columns than rows,
    more than 4000 columns, or more than 500 of a sparse X.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import Ridge
    >>> x = np.array([[0.0], [1.0], [2.0]])
    >>> Ridge(alpha=2.0).fit(x, [1.0, 2.0, 3.0]).coef_
    array([0.5])
    """

    @all_or_nothing
    def fit(self, X, y, sample_weight=None):
        """Fit the model.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
        y : array, shape (n,) or (n, targets)
        sample_weight : float or array, shape (n,), optional
            Weights of at least 0.

        Returns
        -------
        Ridge

        Raises
        ------
        ValueError, TypeError
            For arguments that cannot be used, and data of the wrong shape or not finite.
        """
        self._validate_params()
        own = self.positive or self.solver == "lbfgs"
        if not own:
            rows, targets = self._checked(X, y, reset=True)
        if own or not self._pays(rows):
            super().fit(X, y, sample_weight)
            self._moments = None
            return self
        self._fit(rows, targets, sample_weight)
        self.solver_ = "cholesky" if self.solver == "auto" else self.solver
        self.n_iter_ = np.ones(1 if targets.ndim == 1 else targets.shape[1], np.int32)
        return self

    def _solve(self, found, targets):
        """(coef, what solved for each target, penalties)."""
        penalties = np.asarray(self.alpha, np.float64)
        if penalties.shape not in ((), (1,), (targets,)):
            raise ShapeError(
                f"alpha: expected one number, or one for each of {targets} targets, got shape "
                f"{penalties.shape}"
            )
        if not (penalties >= 0).all() or np.isinf(penalties).any():
            raise ArgumentError(f"alpha: expected numbers of at least 0, got {self.alpha!r}")
        penalties = np.broadcast_to(penalties.ravel(), targets)
        return *ridge(found, penalties, bool(self.fit_intercept)), penalties
