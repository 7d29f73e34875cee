"""Define optimizers that divide steps by a root of the squared gradients."""

from typing import Unpack

from fastgd._core import types
from fastgd._data.validation import boolean, number
from fastgd.optimizers.checks import above_zero, at_most_zero
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import LearningRate, OptimizerOptions


class Adagrad(Optimizer):
    """Steps divided by the root of all squared gradients so far (Duchi, Hazan and Singer 2011).

    a = a + g², and w = w - learning_rate g / sqrt(a + epsilon).

    Parameters
    ----------
    initial_accumulator_value : float, at least 0, that a starts with
    epsilon : float
    """

    kind = types.Update.UPDATE_ADAGRAD
    _setting_names = ("epsilon",)

    def __init__(self, learning_rate: LearningRate = 0.001,
                 initial_accumulator_value: float = 0.1, epsilon: float = 1e-7,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        start = number(initial_accumulator_value, "initial_accumulator_value", 0)
        self.initial_accumulator_value = start
        self.epsilon = number(epsilon, "epsilon", 0)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value}


class Adadelta(Optimizer):
    """Adagrad with a memory that fades, and steps in units of the weights (Zeiler 2012).

    a = rho a + (1 - rho) g², move = sqrt(b + epsilon) / sqrt(a + epsilon) g,
    b = rho b + (1 - rho) move², and w = w - learning_rate move.

    Parameters
    ----------
    learning_rate : float or schedule, 1.0 in the paper
    rho : float in [0, 1]
    epsilon : float
    """

    kind = types.Update.UPDATE_ADADELTA
    _setting_names = ("rho", "epsilon")
    _slot_names = ("accumulated_grad", "accumulated_delta_var")

    def __init__(self, learning_rate: LearningRate = 0.001, rho: float = 0.95,
                 epsilon: float = 1e-7,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.rho = number(rho, "rho", 0, 1)
        self.epsilon = number(epsilon, "epsilon", 0)


class RMSprop(Optimizer):
    """Steps divided by a running root mean square of the gradient (Hinton 2012).

    v = rho v + (1 - rho) g², and w = w - learning_rate g / sqrt(v + epsilon); centered
    subtracts the square of the running mean of g from v; momentum accumulates the steps.

    Parameters
    ----------
    rho, momentum : float in [0, 1]
    epsilon : float
    centered : bool
    """

    kind = types.Update.UPDATE_RMSPROP
    _setting_names = ("rho", "momentum", "epsilon", "centered")

    def __init__(self, learning_rate: LearningRate = 0.001, rho: float = 0.9,
                 momentum: float = 0.0, epsilon: float = 1e-7, centered: bool = False,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.rho = number(rho, "rho", 0, 1)
        self.momentum = number(momentum, "momentum", 0, 1)
        self.epsilon = number(epsilon, "epsilon", 0)
        self.centered = boolean(centered, "centered")

    def slots(self) -> dict[str, float]:
        names = ["velocity"] + ["momentum"] * (self.momentum > 0)
        return dict.fromkeys(names + ["average_gradient"] * self.centered, 0.0)


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013, algorithm 1).

    With p = -learning_rate_power, b = a + g²,
    linear = linear + g + 2 l2_shrinkage w - (b^p - a^p) / learning_rate w, then a = b and
    w = (clip(linear, -l1, l1) - linear) / (a^p / learning_rate + 2 l2 + beta / learning_rate).
    Weights are 0 while |linear| is at most l1. A step with a learning rate of 0 does nothing.

    Parameters
    ----------
    learning_rate_power : float, at most 0; 0 is a constant rate
    initial_accumulator_value : float, at least 0, that a starts with
    l1_regularization_strength, l2_regularization_strength : float
    l2_shrinkage_regularization_strength, beta : float, at least 0
    """

    kind = types.Update.UPDATE_FTRL
    _setting_names = (
        "learning_rate_power", "l1_regularization_strength", "l2_regularization_strength",
        "l2_shrinkage_regularization_strength", "beta",
    )  # fmt: skip

    def __init__(self, learning_rate: LearningRate = 0.001, learning_rate_power: float = -0.5,
                 initial_accumulator_value: float = 0.1,
                 l1_regularization_strength: float = 0.0,
                 l2_regularization_strength: float = 0.0,
                 l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.learning_rate_power = at_most_zero(learning_rate_power, "learning_rate_power")
        self.initial_accumulator_value = initial_accumulator_value
        self.l1_regularization_strength = l1_regularization_strength
        self.l2_regularization_strength = l2_regularization_strength
        self.l2_shrinkage_regularization_strength = l2_shrinkage_regularization_strength
        self.beta = beta
        for name in ("initial_accumulator_value", *self._setting_names[1:]):
            setattr(self, name, number(getattr(self, name), name, 0))

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}


class Adafactor(Optimizer):
    """Adam's second moment from sums over rows and columns (Shazeer and Stern 2018).

    At step t = 1, 2, ..., with k = 1 - t^beta_2_decay: r and c are running means, with a share
    of k for the past, of the means of g² + epsilon_1 along a matrix's rows and columns;
    v = r c / mean(r), move = g / sqrt(v), divided by max(1, rms(move) / clip_threshold), and
    w = w - max(epsilon_2, rms(w)) rate move. Of a vector v is itself such a running mean.
    With relative_step and a constant learning_rate, rate = min(learning_rate, 1 / sqrt(t));
    otherwise it is the learning rate.

    Parameters
    ----------
    beta_2_decay : float, at most 0
    epsilon_1, epsilon_2 : float
    clip_threshold : float above 0
    relative_step : bool
    """

    kind = types.Update.UPDATE_ADAFACTOR
    whole_variables = True
    _setting_names = (
        "beta_2_decay", "epsilon_1", "epsilon_2", "clip_threshold", "_has_relative_step",
    )  # fmt: skip
    # Of a matrix only as many elements of each are in use as it has rows, and columns.
    _slot_names = ("row_or_velocity", "column")

    def __init__(self, learning_rate: LearningRate = 0.001, beta_2_decay: float = -0.8,
                 epsilon_1: float = 1e-30, epsilon_2: float = 1e-3, clip_threshold: float = 1.0,
                 relative_step: bool = True,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.beta_2_decay = at_most_zero(beta_2_decay, "beta_2_decay")
        self.epsilon_1 = number(epsilon_1, "epsilon_1", 0)
        self.epsilon_2 = number(epsilon_2, "epsilon_2", 0)
        self.clip_threshold = float(above_zero(clip_threshold, "clip_threshold"))
        self.relative_step = boolean(relative_step, "relative_step")

    @property
    def _has_relative_step(self):
        return self.relative_step and not callable(self._rate)
