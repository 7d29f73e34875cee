"""Optimizers, with Keras' names, formulas and defaults."""

from typing import TYPE_CHECKING, Any

from fastgd._registry.advice import explain
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Registry
from fastgd.optimizers import schedules
from fastgd.optimizers.adam import Adam, Adamax, AdamW, Lamb, Nadam
from fastgd.optimizers.lbfgs import LBFGS
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.adaptive import Adadelta, Adafactor, Adagrad, Ftrl, RMSprop
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

    An UnknownNameError lists the names there are.
    """
    if isinstance(identifier, Optimizer) and identifier.kind is not None:
        return identifier
    is_class = isinstance(identifier, type) and issubclass(identifier, Optimizer)
    if is_class and identifier.kind is not None:
        return identifier()
    if isinstance(identifier, dict):
        return get(deserialize(identifier))
    return REGISTRY.make(identifier)


serialize = serialize_object
deserialize = REGISTRY.deserialize

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
