"""Activations, with Keras' names: functions of arrays and tensors, and what the engine knows.

A function of this module takes an array or tensor of floating-point numbers (whole numbers are
taken as float64) and returns one of the same shape; a gradient tape follows it. Its mathematics
is that of ``fastgd.reference``.
"""

from dataclasses import replace

import numpy as np

from fastgd import ops
from fastgd._autodiff.tensor import Symbolic
from fastgd._core.formulas import Activation
from fastgd._core.types import Call
from fastgd._engine.plan import Description
from fastgd._registry.names import lookup
from fastgd._registry.objects import deserialize_object
from fastgd.errors import ShapeError
from fastgd.reference.activations import ACTIVATIONS
from fastgd.tape import GradientTape, Tensor, record, recording


def _floating(x):
    x = ops.convert_to_tensor(x)
    return x if x.dtype.kind == "f" else ops.cast(x, "float64")


def _applied(x, code, *settings, axis=-1):
    """An activation of an array or tensor, along an axis where it looks at whole rows."""
    if isinstance(x, Symbolic):
        return x.activated(Description(code, settings), axis)
    tensor = _floating(x)
    array = tensor.numpy() if isinstance(tensor, Tensor) else np.asarray(tensor)
    # a single number is a row of its own
    moved = np.moveaxis(array, axis, -1) if array.ndim else array[None]
    z = moved.reshape(-1, moved.shape[-1])
    function, gradient = ACTIVATIONS[code]

    def placed(rows):
        rows = rows.reshape(moved.shape)
        return np.ascontiguousarray(np.moveaxis(rows, -1, axis)) if array.ndim else rows[0]

    def backward(d_y):
        d_rows = (np.moveaxis(d_y, axis, -1) if array.ndim else d_y).reshape(z.shape)
        with np.errstate(all="ignore"):
            return [placed(gradient(z, y, d_rows, settings))]

    with np.errstate(all="ignore"):
        y = function(z, settings)
    return record(placed(y), [tensor], backward) if recording() else placed(y)


def linear(x):
    """x itself."""
    return x


def relu(x, negative_slope=0.0, max_value=None, threshold=0.0):
    """max(x, 0); in general max_value where x >= max_value, x where threshold <= x < max_value,
    and negative_slope (x - threshold) below.

    Examples
    --------
    >>> from fastgd import activations
    >>> activations.relu([-2.0, 3.0, 9.0], negative_slope=0.5, max_value=6)
    array([-1.,  3.,  6.])
    """
    if (negative_slope, max_value, threshold) == (0, None, 0):
        return _applied(x, Activation.ACTIVATION_RELU)
    description = rectifier(negative_slope, max_value, threshold)
    return _applied(x, description.code, *description.settings)


def rectifier(negative_slope=0.0, max_value=None, threshold=0.0):
    """The Description of ``relu`` with these arguments."""
    largest = np.inf if max_value is None else float(max_value)
    return Description(
        Activation.ACTIVATION_RECTIFIER, (float(negative_slope), largest, float(threshold))
    )


def leaky_relu(x, negative_slope=0.2):
    """x where x >= 0, negative_slope x below."""
    return relu(x, negative_slope=negative_slope)


def relu6(x):
    """min(max(x, 0), 6)."""
    return relu(x, max_value=6.0)


def elu(x, alpha=1.0):
    """x where x > 0, alpha (exp(x) - 1) below (Clevert et al. 2016)."""
    return _applied(x, Activation.ACTIVATION_ELU, alpha)


def selu(x):
    """1.0507... elu(x, 1.6732...) (Klambauer et al. 2017)."""
    return _applied(x, Activation.ACTIVATION_SELU)


def celu(x, alpha=1.0):
    """max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017)."""
    return _applied(x, Activation.ACTIVATION_CELU, alpha)


def gelu(x, approximate=False):
    """x Phi(x), Phi the distribution function of the normal (Hendrycks and Gimpel 2016).

    Approximately x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    """
    exact, rough = Activation.ACTIVATION_GELU, Activation.ACTIVATION_GELU_TANH
    return _applied(x, rough if approximate else exact)


def silu(x):
    """x sigmoid(x), also called swish."""
    return _applied(x, Activation.ACTIVATION_SILU)


def mish(x):
    """x tanh(softplus(x)) (Misra 2019)."""
    return _applied(x, Activation.ACTIVATION_MISH)


def softplus(x):
    """log(1 + exp(x))."""
    return _applied(x, Activation.ACTIVATION_SOFTPLUS)


def softsign(x):
    """x / (1 + abs(x))."""
    return _applied(x, Activation.ACTIVATION_SOFTSIGN)


def squareplus(x, b=4):
    """(x + sqrt(x^2 + b)) / 2 (Barron 2021)."""
    return _applied(x, Activation.ACTIVATION_SQUAREPLUS, b)


def sparse_plus(x):
    """0 up to -1, (x + 1)^2 / 4 from there to 1, then x."""
    return _applied(x, Activation.ACTIVATION_SPARSE_PLUS)


def sparse_sigmoid(x):
    """0 up to -1, (x + 1) / 2 from there to 1, then 1."""
    return _applied(x, Activation.ACTIVATION_SPARSE_SIGMOID)


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    return _applied(x, Activation.ACTIVATION_SIGMOID)


def log_sigmoid(x):
    """log(sigmoid(x)) = -softplus(-x)."""
    return _applied(x, Activation.ACTIVATION_LOG_SIGMOID)


def exponential(x):
    """exp(x)."""
    return _applied(x, Activation.ACTIVATION_EXPONENTIAL)


def tanh(x):
    """The hyperbolic tangent."""
    return _applied(x, Activation.ACTIVATION_TANH)


def tanh_shrink(x):
    """x - tanh(x)."""
    return _applied(x, Activation.ACTIVATION_TANH_SHRINK)


def soft_shrink(x, threshold=0.5):
    """x - threshold above threshold, x + threshold below -threshold, 0 between."""
    return _applied(x, Activation.ACTIVATION_SOFT_SHRINK, threshold)


def hard_shrink(x, threshold=0.5):
    """x where abs(x) > threshold, else 0."""
    return _applied(x, Activation.ACTIVATION_HARD_SHRINK, threshold)


def hard_tanh(x):
    """x kept between -1 and 1."""
    return _applied(x, Activation.ACTIVATION_HARD_TANH)


def hard_sigmoid(x):
    """relu6(x + 3) / 6."""
    return _applied(x, Activation.ACTIVATION_HARD_SIGMOID)


def hard_silu(x):
    """x relu6(x + 3) / 6, also called hard swish."""
    return _applied(x, Activation.ACTIVATION_HARD_SILU)


def threshold(x, threshold, default_value):
    """x where x > threshold, else default_value."""
    return _applied(x, Activation.ACTIVATION_THRESHOLD, threshold, default_value)


def softmax(x, axis=-1):
    """exp(x) / sum of exp(x) along an axis."""
    return _applied(x, Activation.ACTIVATION_SOFTMAX, axis=axis)


def log_softmax(x, axis=-1):
    """log(softmax(x))."""
    return _applied(x, Activation.ACTIVATION_LOG_SOFTMAX, axis=axis)


def glu(x, axis=-1):
    """a sigmoid(b), where a and b are the halves of x along an axis (Dauphin et al. 2017).

    It halves the width: in a model, ``layers.Activation("glu")``.

    Raises
    ------
    ShapeError
        If the axis has no halves.
    """
    if isinstance(x, Symbolic):
        return x.activated(glu, axis)
    x = _floating(x)
    if x.ndim == 0 or x.shape[axis] % 2:
        raise ShapeError(f"x: expected an even number along axis {axis}, got shape {x.shape}")
    x = ops.moveaxis(x, axis, -1)
    half = x.shape[-1] // 2
    return ops.moveaxis(x[..., :half] * sigmoid(x[..., half:]), -1, axis)


class UserActivation:
    """A function of the user's own as the engine calls it; see ``get``."""

    def __init__(self, function):
        self.function = function

    def value(self, z):
        """The activations of a matrix."""
        y = self.function(z)
        y = np.asarray(y[0] if isinstance(y, tuple) else y)
        if y.shape != z.shape:
            raise ShapeError(
                f"activation {_name(self.function)}: expected values of shape {z.shape}, "
                f"got {y.shape}"
            )
        return y

    def gradient(self, z, d_y):
        """The gradient of z from that of its activations."""
        with GradientTape() as tape:
            watched = tape.watch(z)
            y = self.function(watched)
        if isinstance(y, tuple):
            return d_y * np.asarray(y[1])
        return tape.gradient(y, watched, d_y, unconnected_gradients="zero")


def _name(function):
    return getattr(function, "__name__", repr(function))


#: What a layer may be activated by, with the default arguments.
DESCRIPTIONS = {
    linear: Description(Activation.ACTIVATION_LINEAR),
    relu: Description(Activation.ACTIVATION_RELU),
    leaky_relu: rectifier(0.2),
    relu6: rectifier(max_value=6.0),
    elu: Description(Activation.ACTIVATION_ELU, (1.0,)),
    selu: Description(Activation.ACTIVATION_SELU),
    celu: Description(Activation.ACTIVATION_CELU, (1.0,)),
    gelu: Description(Activation.ACTIVATION_GELU),
    silu: Description(Activation.ACTIVATION_SILU),
    mish: Description(Activation.ACTIVATION_MISH),
    softplus: Description(Activation.ACTIVATION_SOFTPLUS),
    softsign: Description(Activation.ACTIVATION_SOFTSIGN),
    squareplus: Description(Activation.ACTIVATION_SQUAREPLUS, (4.0,)),
    sparse_plus: Description(Activation.ACTIVATION_SPARSE_PLUS),
    sparse_sigmoid: Description(Activation.ACTIVATION_SPARSE_SIGMOID),
    sigmoid: Description(Activation.ACTIVATION_SIGMOID),
    log_sigmoid: Description(Activation.ACTIVATION_LOG_SIGMOID),
    exponential: Description(Activation.ACTIVATION_EXPONENTIAL),
    tanh: Description(Activation.ACTIVATION_TANH),
    tanh_shrink: Description(Activation.ACTIVATION_TANH_SHRINK),
    soft_shrink: Description(Activation.ACTIVATION_SOFT_SHRINK, (0.5,)),
    hard_shrink: Description(Activation.ACTIVATION_HARD_SHRINK, (0.5,)),
    hard_tanh: Description(Activation.ACTIVATION_HARD_TANH),
    hard_sigmoid: Description(Activation.ACTIVATION_HARD_SIGMOID),
    hard_silu: Description(Activation.ACTIVATION_HARD_SILU),
    softmax: Description(Activation.ACTIVATION_SOFTMAX),
    log_softmax: Description(Activation.ACTIVATION_LOG_SOFTMAX),
}
swish, hard_swish = silu, hard_silu
_BY_NAME = {function.__name__: function for function in (*DESCRIPTIONS, glu)}
_BY_NAME |= {"swish": silu, "hard_swish": hard_silu}


def get(identifier):
    """The activation for a name, None (linear) or an activation itself.

    A function of one's own takes rows of numbers and gives as many, written with NumPy or
    ``fastgd.ops``: its gradient comes from a tape. It may return a pair instead, (value,
    derivative of each element).

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
    if callable(identifier):
        return identifier
    return lookup("activation", identifier, _BY_NAME)


def describe(activation):
    """Return the Description of an activation: a function, or a Description itself."""
    if isinstance(activation, Description):
        return activation
    if activation in DESCRIPTIONS:
        return replace(DESCRIPTIONS[activation], function=activation)
    return Description(
        Call.CALL_FUNCTION, function=activation, called=UserActivation(activation)
    )


def serialize(activation):
    """What ``get`` takes back: a name, or a function of one's own itself."""
    known = activation in DESCRIPTIONS or activation is glu
    return activation.__name__ if known else activation


def deserialize(config, custom_objects=None):
    """The activation for what ``serialize`` gave, or for a name.

    Parameters
    ----------
    config : str, dict or callable
    custom_objects : dict, optional
        Name -> function, for those of your own that are not registered.
    """
    if isinstance(config, str) and config in (custom_objects or {}):
        return custom_objects[config]
    return get(deserialize_object(config, custom_objects))
