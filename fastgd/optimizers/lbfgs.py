"""L-BFGS, for small data: its direction, its line search and the optimizer."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, Never

import numpy as np

from fastgd._data.validation import number
from fastgd._engine.algebra import dot
from fastgd._registry.advice import refuse
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import LearningRate
from fastgd.variables import Variable

#: The largest history_size: of each step two vectors are kept.
MOST_HISTORY = 10_000


def two_loop(pairs: Sequence[tuple[Array, Array, float]], gradient: Array,
             inverse: Callable[[Array], Array] | None = None) -> Array:  # fmt: skip
    """Return the direction of a step.

    Nocedal and Wright, Numerical Optimization, algorithm 7.4. The matrix that the pairs correct
    is a multiple of the identity, or of `inverse`, that is exact along the newest pair.

    Parameters
    ----------
    pairs : list of (ndarray, ndarray, float)
        Of the last steps, the newest first: the step s, the gradient's change y, 1 / (s y).
    gradient : ndarray, shape (n,), as the result
    inverse : callable, optional
        The product of a symmetric positive matrix with a vector: an estimate of the inverse
        Hessian before the first step.

    Examples
    --------
    >>> import numpy as np
    >>> step, change = np.array([1.0, 0.0]), np.array([4.0, 0.0])  # the Hessian's is 4 there
    >>> two_loop([(step, change, 1 / (step @ change))], np.array([8.0, 8.0]))
    array([-2., -2.])
    """
    direction = -gradient
    shares = []
    for s, y, rho in pairs:
        shares.append(rho * dot(s, direction))
        direction -= shares[-1] * y
    if inverse is not None:
        direction = inverse(direction)
    if pairs:
        s, y, rho = pairs[0]
        direction *= 1 / (rho * dot(y, y if inverse is None else inverse(y)))
    for (s, y, rho), share in zip(reversed(pairs), reversed(shares), strict=True):
        direction += (share - rho * dot(y, direction)) * s
    return direction


class Trial(NamedTuple):
    """A point on the line: the step, its value and slope, and an object that belongs to it."""

    step: float
    value: float
    slope: float
    extra: Any = None


def strong_wolfe(at: Callable[[float], Trial], start: Trial, step: float,
                 decrease: float = 1e-4, curvature: float = 0.9, most: int = 25,
                 rounding: float = 0.0) -> Trial:  # fmt: skip
    """Return the Trial of a step that lowers a function enough and leaves little of its slope.

    value(step) <= value(0) + decrease step slope(0), |slope(step)| <= curvature |slope(0)|

    Nocedal and Wright, Numerical Optimization, algorithms 3.5 and 3.6, with the minimum of the
    cubic through two points and their slopes as the next trial.

    Parameters
    ----------
    at : callable
        The function from a step to its Trial. Where the value is not finite, the step is too
        long.
    start : Trial of step 0, with a slope below 0
    step : float, the first to try
    decrease, curvature : float, 0 < decrease < curvature < 1
    most : int
        The largest number of trials. If none of them is such a step, the result is the lowest
        one, or `start` if none is lower.
    rounding : float
        Values that differ by no more are equal: then the slopes alone decide, which are more
        exact near a minimum.

    Examples
    --------
    >>> line = lambda a: Trial(a, (a - 3.0) ** 2, 2 * (a - 3.0))
    >>> strong_wolfe(line, line(0.0), 1.0).step
    1.0
    """

    def too_high(trial):
        return not trial.value <= start.value + decrease * trial.step * start.slope + rounding

    def flat(trial):
        return abs(trial.slope) <= -curvature * start.slope

    best = low = start
    high = None  # such a step lies between low and high
    for _ in range(most):
        trial = at(step)
        if trial.value < best.value:
            best = trial
        if too_high(trial) or (low is not start and trial.value >= low.value):
            high = trial
        elif flat(trial):
            return trial
        elif high is None and trial.slope < 0:
            width, step = trial.step - low.step, _cubic_minimum(low, trial)
            if math.isfinite(step):
                step = min(max(step, trial.step + width), trial.step + 9 * width)
            else:
                step = trial.step + 2 * width
            low = trial
            continue
        else:
            if high is None or trial.slope * (high.step - low.step) >= 0:
                high = low
            low = trial
        if abs(high.step - low.step) <= 1e-12 * max(abs(high.step), abs(low.step)):
            break
        step, width = _cubic_minimum(low, high), high.step - low.step
        if not 0.1 <= (step - low.step) / width <= 0.9:
            step = low.step + 0.5 * width
    return best


def _cubic_minimum(a, b):
    """Return the minimum of the cubic through two trials and their slopes, or NaN."""
    width = b.step - a.step
    d = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step)
    square = d * d - a.slope * b.slope
    if not (square >= 0 and math.isfinite(square)):
        return math.nan
    root = math.copysign(math.sqrt(square), width)
    divisor = b.slope - a.slope + 2 * root
    return b.step - width * (b.slope + root - d) / divisor if divisor else math.nan


class LBFGS(Optimizer):
    """Limited-memory BFGS (Nocedal 1980; Liu and Nocedal 1989). Not in Keras.

    A step goes along the direction that the two-loop recursion (Nocedal and Wright, Numerical
    Optimization, algorithm 7.4) computes from the gradient and the last history_size steps, and
    meets the strong Wolfe conditions. The loss is that of all rows: ``fit`` ignores batch_size
    and shuffle, an epoch is up to max_iter steps, and ends early where the loss is lowest.
    ``train_on_batch`` does the same with its batch, ``fit`` with each batch of a generator.
    It does not suit random layers, since the loss has to be a function of the weights.

    Parameters
    ----------
    learning_rate : float above 0, or schedule
        The first step to try, as a share of the full one. Where a schedule gives 0, no step is
        taken.
    max_iter : int, the largest number of steps in an epoch
    history_size : int, the number of steps kept, up to 10 000
    tolerance_grad, tolerance_change : float
        An epoch ends where no element of the gradient is larger than the first, or a step
        lowers the loss by no more than the second as a share of it.
    name : str, optional

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> x = np.arange(8.0).reshape(8, 1)
    >>> model = Sequential([layers.Dense(1)])
    >>> model.compile(LBFGS(), "mse")
    >>> history = model.fit(x, 3 * x + 1, epochs=2, verbose=0)
    >>> bool(history.history["loss"][-1] < 1e-6)
    True
    """

    kind = 0
    whole_batch = True

    def __init__(self, learning_rate: LearningRate = 1.0, max_iter: int = 20,
                 history_size: int = 10, tolerance_grad: float = 1e-7,
                 tolerance_change: float = 1e-9, name: str | None = None,
                 **unknown: Never) -> None:  # fmt: skip
        refuse(LBFGS, unknown)
        super().__init__(learning_rate, name=name)
        if self._rate == 0:
            raise ArgumentError("learning_rate: expected a number above 0, got 0")
        self.max_iter = _positive(max_iter, "max_iter")
        self.history_size = _positive(history_size, "history_size", MOST_HISTORY)
        self.tolerance_grad = number(tolerance_grad, "tolerance_grad", 0)
        self.tolerance_change = number(tolerance_change, "tolerance_change", 0)

    def slots(self) -> dict[str, float]:
        rows = range(self.history_size)  # the newest first; a row of zeros is not yet in use
        return {f"{name}_{i}": 0.0 for name in ("step", "change") for i in rows}

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Data, Array]]) -> None:
        """Raise an ArgumentError: a line search needs the loss itself."""
        raise ArgumentError("LBFGS: expected fit or train_on_batch: it needs the loss itself")

    def minimize(
        self, vector: Array, gradients: Array, objective: Callable[[], tuple[float, Any]],
        variables: Sequence[Variable] | None = None, start: int = 0,
    ) -> Any:  # fmt: skip
        """Take up to max_iter steps; return the object of `objective` at the point reached.

        That is the start if the loss is not finite there.

        Parameters
        ----------
        vector, gradients : ndarray, shape (n,)
            The parameters, changed in place, and the array that `objective` writes to.
        objective : callable
            Without arguments; returns the loss at `vector`, and an object that belongs to it.
        variables : list of Variable, optional
            Those to change; the others stay.
        start : int
            The offset of the vector in the variables' owner.
        """
        state = self.state(vector, variables if start == 0 else None)
        where: Any = slice(None)  # the elements of the vector that change
        if variables is not None and sum(v.size for v in variables) != vector.size:
            parts = [np.arange(v.offset, v.offset + v.size) - start for v in variables]
            where = np.concatenate([np.zeros(0, np.int64), *parts])
        w = vector[where].astype(np.float64)
        loss, extra = objective()
        gradient = gradients[where].astype(np.float64)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            return extra
        for _ in range(self.max_iter):
            rate = float(self.learning_rate)
            if rate == 0 or not gradient.size or np.abs(gradient).max() <= self.tolerance_grad:
                break
            direction, slope, step = self._direction(state, where, gradient)
            found = strong_wolfe(
                _line(vector, gradients, where, objective, w, direction),
                Trial(0.0, loss, slope, (w, gradient, extra)),
                step * rate,
            )
            self._steps[0] += 1
            new_w, new_gradient, extra = found.extra
            vector[where] = new_w
            if found.step == 0:
                break
            self._keep(state, where, new_w - w, new_gradient - gradient)
            fell = loss - found.value
            w, gradient, loss = new_w, new_gradient, found.value
            if fell <= self.tolerance_change * max(1.0, abs(loss)):
                break
        return extra

    def _direction(self, state, where, gradient):
        """Return the direction of a step, the slope along it, and the step length to try."""
        half = self.history_size
        pairs = []
        for s, y in zip(state.slots[:half, where], state.slots[half:, where], strict=True):
            s, y = s.astype(np.float64), y.astype(np.float64)
            if (product := dot(s, y)) > 0:  # false for rows of zeros, and in rounding errors
                pairs.append((s, y, 1 / product))
        direction = two_loop(pairs, gradient)
        slope = dot(direction, gradient)
        if pairs and slope < 0 and np.isfinite(direction).all():
            return direction, slope, 1.0
        state.slots[:] = 0  # the steps kept do not lead down: start again without them
        step = min(1.0, 1 / float(np.abs(gradient).sum()))
        return -gradient, -dot(gradient, gradient), step

    def _keep(self, state, where, step, change):
        if not dot(step, change) > 0:
            return
        half = self.history_size
        for rows, newest in ((state.slots[:half], step), (state.slots[half:], change)):
            rows[1:] = rows[:-1].copy()
            rows[0, where] = newest


def _positive(value, argument, most=math.inf):
    if isinstance(value, bool) or not number(value, argument, 1, most) or value != int(value):
        raise ArgumentError(f"{argument}: expected a whole number of at least 1, got {value!r}")
    return int(value)


def _line(vector, gradients, where, objective, w, direction):
    """Return the function from a step along the direction from w to its Trial."""

    def at(step):
        with np.errstate(over="ignore"):  # a step that is too long is a shorter one's cue
            vector[where] = w + step * direction
        reached = vector[where].astype(np.float64)  # rounded to the vector's data type
        if not np.isfinite(reached).all():
            return Trial(step, np.inf, np.nan)
        loss, extra = objective()
        gradient = gradients[where].astype(np.float64)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            return Trial(step, np.inf, np.nan)
        return Trial(step, loss, dot(gradient, direction), (reached, gradient, extra))

    return at
