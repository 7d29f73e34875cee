"""What scikit-learn's users pass in, as fastgd's engine takes it; or how it is refused."""

import contextlib
import functools
from numbers import Real

import numpy as np

from fastgd import config
from fastgd._engine import builds
from fastgd.linear.rows import rows_of, weights_of


def engine_and_rows(X):
    """The engine of linear models and its rows of an X that scikit-learn validated."""
    engine = builds.load(config.engine())
    if hasattr(X, "indptr") or not (X.flags.c_contiguous and X.flags.aligned):
        return engine, rows_of(X)
    return engine, engine.Rows(X)


def row_weights(sample_weight, n):
    """Weights of rows, float64 (n,), or None; one number is that of every row."""
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n, float(sample_weight))
    return weights_of(sample_weight, n)


@contextlib.contextmanager
def unchanged_if_it_fails(estimator, failures=Exception):
    """Let an error leave an estimator's attributes as they were.

    What its attributes hold is as it was only if it is replaced, not changed: weights of a
    network that was in training stay.
    """
    before = dict(vars(estimator))
    try:
        yield
    except failures:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def all_or_nothing(method):
    """A method of an estimator that leaves its attributes as they were unless it returns."""

    @functools.wraps(method)
    def guarded(self, *args, **kwargs):
        with unchanged_if_it_fails(self, BaseException):
            return method(self, *args, **kwargs)

    return guarded
