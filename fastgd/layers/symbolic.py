"""Symbolic tensors: what layers are called on to describe a graph, and its nodes."""

import weakref

from fastgd._autodiff.tensor import Symbolic
from fastgd._registry.names import unique_name
from fastgd.errors import DataTypeError


class KerasTensor(Symbolic):
    """Stands for rows of values that are not there yet; layers are called on it.

    Made by ``Input`` and by layers, not by hand.

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

    def __init__(self, shape, dtype="float32", name=None, node=None, index=0):
        self.shape = tuple(shape)
        self.dtype = dtype
        self.name = name or unique_name("keras_tensor")
        self.node = node
        self.index = index

    @property
    def ndim(self):
        """The number of dimensions, that of the rows included."""
        return len(self.shape)

    def __array__(self, *args, **kwargs):
        raise DataTypeError(f"{self!r} has no values: it describes a graph")

    def __bool__(self):
        raise DataTypeError(f"{self!r} has no values: a condition cannot depend on it")

    def __iter__(self):
        raise DataTypeError(f"{self!r} has no values: it cannot be iterated over")

    def __len__(self):
        raise DataTypeError(f"{self!r} has no values, and any number of rows")

    def __float__(self):
        raise DataTypeError(f"{self!r} has no values: it describes a graph")

    __int__ = __index__ = __float__

    def __repr__(self):
        return f"<KerasTensor shape={self.shape}, dtype={self.dtype}, name={self.name}>"


class Node:
    """One call of a layer on symbolic tensors.

    A tensor holds the node that it comes from, and with it all before it; not the other way
    round, so that a model that nobody needs any more goes at once. An output that was let go is
    made again when it is asked for.

    Attributes
    ----------
    layer : Layer
    inputs, outputs : KerasTensor or list of KerasTensor
        In the structure of the call.
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
        """The same call of another layer, on other inputs: a list of them."""
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
        """What the call has returned."""
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
    """What a reference to something that is gone gives."""
    return None


def listed(values):
    """A list of what is one thing or a list of things."""
    return list(values) if isinstance(values, list) else [values]


def is_shapes(shape):
    """Whether it is a list of shapes, not one: a shape begins with None or a number."""
    return isinstance(shape, (list, tuple)) and any(isinstance(s, (list, tuple)) for s in shape)


def is_symbolic(inputs):
    """Whether some input is a symbolic tensor."""
    values = inputs.values() if isinstance(inputs, dict) else inputs
    if isinstance(values, (list, tuple)) or isinstance(inputs, dict):
        return any(is_symbolic(value) for value in values)
    return isinstance(inputs, KerasTensor)


def shapes_of(inputs):
    """The shape of a symbolic tensor, or a list of those of several."""
    if isinstance(inputs, (list, tuple)):
        return [shapes_of(tensor) for tensor in inputs]
    if not isinstance(inputs, KerasTensor):
        raise DataTypeError(
            f"inputs: expected symbolic tensors alone, got {type(inputs).__name__} among them"
        )
    return inputs.shape
