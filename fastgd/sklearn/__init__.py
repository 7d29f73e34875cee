"""Estimators for scikit-learn, with its parameters and fitted attributes.

They need scikit-learn, which the extra ``fastgd[sklearn]`` installs; nothing else in fastgd
imports it.
"""

from fastgd.sklearn.least_squares import LinearRegression, Ridge
from fastgd.sklearn.logistic import LogisticRegression
from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor
from fastgd.sklearn.sgd import SGDClassifier, SGDRegressor
from fastgd.sklearn.wrappers import Classifier, Regressor

__all__ = [
    "Classifier", "LinearRegression", "LogisticRegression", "MLPClassifier", "MLPRegressor",
    "Regressor", "Ridge", "SGDClassifier", "SGDRegressor",
]  # fmt: skip
