"""Axes of a row's shape, which stands flat in a buffer."""

import math

import numpy as np

from fastgd.errors import ArgumentError


def checked_axes(axis, input_shape, owner):
    """Axes as a sorted tuple of numbers from 1 on.

    Parameters
    ----------
    axis : int, or sequence of int
        Negative ones count from the end.
    input_shape : tuple
        (None, d...).
    owner : str
        The name of the layer.

    Raises
    ------
    ArgumentError
        For one that is not there, that of the rows, or one that is named twice.
    """
    given = [axis] if isinstance(axis, (int, np.integer)) else list(axis)
    count = len(input_shape)
    axes = sorted(int(a) + count if a < 0 else int(a) for a in given)
    if not axes or axes[0] < 1 or axes[-1] >= count or len(set(axes)) < len(axes):
        raise ArgumentError(
            f"axis: layer {owner!r} expects axes from 1 to {count - 1} or from {1 - count} "
            f"to -1 for shape {input_shape}, got {axis!r}"
        )
    return tuple(axes)


class AxesLast:
    """A buffer with some axes of its shape moved to the end, in their order.

    Parameters
    ----------
    table : fastgd._engine.plan.Table
    source : int
        The buffer.
    input_shape : tuple
        Its shape, (None, d...).
    axes : tuple of int
        From 1 on, sorted.

    Attributes
    ----------
    buffer : int
    groups, width : int
        How many groups there are, one after the other, and how wide one is: the product of
        the other axes and that of these.
    """

    def __init__(self, table, source, input_shape, axes):
        sizes = input_shape[1:]
        moved = tuple(axis - 1 for axis in axes)
        others = tuple(i for i in range(len(sizes)) if i not in moved)
        self._table = table
        self._columns = np.arange(math.prod(sizes)).reshape(sizes).transpose(others + moved)
        self._columns = self._columns.ravel()
        self.width = math.prod(sizes[i] for i in moved)
        self.groups = math.prod(sizes[i] for i in others)
        self.buffer = self._gathered(source, self._columns)

    def back(self, buffer):
        """A buffer of that form in the shape's own order."""
        return self._gathered(buffer, np.argsort(self._columns))

    def _gathered(self, buffer, columns):
        if (columns == np.arange(len(columns))).all():
            return buffer
        return self._table.gather(buffer, columns.tolist())
