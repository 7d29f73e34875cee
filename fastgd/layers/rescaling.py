"""Columns scaled and moved by numbers that are given."""

import numpy as np

from fastgd._core.types import Affine, Op
from fastgd._data.validation import numeric
from fastgd.errors import DataError, ShapeError
from fastgd.layers.base import Layer


class Rescaling(Layer):
    """scale x + offset.

    Parameters
    ----------
    scale, offset : float or array
        That go with the shape of a row, as NumPy broadcasts them.
    **kwargs
        As for every layer.

    Raises
    ------
    ShapeError
        For inputs that they do not go with.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Rescaling([1.0, 10.0], offset=1.0)([[1.0, 2.0]])
    array([[ 2., 21.]], dtype=float32)
    """

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(**kwargs)
        self.scale = _given(scale, "scale")
        self.offset = _given(offset, "offset")

    def compute_output_shape(self, input_shape):
        self._numbers(input_shape)
        return input_shape

    def _numbers(self, input_shape):
        """The scale of each column, then the offset of each."""
        return [
            element
            for name in ("scale", "offset")
            for element in over_columns(getattr(self, name), input_shape, name, self.name)
        ]

    def emit(self, table, source):
        return rescaled(table, source, self._numbers(table.input_shape))

    def get_config(self):
        return super().get_config() | {"scale": self.scale, "offset": self.offset}


def rescaled(table, source, numbers):
    """Add a row to a table: numbers are the scale of each column, then the offset of each."""
    target = table.buffer(table.widths[source])
    table.row(Op.OP_AFFINE, source, target, kind=Affine.AFFINE_RESCALE, settings=numbers)
    return target


def _given(values, argument):
    """A float, or an array of float64, of finite numbers."""
    array = np.array(numeric(values, argument), np.float64)
    if not np.isfinite(array).all():
        raise DataError(f"{argument}: expected finite numbers, got {values!r}")
    return float(array) if array.ndim == 0 else array


def over_columns(values, input_shape, argument, owner):
    """The number that goes with each element of a row: a list."""
    try:
        return np.broadcast_to(values, input_shape[1:]).ravel().tolist()
    except ValueError:
        raise ShapeError(
            f"{argument}: layer {owner!r} has numbers of shape {np.shape(values)}, which do "
            f"not go with inputs of shape {input_shape}"
        ) from None
