"""Schedules: the learning rate as a function of the step, with Keras' names and formulas."""

import functools
import inspect
import math

import numpy as np

from fastgd._data.validation import number
from fastgd._registry.objects import Serializable, deserialize_object, serialize_object
from fastgd.errors import ArgumentError


class LearningRateSchedule(Serializable):
    """A learning rate for each step: what an optimizer takes for ``learning_rate``.

    A schedule of one's own is a subclass with ``__call__(step)``, which is given the number of
    steps taken so far, an int, and returns the learning rate of the next one. (If it does as
    well with an array of steps, say so by ``vectorized = True`` in its class.) The rates reach
    the compiled loop as an array.

    Examples
    --------
    >>> class Halving(LearningRateSchedule):
    ...     def __call__(self, step):
    ...         return 0.1 / 2**step
    >>> Halving().rates(1, 3)
    array([0.05  , 0.025 , 0.0125])
    """

    def __call__(self, step):
        raise NotImplementedError(f"{type(self).__name__} has to define __call__(self, step)")

    def rates(self, first, count):
        """The rates of the steps first ... first + count - 1: float64, shape (count,).

        Raises
        ------
        ArgumentError
            If one of them is not a finite number of at least 0.
        """
        steps = range(first, first + count)
        own = next(c for c in type(self).__mro__ if "__call__" in vars(c))
        if vars(own).get("vectorized", False):
            found = np.asarray(self(np.arange(first, first + count)), np.float64)
        else:
            found = np.array([self._rate(self(step)) for step in steps], np.float64)
        bad = ~(np.isfinite(found) & (found >= 0))
        if bad.any():
            i = int(np.argmax(bad))
            raise ArgumentError(
                f"learning_rate: {type(self).__name__} has to give finite numbers of at least "
                f"0, got {found[i]} at step {first + i}"
            )
        return found

    @staticmethod
    def _rate(value):
        if hasattr(value, "numpy"):
            value = value.numpy()
        return float(np.asarray(value, np.float64).reshape(()))

    def get_config(self):
        """The arguments that make this schedule again."""
        names = list(inspect.signature(type(self)).parameters)
        return {name: getattr(self, name) for name in names if hasattr(self, name)}

    def __eq__(self, other):
        return type(self) is type(other) and self.get_config() == other.get_config()

    __hash__ = object.__hash__

    def __repr__(self):
        arguments = ", ".join(f"{k}={v!r}" for k, v in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _elementwise(call):
    """Let a formula over an array of float64 take one step too, and give a float for it."""

    @functools.wraps(call)
    def schedule(self, step):
        # one step by way of an array, too: NumPy's powers of numbers and of arrays may differ
        rates = call(self, np.atleast_1d(np.asarray(step, np.float64)))
        return float(rates[0]) if np.ndim(step) == 0 else rates

    return schedule


def _steps(value, argument):
    if number(value, argument, 0) == 0:
        raise ArgumentError(f"{argument}: expected a number above 0, got {value!r}")
    return value


class ExponentialDecay(LearningRateSchedule):
    """rate = initial_learning_rate * decay_rate ** (step / decay_steps).

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool
        Whether the quotient is rounded down.
    name : str

    Examples
    --------
    >>> ExponentialDecay(0.1, decay_steps=10, decay_rate=0.5)(20)
    0.025
    """

    vectorized = True

    def __init__(
        self, initial_learning_rate, decay_steps, decay_rate, staircase=False,
        name="ExponentialDecay",
    ):  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = _steps(decay_steps, "decay_steps")
        self.decay_rate = number(decay_rate, "decay_rate", 0)
        self.staircase = bool(staircase)
        self.name = name

    @_elementwise
    def __call__(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate * self.decay_rate ** (
            np.floor(p) if self.staircase else p
        )


class PiecewiseConstantDecay(LearningRateSchedule):
    """values[i] from the step after boundaries[i - 1] up to and with boundaries[i].

    Parameters
    ----------
    boundaries : list of int
        Rising.
    values : list of float
        One more than boundaries.
    name : str

    Examples
    --------
    >>> PiecewiseConstantDecay([10, 20], [0.1, 0.01, 0.001])(11)
    0.01
    """

    vectorized = True

    def __init__(self, boundaries, values, name="PiecewiseConstant"):
        if len(boundaries) != len(values) - 1:
            raise ArgumentError(
                "boundaries: expected one less than the values, "
                f"got {len(boundaries)} and {len(values)} values"
            )
        self.boundaries = [number(b, "boundaries") for b in boundaries]
        if sorted(self.boundaries) != self.boundaries:
            raise ArgumentError(f"boundaries: expected rising numbers, got {boundaries}")
        self.values = [number(v, "values", 0) for v in values]
        self.name = name

    @_elementwise
    def __call__(self, step):
        return np.array(self.values)[np.searchsorted(self.boundaries, step)]


class PolynomialDecay(LearningRateSchedule):
    """rate = (initial - end) (1 - step / decay_steps) ** power + end, and then end.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    end_learning_rate, power : float
    cycle : bool
        Whether the decay begins anew, over the first multiple of decay_steps not below the
        step, instead of staying at the end.
    name : str

    Examples
    --------
    >>> PolynomialDecay(0.1, 10, 0.0)(5)
    0.05
    """

    vectorized = True

    def __init__(
        self, initial_learning_rate, decay_steps, end_learning_rate=0.0001, power=1.0,
        cycle=False, name="PolynomialDecay",
    ):  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = _steps(decay_steps, "decay_steps")
        self.end_learning_rate = number(end_learning_rate, "end_learning_rate", 0)
        self.power = number(power, "power", 0)
        self.cycle = bool(cycle)
        self.name = name

    @_elementwise
    def __call__(self, step):
        if self.cycle:
            length = self.decay_steps * np.maximum(1, np.ceil(step / self.decay_steps))
        else:
            length = self.decay_steps
            step = np.minimum(step, length)
        high, low = self.initial_learning_rate, self.end_learning_rate
        return (high - low) * (1 - step / length) ** self.power + low


class InverseTimeDecay(LearningRateSchedule):
    """rate = initial_learning_rate / (1 + decay_rate * step / decay_steps).

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    decay_rate : float
    staircase : bool
        Whether step / decay_steps is rounded down.
    name : str

    Examples
    --------
    >>> InverseTimeDecay(0.1, decay_steps=1, decay_rate=0.5)(2)
    0.05
    """

    vectorized = True

    def __init__(
        self, initial_learning_rate, decay_steps, decay_rate, staircase=False,
        name="InverseTimeDecay",
    ):  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = _steps(decay_steps, "decay_steps")
        self.decay_rate = number(decay_rate, "decay_rate", 0)
        self.staircase = bool(staircase)
        self.name = name

    @_elementwise
    def __call__(self, step):
        p = step / self.decay_steps
        return self.initial_learning_rate / (
            1 + self.decay_rate * (np.floor(p) if self.staircase else p)
        )


class CosineDecay(LearningRateSchedule):
    """Half a wave down to alpha, after a linear rise (Loshchilov and Hutter 2017).

    With warmup_target, the first warmup_steps lead from initial_learning_rate to it in a
    straight line, and the decay begins there; its step counts from there, too. Then

    rate = begin ((1 - alpha) (1 + cos(pi step / decay_steps)) / 2 + alpha), and begin * alpha
    after decay_steps.

    Parameters
    ----------
    initial_learning_rate : float
    decay_steps : int
    alpha : float
        The last rate as a share of the one that the decay begins with.
    name : str
    warmup_target : float, optional
    warmup_steps : int

    Examples
    --------
    >>> schedule = CosineDecay(0.0, 100, warmup_target=0.1, warmup_steps=10)
    >>> schedule(5), schedule(10), schedule(60), schedule(200)
    (0.05, 0.1, 0.05, 0.0)
    """

    vectorized = True

    def __init__(
        self, initial_learning_rate, decay_steps, alpha=0.0, name="CosineDecay",
        warmup_target=None, warmup_steps=0,
    ):  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.decay_steps = _steps(decay_steps, "decay_steps")
        self.alpha = number(alpha, "alpha", 0)
        self.name = name
        self.warmup_target = (
            None if warmup_target is None else number(warmup_target, "warmup_target", 0)
        )
        self.warmup_steps = number(warmup_steps, "warmup_steps", 0)

    @_elementwise
    def __call__(self, step):
        begin, warmup = self.initial_learning_rate, 0
        if self.warmup_target is not None:
            begin, warmup = self.warmup_target, self.warmup_steps
        decayed = begin * _half_wave(
            np.clip((step - warmup) / self.decay_steps, 0, 1), self.alpha
        )
        if warmup == 0:
            return decayed
        low = self.initial_learning_rate
        return np.where(step < warmup, low + (begin - low) * (step / warmup), decayed)


def _half_wave(part, low, high=1.0):
    """From high, where part is 0, to low, where it is 1, along a cosine."""
    return high + (low - high) * (0.5 * (1 - np.cos(math.pi * part)))


class CosineDecayRestarts(LearningRateSchedule):
    """CosineDecay that begins anew, longer and lower each time (Loshchilov and Hutter 2017).

    Period i takes first_decay_steps * t_mul**i steps, and over it the rate falls from
    initial_learning_rate * ((1 - alpha) * m_mul**i + alpha) to initial_learning_rate * alpha.

    Parameters
    ----------
    initial_learning_rate : float
    first_decay_steps : int
    t_mul, m_mul, alpha : float
    name : str

    Examples
    --------
    >>> schedule = CosineDecayRestarts(0.1, 10, m_mul=0.5)
    >>> schedule(0), schedule(10), schedule(20)
    (0.1, 0.05, 0.025)
    """

    vectorized = True

    def __init__(
        self, initial_learning_rate, first_decay_steps, t_mul=2.0, m_mul=1.0, alpha=0.0,
        name="SGDRDecay",
    ):  # fmt: skip
        self.initial_learning_rate = number(initial_learning_rate, "initial_learning_rate", 0)
        self.first_decay_steps = _steps(first_decay_steps, "first_decay_steps")
        self.t_mul = _steps(t_mul, "t_mul")
        self.m_mul = number(m_mul, "m_mul", 0)
        self.alpha = number(alpha, "alpha", 0)
        self.name = name

    @_elementwise
    def __call__(self, step):
        done = step / self.first_decay_steps
        if self.t_mul == 1:
            period = np.floor(done)
            part = done - period
        else:
            t = self.t_mul
            # of t_mul < 1 there are infinitely many periods, before 1 / (1 - t_mul)
            left = np.maximum(1 - done * (1 - t), np.finfo(np.float64).tiny)
            period = np.maximum(np.floor(np.log(left) / math.log(t)), 0)
            # the logarithm may be off by a rounding where a period begins
            period += (1 - t ** (period + 1)) / (1 - t) <= done
            period -= (1 - t**period) / (1 - t) > done
            part = np.clip((done - (1 - t**period) / (1 - t)) / t**period, 0, 1)
        high = (1 - self.alpha) * self.m_mul**period + self.alpha
        return self.initial_learning_rate * _half_wave(part, self.alpha, high)


class OneCycle(LearningRateSchedule):
    """Up to a large rate and down to a tiny one, once (Smith and Topin 2018). Not in Keras.

    Over the first warmup = pct_start * (total_steps - 1) steps the rate rises along half a
    cosine from low = max_learning_rate / div_factor to high = max_learning_rate, then it falls
    along half a cosine to end = low / final_div_factor, and stays there:

    rate = low + (high - low) (1 - cos(pi step / warmup)) / 2,
    rate = high + (end - high) (1 - cos(pi (step - warmup) / (total_steps - 1 - warmup))) / 2.

    The last step, total_steps - 1, is the one at the end.

    Parameters
    ----------
    max_learning_rate : float
    total_steps : int
        Epochs times steps of an epoch: at least 2.
    pct_start : float
        Which part of the steps is the rise: from 0 to 1.
    div_factor, final_div_factor : float
    name : str

    Examples
    --------
    >>> schedule = OneCycle(0.1, total_steps=101, pct_start=0.3, div_factor=10)
    >>> schedule(0), schedule(30), schedule(100) < 1e-5
    (0.01, 0.1, True)
    """

    vectorized = True

    def __init__(
        self, max_learning_rate, total_steps, pct_start=0.3, div_factor=25.0,
        final_div_factor=1e4, name="OneCycle",
    ):  # fmt: skip
        self.max_learning_rate = number(max_learning_rate, "max_learning_rate", 0)
        self.total_steps = number(total_steps, "total_steps", 2)
        self.pct_start = number(pct_start, "pct_start", 0, 1)
        self.div_factor = _steps(div_factor, "div_factor")
        self.final_div_factor = _steps(final_div_factor, "final_div_factor")
        self.name = name

    @_elementwise
    def __call__(self, step):
        high, last = self.max_learning_rate, self.total_steps - 1
        low = high / self.div_factor
        end = low / self.final_div_factor
        warmup = self.pct_start * last
        rise = np.clip(step / warmup, 0, 1) if warmup > 0 else np.ones_like(step)
        fall = np.clip((step - warmup) / (last - warmup), 0, 1) if warmup < last else 0 * step
        return np.where(step < warmup, _half_wave(rise, high, low), _half_wave(fall, end, high))


def serialize(learning_rate_schedule):
    """A schedule as a dict of plain values."""
    return serialize_object(learning_rate_schedule)


def deserialize(config, custom_objects=None):
    """The schedule that a dict of ``serialize`` describes.

    Parameters
    ----------
    config : dict
    custom_objects : dict, optional
        Names -> schedules of one's own.

    Raises
    ------
    UnknownNameError
        For a class that is neither fastgd's nor registered.

    Examples
    --------
    >>> deserialize(serialize(InverseTimeDecay(0.1, 10, 0.5)))(20)
    0.05
    """
    return deserialize_object(config, custom_objects)
