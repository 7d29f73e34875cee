"""Layers that make one of several inputs, element by element."""

import math

import numpy as np

from fastgd._core.types import Merge, Op
from fastgd.errors import ShapeError
from fastgd.layers.rescaling import rescaled
from fastgd.layers.several_inputs import SeveralInputs


class _Merging(SeveralInputs):
    """What these layers share: inputs are broadcast as NumPy does it, but for their rows."""

    #: The Merge that is applied to the first two inputs, to the result and the third one ...
    kind = None

    def compute_output_shape(self, input_shape):
        shapes = self._shapes(input_shape)
        try:
            sizes = np.broadcast_shapes(*(shape[1:] for shape in shapes))
        except ValueError:
            raise ShapeError(
                f"inputs: layer {self.name!r} cannot put together shapes {input_shape}"
            ) from None
        return (None, *sizes)

    def emit(self, table, source):
        sizes = self.compute_output_shape(table.input_shape)[1:]
        width = math.prod(sizes)
        buffers = [
            _stretched(table, buffer, shape[1:], sizes)
            for buffer, shape in zip(source, table.input_shape, strict=True)
        ]
        merged = buffers[0]
        for buffer in buffers[1:]:
            target = table.buffer(max(table.widths[merged], table.widths[buffer]))
            table.row(Op.OP_MERGE, merged, target, kind=self.kind, second=buffer)
            merged = target
        return _stretched(table, merged, (table.widths[merged],), (width,))


def _stretched(table, buffer, sizes, wanted):
    """A buffer of a shape, broadcast to another; one of width 1 waits for what it meets."""
    columns = np.arange(math.prod(sizes)).reshape(sizes)
    if columns.size in (1, math.prod(wanted)):
        return buffer
    return table.gather(buffer, np.broadcast_to(columns, wanted).ravel().tolist())


class Add(_Merging):
    """The sum of the inputs.

    Parameters
    ----------
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Add()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[11., 22.]], dtype=float32)
    """

    kind = Merge.MERGE_ADD


class Subtract(_Merging):
    """The first input minus the second.

    Parameters
    ----------
    **kwargs
        As for every layer.

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

    kind = Merge.MERGE_SUBTRACT

    def compute_output_shape(self, input_shape):
        return super().compute_output_shape(self._shapes(input_shape, 2))


class Multiply(_Merging):
    """The product of the inputs, element by element.

    Parameters
    ----------
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Multiply()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[10., 40.]], dtype=float32)
    """

    kind = Merge.MERGE_MULTIPLY


class Average(_Merging):
    """The mean of the inputs.

    Parameters
    ----------
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Average()([[[1.0, 2.0]], [[10.0, 20.0]]])
    array([[ 5.5, 11. ]], dtype=float32)
    """

    kind = Merge.MERGE_ADD

    def emit(self, table, source):
        total = super().emit(table, source)
        width = table.widths[total]
        return rescaled(table, total, [1 / len(source)] * width + [0.0] * width)


class Maximum(_Merging):
    """The largest of the inputs, element by element; equals share the gradient by halves.

    Parameters
    ----------
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Maximum()([[[1.0, 20.0]], [[10.0, 2.0]]])
    array([[10., 20.]], dtype=float32)
    """

    kind = Merge.MERGE_MAXIMUM


class Minimum(_Merging):
    """The smallest of the inputs, element by element; equals share the gradient by halves.

    Parameters
    ----------
    **kwargs
        As for every layer.

    Examples
    --------
    >>> from fastgd import layers
    >>> layers.Minimum()([[[1.0, 20.0]], [[10.0, 2.0]]])
    array([[1., 2.]], dtype=float32)
    """

    kind = Merge.MERGE_MINIMUM


def add(inputs, **kwargs):
    """``Add(**kwargs)(inputs)``."""
    return Add(**kwargs)(inputs)


def subtract(inputs, **kwargs):
    """``Subtract(**kwargs)(inputs)``."""
    return Subtract(**kwargs)(inputs)


def multiply(inputs, **kwargs):
    """``Multiply(**kwargs)(inputs)``."""
    return Multiply(**kwargs)(inputs)


def average(inputs, **kwargs):
    """``Average(**kwargs)(inputs)``."""
    return Average(**kwargs)(inputs)


def maximum(inputs, **kwargs):
    """``Maximum(**kwargs)(inputs)``."""
    return Maximum(**kwargs)(inputs)


def minimum(inputs, **kwargs):
    """``Minimum(**kwargs)(inputs)``."""
    return Minimum(**kwargs)(inputs)
