"""Define gradient descent with momentum, and by signs."""

from typing import Unpack

from fastgd._core import types
from fastgd._data.validation import boolean, number
from fastgd.optimizers.checks import above_zero
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import LearningRate, OptimizerOptions


class SGD(Optimizer):
    """Gradient descent, with momentum.

    velocity = momentum velocity - learning_rate g, and w = w + velocity; with nesterov
    w = w + momentum velocity - learning_rate g.

    Parameters
    ----------
    momentum : float in [0, 1]
    nesterov : bool
    """

    kind = types.Update.UPDATE_SGD
    _setting_names = ("momentum", "nesterov")

    def __init__(self, learning_rate: LearningRate = 0.01, momentum: float = 0.0,
                 nesterov: bool = False,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.momentum = number(momentum, "momentum", 0, 1)
        self.nesterov = boolean(nesterov, "nesterov")

    def slots(self) -> dict[str, float]:
        return {"momentum": 0.0} if self.momentum > 0 else {}


class Lion(Optimizer):
    """Steps of one size, in the direction of the sign of the momentum (Chen et al. 2023).

    w = w - learning_rate sign(beta_1 m + (1 - beta_1) g), and m = beta_2 m + (1 - beta_2) g.

    Parameters
    ----------
    learning_rate : float or schedule
        Smaller than Adam's, by a factor of 3 to 10.
    beta_1 : float in (0, 1]
    beta_2 : float in [0, 1]
    """

    kind = types.Update.UPDATE_LION
    _setting_names = ("beta_1", "beta_2")
    _slot_names = ("momentum",)

    def __init__(self, learning_rate: LearningRate = 0.001, beta_1: float = 0.9,
                 beta_2: float = 0.99,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.beta_1 = above_zero(number(beta_1, "beta_1", 0, 1), "beta_1")
        self.beta_2 = number(beta_2, "beta_2", 0, 1)
