"""Losses of margins as metrics."""

from fastgd import losses
from fastgd.metrics.compiled_metric import FixedLossMean


class Hinge(FixedLossMean):
    """Average max(0, 1 - y p) over columns and rows; targets y are -1 or 1, 0 stands for -1.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.3
    """

    loss_class = losses.Hinge


class SquaredHinge(FixedLossMean):
    """Average max(0, 1 - y p)² over columns and rows; targets y are -1 or 1, 0 stands for -1.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.86
    """

    loss_class = losses.SquaredHinge


class CategoricalHinge(FixedLossMean):
    """Average max(0, 1 + max of (1 - y) p - sum of y p) over rows; targets y are one-hot.

    The parameters are name and dtype, as in `Metric`.

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.CategoricalHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.4
    """

    loss_class = losses.CategoricalHinge
