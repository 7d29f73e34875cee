"""The common part of estimators around a network: rows, weights, targets, outputs."""

import contextlib
import inspect
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, column_or_1d

from fastgd import losses
from fastgd._engine.algebra import logarithms
from fastgd._registry.advice import NamedArguments
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, DataError
from fastgd.sklearn.inputs import FLOATS, restore_after, row_weights, validated
from fastgd.sklearn.objectives import MARGINS, Labels
from fastgd.sklearn.one_row import CheckedRows, ClassifyOneRow, RowByRow, targets_of

#: Rows of a sparse matrix that are made dense at a time when outputs are computed.
SPARSE_ROWS = 4096


class NetworkEstimator(NamedArguments, RowByRow, BaseEstimator):
    """Train a network, the attribute ``model_``, as an estimator.

    A subclass has ``_fit_prepared``, which trains; ``_learn_targets``, which checks y and
    returns its codes and the weights of rows; ``_codes``, which returns the codes alone; and
    ``_targets``, which returns the network's targets for codes.
    """

    #: Further arguments of scikit-learn's validation.
    _validation: ClassVar[dict[str, Any]] = {}

    @restore_after(Exception)
    def fit(self, X: Data, y: Data, sample_weight: Data | None = None, *,
            X_val: Data | None = None, y_val: Data | None = None,
            sample_weight_val: Data | None = None) -> Self:  # fmt: skip
        """Train a fresh network, or with warm_start the current one; return the estimator.

        Parameters
        ----------
        X : array, frame or sparse matrix, shape (n, features)
        y : array
            For classes (n,), or 0 and 1 (n, labels); for numbers (n,) or (n, targets).
        sample_weight : array, shape (n,), optional, at least 0
        X_val, y_val, sample_weight_val : optional
            Rows to validate on after each epoch; callbacks see ``val_loss`` and metrics. The
            score of a multi-layer perceptron on them decides when training ends, as with
            early_stopping.

        A loss that is no longer finite is a DivergenceError. A multi-layer perceptron that
        reaches max_iter first gives a ConvergenceWarning, which says what to do.
        """
        self._validate_params()
        return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val))

    def _fit(self, X, y, sample_weight, validation=None, incremental=False, classes=None):
        first = "model_" not in vars(self) or not (self.warm_start or incremental)
        dtype = FLOATS if first else self.model_.dtype
        X, y = self._checked(X, y, first, dtype)
        self._row_names = None if first else self._row_names
        weights = row_weights(sample_weight, len(X))
        codes, weights = self._learn_targets(y, weights, first, incremental, classes)
        self._fit_prepared(X, codes, weights, first, validation, incremental)
        return self

    def _checked(self, X, y, reset, dtype):
        """Return X as a dense C-contiguous matrix, y as an array."""
        if type(X) is CheckedRows:
            dtype = dtype[0] if reset else dtype  # of a model that was trained before
            return X.astype(dtype, subok=False), targets_of(y, bool(self._validation))
        X, y = validated(
            self, X, y, dtype=dtype, multi_output=True, reset=reset, **self._validation
        )
        if y.ndim == 2 and y.shape[1] == 1 and not hasattr(y, "toarray"):
            y = column_or_1d(y, warn=True)
        return dense(X), y

    def _validation_rows(self, validation):
        """Return prepared validation rows that were given: (X, targets, weights), or None."""
        X, y, weights = validation or (None, None, None)
        if X is None:
            if y is not None or weights is not None:
                raise ArgumentError("X_val: expected rows where y_val is given, got None")
            return None
        if y is None:
            raise ArgumentError("y_val: expected targets of X_val, got None")
        X, y = self._checked(X, y, False, self.model_.dtype)
        weights = row_weights(weights, len(X))
        return X, self._targets(self._codes(y)).astype(X.dtype, copy=False), weights

    def _outputs(self, X):
        """Return the outputs for rows of X, (n, outputs), in the network's data type."""
        return self._of_rows(
            X, lambda rows: self.model_.predict(rows, verbose=0, n_jobs=self.n_jobs)
        )

    def _of_rows(self, X, function):
        """Return what a function of dense rows gives for all rows of X."""
        if "model_" not in vars(self):
            check_is_fitted(self)
        if type(X) is CheckedRows:
            return function(X.astype(self.model_.dtype, subok=False))
        X = validated(self, X, dtype=self.model_.dtype, reset=False)
        if not hasattr(X, "toarray"):
            return function(X)
        starts = range(0, X.shape[0], SPARSE_ROWS)
        return np.concatenate([function(dense(X[at : at + SPARSE_ROWS])) for at in starts])

    def _has_partial_fit(self):
        return True

    def __sklearn_is_fitted__(self):
        return hasattr(self, "model_")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


class NetworkClassifier(ClassifyOneRow, ClassifierMixin):
    """Add classes to a ``NetworkEstimator``; codes are class numbers."""

    @available_if(lambda self: self._has_partial_fit())
    @restore_after(Exception)
    def partial_fit(self, X: Data, y: Data, sample_weight: Data | None = None,
                    classes: Data | None = None) -> Self:  # fmt: skip
        """Train one more epoch, over these rows, and return the estimator.

        Parameters
        ----------
        X, y, sample_weight
            As for ``fit``.
        classes : array, optional
            All classes that will come; for the first call.
        """
        self._validate_params()
        if classes is None and "classes_" not in vars(self):
            classes = getattr(self, "classes_", None)  # of a model that was trained before
        if classes is None and "classes_" not in vars(self):
            raise ArgumentError("classes must be passed on the first call to partial_fit.")
        return self._fit(X, y, sample_weight, incremental=True, classes=classes)

    @available_if(lambda self: self._has_probabilities())
    def predict_proba(self, X: Data) -> Array:
        """Return the probability of each class, or label: (n, classes), as in classes_."""
        return self._probabilities(self._outputs(X))

    @available_if(lambda self: self._has_probabilities())
    def predict_log_proba(self, X: Data) -> Array:
        """Return the logarithms of ``predict_proba``."""
        found = self.predict_proba(X)
        return logarithms(found).astype(found.dtype, copy=False)

    def _probabilities(self, outputs):
        return self._labels.probabilities(outputs)

    def _has_probabilities(self):
        loss = self.model_.loss if hasattr(self, "model_") else self.loss
        with contextlib.suppress(ValueError):
            if isinstance(losses.get(loss), MARGINS):
                raise AttributeError(f"predict_proba: loss {self.loss!r} gives margins")
        return True

    def _learn_targets(self, y, weights, first, incremental, classes):
        labels = Labels.for_fit(self, y, first, incremental, classes)
        codes = labels.codes(y)
        weights = labels.weights(self.class_weight, y, weights)
        self._labels, self.classes_ = labels, labels.classes
        return codes, weights

    def _codes(self, y):
        return self._labels.codes(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NetworkRegressor(RegressorMixin):
    """Add numbers as targets to a ``NetworkEstimator``; codes are the columns of y."""

    _validation: ClassVar[dict[str, Any]] = {"y_numeric": True}

    @available_if(lambda self: self._has_partial_fit())
    @restore_after(Exception)
    def partial_fit(self, X: Data, y: Data, sample_weight: Data | None = None) -> Self:
        """Train one more epoch, over these rows, as in ``fit``, and return the estimator."""
        self._validate_params()
        return self._fit(X, y, sample_weight, incremental=True)

    def predict(self, X: Data) -> Array:
        """Return the prediction for each row: (n,), or (n, outputs) if there are several."""
        found = self._predictions(self._outputs(X))
        return found[:, 0] if found.shape[1] == 1 else found

    def _predictions(self, outputs):
        return outputs

    def _learn_targets(self, y, weights, first, incremental, classes):
        codes = self._codes(y)
        if not first and self._columns != codes.shape[1]:
            seen = f"{self._columns} columns as before, got {codes.shape[1]}"
            raise DataError(f"y: expected {seen}")
        self._columns = codes.shape[1]
        return codes, weights

    def _codes(self, y):
        return np.asarray(y).reshape(len(y), -1)


def dense(X):
    """Return a dense C-contiguous matrix; X itself if it is one."""
    return X.toarray(order="C") if hasattr(X, "toarray") else X


def described(parameters, **parts):
    """Return a decorator that puts parameters, with parts filled in, into a docstring."""

    def describe(cls):
        cls.__doc__ = filled(cls.__doc__, parameters.format(**parts))
        return cls

    return describe


def filled(docstring, parameters):
    """Return a docstring, or None as with ``python -OO``, with parameters for PARAMETERS.

    Python 3.13 removes the indentation of docstrings: here it is removed in any version.
    """
    if docstring is None:
        return None
    return inspect.cleandoc(docstring).replace("PARAMETERS", inspect.cleandoc(parameters))
