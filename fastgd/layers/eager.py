"""Calls of layers and networks on values outside of training, recorded on gradient tapes."""

import numpy as np

from fastgd import config
from fastgd._data.validation import boolean, numeric, rows
from fastgd._engine import builds, streams
from fastgd._engine.arena import extent
from fastgd._engine.plan import flat_copy, flat_vector, width_of
from fastgd._engine.table import describe_layer
from fastgd.errors import ShapeError
from fastgd.tape import Tensor, followed, record, recording


def call_layer(layer, inputs, training=False):
    """Return the output of a layer for values, by a program for this one call."""
    training = training is not None and boolean(training, "training")
    arrays = [inputs]
    if layer.several_inputs:
        if not isinstance(inputs, (list, tuple)):
            raise ShapeError(f"inputs: expected a list of arrays, got {type(inputs).__name__}")
        arrays = list(inputs)
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
    packed = _side_by_side([
        rows(x, s, dtype, engine, "inputs", layer.name)
        for x, s in zip(plain, shapes, strict=True)
    ])  # fmt: skip
    start, stop = extent(variables)
    parameters = variables[0].owner[start:stop] if variables else flat_vector(0, dtype)
    gradients = flat_vector(parameters.size, dtype)
    program = engine.Program(describe_layer(layer, shapes, start), parameters, gradients)
    outputs = layer.compute_output_shape(given)
    outputs = outputs if isinstance(outputs, list) else [outputs]
    result = call_program(
        program, parameters, variables, start, packed, arrays, outputs, training
    )
    return result if len(result) > 1 else result[0]


def _side_by_side(matrices):
    """Return matrices with as many rows as one matrix; a single one is returned itself."""
    if len(matrices) == 1:
        return matrices[0]
    counts = sorted({len(x) for x in matrices})
    if len(counts) > 1:
        raise ShapeError(f"inputs: they have different numbers of rows: {counts}")
    return np.concatenate(matrices, axis=1)


def call_program(program, parameters, variables, start, x, inputs, output_shapes, training):
    """Return the outputs of a program: a list of ndarray, or of Tensor under a tape.

    parameters: the program's flat vector, which begins at `start` in the owner of `variables`;
    x: a matrix that was packed from the list `inputs` of arrays and Tensors.
    """
    widths = [width_of(shape) for shape in output_shapes]
    ends = np.cumsum(widths)
    out = np.empty((len(x), ends[-1]), x.dtype)
    taped = recording()
    whole = bool(variables) and parameters is variables[0].owner
    owners = [parameters] if whole else list(variables)
    # The weights may change before a tape asks for the gradient: it gets a copy of them.
    parameters = flat_copy(parameters) if taped else parameters
    key = streams.next_seed() if training else 0
    kept = program.forward(parameters, x, out, training, key)
    parts = [
        np.ascontiguousarray(part).reshape(len(x), *shape[1:])
        for part, shape in zip(np.split(out, ends[:-1], axis=1), output_shapes, strict=True)
    ]
    if not taped:
        return parts
    input_ends = np.cumsum([int(np.prod(np.shape(i)[1:])) for i in inputs])
    wants_x = followed(list(inputs))

    def backward(k, d_part):
        d_out = np.zeros_like(out)
        d_out[:, ends[k] - widths[k] : ends[k]] = d_part.reshape(len(x), widths[k])
        gradients = flat_vector(parameters.size, parameters.dtype)
        d_x = flat_vector(x.size, x.dtype).reshape(x.shape) if wants_x else None
        program.backward(kept, d_out, gradients, d_x)
        of_owners = [gradients]
        if not whole:
            of_owners = [
                gradients[v.offset - start :][: v.size].reshape(v.shape) for v in variables
            ]
        if d_x is None:
            return of_owners + [None] * len(inputs)
        return of_owners + [
            np.ascontiguousarray(d).reshape(np.shape(i))
            for d, i in zip(np.split(d_x, input_ends[:-1], axis=1), inputs, strict=True)
        ]

    return [
        record(part, [*owners, *inputs], lambda d, k=k: backward(k, d))
        for k, part in enumerate(parts)
    ]
