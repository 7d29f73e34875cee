"""Optimizers, with Keras' names, formulas and defaults."""

from fastgd._names import lookup
from fastgd.errors import DataTypeError
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
        return deserialize(identifier)
    return lookup("optimizer", identifier, _BY_NAME)()


def serialize(optimizer):
    """An optimizer as a dict of plain values: its class_name and config."""
    return {
        "module": "fastgd.optimizers",
        "class_name": type(optimizer).__name__,
        "config": optimizer.get_config(),
        "registered_name": None,
    }


def deserialize(config, custom_objects=None):
    """The optimizer that a dict of ``serialize`` describes, without what it kept of weights.

    Parameters
    ----------
    config : dict
        Of Keras' serialize as well.
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
    if not isinstance(config, dict) or "class_name" not in config:
        raise DataTypeError(f"config: expected a dict with a class_name, got {config!r}")
    table = _BY_NAME | dict(custom_objects or {})
    made = lookup("optimizer", config["class_name"], table)
    return made.from_config(config.get("config", {}), custom_objects)
