"""Steps divided by a root of the squared gradients: Adagrad, Adadelta and RMSprop."""

from typing import Unpack

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.learning_rate import LearningRate
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import OptimizerOptions


class Adagrad(Optimizer):
    """Steps divided by the root of all squared gradients so far (Duchi, Hazan and Singer 2011).

    a = a + g², and w = w - learning_rate g / sqrt(a + epsilon).

    Parameters
    ----------
    learning_rate, **options
        As in Optimizer.
    initial_accumulator_value : float
        The value that a starts with: at least 0.
    epsilon : float
        Inside the root.
    """

    kind = types.Update.UPDATE_ADAGRAD
    _setting_names = ("epsilon",)

    def __init__(
        self, learning_rate: LearningRate = 0.001, initial_accumulator_value: float = 0.1,
        epsilon: float = 1e-7, **options: Unpack[OptimizerOptions],
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", 0
        )
        self.epsilon = number(epsilon, "epsilon", 0)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}


class Adadelta(Optimizer):
    """Adagrad with a memory that fades, and steps in units of the weights (Zeiler 2012).

    a = rho a + (1 - rho) g², move = sqrt(b + epsilon) / sqrt(a + epsilon) g,
    b = rho b + (1 - rho) move², and w = w - learning_rate move.

    Parameters
    ----------
    learning_rate : float or schedule
        1.0 is the paper's.
    rho : float
        In [0, 1].
    epsilon : float
    **options
        As in Optimizer.
    """

    kind = types.Update.UPDATE_ADADELTA
    _setting_names = ("rho", "epsilon")
    _slot_names = ("accumulated_grad", "accumulated_delta_var")

    def __init__(
        self, learning_rate: LearningRate = 0.001, rho: float = 0.95, epsilon: float = 1e-7,
        **options: Unpack[OptimizerOptions],
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.rho = number(rho, "rho", 0, 1)
        self.epsilon = number(epsilon, "epsilon", 0)


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient (Hinton 2012).

    v = rho v + (1 - rho) g², and w = w - learning_rate g / sqrt(v + epsilon); centered
    subtracts the square of the running mean of g from v; momentum accumulates the steps.

    Parameters
    ----------
    learning_rate, **options
        As in Optimizer.
    rho, momentum : float
        In [0, 1].
    epsilon : float
        Inside the root.
    centered : bool
    """

    kind = types.Update.UPDATE_RMSPROP
    _setting_names = ("rho", "momentum", "epsilon", "centered")

    def __init__(
        self, learning_rate: LearningRate = 0.001, rho: float = 0.9, momentum: float = 0.0,
        epsilon: float = 1e-7, centered: bool = False, **options: Unpack[OptimizerOptions],
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.rho = number(rho, "rho", 0, 1)
        self.momentum = number(momentum, "momentum", 0, 1)
        self.epsilon = number(epsilon, "epsilon", 0)
        self.centered = bool(centered)

    def slots(self) -> dict[str, float]:
        in_use = {
            "velocity": True, "momentum": self.momentum > 0, "average_gradient": self.centered
        }  # fmt: skip
        return {name: 0.0 for name, used in in_use.items() if used}
