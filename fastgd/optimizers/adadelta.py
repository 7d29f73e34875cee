"""Adadelta."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.optimizers.base import Optimizer


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
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_ADADELTA

    def __init__(
        self, learning_rate=0.001, rho=0.95, epsilon=1e-7, weight_decay=None, clipnorm=None,
        clipvalue=None, global_clipnorm=None, use_ema=False, ema_momentum=0.99,
        ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.rho = number(rho, "rho", 0, 1)
        self.epsilon = number(epsilon, "epsilon", 0)

    def settings(self):
        return [self.rho, self.epsilon]

    def slots(self):
        return {"accumulated_grad": 0.0, "accumulated_delta_var": 0.0}
