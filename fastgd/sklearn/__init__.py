"""Estimators for scikit-learn, whose parameters and fitted attributes they keep.

They need scikit-learn, which the extra ``fastgd[sklearn]`` brings; nothing else in fastgd
imports it.
"""

from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor
from fastgd.sklearn.wrappers import Classifier, Regressor

__all__ = ["Classifier", "MLPClassifier", "MLPRegressor", "Regressor"]
