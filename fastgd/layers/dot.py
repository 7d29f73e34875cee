"""Inner products of two inputs."""

import numpy as np

from fastgd._core.types import Merge, Op
from fastgd._data.validation import boolean
from fastgd.errors import DataTypeError, ShapeError
from fastgd.layers.axes import AxesLast, checked_axes
from fastgd.layers.layer_normalization import to_length_1
from fastgd.layers.several_inputs import SeveralInputs

#: Keras' lower bound for the lengths that ``normalize`` divides by.
SMALLEST_LENGTH = 1e-7


class Dot(SeveralInputs):
    """The sums of products along an axis of each of two inputs.

    Two inputs (n, d) give (n, 1). In general the other axes of the first input come first in
    the output, then those of the second.

    Parameters
    ----------
    axes : int or (int, int)
        That of both inputs, or of each.
    normalize : bool
        Whether to divide by the lengths along these axes: cosine similarity.
    **kwargs
        As for every layer.

    Raises
    ------
    ShapeError
        For any number of inputs but two, and for axes of different sizes.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Dot(axes=1)([[[1.0, 2.0]], [[3.0, 4.0]]])
    array([[11.]], dtype=float32)
    """

    def __init__(self, axes, normalize=False, **kwargs):
        super().__init__(**kwargs)
        pair = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        whole = [isinstance(a, (int, np.integer)) and not isinstance(a, bool) for a in pair]
        if len(pair) != 2 or not all(whole):
            raise DataTypeError(f"axes: expected a whole number, or two, got {axes!r}")
        self.axes = axes
        self._pair = tuple(map(int, pair))
        self.normalize = boolean(normalize, "normalize")

    def _axes(self, shapes):
        shapes = self._shapes(shapes, 2)
        axes = [
            checked_axes(axis, shape, self.name)
            for axis, shape in zip(self._pair, shapes, strict=True)
        ]
        sizes = [shape[axis[0]] for axis, shape in zip(axes, shapes, strict=True)]
        if sizes[0] != sizes[1]:
            raise ShapeError(
                f"inputs: layer {self.name!r} expects axes {self.axes} of one size, "
                f"got {sizes[0]} and {sizes[1]} in {shapes}"
            )
        return axes

    def compute_output_shape(self, input_shape):
        axes = self._axes(input_shape)
        rest = [
            size
            for (axis,), shape in zip(axes, input_shape, strict=True)
            for i, size in enumerate(shape)
            if i not in (0, axis)
        ]
        return (None, *(rest or [1]))

    def emit(self, table, source):
        sides = []
        axes = self._axes(table.input_shape)
        for buffer, shape, axis in zip(source, table.input_shape, axes, strict=True):
            moved = AxesLast(table, buffer, shape, axis)
            buffer = moved.buffer
            if self.normalize:
                buffer = to_length_1(table, buffer, moved.groups, SMALLEST_LENGTH)
            sides.append(_groups(table, buffer, moved.groups, moved.width))
        firsts, seconds = sides
        target = None
        if len(firsts) * len(seconds) > 1:
            target = table.buffer(len(firsts) * len(seconds))
        for i, first in enumerate(firsts):
            for k, second in enumerate(seconds):
                product = table.buffer(1)
                table.row(Op.OP_MERGE, first, product, kind=Merge.MERGE_DOT, second=second)
                if target is None:
                    return product
                table.copy(product, target, target_column=i * len(seconds) + k)
        return target

    def get_config(self):
        return super().get_config() | {"axes": self.axes, "normalize": self.normalize}


def _groups(table, buffer, groups, width):
    """The groups of a buffer, each in one of its own."""
    if groups == 1:
        return [buffer]
    return [table.copy(buffer, width=width, source_column=g * width) for g in range(groups)]


def dot(inputs, axes=-1, **kwargs):
    """``Dot(axes, **kwargs)(inputs)``."""
    return Dot(axes=axes, **kwargs)(inputs)
