"""Layers that make one of several inputs: element by element, side by side, inner products."""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd._core.types import Merge, Op
from fastgd._data.validation import boolean, whole_number
from fastgd._engine.table import Table
from fastgd._typing import Shape
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.layers.layer import Layer, Values
from fastgd.layers.normalization import AxesLast, checked_axes, gathered, to_length_1
from fastgd.layers.scaling import rescaled

#: Keras' lower bound for the lengths that ``Dot(normalize=True)`` divides by.
SMALLEST_DOT_LENGTH = 1e-7


class SeveralInputs(Layer):
    """Take a list of inputs."""

    several_inputs = True

    def _shapes(self, input_shape, count=None):
        """Return the shapes of the inputs, checked; of `count` inputs, if that is given."""
        shapes = self.checked_shape(input_shape)
        if count not in (None, len(shapes)):
            raise ShapeError(
                f"inputs: layer {self.name!r} expects {count} inputs, got {len(shapes)}"
            )
        return shapes


class _Merging(SeveralInputs):
    """Merge inputs that are broadcast as in NumPy, but for their rows."""

    #: The merge of the first two inputs, then of the result and the third one, and so on.
    kind: Merge

    def __init_subclass__(cls, kind: Merge | None = None) -> None:
        super().__init_subclass__()
        cls.kind = cls.kind if kind is None else kind

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        shapes = self._shapes(input_shape)
        try:
            sizes = np.broadcast_shapes(*(shape[1:] for shape in shapes))
        except ValueError:
            raise ShapeError(
                f"inputs: layer {self.name!r} cannot broadcast shapes {input_shape} to one"
            ) from None
        return (None, *sizes)

    def emit(self, table: Table, source: list[int]) -> int:
        sizes = self.compute_output_shape(table.input_shape)[1:]
        merged, *others = (
            _broadcast(table, buffer, shape[1:], sizes)
            for buffer, shape in zip(source, table.input_shape, strict=True)
        )
        for buffer in others:
            target = table.buffer(max(table.widths[merged], table.widths[buffer]))
            merged = table.row(Op.OP_MERGE, merged, target, kind=self.kind, second=buffer)
        return _broadcast(table, merged, (table.widths[merged],), (math.prod(sizes),))


def _broadcast(table, buffer, sizes, wanted):
    """Broadcast a buffer; one of width 1 stays, for a merge broadcasts it itself."""
    columns = np.arange(math.prod(sizes)).reshape(sizes)
    if columns.size in (1, math.prod(wanted)):
        return buffer
    return table.gather(buffer, np.broadcast_to(columns, wanted).ravel().tolist())


class Add(_Merging, kind=Merge.MERGE_ADD):
    """Compute the sum of the inputs.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Add()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[11., 22.]], dtype=float32)
    """


class Subtract(_Merging, kind=Merge.MERGE_SUBTRACT):
    """Compute the first input minus the second.

    Raises
    ------
    ShapeError
        For any number of inputs but two.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Subtract()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[ -9., -18.]], dtype=float32)
    """

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        return super().compute_output_shape(self._shapes(input_shape, 2))


class Multiply(_Merging, kind=Merge.MERGE_MULTIPLY):
    """Compute the product of the inputs.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Multiply()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[10., 40.]], dtype=float32)
    """


class Average(_Merging, kind=Merge.MERGE_ADD):
    """Compute the mean of the inputs.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Average()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[ 5.5, 11. ]], dtype=float32)
    """

    def emit(self, table: Table, source: list[int]) -> int:
        total = super().emit(table, source)
        width = table.widths[total]
        return rescaled(table, total, [1 / len(source)] * width + [0.0] * width)


class Maximum(_Merging, kind=Merge.MERGE_MAXIMUM):
    """Compute the largest of the inputs.

    Where two inputs are equal, each gets half of the gradient.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Maximum()([[[1.0, 20.0]], [[10.0, 2.0]]])
    array([[10., 20.]], dtype=float32)
    """


class Minimum(_Merging, kind=Merge.MERGE_MINIMUM):
    """Compute the smallest of the inputs.

    Where two inputs are equal, each gets half of the gradient.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Minimum()([[[1.0, 20.0]], [[10.0, 2.0]]])
    array([[1., 2.]], dtype=float32)
    """


def _function(layer: type[_Merging]) -> Callable[..., Values]:
    """Return the function that calls a layer on a list of inputs."""

    def merge(inputs: Values, **kwargs: Any) -> Values:
        return layer(**kwargs)(inputs)

    merge.__name__ = merge.__qualname__ = layer.__name__.lower()
    merge.__doc__ = f"Return ``{layer.__name__}(**kwargs)(inputs)``."
    return merge


add, subtract, multiply = _function(Add), _function(Subtract), _function(Multiply)
average, maximum, minimum = _function(Average), _function(Maximum), _function(Minimum)


class Concatenate(SeveralInputs):
    """Put the inputs one after the other along an axis.

    Parameters
    ----------
    axis : int
        Not that of the rows.

    Raises
    ------
    ArgumentError, ShapeError
        For an axis that does not exist, and for shapes that differ along other axes.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Concatenate()([[[1.0, 2.0]], [[3.0]]])
    array([[1., 2., 3.]], dtype=float32)
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = whole_number(axis, "axis", -math.inf)
        if axis == 0:
            raise ArgumentError("axis: the rows of a batch cannot be concatenated, got 0")

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        first = list(self._shapes(input_shape)[0])
        (axis,) = checked_axes(self.axis, first, self.name)
        for shape in input_shape[1:]:
            others = [*shape[:axis], first[axis], *shape[axis + 1 :]]
            if len(shape) != len(first) or others != first:
                raise ShapeError(
                    f"inputs: layer {self.name!r} expects shapes that differ along axis "
                    f"{self.axis} only, got {input_shape}"
                )
        total = sum(shape[axis] for shape in input_shape)
        return (*first[:axis], total, *first[axis + 1 :])

    def emit(self, table: Table, source: list[int]) -> int:
        shapes = table.input_shape
        (axis,) = checked_axes(self.axis, shapes[0], self.name)
        ends = np.cumsum([math.prod(shape[1:]) for shape in shapes])
        starts = [0, *ends[:-1].tolist()]
        target = table.buffer(ends[-1])
        for buffer, start in zip(source, starts, strict=True):
            table.copy(buffer, target, target_column=start)
        parts = np.split(np.arange(ends[-1]), ends[:-1])
        parts = [part.reshape(shape[1:]) for part, shape in zip(parts, shapes, strict=True)]
        return gathered(table, target, np.concatenate(parts, axis=axis - 1).ravel())


def concatenate(inputs: Values, axis: int = -1, **kwargs: Any) -> Values:
    """Return ``Concatenate(axis, **kwargs)(inputs)``."""
    return Concatenate(axis=axis, **kwargs)(inputs)


class Dot(SeveralInputs):
    """Sum the products of two inputs along an axis of each.

    Two inputs (n, d) give (n, 1). In general the other axes of the first input come first in
    the output, then those of the second.

    Parameters
    ----------
    axes : int or (int, int)
        The axis of both inputs, or of each.
    normalize : bool
        Whether to divide by the lengths along these axes: cosine similarity.

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

    def __init__(self, axes: int | tuple[int, int], normalize: bool = False, **kwargs: Any):
        super().__init__(**kwargs)
        pair = axes if isinstance(axes, (list, tuple)) else (axes, axes)
        if len(pair) != 2:
            raise DataTypeError(f"axes: expected a whole number, or two, got {axes!r}")
        self.axes = axes
        self._pair = tuple(whole_number(axis, "axes", -math.inf) for axis in pair)
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

    def compute_output_shape(self, input_shape: list[Shape]) -> Shape:
        axes = self._axes(input_shape)
        rest = [
            size
            for (axis,), shape in zip(axes, input_shape, strict=True)
            for i, size in enumerate(shape)
            if i not in (0, axis)
        ]
        return (None, *(rest or [1]))

    def emit(self, table: Table, source: list[int]) -> int:
        sides = []
        axes = self._axes(table.input_shape)
        for buffer, shape, axis in zip(source, table.input_shape, axes, strict=True):
            moved = AxesLast(table, buffer, shape, axis)
            buffer = moved.buffer
            if self.normalize:
                buffer = to_length_1(table, buffer, moved.groups, SMALLEST_DOT_LENGTH)
            sides.append(_groups(table, buffer, moved))
        firsts, seconds = sides
        count = len(firsts) * len(seconds)
        target: int = table.buffer(count)
        for column, (first, second) in enumerate(itertools.product(firsts, seconds)):
            product = target if count == 1 else table.buffer(1)
            table.row(Op.OP_MERGE, first, product, kind=Merge.MERGE_DOT, second=second)
            if count > 1:
                table.copy(product, target, target_column=column)
        return target


def _groups(table, buffer, moved):
    """Return the groups of a buffer, each in a buffer of its own."""
    if moved.groups == 1:
        return [buffer]
    width = moved.width
    return [
        table.copy(buffer, width=width, source_column=g * width) for g in range(moved.groups)
    ]


def dot(inputs: Values, axes: int | tuple[int, int] = -1, **kwargs: Any) -> Values:
    """Return ``Dot(axes, **kwargs)(inputs)``."""
    return Dot(axes=axes, **kwargs)(inputs)
