"""Layers that change the shape of a row, or nothing: its numbers stay in place."""

import math
from typing import Any

import numpy as np

from fastgd._data.arguments import choice
from fastgd._engine.table import Table
from fastgd._typing import Shape
from fastgd.errors import ShapeError
from fastgd.layers.layer import Layer


class Identity(Layer):
    """Return the input.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Identity()([[1.0, 2.0]])
    array([[1., 2.]], dtype=float32)
    """

    def emit(self, table: Table, source: int) -> int:
        return source


class Flatten(Layer):
    """Reshape (n, d...) to (n, product of d...).

    Parameters
    ----------
    data_format : {"channels_last"}, optional
        The order of the axes of images: the last one stays last.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Flatten()([[[1.0, 2.0], [3.0, 4.0]]])
    array([[1., 2., 3., 4.]], dtype=float32)
    """

    def __init__(self, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.data_format = choice(data_format, "data_format", (None, "channels_last"))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        return (None, math.prod(input_shape[1:]))

    def emit(self, table: Table, source: int) -> int:
        return source


class Reshape(Layer):
    """Reshape (n, d...) to (n, target_shape...), the last axis running fastest.

    Parameters
    ----------
    target_shape : tuple of int
        The shape of a row; one of its numbers may be -1, to be found from the others.

    Raises
    ------
    ShapeError
        If it does not have as many elements as a row.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Reshape((2, -1))([[1.0, 2.0, 3.0, 4.0]]).shape
    (1, 2, 2)
    """

    def __init__(self, target_shape: int | Shape, **kwargs: Any):
        super().__init__(**kwargs)
        given = target_shape if isinstance(target_shape, (tuple, list)) else (target_shape,)
        whole = all(isinstance(d, (int, np.integer)) for d in given)
        if not given or not whole or min(given) < -1 or 0 in given or given.count(-1) > 1:
            raise ShapeError(
                "target_shape: expected numbers of at least 1, and at most one -1, "
                f"got {target_shape!r}"
            )
        self.target_shape = tuple(map(int, given))

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        size = math.prod(input_shape[1:])
        known = math.prod(d for d in self.target_shape if d > 0)
        rest = size // known
        if size != known * rest or (-1 not in self.target_shape and rest != 1):
            raise ShapeError(
                f"input_shape: layer {self.name!r} cannot make {self.target_shape} of the "
                f"{size} elements of {input_shape}"
            )
        return (None, *(rest if d == -1 else d for d in self.target_shape))

    def emit(self, table: Table, source: int) -> int:
        return source
