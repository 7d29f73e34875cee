"""What operators, operations and activations make of symbolic tensors: layers."""

import numbers

import numpy as np

from fastgd import activations
from fastgd._autodiff import array_rules as array_rules
from fastgd._autodiff import rules as rules
from fastgd._registry.names import unique_name
from fastgd.errors import DataTypeError
from fastgd.layers.activation import Activation, Softmax
from fastgd.layers.concatenate import Concatenate
from fastgd.layers.merging import Add, Maximum, Minimum, Multiply, Subtract
from fastgd.layers.rectifiers import ELU, LeakyReLU, ReLU
from fastgd.layers.rescaling import Rescaling
from fastgd.layers.reshaping import Reshape
from fastgd.layers.symbolic import KerasTensor


def add(a, b):
    """a + b."""
    if isinstance(b, numbers.Real):
        return Rescaling(1.0, b, name=unique_name("add"))(a)
    return Add()([a, b]) if isinstance(b, KerasTensor) else NotImplemented


def subtract(a, b):
    """a - b."""
    if isinstance(b, numbers.Real):
        return add(a, -b)
    return Subtract()([a, b]) if isinstance(b, KerasTensor) else NotImplemented


def subtract_from(a, b):
    """b - a."""
    if isinstance(b, numbers.Real):
        return Rescaling(-1.0, b, name=unique_name("subtract"))(a)
    return NotImplemented


def multiply(a, b):
    """a * b."""
    if isinstance(b, numbers.Real):
        return Rescaling(b, name=unique_name("multiply"))(a)
    return Multiply()([a, b]) if isinstance(b, KerasTensor) else NotImplemented


def divide(a, b):
    """a / b, for a number b."""
    return multiply(a, 1 / b) if isinstance(b, numbers.Real) else NotImplemented


def power(a, exponent):
    """a * a for the exponent 2; no layer does another."""
    return multiply(a, a) if exponent == 2 else NotImplemented


def negative(a):
    """-a."""
    return multiply(a, -1.0)


def _either(operation, reversed_operation):
    """An operation of two of which the second at least is a tensor, or the first."""

    def operate(a, b):
        return operation(a, b) if isinstance(a, KerasTensor) else reversed_operation(b, a)

    return operate


def _merged(layer):
    """What a layer makes of two tensors."""

    def merge(a, b):
        both = isinstance(a, KerasTensor) and isinstance(b, KerasTensor)
        return layer()([a, b]) if both else NotImplemented

    return merge


def _activation(function):
    """An activation of one tensor, as a layer."""
    return lambda x: Activation(function, name=unique_name(function.__name__))(x)


def _reshaped(x, newshape):
    """x reshaped, where the rows stay rows."""
    if not isinstance(newshape, (tuple, list)) or newshape[0] not in (-1, None):
        return NotImplemented
    return Reshape(newshape[1:])(x)


def _not_here(a, b):
    return NotImplemented


#: What stands for a function of ``fastgd.ops``: it gives NotImplemented for what no layer does.
_OPERATIONS = {
    np.add: _either(add, add),
    np.subtract: _either(subtract, subtract_from),
    np.multiply: _either(multiply, multiply),
    np.divide: _either(divide, _not_here),
    np.negative: negative,
    np.power: _either(power, _not_here),
    np.square: lambda x: multiply(x, x),
    np.maximum: _merged(Maximum),
    np.minimum: _merged(Minimum),
    np.concatenate: lambda xs, axis=0: Concatenate(axis)(xs),
    np.reshape: _reshaped,
    np.exp: _activation(activations.exponential),
    np.tanh: _activation(activations.tanh),
    rules.relu: _activation(activations.relu),
    rules.sigmoid: _activation(activations.sigmoid),
    rules.log_sigmoid: _activation(activations.log_sigmoid),
    rules.softplus: _activation(activations.softplus),
    rules.silu: _activation(activations.silu),
    rules.leaky_relu: lambda x, negative_slope: LeakyReLU(negative_slope)(x),
    rules.elu: lambda x, alpha: ELU(alpha)(x),
    array_rules.softmax: lambda x, axis: Softmax(axis)(x),
    array_rules.log_softmax: lambda x, axis: activated(
        x, activations.DESCRIPTIONS[activations.log_softmax], axis
    ),
}


def applied(tensor, function, args, kwargs):
    """What a function of ``fastgd.ops`` gives: see ``Symbolic.applied``.

    A function of each element that no layer has is an activation of one's own.

    Raises
    ------
    DataTypeError
        For what no layer does.
    """
    operation = _OPERATIONS.get(function)
    if operation is None and isinstance(function, np.ufunc) and function.nin == 1:
        operation = _activation(function)
    result = NotImplemented if operation is None else operation(*args, **kwargs)
    if result is NotImplemented:
        raise _no_layer(getattr(function, "__name__", function), tensor)
    return result


def activated(tensor, description, axis):
    """What an activation gives: see ``Symbolic.activated``."""
    name = "activation"
    if axis == -1:
        for function, known in (*activations.DESCRIPTIONS.items(), (activations.glu,) * 2):
            if description == known:
                return _activation(function)(tensor)
        if description.code == activations.rectifier().code:
            slope, largest, threshold = description.settings
            return ReLU(None if np.isinf(largest) else largest, slope, threshold)(tensor)
        if description.code == activations.DESCRIPTIONS[activations.elu].code:
            return ELU(*description.settings)(tensor)
        name = "an activation with such arguments"
    raise _no_layer(name, tensor)


def _no_layer(what, tensor):
    return DataTypeError(
        f"{what}: {tensor!r} describes a graph, which consists of layers, and no layer does "
        "that; for a function of each element, layers.Activation takes one of your own"
    )


KerasTensor.applied, KerasTensor.activated = applied, activated

for _name, _function in {
    "add": add, "radd": add, "sub": subtract, "rsub": subtract_from, "mul": multiply,
    "rmul": multiply, "truediv": divide, "neg": negative, "pow": power,
}.items():  # fmt: skip
    setattr(KerasTensor, f"__{_name}__", _function)
