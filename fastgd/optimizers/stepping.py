"""A step of an optimizer outside ``fit``, with gradients that the caller has computed.

The gradients and variables are sorted by the flat vector that is updated.
"""

import numpy as np

from fastgd import config
from fastgd._core import types
from fastgd._data.validation import numeric, prepared
from fastgd._engine import builds
from fastgd._engine.penalties import constrain
from fastgd.errors import ArgumentError, DataTypeError, DivergenceError, ShapeError
from fastgd.variables import Variable

#: In native byte order: the engine reads no other.
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def build(optimizer, variables):
    """Make the state of an optimizer for variables."""
    for variable in variables:
        _check_variable(variable)
    for vector, members in _by_vector([(None, variable) for variable in variables]):
        _state(optimizer, vector, members)


def apply_gradients(optimizer, grads_and_vars):
    """Take one step; see ``Optimizer.apply_gradients``."""
    pairs = [_checked(g, v) for g, v in grads_and_vars if g is not None]
    if len({id(variable) for _, variable in pairs}) < len(pairs):
        raise ArgumentError("grads_and_vars: a variable is listed more than once")
    groups = [
        (vector, members, _state(optimizer, vector, members))
        for vector, members in _by_vector(pairs)
    ]
    if not groups:
        raise ArgumentError("grads_and_vars: there is no gradient for any variable")
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
    gradient = numeric(gradient, "gradients")
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
    if optimizer.global_clipnorm:
        _set_other_squares(updates, optimizer.gradient_accumulation_steps or 1)
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


def _set_other_squares(updates, accumulation):
    """Give each state the squared norm of the mean gradients of all other vectors."""
    squares = []
    for _, gradient, state in updates:
        mean = gradient.astype(np.float64)
        if accumulation > 1:
            mean = (mean + state.arrays()["gradient_accumulator"]) / accumulation
        squares.append(float(mean @ mean))
    for i, (_, _, state) in enumerate(updates):
        state.options["other_squares"] = sum(squares[:i] + squares[i + 1 :])


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
