"""The arguments that all optimizers share: keyword options, and the learning rate."""

import inspect
from collections.abc import Callable
from typing import Any, Never, TypeAlias, TypedDict

import numpy as np

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.errors import DataTypeError
from fastgd.optimizers.checks import plain
from fastgd.optimizers.schedules import LearningRateSchedule

#: The values that ``learning_rate=`` takes.
LearningRate: TypeAlias = float | LearningRateSchedule | Callable[[], float]


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
    """Return the signature of a class, with the arguments of its base for ``**options``.

    ``**unknown: Never`` takes none.
    """
    shown = list(inspect.signature(cls.__init__).parameters.values())[1:]  # type: ignore[misc]
    if shown and shown[-1].kind is inspect.Parameter.VAR_KEYWORD:
        more = shown.pop()
        own = {parameter.name for parameter in shown}
        shown += [
            parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for name, parameter in inspect.signature(cls.__mro__[1]).parameters.items()
            if name not in own and more.annotation is not Never
            and parameter.kind is not inspect.Parameter.VAR_KEYWORD
        ]  # fmt: skip
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


class _AssignableNumber:
    """A number that can be assigned to; results of arithmetic with it are plain numbers."""

    _plain: Any
    _assign: Callable[[float], None]

    def __new__(cls, value, assign):
        self = super().__new__(cls, value)
        self._assign = assign
        return self

    def assign(self, value: float) -> None:
        """Set the optimizer's number; this object keeps the value it was read with."""
        self._assign(value)

    def numpy(self) -> Any:
        """Return the number as a NumPy scalar."""
        return np.asarray(self)[()]

    def __reduce__(self):
        return self._plain, (self._plain(self),)

    @property
    def value(self):
        """The plain number."""
        return self._plain(self)


class Rate(_AssignableNumber, float):
    """A learning rate: a float with ``assign``, ``numpy`` and ``value``."""

    _plain = float


class Count(_AssignableNumber, int):
    """A number of updates: an int with ``assign``, ``numpy`` and ``value``."""

    _plain = int


def checked_rate(value, old):
    """Return the learning rate that replaces `old`: a float, a schedule or a function."""
    if isinstance(value, type) and issubclass(value, LearningRateSchedule):
        raise DataTypeError(
            f"learning_rate: expected a schedule, such as {value.__name__}(...), got the class"
        )
    if isinstance(value, LearningRateSchedule) or callable(value):
        return value
    if isinstance(old, LearningRateSchedule):
        advice = "make the optimizer with a number, or set another schedule"
        raise DataTypeError(f"learning_rate: that of a schedule cannot be set; {advice}")
    return number(plain(value), "learning_rate", low=0)


def rate_at(rate, step):
    """Return the number that a learning rate is at a step."""
    if isinstance(rate, LearningRateSchedule):
        return rate.rates(step, 1)[0]
    return number(plain(rate()), "learning_rate", low=0) if callable(rate) else rate
