"""An objective and what is known from rows seen before, as a quadratic function."""

import numpy as np


class Anchored:
    """An ``Objective`` plus 1/2 (v - anchor)ᵀ precision (v - anchor), for the solvers.

    The quadratic function stands for the losses of rows that are gone, expanded at the minimum
    found then (Laplace's approximation; for least squares it is exact).

    Parameters
    ----------
    objective : Objective
    anchor : ndarray, (size,)
    precision : ndarray, (size, size)
    """

    def __init__(self, objective, anchor, precision):
        self.objective = objective
        self.engine = objective.engine
        self.l1 = objective.l1
        self._anchor = anchor
        self._precision = precision

    def __call__(self, vector, curved=False):
        value, gradient = self.objective(vector, curved)
        step = vector - self._anchor
        pull = self._precision @ step
        return value + 0.5 * float(step @ pull), gradient + pull

    def hessian(self, vector):
        return np.asarray(self.objective.hessian(vector) + self._precision)
