"""Gradients and the variables they belong to, sorted by the vector that is updated."""

import numpy as np

from fastgd._data.validation import numeric, prepared
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.variables import Variable

#: In native byte order: the engine reads no other.
_FLOATS = (np.dtype(np.float32), np.dtype(np.float64))


def grouped(grads_and_vars):
    """(vector, members) for each flat vector, or for each array without one.

    members: the pairs (gradient, variable), checked; those without a gradient are left out.
    """
    pairs = [_checked(g, v) for g, v in grads_and_vars if g is not None]
    if len({id(variable) for _, variable in pairs}) < len(pairs):
        raise ArgumentError("grads_and_vars: a variable stands there more than once")
    groups = {}
    for gradient, variable in pairs:
        vector = vector_of(variable)
        groups.setdefault(id(vector), (vector, []))[1].append((gradient, variable))
    return list(groups.values())


def vector_of(variable):
    """The flat vector that a variable lies in, or the array itself."""
    owned = isinstance(variable, Variable) and variable.owner is not None
    return variable.owner if owned else variable


def _checked(gradient, variable):
    check_variable(variable)
    gradient = numeric(gradient, "gradients")
    if gradient.shape != variable.shape:
        raise ShapeError(
            f"gradients: expected the variable's shape {variable.shape}, got {gradient.shape}"
        )
    return prepared(gradient, variable.dtype), variable


def check_variable(variable):
    """Refuse what cannot be updated."""
    is_float = isinstance(variable, np.ndarray) and variable.dtype in _FLOATS
    if not (is_float and variable.dtype.isnative):
        seen = getattr(variable, "dtype", type(variable).__name__)
        raise DataTypeError(f"variables: expected an array of float32 or float64, got {seen}")
    if not variable.flags.writeable:
        raise ArgumentError("variables: the array is read-only, so it cannot be updated")


def flat_gradient(vector, members, may_change):
    """The members' gradients as one vector, with zeros where there is none.

    may_change: whether the engine may write to it, so that it must not be the user's.
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


def other_squares(groups, accumulation):
    """For each group the square of the norm of all the others' mean gradients.

    groups: (vector, gradient, state).
    """
    squares = []
    for _, gradient, state in groups:
        mean = gradient.astype(np.float64)
        if accumulation > 1:
            mean = (mean + state.arrays()["gradient_accumulator"]) / accumulation
        squares.append(float(mean @ mean))
    return [sum(squares[:i] + squares[i + 1 :]) for i in range(len(squares))]
