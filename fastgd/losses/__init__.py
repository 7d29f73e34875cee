"""Losses, with Keras' names, as functions and as classes.

A function returns one value a row; a class also reduces them to one number, and is what
``compile`` takes. A gradient tape follows both.
"""

import inspect
from typing import TYPE_CHECKING, Any

from fastgd._core import formulas
from fastgd._registry.advice import explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd.errors import ArgumentError
from fastgd.losses.classification import (
    BinaryCrossentropy, BinaryFocalCrossentropy, CategoricalCrossentropy,
    CategoricalFocalCrossentropy, CategoricalHinge, Hinge, SparseCategoricalCrossentropy,
    SquaredHinge, binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy,
    categorical_focal_crossentropy, categorical_hinge, hinge, sparse_categorical_crossentropy,
    squared_hinge,
)  # fmt: skip
from fastgd.losses.likelihoods import (
    FisslerZiegel, Gamma, GaussianCRPS, GaussianNegativeLogLikelihood, KLDivergence, Poisson,
    Tweedie, fissler_ziegel, gamma, gaussian_crps, gaussian_negative_log_likelihood,
    kl_divergence, poisson, tweedie,
)  # fmt: skip
from fastgd.losses.loss import Loss
from fastgd.losses.regression import (
    CosineSimilarity, Huber, LogCosh, MeanAbsoluteError, MeanAbsolutePercentageError,
    MeanSquaredError, MeanSquaredLogarithmicError, Quantile, cosine_similarity, huber, log_cosh,
    mean_absolute_error, mean_absolute_percentage_error, mean_squared_error,
    mean_squared_logarithmic_error, quantile,
)  # fmt: skip
from fastgd.losses.strategies import Sharpe, Sortino, sharpe, sortino
from fastgd.losses.user_defined import Compiled, LossFunctionWrapper, with_gradient

__all__ = [
    "BinaryCrossentropy", "BinaryFocalCrossentropy", "CategoricalCrossentropy",
    "CategoricalFocalCrossentropy", "CategoricalHinge", "Compiled", "CosineSimilarity",
    "FisslerZiegel", "Gamma", "GaussianCRPS", "GaussianNegativeLogLikelihood", "Hinge", "Huber",
    "KLDivergence", "LogCosh", "Loss", "LossFunctionWrapper", "MeanAbsoluteError",
    "MeanAbsolutePercentageError", "MeanSquaredError", "MeanSquaredLogarithmicError", "Poisson",
    "Quantile", "Sharpe", "Sortino", "SparseCategoricalCrossentropy", "SquaredHinge", "Tweedie",
    "binary_crossentropy", "binary_focal_crossentropy", "categorical_crossentropy",
    "categorical_focal_crossentropy", "categorical_hinge", "cosine_similarity", "deserialize",
    "fissler_ziegel", "gamma", "gaussian_crps", "gaussian_negative_log_likelihood", "get",
    "hinge", "huber", "kl_divergence", "log_cosh", "mean_absolute_error",
    "mean_absolute_percentage_error", "mean_squared_error", "mean_squared_logarithmic_error",
    "poisson", "quantile", "serialize", "sharpe", "sortino", "sparse_categorical_crossentropy",
    "squared_hinge", "tweedie", "with_gradient",
]  # fmt: skip

#: Every loss that has a name.
CLASSES: tuple[type[Loss], ...] = tuple(
    thing for thing in list(globals().values())
    if isinstance(thing, type) and issubclass(thing, Loss) and thing.function is not None
)  # fmt: skip
_BY_FUNCTION: dict[Any, type[Loss]] = {loss.function: loss for loss in CLASSES}
_SHORT: dict[str, type[Loss]] = {
    "mse": MeanSquaredError, "mae": MeanAbsoluteError, "mape": MeanAbsolutePercentageError,
    "msle": MeanSquaredLogarithmicError, "bce": BinaryCrossentropy,
    "cce": CategoricalCrossentropy, "kld": KLDivergence,
}  # fmt: skip
REGISTRY = Registry(
    "loss", __name__, CLASSES, _BY_FUNCTION, unnamed=(Loss, LossFunctionWrapper, Compiled),
    aliases=_SHORT | {name.upper(): loss for name, loss in _SHORT.items()} | {
        "logcosh": LogCosh, "pinball": Quantile, "gaussian_nll": GaussianNegativeLogLikelihood,
        "kullback_leibler_divergence": KLDivergence,
    },
)  # fmt: skip


def get(identifier: Any) -> Loss | None:
    """Return the loss for a name, a function or class of this module, or a loss itself.

    Parameters
    ----------
    identifier : str, dict, type, Loss, callable or None
        A function of your own becomes a `LossFunctionWrapper`; a dict is one of `serialize`.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    ArgumentError
        For anything else.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.get("mse").name
    'mean_squared_error'
    """
    if identifier is None:
        return None
    if isinstance(identifier, str):
        return REGISTRY.make(identifier)
    if isinstance(identifier, dict):
        return get(deserialize(identifier))
    if inspect.isclass(identifier) and issubclass(identifier, Loss) and identifier is not Loss:
        return identifier()
    if isinstance(identifier, Loss):
        own = type(identifier).call is not Loss.call
        if own or identifier.code != formulas.Loss.LOSS_NONE:
            return identifier
    elif inspect.isfunction(identifier) and identifier in _BY_FUNCTION:
        return _BY_FUNCTION[identifier]()
    elif callable(identifier) and not inspect.isclass(identifier):
        return LossFunctionWrapper(identifier)
    raise ArgumentError(f"loss: expected a name or a loss of fastgd.losses, got {identifier!r}")


serialize = serialize_object
deserialize = REGISTRY.deserialize

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
