"""Networks around one operation of each kind, for the tests of the engines."""

from dataclasses import replace

import numpy as np
from engines import Net

from fastgd._core import types
from fastgd._core.formulas import Activation, Loss
from fastgd._core.types import Affine, Moments, Noise, Op
from fastgd._engine.table import Table


class Parameters:
    """The flat vector in the making."""

    def __init__(self, rng):
        self.rng = rng
        self.parts = []
        self.size = 0

    def add(self, *shape, mean=0.0, deviation=1.0, positive=False):
        """Room for random numbers; returns where it starts."""
        values = mean + deviation * self.rng.normal(size=shape)
        self.parts.append((abs(values) + 0.1 if positive else values).ravel())
        self.size += self.parts[-1].size
        return self.size - self.parts[-1].size


def dense(table, parameters, source, width, kind=Activation.ACTIVATION_LINEAR):
    inputs = table.widths[source]
    kernel = parameters.add(inputs, width, deviation=1 / np.sqrt(inputs))
    target = table.buffer(width)
    table.row(Op.OP_DENSE, source, target, kind=kind, kernel=kernel,
              bias=parameters.add(width, deviation=0.1))  # fmt: skip
    return target


def noise(kind, *settings, columns=(), one_row=False):
    def emit(table, parameters, source):
        width = table.widths[source]
        numbers = settings
        if kind == Noise.NOISE_MASK:
            rate = settings[0]
            own = [columns[j % len(columns)] for j in range(width)] if columns else []
            numbers = (round(rate * 2**24), *settings[1:], one_row, bool(columns), *own)
        target = table.buffer(width)
        table.row(Op.OP_NOISE, source, target, kind=kind, keep=table.buffer(width),
                  settings=(table.stream(None), *numbers))  # fmt: skip
        return target

    return emit


def batch_norm(kind, *, scale=True, center=True, groups=1, epsilon=1e-3):
    def emit(table, parameters, source):
        width = table.widths[source]
        channels = width // groups if width % groups == 0 else width
        target = table.buffer(width)
        gamma = parameters.add(channels, mean=1, deviation=0.2) if scale else -1
        beta = parameters.add(channels, deviation=0.3) if center else -1
        state = parameters.add(channels, deviation=0.2)
        parameters.add(channels, positive=True)
        table.row(
            Op.OP_BATCH_NORM, source, target, kind=kind, kernel=gamma, bias=beta, state=state,
            settings=(epsilon, 0.9, width // channels), work=table.work(5 * channels),
        )  # fmt: skip
        return target

    return emit


def layer_norm(*, scale=True, center=True, groups=1, epsilon=1e-3):
    def emit(table, parameters, source):
        width = table.widths[source]
        parts = groups if width % groups == 0 else 1
        target = table.buffer(width)
        gamma = parameters.add(width // parts, mean=1, deviation=0.2) if scale else -1
        beta = parameters.add(width // parts, deviation=0.3) if center else -1
        table.row(Op.OP_LAYER_NORM, source, target, kernel=gamma, bias=beta,
                  settings=(epsilon, parts), keep=table.buffer(2 * parts))  # fmt: skip
        return target

    return emit


def unit_norm(groups=1):
    def emit(table, parameters, source):
        width = table.widths[source]
        parts = groups if width % groups == 0 else 1
        target = table.buffer(width)
        table.row(Op.OP_UNIT_NORM, source, target, settings=(1e-12, parts),
                  keep=table.buffer(parts))  # fmt: skip
        return target

    return emit


def affine(kind, given=False):
    def emit(table, parameters, source):
        width = table.widths[source]
        rng = parameters.rng
        state = -1
        if kind == Affine.AFFINE_RESCALE or given:
            settings = [*rng.uniform(0.5, 2, width), *rng.uniform(0.5, 2, width)]
            settings = settings if kind == Affine.AFFINE_RESCALE else [1e-7, 0, *settings]
        else:
            count = max(1, width // 2)
            state = parameters.add(count)
            parameters.add(count, positive=True)
            settings = [1e-7, count, *(j % count for j in range(width))]
        target = table.buffer(width)
        table.row(Op.OP_AFFINE, source, target, kind=kind, state=state, settings=settings)
        return target

    return emit


def gather(table, parameters, source):
    # forwards and back: each column but some at the ends is taken twice
    width = table.widths[source]
    return table.gather(source, [*range(width), *reversed(range(width // 2))])


def prelu(shared=False):
    def emit(table, parameters, source):
        width = table.widths[source]
        count = (width + 1) // 2 if shared else width
        target = table.buffer(width)
        table.row(Op.OP_PRELU, source, target, kernel=parameters.add(count, deviation=0.5),
                  settings=[*(j % count for j in range(width)), count])  # fmt: skip
        return target

    return emit


def embedding(table, parameters, source, count=7, size=3):
    target = table.buffer(table.widths[source] * size)
    table.row(Op.OP_EMBEDDING, source, target, kernel=parameters.add(count, size),
              settings=(count,))  # fmt: skip
    return target


def split(kind, *settings):
    def emit(table, parameters, source):
        width = table.widths[source]
        target = table.buffer(width)
        table.row(Op.OP_SPLIT, source, target, kind=kind,
                  settings=((width + 1) // 3, width // 2 - width // 6, *settings))  # fmt: skip
        return target

    return emit


def ordered(negative):
    def emit(table, parameters, source):
        target = table.buffer(table.widths[source])
        return table.row(Op.OP_ORDERED, source, target, settings=(negative,))

    return emit


MASK = (0.3, 1 / 0.7, 0.0, 0.0)

#: name -> what adds the operation to a table, given it, the parameters and a buffer.
LAYERS = {
    "dropout": noise(Noise.NOISE_MASK, *MASK),
    "dropout of whole rows' columns": noise(Noise.NOISE_MASK, *MASK, columns=(0, 0, 2)),
    "dropout of columns": noise(Noise.NOISE_MASK, *MASK, one_row=True),
    "alpha dropout": noise(Noise.NOISE_MASK, 0.2, 0.9, 0.3, -1.5),
    "gaussian noise": noise(Noise.NOISE_ADDED, 0.5),
    "gaussian dropout": noise(Noise.NOISE_FACTOR, 0.5),
    "batch norm": batch_norm(Moments.MOMENTS_BATCH),
    "batch norm bare": batch_norm(Moments.MOMENTS_BATCH, scale=False, center=False),
    "batch norm scale": batch_norm(Moments.MOMENTS_BATCH, center=False),
    "batch norm of groups": batch_norm(Moments.MOMENTS_BATCH, groups=3),
    "batch norm frozen": batch_norm(Moments.MOMENTS_MOVING),
    "layer norm": layer_norm(),
    "layer norm bare": layer_norm(scale=False, center=False),
    "layer norm center": layer_norm(scale=False),
    "layer norm of groups": layer_norm(groups=3, epsilon=0.1),
    "unit norm": unit_norm(),
    "unit norm of groups": unit_norm(3),
    "rescaling": affine(Affine.AFFINE_RESCALE),
    "normalization": affine(Affine.AFFINE_NORMALIZE),
    "normalization given": affine(Affine.AFFINE_NORMALIZE, given=True),
    "denormalization": affine(Affine.AFFINE_RESTORE),
    "gather": gather,
    "prelu": prelu(),
    "prelu shared": prelu(shared=True),
    "embedding": embedding,
    "split relu": split(Activation.ACTIVATION_RELU),
    "split elu": split(Activation.ACTIVATION_ELU, 0.8),
    "ordered": ordered(False),
    "ordered below 0": ordered(True),
}


def is_random(name):
    return "dropout" in name or "noise" in name


def looks_across_rows(name):
    return "batch norm" in name and "frozen" not in name


class LayerNet(Net):
    """A dense layer (but none before an embedding), the operation twice, a dense layer.

    Twice, so that two uses of a kind do not mix what they keep; with `shared` both uses have
    one set of parameters.
    """

    def __init__(self, name, inputs, width, dtype, *, seed=0, twice=True, shared=False):
        parameters = Parameters(np.random.default_rng(seed))
        table = Table(inputs)
        self.ids = name == "embedding"
        buffer = 0
        if not self.ids:
            buffer = dense(table, parameters, 0, width, Activation.ACTIVATION_TANH)
        first = len(table.rows)
        buffer = self.layer = LAYERS[name](table, parameters, buffer)
        if twice and not self.ids:
            own = table.rows[-1]
            buffer = dense(table, parameters, buffer, width)
            buffer = LAYERS[name](table, parameters, buffer)
            if shared:
                for column in ("kernel", "bias", "state"):
                    table.rows[-1][column] = own[column]
        elif shared:
            again = LAYERS[name](table, parameters, 0)
            table.rows[-1]["kernel"] = table.rows[first]["kernel"]
            both = table.buffer(table.widths[buffer])
            table.row(Op.OP_MERGE, buffer, both, kind=types.Merge.MERGE_MULTIPLY, second=again)
            buffer = both
        output = dense(table, parameters, buffer, 2)
        losses = np.zeros(1, types.LOSS_TERM)
        losses["kind"] = Loss.LOSS_MEAN_SQUARED_ERROR
        losses["source"], losses["columns"] = output, 2
        losses["weight_column"], losses["weight"] = -1, 1
        self.plan = replace(
            table.plan([output], parameters.size),
            losses=losses,
            target_width=2,
            totals_size=types.TERM_TOTALS + 2,
        )
        self.dtype, self.inputs, self.outputs = dtype, inputs, 2
        self.loss = Loss.LOSS_MEAN_SQUARED_ERROR
        self.start = np.concatenate(parameters.parts).astype(dtype)

    def data(self, n, seed=0):
        x, y = super().data(n, seed)
        if self.ids:
            x = np.random.default_rng(seed).integers(0, 7, x.shape).astype(self.dtype)
        return x, y
