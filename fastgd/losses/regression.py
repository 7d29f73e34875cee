"""Losses of real values."""

from fastgd._core import formulas
from fastgd._data.validation import number
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses.base import Loss


def mean_squared_error(y_true, y_pred):
    """Mean of (y_pred - y_true)² over the last axis.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
    array([2.5])
    """
    return MeanSquaredError().call(y_true, y_pred)


class MeanSquaredError(Loss):
    """Mean of (y_pred - y_true)² over outputs.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanSquaredError()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.04
    """

    function = staticmethod(mean_squared_error)
    aliases = ("mse", "MSE")
    code = formulas.Loss.LOSS_MEAN_SQUARED_ERROR
    elementwise = True

    def __init__(self, reduction="sum_over_batch_size", name="mean_squared_error", dtype=None):
        super().__init__(name, reduction, dtype)


def mean_absolute_error(y_true, y_pred):
    """Mean of |y_pred - y_true| over the last axis."""
    return MeanAbsoluteError().call(y_true, y_pred)


class MeanAbsoluteError(Loss):
    """Mean of |y_pred - y_true| over outputs.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanAbsoluteError()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2
    """

    function = staticmethod(mean_absolute_error)
    aliases = ("mae", "MAE")
    code = formulas.Loss.LOSS_MEAN_ABSOLUTE_ERROR
    elementwise = True

    def __init__(self, reduction="sum_over_batch_size", name="mean_absolute_error", dtype=None):
        super().__init__(name, reduction, dtype)


def mean_absolute_percentage_error(y_true, y_pred):
    """100 times the mean of |y_pred - y_true| / max(|y_true|, 1e-7) over the last axis."""
    return MeanAbsolutePercentageError().call(y_true, y_pred)


class MeanAbsolutePercentageError(Loss):
    """100 times the mean of |y_pred - y_true| / max(|y_true|, 1e-7) over outputs.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])), 4)
    37.5
    """

    function = staticmethod(mean_absolute_percentage_error)
    aliases = ("mape", "MAPE")
    code = formulas.Loss.LOSS_MEAN_ABSOLUTE_PERCENTAGE_ERROR
    elementwise = True

    def __init__(
        self,
        reduction="sum_over_batch_size",
        name="mean_absolute_percentage_error",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)


def mean_squared_logarithmic_error(y_true, y_pred):
    """Mean of (log(1 + y_pred) - log(1 + y_true))² over the last axis.

    Both are taken for 1e-7 at least; the slope of a prediction below that is 0.
    """
    return MeanSquaredLogarithmicError().call(y_true, y_pred)


class MeanSquaredLogarithmicError(Loss):
    """Mean of (log(1 + y_pred) - log(1 + y_true))² over outputs.

    Both are taken for 1e-7 at least; the slope of a prediction below that is 0.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanSquaredLogarithmicError()([[2.0, 4.0]], [[1.0, 5.0]])), 4)
    0.0988
    """

    function = staticmethod(mean_squared_logarithmic_error)
    aliases = ("msle", "MSLE")
    code = formulas.Loss.LOSS_MEAN_SQUARED_LOGARITHMIC_ERROR
    elementwise = True

    def __init__(
        self,
        reduction="sum_over_batch_size",
        name="mean_squared_logarithmic_error",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)


def cosine_similarity(y_true, y_pred, axis=-1):
    """-y_true · y_pred / (|y_true| |y_pred|) over the last axis: -1 for the same direction.

    A norm is taken for 1e-7 at least, so that a row of zeros gives 0.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.cosine_similarity([[3.0, 4.0], [0.0, 0.0]], [[6.0, 8.0], [1.0, 2.0]])
    array([-1., -0.])
    """
    return CosineSimilarity(axis).call(y_true, y_pred)


class CosineSimilarity(Loss):
    """-y_true · y_pred / (|y_true| |y_pred|): -1 where both point in the same direction.

    A norm is taken for 1e-7 at least, so that a row of zeros gives 0.

    Parameters
    ----------
    axis : -1
        Rows lie along the last axis.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CosineSimilarity()([[3.0, 4.0]], [[4.0, 3.0]])), 4)
    -0.96
    """

    function = staticmethod(cosine_similarity)
    arguments = ("axis",)
    code = formulas.Loss.LOSS_COSINE_SIMILARITY

    def __init__(
        self, axis=-1, reduction="sum_over_batch_size", name="cosine_similarity", dtype=None
    ):
        super().__init__(name, reduction, dtype)
        self.axis = last_axis(axis)


def last_axis(axis):
    """-1, or an ArgumentError."""
    if isinstance(axis, bool) or axis != -1:
        raise ArgumentError(f"axis: expected -1, since rows lie along the last, got {axis!r}")
    return -1


def huber(y_true, y_pred, delta=1.0):
    """Mean over the last axis of d² / 2 where |d| <= delta, else delta (|d| - delta / 2).

    d = y_pred - y_true (Huber 1964).
    """
    return Huber(delta).call(y_true, y_pred)


class Huber(Loss):
    """Mean of d² / 2 where |d| <= delta, else delta (|d| - delta / 2); d = y_pred - y_true.

    Parameters
    ----------
    delta : float
        Where the square becomes a line; at least 0.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Huber(delta=1.0)([[0.0, 1.0]], [[0.5, 4.0]])), 4)
    1.3125
    """

    function = staticmethod(huber)
    arguments = ("delta",)
    code = formulas.Loss.LOSS_HUBER
    elementwise = True

    def __init__(
        self, delta=1.0, reduction="sum_over_batch_size", name="huber_loss", dtype=None
    ):
        super().__init__(name, reduction, dtype)
        self.delta = number(delta, "delta", 0)

    def settings(self):
        return [self.delta]


def log_cosh(y_true, y_pred):
    """Mean of log(cosh(y_pred - y_true)) over the last axis, finite wherever they are."""
    return LogCosh().call(y_true, y_pred)


class LogCosh(Loss):
    """Mean of log(cosh(y_pred - y_true)) over outputs: d² / 2 near 0, |d| - log 2 far out.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.LogCosh()([[0.0, 1.0]], [[0.5, 4.0]])), 4)
    1.2147
    """

    function = staticmethod(log_cosh)
    aliases = ("logcosh",)
    code = formulas.Loss.LOSS_LOG_COSH
    elementwise = True

    def __init__(self, reduction="sum_over_batch_size", name="log_cosh", dtype=None):
        super().__init__(name, reduction, dtype)


def quantile(y_true, y_pred, quantiles=0.5):
    """Mean of max(q (y - p), (q - 1) (y - p)) over the last axis; see `Quantile`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.quantile([1.0, 1.0], [[0.0], [2.0]], quantiles=0.9)
    array([0.9, 0.1])
    """
    return Quantile(quantiles).call(y_true, y_pred)


class Quantile(Loss):
    """The pinball loss, whose least mean is at quantiles (Koenker and Bassett 1978).

    Mean over outputs of max(q (y - p), (q - 1) (y - p)). An output has a column for each
    quantile of each target: those of the first target, then those of the next.

    Parameters
    ----------
    quantiles : float or sequence of float
        Between 0 and 1. For three quantiles of one target the output layer has three units.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Quantile(0.9)([[0.0], [1.0]], [[0.5], [0.5]])), 4)
    0.25
    """

    function = staticmethod(quantile)
    arguments = ("quantiles",)
    aliases = ("pinball",)
    code = formulas.Loss.LOSS_QUANTILE

    def __init__(
        self, quantiles=0.5, reduction="sum_over_batch_size", name="quantile", dtype=None
    ):
        super().__init__(name, reduction, dtype)
        several = isinstance(quantiles, (list, tuple)) or getattr(quantiles, "ndim", 0) == 1
        found = [number(q, "quantiles", 0, 1) for q in (quantiles if several else [quantiles])]
        if not found:
            raise ArgumentError("quantiles: expected at least one")
        self.quantiles = found if several else found[0]
        self._all = found

    def settings(self):
        return [len(self._all), *self._all]

    def target_columns(self, width):
        if width % len(self._all):
            raise ShapeError(
                f"{self.name}: {len(self._all)} quantiles need an output of as many columns "
                f"for each target, got {width}"
            )
        return width // len(self._all)
