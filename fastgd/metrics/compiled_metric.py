"""Metrics that the training loop computes, and the reference engine outside a model."""

from typing import Any

import numpy as np

from fastgd._core import formulas
from fastgd._data.validation import check_classes, numeric
from fastgd._typing import Array, Data, Floatx
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses import Loss
from fastgd.metrics.metric import Metric
from fastgd.reference.metrics import ROWS, add_rows


class CompiledMetric(Metric):
    """Describe a metric that the engine computes: it adds to sums, which ``value`` finishes.

    Outside a model the reference engine adds to the same sums, in double precision. Thresholds
    and other settings are rounded to the data type of the predictions first, as in a model, so
    that a model's predictions give the value that ``evaluate`` returns.

    Parameters
    ----------
    name : str, optional
        Without it `default_name`, or else the name of the class.
    dtype : {"float32", "float64"}, optional
    """

    code: formulas.Metric
    sparse: bool | None = False
    _direction = "up"
    default_name: str | None = None

    def __init__(self, name: str | None = None, dtype: Floatx | None = None) -> None:
        super().__init__(dtype, name or self.default_name)
        self._totals: Array | None = None

    @property
    def compiled(self) -> bool:
        """Whether the training loop updates the metric without returning to Python."""
        own = type(self)
        base = CompiledMetric
        return own.update_state is base.update_state and own.result is base.result

    def check_width(self, width: int) -> None:
        """Raise a ShapeError if the metric has no value for outputs of this width."""

    def size(self, width: int) -> int:
        """Return how many sums an output of this width needs."""
        raise NotImplementedError

    def totals_size(self, width: int) -> int:
        """Return how many sums an output needs; ShapeError if the metric does not fit it."""
        self.check_width(width)
        return self.size(width)

    def update_state(
        self, y_true: Data, y_pred: Data, sample_weight: Data | None = None
    ) -> None:
        """Add some rows.

        Parameters
        ----------
        y_true : array, shape (n,) or (n, outputs)
            Class numbers for a sparse metric.
        y_pred : array, shape (n,), which is taken for (n, 1), or (n, outputs)
        sample_weight : float or array of shape (n,) or (n, 1), optional
            A row of weight 0 changes nothing.

        Raises
        ------
        ShapeError, DataTypeError
            If they do not fit together; then nothing is added.
        """
        p, y, settings = self._prepared(y_true, y_pred)
        weights = _weights(sample_weight, len(p))
        size = self.totals_size(p.shape[1])
        totals = np.zeros(size) if self._totals is None else self._totals
        if len(totals) != size:
            raise ShapeError(f"y_pred: expected as many columns as before, got {p.shape}")
        with np.errstate(all="ignore"):
            add_rows(self.code, p, y, weights, settings, totals)
        self._totals = totals

    def result(self) -> float | Array:
        """Return the value for the rows added so far."""
        return self.value(np.zeros(self.size(1)) if self._totals is None else self._totals)

    def reset_state(self) -> None:
        """Forget all rows."""
        self._totals = None

    def _prepared(self, y_true, y_pred):
        """Return float64 matrices of predictions and targets, and the rounded settings."""
        p = self._predictions(y_pred)
        y = np.asarray(self._targets(numeric(y_true, "y_true"), p), np.float64)
        settings = np.array(self.settings(), p.dtype if p.dtype == np.float32 else np.float64)
        return p.astype(np.float64), y, settings.tolist()

    def _predictions(self, y_pred):
        """Return y_pred as (n, outputs)."""
        p = numeric(y_pred, "y_pred")
        p = p[:, None] if p.ndim == 1 else p
        if p.ndim != 2 or p.shape[1] == 0:
            raise ShapeError(f"y_pred: expected (n,) or (n, outputs), got shape {p.shape}")
        return p

    def _targets(self, y, p):
        """Return the array y as targets for p: (n,) and (n, 1) are the same."""
        columns = self.target_columns(p.shape[1])
        if columns is None:
            columns = p.shape[1] if y.size == p.size else 1
        if y.shape[:1] != p.shape[:1] or y.ndim > 2 or y.size != len(p) * columns:
            raise ShapeError(f"y_true: expected shape {(len(p), columns)}, got {y.shape}")
        return y.reshape(len(p), columns)


def _weights(sample_weight, n):
    """Return a weight for each of n rows."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(numeric(sample_weight, "sample_weight"), np.float64)
    if weights.ndim == 0:
        return np.full(n, weights)
    if weights.shape not in ((n,), (n, 1)):
        raise ShapeError(f"sample_weight: expected shape ({n},), got {weights.shape}")
    return weights.reshape(n)


class RowMetric(CompiledMetric):
    """Average a value of each row: sum of weight * value / sum of weights."""

    def size(self, width: int) -> int:
        return 2

    def value(self, totals: Array) -> float | Array:
        """Return the mean, a float; 0 where all weights are."""
        return float(totals[0] / totals[1]) if totals[1] else 0.0

    def rows(self, y_true: Data, y_pred: Data) -> Array:
        """Return the value of each row: an array of shape (n,), in double precision."""
        p, y, settings = self._prepared(y_true, y_pred)
        with np.errstate(all="ignore"):
            return np.asarray(ROWS[self.code](p, y, settings), np.float64)


class LossMean(RowMetric):
    """Average a loss over rows, from which the metric takes its formula and arguments.

    Attributes
    ----------
    loss : fastgd.losses.Loss
    """

    code = formulas.Metric.METRIC_LOSS
    _direction = "down"

    def __init__(
        self, loss: Loss, name: str | None = None, dtype: Floatx | None = None
    ) -> None:
        super().__init__(name or self.default_name or loss.name, dtype)
        self.loss = loss
        self.sparse = loss.sparse
        for argument in set(self.arguments) & set(loss.arguments):
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
    """Average the loss that a class names as its `loss_class`."""

    loss_class: type[Loss]

    def __init__(self, name: str | None = None, dtype: Floatx | None = None) -> None:
        super().__init__(self.loss_class(), name, dtype)


class LossMetric(LossMean):
    """Average one of fastgd's losses over rows.

    Parameters
    ----------
    loss : fastgd.losses.Loss
    name : str, optional
        By default that of the loss.
    dtype : {"float32", "float64"}, optional

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

    arguments = ("loss",)

    def __init__(
        self, loss: Loss, name: str | None = None, dtype: Floatx | None = None
    ) -> None:
        if loss.code in (formulas.Loss.LOSS_NONE, formulas.Loss.LOSS_COMPILED):
            raise ArgumentError(
                f"loss: expected one of fastgd's, got {loss!r}; for a user-defined loss use "
                "MeanMetricWrapper(loss.call)"
            )
        super().__init__(loss, name, dtype)
