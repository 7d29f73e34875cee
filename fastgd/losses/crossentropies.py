"""Cross-entropies of probabilities or logits.

In a model whose output layer is activated by the function that a loss names as `fused`, the two
become one: the loss is taken from the logits, nothing is clipped, and its gradient is p - y.
"""

import math

from fastgd import activations
from fastgd._core import formulas
from fastgd._data.validation import boolean, number, whole_number
from fastgd.errors import ArgumentError, ShapeError
from fastgd.losses.base import Loss
from fastgd.losses.regression import last_axis


class Crossentropy(Loss):
    """What the cross-entropies of targets between 0 and 1 share."""

    arguments = ("from_logits", "label_smoothing", "axis")
    target_range = (0, 1)

    def __init__(self, from_logits, label_smoothing, axis, reduction, name, dtype):
        super().__init__(name, reduction, dtype)
        self.from_logits = boolean(from_logits, "from_logits")
        self.label_smoothing = number(label_smoothing, "label_smoothing", 0, 1)
        self.axis = last_axis(axis)

    def settings(self):
        return [self.label_smoothing]


def binary_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """Mean of -(y log p + (1 - y) log(1 - p)) over the last axis.

    p is y_pred, kept 1e-7 off 0 and 1; or, from logits z, sigmoid(z), and then the formula is
    log(1 + exp(z)) - y z, which is exact for every z. See `BinaryCrossentropy`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.binary_crossentropy([1.0, 0.0], [[0.0], [1e4]], from_logits=True)
    array([6.93147181e-01, 1.00000000e+04])
    """
    return BinaryCrossentropy(from_logits, label_smoothing, axis).call(y_true, y_pred)


class BinaryCrossentropy(Crossentropy):
    """Mean of -(y log p + (1 - y) log(1 - p)) over outputs; targets in [0, 1].

    Fuses with a sigmoid output layer.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits z, of which p = sigmoid(z).
    label_smoothing : float
        In [0, 1]: a target y is taken for y (1 - label_smoothing) + label_smoothing / 2.
    axis : -1
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.BinaryCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    function = staticmethod(binary_crossentropy)
    aliases = ("bce", "BCE")
    code = formulas.Loss.LOSS_BINARY_CROSSENTROPY
    elementwise = True
    logits_code = formulas.Loss.LOSS_BINARY_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.sigmoid)

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_crossentropy",
        dtype=None,
    ):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)


def binary_focal_crossentropy(
    y_true,
    y_pred,
    apply_class_balancing=False,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
):
    """Mean over the last axis of the focal loss; see `BinaryFocalCrossentropy`."""
    return BinaryFocalCrossentropy(
        apply_class_balancing, alpha, gamma, from_logits, label_smoothing, axis
    ).call(y_true, y_pred)


class BinaryFocalCrossentropy(Crossentropy):
    """Mean of w (1 - p_t)^gamma times the binary cross-entropy (Lin et al. 2017).

    p_t = y p + (1 - y)(1 - p), and w = alpha y + (1 - alpha)(1 - y) with class balancing, else
    1. Fuses with a sigmoid output layer.

    Parameters
    ----------
    apply_class_balancing : bool
    alpha : float
        The weight of class 1, in [0, 1].
    gamma : float
        How little what is known already counts; at least 0.
    from_logits, label_smoothing, axis
        As in `BinaryCrossentropy`.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.BinaryFocalCrossentropy(gamma=2.0)([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.0089
    """

    function = staticmethod(binary_focal_crossentropy)
    arguments = ("apply_class_balancing", "alpha", "gamma", *Crossentropy.arguments)
    code = formulas.Loss.LOSS_BINARY_FOCAL_CROSSENTROPY
    elementwise = True
    logits_code = formulas.Loss.LOSS_BINARY_FOCAL_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.sigmoid)

    def __init__(
        self,
        apply_class_balancing=False,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="binary_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        self.apply_class_balancing = boolean(apply_class_balancing, "apply_class_balancing")
        self.alpha = number(alpha, "alpha", 0, 1)
        self.gamma = number(gamma, "gamma", 0)

    def settings(self):
        return [self.label_smoothing, self.gamma, self.alpha, self.apply_class_balancing]


def categorical_crossentropy(y_true, y_pred, from_logits=False, label_smoothing=0.0, axis=-1):
    """-sum of y log p over the last axis; y_true holds a probability for each class.

    p is y_pred / sum of y_pred, kept 1e-7 off 0 and 1, or softmax(y_pred) from logits. See
    `CategoricalCrossentropy`.
    """
    return CategoricalCrossentropy(from_logits, label_smoothing, axis).call(y_true, y_pred)


class CategoricalCrossentropy(Crossentropy):
    """-sum of y log p; targets hold a probability for each class.

    Fuses with a softmax output layer.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits z, of which p = softmax(z).
    label_smoothing : float
        In [0, 1]: a target y is taken for y (1 - label_smoothing) + label_smoothing / classes.
    axis : -1
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.2231
    """

    function = staticmethod(categorical_crossentropy)
    aliases = ("cce", "CCE")
    code = formulas.Loss.LOSS_CATEGORICAL_CROSSENTROPY
    logits_code = formulas.Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.softmax)

    def __init__(
        self,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)


def categorical_focal_crossentropy(
    y_true,
    y_pred,
    alpha=0.25,
    gamma=2.0,
    from_logits=False,
    label_smoothing=0.0,
    axis=-1,
):
    """-sum of alpha (1 - p)^gamma y log p over the last axis.

    See `CategoricalFocalCrossentropy`.
    """
    return CategoricalFocalCrossentropy(alpha, gamma, from_logits, label_smoothing, axis).call(
        y_true, y_pred
    )


class CategoricalFocalCrossentropy(Crossentropy):
    """-sum of alpha (1 - p)^gamma y log p; targets hold a probability for each class.

    p is y_pred / sum of y_pred, kept 1e-7 off 0 and 1, or softmax(y_pred) from logits. Fuses
    with a softmax output layer.

    Parameters
    ----------
    alpha : float or sequence of float
        A weight for all classes, or for each.
    gamma : float
        How little what is known already counts; at least 0.
    from_logits, label_smoothing, axis
        As in `CategoricalCrossentropy`.
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalFocalCrossentropy()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.0022
    """

    function = staticmethod(categorical_focal_crossentropy)
    arguments = ("alpha", "gamma", *Crossentropy.arguments)
    code = formulas.Loss.LOSS_CATEGORICAL_FOCAL_CROSSENTROPY
    logits_code = formulas.Loss.LOSS_CATEGORICAL_FOCAL_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.softmax)

    def __init__(
        self,
        alpha=0.25,
        gamma=2.0,
        from_logits=False,
        label_smoothing=0.0,
        axis=-1,
        reduction="sum_over_batch_size",
        name="categorical_focal_crossentropy",
        dtype=None,
    ):
        super().__init__(from_logits, label_smoothing, axis, reduction, name, dtype)
        several = isinstance(alpha, (list, tuple)) or getattr(alpha, "ndim", 0) == 1
        self._alphas = [number(a, "alpha", 0) for a in (alpha if several else [alpha])]
        if not self._alphas:
            raise ArgumentError("alpha: expected a number, or one for each class")
        self.alpha = self._alphas if several else self._alphas[0]
        self.gamma = number(gamma, "gamma", 0)

    def settings(self):
        return [self.label_smoothing, self.gamma, len(self._alphas), *self._alphas]

    def target_columns(self, width):
        if len(self._alphas) not in (1, width):
            raise ShapeError(
                f"alpha: expected one number or {width}, one for each class, "
                f"got {len(self._alphas)}"
            )
        return width


def sparse_categorical_crossentropy(
    y_true, y_pred, from_logits=False, ignore_class=None, axis=-1
):
    """-log p of the true class; y_true holds class numbers, (...) or (..., 1).

    p is y_pred / sum of y_pred, kept 1e-7 off 0 and 1, or softmax(y_pred) from logits; rows of
    the class to ignore give 0. See `SparseCategoricalCrossentropy`.
    """
    loss = SparseCategoricalCrossentropy(from_logits, ignore_class, axis=axis)
    return loss.call(y_true, y_pred)


class SparseCategoricalCrossentropy(Loss):
    """-log p of the true class; targets are class numbers from 0.

    Fuses with a softmax output layer.

    Parameters
    ----------
    from_logits : bool
        Whether predictions are logits z, of which p = softmax(z).
    ignore_class : int, optional
        Rows of this class are left out, of a mean's divisor too. Any whole number, -1 as well.
    reduction
        As in `Loss`.
    axis : -1
    name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> p = [[0.2, 0.8], [0.6, 0.4]]
    >>> round(float(losses.SparseCategoricalCrossentropy()([1, 0], p)), 4)
    0.367
    """

    function = staticmethod(sparse_categorical_crossentropy)
    arguments = ("from_logits", "ignore_class", "axis")
    code = formulas.Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
    logits_code = formulas.Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS
    fused = staticmethod(activations.softmax)
    sparse = True

    def __init__(
        self,
        from_logits=False,
        ignore_class=None,
        reduction="sum_over_batch_size",
        axis=-1,
        name="sparse_categorical_crossentropy",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)
        self.from_logits = boolean(from_logits, "from_logits")
        if ignore_class is not None:
            ignore_class = whole_number(ignore_class, "ignore_class", -math.inf)
        self.ignore_class = ignore_class
        self.axis = last_axis(axis)

    def settings(self):
        return [self.ignore_class is not None, self.ignore_class or 0]
