"""Adam and its relatives: AdamW, Adamax, Nadam and Lamb."""

from typing import ClassVar, Unpack

from fastgd._core import types
from fastgd._data.validation import boolean, number
from fastgd.errors import ArgumentError
from fastgd.optimizers.checks import below_one
from fastgd.optimizers.optimizer import Optimizer
from fastgd.optimizers.options import LearningRate, OptimizerOptions, OptionsWithoutDecay


class _Moments(Optimizer):
    """The base of the optimizers with running means of the gradient and of its square."""

    _setting_names: ClassVar[tuple[str, ...]] = ("beta_1", "beta_2", "epsilon")
    _slot_names = ("momentum", "velocity")

    def __init__(self, learning_rate: LearningRate = 0.001, beta_1: float = 0.9,
                 beta_2: float = 0.999, epsilon: float = 1e-7,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, **options)
        self.beta_1 = below_one(beta_1, "beta_1")
        self.beta_2 = below_one(beta_2, "beta_2")
        self.epsilon = number(epsilon, "epsilon", 0)


class Adam(_Moments):
    """Adaptive moments (Kingma and Ba 2015).

    m = m + (1 - beta_1)(g - m), v = v + (1 - beta_2)(g² - v), and at step t = 1, 2, ...
    w = w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
    With amsgrad (Reddi et al. 2018) the largest v so far takes the place of v.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
    epsilon : float
        The "epsilon hat" of the paper, just before its section 2.1: added to the root of the
        uncorrected v. PyTorch's eps is the other one.
    amsgrad : bool
    """

    kind = types.Update.UPDATE_ADAM
    _setting_names = ("beta_1", "beta_2", "epsilon", "amsgrad")

    def __init__(self, learning_rate: LearningRate = 0.001, beta_1: float = 0.9,
                 beta_2: float = 0.999, epsilon: float = 1e-7, amsgrad: bool = False,
                 **options: Unpack[OptimizerOptions]) -> None:  # fmt: skip
        super().__init__(learning_rate, beta_1, beta_2, epsilon, **options)
        self.amsgrad = boolean(amsgrad, "amsgrad")

    def slots(self) -> dict[str, float]:
        return super().slots() | ({"velocity_hat": 0.0} if self.amsgrad else {})


class AdamW(Adam):
    """Adam with weight decay apart from the gradient (Loshchilov and Hutter 2019).

    Before each of Adam's steps w = w - learning_rate weight_decay w. The other parameters are
    Adam's.

    Parameters
    ----------
    weight_decay : float
    """

    def __init__(self, learning_rate: LearningRate = 0.001, weight_decay: float = 0.004,
                 beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-7,
                 amsgrad: bool = False,
                 **options: Unpack[OptionsWithoutDecay]) -> None:  # fmt: skip
        if weight_decay is None:
            raise ArgumentError("weight_decay: expected a number, got None")
        decay: OptimizerOptions = {**options, "weight_decay": weight_decay}
        super().__init__(learning_rate, beta_1, beta_2, epsilon, amsgrad, **decay)


class Adamax(_Moments):
    """Adam with the maximum norm in the place of the root (Kingma and Ba 2015, section 7.1).

    m = m + (1 - beta_1)(g - m), u = max(beta_2 u, |g|), and at step t = 1, 2, ...
    w = w - learning_rate / (1 - beta_1^t) m / (u + epsilon).

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
    epsilon : float
    """

    kind = types.Update.UPDATE_ADAMAX
    _slot_names = ("momentum", "norm")


class Nadam(_Moments):
    """Adam with Nesterov's momentum (Dozat 2016).

    With m and v as in Adam, mu_t = beta_1 (1 - 0.96^t / 2) and P_t = mu_1 mu_2 ... mu_t,
    a = mu_t+1 m / (1 - P_t+1) + (1 - mu_t) g / (1 - P_t), and
    w = w - learning_rate a / (sqrt(v / (1 - beta_2^t)) + epsilon).

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
    epsilon : float
    """

    kind = types.Update.UPDATE_NADAM


class Lamb(_Moments):
    """Adam with steps in proportion to the norm of each variable (You et al. 2020).

    With m and v as in Adam, move = m / (1 - beta_1^t) / (sqrt(v / (1 - beta_2^t)) + epsilon),
    and w = w - learning_rate |w| / |move| move, with the norms of the whole variable; where one
    of them is 0, their quotient is 1.

    Parameters
    ----------
    beta_1, beta_2 : float in [0, 1)
    epsilon : float
    """

    kind = types.Update.UPDATE_LAMB
    whole_variables = True
