"""+, - and * of symbolic tensors: layers that add, subtract and multiply."""

import numbers

from fastgd._names import unique_name
from fastgd.layers.merging import Add, Multiply, Subtract
from fastgd.layers.rescaling import Rescaling
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


def negative(a):
    """-a."""
    return multiply(a, -1.0)


for _name, _function in {
    "add": add, "radd": add, "sub": subtract, "rsub": subtract_from, "mul": multiply,
    "rmul": multiply, "truediv": divide, "neg": negative,
}.items():  # fmt: skip
    setattr(KerasTensor, f"__{_name}__", _function)
