"""The operations of a layer table and their gradients.

A function of FORWARD writes the target of a row of the table. One of BACKWARD takes the
gradient of the target; it returns those of the row's sources, in order, and a list of (offset,
gradient) of its parameters.
"""

from collections import namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd._core.formulas import Activation
from fastgd._core.types import Call, Merge, Op
from fastgd._typing import Array
from fastgd.reference import normalization as norms
from fastgd.reference.activations import ACTIVATIONS
from fastgd.reference.noise import noise, noise_gradient

#: Whether a batch trains, the key of its random numbers, and its place in the whole batch for
#: which they are drawn, if its rows are a part of it.
Batch = namedtuple("Batch", ["training", "key", "first_row"], defaults=[False, 0, 0])


@dataclass
class Operands:
    """Hold the operands of a row of the table, a namedtuple of the fields in types.pxd.

    The parameters are flat; the values, (rows, width), and widths are those of the buffers; the
    functions are user-defined.
    """

    row: Any
    parameters: Array
    values: dict[int, Array]
    widths: list[int]
    all_settings: list[float]
    batch: Any
    functions: tuple[Any, ...] = ()

    @property
    def source(self):
        return self.values[self.row.source]

    @property
    def target(self):
        return self.values[self.row.target]

    @target.setter
    def target(self, value):
        self.values[self.row.target] = value

    @property
    def settings(self):
        return self.all_settings[self.row.settings :]

    @property
    def width(self):
        return self.widths[self.row.target]

    @property
    def kernel(self):
        """The kernel of a dense layer, (inputs, units)."""
        shape = self.widths[self.row.source], self.width
        return self.parameters[self.row.kernel :][: shape[0] * shape[1]].reshape(shape)


def dense(o):
    z = o.source @ o.kernel
    if o.row.bias >= 0:
        z = z + o.parameters[o.row.bias :][: o.width]
    o.target = ACTIVATIONS[o.row.kind][0](z, ())


def dense_gradient(o, d_target):
    d_z = ACTIVATIONS[o.row.kind][1](None, o.target, d_target, ())
    d_parameters = [(o.row.kernel, o.source.T @ d_z)]
    if o.row.bias >= 0:
        d_parameters.append((o.row.bias, d_z.sum(axis=0)))
    return [d_z @ o.kernel.T], d_parameters


def activation(o):
    if o.row.kind == Call.CALL_FUNCTION:
        o.target = o.functions[int(o.settings[0])].value(o.source).astype(o.source.dtype)
    else:
        o.target = ACTIVATIONS[o.row.kind][0](o.source, o.settings)


def activation_gradient(o, d_target):
    if o.row.kind == Call.CALL_FUNCTION:
        return [o.functions[int(o.settings[0])].gradient(o.source, d_target)], []
    return [ACTIVATIONS[o.row.kind][1](o.source, o.target, d_target, o.settings)], []


def _slopes(o):
    """Return the number of each column's slope, and the slopes."""
    numbers = np.array(o.settings[: o.width], dtype=int)
    return numbers, o.parameters[o.row.kernel :][: int(o.settings[o.width])]


def prelu(o):
    numbers, alpha = _slopes(o)
    o.target = np.where(o.source > 0, o.source, alpha[numbers] * o.source)


def prelu_gradient(o, d_target):
    numbers, alpha = _slopes(o)
    above = o.source > 0
    d_alpha = np.zeros_like(alpha)
    np.add.at(d_alpha, numbers, (d_target * np.where(above, 0, o.source)).sum(axis=0))
    return [d_target * np.where(above, 1, alpha[numbers])], [(o.row.kernel, d_alpha)]


def _kernel_and_numbers(o):
    """Return the kernel of an embedding and the kernel's row for each column."""
    count, places = int(o.settings[0]), o.source.shape[1]
    size = o.width // places
    kernel = o.parameters[o.row.kernel :][: count * size].reshape(count, size)
    # numbers that name no row must not read beyond the kernel
    numbers = np.where(o.source >= 0, np.minimum(o.source, count - 1), 0).astype(np.int64)
    return kernel, numbers


def embedding(o):
    kernel, numbers = _kernel_and_numbers(o)
    o.target = kernel[numbers].reshape(len(numbers), o.width)


def embedding_gradient(o, d_target):
    kernel, numbers = _kernel_and_numbers(o)
    d_kernel = np.zeros_like(kernel)
    np.add.at(d_kernel, numbers, d_target.reshape(*numbers.shape, kernel.shape[1]))
    return [np.zeros_like(o.source)], [(o.row.kernel, d_kernel)]


def _split(o):
    """Return the arguments of a split activation, its parts' bounds and the settings."""
    first, second = np.cumsum(np.array(o.settings[:2], int))
    u = o.source.copy()
    u[:, first:second] = -u[:, first:second]
    u[:, second:] = 1 - abs(u[:, second:])
    return u, first, second, o.settings[2:]


def split(o):
    u, first, second, settings = _split(o)
    activate = ACTIVATIONS[o.row.kind][0]
    bound = activate(np.ones((1, 1), u.dtype), settings)
    y = activate(u, settings)
    y[:, first:second] = -y[:, first:second]
    y[:, second:] = np.where(
        o.source[:, second:] < 0, y[:, second:] - bound, bound - y[:, second:]
    )
    o.target = y


def split_gradient(o, d_target):
    u, _, _, settings = _split(o)
    activate, gradient = ACTIVATIONS[o.row.kind]
    return [gradient(u, activate(u, settings), d_target, settings)], []


def ordered(o):
    steps = ACTIVATIONS[Activation.ACTIVATION_SOFTPLUS][0](o.source, ())
    steps[:, 0] = -steps[:, 0] if o.settings[0] else o.source[:, 0]
    o.target = np.cumsum(steps, axis=1, dtype=steps.dtype)


def ordered_gradient(o, d_target):
    sums = np.cumsum(d_target[:, ::-1], axis=1, dtype=d_target.dtype)[:, ::-1]
    d_source = ACTIVATIONS[Activation.ACTIVATION_SOFTPLUS][1](o.source, None, sums, ())
    d_source[:, 0] = -d_source[:, 0] if o.settings[0] else sums[:, 0]
    return [d_source], []


def _columns(o):
    """Return the columns that a copy takes from its source and those that it fills."""
    width = min(o.source.shape[1], o.width)
    first, target_first = int(o.settings[0]), int(o.settings[1])
    return slice(first, first + width), slice(target_first, target_first + width)


def copy(o):
    taken, filled = _columns(o)
    if o.row.target not in o.values:
        o.target = np.empty((len(o.source), o.width), o.source.dtype)
    o.target[:, filled] = o.source[:, taken]


def copy_gradient(o, d_target):
    taken, filled = _columns(o)
    d_source = np.zeros_like(o.source)
    d_source[:, taken] = d_target[:, filled]
    return [d_source], []


def gather(o):
    o.target = o.source[:, np.array(o.settings[: o.width], np.int64)]


def gather_gradient(o, d_target):
    d_source = np.zeros_like(o.source)
    np.add.at(d_source, (slice(None), np.array(o.settings[: o.width], np.int64)), d_target)
    return [d_source], []


def merge(o):
    o.target = MERGES[o.row.kind](o.source, o.values[o.row.second])


def _larger(a, b):
    """Return 1 where a is the larger one, 0.5 where both are equal."""
    return np.where(a == b, 0.5, a > b)


def merge_gradient(o, d_target):
    a, b = o.source, o.values[o.row.second]
    ones = np.ones_like(a)
    slopes = {
        Merge.MERGE_ADD: (ones, ones), Merge.MERGE_SUBTRACT: (ones, -ones),
        Merge.MERGE_MULTIPLY: (b, a), Merge.MERGE_DOT: (b, a),
        Merge.MERGE_MAXIMUM: (_larger(a, b), _larger(b, a)),
        Merge.MERGE_MINIMUM: (_larger(b, a), _larger(a, b)),
    }[o.row.kind]  # fmt: skip
    gradients = []
    for operand, slope in zip((a, b), slopes, strict=True):
        d = (d_target * slope).astype(a.dtype, copy=False)
        stretched = operand.shape[1] < d.shape[1]
        gradients.append(d.sum(axis=1, keepdims=True) if stretched else d)
    return gradients, []


MERGES = {
    Merge.MERGE_ADD: np.add, Merge.MERGE_SUBTRACT: np.subtract,
    Merge.MERGE_MULTIPLY: np.multiply, Merge.MERGE_MAXIMUM: np.maximum,
    Merge.MERGE_MINIMUM: np.minimum,
    Merge.MERGE_DOT: lambda a, b: (a * b).sum(axis=1, keepdims=True),
}  # fmt: skip
_OPERATIONS = {
    Op.OP_DENSE: (dense, dense_gradient),
    Op.OP_ACTIVATION: (activation, activation_gradient),
    Op.OP_COPY: (copy, copy_gradient),
    Op.OP_MERGE: (merge, merge_gradient),
    Op.OP_GATHER: (gather, gather_gradient),
    Op.OP_AFFINE: (norms.affine, norms.affine_gradient),
    Op.OP_NOISE: (noise, noise_gradient),
    Op.OP_BATCH_NORM: (norms.batch_norm, norms.batch_norm_gradient),
    Op.OP_LAYER_NORM: (norms.layer_norm, norms.layer_norm_gradient),
    Op.OP_UNIT_NORM: (norms.unit_norm, norms.unit_norm_gradient),
    Op.OP_PRELU: (prelu, prelu_gradient),
    Op.OP_EMBEDDING: (embedding, embedding_gradient),
    Op.OP_SPLIT: (split, split_gradient),
    Op.OP_ORDERED: (ordered, ordered_gradient),
}
FORWARD = {op: forward for op, (forward, _) in _OPERATIONS.items()}
BACKWARD = {op: backward for op, (_, backward) in _OPERATIONS.items()}
