"""The shape of a model's input."""

from fastgd._validate import row_width
from fastgd.layers.base import Layer


class InputLayer(Layer):
    """Says how wide a row is; computes nothing."""

    def __init__(self, shape, name=None, dtype=None):
        super().__init__(input_shape=(row_width(shape, "shape"),), name=name, dtype=dtype)

    def emit(self, table, source):
        return source

    def get_config(self):
        return super().get_config() | {"shape": (self.input_width,)}


def Input(shape, name=None, dtype=None):
    """The input of a model: ``Input(shape=(features,))``, first in a Sequential.

    Parameters
    ----------
    shape : tuple of int
        The shape of one row, (features,).
    name : str, optional
    dtype : {"float32", "float64"}, optional
        The data type of the model.

    Raises
    ------
    ShapeError
        If the shape is anything but one positive number.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> Sequential([layers.Input(shape=(4,)), layers.Dense(1)]).output_shape
    (None, 1)
    """
    return InputLayer(shape, name=name, dtype=dtype)
