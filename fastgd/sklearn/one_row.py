"""Estimators row by row: a dict or an array, without scikit-learn's validation."""

import functools
from typing import Any, Self

import numpy as np
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from fastgd._data.validation import number, numeric
from fastgd._typing import Data
from fastgd.errors import DataError
from fastgd.linear.data import check_finite_row, check_row, row_of


class CheckedRows(np.ndarray):
    """Mark rows (n, d) as checked: scikit-learn does not validate them again."""


class RowByRow:
    """Learn from one row, and predict one.

    A subclass takes ``CheckedRows`` in ``predict`` and in ``partial_fit``.
    """

    n_features_in_: int
    partial_fit: Any
    predict: Any
    predict_proba: Any

    #: The names of the first row that was a dict, if there are none in ``feature_names_in_``.
    _row_names: Any = None

    @classmethod
    @functools.cache
    def _get_param_names(cls):  # scikit-learn asks for the signature each time
        return super()._get_param_names()

    @available_if(lambda self: hasattr(self, "partial_fit"))
    def learn_one(self, x: Data, y: Any, sample_weight: float = 1.0,
                  unknown_features: str = "raise") -> Self:  # fmt: skip
        """Learn from one row, as ``partial_fit`` does, and return the estimator.

        It has to be fitted, by ``fit`` or ``partial_fit``.

        Parameters
        ----------
        x : array (d,), or dict or Series of name -> number
            Names are those of ``feature_names_in_``, or else of the first dict; one that is
            missing counts as 0.
        y : label or number, or array of such for several outputs
        sample_weight : float of at least 0
            A row of weight 0 changes nothing.
        unknown_features : {"raise", "ignore"}
            Whether a name that no column has is an ArgumentError, or left out.
        """
        rows, names = self._one_row(x, unknown_features)
        check_finite_row(rows[0])
        weight = number(sample_weight, "sample_weight", 0)
        if weight == 0:
            return self
        self.partial_fit(
            rows, np.asarray(y)[None], sample_weight=None if weight == 1 else np.array([weight])
        )
        self._row_names = names
        return self

    def predict_one(self, x: Data, unknown_features: str = "raise") -> Any:
        """Return what ``predict`` gives for one row; x, unknown_features: see ``learn_one``."""
        found = self.predict(self._one_row(x, unknown_features)[0])[0]
        return found.item() if isinstance(found, np.generic) else found

    def _one_row(self, x, unknown):
        """Return a row as CheckedRows (1, d), and the names of its columns or None."""
        row, names = self._row(x, unknown)
        return row[None].view(CheckedRows), names

    def _row(self, x, unknown):
        """Return a row (d,), and the names of its columns or None."""
        if "n_features_in_" not in vars(self):
            check_is_fitted(self)
        width = self.n_features_in_
        known = getattr(self, "feature_names_in_", self._row_names)
        names = None if known is None else tuple(known)
        row, names = row_of(x, names, width, np.float64, unknown)
        check_row(row, width)
        return row, names


class ClassifyOneRow(RowByRow):
    """Add the probabilities of a row's classes."""

    classes_: Any

    @available_if(lambda self: hasattr(self, "predict_proba"))
    def predict_proba_one(self, x: Data, unknown_features: str = "raise") -> dict[Any, float]:
        """Return the probability of each class for one row: a dict, in River's manner.

        x, unknown_features: see ``learn_one``. Several labels each have their own.
        """
        p = self.predict_proba(self._one_row(x, unknown_features)[0])[0]
        return dict(zip(self.classes_.tolist(), p.tolist(), strict=True))


def targets_of(y, numbers):
    """Return targets of CheckedRows; numbers: whether they are no labels."""
    if not numbers:
        return y
    y = numeric(y, "y")
    if not np.isfinite(y).all():
        raise DataError(f"y: expected finite numbers, got {y[0]}")
    return y
