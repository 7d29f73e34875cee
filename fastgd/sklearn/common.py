"""What estimators around a network share: rows and weights made ready, outputs in pieces."""

from numbers import Real

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array, check_is_fitted, column_or_1d, validate_data

from fastgd.errors import DataError, ShapeError
from fastgd.sklearn.inputs import unchanged_if_it_fails

#: Rows of a sparse matrix that are made dense at a time when outputs are computed.
SPARSE_ROWS = 4096

#: Columns whose spreads differ by more than this factor are told of when training stops early.
SCALE_RATIO = 100.0


class NetworkEstimator(BaseEstimator):
    """An estimator whose attribute ``model_`` is a model of fastgd."""

    _unchanged_if_it_fails = unchanged_if_it_fails

    def _checked(self, X, y, reset, dtype=(np.float64, np.float32), **kwargs):
        """X as a dense C-contiguous matrix, y as an array.

        A sparse X is made dense: a network's first layer reads all columns of a row anyway.
        """
        X, y = validate_data(
            self, X, y, accept_sparse="csr", dtype=dtype, order="C", multi_output=True,
            reset=reset, **kwargs,
        )  # fmt: skip
        if y.ndim == 2 and y.shape[1] == 1 and not hasattr(y, "toarray"):
            y = column_or_1d(y, warn=True)
        return dense(X), y

    def _row_weights(self, sample_weight, rows):
        """Weights of rows as float64, (n,); None stays None."""
        if sample_weight is None:
            return None
        if isinstance(sample_weight, Real):
            sample_weight = np.full(rows, sample_weight, dtype=np.float64)
        checked = check_array(
            sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
        )
        if checked.shape != (rows,):
            raise ShapeError(
                f"sample_weight: expected one weight for each of {rows} rows, got shape "
                f"{checked.shape}"
            )
        wrong = np.flatnonzero(checked < 0)
        if len(wrong):
            raise DataError(
                "sample_weight: expected weights of at least 0, got "
                f"{checked[wrong[0]]} at row {wrong[0]}"
            )
        if not checked.any():
            raise DataError("sample_weight: all weights are zero")
        return checked

    def _outputs(self, X):
        """What the network gives for rows of X, (n, outputs), in the network's data type."""
        return self._of_rows(
            X, lambda rows: self.model_.predict(rows, verbose=0, n_jobs=self.n_jobs)
        )

    def _of_rows(self, X, function):
        """What a function gives for dense rows, for all rows of X."""
        check_is_fitted(self)
        X = validate_data(
            self, X, accept_sparse="csr", dtype=self.model_.dtype, order="C", reset=False
        )
        if not hasattr(X, "toarray"):
            return function(X)
        starts = range(0, X.shape[0], SPARSE_ROWS)
        return np.concatenate([function(dense(X[at : at + SPARSE_ROWS])) for at in starts])

    def __sklearn_is_fitted__(self):
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def keep(estimator, arguments):
    """Set the attributes that a constructor's arguments are."""
    for name, value in arguments.items():
        if name != "self":
            setattr(estimator, name, value)


def dense(X):
    """A dense C-contiguous matrix; X itself if it is one."""
    return X.toarray(order="C") if hasattr(X, "toarray") else X


def scale_hint(X, names=None):
    """What to do about the scales of columns; "" where they are alike.

    Parameters
    ----------
    X : ndarray, shape (n, features)
    names : sequence of str, optional
    """
    with np.errstate(all="ignore"):
        spread = X.std(axis=0, dtype=np.float64)
        size = np.abs(X).max(axis=0)
    moving = np.flatnonzero((spread > 0) & np.isfinite(spread))
    if not len(moving):
        return ""
    low, high = (moving[f(spread[moving])] for f in (np.argmin, np.argmax))
    column = (lambda i: f"column {i}") if names is None else (lambda i: repr(str(names[i])))
    if spread[high] > SCALE_RATIO * spread[low]:
        return (
            "The columns of X are of different scales (the standard deviation of "
            f"{column(low)} is {spread[low]:.3g}, that of {column(high)} "
            f"{spread[high]:.3g}): scale them first, with "
            "sklearn.preprocessing.StandardScaler, say. "
        )
    far = moving[np.argmax(size[moving])]
    if size[far] > SCALE_RATIO:
        return (
            f"X has values as large as {size[far]:.3g}, in {column(far)}: scale its columns "
            "first, with sklearn.preprocessing.StandardScaler, say. "
        )
    return ""
