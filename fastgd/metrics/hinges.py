"""Losses of margins as metrics."""

from fastgd import losses
from fastgd.metrics.compiled import LossMean


class Hinge(LossMean):
    """Mean of max(0, 1 - y p) over columns and rows; targets are -1 or 1, where 0 is -1 too.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.Hinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.3
    """

    def __init__(self, name="hinge", dtype=None):
        super().__init__(losses.Hinge(), name, dtype)


class SquaredHinge(LossMean):
    """Mean of max(0, 1 - y p)² over columns and rows; targets are -1 or 1, where 0 is -1 too.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.SquaredHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.86
    """

    def __init__(self, name="squared_hinge", dtype=None):
        super().__init__(losses.SquaredHinge(), name, dtype)


class CategoricalHinge(LossMean):
    """Mean of max(0, 1 + max of (1 - y) p - sum of y p) over rows; targets are one-hot.

    Parameters
    ----------
    name : str
    dtype : {"float32", "float64"}, optional

    Examples
    --------
    >>> from fastgd import metrics
    >>> round(metrics.CategoricalHinge()([[0, 1], [0, 0]], [[0.6, 0.4], [0.4, 0.6]]), 12)
    1.4
    """

    def __init__(self, name="categorical_hinge", dtype=None):
        super().__init__(losses.CategoricalHinge(), name, dtype)
