"""scikit-learn's own checks of an estimator, all of them, for each one there is."""

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

import fastgd.sklearn

# the checks train for few epochs: that more would be better is not what they look at
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

ESTIMATORS = [getattr(fastgd.sklearn, name)() for name in fastgd.sklearn.__all__]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
