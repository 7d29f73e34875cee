"""Layers that change the shape of a row, or nothing: its numbers stay where they are."""

import math

import numpy as np

from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.base import Layer


class Identity(Layer):
    """The input itself.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Identity()([[1.0, 2.0]])
    array([[1., 2.]], dtype=float32)
    """

    def emit(self, table, source):
        return source


class Flatten(Layer):
    """(n, d...) becomes (n, product of d...).

    Parameters
    ----------
    data_format : {"channels_last"}, optional
        The order of the axes of images: the last one stays last.
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Flatten()([[[1.0, 2.0], [3.0, 4.0]]])
    array([[1., 2., 3., 4.]], dtype=float32)
    """

    def __init__(self, data_format=None, **kwargs):
        super().__init__(**kwargs)
        if data_format not in (None, "channels_last"):
            raise ArgumentError(f"data_format: expected 'channels_last', got {data_format!r}")
        self.data_format = data_format

    def compute_output_shape(self, input_shape):
        return (None, math.prod(input_shape[1:]))

    def emit(self, table, source):
        return source

    def get_config(self):
        return super().get_config() | {"data_format": self.data_format}


class Reshape(Layer):
    """(n, d...) becomes (n, target_shape...), the last axis running fastest.

    Parameters
    ----------
    target_shape : tuple of int
        The shape of a row; one of its numbers may be -1 and is then found from the others.
    **kwargs
        As for every layer.

    Raises
    ------
    ShapeError
        Where it has not as many elements as a row.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 2, 2)
    """

    def __init__(self, target_shape, **kwargs):
        super().__init__(**kwargs)
        given = target_shape if isinstance(target_shape, (tuple, list)) else (target_shape,)
        whole = all(isinstance(d, (int, np.integer)) for d in given)
        if not given or not whole or min(given) < -1 or 0 in given or given.count(-1) > 1:
            raise ShapeError(
                "target_shape: expected numbers of at least 1, and at most one -1, "
                f"got {target_shape!r}"
            )
        self.target_shape = tuple(map(int, given))

    def compute_output_shape(self, input_shape):
        size = math.prod(input_shape[1:])
        known = math.prod(d for d in self.target_shape if d > 0)
        rest = size // known
        fits = size == known * rest and (-1 in self.target_shape or rest == 1)
        if not fits:
            raise ShapeError(
                f"input_shape: layer {self.name!r} cannot make {self.target_shape} of the "
                f"{size} elements of {input_shape}"
            )
        return (None, *(rest if d == -1 else d for d in self.target_shape))

    def emit(self, table, source):
        return source

    def get_config(self):
        return super().get_config() | {"target_shape": self.target_shape}
