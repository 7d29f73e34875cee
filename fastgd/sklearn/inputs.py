"""Rows and weights of scikit-learn's users for fastgd's engine, and estimators after errors."""

import functools
from numbers import Real
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from fastgd import config
from fastgd._data.validation import assign_all
from fastgd._engine import builds
from fastgd._typing import Array
from fastgd.errors import ArgumentError
from fastgd.linear.data import rows_of, weights_of

#: The data types of rows that the engine reads in place; others become the first.
FLOATS = (np.float64, np.float32)


class NumPyEstimator(BaseEstimator):
    """Refuse arrays that are not NumPy's."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.array_api_support = False
        return tags


def keep(estimator, arguments):
    """Set attributes from the arguments of a constructor."""
    for name, value in arguments.items():
        if name != "self":
            setattr(estimator, name, value)


def validated(estimator, X, y="no_validation", *, reset, dtype=FLOATS, ensure_all_finite=True,
              **options):  # fmt: skip
    """Return what ``validate_data`` of scikit-learn gives, in C order, with one look at arrays.

    Arrays that it would return as they are, which are most, are not handed to it: for a single
    row it takes longer than all the rest.
    """
    alone = isinstance(y, str) and y == "no_validation"
    if _is_ready(X, dtype, ensure_all_finite) and (alone or _is_ready_target(y, len(X))):
        found = X if alone else (X, y)
        if reset:
            estimator.n_features_in_ = X.shape[1]
            vars(estimator).pop("feature_names_in_", None)
            return found
        known = vars(estimator)
        if X.shape[1] == known.get("n_features_in_") and "feature_names_in_" not in known:
            return found
    return validate_data(
        estimator, X, y, reset=reset, dtype=dtype, order="C",
        ensure_all_finite=ensure_all_finite, **{"accept_sparse": "csr"} | options,
    )  # fmt: skip


def _is_ready(X, dtype, finite):
    """Return whether X is a matrix of numbers of a data type, or one of several, in C order."""
    return (
        type(X) is np.ndarray
        and X.ndim == 2
        and X.size > 0
        and (X.dtype in dtype if isinstance(dtype, (list, tuple)) else X.dtype == dtype)
        and X.flags.c_contiguous
        and X.flags.aligned
        and not (finite and builds.load(config.engine()).first_nonfinite(X) >= 0)
    )


def _is_ready_target(y, n):
    """Return whether y is an array of n finite numbers."""
    return (
        type(y) is np.ndarray
        and y.shape == (n,)
        and y.dtype.isnative
        and y.flags.c_contiguous
        and (y.dtype.kind in "biu" or (y.dtype.kind == "f" and bool(np.isfinite(y).all())))
    )


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


class LayerArrays(list[Array]):
    """List a view of an array of each layer; an item that is set is copied there.

    Raises
    ------
    ShapeError, DataTypeError, DataError
        For an array that does not fit; nothing is changed.
    ArgumentError
        For another number of arrays: a network has as many as layers.
    """

    def __init__(self, variables, owner):
        super().__init__(variable.value for variable in variables)
        self._variables, self._owner = variables, owner

    def __setitem__(self, place: Any, values: Any) -> None:
        alone = not isinstance(place, slice)
        chosen = [self._variables[place]] if alone else self._variables[place]
        assign_all(chosen, [values] if alone else list(values), self._owner)

    def __reduce__(self) -> Any:
        return list, (list(self),)

    def _refuse(self, *args: Any, **kwargs: Any) -> Any:
        raise ArgumentError(f"{self._owner} has {len(self)} arrays: set items, or fit anew")

    append = extend = insert = pop = remove = clear = reverse = sort = _refuse
    __delitem__ = __iadd__ = __imul__ = _refuse
