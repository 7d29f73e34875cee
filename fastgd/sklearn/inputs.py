"""Rows and weights of scikit-learn's users for fastgd's engine, and estimators after errors."""

import functools
from numbers import Real

import numpy as np

from fastgd import config
from fastgd._engine import builds
from fastgd.linear.data import rows_of, weights_of


def keep(estimator, arguments):
    """Set attributes from the arguments of a constructor."""
    for name, value in arguments.items():
        if name != "self":
            setattr(estimator, name, value)


def engine_and_rows(X):
    """Return the engine of linear models and its rows of an X that scikit-learn validated."""
    engine = builds.load(config.engine())
    if hasattr(X, "indptr") or not (X.flags.c_contiguous and X.flags.aligned):
        return engine, rows_of(X)
    return engine, engine.Rows(X)


def row_weights(sample_weight, n):
    """Return weights of rows, float64 (n,), or None; one number is the weight of every row."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, float(sample_weight))
    return weights_of(sample_weight, n)


def restore_after(failures):
    """Return a decorator of methods: after such an error the attributes are as before.

    Their contents are as before only if the method replaced them instead of changing them:
    weights of a network that was in training stay.
    """

    def decorate(method):
        @functools.wraps(method)
        def guarded(self, *args, **kwargs):
            before = dict(vars(self))
            try:
                return method(self, *args, **kwargs)
            except failures:
                vars(self).clear()
                vars(self).update(before)
                raise

        return guarded

    return decorate
