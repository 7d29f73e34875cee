"""Columns scaled and shifted by given numbers."""

from typing import Any

import numpy as np

from fastgd._core.types import Affine, Op
from fastgd._data.validation import numeric
from fastgd._engine.table import Table
from fastgd._typing import Data, Shape
from fastgd.errors import DataError, ShapeError
from fastgd.layers.layer import Layer


class Rescaling(Layer):
    """Compute scale x + offset.

    Parameters
    ----------
    scale, offset : float or array
        Broadcast to the shape of a row, as in NumPy.
    **kwargs : as for every layer

    Raises
    ------
    ShapeError
        For inputs to whose shape they cannot be broadcast.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Rescaling([1.0, 10.0], offset=1.0)([[1.0, 2.0]])
    array([[ 2., 21.]], dtype=float32)
    """

    _arguments = ("scale", "offset")

    def __init__(self, scale: Data, offset: Data = 0.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.scale = _finite(scale, "scale")
        self.offset = _finite(offset, "offset")

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        self._numbers(input_shape)
        return input_shape

    def _numbers(self, input_shape):
        """Return the scale of each column, then the offset of each."""
        return [
            element
            for name in ("scale", "offset")
            for element in over_columns(getattr(self, name), input_shape, name, self.name)
        ]

    def emit(self, table: Table, source: int) -> int:
        return rescaled(table, source, self._numbers(table.input_shape))


def rescaled(table, source, numbers):
    """Return a rescaled buffer, by the scale of each column, then the offset of each."""
    target = table.buffer(table.widths[source])
    table.row(Op.OP_AFFINE, source, target, kind=Affine.AFFINE_RESCALE, settings=numbers)
    return target


def _finite(values, argument):
    """Return finite numbers as a float, or as an array of float64."""
    array = np.array(numeric(values, argument), np.float64)
    if not np.isfinite(array).all():
        raise DataError(f"{argument}: expected finite numbers, got {values!r}")
    return float(array) if array.ndim == 0 else array


def over_columns(values, input_shape, argument, owner):
    """Return the number for each element of a row as a list."""
    try:
        return np.broadcast_to(values, input_shape[1:]).ravel().tolist()
    except ValueError:
        raise ShapeError(
            f"{argument}: layer {owner!r} cannot broadcast numbers of shape "
            f"{np.shape(values)} to inputs of shape {input_shape}"
        ) from None
