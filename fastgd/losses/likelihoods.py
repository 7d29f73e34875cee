"""Losses that are likelihoods, deviances or divergences of distributions."""

import numpy as np

from fastgd._core import formulas
from fastgd._data.validation import boolean, number
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses.base import Loss


def kl_divergence(y_true, y_pred):
    """Sum of y log(y / p) over the last axis, both kept between 1e-7 and 1."""
    return KLDivergence().call(y_true, y_pred)


class KLDivergence(Loss):
    """Sum of y log(y / p), the divergence of Kullback and Leibler (1951).

    Both are kept between 1e-7 and 1; the slope of a prediction outside is 0.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.KLDivergence()([[0.4, 0.6]], [[0.5, 0.5]])), 4)
    0.0201
    """

    function = staticmethod(kl_divergence)
    aliases = ("kld", "KLD", "kullback_leibler_divergence")
    code = formulas.Loss.LOSS_KL_DIVERGENCE
    target_range = (0, 1)

    def __init__(self, reduction="sum_over_batch_size", name="kl_divergence", dtype=None):
        super().__init__(name, reduction, dtype)


def poisson(y_true, y_pred, log_link=False):
    """Mean of p - y log(p + 1e-7) over the last axis, or of exp(z) - y z; see `Poisson`."""
    return Poisson(log_link=log_link).call(y_true, y_pred)


class Poisson(Loss):
    """Mean of p - y log(p + 1e-7), but for a constant the negative log-likelihood of counts.

    A prediction p below -1e-7 has no likelihood: NaN. A log link makes every prediction fit.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.
    log_link : bool
        Whether y_pred is the logarithm z of the mean: exp(z) - y z. Keras lacks it.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Poisson()([[1.0, 2.0]], [[1.5, 2.5]])), 4)
    0.881
    """

    function = staticmethod(poisson)
    arguments = ("log_link",)
    code = formulas.Loss.LOSS_POISSON
    elementwise = True
    target_range = (0, np.inf)

    def __init__(
        self, reduction="sum_over_batch_size", name="poisson", dtype=None, log_link=False
    ):
        super().__init__(name, reduction, dtype)
        self.log_link = boolean(log_link, "log_link")
        if self.log_link:
            self.code = formulas.Loss.LOSS_POISSON_LOG


def gamma(y_true, y_pred, log_link=False):
    """Mean of the deviance 2 (y / p - 1 - log(y / p)) over the last axis; see `Gamma`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.gamma([2.0, 3.0], [[2.0], [6.0]]).round(4)
    array([0.    , 0.3863])
    """
    return Gamma(log_link).call(y_true, y_pred)


class Gamma(Loss):
    """Mean of the gamma distribution's deviance 2 (y / p - 1 - log(y / p)); y > 0.

    It is 0 where p = y. A mean p is taken for 1e-7 at least; the slope below that is 0.

    Parameters
    ----------
    log_link : bool
        Whether y_pred is the logarithm of the mean.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Gamma()([[1.0], [2.0]], [[1.5], [2.5]])), 4)
    0.0953
    """

    function = staticmethod(gamma)
    arguments = ("log_link",)
    code = formulas.Loss.LOSS_GAMMA
    target_range = (float(np.finfo(np.float32).tiny), np.inf)

    def __init__(
        self, log_link=False, reduction="sum_over_batch_size", name="gamma", dtype=None
    ):
        super().__init__(name, reduction, dtype)
        self.log_link = boolean(log_link, "log_link")
        if self.log_link:
            self.code = formulas.Loss.LOSS_GAMMA_LOG


def tweedie(y_true, y_pred, power=1.5, log_link=False):
    """Mean of the Tweedie deviance over the last axis; see `Tweedie`."""
    return Tweedie(power, log_link).call(y_true, y_pred)


class Tweedie(Loss):
    """Mean of the deviance of a compound Poisson-gamma distribution (Tweedie 1984); y >= 0.

    2 (y^(2-k) / ((1-k)(2-k)) - y p^(1-k) / (1-k) + p^(2-k) / (2-k)) with power k: 0 where
    p = y. A mean p is taken for 1e-7 at least; the slope below that is 0.

    Parameters
    ----------
    power : float
        The variance is proportional to mean^power. Between 1 and 2, without the ends: there the
        distribution is Poisson's, for whole numbers, and the gamma distribution, for y > 0;
        see `Poisson` and `Gamma`.
    log_link : bool
        Whether y_pred is the logarithm of the mean.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Tweedie()([[1.0], [2.0]], [[1.5], [2.5]])), 4)
    0.1177
    """

    function = staticmethod(tweedie)
    arguments = ("power", "log_link")
    code = formulas.Loss.LOSS_TWEEDIE
    target_range = (0, np.inf)

    def __init__(
        self,
        power=1.5,
        log_link=False,
        reduction="sum_over_batch_size",
        name="tweedie",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)
        self.power = number(power, "power", 1, 2)
        if self.power in (1, 2):
            other = "Poisson" if self.power == 1 else "Gamma"
            raise ArgumentError(
                f"power: expected a number between 1 and 2, got {power}; use losses.{other}"
            )
        self.log_link = boolean(log_link, "log_link")
        if self.log_link:
            self.code = formulas.Loss.LOSS_TWEEDIE_LOG

    def settings(self):
        return [self.power]


def gaussian_negative_log_likelihood(y_true, y_pred, epsilon=1e-6):
    """Mean over targets of log s + ((y - m) / s)² / 2 + log(2 pi) / 2.

    See `GaussianNegativeLogLikelihood`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.gaussian_negative_log_likelihood([1.0], [[1.0, 0.0]]).round(4)
    array([0.5524])
    """
    return GaussianNegativeLogLikelihood(epsilon).call(y_true, y_pred)


class GaussianNegativeLogLikelihood(Loss):
    """Mean over targets of log s + ((y - m) / s)² / 2 + log(2 pi) / 2.

    For t targets an output has 2 t columns: their means m, then their raw scales r, where
    s = log(1 + exp(r)) + epsilon is the standard deviation.

    Parameters
    ----------
    epsilon : float
        The least standard deviation; more than 0.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> p = [[1.5, 0.0], [2.5, 0.0]]
    >>> round(float(losses.GaussianNegativeLogLikelihood()([[1.0], [2.0]], p)), 4)
    0.8126
    """

    function = staticmethod(gaussian_negative_log_likelihood)
    arguments = ("epsilon",)
    aliases = ("gaussian_nll",)
    code = formulas.Loss.LOSS_GAUSSIAN_NEGATIVE_LOG_LIKELIHOOD

    def __init__(
        self,
        epsilon=1e-6,
        reduction="sum_over_batch_size",
        name="gaussian_negative_log_likelihood",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)
        self.epsilon = number(epsilon, "epsilon", 0)
        if self.epsilon == 0:
            raise ArgumentError("epsilon: expected a number above 0, got 0")

    def settings(self):
        return [self.epsilon]

    def target_columns(self, width):
        if width % 2:
            raise ShapeError(
                f"{self.name}: expected two outputs for each target, its mean and its raw "
                f"scale, got {width}"
            )
        return width // 2
