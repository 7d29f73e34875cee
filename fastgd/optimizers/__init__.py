"""Optimizers, with Keras' names, formulas and defaults."""

from fastgd._registry.custom import custom_object_scope
from fastgd._registry.names import lookup
from fastgd._registry.objects import deserialize_object, serialize_object
from fastgd.optimizers import schedules
from fastgd.optimizers.adadelta import Adadelta
from fastgd.optimizers.adafactor import Adafactor
from fastgd.optimizers.adagrad import Adagrad
from fastgd.optimizers.adam import Adam, AdamW
from fastgd.optimizers.adamax import Adamax
from fastgd.optimizers.base import Optimizer
from fastgd.optimizers.ftrl import Ftrl
from fastgd.optimizers.lamb import Lamb
from fastgd.optimizers.lbfgs import LBFGS
from fastgd.optimizers.lion import Lion
from fastgd.optimizers.nadam import Nadam
from fastgd.optimizers.rmsprop import RMSprop
from fastgd.optimizers.sgd import SGD

CLASSES = (
    SGD, RMSprop, Adam, AdamW, Adamax, Nadam, Adagrad, Adadelta, Ftrl, Lion, Lamb, Adafactor,
    LBFGS,
)  # fmt: skip

__all__ = [
    "Optimizer", *(c.__name__ for c in CLASSES), "deserialize", "get", "schedules", "serialize",
]  # fmt: skip

_BY_NAME = {c.__name__: c for c in CLASSES} | {c.__name__.lower(): c for c in CLASSES}


def get(identifier):
    """The optimizer for a name, a class, a dict of ``serialize`` or an optimizer itself.

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
    return lookup("optimizer", identifier, _BY_NAME)()


def serialize(optimizer):
    """An optimizer as a dict of plain values."""
    return serialize_object(optimizer)


def deserialize(config, custom_objects=None):
    """The optimizer that a dict of ``serialize`` describes, without what it kept of weights.

    Parameters
    ----------
    config : dict
        With class_name, a name that ``get`` takes as well, and config.
    custom_objects : dict, optional
        Names -> optimizers and schedules of one's own.

    Raises
    ------
    UnknownNameError
        Listing the names there are.

    Examples
    --------
    >>> deserialize(serialize(SGD(0.5))).learning_rate
    0.5
    """
    if isinstance(config, dict) and config.get("class_name") in _BY_NAME:
        with custom_object_scope(custom_objects):
            return _BY_NAME[config["class_name"]].from_config(config.get("config", {}))
    return deserialize_object(config, custom_objects)
