"""scikit-learn's estimators of linear models by stochastic gradient descent."""

import numpy as np
from sklearn import linear_model
from sklearn.utils import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets, unique_labels
from sklearn.utils.validation import check_is_fitted

from fastgd.errors import ArgumentError, DataError
from fastgd.sklearn.steps import CONSTRAINTS, Steps


class SGDClassifier(Steps, linear_model.SGDClassifier):
    """Linear classifier trained row by row: scikit-learn's, by fastgd's engine.

    Its parameters, attributes and results are those of
    ``sklearn.linear_model.SGDClassifier``; with ``shuffle=False``, or the same order, weights
    agree to rounding. It differs in this:

    - ``batch_size``: rows a step, 1 by default; None: all of them. A step of several goes along
      the weighted mean of their slopes, so that with all rows a weight of 2 is the same as a
      row that comes twice.
    - ``learn_one(x, y)`` takes a row without validation.
    - The orders of the rows are fastgd's own. ``coef_`` is float64 also for float32 rows.
    - With ``average`` and an L1 penalty, the result is the mean of the weights. scikit-learn
      takes each penalty off those before it, too. And ``partial_fit`` goes on from the
      intercept, where scikit-learn takes the averaged one.
    - ``early_stopping`` scores the weights as they are, not before they are scaled.
    - For sparse rows, the objective that ends a fit has the penalty of all weights;
      scikit-learn takes that of the last row's.

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
        self,
        loss="hinge",
        *,
        penalty="l2",
        alpha=0.0001,
        l1_ratio=0.15,
        fit_intercept=True,
        max_iter=1000,
        tol=1e-3,
        shuffle=True,
        verbose=0,
        epsilon=0.1,
        n_jobs=None,
        random_state=None,
        learning_rate="optimal",
        eta0=0.01,
        power_t=0.5,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        class_weight=None,
        warm_start=False,
        average=False,
        batch_size=1,
    ):
        super().__init__(
            loss, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept,
            max_iter=max_iter, tol=tol, shuffle=shuffle, verbose=verbose, epsilon=epsilon,
            n_jobs=n_jobs, random_state=random_state, learning_rate=learning_rate, eta0=eta0,
            power_t=power_t, early_stopping=early_stopping,
            validation_fraction=validation_fraction, n_iter_no_change=n_iter_no_change,
            class_weight=class_weight, warm_start=warm_start, average=average,
        )  # fmt: skip
        self.batch_size = batch_size

    def fit(self, X, y, coef_init=None, intercept_init=None, sample_weight=None):
        """Fit from the start, or with ``warm_start`` from the weights there are.

        Parameters
        ----------
        X : array or CSR matrix, (n, d)
        y : array (n,)
        coef_init : array (classes, d), or (1, d) for two classes
        intercept_init : array (classes,), or (1,)
        sample_weight : array (n,)

        Returns
        -------
        self
        """
        self._validate_params()
        X, y = self._ready(X, y, first=True)
        classes = _classes_of(y)
        if len(classes) < 2:
            raise DataError(
                "The number of classes has to be greater than one; got 1 class: "
                f"y is {classes[0]!r} everywhere"
            )
        problem, sides = self._sides(X, y, classes, sample_weight)
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        weights = self._start(problem, coef_init, intercept_init)
        self.classes_, self.t_ = classes, 1.0
        self._train(X, problem, weights, *sides)
        return self

    def partial_fit(self, X, y, classes=None, sample_weight=None):
        """Go once over some rows, from where the weights are.

        Parameters
        ----------
        X : array or CSR matrix, (n, d)
        y : array (n,)
        classes : array or None
            All labels that will come; needed at the first call.
        sample_weight : array (n,)

        Returns
        -------
        self
        """
        self._validate_params()
        first = not hasattr(self, "classes_")
        if first and classes is None:
            raise ArgumentError("classes must be passed on the first call to partial_fit.")
        if self.early_stopping:
            raise ArgumentError("early_stopping should be False with partial_fit")
        if self.class_weight == "balanced":
            raise ArgumentError(
                "class_weight: 'balanced' needs all rows, not for partial_fit; give a dict"
            )
        known = unique_labels(classes) if first else self.classes_
        if classes is not None and not np.array_equal(unique_labels(classes), known):
            raise ArgumentError(
                f"classes={classes!r} is not the same as on last call to partial_fit, was: "
                f"{known!r}"
            )
        X, y = self._ready(X, y, first)
        check_classification_targets(y)
        problem, sides = self._sides(X, y, known, sample_weight)
        if first:
            weights = self._start(problem, None, None)
            self.classes_, self.t_ = known, 1.0
        else:
            weights = self._resumed(problem)
        self._train(X, problem, weights, *sides, once=True)
        return self

    def learn_one(self, x, y, sample_weight=1.0):
        """One step for one row (d,), of which only the number of columns is looked at.

        The estimator has to know its classes, by ``fit`` or ``partial_fit``.
        """
        if not hasattr(self, "_number_of"):
            check_is_fitted(self)
        number = self._number_of.get(y)
        if number is None:
            raise DataError(f"y: expected one of {list(self._number_of)}, got {y!r}")
        return self._step(x, number, sample_weight)

    def _sides(self, X, y, classes, sample_weight):
        """The Problem, and the weights of the two sides of each of its outputs."""
        two = len(classes) == 2
        if two:
            above = y == classes[1]
            strange = ~above & (y != classes[0])
            targets = np.where(above, 1.0, -1.0)
        else:
            codes = np.searchsorted(classes, y)
            codes[codes == len(classes)] = 0
            strange = classes[codes] != y
            targets = codes.astype(np.float64)
        if strange.any():
            row = int(np.argmax(strange))
            label = y[row].item() if isinstance(y[row], np.generic) else y[row]
            raise DataError(
                f"y: {label!r} at row {row} is none of the classes {classes.tolist()}: declare "
                "them at the first call of partial_fit"
            )
        each = np.ones(len(classes))
        if self.class_weight is not None:
            each = compute_class_weight(self.class_weight, classes=classes, y=y)
        outputs = 1 if two else len(classes)
        problem = self._problem(X, targets, sample_weight, outputs, self.n_jobs)
        numbers = (-1.0, 1.0) if two else range(outputs)
        self._number_of = dict(zip(classes.tolist(), map(float, numbers), strict=True))
        return problem, (each[1], each[0]) if two else (each, 1.0)


def _classes_of(y):
    """The labels of y in order, as ``unique_labels`` finds them, who sorts y twice."""
    if y.dtype.kind in "bif" and len(y):
        low, high = float(y.min()), float(y.max())
        if abs(low) < 2**53 and high - low < len(y) // 4:
            codes = y.astype(np.int64)
            if y.dtype.kind != "f" or (codes == y).all():
                counts = np.bincount(codes - int(low))
                return (np.flatnonzero(counts) + int(low)).astype(y.dtype)
    check_classification_targets(y)
    return unique_labels(y)


class SGDRegressor(Steps, linear_model.SGDRegressor):
    """Linear regression trained row by row: scikit-learn's, by fastgd's engine.

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

    def __init__(
        self,
        loss="squared_error",
        *,
        penalty="l2",
        alpha=0.0001,
        l1_ratio=0.15,
        fit_intercept=True,
        max_iter=1000,
        tol=1e-3,
        shuffle=True,
        verbose=0,
        epsilon=0.1,
        random_state=None,
        learning_rate="invscaling",
        eta0=0.01,
        power_t=0.25,
        early_stopping=False,
        validation_fraction=0.1,
        n_iter_no_change=5,
        warm_start=False,
        average=False,
        batch_size=1,
    ):
        super().__init__(
            loss, penalty=penalty, alpha=alpha, l1_ratio=l1_ratio, fit_intercept=fit_intercept,
            max_iter=max_iter, tol=tol, shuffle=shuffle, verbose=verbose, epsilon=epsilon,
            random_state=random_state, learning_rate=learning_rate, eta0=eta0, power_t=power_t,
            early_stopping=early_stopping, validation_fraction=validation_fraction,
            n_iter_no_change=n_iter_no_change, warm_start=warm_start, average=average,
        )  # fmt: skip
        self.batch_size = batch_size

    def fit(self, X, y, coef_init=None, intercept_init=None, sample_weight=None):
        """Fit from the start, or with ``warm_start`` from the weights there are.

        Parameters
        ----------
        X : array or CSR matrix, (n, d)
        y : array (n,)
        coef_init : array (d,)
        intercept_init : array (1,)
        sample_weight : array (n,)

        Returns
        -------
        self
        """
        self._validate_params()
        X, y = self._ready(X, y, first=True)
        problem = self._problem(X, y.astype(np.float64), sample_weight, 1)
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        weights = self._start(problem, coef_init, intercept_init)
        self.t_ = 1.0
        self._train(X, problem, weights)
        return self

    def partial_fit(self, X, y, sample_weight=None):
        """Go once over some rows, from where the weights are.

        Parameters
        ----------
        X : array or CSR matrix, (n, d)
        y : array (n,)
        sample_weight : array (n,)

        Returns
        -------
        self
        """
        self._validate_params()
        first = not hasattr(self, "coef_")
        if self.early_stopping:
            raise ArgumentError("early_stopping should be False with partial_fit")
        X, y = self._ready(X, y, first)
        problem = self._problem(X, y.astype(np.float64), sample_weight, 1)
        if first:
            self.t_ = 1.0
        weights = self._start(problem, None, None) if first else self._resumed(problem)
        self._train(X, problem, weights, once=True)
        return self

    def learn_one(self, x, y, sample_weight=1.0):
        """One step for one row (d,), of which only the number of columns is looked at.

        The estimator has to have been fitted, or partially.
        """
        return self._step(x, y, sample_weight)
