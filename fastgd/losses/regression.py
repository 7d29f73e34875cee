"""Losses of real values."""

from collections.abc import Sequence

from fastgd._data.validation import number
from fastgd._typing import Array, Data, Floatx
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses.loss import FormulaLoss, last_axis
from fastgd.tape import Tensor


def mean_squared_error(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of (y_pred - y_true)² over the last axis.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
    array([2.5])
    """
    return MeanSquaredError().call(y_true, y_pred)


class MeanSquaredError(FormulaLoss, function=mean_squared_error, elementwise=True):
    """Average (y_pred - y_true)² over outputs.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanSquaredError()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.04
    """


def mean_absolute_error(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of |y_pred - y_true| over the last axis."""
    return MeanAbsoluteError().call(y_true, y_pred)


class MeanAbsoluteError(FormulaLoss, function=mean_absolute_error, elementwise=True):
    """Average |y_pred - y_true| over outputs.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanAbsoluteError()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2
    """


def mean_absolute_percentage_error(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of 100 |y_pred - y_true| / max(|y_true|, 1e-7) over the last axis."""
    return MeanAbsolutePercentageError().call(y_true, y_pred)


class MeanAbsolutePercentageError(
    FormulaLoss, function=mean_absolute_percentage_error, elementwise=True
):
    """Average 100 |y_pred - y_true| / max(|y_true|, 1e-7) over outputs.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanAbsolutePercentageError()([[2.0, 4.0]], [[1.0, 5.0]])), 4)
    37.5
    """


def mean_squared_logarithmic_error(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of (log(1 + y_pred) - log(1 + y_true))² over the last axis.

    Both are raised to 1e-7 at least; see `MeanSquaredLogarithmicError`.
    """
    return MeanSquaredLogarithmicError().call(y_true, y_pred)


class MeanSquaredLogarithmicError(
    FormulaLoss, function=mean_squared_logarithmic_error, elementwise=True
):
    """Average (log(1 + y_pred) - log(1 + y_true))² over outputs.

    Both are raised to 1e-7 at least; below that the slope of a prediction is 0.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.MeanSquaredLogarithmicError()([[2.0, 4.0]], [[1.0, 5.0]])), 4)
    0.0988
    """


def cosine_similarity(y_true: Data, y_pred: Data, axis: int = -1) -> Array | Tensor:
    """Return -y_true · y_pred / (|y_true| |y_pred|) over the last axis; see `CosineSimilarity`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.cosine_similarity([[3.0, 4.0], [0.0, 0.0]], [[6.0, 8.0], [1.0, 2.0]])
    array([-1., -0.])
    """
    return CosineSimilarity(axis).call(y_true, y_pred)


class CosineSimilarity(FormulaLoss, function=cosine_similarity):
    """Compute -y_true · y_pred / (|y_true| |y_pred|): -1 where both have the same direction.

    A norm is raised to 1e-7 at least, so that a row of zeros gives 0.

    Parameters
    ----------
    axis : -1
        Rows lie along the last axis.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CosineSimilarity()([[3.0, 4.0]], [[4.0, 3.0]])), 4)
    -0.96
    """

    def __init__(self, axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.axis = last_axis(axis)


def huber(y_true: Data, y_pred: Data, delta: float = 1.0) -> Array | Tensor:
    """Return the mean of the Huber loss over the last axis; see `Huber`."""
    return Huber(delta).call(y_true, y_pred)


class Huber(FormulaLoss, function=huber, elementwise=True):
    """Average d² / 2 where |d| <= delta, else delta (|d| - delta / 2); d = y_pred - y_true.

    Huber, "Robust estimation of a location parameter", 1964.

    Parameters
    ----------
    delta : float
        Where the square becomes a line; at least 0.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Huber(delta=1.0)([[0.0, 1.0]], [[0.5, 4.0]])), 4)
    1.3125
    """

    def __init__(self, delta: float = 1.0, reduction: str | None = "sum_over_batch_size",
                 name: str | None = "huber_loss", dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.delta = number(delta, "delta", 0)

    def settings(self) -> list[float]:
        return [self.delta]


def log_cosh(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of log(cosh(y_pred - y_true)) over the last axis; it never overflows."""
    return LogCosh().call(y_true, y_pred)


class LogCosh(FormulaLoss, function=log_cosh, elementwise=True):
    """Average log(cosh(d)) over outputs, d = y_pred - y_true: near d² / 2, far |d| - log 2.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.LogCosh()([[0.0, 1.0]], [[0.5, 4.0]])), 4)
    1.2147
    """


def quantile(y_true: Data, y_pred: Data,
             quantiles: float | Sequence[float] = 0.5) -> Array | Tensor:  # fmt: skip
    """Return the mean of max(q (y - p), (q - 1) (y - p)) over the last axis; see `Quantile`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.quantile([1.0, 1.0], [[0.0], [2.0]], quantiles=0.9)
    array([0.9, 0.1])
    """
    return Quantile(quantiles).call(y_true, y_pred)


class Quantile(FormulaLoss, function=quantile):
    """Compute the pinball loss, whose mean is least at the quantiles (Koenker & Bassett 1978).

    Mean over outputs of max(q (y - p), (q - 1) (y - p)). An output has a column for each
    quantile of each target: those of the first target, then those of the next.

    Parameters
    ----------
    quantiles : float or sequence of float
        Between 0 and 1. For three quantiles of one target the output layer has three units.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Quantile(0.9)([[0.0], [1.0]], [[0.5], [0.5]])), 4)
    0.25
    """

    def __init__(self, quantiles: float | Sequence[float] = 0.5,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.quantiles, self._listed = numbers(quantiles, "quantiles", 0, 1)

    def settings(self) -> list[float]:
        return [len(self._listed), *self._listed]

    def target_columns(self, width: int) -> int:
        count = len(self._listed)
        if width % count:
            raise ShapeError(
                f"{self.name}: {count} quantiles need an output of as many columns for each "
                f"target, got {width}"
            )
        return width // count


def numbers(given, argument, low, high):
    """Return a number, or a list of numbers, as it was given; and both as a list."""
    several = isinstance(given, (list, tuple)) or getattr(given, "ndim", 0) == 1
    found = [number(value, argument, low, high) for value in (given if several else [given])]
    if not found:
        raise ArgumentError(f"{argument}: expected at least one number, got {given!r}")
    return (found if several else found[0]), found
