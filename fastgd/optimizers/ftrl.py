"""Follow the regularized leader."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.errors import ArgumentError
from fastgd.optimizers.base import Optimizer


class Ftrl(Optimizer):
    """Follow the regularized leader (McMahan et al. 2013, algorithm 1).

    With p = -learning_rate_power, b = a + g²,
    linear = linear + g + 2 l2_shrinkage w - (b^p - a^p) / learning_rate w, then a = b and
    w = (clip(linear, -l1, l1) - linear) / (a^p / learning_rate + 2 l2 + beta / learning_rate).
    Weights are 0 while |linear| is at most l1. A step with a learning rate of 0 does nothing.

    Parameters
    ----------
    learning_rate : float or schedule
    learning_rate_power : float
        At most 0; 0 is a constant rate.
    initial_accumulator_value : float
        What a begins with: at least 0.
    l1_regularization_strength, l2_regularization_strength : float
    l2_shrinkage_regularization_strength, beta : float
        At least 0.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_FTRL

    def __init__(
        self, learning_rate=0.001, learning_rate_power=-0.5, initial_accumulator_value=0.1,
        l1_regularization_strength=0.0, l2_regularization_strength=0.0,
        l2_shrinkage_regularization_strength=0.0, beta=0.0, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.learning_rate_power = number(learning_rate_power, "learning_rate_power")
        if self.learning_rate_power > 0:
            raise ArgumentError(
                f"learning_rate_power: expected at most 0, got {learning_rate_power!r}"
            )
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

    def settings(self):
        return [
            self.learning_rate_power, self.l1_regularization_strength,
            self.l2_regularization_strength, self.l2_shrinkage_regularization_strength,
            self.beta,
        ]  # fmt: skip

    def slots(self):
        return {"accumulator": self.initial_accumulator_value, "linear": 0.0}
