"""Losses of classes: cross-entropies of probabilities or logits, and losses of margins.

In a model whose output layer is activated by the function that a loss names as `fused`, the two
become one: the loss is taken from the logits, nothing is clipped, and its gradient is p - y.
"""

from collections.abc import Sequence

import numpy as np

from fastgd import activations
from fastgd._data.validation import MOST, boolean, number, whole_number
from fastgd._typing import Array, Data, Floatx
from fastgd.errors import ShapeError
from fastgd.losses.loss import FormulaLoss, last_axis
from fastgd.losses.regression import numbers
from fastgd.tape import Tensor


class Crossentropy(FormulaLoss):
    """Hold the arguments of cross-entropies of targets between 0 and 1."""

    target_range = (0, 1)

    def __init__(self, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.from_logits = boolean(from_logits, "from_logits")
        self.label_smoothing = number(label_smoothing, "label_smoothing", 0, 1)
        self.axis = last_axis(axis)

    def settings(self) -> list[float]:
        return [self.label_smoothing]


def binary_crossentropy(y_true: Data, y_pred: Data, from_logits: bool = False,
                        label_smoothing: float = 0.0,
                        axis: int = -1) -> Array | Tensor:  # fmt: skip
    """Return the mean of -(y log p + (1 - y) log(1 - p)) over the last axis.

    p is y_pred, kept 1e-7 away from 0 and 1. From logits z it is sigmoid(z), and the formula is
    log(1 + exp(z)) - y z, which is exact for every z. See `BinaryCrossentropy`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.binary_crossentropy([1.0, 0.0], [[0.0], [1e4]], from_logits=True)
    array([6.93147181e-01, 1.00000000e+04])
    """
    return BinaryCrossentropy(from_logits, label_smoothing, axis).call(y_true, y_pred)


class BinaryCrossentropy(Crossentropy, function=binary_crossentropy, elementwise=True):
    """Average -(y log p + (1 - y) log(1 - p)) over outputs; targets in [0, 1].

    Fuses with a sigmoid output layer.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits z, of which p = sigmoid(z).
    label_smoothing : float
        In [0, 1]: a target y becomes y (1 - label_smoothing) + label_smoothing / 2.
    axis : -1

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.BinaryCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    fused = staticmethod(activations.sigmoid)


def binary_focal_crossentropy(
    y_true: Data, y_pred: Data, apply_class_balancing: bool = False, alpha: float = 0.25,
    gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Array | Tensor:  # fmt: skip
    """Return the mean over the last axis of the focal loss; see `BinaryFocalCrossentropy`."""
    return BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
    ).call(y_true, y_pred)


class BinaryFocalCrossentropy(
    Crossentropy, function=binary_focal_crossentropy, elementwise=True
):
    """Average w (1 - p_t)^gamma times the binary cross-entropy (Lin et al. 2017).

    p_t = y p + (1 - y)(1 - p), and w = alpha y + (1 - alpha)(1 - y) with class balancing, else
    1. Fuses with a sigmoid output layer.

    Parameters
    ----------
    apply_class_balancing : bool
    alpha : float
        The weight of class 1, in [0, 1].
    gamma : float
        At least 0: the more, the less do rows count that are predicted well.
    from_logits, label_smoothing, axis
        As in `BinaryCrossentropy`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.BinaryFocalCrossentropy(gamma=2.0)([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.0089
    """

    fused = staticmethod(activations.sigmoid)

    def __init__(self, apply_class_balancing: bool = False, alpha: float = 0.25,
                 gamma: float = 2.0, from_logits: bool = False, label_smoothing: float = 0.0,
                 axis: int = -1, reduction: str | None = "sum_over_batch_size",
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.apply_class_balancing = boolean(apply_class_balancing, "apply_class_balancing")
        self.alpha = number(alpha, "alpha", 0, 1)
        self.gamma = number(gamma, "gamma", 0)

    def settings(self) -> list[float]:
        return [self.label_smoothing, self.gamma, self.alpha, self.apply_class_balancing]


def categorical_crossentropy(y_true: Data, y_pred: Data, from_logits: bool = False,
                             label_smoothing: float = 0.0,
                             axis: int = -1) -> Array | Tensor:  # fmt: skip
    """Return -sum of y log p over the last axis; y_true holds a probability for each class.

    p is y_pred / sum of y_pred, kept 1e-7 away from 0 and 1, or softmax(y_pred) from logits.
    See `CategoricalCrossentropy`.
    """
    return CategoricalCrossentropy(from_logits, label_smoothing, axis).call(y_true, y_pred)


class CategoricalCrossentropy(Crossentropy, function=categorical_crossentropy):
    """Compute -sum of y log p; targets hold a probability for each class.

    Fuses with a softmax output layer.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits z, of which p = softmax(z).
    label_smoothing : float
        In [0, 1]: a target y becomes y (1 - label_smoothing) + label_smoothing / classes.
    axis : -1

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    fused = staticmethod(activations.softmax)


def categorical_focal_crossentropy(
    y_true: Data, y_pred: Data, alpha: float | Sequence[float] = 0.25, gamma: float = 2.0,
    from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
) -> Array | Tensor:  # fmt: skip
    """Return -sum of alpha (1 - p)^gamma y log p; see `CategoricalFocalCrossentropy`."""
    loss = CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis)
    return loss.call(y_true, y_pred)


class CategoricalFocalCrossentropy(Crossentropy, function=categorical_focal_crossentropy):
    """Compute -sum of alpha (1 - p)^gamma y log p; targets hold a probability for each class.

    p is y_pred / sum of y_pred, kept 1e-7 away from 0 and 1, or softmax(y_pred) from logits.
    Fuses with a softmax output layer.

    Parameters
    ----------
    alpha : float or sequence of float
        A weight for all classes, or for each.
    gamma : float
        At least 0: the more, the less do rows count that are predicted well.
    from_logits, label_smoothing, axis
        As in `CategoricalCrossentropy`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.0022
    """

    fused = staticmethod(activations.softmax)

    def __init__(self, alpha: float | Sequence[float] = 0.25, gamma: float = 2.0,
                 from_logits: bool = False, label_smoothing: float = 0.0, axis: int = -1,
                 reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.alpha, self._alphas = numbers(alpha, "alpha", 0, np.inf)
        self.gamma = number(gamma, "gamma", 0)

    def settings(self) -> list[float]:
        return [self.label_smoothing, self.gamma, len(self._alphas), *self._alphas]

    def target_columns(self, width: int) -> int:
        if len(self._alphas) not in (1, width):
            raise ShapeError(
                f"alpha: expected one number or {width}, one for each class, "
                f"got {len(self._alphas)}"
            )
        return width


def sparse_categorical_crossentropy(y_true: Data, y_pred: Data, from_logits: bool = False,
                                    ignore_class: int | None = None,
                                    axis: int = -1) -> Array | Tensor:  # fmt: skip
    """Return -log p of the true class; y_true holds class numbers, (...) or (..., 1).

    p is y_pred / sum of y_pred, kept 1e-7 away from 0 and 1, or softmax(y_pred) from logits;
    rows of the class to ignore give 0. See `SparseCategoricalCrossentropy`.
    """
    loss = SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
    return loss.call(y_true, y_pred)


class SparseCategoricalCrossentropy(
    FormulaLoss, function=sparse_categorical_crossentropy, sparse=True
):
    """Compute -log p of the true class; targets are class numbers from 0.

    Fuses with a softmax output layer.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits z, of which p = softmax(z).
    ignore_class : int, optional
        Any whole number, -1 as well. Rows of this class have the loss 0 and are not counted by
        a mean.
    axis : -1

    Examples
    --------
    >>> from fastgd import losses
    >>> p = [[0.2, 0.8], [0.6, 0.4]]
    >>> round(float(losses.SparseCategoricalCrossentropy()([1, 0], p)), 4)
    0.367
    """

    fused = staticmethod(activations.softmax)

    def __init__(self, from_logits: bool = False, ignore_class: int | None = None,
                 reduction: str | None = "sum_over_batch_size", axis: int = -1,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(reduction, name, dtype)
        self.from_logits = boolean(from_logits, "from_logits")
        if ignore_class is not None:
            ignore_class = whole_number(ignore_class, "ignore_class", -MOST, MOST)
        self.ignore_class = ignore_class
        self.axis = last_axis(axis)

    def settings(self) -> list[float]:
        return [self.ignore_class is not None, self.ignore_class or 0]


def hinge(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of max(0, 1 - y p) over the last axis; see `Hinge`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.hinge([[1, -1], [0, 1]], [[0.5, 0.5], [-2.0, 1.0]])
    array([1., 0.])
    """
    return Hinge().call(y_true, y_pred)


class Hinge(FormulaLoss, function=hinge, elementwise=True, target_range=(-1, 1)):
    """Average max(0, 1 - y p) over outputs; targets y are -1 or 1, and 0 stands for -1.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Hinge()([[-1.0, 1.0]], [[0.2, 0.8]])), 4)
    0.7
    """


def squared_hinge(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of max(0, 1 - y p)² over the last axis; see `SquaredHinge`."""
    return SquaredHinge().call(y_true, y_pred)


class SquaredHinge(FormulaLoss, function=squared_hinge, elementwise=True, target_range=(-1, 1)):
    """Average max(0, 1 - y p)² over outputs; targets y are -1 or 1, and 0 stands for -1.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.SquaredHinge()([[-1.0, 1.0]], [[0.2, 0.8]])), 4)
    0.74
    """


def categorical_hinge(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return max(0, 1 + max of (1 - y) p - sum of y p) over the last axis; y is one-hot."""
    return CategoricalHinge().call(y_true, y_pred)


class CategoricalHinge(FormulaLoss, function=categorical_hinge, target_range=(0, 1)):
    """Compute max(0, 1 + max of (1 - y) p - sum of y p); targets y are one-hot.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalHinge()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.4
    """
