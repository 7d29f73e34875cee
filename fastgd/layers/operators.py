"""The layers for operators, operations and activations of symbolic tensors."""

import functools
import numbers
from typing import Any

import numpy as np

from fastgd import activations
from fastgd._autodiff import array_rules, rules
from fastgd._engine.table import Description
from fastgd._registry.names import unique_name
from fastgd.layers.activations import ELU, Activation, LeakyReLU, ReLU, Softmax
from fastgd.layers.merging import Add, Concatenate, Maximum, Minimum, Multiply, Subtract
from fastgd.layers.reshaping import Reshape
from fastgd.layers.scaling import Rescaling
from fastgd.layers.symbolic import KerasTensor


def _merged(layer, a, b):
    """Return what a layer makes of two tensors."""
    both = isinstance(a, KerasTensor) and isinstance(b, KerasTensor)
    return layer()([a, b]) if both else NotImplemented


def _add(a, b):
    if isinstance(a, numbers.Real):
        a, b = b, a
    if isinstance(b, numbers.Real):
        return Rescaling(1.0, b, name=unique_name("add"))(a)
    return _merged(Add, a, b)


def _subtract(a, b):
    if isinstance(b, numbers.Real):
        return _add(a, -b)
    if isinstance(a, numbers.Real):
        return Rescaling(-1.0, a, name=unique_name("subtract"))(b)
    return _merged(Subtract, a, b)


def _multiply(a, b):
    if isinstance(a, numbers.Real):
        a, b = b, a
    if isinstance(b, numbers.Real):
        return Rescaling(b, name=unique_name("multiply"))(a)
    return _merged(Multiply, a, b)


def _divide(a, b):
    return _multiply(a, 1 / b) if isinstance(b, numbers.Real) else NotImplemented


def _power(a, exponent):
    return _multiply(a, a) if np.ndim(exponent) == 0 and exponent == 2 else NotImplemented


def _reshape(x, newshape):
    """Reshape x, if the rows stay rows."""
    rows_stay = isinstance(newshape, (tuple, list)) and newshape[0] in (-1, None)
    return Reshape(newshape[1:])(x) if rows_stay else NotImplemented


def _activate(function, x, axis=-1):
    """Apply an activation with its default arguments as a layer."""
    if axis != -1:
        return NotImplemented
    return Activation(function, name=unique_name(function.__name__))(x)


def _ufunc(function, *args):
    """Apply a function of each element that no layer has as a user-defined activation."""
    return _activate(function, *args) if function.nin == 1 else NotImplemented


def _described(description, x, axis):
    """Apply an activation of ``fastgd.activations`` with its arguments."""
    for function, known in activations.DESCRIPTIONS.items():
        if description == known:
            return _activate(function, x, axis)
    if description.code == activations.rectifier().code:
        slope, largest, threshold = description.settings
        return ReLU(None if np.isinf(largest) else largest, slope, threshold)(x)
    if description.code == activations.DESCRIPTIONS[activations.elu].code:
        return ELU(*description.settings)(x)
    return NotImplemented


#: What stands for a function, or for the functions of a class: see ``symbolic.OPERATIONS``.
OPERATIONS: dict[Any, Any] = {
    Description: _described,
    np.ufunc: _ufunc,
    np.add: _add,
    np.subtract: _subtract,
    np.multiply: _multiply,
    np.divide: _divide,
    np.negative: lambda x: _multiply(x, -1.0),
    np.power: _power,
    np.square: lambda x: _multiply(x, x),
    np.maximum: functools.partial(_merged, Maximum),
    np.minimum: functools.partial(_merged, Minimum),
    np.concatenate: lambda xs, axis=0: Concatenate(axis)(xs),
    np.reshape: _reshape,
    rules.leaky_relu: lambda x, negative_slope: LeakyReLU(negative_slope)(x),
    rules.elu: lambda x, alpha: ELU(alpha)(x),
    array_rules.softmax: lambda x, axis: Softmax(axis)(x),
} | {
    function: functools.partial(_activate, activation)
    for function, activation in (
        (np.exp, activations.exponential), (np.tanh, activations.tanh),
        (rules.relu, activations.relu), (rules.sigmoid, activations.sigmoid),
        (rules.log_sigmoid, activations.log_sigmoid), (rules.softplus, activations.softplus),
        (rules.silu, activations.silu), (array_rules.log_softmax, activations.log_softmax),
        (activations.glu, activations.glu),
    )
}  # fmt: skip
