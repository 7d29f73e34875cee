"""Activations, with Keras' names: functions for arrays and tensors, codes for the engine."""

from fastgd import ops
from fastgd._core.types import Activation
from fastgd._names import lookup


def linear(x):
    """x itself."""
    return x


def relu(x):
    """max(x, 0)."""
    return ops.relu(x)


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return ops.sigmoid(x)


def tanh(x):
    """The hyperbolic tangent."""
    return ops.tanh(x)


def softmax(x, axis=-1):
    """exp(x) / sum of exp(x) along an axis."""
    return ops.softmax(x, axis=axis)


#: What a layer may be activated by: the function and its code in the engine.
CODES = {
    linear: Activation.ACTIVATION_LINEAR,
    relu: Activation.ACTIVATION_RELU,
    sigmoid: Activation.ACTIVATION_SIGMOID,
    tanh: Activation.ACTIVATION_TANH,
    softmax: Activation.ACTIVATION_SOFTMAX,
}
_BY_NAME = {function.__name__: function for function in CODES}


def get(identifier):
    """The activation for a name, None (linear) or an activation itself.

    Raises
    ------
    UnknownNameError
        Listing the names there are.

    Examples
    --------
    >>> from fastgd import activations
    >>> activations.get("relu") is activations.relu
    True
    """
    if identifier is None:
        return linear
    if callable(identifier) and identifier in CODES:
        return identifier
    return lookup("activation", identifier, _BY_NAME)
