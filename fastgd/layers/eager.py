"""A network called on values, outside of training: plainly, or recorded on gradient tapes."""

import numpy as np

from fastgd import config
from fastgd._data.validation import numeric, rows
from fastgd._engine import builds, streams
from fastgd._engine.arena import extent
from fastgd._engine.plan import describe_layer, flat_copy, flat_vector, width_of
from fastgd.errors import ShapeError
from fastgd.tape import Tensor, followed, record, recording


def call_layer(layer, inputs, training=False):
    """The output of a layer for values: a program of its own, for this one call."""
    arrays = _several(inputs) if layer.several_inputs else [inputs]
    plain = [numeric(x.numpy() if isinstance(x, Tensor) else x, "inputs") for x in arrays]
    if any(x.ndim < 2 for x in plain):
        raise ShapeError(
            f"inputs: layer {layer.name!r} expects shape (rows, ...), got {plain[0].shape}"
        )
    shapes = [(None, *x.shape[1:]) for x in plain]
    given = shapes if layer.several_inputs else shapes[0]
    layer.build(given)
    variables = layer.variables
    dtype = np.dtype(variables[0].dtype if variables else layer.dtype or config.floatx())
    engine = builds.load(config.engine())
    plain = [
        rows(x, s, dtype, engine, "inputs", layer.name)
        for x, s in zip(plain, shapes, strict=True)
    ]
    packed = side_by_side(plain)
    start, stop = extent(variables)
    plan = describe_layer(layer, shapes, start)
    parameters = variables[0].owner[start:stop] if variables else flat_vector(0, dtype)
    program = engine.Program(plan, parameters, flat_vector(parameters.size, dtype))
    outputs = layer.compute_output_shape(given)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    key = streams.next_seed() if training else 0
    result = call_program(program, parameters, variables, start, packed, arrays,
                          outputs, training, key)  # fmt: skip
    return result if len(result) > 1 else result[0]


def _several(inputs):
    if not isinstance(inputs, (list, tuple)):
        raise ShapeError(f"inputs: expected a list of arrays, got {type(inputs).__name__}")
    return list(inputs)


def side_by_side(arrays):
    """Matrices of as many rows as one; a single one is itself."""
    if len(arrays) == 1:
        return arrays[0]
    counts = sorted({len(x) for x in arrays})
    if len(counts) > 1:
        raise ShapeError(f"inputs: they have different numbers of rows: {counts}")
    return np.concatenate(arrays, axis=1)


def call_program(
    program, parameters, variables, start, x, inputs, output_shapes, training, key
):
    """The outputs of a program for packed inputs: a list of ndarray, or Tensor under a tape.

    Parameters
    ----------
    program : Program
    parameters : ndarray
        Its flat vector, which begins at `start` in the owner of `variables`.
    x : ndarray, shape (n, inputs)
    inputs : list
        What was packed into x, Tensors among them.
    output_shapes : list of tuple
    training : bool
    key : int
        Of random numbers.
    """
    widths = [width_of(shape) for shape in output_shapes]
    out = np.empty((len(x), sum(widths)), x.dtype)
    # A tape may ask for the gradient after the weights have moved: it gets a copy of them.
    taped = recording()
    whole = bool(variables) and parameters is variables[0].owner
    owners = [parameters] if whole else list(variables)
    parameters = flat_copy(parameters) if taped else parameters
    kept = program.forward(parameters, x, out, training, key)
    ends = np.cumsum(widths)[:-1]
    parts = [
        np.ascontiguousarray(part).reshape(len(x), *shape[1:])
        for part, shape in zip(np.split(out, ends, axis=1), output_shapes, strict=True)
    ]
    if not taped:
        return parts
    sizes = np.cumsum([int(np.prod(np.shape(i)[1:])) for i in inputs])[:-1]
    wants_x = followed(list(inputs))

    def backward(k, d_part):
        d_out = np.zeros_like(out)
        first = int(sum(widths[:k]))
        d_out[:, first : first + widths[k]] = d_part.reshape(len(x), -1)
        gradients = flat_vector(parameters.size, parameters.dtype)
        d_x = flat_vector(x.size, x.dtype).reshape(x.shape) if wants_x else None
        program.backward(kept, d_out, gradients, d_x)
        of_variables = [gradients]
        if not whole:
            of_variables = [
                gradients[v.offset - start :][: v.size].reshape(v.shape) for v in variables
            ]
        if d_x is None:
            return [*of_variables, *(None for _ in inputs)]
        of_inputs = [
            np.ascontiguousarray(d).reshape(np.shape(i))
            for d, i in zip(np.split(d_x, sizes, axis=1), inputs, strict=True)
        ]
        return [*of_variables, *of_inputs]

    return [
        record(part, [*owners, *inputs], lambda d, k=k: backward(k, d))
        for k, part in enumerate(parts)
    ]
