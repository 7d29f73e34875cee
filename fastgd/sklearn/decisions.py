"""Predictions of linear estimators by the engine: a row has the same bits in any batch."""

from typing import Any

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from fastgd import config
from fastgd._engine.algebra import logarithms
from fastgd._typing import Array, Data
from fastgd.linear.prediction import decisions, probabilities
from fastgd.sklearn.inputs import engine_and_rows, validated
from fastgd.sklearn.one_row import CheckedRows, ClassifyOneRow, RowByRow


def _decided(estimator, X):
    """Return (x w + b, float64 (n, outputs); the data type that scikit-learn would give it)."""
    if type(X) is CheckedRows:
        X = X.view(np.ndarray)
    else:
        if not hasattr(estimator, "coef_"):
            check_is_fitted(estimator)
        X = validated(estimator, X, reset=False, ensure_all_finite=hasattr(X, "tocsr"))
    engine, rows = engine_and_rows(X)
    coef = estimator.coef_
    coef = coef.toarray() if hasattr(coef, "toarray") else np.asarray(coef)
    both = coef.reshape(-1, coef.shape[-1]).astype(np.float64, copy=False)
    intercept = np.zeros(len(both)) + estimator.intercept_
    z = decisions(engine, rows, both, intercept, config.threads(None))
    if not np.isfinite(z).all():  # as of a row that is not finite: a look at z is quicker
        validated(estimator, X, reset=False)
    return z, np.result_type(X.dtype, coef.dtype)


class LinearRegressor(RowByRow):
    """Predict numbers by ``coef_`` and ``intercept_``."""

    coef_: Any

    def predict(self, X: Data) -> Array:
        """Return X w + b, (n,), or (n, targets).

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)

        A row has the same bits in any batch, layout and format.
        """
        z, dtype = _decided(self, X)
        return (z if np.ndim(self.coef_) == 2 else z[:, 0]).astype(dtype, copy=False)


def _has_probabilities(classifier):
    if classifier._probability_loss() is None:
        raise AttributeError(
            f"probability estimates are not available for loss={classifier.loss!r}"
        )
    return True


class LinearClassifier(ClassifyOneRow):
    """Decide by ``coef_`` and ``intercept_``; a row has the same bits in any batch."""

    def decision_function(self, X: Data) -> Array:
        """Return X w + b, (n,) for two classes, else (n, classes).

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, d)
        """
        z, dtype = _decided(self, X)
        return (z[:, 0] if z.shape[1] == 1 else z).astype(dtype, copy=False)

    def predict(self, X: Data) -> Array:
        """Return the class of each row, (n,); X as in decision_function."""
        z = self.decision_function(X)
        return self.classes_[(z > 0).astype(np.int64) if z.ndim == 1 else z.argmax(axis=1)]

    @available_if(_has_probabilities)
    def predict_proba(self, X: Data) -> Array:
        """Return the probabilities of the classes, (n, classes); X as in decision_function."""
        found, dtype = self._probabilities(X)
        return found.astype(dtype, copy=False)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Data) -> Array:
        """Return the logarithms of ``predict_proba``."""
        found, dtype = self._probabilities(X)
        return logarithms(found).astype(dtype, copy=False)

    def _probabilities(self, X):
        z, dtype = _decided(self, X)
        z = z[:, 0].copy() if z.shape[1] == 1 else z
        return probabilities(self._probability_loss(), z), dtype

    def _probability_loss(self):
        """Return the name of the loss that the probabilities belong to, or None."""
        raise NotImplementedError
