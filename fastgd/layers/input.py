"""The inputs of a model."""

import weakref

from fastgd import config
from fastgd._data import validation
from fastgd.errors import ArgumentError
from fastgd.layers.base import Layer
from fastgd.layers.symbolic import Node

#: What an input may be called in the symbolic graph, besides the data types of models: numbers
#: that a model holds in its own data type.
_WHOLE = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


class InputLayer(Layer):
    """Says what shape a row has; computes nothing. See ``Input``, whose arguments it takes."""

    def __init__(
        self, shape=None, batch_size=None, dtype=None, sparse=None, ragged=None,
        batch_shape=None, input_tensor=None, optional=False, name=None, **kwargs,
    ):  # fmt: skip
        for argument, value in {
            "sparse": sparse, "ragged": ragged, "tensor": input_tensor, "optional": optional,
        }.items():  # fmt: skip
            if value is not None and value is not False:
                raise ArgumentError(f"{argument}: not supported, got {value!r}")
        if batch_shape is not None:
            shape = validation.batch_shape(batch_shape, "batch_shape")[1:]
        if shape is None:
            shape = kwargs.pop("input_shape", None)
        whole = str(dtype) in _WHOLE
        shape = validation.row_shape(shape, "shape")
        super().__init__(input_shape=shape, name=name, dtype=None if whole else dtype, **kwargs)
        self.batch_size = batch_size
        self.input_dtype = str(dtype) if whole else self.dtype or config.floatx()

    def _first_node(self, argument):
        if not self._inbound_nodes or self._inbound_nodes[0]() is None:
            node = Node(self, [], self._input_shape, self.input_dtype, self.name)
            self._inbound_nodes[:1] = [weakref.ref(node)]
            return node
        return self._inbound_nodes[0]()

    def emit(self, table, source):
        return source

    def get_config(self):
        whole = self.dtype is None and self.input_dtype in _WHOLE
        return super().get_config() | {
            "shape": self._input_shape[1:],
            "batch_size": self.batch_size,
            "dtype": self.input_dtype if whole else self.dtype,
        }


def Input(shape=None, batch_size=None, dtype=None, sparse=None, ragged=None, batch_shape=None,
          name=None, tensor=None, optional=False):  # fmt: skip
    """A symbolic tensor that a model begins with; or first in a Sequential.

    Parameters
    ----------
    shape : tuple of int
        The shape of one row, such as (features,).
    batch_size : int, optional
        Accepted as in Keras; a model takes any number of rows.
    dtype : str, optional
        "float32" or "float64": the data type of the model. Whole numbers ("int32") are held in
        the model's own data type.
    sparse, ragged, tensor, optional
        Accepted as in Keras; have to be left at their defaults.
    batch_shape : tuple, optional
        (None, d...), instead of `shape`.
    name : str, optional

    Returns
    -------
    KerasTensor

    Raises
    ------
    ShapeError
        If the shape is anything but positive numbers.

    Examples
    --------
    >>> from fastgd import layers
    >>> x = layers.Input(shape=(4,))
    >>> layers.Dense(1)(x).shape
    (None, 1)
    """
    return InputLayer(
        shape, batch_size, dtype, sparse, ragged, batch_shape, tensor, optional, name
    ).output
