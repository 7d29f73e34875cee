"""Axes of the shape of a row, which lies flat in a buffer."""

import math

import numpy as np

from fastgd.errors import ArgumentError


def checked_axes(axis, input_shape, owner):
    """Return axes, an int or a sequence of int, as a sorted tuple of numbers from 1 on."""
    given = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    count = len(input_shape)
    axes = sorted(int(a) + count if a < 0 else int(a) for a in given)
    if not axes or axes[0] < 1 or axes[-1] >= count or len(set(axes)) < len(axes):
        raise ArgumentError(
            f"axis: layer {owner!r} expects axes from 1 to {count - 1} or from {1 - count} "
            f"to -1 for shape {input_shape}, got {axis!r}"
        )
    return tuple(axes)


def gathered(table, buffer, columns):
    """Return a buffer of the columns of a buffer; the same one if they are in order."""
    if (columns == np.arange(columns.size)).all():
        return buffer
    return table.gather(buffer, columns.tolist())


class AxesLast:
    """Move some axes, from 1 on and sorted, of a buffer of a shape (None, d...) to the end.

    Attributes
    ----------
    buffer : int
    groups, width : int
        The number of groups, one after the other, and the width of each: the product of the
        other axes, and that of the moved ones.
    """

    def __init__(self, table, source, input_shape, axes):
        sizes = input_shape[1:]
        moved = tuple(axis - 1 for axis in axes)
        others = tuple(i for i in range(len(sizes)) if i not in moved)
        columns = np.arange(math.prod(sizes)).reshape(sizes).transpose(others + moved)
        self._table = table
        self._columns = columns.ravel()
        self.width = math.prod(sizes[i] for i in moved)
        self.groups = math.prod(sizes[i] for i in others)
        self.buffer = gathered(table, source, self._columns)

    def back(self, buffer):
        """Return a buffer with the axes moved back."""
        return gathered(self._table, buffer, np.argsort(self._columns))
