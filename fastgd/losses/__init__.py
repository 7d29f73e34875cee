"""Losses, with Keras' names, as functions and as classes.

A function returns one value a row; a class also reduces them to one number, and is what
``compile`` takes. A gradient tape follows both.
"""

from fastgd.losses.crossentropies import (
    BinaryCrossentropy,
    BinaryFocalCrossentropy,
    CategoricalCrossentropy,
    CategoricalFocalCrossentropy,
    SparseCategoricalCrossentropy,
    binary_crossentropy,
    binary_focal_crossentropy,
    categorical_crossentropy,
    categorical_focal_crossentropy,
    sparse_categorical_crossentropy,
)
from fastgd.losses.hinges import (
    CategoricalHinge,
    Hinge,
    SquaredHinge,
    categorical_hinge,
    hinge,
    squared_hinge,
)
from fastgd.losses.likelihoods import (
    Gamma,
    GaussianNegativeLogLikelihood,
    KLDivergence,
    Poisson,
    Tweedie,
    gamma,
    gaussian_negative_log_likelihood,
    kl_divergence,
    poisson,
    tweedie,
)
from fastgd.losses.loss import Loss
from fastgd.losses.registry import REGISTRY as REGISTRY
from fastgd.losses.registry import deserialize, get, serialize
from fastgd.losses.regression import (
    CosineSimilarity,
    Huber,
    LogCosh,
    MeanAbsoluteError,
    MeanAbsolutePercentageError,
    MeanSquaredError,
    MeanSquaredLogarithmicError,
    Quantile,
    cosine_similarity,
    huber,
    log_cosh,
    mean_absolute_error,
    mean_absolute_percentage_error,
    mean_squared_error,
    mean_squared_logarithmic_error,
    quantile,
)
from fastgd.losses.user_defined import Compiled, LossFunctionWrapper, with_gradient

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalHinge", "Compiled", "CosineSimilarity", "Gamma",
    "GaussianNegativeLogLikelihood", "Hinge", "Huber", "KLDivergence", "LogCosh", "Loss",
    "LossFunctionWrapper", "MeanAbsoluteError", "MeanAbsolutePercentageError",
    "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson", "Quantile",
    "SparseCategoricalCrossentropy", "SquaredHinge", "Tweedie", "binary_crossentropy",
    "binary_focal_crossentropy", "categorical_crossentropy", "categorical_focal_crossentropy",
    "categorical_hinge", "cosine_similarity", "deserialize", "gamma",
    "gaussian_negative_log_likelihood", "get", "hinge", "huber", "kl_divergence", "log_cosh",
    "mean_absolute_error", "mean_absolute_percentage_error", "mean_squared_error",
    "mean_squared_logarithmic_error", "poisson", "quantile", "serialize",
    "sparse_categorical_crossentropy", "squared_hinge", "tweedie", "with_gradient",
]  # fmt: skip
