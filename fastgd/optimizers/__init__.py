"""Optimizers, with Keras' names, formulas and defaults."""

from typing import Any

from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd._typing import Config, CustomObjects
from fastgd.optimizers import schedules
from fastgd.optimizers.adafactor import Adafactor
from fastgd.optimizers.adagrad import Adadelta, Adagrad, RMSprop
from fastgd.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from fastgd.optimizers.ftrl import Ftrl
from fastgd.optimizers.lbfgs import LBFGS
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.sgd import SGD, Lion

CLASSES = (
    SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad, Adadelta, Ftrl, Lion, Lamb, Adafactor,
    LBFGS,
)  # fmt: skip

__all__ = [
    "LBFGS", "SGD", "Adadelta", "Adafactor", "Adagrad", "Adam", "AdamW", "Adamax", "Ftrl",
    "Lamb", "Lion", "Nadam", "Optimizer", "RMSprop", "deserialize", "get", "schedules",
    "serialize",
]  # fmt: skip

REGISTRY = Registry("optimizer", __name__, CLASSES, unnamed=(Optimizer,), spelling=str.lower)


def get(identifier: Any) -> Optimizer:
    """Return the optimizer for a name, a class, a dict of ``serialize`` or an optimizer itself.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    """
    if isinstance(identifier, Optimizer) and identifier.kind is not None:
        return identifier
    is_class = isinstance(identifier, type) and issubclass(identifier, Optimizer)
    if is_class and identifier.kind is not None:
        return identifier()
    if isinstance(identifier, dict):
        return get(deserialize(identifier))
    return REGISTRY.make(identifier)


def serialize(optimizer: Optimizer) -> Config:
    """Return an optimizer as a dict of plain values."""
    return serialize_object(optimizer)


def deserialize(config: Any, custom_objects: CustomObjects | None = None) -> Any:
    """Return the optimizer that a dict of ``serialize`` describes, without its state.

    Parameters
    ----------
    config : dict or str
        With class_name, a name that ``get`` takes as well, and config; or such a name.
    custom_objects : dict, optional
        Names -> custom optimizers and schedules.

    Raises
    ------
    UnknownNameError
        Listing the names there are.

    Examples
    --------
    >>> deserialize(serialize(SGD(0.5))).learning_rate
    0.5
    """
    return REGISTRY.deserialize(config, custom_objects)
