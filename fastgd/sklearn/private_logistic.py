"""Train logistic regression privately, by a network of one unit.

The solvers cannot: they see all rows without noise.
"""

import numpy as np

from fastgd import layers, optimizers, regularizers
from fastgd._data.validation import number
from fastgd._engine import scope
from fastgd.errors import ArgumentError
from fastgd.models import Sequential
from fastgd.models.privacy import check_class_weight

#: Rows a step for batch_size="auto": noise is shared by all of them.
ROWS = 256


def fit_network(estimator, X, labels, classes, weights, C):
    """Return the trained Sequential of a logistic regression with privacy.

    Parameters
    ----------
    estimator : LogisticRegression
    X : ndarray, shape (n, d)
    labels : ndarray of int, shape (n,)
        The number of each row's class.
    classes : ndarray
    weights : ndarray, shape (n,), or None
    C : float
        The mean of the losses is minimised, with 1 / (2 C n) times the square of the weights.
    """
    _check(estimator, X)
    n, width = X.shape
    size, outputs = estimator.batch_size, 1 if len(classes) == 2 else len(classes)
    size = min(ROWS if isinstance(size, str) else size, n)
    shrink = None if np.isinf(C) else regularizers.L2(1 / (2 * C * n))
    with scope.own(0):  # leave the random stream of the process as it is
        model = Sequential(
            [
                layers.Input(shape=(width,), dtype=X.dtype.name),
                layers.Dense(
                    outputs, "sigmoid" if outputs == 1 else "softmax",
                    kernel_initializer="zeros", kernel_regularizer=shrink,
                ),
            ],
            dtype=X.dtype.name,
            name="logistic_regression",
        )  # fmt: skip
        if estimator.warm_start and hasattr(estimator, "model_"):
            before = estimator.model_
            model.set_weights(before.get_weights())
            model.privacy = before.privacy
        rate = number(estimator.learning_rate_init, "learning_rate_init", 0)
        loss = f"{'binary' if outputs == 1 else 'sparse_categorical'}_crossentropy"
        model.compile(optimizers.Adam(rate), loss, privacy=estimator.privacy)
    model.fit(
        X, labels, size, estimator.max_iter, 1 if estimator.verbose else 0,
        sample_weight=weights, n_jobs=estimator.n_jobs,
    )  # fmt: skip
    return model


def _check(estimator, X):
    """Raise an ArgumentError for what a network of one unit does not do."""
    if hasattr(X, "tocsr"):
        raise ArgumentError("X: with privacy expected dense rows, got a sparse matrix")
    if estimator.l1_ratio:
        raise ArgumentError(
            f"l1_ratio: with privacy the penalty is L2: expected 0, got {estimator.l1_ratio!r}"
        )
    if not estimator.fit_intercept:
        raise ArgumentError("fit_intercept: with privacy expected True, got False")
    check_class_weight(estimator.class_weight)
