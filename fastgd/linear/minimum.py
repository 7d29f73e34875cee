"""What a solver of a whole batch returns, and what it says where it did not get there."""

from typing import NamedTuple

import numpy as np


class Minimum(NamedTuple):
    """Where a solver stopped.

    Attributes
    ----------
    vector : ndarray, float64
        The variables.
    value : float
        What is minimised, there.
    steepness : float
        The largest element of its gradient there; with L1, of its subgradient of least norm.
    n_iter : int
        Steps taken.
    converged : bool
        Whether that is within the tolerance, or as good as rounding lets it become.
    """

    vector: np.ndarray
    value: float
    steepness: float
    n_iter: int
    converged: bool


def advice(minimum, solver):
    """What to do where a solver did not converge, in words."""
    return (
        f"{type(solver).__name__} stopped after {minimum.n_iter} iterations where the gradient "
        f"is {minimum.steepness:.2g}, and tol is {solver.tol:g}: scale the columns of x (to "
        f"zero mean and unit variance), or raise max_iter ({solver.max_iter})"
    )


def subgradient(vector, gradient, l1):
    """That of least norm of a smooth function plus ``l1 @ abs(vector)``; l1 may be None.

    Examples
    --------
    >>> import numpy as np
    >>> subgradient(np.array([0.0, 0.0, -2.0]), np.array([0.5, -3.0, 1.0]), np.ones(3))
    array([ 0., -2.,  0.])
    """
    if l1 is None:
        return gradient
    at_zero = np.sign(gradient) * np.maximum(np.abs(gradient) - l1, 0)
    return np.where(vector == 0, at_zero, gradient + l1 * np.sign(vector))


def penalised(vector, value, l1):
    """A value plus ``l1 @ abs(vector)``; l1 may be None."""
    return value if l1 is None else value + float(l1 @ np.abs(vector))


def is_rounding(decrease, value, square):
    """Whether a step that would lower a value by so little changes nothing but rounding.

    square: the mean square of all decisions, or about that, in the metric in which `decrease`
    is that of the step's: where J ends near zero, it is not J that is rounded, but these.
    """
    least = 64 * np.finfo(np.float64).eps
    return bool(decrease <= max(least * abs(value), least**2 * square))


class Patience:
    """Whether going on still makes a gradient smaller once values differ by rounding only.

    Parameters
    ----------
    most : int
        Steps in a row that may fail to halve the least gradient seen.
    """

    def __init__(self, most):
        self.most = self.left = most
        self.least = np.inf

    def ends(self, steepness, predicted, value):
        """Whether to stop; `predicted` is by how much the next step would lower the value."""
        if predicted > 4 * np.finfo(np.float64).eps * abs(value):
            return False
        if steepness <= 0.5 * self.least:
            self.least, self.left = steepness, self.most
        else:
            self.left -= 1
        return self.left < 0
