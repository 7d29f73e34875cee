"""Define the inputs of a model."""

import weakref
from typing import Any

from fastgd import config
from fastgd._data import validation
from fastgd._engine.table import Table
from fastgd._typing import Config, DType, Shape
from fastgd.errors import ArgumentError
from fastgd.layers.layer import Buffers, Layer
from fastgd.layers.symbolic import Node

#: The data types of whole numbers, which a model holds in its own data type.
_WHOLE = ("bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64")


class InputLayer(Layer):
    """Hold the shape of the rows of an input; the arguments are those of ``Input``."""

    def __init__(self, shape: int | Shape | None = None, batch_size: int | None = None,
                 dtype: DType | None = None, sparse: bool | None = None,
                 ragged: bool | None = None, batch_shape: Shape | None = None,
                 input_tensor: Any = None, optional: bool = False, name: str | None = None,
                 **kwargs: Any):  # fmt: skip
        for argument, value in {
            "sparse": sparse, "ragged": ragged, "tensor": input_tensor, "optional": optional,
        }.items():  # fmt: skip
            if value is not None and value is not False:
                raise ArgumentError(f"{argument}: not supported, got {value!r}; leave it out")
        if batch_shape is not None:
            shape = validation.batch_shape(batch_shape, "batch_shape")[1:]
        if shape is None:
            shape = kwargs.pop("input_shape", None)
        whole = str(dtype) in _WHOLE
        shape = validation.row_shape(shape, "shape")
        super().__init__(input_shape=shape, name=name, dtype=None if whole else dtype, **kwargs)
        self.batch_size = batch_size
        self.input_dtype = str(dtype) if whole else self.dtype or config.floatx()

    def _first_node(self, argument: str) -> Node:
        node = self._inbound_nodes[0]() if self._inbound_nodes else None
        if node is None:
            node = Node(self, [], self._input_shape, self.input_dtype, self.name)
            self._inbound_nodes[:1] = [weakref.ref(node)]
        return node

    def emit(self, table: Table, source: Buffers) -> Buffers:
        return source

    def get_config(self) -> Config:
        whole = self.dtype is None and self.input_dtype in _WHOLE
        return {
            "name": self.name, "trainable": self.trainable,
            "dtype": self.input_dtype if whole else self.dtype,
            "shape": self._input_shape[1:], "batch_size": self.batch_size,
        }  # fmt: skip


def Input(shape: int | Shape | None = None, batch_size: int | None = None,
          dtype: DType | None = None, sparse: bool | None = None, ragged: bool | None = None,
          batch_shape: Shape | None = None, name: str | None = None, tensor: Any = None,
          optional: bool = False) -> Any:  # fmt: skip
    """Return a KerasTensor that a model begins with; or first in a Sequential.

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
        Accepted as in Keras; leave these at their defaults.
    batch_shape : tuple, optional
        (None, d...), instead of `shape`.
    name : str, optional

    Raises
    ------
    ShapeError
        If the shape does not consist of positive numbers.

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
