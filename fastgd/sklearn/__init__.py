"""Estimators for scikit-learn, with its parameters and fitted attributes.

They need scikit-learn, which the extra ``fastgd[sklearn]`` installs; nothing else in fastgd
imports it.
"""

from typing import TYPE_CHECKING

from fastgd._registry.advice import explain
from fastgd._registry.extras import needed_by

with needed_by("fastgd.sklearn"):
    from fastgd.sklearn.linear import LinearRegression, Ridge
    from fastgd.sklearn.logistic import LogisticRegression
    from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor
    from fastgd.sklearn.sgd import SGDClassifier, SGDRegressor
    from fastgd.sklearn.wrappers import Classifier, Regressor

__all__ = [
    "Classifier", "LinearRegression", "LogisticRegression", "MLPClassifier", "MLPRegressor",
    "Regressor", "Ridge", "SGDClassifier", "SGDRegressor",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
