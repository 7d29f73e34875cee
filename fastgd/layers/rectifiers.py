"""Layers that keep the positive part of their input and bend the rest."""

from fastgd import activations
from fastgd._core.formulas import Activation
from fastgd._data.validation import number
from fastgd.layers.base import Layer


class ReLU(Layer):
    """``activations.relu`` with its arguments.

    Parameters
    ----------
    max_value : float, optional
        At least 0; None is no limit.
    negative_slope, threshold : float
        At least 0.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> relu = layers.ReLU(max_value=1, negative_slope=0.5)
    >>> model = Sequential([layers.Input(shape=(2,)), relu])
    >>> model([[-1.0, 2.0]])
    array([[-0.5,  1. ]], dtype=float32)
    """

    def __init__(self, max_value=None, negative_slope=0.0, threshold=0.0, **kwargs):
        super().__init__(**kwargs)
        self.max_value = None if max_value is None else number(max_value, "max_value", 0)
        self.negative_slope = number(negative_slope, "negative_slope", 0)
        self.threshold = number(threshold, "threshold", 0)

    def emit(self, table, source):
        if (self.negative_slope, self.max_value, self.threshold) == (0, None, 0):
            return table.activation(activations.describe(activations.relu), source)
        description = activations.rectifier(self.negative_slope, self.max_value, self.threshold)
        return table.activation(description, source)

    def get_config(self):
        return super().get_config() | {
            "max_value": self.max_value,
            "negative_slope": self.negative_slope,
            "threshold": self.threshold,
        }


class LeakyReLU(Layer):
    """x where x >= 0, negative_slope x below.

    Parameters
    ----------
    negative_slope : float
        At least 0.
    **kwargs
        As for every layer.
    """

    def __init__(self, negative_slope=0.3, **kwargs):
        super().__init__(**kwargs)
        self.negative_slope = number(negative_slope, "negative_slope", 0)

    def emit(self, table, source):
        return table.activation(activations.rectifier(self.negative_slope), source)

    def get_config(self):
        return super().get_config() | {"negative_slope": self.negative_slope}


class ELU(Layer):
    """x where x > 0, alpha (exp(x) - 1) below.

    Parameters
    ----------
    alpha : float
    **kwargs
        As for every layer.
    """

    def __init__(self, alpha=1.0, **kwargs):
        super().__init__(**kwargs)
        self.alpha = number(alpha, "alpha")

    def emit(self, table, source):
        description = activations.Description(Activation.ACTIVATION_ELU, (self.alpha,))
        return table.activation(description, source)

    def get_config(self):
        return super().get_config() | {"alpha": self.alpha}
