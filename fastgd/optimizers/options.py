"""The keyword arguments that all optimizers share, and the checks of their values."""

import inspect
from typing import TypedDict

import numpy as np

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.errors import ArgumentError


class OptionsWithoutDecay(TypedDict, total=False):
    """The options of an optimizer that names weight_decay itself, such as AdamW."""

    clipnorm: float | None
    clipvalue: float | None
    global_clipnorm: float | None
    use_ema: bool
    ema_momentum: float
    ema_overwrite_frequency: int | None
    loss_scale_factor: None
    gradient_accumulation_steps: int | None
    name: str | None


class OptimizerOptions(OptionsWithoutDecay, total=False):
    """The keyword arguments of every optimizer; Optimizer documents them."""

    weight_decay: float | None


def full_signature(cls: type) -> inspect.Signature:
    """Return the signature of a class, with the arguments of its base for ``**options``."""
    shown = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    if shown and shown[-1].kind is inspect.Parameter.VAR_KEYWORD:
        own = {parameter.name for parameter in shown}
        shown[-1:] = [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(cls.__mro__[1]).parameters.items()
            if name not in own and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]
    return inspect.Signature(shown)


def engine_options(optimizer):
    """Return types.OPTIONS as an array of length 1, and whether any of them is in use."""
    values = {
        "weight_decay": optimizer.weight_decay, "clipnorm": optimizer.clipnorm,
        "clipvalue": optimizer.clipvalue, "global_clipnorm": optimizer.global_clipnorm,
        "use_ema": optimizer.use_ema,
        "ema_momentum": optimizer.use_ema and optimizer.ema_momentum,
        "ema_frequency": optimizer.use_ema and optimizer.ema_overwrite_frequency,
        "accumulation": optimizer.gradient_accumulation_steps,
    }  # fmt: skip
    options = np.zeros(1, types.OPTIONS)
    options["accumulation"] = 1
    for name, value in values.items():
        if value:
            options[name] = value
    return options, any(values.values())


def all_slots(optimizer):
    """Return name -> start value of the rows kept of the weights; None for the weights."""
    slots = dict(optimizer.slots())
    if optimizer.use_ema:
        slots["average"] = None
    if optimizer.gradient_accumulation_steps:
        slots["gradient_accumulator"] = 0.0
    return slots


def plain(value):
    """Return the number of what has one, such as a variable, or the value itself."""
    return value.numpy() if hasattr(value, "numpy") else value


def non_negative(value: float | None, argument: str) -> float | None:
    """Return None, or a number of at least 0."""
    return None if value is None else number(value, argument, 0)


def whole(value: int | None, argument: str, low: int) -> int | None:
    """Return None, or a whole number of at least `low`."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < low:
        raise ArgumentError(
            f"{argument}: expected a whole number of at least {low}, got {value!r}"
        )
    return int(value)


def below_one(value: float, argument: str) -> float:
    """Return a number in [0, 1)."""
    return number(value, argument, 0, float(np.nextafter(1, 0)))


def above_zero(value: float, argument: str) -> float:
    """Return a number greater than 0, as it is."""
    if number(value, argument, 0) == 0:
        raise ArgumentError(f"{argument}: expected a number above 0, got {value!r}")
    return value


def at_most_zero(value: float, argument: str) -> float:
    """Return a number of at most 0, as a float."""
    if number(value, argument) > 0:
        raise ArgumentError(f"{argument}: expected at most 0, got {value!r}")
    return float(value)
