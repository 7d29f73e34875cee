"""Several inputs side by side."""

import math

import numpy as np

from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.layers.axes import checked_axes
from fastgd.layers.several_inputs import SeveralInputs


class Concatenate(SeveralInputs):
    """The inputs, one after the other along an axis.

    Parameters
    ----------
    axis : int
        Not that of the rows.
    **kwargs
        As for every layer.

    Raises
    ------
    ArgumentError, ShapeError
        For an axis that is not there, and for shapes that differ elsewhere.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Concatenate()([[[1.0, 2.0]], [[3.0]]])
    array([[1., 2., 3.]], dtype=float32)
    """

    def __init__(self, axis=-1, **kwargs):
        super().__init__(**kwargs)
        if isinstance(axis, bool) or not isinstance(axis, (int, np.integer)):
            raise DataTypeError(f"axis: expected a whole number, got {axis!r}")
        if axis == 0:
            raise ArgumentError("axis: the rows of a batch are not put one after the other")
        self.axis = int(axis)

    def compute_output_shape(self, input_shape):
        first = list(self._shapes(input_shape)[0])
        (axis,) = checked_axes(self.axis, first, self.name)
        for shape in input_shape[1:]:
            fits = len(shape) == len(first) and all(
                mine == size
                for i, (mine, size) in enumerate(zip(shape, first, strict=True))
                if i != axis
            )
            if not fits:
                raise ShapeError(
                    f"inputs: layer {self.name!r} expects shapes that differ along axis "
                    f"{self.axis} only, got {input_shape}"
                )
        total = sum(shape[axis] for shape in input_shape)
        return (*first[:axis], total, *first[axis + 1 :])

    def emit(self, table, source):
        shapes = table.input_shape
        (axis,) = checked_axes(self.axis, shapes[0], self.name)
        widths = [math.prod(shape[1:]) for shape in shapes]
        starts = np.cumsum([0, *widths]).tolist()
        target = table.buffer(starts[-1])
        for buffer, start in zip(source, starts, strict=False):
            table.copy(buffer, target, target_column=start)
        columns = np.concatenate(
            [
                np.arange(start, start + width).reshape(shape[1:])
                for start, width, shape in zip(starts, widths, shapes, strict=False)
            ],
            axis=axis - 1,
        ).ravel()
        if (columns == np.arange(starts[-1])).all():
            return target
        return table.gather(target, columns.tolist())

    def get_config(self):
        return super().get_config() | {"axis": self.axis}


def concatenate(inputs, axis=-1, **kwargs):
    """``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis=axis, **kwargs)(inputs)
