"""Estimators for scikit-learn, whose parameters and fitted attributes they keep.

They need scikit-learn, which the extra ``fastgd[sklearn]`` brings; nothing else in fastgd
imports it.
"""

from fastgd.sklearn.mlp import MLPClassifier, MLPRegressor

__all__ = ["MLPClassifier", "MLPRegressor"]
