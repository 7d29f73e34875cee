"""scikit-learn's own checks of an estimator, all of them, for each one there is."""

import functools

import pytest

pytest.importorskip("sklearn")

from sklearn.base import clone
from sklearn.utils.estimator_checks import parametrize_with_checks

import fastgd.sklearn

# the checks train for few epochs: that more would be better is not what they look at
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# By default these take rows one after the other, and then a weight is not a repeated row: the
# order matters. The checks of that are for full batches.
FULL_BATCH = {
    "SGDClassifier": {"batch_size": None, "learning_rate": "adaptive", "eta0": 1.0},
    "SGDRegressor": {"batch_size": None, "eta0": 0.1},
}

ESTIMATORS = [
    getattr(fastgd.sklearn, name)(**FULL_BATCH.get(name, {})) for name in fastgd.sklearn.__all__
]
ROW_BY_ROW = [getattr(fastgd.sklearn, name)() for name in FULL_BATCH]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    name = getattr(check, "func", check).__name__
    if name == "check_non_transformer_estimators_n_iter" and "Ridge" in repr(estimator):
        # other solvers do not iterate; the estimator is that of the other checks, too
        estimator = clone(estimator).set_params(solver="sag")
        check = functools.partial(check.func, check.args[0])
    check(estimator)


@parametrize_with_checks(ROW_BY_ROW)
def test_check_row_by_row(estimator, check):
    if "sample_weight_equivalence" not in getattr(check, "func", check).__name__:
        check(estimator)
