"""Follow the regularized leader."""

from typing import Unpack

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.learning_rate import LearningRate
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import OptimizerOptions, at_most_zero


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013, algorithm 1).

    With p = -learning_rate_power, b = a + g²,
    linear = linear + g + 2 l2_shrinkage w - (b^p - a^p) / learning_rate w, then a = b and
    w = (clip(linear, -l1, l1) - linear) / (a^p / learning_rate + 2 l2 + beta / learning_rate).
    Weights are 0 while |linear| is at most l1. A step with a learning rate of 0 does nothing.

    Parameters
    ----------
    learning_rate, **options
        As in Optimizer.
    learning_rate_power : float
        At most 0; 0 is a constant rate.
    initial_accumulator_value : float
        The value that a starts with: at least 0.
    l1_regularization_strength, l2_regularization_strength : float
    l2_shrinkage_regularization_strength, beta : float
        At least 0.
    """

    kind = types.Update.UPDATE_FTRL
    _setting_names = (
        "learning_rate_power", "l1_regularization_strength", "l2_regularization_strength",
        "l2_shrinkage_regularization_strength", "beta",
    )  # fmt: skip

    def __init__(
        self, learning_rate: LearningRate = 0.001, learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1, l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        l2_shrinkage_regularization_strength: float = 0.0, beta: float = 0.0,
        **options: Unpack[OptimizerOptions],
    ) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.learning_rate_power = at_most_zero(learning_rate_power, "learning_rate_power")
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", 0
        )
        self.l1_regularization_strength = number(
            l1_regularization_strength, "l1_regularization_strength", 0
        )
        self.l2_regularization_strength = number(
            l2_regularization_strength, "l2_regularization_strength", 0
        )
        self.l2_shrinkage_regularization_strength = number(
            l2_shrinkage_regularization_strength, "l2_shrinkage_regularization_strength", 0
        )
        self.beta = number(beta, "beta", 0)

    def slots(self) -> dict[str, float]:
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}
