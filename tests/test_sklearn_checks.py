"""scikit-learn's own checks of an estimator, all of them, for each one there is."""

import pytest

pytest.importorskip("sklearn")

from sklearn.utils.estimator_checks import parametrize_with_checks

import fastgd.sklearn

ESTIMATORS = [getattr(fastgd.sklearn, name)() for name in fastgd.sklearn.__all__]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)
