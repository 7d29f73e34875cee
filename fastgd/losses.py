"""Losses, with Keras' names: functions and classes for arrays, codes for the engine.

A function gives one value a row; a class gives the mean over the rows, and is what ``compile``
takes. Both are written in ``fastgd.ops``, so that a gradient tape follows them.
"""

import numpy as np

from fastgd import activations, ops
from fastgd._core import types
from fastgd._names import lookup, snake_case
from fastgd._validate import check_classes, numeric
from fastgd.errors import ArgumentError, ShapeError
from fastgd.saving import Serializable

#: Probabilities are kept this far from 0 and 1 before their logarithm is taken, as in Keras.
EPSILON = 1e-7


def _floating(y_pred):
    """y_pred as an array or tensor; whole numbers as float64, so that nothing is rounded."""
    y_pred = ops.convert_to_tensor(y_pred)
    return y_pred if y_pred.dtype.kind == "f" else ops.cast(y_pred, "float64")


def _aligned(y_true, y_pred):
    """y_true as an array of y_pred's data type and shape: (n,) is taken for (n, 1)."""
    y_pred = _floating(y_pred)
    y_true = np.asarray(y_true, dtype=y_pred.dtype)
    if y_true.size == y_pred.size and y_true.shape[:1] == y_pred.shape[:1]:
        y_true = y_true.reshape(y_pred.shape)
    if y_true.shape != y_pred.shape:
        raise ShapeError(
            f"y_true: expected the shape of y_pred, {y_pred.shape}, got {y_true.shape}"
        )
    return y_true, y_pred


def mean_squared_error(y_true, y_pred):
    """Mean of (y_pred - y_true)² over the last axis.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.mean_squared_error([[0.0, 1.0]], [[1.0, 3.0]])
    array([2.5])
    """
    y_true, y_pred = _aligned(y_true, y_pred)
    return ops.mean(ops.square(y_pred - y_true), axis=-1)


def mean_absolute_error(y_true, y_pred):
    """Mean of |y_pred - y_true| over the last axis."""
    y_true, y_pred = _aligned(y_true, y_pred)
    return ops.mean(ops.absolute(y_pred - y_true), axis=-1)


def binary_crossentropy(y_true, y_pred, from_logits=False):
    """Mean of -(y log p + (1 - y) log(1 - p)) over the last axis.

    p is y_pred, kept 1e-7 off 0 and 1; or, from logits z, sigmoid(z), and then the formula is
    log(1 + exp(z)) - y z, which is exact for every z.
    """
    y_true, y_pred = _aligned(y_true, y_pred)
    if from_logits:
        return ops.mean(ops.softplus(y_pred) - y_true * y_pred, axis=-1)
    p = ops.clip(y_pred, EPSILON, 1 - EPSILON)
    return -ops.mean(y_true * ops.log(p) + (1 - y_true) * ops.log(1 - p), axis=-1)


def _log_probabilities(y_pred, from_logits):
    if from_logits:
        return ops.log_softmax(y_pred, axis=-1)
    p = y_pred / ops.sum(y_pred, axis=-1, keepdims=True)
    return ops.log(ops.clip(p, EPSILON, 1 - EPSILON))


def categorical_crossentropy(y_true, y_pred, from_logits=False):
    """-sum of y log p over the last axis; y_true holds a probability for each class.

    p is y_pred / sum of y_pred, kept 1e-7 off 0 and 1, or softmax(y_pred) from logits.
    """
    y_true, y_pred = _aligned(y_true, y_pred)
    return -ops.sum(y_true * _log_probabilities(y_pred, from_logits), axis=-1)


def sparse_categorical_crossentropy(y_true, y_pred, from_logits=False):
    """-log p of the true class; y_true holds a class number a row, (n,) or (n, 1)."""
    y_pred = _floating(y_pred)
    labels = numeric(y_true, "y_true").reshape(-1)
    if len(labels) != y_pred.shape[0]:
        raise ShapeError(f"y_true: expected {y_pred.shape[0]} labels, got {len(labels)}")
    check_classes(labels, y_pred.shape[-1], "y_true")
    rows = np.arange(len(labels))
    return -_log_probabilities(y_pred, from_logits)[rows, labels.astype(np.int64)]


class Loss(Serializable):
    """The mean of a loss over rows.

    Attributes
    ----------
    name : str
    from_logits : bool
        Whether predictions are logits; only where the loss has logits.

    Examples
    --------
    >>> from fastgd import losses
    >>> float(losses.MeanSquaredError()([1.0, 2.0], [[1.0], [4.0]]))
    2.0
    """

    function = None
    #: The engine's code for predictions, and for logits where the loss takes them.
    code = types.Loss.LOSS_NONE
    logits_code = None
    #: The activation of an output layer that the loss fuses with.
    fused = None
    #: Whether a target is one class number instead of a value for each output.
    sparse = False
    #: Targets have to lie in this interval.
    target_range = (-np.inf, np.inf)
    from_logits = False

    def __init__(self, name=None):
        self.name = name or snake_case(type(self).__name__)

    def __call__(self, y_true, y_pred):
        """The mean over all rows, for arrays or tensors of shape (n, outputs)."""
        function = type(self).function
        if self.logits_code is None:
            return ops.mean(function(y_true, y_pred))
        return ops.mean(function(y_true, y_pred, from_logits=self.from_logits))

    #: How the rows of a batch become one number.
    reduction_code = types.Reduction.REDUCTION_MEAN

    def settings(self):
        """The numbers that the engine's function takes."""
        return []

    def target_columns(self, width):
        """How many columns of y an output of this width is compared with."""
        return 1 if self.sparse else width

    def get_config(self):
        """The arguments that make this loss again."""
        return dict(vars(self))


class _Crossentropy(Loss):
    def __init__(self, from_logits=False, name=None):
        super().__init__(name)
        self.from_logits = from_logits


class MeanSquaredError(Loss):
    """Mean of (y_pred - y_true)² over outputs and rows."""

    function = staticmethod(mean_squared_error)
    code = types.Loss.LOSS_MEAN_SQUARED_ERROR


class MeanAbsoluteError(Loss):
    """Mean of |y_pred - y_true| over outputs and rows."""

    function = staticmethod(mean_absolute_error)
    code = types.Loss.LOSS_MEAN_ABSOLUTE_ERROR


class BinaryCrossentropy(_Crossentropy):
    """Mean of -(y log p + (1 - y) log(1 - p)); targets in [0, 1].

    In a model whose output layer is activated by sigmoid the two are fused: the loss is taken
    from the logits, without clipping, and its gradient is p - y.
    """

    function = staticmethod(binary_crossentropy)
    code = types.Loss.LOSS_BINARY_CROSSENTROPY
    logits_code = types.Loss.LOSS_BINARY_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.sigmoid)
    target_range = (0, 1)


class CategoricalCrossentropy(_Crossentropy):
    """Mean of -sum of y log p; targets hold a probability for each class.

    In a model whose output layer is activated by softmax the two are fused.
    """

    function = staticmethod(categorical_crossentropy)
    code = types.Loss.LOSS_CATEGORICAL_CROSSENTROPY
    logits_code = types.Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.softmax)
    target_range = (0, 1)


class SparseCategoricalCrossentropy(_Crossentropy):
    """Mean of -log p of the true class; targets are class numbers from 0.

    In a model whose output layer is activated by softmax the two are fused.
    """

    function = staticmethod(sparse_categorical_crossentropy)
    code = types.Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
    logits_code = types.Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.softmax)
    sparse = True


_CLASSES = (
    MeanSquaredError, MeanAbsoluteError, BinaryCrossentropy, CategoricalCrossentropy,
    SparseCategoricalCrossentropy,
)  # fmt: skip
_BY_NAME = {c.__name__: c for c in _CLASSES} | {c.function.__name__: c for c in _CLASSES}
_BY_NAME |= {
    "mse": MeanSquaredError,
    "MSE": MeanSquaredError,
    "mae": MeanAbsoluteError,
    "MAE": MeanAbsoluteError,
    "bce": BinaryCrossentropy,
    "BCE": BinaryCrossentropy,
}


def get(identifier):
    """The loss for a name, one of this module's functions or classes, or a loss itself.

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    """
    if isinstance(identifier, Loss) and identifier.code != types.Loss.LOSS_NONE:
        return identifier
    if isinstance(identifier, str):
        return lookup("loss", identifier, _BY_NAME)()
    for loss in _CLASSES:
        if identifier is loss or identifier is loss.function:
            return loss()
    raise ArgumentError(f"loss: expected a name or a loss of fastgd.losses, got {identifier!r}")
