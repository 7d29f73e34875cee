"""Losses by name and as data."""

import inspect
from typing import Any

from fastgd._core import formulas
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd._typing import Config, CustomObjects
from fastgd.errors import ArgumentError
from fastgd.losses import crossentropies, hinges, likelihoods, regression
from fastgd.losses.loss import Loss
from fastgd.losses.user_defined import Compiled, LossFunctionWrapper

#: Every loss that has a name.
CLASSES: tuple[type[Loss], ...] = (
    regression.MeanSquaredError, regression.MeanAbsoluteError,
    regression.MeanAbsolutePercentageError, regression.MeanSquaredLogarithmicError,
    regression.CosineSimilarity, regression.Huber, regression.LogCosh, regression.Quantile,
    crossentropies.BinaryCrossentropy, crossentropies.BinaryFocalCrossentropy,
    crossentropies.CategoricalCrossentropy, crossentropies.CategoricalFocalCrossentropy,
    crossentropies.SparseCategoricalCrossentropy, likelihoods.KLDivergence,
    likelihoods.Poisson, likelihoods.Gamma, likelihoods.Tweedie,
    likelihoods.GaussianNegativeLogLikelihood,
    hinges.Hinge, hinges.SquaredHinge, hinges.CategoricalHinge,
)  # fmt: skip
_BY_FUNCTION: dict[Any, type[Loss]] = {loss.function: loss for loss in CLASSES}
REGISTRY = Registry(
    "loss", "fastgd.losses", CLASSES, _BY_FUNCTION,
    unnamed=(Loss, LossFunctionWrapper, Compiled),
    aliases={name: loss for loss in CLASSES for name in loss.aliases},
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


def serialize(loss: Any) -> Any:
    """Return a loss, or a function, as plain data.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.serialize(losses.Huber(2.0))["config"]["delta"]
    2.0
    """
    return serialize_object(loss)


def deserialize(name: str | Config, custom_objects: CustomObjects | None = None) -> Any:
    """Return the loss or function that `serialize` was given, or the loss for a name.

    Parameters
    ----------
    name : str or dict
        A dict of `class_name` and `config` alone names a class of this module.
    custom_objects : dict, optional
        Name -> class or function.
    """
    return REGISTRY.deserialize(name, custom_objects)
