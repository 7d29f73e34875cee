"""Metrics that are the mean of a loss over rows."""

from typing import Any

import numpy as np

from fastgd import losses
from fastgd._core import formulas
from fastgd._data.arguments import choice
from fastgd._data.validation import check_classes
from fastgd._registry.names import checked_name
from fastgd._registry.objects import argument_names
from fastgd._typing import Array, Floatx
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.losses import Loss
from fastgd.metrics.metric import RowMetric


class LossMean(RowMetric):
    """Average a loss over rows, from which the metric takes its formula and arguments.

    Attributes
    ----------
    loss : fastgd.losses.Loss
    """

    code = formulas.Metric.METRIC_LOSS
    _direction = "down"

    def __init__(self, loss: Loss, name: str | None = None, dtype: Floatx | None = None):
        super().__init__(checked_name(name) or self.default_name or loss.name, dtype)
        self.loss = loss
        self.sparse, self.elementwise = loss.sparse, loss.elementwise
        for argument in argument_names(type(self)):
            if argument not in vars(self):  # then it is the loss's
                setattr(self, argument, getattr(loss, argument))

    def target_columns(self, width: int) -> int:
        return self.loss.target_columns(width)

    def settings(self) -> list[float]:
        loss = self.loss
        code: Any = loss.logits_code if loss.from_logits else loss.code
        return [float(code), *map(float, loss.settings())]

    def _targets(self, y, p):
        y = super()._targets(y, p)
        if self.sparse:
            check_classes(y, p.shape[1], "y_true", self.loss.ignore_class)
        return y


class FixedLossMean(LossMean):
    """Average the loss that a class names as its `loss`."""

    loss_class: type[Loss]

    def __init_subclass__(cls, loss: type[Loss] | None = None) -> None:
        super().__init_subclass__()
        if loss is not None:
            cls.loss_class = loss

    def __init__(self, name: str | None = None, dtype: Floatx | None = None):
        super().__init__(self.loss_class(), name, dtype)


class LossMetric(LossMean):
    """Average one of fastgd's losses over rows.

    Parameters
    ----------
    loss : fastgd.losses.Loss
    name : str, optional
        By default that of the loss.

    Raises
    ------
    ArgumentError
        For a user-defined loss, which MeanMetricWrapper takes.

    Examples
    --------
    >>> from fastgd import losses, metrics
    >>> metrics.LossMetric(losses.MeanAbsoluteError())([1.0, 2.0], [2.0, 5.0])
    2.0
    """

    def __init__(self, loss: Loss, name: str | None = None, dtype: Floatx | None = None):
        if not isinstance(loss, Loss):
            raise DataTypeError(f"loss: expected one, such as losses.get('mse'), got {loss!r}")
        if loss.code in (formulas.Loss.LOSS_NONE, formulas.Loss.LOSS_COMPILED):
            raise ArgumentError(
                f"loss: expected one of fastgd's, got {loss!r}; for a user-defined loss use "
                "MeanMetricWrapper(loss.call)"
            )
        if loss.couples_rows:
            raise ArgumentError(
                f"loss: {loss.name!r} is one number for a whole batch, not a mean over rows; "
                "train with it as the loss, or use losses.get(...)(y, model.predict(x))"
            )
        super().__init__(loss, name, dtype)


class MeanSquaredError(FixedLossMean, loss=losses.MeanSquaredError):
    """Average (y_pred - y_true)² over columns and rows.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.MeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.25
    """


class RootMeanSquaredError(FixedLossMean, loss=losses.MeanSquaredError):
    """Compute the root of the mean of (y_pred - y_true)² over columns and rows.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.RootMeanSquaredError()([[0, 1], [0, 0]], [[1, 1], [0, 0]])
    0.5
    """

    default_name = "root_mean_squared_error"

    def value(self, totals: Array) -> float:
        return float(np.sqrt(super().value(totals)))


class MeanAbsoluteError(FixedLossMean, loss=losses.MeanAbsoluteError):
    """Average |y_pred - y_true| over columns and rows.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metric = metrics.MeanAbsoluteError()
    >>> metric.update_state([1.0, 2.0], [1.0, 4.0])
    >>> metric.result()
    1.0
    """


class MeanAbsolutePercentageError(FixedLossMean, loss=losses.MeanAbsolutePercentageError):
    """Average 100 |y_pred - y_true| / max(|y_true|, 1e-7) over columns and rows.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metrics.MeanAbsolutePercentageError()([1.0, 4.0], [1.5, 3.0])
    37.5
    """


class MeanSquaredLogarithmicError(FixedLossMean, loss=losses.MeanSquaredLogarithmicError):
    """Average (log(1 + y_pred) - log(1 + y_true))² over columns and rows.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.MeanSquaredLogarithmicError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.120113
    """


class LogCoshError(FixedLossMean, loss=losses.LogCosh):
    """Average log(cosh(y_pred - y_true)) over columns and rows.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.LogCoshError()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.108445
    """

    default_name = "logcosh"


class CosineSimilarity(LossMean):
    """Average y_true · y_pred / (|y_true| |y_pred|): 1 for the same direction.

    Parameters
    ----------
    axis : -1 or 1
        Rows lie along the last axis.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.CosineSimilarity()([[0, 1], [1, 1]], [[1, 0], [1, 1]]), 12)
    0.5
    """

    _direction = "up"

    def __init__(self, name: str | None = None, dtype: Floatx | None = None, axis: int = -1):
        self.axis = choice(axis, "axis", (-1, 1), ", since rows lie along the last")
        super().__init__(losses.CosineSimilarity(), name, dtype)

    def value(self, totals: Array) -> float | Array:
        return 0.0 - super().value(totals)  # the loss is minus the similarity


class BinaryCrossentropy(LossMean):
    """Average -(y log p + (1 - y) log(1 - p)) over columns and rows.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits; otherwise they are kept 1e-7 away from 0 and 1.
    label_smoothing : float
        In [0, 1]: a target y becomes y (1 - label_smoothing) + label_smoothing / 2.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.BinaryCrossentropy()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 6)
    0.814924
    """

    def __init__(self, name: str | None = None, dtype: Floatx | None = None,
                 from_logits: bool = False, label_smoothing: float = 0):  # fmt: skip
        super().__init__(losses.BinaryCrossentropy(from_logits, label_smoothing), name, dtype)


class CategoricalCrossentropy(LossMean):
    """Average -sum of y log p over rows; targets hold a probability for each class.

    Parameters
    ----------
    from_logits
        As in `BinaryCrossentropy`.
    label_smoothing : float
        In [0, 1]: a target y becomes y (1 - label_smoothing) + label_smoothing / classes.
    axis : -1
        Rows lie along the last axis.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_true, y_pred = [[0, 1, 0], [0, 0, 1]], [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]
    >>> round(metrics.CategoricalCrossentropy()(y_true, y_pred), 6)
    1.176939
    """

    def __init__(self, name: str | None = None, dtype: Floatx | None = None,
                 from_logits: bool = False, label_smoothing: float = 0,
                 axis: int = -1):  # fmt: skip
        loss = losses.CategoricalCrossentropy(from_logits, label_smoothing, axis)
        super().__init__(loss, name, dtype)


class SparseCategoricalCrossentropy(LossMean):
    """Average -log p of the true class over rows; targets are class numbers from 0.

    Parameters
    ----------
    from_logits, axis
        As in `CategoricalCrossentropy`.
    ignore_class : int, optional
        Rows of this class are left out of the mean.

    Examples
    --------
    >>> from fastgd import metrics
    >>> y_pred = [[0.05, 0.95, 0], [0.1, 0.8, 0.1]]
    >>> round(metrics.SparseCategoricalCrossentropy()([1, 2], y_pred), 6)
    1.176939
    """

    def __init__(self, name: str | None = None, dtype: Floatx | None = None,
                 from_logits: bool = False, ignore_class: int | None = None,
                 axis: int = -1):  # fmt: skip
        loss = losses.SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
        super().__init__(loss, name, dtype)


class KLDivergence(FixedLossMean, loss=losses.KLDivergence):
    """Average the sum of y log(y / p) over rows, both kept between 1e-7 and 1.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.KLDivergence()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 5)
    0.45814
    """


class Poisson(FixedLossMean, loss=losses.Poisson):
    """Average p - y log p over columns and rows, for predicted means p of counts y.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Poisson()([[0, 1], [0, 0]], [[1, 1], [0, 0]]), 6)
    0.5
    """


class Hinge(FixedLossMean, loss=losses.Hinge):
    """Average max(0, 1 - y p) over columns and rows; targets y are -1 or 1, 0 stands for -1.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.3
    """


class SquaredHinge(FixedLossMean, loss=losses.SquaredHinge):
    """Average max(0, 1 - y p)² over columns and rows; targets y are -1 or 1, 0 stands for -1.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.86
    """


class CategoricalHinge(FixedLossMean, loss=losses.CategoricalHinge):
    """Average max(0, 1 + max of (1 - y) p - sum of y p) over rows; targets y are one-hot.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.CategoricalHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.4
    """
