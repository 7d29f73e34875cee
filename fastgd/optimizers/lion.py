"""Lion."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.errors import ArgumentError
from fastgd.optimizers.base import Optimizer


class Lion(Optimizer):
    """Steps of one size, in the direction of the sign of the momentum (Chen et al. 2023).

    w = w - learning_rate sign(beta_1 m + (1 - beta_1) g), and m = beta_2 m + (1 - beta_2) g.

    Parameters
    ----------
    learning_rate : float or schedule
        Smaller than Adam's, by a factor of 3 to 10.
    beta_1 : float
        In (0, 1].
    beta_2 : float
        In [0, 1].
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_LION

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.99, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.beta_1 = number(beta_1, "beta_1", 0, 1)
        if self.beta_1 == 0:
            raise ArgumentError(f"beta_1: expected a number above 0, got {beta_1!r}")
        self.beta_2 = number(beta_2, "beta_2", 0, 1)

    def settings(self):
        return [self.beta_1, self.beta_2]

    def slots(self):
        return {"momentum": 0.0}
