"""What the engine's ``Descent`` works on: what is minimised and how, and the weights."""

from dataclasses import dataclass, fields

import numpy as np

from fastgd._core.types import Rate

#: The rules by which a rate comes about, by name.
RATES = {rate.name.removeprefix("RATE_").lower(): rate for rate in Rate}


@dataclass(frozen=True)
class Plan:
    """What is minimised, and the steps towards it.

    Attributes
    ----------
    loss : LinearLoss
    setting, l1, l2 : float
    alpha : float
        What the rate "optimal" depends on, usually l1 + l2.
    fit_intercept : bool
    rate : Rate
    eta0, power_t : float
    intercept_decay : float
        What a step of the intercept is multiplied by.
    average : int
        The step, counted from 1, with which averaging begins; 0: never.
    batch_size : int
    objective : bool
        Whether the objective is summed up.
    y_stride : int
        Columns of y; 0 if it holds the class numbers of several outputs.
    positive, negative : ndarray, (outputs,)
        Weights of targets above 0, and of others, for each output.
    """

    loss: int
    setting: float
    l1: float
    l2: float
    alpha: float
    fit_intercept: bool
    rate: int
    eta0: float
    power_t: float
    intercept_decay: float
    average: int
    batch_size: int
    objective: bool
    y_stride: int
    positive: np.ndarray
    negative: np.ndarray


@dataclass
class Weights:
    """The arrays of k outputs, float64; ``Descent`` changes them in place.

    ``owed`` is minus the L1 penalty that each weight has had, ``owed_total`` (k,) what each is
    due, ``t`` (k,) the numbers of the next steps.
    """

    coef: np.ndarray
    intercept: np.ndarray
    average_coef: np.ndarray
    average_intercept: np.ndarray
    owed: np.ndarray
    owed_total: np.ndarray
    t: np.ndarray

    @classmethod
    def start(cls, coef, intercept, average=False, l1=False):
        """Fresh ones that begin at coef (k, d) and intercept (k,), which are copied."""
        k, d = coef.shape
        return cls(
            np.array(coef, np.float64, order="C"),
            np.array(intercept, np.float64),
            np.zeros((k, d if average else 0)),
            np.zeros(k),
            np.zeros((k, d if l1 else 0)),
            np.zeros(k),
            np.ones(k),
        )

    def copy(self):
        return Weights(*(getattr(self, field.name).copy() for field in fields(self)))

    def result(self, average):
        """(coef, intercept): the averages once there are any."""
        if 0 < average <= self.t.max() - 1:
            return self.average_coef, self.average_intercept
        return self.coef, self.intercept
