"""The builder: layers become a layer table and one flat vector of parameters."""

from dataclasses import dataclass, field, replace

import numpy as np

from fastgd._core.types import CONSTRAINT_ROW, PADDING, PENALTY_ROW, ROW, Activation, Loss, Op
from fastgd._regular import Regular, collected
from fastgd.activations import CODES
from fastgd.initializers import GlorotUniform
from fastgd.variables import Variable


def flat_vector(size, dtype):
    """Zeros that begin on a cache line and have the room behind them that the engine reads."""
    itemsize = np.dtype(dtype).itemsize
    block = np.zeros((size + PADDING) * itemsize + 64, dtype=np.uint8)
    start = -block.ctypes.data % 64
    return block[start : start + (size + PADDING) * itemsize].view(dtype)[:size]


def flat_copy(vector):
    """A copy of a flat vector, with that same room behind it."""
    copy = flat_vector(vector.size, vector.dtype)
    copy[:] = vector
    return copy


@dataclass(frozen=True)
class Plan:
    """What an engine's ``Program`` is made from.

    Attributes
    ----------
    rows : ndarray of types.ROW
        The layer table, in the order of the forward pass.
    widths : ndarray of int64
        The width of each buffer; buffer 0 is the input.
    output : int
        The buffer of the predictions.
    logits : int
        The buffer that the last activation reads, if it is a sigmoid or softmax; else `output`.
    parameter_count : int
    loss, loss_source, loss_row_count, target_width, metrics
        What is trained: a code, the buffer it reads, how many rows lead there, the columns of a
        target, and the codes of the metrics.
    penalties, constraints, penalty_gradients
        What regularizers and constraints became, see ``fastgd._regular.Regular``.
    """

    rows: np.ndarray
    widths: np.ndarray
    output: int
    logits: int
    parameter_count: int
    loss: int = int(Loss.LOSS_NONE)
    loss_source: int = 0
    loss_row_count: int = 0
    target_width: int = 0
    metrics: np.ndarray = ()
    penalties: np.ndarray = field(default_factory=lambda: np.zeros(0, PENALTY_ROW))
    constraints: np.ndarray = field(default_factory=lambda: np.zeros(0, CONSTRAINT_ROW))
    penalty_gradients: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def trained_with(self, loss, metrics, last_activation):
        """This plan with a loss and metrics, fused with the last activation where they can be.

        A loss from logits gives the gradient p - y without ever dividing by p.
        """
        fused = loss.fused is not None and loss.fused is last_activation
        from_logits = loss.from_logits or fused
        return replace(
            self,
            loss=int(loss.logits_code if from_logits else loss.code),
            loss_source=self.logits if fused and not loss.from_logits else self.output,
            loss_row_count=len(self.rows) - (fused and not loss.from_logits),
            target_width=1 if loss.sparse else int(self.widths[self.output]),
            metrics=np.array([m.code for m in metrics], dtype=np.int64),
        )


class Table:
    """A layer table in the making. Layers add to it with these few words."""

    def __init__(self, input_width):
        self.widths = [input_width]
        self.rows = []
        self.last_activation = None

    def buffer(self, width):
        """A new buffer; returns its number."""
        self.widths.append(width)
        return len(self.widths) - 1

    def row(self, op, source, target, kind=0, kernel=-1, bias=-1):
        """One step of the forward pass."""
        self.rows.append((op, kind, source, target, kernel, bias))
        self.last_activation = None

    def activation(self, function, source):
        """Activate a buffer; a dense layer that has just written it does so itself.

        The input is the user's, and the gradient of an activation is written in terms of its
        output: both are kept as they are.
        """
        code = CODES[function]
        if code == Activation.ACTIVATION_LINEAR:
            return source
        if source == 0:
            source = self.buffer(self.widths[0])
            self.row(Op.OP_ACTIVATION, 0, source, kind=Activation.ACTIVATION_LINEAR)
        last = self.rows[-1]
        if last[:2] == (Op.OP_DENSE, Activation.ACTIVATION_LINEAR):
            self.rows[-1] = (last[0], code, *last[2:])
            target = source
        else:
            target = self.buffer(self.widths[source])
            self.row(Op.OP_ACTIVATION, source, target, kind=code)
        self.last_activation = function
        return target


@dataclass(frozen=True)
class Network:
    """Layers made ready: their plan, and the flat vectors that every figure of it lives in.

    Attributes
    ----------
    plan : Plan
    parameters, gradients : ndarray, shape (plan.parameter_count,)
    variables : list of Variable
        Views of `parameters`, in the order of the layers.
    last_activation : function
        What the output is activated by.
    input_width, output_width : int
    dtype : numpy.dtype
    regular : Regular
        The penalties and constraints of the variables.
    """

    plan: Plan
    parameters: np.ndarray
    gradients: np.ndarray
    variables: list
    last_activation: object
    input_width: int
    output_width: int
    dtype: np.dtype
    regular: Regular


def build(layers, input_width, dtype):
    """Make a Network of layers; weights that a layer has already are kept."""
    widths = [input_width]
    for layer in layers:
        widths.append(layer.output_width(widths[-1]))
    specs = [layer.weight_specs(width) for layer, width in zip(layers, widths, strict=False)]
    parameters = flat_vector(sum(_size(w) for weights in specs for w in weights), dtype)
    offset = 0
    bound = []
    for layer, weights in zip(layers, specs, strict=True):
        variables = []
        for i, weight in enumerate(weights):
            name = f"{layer.name}/{weight.name}"
            variable = Variable(
                parameters, offset, weight.shape, name=name, trainable=weight.trainable
            )
            variable.regularizer, variable.constraint = weight.regularizer, weight.constraint
            old = layer.variables[i] if i < len(layer.variables) else None
            kept = old is not None and old.shape == weight.shape
            initializer = weight.initializer or GlorotUniform()
            variable.assign(old.value if kept else initializer(weight.shape, dtype=dtype))
            variables.append(variable)
            offset += variable.size
        bound.append(variables)
    flat_variables = [v for variables in bound for v in variables]
    regular = collected(flat_variables, lambda: flat_vector(parameters.size, dtype))
    # Only now: whatever went wrong above has left the layers as they were.
    for layer, width, variables in zip(layers, widths, bound, strict=False):
        layer.bind(width, variables)
    plan, last_activation = _described(layers, input_width, parameters.size)
    plan = replace(
        plan,
        penalties=regular.penalties,
        constraints=regular.constraints,
        penalty_gradients=regular.penalty_gradients,
    )
    return Network(
        plan=plan,
        parameters=parameters,
        gradients=flat_vector(parameters.size, dtype),
        variables=flat_variables,
        last_activation=last_activation,
        input_width=input_width,
        output_width=widths[-1],
        dtype=parameters.dtype,
        regular=regular,
    )


def _size(weight):
    return int(np.prod(weight.shape))


def _described(layers, input_width, parameter_count):
    table = Table(input_width)
    buffer = 0
    for layer in layers:
        buffer = layer.emit(table, buffer)
    logits = buffer
    if buffer == 0:
        buffer = logits = table.buffer(input_width)
        table.row(Op.OP_ACTIVATION, 0, buffer, kind=Activation.ACTIVATION_LINEAR)
    elif table.rows[-1][1] in _WITH_LOGITS:
        # The loss may want what the last activation reads: it gets a buffer of its own.
        op, kind, source, *rest = table.rows[-1]
        if op == Op.OP_DENSE:
            table.rows[-1] = (op, Activation.ACTIVATION_LINEAR, source, *rest)
            buffer = table.buffer(table.widths[logits])
            table.rows.append((Op.OP_ACTIVATION, kind, logits, buffer, -1, -1))
        else:
            logits = source
    plan = Plan(
        rows=np.array(table.rows, dtype=ROW),
        widths=np.array(table.widths, dtype=np.int64),
        output=buffer,
        logits=logits,
        parameter_count=parameter_count,
        loss_source=buffer,
        loss_row_count=len(table.rows),
        metrics=np.zeros(0, dtype=np.int64),
    )
    return plan, table.last_activation


_WITH_LOGITS = (Activation.ACTIVATION_SIGMOID, Activation.ACTIVATION_SOFTMAX)
