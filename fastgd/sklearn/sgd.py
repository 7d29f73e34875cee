"""scikit-learn's estimators of linear models by stochastic gradient descent."""

from typing import Any, Self

import numpy as np
from sklearn import linear_model
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted

from fastgd._typing import Data
from fastgd.errors import ArgumentError, DataError
from fastgd.sklearn.decisions import LinearClassifier, LinearRegressor
from fastgd.sklearn.inputs import keep
from fastgd.sklearn.objectives import class_weights, classes_of
from fastgd.sklearn.sgd_training import CONSTRAINTS, SGDEstimator


class SGDClassifier(LinearClassifier, SGDEstimator, linear_model.SGDClassifier):
    """Classify by a linear model trained row by row: scikit-learn's, on fastgd's engine.

    Its parameters, attributes and results are those of
    ``sklearn.linear_model.SGDClassifier``; with ``shuffle=False``, or the same order, weights
    agree to rounding. The differences are:

    - ``batch_size``: rows a step, 1 by default; None: all of them. A step of several follows
      the weighted mean of their slopes, so that with all rows a weight of 2 is the same as a
      row that comes twice.
    - ``learn_one(x, y)`` takes a row without validation.
    - The orders of the rows are fastgd's own. ``coef_`` is float64 also for float32 rows.
    - With ``average`` and an L1 penalty, the result is the mean of the weights. scikit-learn
      also subtracts each penalty from earlier weights. And ``partial_fit`` continues from the
      intercept, scikit-learn from the averaged one.
    - ``early_stopping`` scores the weights as they are, not before they are scaled.
    - For sparse rows, the objective that ends a fit has the penalty of all weights, not only of
      the last row's.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import SGDClassifier
    >>> X = np.array([[-1.0, -1.0], [-2.0, -1.0], [1.0, 1.0], [2.0, 1.0]])
    >>> model = SGDClassifier(random_state=0).fit(X, ["a", "a", "b", "b"])
    >>> model.predict([[-0.8, -1.0]]).item()
    'a'
    """

    _flat = False
    _parameter_constraints = linear_model.SGDClassifier._parameter_constraints | CONSTRAINTS

    def __init__(
        self, loss: str = "hinge", *, penalty: str | None = "l2", alpha: float = 0.0001,
        l1_ratio: float = 0.15, fit_intercept: bool = True, max_iter: int = 1000,
        tol: float | None = 1e-3, shuffle: bool = True, verbose: int = 0, epsilon: float = 0.1,
        n_jobs: int | None = None, random_state: Any = None, learning_rate: str = "optimal",
        eta0: float = 0.01, power_t: float = 0.5, early_stopping: bool = False,
        validation_fraction: float = 0.1, n_iter_no_change: int = 5, class_weight: Any = None,
        warm_start: bool = False, average: bool | int = False, batch_size: int | None = 1,
    ) -> None:  # fmt: skip
        keep(self, locals())

    def partial_fit(self, X: Data, y: Data, classes: Data | None = None,
                    sample_weight: Data | None = None) -> Self:  # fmt: skip
        """Take one pass over some rows from the current weights, and return the model.

        Parameters
        ----------
        X, y, sample_weight
            As in ``fit``.
        classes : array or None
            All labels that will come; needed at the first call.
        """
        self._validate_params()
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ArgumentError("classes must be passed on the first call to partial_fit.")
        if isinstance(self.class_weight, str):
            reason = "'balanced' needs all rows, not for partial_fit; give a dict"
            raise ArgumentError(f"class_weight: {reason}")
        known = unique_labels(classes) if first else self.classes_
        if classes is not None and not np.array_equal(unique_labels(classes), known):
            seen = f"classes={classes!r} is not the same as on last call to partial_fit"
            raise ArgumentError(f"{seen}, was: {known!r}")
        return self._partial_fit(X, y, sample_weight, first, known)

    def learn_one(self, x: Data, y: Any, sample_weight: float = 1.0,
                  unknown_features: str = "raise") -> Self:  # fmt: skip
        """Take one step for one row, of which only the number of columns is checked.

        The estimator has to know its classes, by ``fit`` or ``partial_fit``.

        Parameters
        ----------
        x : array (d,), or dict or Series of name -> number
            Names are those of ``feature_names_in_``, or else of the first dict; one that is
            missing counts as 0.
        y : label
        sample_weight : float
        unknown_features : {"raise", "ignore"}
            Whether a name that no column has is an ArgumentError, or left out.
        """
        try:
            number = self._number_of[y]
        except AttributeError:
            check_is_fitted(self)
            raise
        except (KeyError, TypeError):
            raise DataError(f"y: expected one of {list(self._number_of)}, got {y!r}") from None
        return self._step(x, number, sample_weight, unknown_features)

    def _probability_loss(self):
        return self.loss if self.loss in ("log_loss", "modified_huber") else None

    def _task(self, X, y, sample_weight, classes=None):
        if classes is None:
            classes = classes_of(y)
            if len(classes) < 2:
                seen = f"got 1 class: y is {classes[0]!r} everywhere"
                raise DataError(f"The number of classes has to be greater than one; {seen}")
        else:
            check_classification_targets(y)
        if two := len(classes) == 2:
            above = y == classes[1]
            strange = ~above & (y != classes[0])
            targets = 2.0 * above - 1.0
        else:
            codes = np.searchsorted(classes, y).clip(max=len(classes) - 1)
            strange = classes[codes] != y
            targets = codes.astype(np.float64)
        if strange.any():
            row = int(np.argmax(strange))
            label = y[row].item() if isinstance(y[row], np.generic) else y[row]
            seen = f"{label!r} at row {row} is none of the classes {classes.tolist()}"
            raise DataError(f"y: {seen}: declare them at the first call of partial_fit")
        each = np.ones(len(classes))
        if self.class_weight is not None:
            each = class_weights(self.class_weight, classes, y)
        outputs = 1 if two else len(classes)
        problem = self._problem(X, targets, sample_weight, outputs, self.n_jobs)
        numbers = (-1.0, 1.0) if two else range(outputs)
        self._number_of = dict(zip(classes.tolist(), map(float, numbers), strict=True))
        return problem, (each[1], each[0]) if two else (each, 1.0), {"classes_": classes}


class SGDRegressor(LinearRegressor, SGDEstimator, linear_model.SGDRegressor):
    """Fit a linear regression row by row: scikit-learn's, on fastgd's engine.

    Its parameters, attributes and results are those of ``sklearn.linear_model.SGDRegressor``;
    for the differences see ``SGDClassifier``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd.sklearn import SGDRegressor
    >>> X = np.linspace(-1, 1, 50)[:, None]
    >>> model = SGDRegressor(random_state=0, tol=1e-6, eta0=0.1).fit(X, 3 * X[:, 0] + 1)
    >>> model.predict([[0.5]]).round(1)
    array([2.5])
    """

    _flat = True
    _parameter_constraints = linear_model.SGDRegressor._parameter_constraints | CONSTRAINTS

    def __init__(self, loss: str = "squared_error", *, penalty: str | None = "l2",
                 alpha: float = 0.0001, l1_ratio: float = 0.15, fit_intercept: bool = True,
                 max_iter: int = 1000, tol: float | None = 1e-3, shuffle: bool = True,
                 verbose: int = 0, epsilon: float = 0.1, random_state: Any = None,
                 learning_rate: str = "invscaling", eta0: float = 0.01, power_t: float = 0.25,
                 early_stopping: bool = False, validation_fraction: float = 0.1,
                 n_iter_no_change: int = 5, warm_start: bool = False,
                 average: bool | int = False, batch_size: int | None = 1) -> None:  # fmt: skip
        keep(self, locals())

    def partial_fit(self, X: Data, y: Data, sample_weight: Data | None = None) -> Self:
        """Take one pass over some rows, as in ``fit``, from the current weights."""
        self._validate_params()
        return self._partial_fit(X, y, sample_weight, not hasattr(self, "coef_"))

    def learn_one(self, x: Data, y: float, sample_weight: float = 1.0,
                  unknown_features: str = "raise") -> Self:  # fmt: skip
        """Take one step for one row, of which only the number of columns is checked.

        The estimator has to be fitted, by ``fit`` or ``partial_fit``; y is a number. For x,
        sample_weight and unknown_features see ``SGDClassifier.learn_one``.
        """
        return self._step(x, y, sample_weight, unknown_features)

    def _task(self, X, y, sample_weight, classes=None):
        return self._problem(X, y.astype(np.float64), sample_weight, 1), (1.0, 1.0), {}
