"""Symbolic tensors: what layers are called on to describe a graph, and its nodes."""

import weakref
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from fastgd._autodiff.tensor import Symbolic
from fastgd._engine.sizes import check_size
from fastgd._registry.names import checked_name, unique_name
from fastgd._typing import Shape
from fastgd.errors import DataTypeError

#: Function -> function of the same arguments that calls the layer that does the same; class of
#: functions -> function of the function and its arguments. They return a KerasTensor, or
#: NotImplemented if no layer does that. The package fills it: this module cannot import layers.
OPERATIONS: dict[Any, Callable[..., Any]] = {}


def _operate(function, *args, **kwargs):
    """Return what a function makes of symbolic tensors: a KerasTensor, or NotImplemented."""
    if function in OPERATIONS:
        return OPERATIONS[function](*args, **kwargs)
    if type(function) in OPERATIONS:
        return OPERATIONS[type(function)](function, *args, **kwargs)
    return NotImplemented


def _operator(function):
    return lambda self, other: _operate(function, self, other)


def _reflected(function):
    return lambda self, other: _operate(function, other, self)


class KerasTensor(Symbolic):
    """Stand for rows of values that do not exist yet; layers are called on it.

    ``Input`` and layers make it. Operators, functions of ``fastgd.ops`` and activations call
    the layer that computes the same.

    Attributes
    ----------
    shape : tuple
        (None, d...): any number of rows.
    dtype : str
    name : str
    node : Node
        The call that it comes from.
    index : int
        Which of that call's outputs it is.

    Examples
    --------
    >>> from fastgd import layers
    >>> x = layers.Input(shape=(4,), name="x")
    >>> x.shape, layers.Dense(2)(x).shape
    ((None, 4), (None, 2))
    """

    #: So that an array on the left of an operator leaves it to the tensor.
    __array_ufunc__ = None

    def __init__(self, shape: Shape, dtype: str = "float32", name: str | None = None,
                 node: "Node | None" = None, index: int = 0):  # fmt: skip
        self.shape = tuple(shape)
        check_size("a row", self.shape[1:])
        self.dtype = dtype
        self.name = checked_name(name) or unique_name("keras_tensor")
        self.node = node
        self.index = index

    @property
    def ndim(self) -> int:
        """The number of dimensions, that of the rows included."""
        return len(self.shape)

    def applied(self, function: Any, args: Any, kwargs: Any) -> Any:
        """Return what a function makes of this tensor, one of its arguments, by a layer.

        Raises
        ------
        DataTypeError
            If no layer does that.
        """
        result = _operate(function, *args, **kwargs)
        if result is NotImplemented:
            raise DataTypeError(
                f"{getattr(function, '__name__', 'activation')}: {self!r} describes a graph of "
                "layers, and no layer does this operation with these arguments. For a function "
                "of each element, use layers.Activation(function)"
            )
        return result

    __add__, __radd__ = _operator(np.add), _reflected(np.add)
    __sub__, __rsub__ = _operator(np.subtract), _reflected(np.subtract)
    __mul__, __rmul__ = _operator(np.multiply), _reflected(np.multiply)
    __truediv__, __pow__ = _operator(np.divide), _operator(np.power)

    def __neg__(self) -> Any:
        return _operate(np.negative, self)

    def _refuse(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise DataTypeError(
            f"{self!r} has no values: it describes a graph, so that arrays, conditions and "
            "loops cannot depend on it. Call a model of this graph with data instead"
        )

    __array__ = __bool__ = __iter__ = __len__ = __float__ = __int__ = __index__ = _refuse

    def __repr__(self) -> str:
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Node:
    """Hold one call of a layer on symbolic tensors.

    A tensor holds its node, and so all nodes before; a node holds its outputs by weak
    references, so that a model without users is freed at once. An output that is gone is made
    again on demand.

    Its `inputs` and `outputs` are tensors or lists of them, as in the call.
    """

    def __init__(self, layer, inputs, output_shape, dtype, name=None):
        self.layer = layer
        self.inputs = list(inputs) if isinstance(inputs, (list, tuple)) else inputs
        self._several = is_shapes(output_shape)
        self._shapes = output_shape if self._several else [output_shape]
        self._dtype = dtype
        self._names = [name] * len(self._shapes)
        self._tensors = [_gone] * len(self._shapes)

    def copied(self, layer, inputs):
        """Return this call for another layer and a list of other inputs."""
        twin = object.__new__(Node)
        vars(twin).update(vars(self))
        twin.layer = layer
        twin.inputs = inputs if isinstance(self.inputs, list) else inputs[0]
        twin._names, twin._tensors = list(self._names), [_gone] * len(self._shapes)
        layer._inbound_nodes.append(weakref.ref(twin))
        return twin

    @property
    def input_tensors(self):
        """The inputs in a list."""
        return listed(self.inputs)

    @property
    def output_tensors(self):
        """The outputs in a list."""
        return [self._output(index) for index in range(len(self._shapes))]

    @property
    def outputs(self):
        """The value of the call: a tensor, or a list of them."""
        return self.output_tensors if self._several else self._output(0)

    def _output(self, index):
        tensor = self._tensors[index]()
        if tensor is None:
            name = self._names[index]
            tensor = KerasTensor(self._shapes[index], self._dtype, name, self, index)
            self._names[index] = tensor.name
            self._tensors[index] = weakref.ref(tensor)
        return tensor


def _gone():
    """Return None, as a weak reference to a tensor that is gone does."""
    return None


def listed(values):
    """Return a list of one thing, or of the things in a list."""
    return list(values) if isinstance(values, list) else [values]


def is_shapes(shape):
    """Return whether this is a list of shapes; a shape itself begins with None or a number."""
    return isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple)) for s in shape)


def is_symbolic(inputs):
    """Return whether some input is a symbolic tensor."""
    inputs = list(inputs.values()) if isinstance(inputs, dict) else inputs
    if isinstance(inputs, (list, tuple)):
        return any(map(is_symbolic, inputs))
    return isinstance(inputs, KerasTensor)


def shapes_of(inputs):
    """Return the shape of a symbolic tensor, or a list of those of several."""
    if isinstance(inputs, (list, tuple)):
        return [shapes_of(tensor) for tensor in inputs]
    if not isinstance(inputs, KerasTensor):
        raise DataTypeError(
            f"inputs: expected symbolic tensors only, got {type(inputs).__name__} among them"
        )
    return inputs.shape
