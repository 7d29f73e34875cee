"""Losses that are likelihoods, deviances or divergences of distributions."""

import numpy as np

from fastgd._core import formulas
from fastgd._data.arguments import inner_share, positive_number
from fastgd._data.validation import boolean, number
from fastgd._typing import Array, Data, Floatx
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses.loss import FormulaLoss
from fastgd.tape import Tensor


def kl_divergence(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the sum of y log(y / p) over the last axis; see `KLDivergence`."""
    return KLDivergence().call(y_true, y_pred)


class KLDivergence(FormulaLoss, function=kl_divergence, target_range=(0, 1)):
    """Sum y log(y / p), the divergence of Kullback and Leibler (1951).

    Both are kept between 1e-7 and 1; outside the slope of a prediction is 0.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.KLDivergence()([[0.4, 0.6]], [[0.5, 0.5]])), 4)
    0.0201
    """


def poisson(y_true: Data, y_pred: Data, log_link: bool = False) -> Array | Tensor:
    """Return the mean of p - y log(p + 1e-7) over the last axis; see `Poisson`."""
    return Poisson(log_link=log_link).call(y_true, y_pred)


class Poisson(FormulaLoss, function=poisson, elementwise=True, target_range=(0, np.inf)):
    """Average p - y log(p + 1e-7): up to a constant, the negative log-likelihood of counts.

    A prediction p below -1e-7 has no likelihood: NaN. A log link makes every prediction fit.

    Parameters
    ----------
    log_link : bool
        Whether y_pred is the logarithm z of the mean: exp(z) - y z. Keras lacks it.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Poisson()([[1.0, 2.0]], [[1.5, 2.5]])), 4)
    0.881
    """

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Floatx | None = None, log_link: bool = False):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.log_link = boolean(log_link, "log_link")
        self.code = formulas.Loss.LOSS_POISSON_LOG if self.log_link else self.code


def gamma(y_true: Data, y_pred: Data, log_link: bool = False) -> Array | Tensor:
    """Return the mean deviance 2 (y / p - 1 - log(y / p)) over the last axis; see `Gamma`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.gamma([2.0, 3.0], [[2.0], [6.0]]).round(4)
    array([0.    , 0.3863])
    """
    return Gamma(log_link).call(y_true, y_pred)


class Gamma(
    FormulaLoss, function=gamma, target_range=(float(np.finfo(np.float32).tiny), np.inf)
):
    """Average the gamma distribution's deviance 2 (y / p - 1 - log(y / p)); y > 0.

    It is 0 where p = y. A mean p is raised to 1e-7 at least; below that the slope is 0.

    Parameters
    ----------
    log_link : bool
        Whether y_pred is the logarithm of the mean.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Gamma()([[1.0], [2.0]], [[1.5], [2.5]])), 4)
    0.0953
    """

    def __init__(self, log_link: bool = False, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.log_link = boolean(log_link, "log_link")
        self.code = formulas.Loss.LOSS_GAMMA_LOG if self.log_link else self.code


def tweedie(y_true: Data, y_pred: Data, power: float = 1.5,
            log_link: bool = False) -> Array | Tensor:  # fmt: skip
    """Return the mean of the Tweedie deviance over the last axis; see `Tweedie`."""
    return Tweedie(power, log_link).call(y_true, y_pred)


class Tweedie(FormulaLoss, function=tweedie, target_range=(0, np.inf)):
    """Average the deviance of a compound Poisson-gamma distribution (Tweedie 1984); y >= 0.

    2 (y^(2-k) / ((1-k)(2-k)) - y p^(1-k) / (1-k) + p^(2-k) / (2-k)) with power k: 0 where
    p = y. A mean p is raised to 1e-7 at least; below that the slope is 0.

    Parameters
    ----------
    power : float
        Above 1 and below 2; the variance is proportional to mean^power. Power 1 is the Poisson
        distribution, for whole numbers, and 2 the gamma distribution, for y > 0: see `Poisson`
        and `Gamma`.
    log_link : bool
        Whether y_pred is the logarithm of the mean.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Tweedie()([[1.0], [2.0]], [[1.5], [2.5]])), 4)
    0.1177
    """

    def __init__(self, power: float = 1.5, log_link: bool = False,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.power = number(power, "power", 1, 2)
        if self.power in (1, 2):
            other = "Poisson" if self.power == 1 else "Gamma"
            raise ArgumentError(
                f"power: expected a number between 1 and 2, got {power}; use losses.{other}"
            )
        self.log_link = boolean(log_link, "log_link")
        self.code = formulas.Loss.LOSS_TWEEDIE_LOG if self.log_link else self.code

    def settings(self) -> list[float]:
        return [self.power]


def gaussian_negative_log_likelihood(y_true: Data, y_pred: Data,
                                     epsilon: float = 1e-6) -> Array | Tensor:  # fmt: skip
    """Return the mean over targets of log s + ((y - m) / s)² / 2 + log(2 pi) / 2.

    See `GaussianNegativeLogLikelihood`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.gaussian_negative_log_likelihood([1.0], [[1.0, 0.0]]).round(4)
    array([0.5524])
    """
    return GaussianNegativeLogLikelihood(epsilon).call(y_true, y_pred)


class NormalForecast(FormulaLoss):
    """Describe a loss of normal distributions: arguments and columns of its predictions."""

    def __init__(self, epsilon: float = 1e-6, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.epsilon = positive_number(epsilon, "epsilon")

    def settings(self) -> list[float]:
        return [self.epsilon]

    def target_columns(self, width: int) -> int:
        if width % 2:
            raise ShapeError(
                f"{self.name}: expected two outputs for each target, its mean and its raw "
                f"scale, got {width}"
            )
        return width // 2


class GaussianNegativeLogLikelihood(NormalForecast, function=gaussian_negative_log_likelihood):
    """Average over targets log s + ((y - m) / s)² / 2 + log(2 pi) / 2.

    For t targets an output has 2 t columns: their means m, then their raw scales r, where
    s = log(1 + exp(r)) + epsilon is the standard deviation.

    Parameters
    ----------
    epsilon : float
        The least standard deviation; more than 0.

    Examples
    --------
    >>> from fastgd import losses
    >>> p = [[1.5, 0.0], [2.5, 0.0]]
    >>> round(float(losses.GaussianNegativeLogLikelihood()([[1.0], [2.0]], p)), 4)
    0.8126
    """


def gaussian_crps(y_true: Data, y_pred: Data, epsilon: float = 1e-6) -> Array | Tensor:
    """Return the mean over targets of the CRPS of normal distributions; see `GaussianCRPS`."""
    return GaussianCRPS(epsilon).call(y_true, y_pred)


class GaussianCRPS(NormalForecast, function=gaussian_crps):
    """Average over targets the continuous ranked probability score of normal distributions.

    s (z (2 Phi(z) - 1) + 2 phi(z) - 1 / sqrt(pi)) with z = (y - m) / s (Gneiting & Raftery
    2007). It has the unit of y and forgives outliers more than the likelihood does. An output
    has the columns of `GaussianNegativeLogLikelihood`: means m, then raw scales r, where
    s = log(1 + exp(r)) + epsilon.

    Parameters
    ----------
    epsilon : float
        The least standard deviation; more than 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import losses
    >>> p = [[0.0, np.log(np.e - 1)]]  # mean 0, deviation 1
    >>> round(float(losses.GaussianCRPS()([[1.0]], p)), 4)
    0.6024
    """


def fissler_ziegel(y_true: Data, y_pred: Data, alpha: float = 0.05) -> Array | Tensor:
    """Return the joint loss of forecasts of ES and VaR for each row; see `FisslerZiegel`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.fissler_ziegel([-3.0], [[-2.5, -2.0]]).round(12)
    array([8.71629073])
    """
    return FisslerZiegel(alpha).call(y_true, y_pred)


class FisslerZiegel(FormulaLoss, function=fissler_ziegel):
    """Average the joint loss of expected shortfall and value at risk (FZ0).

    An output has two columns, e and v: the forecasts of the mean of the returns beyond the
    alpha-quantile, and of the quantile; both are returns, so that losses are negative. With y,
    the return,

    L = -1{y <= v} (v - y) / (alpha e) + v / e + log(-e) - 1

    is least in the mean for the true pair, where it is log(-e) (Fissler & Ziegel 2016; Patton,
    Ziegel & Chen 2019). It is of degree 0: the differences between forecasts do not change with
    the unit of returns. Where e is not below 0 there is no loss: training stops with a
    DivergenceError. `layers.Ordered(first="negative")` gives e < 0 and e <= v.

    Parameters
    ----------
    alpha : float
        The probability of the quantile, more than 0 and less than 1.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.FisslerZiegel(alpha=0.05)([-3.0], [[-2.5, -2.0]])), 12)
    8.716290731874
    """

    remedy = (
        " The expected shortfall, the first column of y_pred, has to stay below 0: end the "
        "network with layers.Ordered(first='negative')."
    )

    def __init__(self, alpha: float = 0.05, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.alpha = inner_share(alpha, "alpha")

    def settings(self) -> list[float]:
        return [self.alpha]

    def target_columns(self, width: int) -> int:
        if width != 2:
            raise ShapeError(
                f"{self.name}: expected two outputs, expected shortfall and value at risk, got "
                f"{width}"
            )
        return 1
