"""Put several inputs into one matrix, several targets and their weights into another."""

import numpy as np

from fastgd._data.validation import rows, sample_weights, targets
from fastgd._engine.plan import width_of
from fastgd.errors import ArgumentError, DataTypeError, ShapeError


def parts(values, names, argument, ndims):
    """Return what was given for each of some inputs or outputs: a list.

    Parameters
    ----------
    values : array, or list, tuple or dict of arrays
    names : list of str
    argument : str
        For messages.
    ndims : list of int
        How many dimensions each array has: it tells one array in a list from a list of rows.

    Raises
    ------
    ArgumentError, DataTypeError
        If one is missing, or too many.
    """
    if isinstance(values, dict):
        missing = [name for name in names if name not in values]
        unknown = [name for name in values if name not in names]
        if (missing or unknown) and len(names) == 1:
            raise DataTypeError(
                f"{argument}: expected an array, or a dict with {names[0]!r}, got {values!r}"
            )
        if missing or unknown:
            raise ArgumentError(
                f"{argument}: expected {', '.join(map(repr, names))}, "
                f"got {', '.join(map(repr, values))}"
            )
        return [values[name] for name in names]
    if len(names) == 1:
        alone = isinstance(values, (list, tuple)) and len(values) == 1
        return [values[0] if alone and _dimensions(values[0]) == ndims[0] > 1 else values]
    if not isinstance(values, (list, tuple)):
        raise DataTypeError(
            f"{argument}: expected a list or dict of {len(names)} arrays, one for each of "
            f"{', '.join(map(repr, names))}, got {type(values).__name__}"
        )
    if len(values) != len(names):
        raise ArgumentError(
            f"{argument}: expected {len(names)} arrays, one for each of "
            f"{', '.join(map(repr, names))}, got {len(values)}"
        )
    return list(values)


def _dimensions(value):
    """Return how many dimensions a value has; None for rows of different lengths."""
    try:
        return np.ndim(value)
    except ValueError:
        return None


def named(argument, name, count):
    """Return how a message names one of several things: ``x['left']``."""
    return argument if count == 1 else f"{argument}[{name!r}]"


def pack_inputs(values, signature, argument):
    """Return prepared inputs, side by side; a single one is not copied."""
    names, shapes, dtype = signature.input_names, signature.input_shapes, signature.dtype
    found = []
    given = parts(values, names, argument, [len(shape) for shape in shapes])
    for value, name, shape in zip(given, names, shapes, strict=True):
        where = named(argument, name, len(names))
        found.append(rows(value, shape, dtype, signature.engine, where, signature.consumer))
    return side_by_side(found, argument, names)


def side_by_side(arrays, argument, names):
    """Return matrices of as many rows side by side; a single one as it is."""
    if len(arrays) == 1:
        return arrays[0]
    for name, array in zip(names, arrays, strict=True):
        if len(array) != len(arrays[0]):
            raise ShapeError(
                f"{argument}: there are {len(arrays[0])} rows of {names[0]!r} "
                f"and {len(array)} of {name!r}"
            )
    return np.concatenate(arrays, axis=1)


def pack_targets(values, signature, argument):
    """Return prepared targets of the outputs that are trained, side by side."""
    names, objectives = signature.output_names, signature.objectives
    chosen = [k for k, objective in enumerate(objectives) if objective.loss is not None]
    wanted = [names[k] for k in chosen]
    if isinstance(values, (list, tuple)) and len(values) == len(names) > len(chosen):
        values = [values[k] for k in chosen]
    elif isinstance(values, dict):
        values = {k: v for k, v in values.items() if k in wanted or k not in names}
    given = parts(values, wanted, argument, [2] * len(wanted))
    found = [
        pack_target(value, signature, k, named(argument, names[k], len(chosen)))
        for k, value in zip(chosen, given, strict=True)
    ]
    return side_by_side(found, argument, wanted)


def pack_target(value, signature, k, argument):
    """Return prepared targets of output k."""
    shape, loss = signature.output_shapes[k], signature.objectives[k].loss
    if len(shape) > 2:
        if not loss.elementwise:
            raise ShapeError(
                f"{argument}: {loss.name} expects an output of shape (None, columns), "
                f"got {shape}: put a Flatten behind it"
            )
        value = rows(value, shape, signature.dtype, signature.engine, argument, "the output")
    return targets(value, width_of(shape), loss, signature.dtype, signature.engine, argument)


def pack_weights(values, count, signature, argument):
    """Return the weights of the rows for each output that is trained, side by side."""
    pairs = zip(signature.output_names, signature.objectives, strict=True)
    chosen = [name for name, objective in pairs if objective.loss is not None]
    several = len(chosen) > 1 and isinstance(values, (list, tuple, dict))
    if several and not isinstance(values, dict) and not all(map(np.ndim, values)):
        several = False  # one number for each row

    def of(value, where):
        return sample_weights(value, count, signature.dtype, signature.engine, where)

    if not several:
        one = of(values, argument)[:, None]
        return np.repeat(one, len(chosen), axis=1) if len(chosen) > 1 else one
    given = zip(chosen, parts(values, chosen, argument, [1] * count), strict=True)
    columns = [of(value, named(argument, name, len(chosen))) for name, value in given]
    return np.stack(columns, axis=1)


def split_outputs(out, shapes):
    """Return the outputs that stand side by side in a matrix: a list, in their shapes."""
    ends = np.cumsum([width_of(shape) for shape in shapes])[:-1]
    return [
        np.ascontiguousarray(part).reshape(len(out), *shape[1:])
        for part, shape in zip(np.split(out, ends, axis=1), shapes, strict=True)
    ]
