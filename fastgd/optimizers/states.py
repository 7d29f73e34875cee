"""What an optimizer keeps of the vectors it has updated, and how it finds that again."""

import functools
import weakref
from dataclasses import dataclass

import numpy as np

from fastgd._core import types
from fastgd._core.arrays import aligned_rows
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.variables import owners


@dataclass
class State:
    """What an engine needs of an optimizer to update one flat vector.

    Attributes
    ----------
    kind : int
        A code of types.Update.
    settings : ndarray of float64
        The optimizer's arguments, in the order that the code says.
    slots : ndarray, shape (slots, n)
        One row as long as the vector for each figure that the optimizer keeps of a weight; then
        the average of the weights and the sum of gradients, if they are in use.
    iterations : ndarray of int64, shape (1,)
        The steps taken so far; the engine counts them.
    segments : ndarray of types.SEGMENT, shape (variables,), or None
        The variables that are updated, in the order of their offsets. None: all of the vector,
        by nothing but the optimizer's formula.
    options : ndarray of types.OPTIONS, shape (1,)
        What surrounds the formula; where there are segments.
    squares : ndarray of float64
        Room for a figure a block of the segments.
    names : list of str
        Of the slots.
    parts, segments_of_parts : tuple
        The variables that were asked for last, and their table.
    """

    kind: int
    settings: np.ndarray
    slots: np.ndarray
    iterations: np.ndarray
    names: list
    segments: np.ndarray | None = None
    options: np.ndarray | None = None
    squares: np.ndarray | None = None
    parts: tuple | None = None
    segments_of_parts: tuple | None = None

    def arrays(self):
        """Name -> row of the slots."""
        return dict(zip(self.names, self.slots, strict=True))

    def table(self, parts):
        """The segments of tuples (offset, shape, decayed), and their number of blocks."""
        if self.parts != parts:
            self.parts, self.segments_of_parts = parts, segment_table(parts)
        return self.segments_of_parts


def segment_table(parts):
    """Segments of (offset, shape, decayed), and how many blocks they have."""
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
    """The trainable variables that lie in a flat vector, in its order; None for an array."""
    found, end = [], 0
    living = list(owners.get(id(vector), {}).values())
    if not living:
        return None
    for variable in sorted(living, key=lambda v: (v.offset, -v.size)):
        if variable.trainable and variable.size and variable.offset >= end:
            found.append(variable)
            end = variable.offset + variable.size
    return found


def place(array):
    """What tells an array in memory from any other that lives."""
    return array.__array_interface__["data"][0], array.shape, array.strides


class States:
    """The states of an optimizer by vector: dropped with it.

    A state that was pickled or copied has lost its vector. It goes to the first vector of its
    size and data type that is asked for.
    """

    def __init__(self):
        self._entries = {}
        self._unclaimed = []

    def __len__(self):
        return len(self._entries)

    def living(self):
        """The states of the vectors that live."""
        return [state for owner, state in list(self._entries.values()) if owner() is not None]

    def known(self, vector):
        """The state of a vector, or None."""
        owner, state = self._entries.get(place(vector), (lambda: None, None))
        return None if owner() is None else state

    def find(self, vector, kind, values, settings, iterations):
        """The state of a vector, made when it is first seen.

        values: the name of each slot -> the number it begins with; None for the weights. A slot
        of a name that there was before is kept: momentum, say, may be set after the first step.
        """
        key = place(vector)
        entry = self._entries.get(key)
        if entry is None or entry[0]() is None:
            owner = vector
            while isinstance(owner.base, np.ndarray):
                owner = owner.base
            state = self._made(vector, kind, values, settings, iterations, self._claim(vector))
            # Not a Python function: a Ctrl-C that came while it runs would be lost.
            forget = functools.partial(self._entries.pop, key)
            entry = self._entries[key] = (weakref.ref(owner, forget), state)
        elif entry[1].names != list(values):
            old = entry[1]
            state = self._made(vector, kind, values, settings, iterations, old.arrays())
            entry = self._entries[key] = (entry[0], state)
        return entry[1]

    @staticmethod
    def _made(vector, kind, values, settings, iterations, kept):
        slots = aligned_rows(len(values), vector.size, vector.dtype)
        for row, (name, value) in zip(slots, values.items(), strict=True):
            if name in kept:
                row[:] = kept[name]
            elif value is None:
                row[:] = vector.reshape(-1)
            elif value:  # a row of zeros takes no memory before it is written to
                row[:] = value
        return State(int(kind), np.array(settings, np.float64), slots, iterations, list(values))

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
        return _unclaimed, (living + self._unclaimed,)


def _unclaimed(states):
    made = States()
    made._unclaimed = list(states)
    return made


def check_arrays(arrays, state):
    """Whether arrays are those of a state; raises before anything is changed."""
    expected = {"iterations": state.iterations} | state.arrays()
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
            raise DataTypeError(f"arrays: {name!r} has to be {own.dtype}, got {given.dtype}")
