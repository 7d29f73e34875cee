"""Adagrad."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.base import Optimizer


class Adagrad(Optimizer):
    """Steps divided by the root of all squared gradients so far (Duchi, Hazan and Singer 2011).

    a = a + g², and w = w - learning_rate g / sqrt(a + epsilon).

    Parameters
    ----------
    learning_rate : float or schedule
    initial_accumulator_value : float
        What a begins with: at least 0.
    epsilon : float
        Inside the root.
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_ADAGRAD

    def __init__(
        self, learning_rate=0.001, initial_accumulator_value=0.1, epsilon=1e-7,
        weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
        ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.initial_accumulator_value = number(
            initial_accumulator_value, "initial_accumulator_value", 0
        )
        self.epsilon = number(epsilon, "epsilon", 0)

    def settings(self):
        return [self.epsilon]

    def slots(self):
        return {"accumulator": self.initial_accumulator_value}
