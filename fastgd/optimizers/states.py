"""The state that an optimizer keeps of the vectors it has updated."""

import copy
import functools
import weakref
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from fastgd._core import types
from fastgd._core.arrays import aligned_rows
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.variables import variables_in


@dataclass
class State:
    """What an engine needs of an optimizer to update one flat vector.

    Attributes
    ----------
    kind, settings
        A code of types.Update, and the numbers of its formula in the order of types.pxd.
    slots, names : ndarray, shape (slots, n), and list of str
        One row as long as the vector for each value kept of a weight; then the average of the
        weights and the sum of gradients, if they are in use.
    iterations : ndarray of int64, shape (1,)
        The steps taken so far; the engine counts them.
    segments : ndarray of types.SEGMENT, shape (variables,), or None
        The variables that are updated, in the order of their offsets. None: all of the vector,
        by nothing but the optimizer's formula, without options and squares.
    options : ndarray of types.OPTIONS, shape (1,), or None
        Weight decay, clipping, averages and accumulation.
    squares : ndarray of float64, or None
        Scratch space: one number for each block of the segments.
    parts, table : optional
        The variables that were asked for last, and their segments with the number of blocks.
    """

    kind: int
    settings: Array
    slots: Array
    iterations: Array
    names: list[str]
    segments: Array | None = None
    options: Array | None = None
    squares: Array | None = None
    parts: list[tuple[Any, ...]] | None = None
    table: tuple[Array, int] | None = None

    def arrays(self) -> dict[str, Array]:
        """Return name -> row of the slots."""
        return dict(zip(self.names, self.slots, strict=True))

    def of_parts(self, parts: list[tuple[Any, ...]], options: Array) -> Self:
        """Return this state for variables, as tuples (offset, shape, decayed)."""
        if self.table is None or self.parts != parts:
            self.parts, self.table = parts, _segment_table(parts)
        state = copy.copy(self)
        state.segments, blocks = self.table
        state.squares, state.options = np.zeros(blocks), options
        return state

    def load(self, arrays: dict[str, Array]) -> None:
        """Take over iterations and rows by name, or raise before anything is changed."""
        expected = {"iterations": self.iterations} | self.arrays()
        if set(arrays) != set(expected):
            raise ArgumentError(
                f"arrays: expected those named {sorted(expected)}, got {sorted(arrays)}"
            )
        for name, own in expected.items():
            given = np.asarray(arrays[name])
            if given.shape != own.shape:
                raise ShapeError(
                    f"arrays: {name!r} has to be of shape {own.shape}, got {given.shape}"
                )
            if given.dtype != own.dtype:
                raise DataTypeError(
                    f"arrays: {name!r} has to be {own.dtype}, got {given.dtype}"
                )
        for name, own in expected.items():
            own[:] = arrays[name]


def _segment_table(parts):
    """Return the segments of (offset, shape, decayed), and their number of blocks."""
    table = np.zeros(len(parts), types.SEGMENT)
    block = end = 0
    for segment, (offset, shape, decayed) in zip(table, sorted(parts), strict=True):
        size = int(np.prod(shape, dtype=np.int64))
        if offset < end:
            raise ArgumentError(f"variables: two of them share the element {offset}")
        matrix = tuple(shape[-2:]) if len(shape) > 1 and size else (0, 0)
        segment["offset"], segment["size"], segment["decayed"] = offset, size, decayed
        segment["rows"], segment["columns"] = matrix
        segment["block"] = block
        end = offset + size
        block += -(-size // types.NORM_BLOCK)
    return table, block


def trained_variables(vector):
    """Return the trainable variables in a flat vector, in its order; None for an array."""
    found, end = [], 0
    living = variables_in(vector)
    if not living:
        return None
    for variable in sorted(living, key=lambda v: (v.offset, -v.size)):
        if variable.trainable and variable.size and variable.offset >= end:
            found.append(variable)
            end = variable.offset + variable.size
    return found


def place(array):
    """Return what identifies an array in memory as long as it lives."""
    return array.__array_interface__["data"][0], array.shape, array.strides


class States:
    """The states of an optimizer by vector, each dropped with its vector.

    A state that was pickled or copied has lost its vector. It goes to the first vector of its
    size and data type that is asked for.
    """

    def __init__(self, unclaimed=()):
        self._entries = {}
        self._unclaimed = list(unclaimed)

    def __len__(self):
        return len(self._entries)

    def living(self):
        """Return the states of the vectors that are alive."""
        return [state for owner, state in list(self._entries.values()) if owner() is not None]

    def known(self, vector):
        """Return the state of a vector, or None."""
        owner, state = self._entries.get(place(vector), (lambda: None, None))
        return None if owner() is None else state

    def find(self, vector, kind, values, settings, iterations):
        """Return the state of a vector, made on first use.

        values: the name of each slot -> the number it starts with; None for the weights. A slot
        whose name the last state has is kept: momentum may be set after the first step.
        """
        key = place(vector)
        owner, state = self._entries.get(key, (lambda: None, None))
        known = owner() is not None
        if not (known and state.names == list(values)):
            kept = state.arrays() if known else self._claim(vector)
            slots = _slots(vector, values, kept)
            state = State(int(kind), np.array(settings), slots, iterations, list(values))
            if not known:
                base = vector
                while isinstance(base.base, np.ndarray):
                    base = base.base
                # Not a Python function: a Ctrl-C that came while it runs would be lost.
                owner = weakref.ref(base, functools.partial(self._entries.pop, key))
            self._entries[key] = (owner, state)
        state.settings[:] = settings
        return state

    def _claim(self, vector):
        for i, (dtype, size, arrays) in enumerate(self._unclaimed):
            if (dtype, size) == (vector.dtype, vector.size):
                del self._unclaimed[i]
                return arrays
        return {}

    def __reduce__(self):
        living = [
            (state.slots.dtype, state.slots.shape[1], state.arrays()) for state in self.living()
        ]
        return States, (living + self._unclaimed,)


def _slots(vector, values, kept):
    """Return the rows of a new state: those kept by name, else filled with their values."""
    slots = aligned_rows(len(values), vector.size, vector.dtype)
    for row, (name, value) in zip(slots, values.items(), strict=True):
        if name in kept:
            row[:] = kept[name]
        elif value is None:
            row[:] = vector.reshape(-1)
        elif value:  # a row of zeros takes no memory before it is written to
            row[:] = value
    return slots
