"""L-BFGS, for small data: Newton's steps from the gradients of the last few steps."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from fastgd._data.validation import number
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError
from fastgd.optimizers.learning_rate import LearningRate
from fastgd.optimizers.line_search import Trial, strong_wolfe
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.two_loop import two_loop
from fastgd.variables import Variable


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
    learning_rate : float or schedule
        The first step to try, as a share of the full one.
    max_iter : int
        The largest number of steps in an epoch.
    history_size : int
        The number of steps kept.
    tolerance_grad : float
        An epoch ends where no element of the gradient is larger.
    tolerance_change : float
        An epoch ends where a step lowers the loss by no more than this share of it.
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

    def __init__(
        self, learning_rate: LearningRate = 1.0, max_iter: int = 20, history_size: int = 10,
        tolerance_grad: float = 1e-7, tolerance_change: float = 1e-9, name: str | None = None,
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, name=name)
        self.max_iter = _positive(max_iter, "max_iter")
        self.history_size = _positive(history_size, "history_size")
        self.tolerance_grad = number(tolerance_grad, "tolerance_grad", 0)
        self.tolerance_change = number(tolerance_change, "tolerance_change", 0)

    def slots(self) -> dict[str, float]:
        rows = range(self.history_size)  # the newest first; a row of zeros is not yet in use
        return {f"{name}_{i}": 0.0 for name in ("step", "change") for i in rows}

    def apply_gradients(self, grads_and_vars: Iterable[tuple[Data, Array]]) -> None:
        """Raise an ArgumentError: a line search needs the loss itself."""
        raise ArgumentError(
            "LBFGS: expected fit or train_on_batch, for it needs the loss itself"
        )

    def minimize(
        self, vector: Array, gradients: Array, objective: Callable[[], tuple[float, Any]],
        variables: Sequence[Variable] | None = None, start: int = 0,
    ) -> Any:  # fmt: skip
        """Take up to max_iter steps.

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

        Returns
        -------
        object
            That of `objective` at the point that was reached; at the start if the loss is not
            finite there.
        """
        state = self.state(vector, variables if start == 0 else None)
        where = _places(vector, variables, start)
        w = vector[where].astype(np.float64)
        loss, extra = objective()
        gradient = gradients[where].astype(np.float64)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            return extra
        for _ in range(self.max_iter):
            if not gradient.size or np.abs(gradient).max() <= self.tolerance_grad:
                break
            direction, slope, step = self._direction(state, where, gradient)
            found = strong_wolfe(
                _line(vector, gradients, where, objective, w, direction),
                Trial(0.0, loss, slope, (w, gradient, extra)),
                step * float(self.learning_rate),
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
            if s @ y > 0:  # false for rows of zeros, and in rounding errors
                pairs.append((s, y, 1 / (s @ y)))
        direction = two_loop(pairs, gradient)
        slope = float(direction @ gradient)
        if pairs and slope < 0 and np.isfinite(direction).all():
            return direction, slope, 1.0
        state.slots[:] = 0  # the steps kept do not lead down: start again without them
        step = min(1.0, 1 / float(np.abs(gradient).sum()))
        return -gradient, -float(gradient @ gradient), step

    def _keep(self, state, where, step, change):
        if not step @ change > 0:
            return
        half = self.history_size
        for rows, newest in ((state.slots[:half], step), (state.slots[half:], change)):
            rows[1:] = rows[:-1].copy()
            rows[0, where] = newest


def _positive(value, argument):
    if isinstance(value, bool) or number(value, argument, 1) != int(value):
        raise ArgumentError(f"{argument}: expected a whole number of at least 1, got {value!r}")
    return int(value)


def _places(vector, variables, start):
    """Return the index of the elements of the vector that change."""
    if variables is None or sum(v.size for v in variables) == vector.size:
        return slice(None)
    parts = [np.arange(v.offset, v.offset + v.size) - start for v in variables]
    return np.concatenate([np.zeros(0, np.int64), *parts])


def _line(vector, gradients, where, objective, w, direction):
    """Return the function from a step along the direction from w to its Trial."""

    def at(step):
        vector[where] = w + step * direction
        reached = vector[where].astype(np.float64)  # rounded to the vector's data type
        if not np.isfinite(reached).all():
            return Trial(step, np.inf, np.nan)
        loss, extra = objective()
        gradient = gradients[where].astype(np.float64)
        if not (np.isfinite(loss) and np.isfinite(gradient).all()):
            return Trial(step, np.inf, np.nan)
        return Trial(step, loss, float(gradient @ direction), (reached, gradient, extra))

    return at
