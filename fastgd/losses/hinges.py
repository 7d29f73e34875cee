"""Losses of margins."""

from fastgd._core import formulas
from fastgd._typing import Array, Data
from fastgd.losses.loss import FormulaLoss
from fastgd.tape import Tensor


def hinge(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of max(0, 1 - y p) over the last axis; see `Hinge`.

    Examples
    --------
    >>> from fastgd import losses
    >>> losses.hinge([[1, -1], [0, 1]], [[0.5, 0.5], [-2.0, 1.0]])
    array([1., 0.])
    """
    return Hinge().call(y_true, y_pred)


class Hinge(FormulaLoss):
    """Average max(0, 1 - y p) over outputs; targets y are -1 or 1, and 0 stands for -1.

    The parameters are reduction, name and dtype, as in `Loss`.

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


def squared_hinge(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return the mean of max(0, 1 - y p)² over the last axis; see `SquaredHinge`."""
    return SquaredHinge().call(y_true, y_pred)


class SquaredHinge(FormulaLoss):
    """Average max(0, 1 - y p)² over outputs; targets y are -1 or 1, and 0 stands for -1.

    The parameters are reduction, name and dtype, as in `Loss`.

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


def categorical_hinge(y_true: Data, y_pred: Data) -> Array | Tensor:
    """Return max(0, 1 + max of (1 - y) p - sum of y p) over the last axis; y is one-hot."""
    return CategoricalHinge().call(y_true, y_pred)


class CategoricalHinge(FormulaLoss):
    """Compute max(0, 1 + max of (1 - y) p - sum of y p); targets y are one-hot.

    The parameters are reduction, name and dtype, as in `Loss`.

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.CategoricalHinge()([[0.0, 1.0]], [[0.2, 0.8]])), 4)
    0.4
    """

    function = staticmethod(categorical_hinge)
    code = formulas.Loss.LOSS_CATEGORICAL_HINGE
    target_range = (0, 1)
