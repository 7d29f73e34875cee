"""The state that an optimizer keeps of vectors, and its steps outside ``fit``."""

import copy
import functools
import weakref
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from fastgd import config
from fastgd._autodiff.tensor import plain
from fastgd._core import types
from fastgd._core.arrays import aligned_rows
from fastgd._data.validation import numeric, prepared
from fastgd._engine import builds
from fastgd._engine.algebra import dot
from fastgd._engine.penalties import constrain
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError, ShapeError, warn
from fastgd.variables import Variable, variables_in

#: In native byte order: the engine reads no other.
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


@dataclass
class State:
    """Hold what an engine needs of an optimizer to update one flat vector of n weights."""

    kind: int  #: a code of types.Update
    settings: Array  #: the numbers of its formula, in the order of types.pxd
    slots: Array  #: (rows, n): the values kept of each weight, averages, sums of gradients
    iterations: Array  #: int64, (1,): the steps taken so far; the engine counts them
    names: list[str]  #: of the slots
    #: types.SEGMENT, for each variable to update, by their offsets; None: all of the vector, by
    #: nothing but the formula, without options and squares
    segments: Array | None = None
    options: Array | None = None  #: types.OPTIONS, (1,)
    squares: Array | None = None  #: float64, scratch space: one for each block of the segments
    parts: list[tuple[Any, ...]] | None = None  #: the variables that were asked for last
    table: tuple[Array, int] | None = None  #: their segments, and the number of blocks

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
            names = f"{sorted(expected)}, got {sorted(arrays)}"
            raise ArgumentError(f"arrays: expected those named {names}")
        for name, own in expected.items():
            given = np.asarray(arrays[name])
            if given.shape != own.shape:
                seen = f"{own.shape}, got {given.shape}"
                raise ShapeError(f"arrays: {name!r} has to be of shape {seen}")
            if given.dtype != own.dtype:
                seen = f"{own.dtype}, got {given.dtype}"
                raise DataTypeError(f"arrays: {name!r} has to be {seen}")
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
    if not (living := variables_in(vector)):
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
            slots = new_slots(vector, values, kept)
            state = State(int(kind), np.array(settings), slots, iterations, list(values))
            self.keep(vector, state)
        state.settings[:] = settings
        return state

    def keep(self, vector, state):
        """Take a state as that of a vector, as long as this lives."""
        key = place(vector)
        owner, _ = self._entries.get(key, (lambda: None, None))
        if owner() is None:
            base = vector
            while isinstance(base.base, np.ndarray):
                base = base.base
            # Not a Python function: a Ctrl-C that came while it runs would be lost.
            owner = weakref.ref(base, functools.partial(self._entries.pop, key))
        self._entries[key] = (owner, state)

    def _claim(self, vector):
        for i, (dtype, size, arrays) in enumerate(self._unclaimed):
            if (dtype, size) == (vector.dtype, vector.size):
                del self._unclaimed[i]
                return arrays
        return {}

    def __reduce__(self):
        living = [(s.slots.dtype, s.slots.shape[1], s.arrays()) for s in self.living()]
        return States, (living + self._unclaimed,)


def new_slots(vector, values, kept=MappingProxyType({})):
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


def take_up(optimizer, vector, slots, iterations):
    """Give an optimizer that has taken no step the state of a vector, without a copy."""
    settings, names = np.array(optimizer.settings()), list(optimizer.all_slots())
    vars(optimizer)["_steps"] = iterations
    state = State(int(optimizer.kind), settings, slots, optimizer._steps, names)
    optimizer._states.keep(vector, state)


def build(optimizer, variables):
    """Make the state of an optimizer for variables."""
    for variable in variables:
        _check_variable(variable)
    for vector, members in _by_vector([(None, variable) for variable in variables]):
        _state(optimizer, vector, members)


def apply_gradients(optimizer, grads_and_vars):
    """Take one step; see ``Optimizer.apply_gradients``."""
    given = list(grads_and_vars)
    pairs = [_checked(g, v) for g, v in given if g is not None]
    if len({id(variable) for _, variable in pairs}) < len(pairs):
        raise ArgumentError("grads_and_vars: a variable is listed more than once")
    if not pairs:
        raise ArgumentError("grads_and_vars: there is no gradient for any variable")
    if len(pairs) < len(given):
        _warn_of_missing([v for g, v in given if g is None])
    groups = [(v, members, _state(optimizer, v, members)) for v, members in _by_vector(pairs)]
    rate = float(optimizer.rates()[0])
    updates = [
        (vector, _flat_gradient(vector, members, state.segments is not None), state)
        for vector, members, state in groups
    ]
    if len(updates) == 1:
        _update(*updates[0], rate)
    else:
        _update_all(optimizer, updates, rate)
    constrain([variable for _, variable in pairs])


def _warn_of_missing(variables):
    """Warn, at the user's line, that variables have no gradient and stay as they are."""
    named = [str(getattr(v, "name", f"an array of shape {np.shape(v)}")) for v in variables]
    more = f" and {len(named) - 5} more" if len(named) > 5 else ""
    warn(
        f"grads_and_vars: there is no gradient for {', '.join(named[:5])}{more}: the loss does "
        "not depend on it, or a conversion such as np.asarray lost it; it stays as it is"
    )


def vector_of(variable):
    """Return the flat vector that a variable lies in, or the array itself."""
    owned = isinstance(variable, Variable) and variable.owner is not None
    return variable.owner if owned else variable


def _check_variable(variable):
    """Raise an error for a variable that cannot be updated."""
    is_float = isinstance(variable, np.ndarray) and variable.dtype in _FLOATS
    if not (is_float and variable.dtype.isnative):
        seen = getattr(variable, "dtype", type(variable).__name__)
        raise DataTypeError(f"variables: expected an array of float32 or float64, got {seen}")
    if not variable.flags.writeable:
        raise ArgumentError("variables: the array is read-only, so it cannot be updated")


def _by_vector(pairs):
    """Return (vector, pairs of gradient and variable) for each vector."""
    groups = {}
    for pair in pairs:
        vector = vector_of(pair[1])
        groups.setdefault(id(vector), (vector, []))[1].append(pair)
    return groups.values()


def _state(optimizer, vector, members):
    variables = [variable for _, variable in members]
    return optimizer.state(vector, None if vector is variables[0] else variables)


def _checked(gradient, variable):
    _check_variable(variable)
    gradient = numeric(plain(gradient), "gradients")
    if gradient.shape != variable.shape:
        raise ShapeError(
            f"gradients: expected the variable's shape {variable.shape}, got {gradient.shape}"
        )
    return prepared(gradient, variable.dtype), variable


def _flat_gradient(vector, members, may_change):
    """Return the members' gradients as one vector, with zeros where there is none.

    may_change: the engine may write to it, so that it must not be the user's.
    """
    if members[0][1] is vector:
        gradient = members[0][0].reshape(-1)
        return gradient.copy() if may_change else gradient
    ordered = sorted(members, key=lambda member: member[1].offset)
    if sum(variable.size for _, variable in members) == vector.size:
        return np.concatenate([gradient.reshape(-1) for gradient, _ in ordered])
    flat = np.zeros(vector.size, vector.dtype)
    for gradient, variable in ordered:
        flat[variable.offset : variable.offset + variable.size] = gradient.reshape(-1)
    return flat


def _update_all(optimizer, updates, rate):
    """Take a step of several vectors: of all of them, or of none."""
    iterations = updates[0][2].iterations
    before = int(iterations[0])
    kept = [(v, v.copy(), state.slots, state.slots.copy()) for v, _, state in updates]
    if optimizer.global_clipnorm:  # each needs the squared norm of all others' mean gradients
        squares, accumulation = [], optimizer.gradient_accumulation_steps or 1
        for _, gradient, state in updates:
            mean = gradient.astype(np.float64)
            if accumulation > 1:
                mean = (mean + state.arrays()["gradient_accumulator"]) / accumulation
            squares.append(dot(mean, mean))
        for i, (_, _, state) in enumerate(updates):
            state.options["other_squares"] = sum(squares[:i] + squares[i + 1 :])
    try:
        for vector, gradient, state in updates:
            iterations[0] = before
            _update(vector, gradient, state, rate)
    except DivergenceError:
        iterations[0] = before
        for vector, old, slots, old_slots in kept:
            vector[...] = old
            slots[...] = old_slots
        raise


def _update(vector, gradient, state, rate):
    flat = vector if vector.flags.carray else np.array(vector, order="C")
    step = int(state.iterations[0])
    status = builds.load(config.engine()).update(flat.reshape(-1), gradient, state, rate)
    if status != types.Status.STATUS_FINE:
        what = "gradient" if status == types.Status.STATUS_GRADIENT else "update"
        raise DivergenceError(
            f"apply_gradients: the {what} of step {step + 1} is not finite", step=step
        )
    if flat is not vector:
        vector[...] = flat
