"""Adam and AdamW."""

from fastgd._core import types
from fastgd._data.validation import number
from fastgd.errors import ArgumentError
from fastgd.optimizers.base import Optimizer, below_one


class Adam(Optimizer):
    """Adaptive moments (Kingma and Ba 2015).

    m = m + (1 - beta_1)(g - m), v = v + (1 - beta_2)(g² - v), and at step t = 1, 2, ...
    w = w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    With amsgrad (Reddi et al. 2018) the largest v so far takes the place of v.

    Parameters
    ----------
    learning_rate : float or schedule
    beta_1, beta_2 : float
        In [0, 1).
    epsilon : float
        The "epsilon hat" of the paper, just before its section 2.1: added to the root of the
        uncorrected v. PyTorch's eps is the other one.
    amsgrad : bool
    weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum
    ema_overwrite_frequency, loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    kind = types.Update.UPDATE_ADAM

    def __init__(
        self, learning_rate=0.001, beta_1=0.9, beta_2=0.999, epsilon=1e-7, amsgrad=False,
        weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
        ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None,
    ):  # fmt: skip
        super().__init__(
            learning_rate, weight_decay, clipnorm, clipvalue, global_clipnorm, use_ema,
            ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
        self.beta_1 = below_one(beta_1, "beta_1")
        self.beta_2 = below_one(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon", 0)
        self.amsgrad = bool(amsgrad)

    def settings(self):
        return [self.beta_1, self.beta_2, self.epsilon, float(self.amsgrad)]

    def slots(self):
        slots = {"momentum": 0.0, "velocity": 0.0}
        if self.amsgrad:
            slots["velocity_hat"] = 0.0
        return slots


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    Before each of Adam's steps w = w - learning_rate weight_decay w.

    Parameters
    ----------
    learning_rate : float or schedule
    weight_decay : float
    beta_1, beta_2, epsilon, amsgrad
        As in Adam.
    clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency
    loss_scale_factor, gradient_accumulation_steps, name
        As in Optimizer.
    """

    def __init__(
        self, learning_rate=0.001, weight_decay=0.004, beta_1=0.9, beta_2=0.999, epsilon=1e-7,
        amsgrad=False, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
        ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None,
        gradient_accumulation_steps=None, name=None,
    ):  # fmt: skip
        if weight_decay is None:
            raise ArgumentError("weight_decay: expected a number, got None")
        super().__init__(
            learning_rate, beta_1, beta_2, epsilon, amsgrad, weight_decay, clipnorm, clipvalue,
            global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency, loss_scale_factor,
            gradient_accumulation_steps, name,
        )  # fmt: skip
