"""Metrics that run in the compiled loop, and by hand in the reference's NumPy."""

import numpy as np

from fastgd._core import formulas
from fastgd._data.validation import check_classes, numeric
from fastgd.errors import ArgumentError, ShapeError
from fastgd.metrics.base import Metric
from fastgd.reference.metrics import ROWS, add_rows


class Compiled(Metric):
    """A metric that the engine knows by its code: it adds to sums, ``figure`` finishes.

    By hand the reference engine adds to the same sums, in double precision. Thresholds and
    other settings are rounded to the data type of the predictions first, as in a model, so that
    predictions of a model give the figure that ``evaluate`` gives.
    """

    sparse = False

    def __init__(self, dtype=None, name=None):
        super().__init__(dtype, name)
        self._totals = None

    @property
    def compiled(self):
        """Whether the training loop need not come back to Python for it."""
        own = type(self)
        return own.update_state is Compiled.update_state and own.result is Compiled.result

    def settings(self):
        """The numbers that the engine's function takes: a list of float."""
        return []

    def check_width(self, width):
        """A ShapeError if it has no figure of outputs of this width."""

    def size(self, width):
        """How many sums it asks for, for an output of this width."""
        raise NotImplementedError

    def totals_size(self, width):
        """How many sums it asks for; a ShapeError if it has no figure of such outputs."""
        self.check_width(width)
        return self.size(width)

    def figure(self, totals):
        """The figure of such sums, exactly as many as were asked for: a float or an array."""
        raise NotImplementedError

    def update_state(self, y_true, y_pred, sample_weight=None):
        """Take in some rows.

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
            If they do not fit together; nothing is taken in then.
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

    def result(self):
        """The figure of the rows taken in so far."""
        return self.figure(np.zeros(self.size(1)) if self._totals is None else self._totals)

    def reset_state(self):
        """Forget all rows."""
        self._totals = None

    def _prepared(self, y_true, y_pred):
        """Predictions and targets as float64 matrices, and the settings for their data type."""
        p = self._predictions(y_pred)
        y = np.asarray(self._targets(numeric(y_true, "y_true"), p), np.float64)
        settings = np.array(self.settings(), p.dtype if p.dtype == np.float32 else np.float64)
        return p.astype(np.float64), y, settings.tolist()

    def _predictions(self, y_pred):
        """y_pred as (n, outputs)."""
        p = numeric(y_pred, "y_pred")
        p = p[:, None] if p.ndim == 1 else p
        if p.ndim != 2 or p.shape[1] == 0:
            raise ShapeError(f"y_pred: expected (n,) or (n, outputs), got shape {p.shape}")
        return p

    def _targets(self, y, p):
        """The array y as targets for p: (n,) and (n, 1) are the same."""
        columns = self.target_columns(p.shape[1])
        if columns is None:
            columns = p.shape[1] if y.size == p.size else 1
        if y.shape[:1] != p.shape[:1] or y.ndim > 2 or y.size != len(p) * columns:
            raise ShapeError(f"y_true: expected shape {(len(p), columns)}, got {y.shape}")
        return y.reshape(len(p), columns)


def _weights(sample_weight, n):
    """A weight for each of n rows."""
    if sample_weight is None:
        return np.ones(n)
    weights = np.asarray(numeric(sample_weight, "sample_weight"), np.float64)
    if weights.ndim == 0:
        return np.full(n, weights)
    if weights.shape not in ((n,), (n, 1)):
        raise ShapeError(f"sample_weight: expected shape ({n},), got {weights.shape}")
    return weights.reshape(n)


class RowMetric(Compiled):
    """The mean over rows of a value of each row: sum of weight * value / sum of weights."""

    def size(self, width):
        return 2

    def figure(self, totals):
        """The mean: a float; 0 where all weights are."""
        return float(totals[0] / totals[1]) if totals[1] else 0.0

    def rows(self, y_true, y_pred):
        """The value of each row: an array of shape (n,), in double precision."""
        p, y, settings = self._prepared(y_true, y_pred)
        with np.errstate(all="ignore"):
            return np.asarray(ROWS[self.code](p, y, settings), np.float64)


class LossMean(RowMetric):
    """The mean over rows of a loss: its mathematics is not written twice.

    Attributes
    ----------
    loss : fastgd.losses.Loss
    """

    code = formulas.Metric.METRIC_LOSS
    _direction = "down"

    def __init__(self, loss, name, dtype):
        super().__init__(dtype, name)
        self.loss = loss

    @property
    def sparse(self):
        """Whether targets are class numbers."""
        return self.loss.sparse

    def target_columns(self, width):
        return self.loss.target_columns(width)

    def settings(self):
        loss = self.loss
        code = loss.logits_code if loss.from_logits else loss.code
        return [float(code), *map(float, loss.settings())]

    def _targets(self, y, p):
        y = super()._targets(y, p)
        if self.sparse:
            check_classes(y, p.shape[1], "y_true", self.loss.ignore_class)
        return y


class LossMetric(LossMean):
    """The mean over rows of a loss of fastgd's.

    Parameters
    ----------
    loss : fastgd.losses.Loss
    name : str, optional
        Without it that of the loss.
    dtype : {"float32", "float64"}, optional

    Raises
    ------
    ArgumentError
        For a loss of one's own, which MeanMetricWrapper takes.

    Examples
    --------
    >>> from fastgd import losses, metrics
    >>> metrics.LossMetric(losses.MeanAbsoluteError())([1.0, 2.0], [2.0, 5.0])
    2.0
    """

    arguments = ("loss",)

    def __init__(self, loss, name=None, dtype=None):
        if loss.code in (formulas.Loss.LOSS_NONE, formulas.Loss.LOSS_COMPILED):
            raise ArgumentError(
                f"loss: expected one of fastgd's, got {loss!r}; a metric of one's own is "
                "MeanMetricWrapper(loss.call)"
            )
        super().__init__(loss, name or loss.name, dtype)
