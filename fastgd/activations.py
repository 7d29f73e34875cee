"""Activations, with Keras' names: functions of arrays and tensors, and their engine codes.

A function of this module takes an array or tensor of floating-point numbers (whole numbers are
taken as float64) and returns one of the same shape; a gradient tape follows it. Its formulas
are those of ``fastgd.reference``.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from fastgd import ops
from fastgd._autodiff.tensor import Symbolic, plain
from fastgd._core.formulas import Activation
from fastgd._core.types import Call
from fastgd._engine.table import Description
from fastgd._registry.advice import explain
from fastgd._registry.objects import Serializable
from fastgd._registry.registry import Registry
from fastgd._typing import Array, CustomObjects, Data, Identifier
from fastgd.errors import DataTypeError, ShapeError
from fastgd.reference.activations import ACTIVATIONS
from fastgd.tape import GradientTape, Tensor, record, recording


def _floating(x):
    x = ops.convert_to_tensor(x)
    return x if x.dtype.kind == "f" else ops.cast(x, "float64")


def _applied(x, code, *settings, axis=-1):
    """Apply an activation, along an axis if it is one of whole rows."""
    if isinstance(x, Symbolic):
        return x.applied(Description(code, settings), (x,), {"axis": axis})
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


def linear(x: Data) -> Any:
    """Return x."""
    return x


def relu(x: Data, negative_slope: float = 0.0, max_value: float | None = None,
         threshold: float = 0.0) -> Any:  # fmt: skip
    """Compute max(x, 0); in general max_value where x >= max_value, x where threshold < x <
    max_value, and negative_slope (x - threshold) from there down.

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


def rectifier(negative_slope: float = 0.0, max_value: float | None = None,
              threshold: float = 0.0) -> Description:  # fmt: skip
    """Return the Description of ``relu`` with these arguments."""
    largest = np.inf if max_value is None else float(max_value)
    return Description(
        Activation.ACTIVATION_RECTIFIER, (float(negative_slope), largest, float(threshold))
    )


def leaky_relu(x: Data, negative_slope: float = 0.2) -> Any:
    """Compute x where x >= 0, negative_slope x below."""
    return relu(x, negative_slope=negative_slope)


def relu6(x: Data) -> Any:
    """Compute min(max(x, 0), 6)."""
    return relu(x, max_value=6.0)


def elu(x: Data, alpha: float = 1.0) -> Any:
    """Compute x where x > 0, alpha (exp(x) - 1) below (Clevert et al. 2016)."""
    return _applied(x, Activation.ACTIVATION_ELU, alpha)


def celu(x: Data, alpha: float = 1.0) -> Any:
    """Compute max(x, 0) + min(0, alpha (exp(x / alpha) - 1)) (Barron 2017)."""
    return _applied(x, Activation.ACTIVATION_CELU, alpha)


def gelu(x: Data, approximate: bool = False) -> Any:
    """Compute x Phi(x), Phi the distribution function of the normal (Hendrycks, Gimpel 2016).

    Approximately x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2.
    """
    exact, rough = Activation.ACTIVATION_GELU, Activation.ACTIVATION_GELU_TANH
    return _applied(x, rough if approximate else exact)


def squareplus(x: Data, b: float = 4) -> Any:
    """Compute (x + sqrt(x^2 + b)) / 2 (Barron 2021)."""
    return _applied(x, Activation.ACTIVATION_SQUAREPLUS, b)


def soft_shrink(x: Data, threshold: float = 0.5) -> Any:
    """Compute x - threshold above threshold, x + threshold below -threshold, 0 between."""
    return _applied(x, Activation.ACTIVATION_SOFT_SHRINK, threshold)


def hard_shrink(x: Data, threshold: float = 0.5) -> Any:
    """Compute x where abs(x) > threshold, else 0."""
    return _applied(x, Activation.ACTIVATION_HARD_SHRINK, threshold)


def threshold(x: Data, threshold: float, default_value: float) -> Any:
    """Compute x where x > threshold, else default_value."""
    return _applied(x, Activation.ACTIVATION_THRESHOLD, threshold, default_value)


def softmax(x: Data, axis: int = -1) -> Any:
    """Compute exp(x) / sum of exp(x) along an axis."""
    return _applied(x, Activation.ACTIVATION_SOFTMAX, axis=axis)


def log_softmax(x: Data, axis: int = -1) -> Any:
    """Compute log(softmax(x))."""
    return _applied(x, Activation.ACTIVATION_LOG_SOFTMAX, axis=axis)


def _code(name: str) -> Activation:
    return Activation[f"ACTIVATION_{name.upper()}"]


def _elementwise(name: str, formula: str) -> Callable[[Data], Any]:
    """Return the activation of each element that has this name and no settings."""

    def activation(x: Data) -> Any:
        return _applied(x, _code(name))

    activation.__name__ = activation.__qualname__ = name
    activation.__doc__ = f"Compute {formula}."
    return activation


selu = _elementwise("selu", "1.0507... elu(x, 1.6732...) (Klambauer et al. 2017)")
silu = _elementwise("silu", "x sigmoid(x), also called swish")
mish = _elementwise("mish", "x tanh(softplus(x)) (Misra 2019)")
softplus = _elementwise("softplus", "log(1 + exp(x))")
softsign = _elementwise("softsign", "x / (1 + abs(x))")
sparse_plus = _elementwise("sparse_plus", "0 up to -1, (x + 1)^2 / 4 from there to 1, then x")
sparse_sigmoid = _elementwise("sparse_sigmoid", "0 up to -1, (x + 1) / 2 up to 1, then 1")
sigmoid = _elementwise("sigmoid", "1 / (1 + exp(-x))")
log_sigmoid = _elementwise("log_sigmoid", "log(sigmoid(x)) = -softplus(-x)")
exponential = _elementwise("exponential", "exp(x)")
tanh = _elementwise("tanh", "the hyperbolic tangent of x")
tanh_shrink = _elementwise("tanh_shrink", "x - tanh(x)")
hard_tanh = _elementwise("hard_tanh", "x clipped to [-1, 1]")
hard_sigmoid = _elementwise("hard_sigmoid", "relu6(x + 3) / 6")
hard_silu = _elementwise("hard_silu", "x relu6(x + 3) / 6, also called hard swish")


def glu(x: Data, axis: int = -1) -> Any:
    """Compute a sigmoid(b), a and b the halves of x along an axis (Dauphin et al. 2017).

    It halves the width: in a model, use ``layers.Activation("glu")``.

    Raises
    ------
    ShapeError
        If the length of the axis is odd.
    """
    if isinstance(x, Symbolic):
        return x.applied(glu, (x,), {"axis": axis})
    x = _floating(x)
    if x.ndim == 0 or x.shape[axis] % 2:
        raise ShapeError(f"x: expected an even number along axis {axis}, got shape {x.shape}")
    x = ops.moveaxis(x, axis, -1)
    half = x.shape[-1] // 2
    return ops.moveaxis(x[..., :half] * sigmoid(x[..., half:]), -1, axis)


class UserActivation:
    """Call a user-defined function from the engine; see ``get``."""

    def __init__(self, function: Callable[..., Any]):
        self.function = function

    def value(self, z: Array) -> Array:
        """Return the activations of a matrix."""
        y = self.function(z)
        y = np.asarray(plain(y[0] if isinstance(y, tuple) else y))
        if y.shape != z.shape:
            name = getattr(self.function, "__name__", repr(self.function))
            raise ShapeError(
                f"activation {name}: expected values of shape {z.shape}, got {y.shape}"
            )
        return y

    def gradient(self, z: Array, d_y: Array) -> Array:
        """Return the gradient of z from that of its activations."""
        with GradientTape() as tape:
            watched = tape.watch(z)
            y = self.function(watched)
        if isinstance(y, tuple):
            return d_y * np.asarray(plain(y[1]))
        return plain(tape.gradient(y, watched, d_y, unconnected_gradients="zero"))


_SETTINGS: dict[Callable[..., Any], tuple[float, ...]] = {
    elu: (1.0,), celu: (1.0,), squareplus: (4.0,), soft_shrink: (0.5,), hard_shrink: (0.5,),
}  # fmt: skip
#: Activation -> its Description with the default arguments.
DESCRIPTIONS: dict[Callable[..., Any], Description] = {
    f: Description(_code(f.__name__), _SETTINGS.get(f, ()), function=f)
    for f in (
        linear, relu, elu, celu, gelu, squareplus, soft_shrink, hard_shrink, selu, silu, mish,
        softplus, softsign, sparse_plus, sparse_sigmoid, sigmoid, log_sigmoid, exponential,
        tanh, tanh_shrink, hard_tanh, hard_sigmoid, hard_silu, softmax, log_softmax,
    )
} | {
    f: replace(description, function=f)
    for f, description in ((leaky_relu, rectifier(0.2)), (relu6, rectifier(max_value=6.0)))
}  # fmt: skip
_NEVER_FALLING = [
    DESCRIPTIONS[f].code
    for f in (
        linear, relu, sigmoid, tanh, selu, softplus, softsign, squareplus, sparse_plus,
        sparse_sigmoid, log_sigmoid, exponential, tanh_shrink, soft_shrink, hard_shrink,
        hard_tanh, hard_sigmoid,
    )
]  # fmt: skip
swish, hard_swish = silu, hard_silu
REGISTRY = Registry(
    "activation", __name__, classes=(), functions=(*DESCRIPTIONS, glu), unnamed=(threshold,),
    aliases={"swish": silu, "hard_swish": hard_silu},
)  # fmt: skip


def get(identifier: Identifier) -> Callable[..., Any]:
    """Return the activation for a name, None (linear) or an activation itself.

    Your own function takes rows of numbers and returns as many, written with NumPy or
    ``fastgd.ops``: its gradient comes from a tape. It may return a pair instead, (value,
    derivative of each element).

    Raises
    ------
    UnknownNameError
        Listing the names there are.
    DataTypeError
        For an object of another kind, such as a metric.

    Examples
    --------
    >>> from fastgd import activations
    >>> activations.get("relu") is activations.relu
    True
    """
    found: Any = linear if identifier is None else REGISTRY.get(identifier)
    if isinstance(found, Serializable) and not hasattr(found, "emit"):  # which layers have
        raise DataTypeError(f"activation: expected a function of an array, got {found!r}")
    return found


def describe(activation: Callable[..., Any] | Description) -> Description:
    """Return the Description of an activation: a function, or a Description itself."""
    if isinstance(activation, Description):
        return activation
    if activation in DESCRIPTIONS:
        return DESCRIPTIONS[activation]
    return Description(
        Call.CALL_FUNCTION, function=activation, called=UserActivation(activation)
    )


def never_falls(code: int, settings: Sequence[float] = ()) -> bool:
    """Return whether an activation of elements, by code and settings, is non-decreasing.

    False also for those that take whole rows, and for functions of Python.

    Examples
    --------
    >>> from fastgd import activations
    >>> [activations.never_falls(activations.describe(f).code) for f in (tanh, gelu)]
    [True, False]
    """
    c = [float(setting) for setting in settings[:3]]
    if code == Activation.ACTIVATION_RECTIFIER:  # at its threshold it jumps from 0 to that
        return c[0] >= 0 and c[1] >= 0 and c[2] >= 0
    if code in (Activation.ACTIVATION_ELU, Activation.ACTIVATION_CELU):
        return c[0] >= 0
    if code == Activation.ACTIVATION_THRESHOLD:
        return c[1] <= c[0]
    return code in _NEVER_FALLING


def serialize(activation: Callable[..., Any]) -> str | Callable[..., Any]:
    """Return the name of an activation, which ``get`` takes, or your own function itself."""
    known = activation in DESCRIPTIONS or activation is glu
    return activation.__name__ if known else activation


def deserialize(config: Any, custom_objects: CustomObjects | None = None) -> Callable[..., Any]:
    """Return the activation for a result of ``serialize``, or for a name.

    Parameters
    ----------
    config : str, dict or callable
    custom_objects : dict, optional
        Name -> your own function, if it is not registered.
    """
    return get(REGISTRY.deserialize(config, custom_objects))


if not TYPE_CHECKING:
    __getattr__ = explain(globals())
