"""Metrics, with Keras' names: averages over rows, computed in the compiled loop."""

import numpy as np

from fastgd import losses
from fastgd._core import types
from fastgd._names import lookup, snake_case
from fastgd.errors import ArgumentError, ShapeError
from fastgd.saving import Serializable


class Metric(Serializable):
    """The mean over rows of a figure of each row; may also be used by hand.

    Examples
    --------
    >>> from fastgd import metrics
    >>> metric = metrics.MeanAbsoluteError()
    >>> metric.update_state([1.0, 2.0], [1.0, 4.0])
    >>> metric.result()
    1.0
    """

    #: The engine's code.
    code = None
    #: Whether a target is one class number instead of a value for each output.
    sparse = False

    def __init__(self, name=None):
        self.name = name or snake_case(type(self).__name__)
        self.reset_state()

    def settings(self):
        """The numbers that the engine's function takes."""
        return []

    def totals_size(self, width):
        """How many sums it asks for, for an output of this width."""
        return 2

    def figure(self, totals):
        """The figure that belongs to such sums."""
        return float(totals[0] / (totals[1] or 1.0))

    def rows(self, y_true, y_pred):
        """The figure of each row, for arrays of shape (n, outputs)."""
        raise NotImplementedError

    def update_state(self, y_true, y_pred):
        """Take in some rows."""
        y_pred = np.asarray(y_pred)
        y_pred = y_pred[:, None] if y_pred.ndim == 1 else y_pred
        values = np.asarray(self.rows(y_true, y_pred), dtype=np.float64)
        self._total += values.sum()
        self._count += values.size

    def result(self):
        """The mean over the rows taken in so far; 0 where there are none."""
        return float(self._total / self._count) if self._count else 0.0

    def reset_state(self):
        """Forget all rows."""
        self._total = 0.0
        self._count = 0

    def __call__(self, y_true, y_pred):
        """Take in some rows and return the mean so far."""
        self.update_state(y_true, y_pred)
        return self.result()

    def get_config(self):
        """The arguments that make this metric again."""
        return {"name": self.name}


def _fitting(y_true, shape):
    """y_true in a shape of as many rows: (n,) and (n, 1) are the same."""
    y_true = np.asarray(y_true)
    if y_true.shape[:1] != shape[:1] or y_true.size != np.prod(shape):
        raise ShapeError(f"y_true: expected shape {shape}, got {y_true.shape}")
    return y_true.reshape(shape)


class MeanSquaredError(Metric):
    """Mean of (y_pred - y_true)²."""

    code = types.Metric.METRIC_MEAN_SQUARED_ERROR

    def rows(self, y_true, y_pred):
        return losses.mean_squared_error(y_true, y_pred)


class MeanAbsoluteError(Metric):
    """Mean of |y_pred - y_true|."""

    code = types.Metric.METRIC_MEAN_ABSOLUTE_ERROR

    def rows(self, y_true, y_pred):
        return losses.mean_absolute_error(y_true, y_pred)


class BinaryAccuracy(Metric):
    """How often y_pred > 0.5 says what y_true (0 or 1) says."""

    code = types.Metric.METRIC_BINARY_ACCURACY

    def rows(self, y_true, y_pred):
        return ((y_pred > 0.5) == _fitting(y_true, y_pred.shape)).mean(axis=-1)


class CategoricalAccuracy(Metric):
    """How often the largest of y_pred stands where the largest of y_true does."""

    code = types.Metric.METRIC_CATEGORICAL_ACCURACY

    def rows(self, y_true, y_pred):
        y_true = _fitting(y_true, y_pred.shape)
        return np.argmax(y_pred, axis=-1) == np.argmax(y_true, axis=-1)


class SparseCategoricalAccuracy(Metric):
    """How often the largest of y_pred stands at the class number y_true."""

    code = types.Metric.METRIC_SPARSE_CATEGORICAL_ACCURACY
    sparse = True

    def rows(self, y_true, y_pred):
        return np.argmax(y_pred, axis=-1) == _fitting(y_true, y_pred.shape[:1])


_CLASSES = (
    MeanSquaredError, MeanAbsoluteError, BinaryAccuracy, CategoricalAccuracy,
    SparseCategoricalAccuracy,
)  # fmt: skip
_BY_NAME = {c.__name__: c for c in _CLASSES} | {snake_case(c.__name__): c for c in _CLASSES}
_BY_NAME |= {
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
}
_ACCURACY = ("accuracy", "acc")


def get(identifier, outputs=1, sparse=False):
    """The metric for a name, a class or a metric itself.

    Parameters
    ----------
    identifier : str, type or Metric
        A metric made from a name bears that name, so ``"mae"`` stays ``"mae"`` in a history.
        ``"accuracy"`` is resolved by the model, as Keras does: binary for one output, sparse
        categorical where targets are class numbers, categorical otherwise.
    outputs : int
        The width of the model's output.
    sparse : bool
        Whether the loss takes class numbers.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    """
    if isinstance(identifier, Metric) and identifier.code is not None:
        return identifier
    is_class = isinstance(identifier, type) and issubclass(identifier, Metric)
    if is_class and identifier.code is not None:
        return identifier()
    for function in (losses.mean_squared_error, losses.mean_absolute_error):
        if identifier is function:
            identifier = function.__name__
    if not isinstance(identifier, str):
        raise ArgumentError(
            f"metrics: expected a name or a metric of fastgd.metrics, got {identifier!r}"
        )
    if identifier in _ACCURACY:
        several = SparseCategoricalAccuracy if sparse else CategoricalAccuracy
        return (BinaryAccuracy if outputs == 1 else several)(name=identifier)
    return lookup("metrics", identifier, _BY_NAME | dict.fromkeys(_ACCURACY))(name=identifier)
