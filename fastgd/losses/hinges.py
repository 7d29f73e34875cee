"""Losses of margins."""

from fastgd._core import formulas
from fastgd.losses.base import Loss


def hinge(y_true, y_pred):
    """Mean of max(0, 1 - y p) over the last axis; targets are -1 or 1, where 0 is -1 too.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.hinge([[1, -1], [0, 1]], [[0.5, 0.5], [-2.0, 1.0]])
    array([1., 0.])
    """
    return Hinge().call(y_true, y_pred)


class Hinge(Loss):
    """Mean of max(0, 1 - y p) over outputs; targets are -1 or 1, where 0 is -1 too.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Hinge()([[-1.0, 1.0]], [[0.2, 0.8]])), 4)
    0.7
    """

    function = staticmethod(hinge)
    code = formulas.Loss.LOSS_HINGE
    elementwise = True
    target_range = (-1, 1)

    def __init__(self, reduction="sum_over_batch_size", name="hinge", dtype=None):
        super().__init__(name, reduction, dtype)


def squared_hinge(y_true, y_pred):
    """Mean of max(0, 1 - y p)² over the last axis; targets are -1 or 1, where 0 is -1 too."""
    return SquaredHinge().call(y_true, y_pred)


class SquaredHinge(Loss):
    """Mean of max(0, 1 - y p)² over outputs; targets are -1 or 1, where 0 is -1 too.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.SquaredHinge()([[-1.0, 1.0]], [[0.2, 0.8]])), 4)
    0.74
    """

    function = staticmethod(squared_hinge)
    code = formulas.Loss.LOSS_SQUARED_HINGE
    elementwise = True
    target_range = (-1, 1)

    def __init__(self, reduction="sum_over_batch_size", name="squared_hinge", dtype=None):
        super().__init__(name, reduction, dtype)


def categorical_hinge(y_true, y_pred):
    """max(0, 1 + max of (1 - y) p - sum of y p) over the last axis; targets are one-hot."""
    return CategoricalHinge().call(y_true, y_pred)


class CategoricalHinge(Loss):
    """max(0, 1 + max of (1 - y) p - sum of y p); targets are one-hot.

    Parameters
    ----------
    reduction, name, dtype
        As in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalHinge()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.4
    """

    function = staticmethod(categorical_hinge)
    code = formulas.Loss.LOSS_CATEGORICAL_HINGE
    target_range = (0, 1)

    def __init__(self, reduction="sum_over_batch_size", name="categorical_hinge", dtype=None):
        super().__init__(name, reduction, dtype)
