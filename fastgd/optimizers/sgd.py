"""Gradient descent."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.base import Optimizer


class SGD(Optimizer):
    """Gradient descent, with momentum.

    velocity = momentum velocity - learning_rate g, and w = w + velocity; with nesterov
    w = w + momentum velocity - learning_rate g.

    Parameters
    ----------
    learning_rate : float or schedule
    momentum : float
        In [0, 1].
    nesterov : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_SGD

    def __init__(
        self, learning_rate=0.01, momentum=0.0, nesterov=False, weight_decay=None,
        clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.momentum = number(momentum, "momentum", 0, 1)
        self.nesterov = bool(nesterov)

    def settings(self):
        return [self.momentum, float(self.nesterov)]

    def slots(self):
        return {"momentum": 0.0} if self.momentum > 0 else {}
