"""Losses by name and as data."""

import inspect

from fastgd._core import formulas
from fastgd._registry.names import lookup
from fastgd._registry.objects import deserialize_object, serialize_object
from fastgd.errors import ArgumentError
from fastgd.losses import crossentropies, hinges, likelihoods, regression
from fastgd.losses.base import Loss
from fastgd.losses.own import LossFunctionWrapper

#: Every loss that has a name.
CLASSES = tuple(
    thing
    for module in (regression, crossentropies, likelihoods, hinges)
    for thing in vars(module).values()
    if inspect.isclass(thing) and issubclass(thing, Loss) and thing.function is not None
)
_BY_FUNCTION = {loss.function: loss for loss in CLASSES}
_BY_NAME = {
    name: loss
    for loss in CLASSES
    for name in (loss.__name__, loss.function.__name__, *loss.aliases)
}


def get(identifier):
    """The loss for a name, one of this module's functions or classes, or a loss itself.

    Parameters
    ----------
    identifier : str, dict, type, Loss, callable or None
        A function of your own becomes a `LossFunctionWrapper`; a dict is what `serialize` gave.

    Returns
    -------
    Loss or None

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
        return lookup("loss", identifier, _BY_NAME)()
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


def serialize(loss):
    """A loss, or a function, as plain data.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.serialize(losses.Huber(2.0))["config"]["delta"]
    2.0
    """
    return serialize_object(loss)


def deserialize(name, custom_objects=None):
    """What `serialize` was given; or, for a name, the loss.

    Parameters
    ----------
    name : str or dict
        A dict of `class_name` and `config` alone names one of this module's classes.
    custom_objects : dict, optional
        Name -> class or function.
    """
    if isinstance(name, str):
        found = (custom_objects or {}).get(name)
        return get(name) if found is None else found
    if isinstance(name, dict) and isinstance(name.get("class_name"), str):
        name = {"module": "fastgd.losses", "registered_name": None, "config": {}} | name
    return deserialize_object(name, custom_objects)
