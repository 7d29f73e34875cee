"""Lamb."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.base import Optimizer, below_one


class Lamb(Optimizer):
    """Adam with steps in proportion to the norm of each variable (You et al. 2020).

    With m and v as in Adam, move = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon),
    and w = w - learning_rate |w| / |move| move, with the norms of the whole variable; where one
    of them is 0, their quotient is 1.

    Parameters
    ----------
    learning_rate : float or schedule
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_LAMB
    whole_variables = True

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.beta_1 = below_one(beta_1, "beta_1")
        self.beta_2 = below_one(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon", 0)

    def settings(self):
        return [self.beta_1, self.beta_2, self.epsilon]

    def slots(self):
        return {"momentum": 0.0, "velocity": 0.0}
