"""Schedules: the learning rate as a function of the step, with Keras' names and formulas."""

import functools
import inspect
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd._data.arguments import listed
from fastgd._data.validation import boolean, number, numeric
from fastgd._registry.advice import NamedArguments, explain
from fastgd._registry.names import checked_name
from fastgd._registry.objects import serialize_object
from fastgd._registry.registry import Described, Registry
from fastgd._typing import Array, Config
from fastgd.errors import ArgumentError
from fastgd.optimizers.checks import above_zero, non_negative, plain

__all__ = [
    "CosineDecay", "CosineDecayRestarts", "ExponentialDecay", "InverseTimeDecay",
    "LearningRateSchedule", "OneCycle", "PiecewiseConstantDecay", "PolynomialDecay",
    "deserialize", "serialize",
]  # fmt: skip


class LearningRateSchedule(NamedArguments, Described):
    """A learning rate for each step: pass it to an optimizer as ``learning_rate``.

    A custom schedule is a subclass with ``__call__(step)``. It gets the number of steps taken
    so far, an int, and returns the learning rate of the next one. If it takes an array of steps
    too, set ``vectorized = True`` in the class.

    Examples
    --------
    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 / 2**step
    >>> Halving().rates(1, 3)
    array([0.05  , 0.025 , 0.0125])
    """

    def __call__(self, step: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(self, step)")

    def rates(self, first: int, count: int) -> Array:
        """Return the rates of the steps first ... first + count - 1: float64, shape (count,).

        One that is not a finite number of at least 0 is an ArgumentError.
        """
        owner = next(c for c in type(self).__mro__ if "__call__" in vars(c))
        if vars(owner).get("vectorized", hasattr(owner.__call__, "vectorized")):
            found = np.asarray(self(np.arange(first, first + count)), np.float64)
        else:
            rates = [plain(self(step)) for step in range(first, first + count)]
            found = np.array([np.asarray(rate, np.float64).reshape(()) for rate in rates])
        bad = ~(np.isfinite(found) & (found >= 0))
        if bad.any():
            i = int(np.argmax(bad))
            raise ArgumentError(
                f"learning_rate: {type(self).__name__} has to give finite numbers of at least "
                f"0, got {found[i]} at step {first + i}"
            )
        return found

    def get_config(self) -> Config:
        """Return the arguments that make this schedule again."""
        names = inspect.signature(type(self)).parameters
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LearningRateSchedule) or type(self) is not type(other):
            return False
        return self.get_config() == other.get_config()

    __hash__ = object.__hash__


def _elementwise(call):
    """Let a formula for arrays of float64 take a single step too and return a float for it."""

    @functools.wraps(call)
    def schedule(self, step):
        # A single step becomes an array as well: NumPy's powers of numbers may differ.
        steps = np.asarray(numeric(plain(step), "step"), np.float64)
        rates = call(self, np.atleast_1d(steps))
        return float(rates[0]) if steps.ndim == 0 else rates

    schedule.vectorized = True
    return schedule


class _Decay(LearningRateSchedule):
    """The base of the schedules with a decay_rate."""

    def __init__(self, initial_learning_rate: float, decay_steps: float, decay_rate: float,
                 staircase: bool = False, name: str | None = None) -> None:  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = above_zero(decay_steps, "decay_steps")
        self.decay_rate = number(decay_rate, "decay_rate", 0)
        self.staircase = boolean(staircase, "staircase")
        self.name = checked_name(name) or type(self).__name__

    def _decays(self, step):
        decays = step / self.decay_steps
        return np.floor(decays) if self.staircase else decays


class ExponentialDecay(_Decay):
    """rate = initial_learning_rate * decay_rate ** (step / decay_steps).

    Parameters
    ----------
    initial_learning_rate, decay_rate : float
    decay_steps : int
    staircase : bool
        Round step / decay_steps down.
    name : str, optional

    Examples
    --------
    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    @_elementwise
    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate * self.decay_rate ** self._decays(step)


class InverseTimeDecay(_Decay):
    """rate = initial_learning_rate / (1 + decay_rate * step / decay_steps).

    The parameters are those of ExponentialDecay.

    Examples
    --------
    >>> InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5)(2)
    0.05
    """

    @_elementwise
    def __call__(self, step: Any) -> Any:
        return self.initial_learning_rate / (1 + self.decay_rate * self._decays(step))


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] from the step after boundaries[i - 1] up to and with boundaries[i].

    Parameters
    ----------
    boundaries : list of int, rising
    values : list of float, one more than boundaries
    name : str

    Examples
    --------
    >>> PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001])(11)
    0.01
    """

    def __init__(self, boundaries: Sequence[float], values: Sequence[float],
                 name: str = "PiecewiseConstant") -> None:  # fmt: skip
        self.boundaries = [number(b, "boundaries") for b in listed(boundaries, "boundaries")]
        self.values = [number(v, "values", 0) for v in listed(values, "values")]
        if (count := len(self.values) - 1) != len(self.boundaries):
            expected = f"{count}, one less than the values"
            raise ArgumentError(f"boundaries: expected {expected}, got {len(self.boundaries)}")
        if sorted(self.boundaries) != self.boundaries:
            raise ArgumentError(f"boundaries: expected rising numbers, got {boundaries}")
        self.name = checked_name(name)

    @_elementwise
    def __call__(self, step: Any) -> Any:
        return np.array(self.values)[np.searchsorted(self.boundaries, step)]


class PolynomialDecay(LearningRateSchedule):
    """rate = (initial - end) (1 - step / decay_steps) ** power + end, and then end.

    Parameters
    ----------
    initial_learning_rate, end_learning_rate, power : float
    decay_steps : int
    cycle : bool
        Decay again, over the first multiple of decay_steps not below the step.
    name : str

    Examples
    --------
    >>> PolynomialDecay(0.1, 10, 0.0)(5)
    0.05
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float,
                 end_learning_rate: float = 0.0001, power: float = 1.0, cycle: bool = False,
                 name: str = "PolynomialDecay") -> None:  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = above_zero(decay_steps, "decay_steps")
        self.end_learning_rate = number(end_learning_rate, "end_learning_rate", 0)
        self.power = number(power, "power", 0)
        self.cycle = boolean(cycle, "cycle")
        self.name = checked_name(name)

    @_elementwise
    def __call__(self, step: Any) -> Any:
        length = self.decay_steps
        if self.cycle:
            length = length * np.maximum(1, np.ceil(step / length))
        else:
            step = np.minimum(step, length)
        high, low = self.initial_learning_rate, self.end_learning_rate
        return (high - low) * (1 - step / length) ** self.power + low


class CosineDecay(LearningRateSchedule):
    """Half a wave down to alpha, after a linear rise (Loshchilov and Hutter 2017).

    With warmup_target, the first warmup_steps lead from initial_learning_rate to it in a
    straight line, and the decay and its steps start there. Then
    rate = begin ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha), and begin * alpha
    after decay_steps.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    alpha : float
        The last rate as a share of the one that the decay starts with.
    name : str
    warmup_target, warmup_steps : float and int, optional

    Examples
    --------
    >>> schedule = CosineDecay(0.0, 100, warmup_target=0.1, warmup_steps=10)
    >>> schedule(5), schedule(10), schedule(60), schedule(200)
    (0.05, 0.1, 0.05, 0.0)
    """

    def __init__(self, initial_learning_rate: float, decay_steps: float, alpha: float = 0.0,
                 name: str = "CosineDecay", warmup_target: float | None = None,
                 warmup_steps: float = 0) -> None:  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = above_zero(decay_steps, "decay_steps")
        self.alpha = number(alpha, "alpha", 0)
        self.name = checked_name(name)
        self.warmup_target = non_negative(warmup_target, "warmup_target")
        self.warmup_steps = number(warmup_steps, "warmup_steps", 0)

    @_elementwise
    def __call__(self, step: Any) -> Any:
        begin, warmup = self.initial_learning_rate, 0.0
        if self.warmup_target is not None:
            begin, warmup = self.warmup_target, self.warmup_steps
        part = np.clip((step - warmup) / self.decay_steps, 0, 1)
        decayed = begin * _half_wave(part, self.alpha)
        if warmup == 0:
            return decayed
        low = self.initial_learning_rate
        return np.where(step < warmup, low + (begin - low) * (step / warmup), decayed)


def _half_wave(part, low, high=1.0):
    """Return points on a cosine from high, where part is 0, to low, where it is 1."""
    return high + (low - high) * (0.5 * (1 - np.cos(math.pi * part)))


class CosineDecayRestarts(LearningRateSchedule):
    """CosineDecay that starts again, longer and lower each time (Loshchilov and Hutter 2017).

    Period i takes first_decay_steps * t_mul**i steps, and over it the rate falls from
    initial_learning_rate * ((1 - alpha) * m_mul**i + alpha) to initial_learning_rate * alpha.

    Parameters
    ----------
    initial_learning_rate, t_mul, m_mul, alpha : float
    first_decay_steps : int
    name : str

    Examples
    --------
    >>> schedule = CosineDecayRestarts(0.1, 10, m_mul=0.5)
    >>> schedule(0), schedule(10), schedule(20)
    (0.1, 0.05, 0.025)
    """

    def __init__(self, initial_learning_rate: float, first_decay_steps: float,
                 t_mul: float = 2.0, m_mul: float = 1.0, alpha: float = 0.0,
                 name: str = "SGDRDecay") -> None:  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.first_decay_steps = above_zero(first_decay_steps, "first_decay_steps")
        self.t_mul = above_zero(t_mul, "t_mul")
        self.m_mul = number(m_mul, "m_mul", 0)
        self.alpha = number(alpha, "alpha", 0)
        self.name = checked_name(name)

    @_elementwise
    def __call__(self, step: Any) -> Any:
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            period = np.floor(done)
            part = done - period
        else:
            t = self.t_mul
            # With t_mul < 1 there are infinitely many periods before 1 / (1 - t_mul).
            left = np.maximum(1 - done * (1 - t), np.finfo(np.float64).tiny)
            period = np.maximum(np.floor(np.log(left) / math.log(t)), 0)
            # The logarithm may be off by a rounding where a period starts.
            period += (1 - t ** (period + 1)) / (1 - t) <= done
            period -= (1 - t**period) / (1 - t) > done
            part = np.clip((done - (1 - t**period) / (1 - t)) / t**period, 0, 1)
        high = (1 - self.alpha) * self.m_mul**period + self.alpha
        return self.initial_learning_rate * _half_wave(part, self.alpha, high)


class OneCycle(LearningRateSchedule):
    """Up to a large rate and down to a tiny one, once (Smith and Topin 2018). Not in Keras.

    Over the first warmup = pct_start * (total_steps - 1) steps the rate rises along half a
    cosine from low = max_learning_rate / div_factor to high = max_learning_rate, then it falls
    along half a cosine to end = low / final_div_factor, which it reaches at total_steps - 1:

    rate = low + (high - low) (1 - cos(pi step / warmup)) / 2,
    rate = high + (end - high) (1 - cos(pi (step - warmup) / (total_steps - 1 - warmup))) / 2.

    Parameters
    ----------
    max_learning_rate : float
    total_steps : int, epochs times steps of an epoch: at least 2
    pct_start : float
        The share of the steps that the rise takes: from 0 to 1.
    div_factor, final_div_factor : float
    name : str

    Examples
    --------
    >>> schedule = OneCycle(0.1, total_steps=101, pct_start=0.3, div_factor=10)
    >>> schedule(0), schedule(30), schedule(100) < 1e-5
    (0.01, 0.1, True)
    """

    def __init__(self, max_learning_rate: float, total_steps: float, pct_start: float = 0.3,
                 div_factor: float = 25.0, final_div_factor: float = 1e4,
                 name: str = "OneCycle") -> None:  # fmt: skip
        self.max_learning_rate = number(max_learning_rate, "max_learning_rate", 0)
        self.total_steps = number(total_steps, "total_steps", 2)
        self.pct_start = number(pct_start, "pct_start", 0, 1)
        self.div_factor = above_zero(div_factor, "div_factor")
        self.final_div_factor = above_zero(final_div_factor, "final_div_factor")
        self.name = checked_name(name)

    @_elementwise
    def __call__(self, step: Any) -> Any:
        high, last = self.max_learning_rate, self.total_steps - 1
        low = high / self.div_factor
        end = low / self.final_div_factor
        warmup = self.pct_start * last
        rise = np.clip(step / warmup, 0, 1) if warmup > 0 else np.ones_like(step)
        fall = np.clip((step - warmup) / (last - warmup), 0, 1) if warmup < last else 0 * step
        return np.where(step < warmup, _half_wave(rise, high, low), _half_wave(fall, end, high))


REGISTRY = Registry(
    "schedule", __name__,
    classes=(
        ExponentialDecay, PiecewiseConstantDecay, PolynomialDecay, InverseTimeDecay,
        CosineDecay, CosineDecayRestarts, OneCycle,
    ),
    unnamed=(LearningRateSchedule,),
)  # fmt: skip


serialize = serialize_object
deserialize = REGISTRY.deserialize

if not TYPE_CHECKING:
    __getattr__ = explain(globals())
