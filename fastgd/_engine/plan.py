"""The builder: layers become a layer table and one flat vector of parameters."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from fastgd._core.arrays import aligned_zeros
from fastgd._core.formulas import Activation, Loss
from fastgd._core.types import (
    CONSTRAINT_ROW,
    LOSS_TERM,
    METRIC_TERM,
    PADDING,
    PENALTY_ROW,
    ROW,
    TERM_TOTALS,
    Call,
    Op,
    Reduction,
)
from fastgd._engine.streams import element


def flat_vector(size, dtype):
    """Zeros that begin on a cache line and have the room behind them that the engine reads."""
    return aligned_zeros(size, dtype, behind=PADDING)


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
    settings : ndarray of float64
        The numbers that rows, losses and metrics refer to.
    outputs : ndarray of int64
        The buffers of the predictions.
    logits : tuple of int
        For each output the buffer that its last activation reads, if that is a sigmoid or a
        softmax; else the output.
    parameter_count : int
    work_size : int
        The elements that rows with ``work`` need for a whole batch.
    losses : ndarray of types.LOSS_TERM
    metrics : ndarray of types.METRIC_TERM
    target_width : int
        The columns of y: the targets of each output, then the weights of the rows, if any.
    totals_size : int
        How many sums an epoch adds up: [penalties times rows, rows, a pair for each loss, those
        of each metric].
    functions : tuple
        The user's own activations, losses and metrics, which are called by number.
    activities : tuple of (int, (float, float))
        Buffers whose values are penalised, and by what factors, l1 and l2.
    penalties, constraints, penalty_gradients
        What regularizers and constraints became, see ``fastgd._engine.penalties.Regular``.
    keep : tuple
        What has to live as long as the plan: losses whose functions it has the addresses of.
    """

    rows: np.ndarray
    widths: np.ndarray
    settings: np.ndarray
    outputs: np.ndarray
    logits: tuple
    parameter_count: int
    work_size: int = 0
    losses: np.ndarray = field(default_factory=lambda: np.zeros(0, LOSS_TERM))
    metrics: np.ndarray = field(default_factory=lambda: np.zeros(0, METRIC_TERM))
    target_width: int = 0
    totals_size: int = TERM_TOTALS
    functions: tuple = ()
    activities: tuple = ()
    penalties: np.ndarray = field(default_factory=lambda: np.zeros(0, PENALTY_ROW))
    constraints: np.ndarray = field(default_factory=lambda: np.zeros(0, CONSTRAINT_ROW))
    penalty_gradients: np.ndarray = field(default_factory=lambda: np.zeros(0))
    keep: tuple = ()

    def trained_with(self, aims, activations, weighted=False):
        """This plan with losses and metrics, fused with the last activations where they can be.

        A loss from logits gives the gradient p - y without ever dividing by p.

        Parameters
        ----------
        aims : sequence of fastgd.models.objective.Aim
            One for each output.
        activations : sequence of function
            What each output is activated by.
        weighted : bool
            Whether y ends in a column of weights for each output that has a loss.
        """
        settings = self.settings.tolist()
        trained = [k for k, aim in enumerate(aims) if aim.loss is not None]
        width = [int(self.widths[buffer]) for buffer in self.outputs]
        columns = [aims[k].loss.target_columns(width[k]) for k in trained]
        starts = np.cumsum([0, *columns])
        totals = TERM_TOTALS + 2 * (len(trained) + len(self.activities))
        losses, metrics, functions = [], [], list(self.functions)
        for i, k in enumerate(trained):
            aim, loss = aims[k], aims[k].loss
            weight_column = int(starts[-1]) + i if weighted else -1
            fused = loss.fused is not None and loss.fused is activations[k]
            fused = fused and not loss.from_logits
            code = loss.logits_code if fused or loss.from_logits else loss.code
            source = self.logits[k] if fused else self.outputs[k]
            place, y_column = len(settings), int(starts[i])
            if code == Loss.LOSS_NONE:  # the user's own
                code = Call.CALL_FUNCTION
                settings.append(len(functions))
                functions.append(loss)
            else:
                settings += loss.settings()
            losses.append((code, source, y_column, columns[i], weight_column, place,
                           loss.reduction_code, aim.weight, *loss.addresses))  # fmt: skip
            for metric in (*aim.metrics, *aim.weighted):
                column = weight_column if metric in aim.weighted else -1
                code = metric.code if metric.compiled else Call.CALL_FUNCTION
                metrics.append((code, self.outputs[k], y_column, columns[i], column,
                                len(settings), totals))  # fmt: skip
                if metric.compiled:
                    settings += metric.settings()
                else:
                    settings.append(len(functions))
                    functions.append(metric)
                totals += metric.totals_size(width[k])
        for buffer, factors in self.activities:
            losses.append((Loss.LOSS_ACTIVITY, buffer, 0, 0, -1, len(settings),
                           Reduction.REDUCTION_MEAN, 1.0, 0, 0))  # fmt: skip
            settings += factors
        return replace(
            self,
            settings=np.array(settings, np.float64),
            losses=np.array(losses, LOSS_TERM),
            metrics=np.array(metrics, METRIC_TERM),
            target_width=int(starts[-1]) + (len(trained) if weighted else 0),
            totals_size=totals,
            functions=tuple(functions),
            keep=tuple(aims[k].loss for k in trained),
        )


@dataclass(frozen=True)
class Description:
    """Describe an activation to the engine.

    Attributes
    ----------
    code : int
        Of ``_core.formulas.Activation``, or ``Call.CALL_FUNCTION`` for a Python function.
    settings : tuple of float
        The numbers that the code takes, in its order.
    function : callable, optional
        The function of ``fastgd.activations``, or the user's: what a loss may be fused with.
    called : object, optional
        What the engine calls for a Python function: has ``value`` and ``gradient``.
    """

    code: int
    settings: tuple = ()
    function: object = field(default=None, compare=False)
    called: object = field(default=None, compare=False)


class Table:
    """A layer table in the making. Layers add to it with these few words.

    Attributes
    ----------
    input_shape : tuple, or list of tuple
        The shape, (None, d...), of what the layer reads that is adding its rows.
    trains : bool
        Whether the parameters of that layer are trained.
    """

    def __init__(self, input_width, base=0, frozen=None):
        self.widths = [input_width]
        self.base = base  # where in their owner the parameters begin
        self.input_shape = (None, input_width)
        self.trains = True
        self.frozen = frozen  # the layers that are not trained; None to ask each
        self.kept = set()  # the buffers that others read, too
        self.rows = []
        self.settings = []
        self.work_size = 0
        self.activated = {}  # buffer -> the activation that has just written it
        self.functions = []  # the user's own
        self.activities = {}  # buffer -> (l1, l2), the penalties on its values
        self.seeds = {}  # seed -> how many streams of random numbers have come from it
        self.slices = {0: slice(0, input_width)}  # buffer -> the columns of x that it holds
        self.checks = []  # (columns of x, what refuses bad values there)

    def checked(self, source, check):
        """Have a buffer's values checked before anything is computed, if they are the input's.

        check: a function of (values, argument) that raises.
        """
        if source in self.slices:
            self.checks.append((self.slices[source], check))

    def inputs(self, widths):
        """The buffers of inputs that stand side by side in x; a single one is x itself."""
        if len(widths) == 1:
            return [0]
        starts = np.cumsum([0, *widths[:-1]]).tolist()
        buffers = [
            self.copy(0, width=width, source_column=start)
            for width, start in zip(widths, starts, strict=True)
        ]
        self.slices |= {
            buffer: slice(start, start + width)
            for buffer, start, width in zip(buffers, starts, widths, strict=True)
        }
        return buffers

    def layer(self, layer, input_shape, source):
        """Add the rows of a layer, called on buffers of a shape; returns its outputs'."""
        self.input_shape = input_shape
        self.trains = layer.trainable if self.frozen is None else layer not in self.frozen
        return layer.emit(self, source)

    def keep(self, buffer):
        """Let nobody activate a buffer in place: there is more than one that reads it."""
        self.kept.add(buffer)

    def buffer(self, width):
        """A new buffer; returns its number."""
        self.widths.append(int(width))
        return len(self.widths) - 1

    def work(self, size):
        """Room for so many elements for a whole batch; returns where it starts."""
        self.work_size += size
        return self.work_size - size

    def row(
        self, op, source, target, *, kind=0, second=-1, kernel=-1, bias=-1, state=-1,
        settings=(), keep=-1, work=-1,
    ):  # fmt: skip
        """One step of the forward pass; the columns are those of types.pxd.

        `kernel`, `bias` and `state` are the offsets of Variables, `settings` the numbers
        themselves.
        """
        place = len(self.settings)
        kernel, bias, state = (
            at - self.base if at >= 0 else -1 for at in (kernel, bias, state)
        )
        self.settings += map(float, settings)
        self.rows.append({
            "op": op, "kind": kind, "source": source, "second": second, "target": target,
            "kernel": kernel, "bias": bias, "state": state, "settings": place, "keep": keep,
            "work": work, "trains": self.trains,
        })  # fmt: skip

    def copy(self, source, target=None, *, width=None, source_column=0, target_column=0):
        """Copy columns of a buffer, into a new one if there is no target; returns that."""
        if target is None:
            target = self.buffer(self.widths[source] if width is None else width)
        self.row(Op.OP_COPY, source, target, settings=(source_column, target_column))
        return target

    def gather(self, source, columns):
        """A new buffer of a buffer's columns, in the order given; returns it."""
        target = self.buffer(len(columns))
        self.row(Op.OP_GATHER, source, target, settings=columns)
        return target

    def stream(self, seed):
        """A number for a stream of random numbers of its own, below 2**53.

        The first stream of a seed is a function of the seed alone; without one the streams are
        numbered in the order of the layers that draw.
        """
        place = self.seeds.get(seed, 0)
        self.seeds[seed] = place + 1
        return element(0 if seed is None else 2 * seed + 1, place) >> 11

    def activation(self, description, source):
        """Activate a buffer; a dense layer that has just written it does so itself.

        description : Description
            See ``activations.describe``.
        """
        settings = description.settings
        if description.called is not None:
            self.functions.append(description.called)
            settings = (len(self.functions) - 1,)
        if description.code == Activation.ACTIVATION_LINEAR:
            return source
        target = source
        if not self._activates(source, description.code):
            target = self.buffer(self.widths[source])
            self.row(Op.OP_ACTIVATION, source, target, kind=description.code, settings=settings)
        self.activated[target] = description.function
        return target

    def _activates(self, source, code):
        """Whether the last row, a dense one, takes on the activation of what it has written."""
        last = self.rows[-1] if self.rows else {"op": None}
        takes = (
            last["op"] == Op.OP_DENSE
            and last["kind"] == Activation.ACTIVATION_LINEAR
            and last["target"] == source
            and source not in self.kept
            and source not in self.activities
            and code in IN_PLACE
        )
        if takes:
            last["kind"] = code
        return takes

    def penalized(self, source, regularizer):
        """Penalise the values of a buffer; returns it. regularizer: L1, L2, L1L2 or None."""
        if regularizer is None:
            return source
        l1, l2 = regularizer.factors()
        source = self.copy(source) if source == 0 else source
        before = self.activities.get(source, (0.0, 0.0))
        self.activities[source] = before[0] + l1, before[1] + l2
        return source

    def logits(self, output):
        """What the last activation of an output reads, if a loss may want it: (output, logits).

        A dense layer that is activated in place gets a row of its own for the activation.
        """
        for row in self.rows:
            if row["target"] == output and row["kind"] in _WITH_LOGITS:
                if row["op"] == Op.OP_ACTIVATION:
                    return output, row["source"]
                if row["op"] == Op.OP_DENSE:
                    linear = row["target"] = self.buffer(self.widths[output])
                    place = self.rows.index(row) + 1
                    self.row(Op.OP_ACTIVATION, linear, output, kind=row["kind"])
                    self.rows.insert(place, self.rows.pop())
                    row["kind"] = Activation.ACTIVATION_LINEAR
                    return output, linear
        return output, output

    def plan(self, outputs, parameter_count):
        """The plan of the finished table, with outputs that no two losses share."""
        distinct = []
        for output in outputs:
            distinct.append(self.copy(output) if output in (0, *distinct) else output)
        pairs = [self.logits(output) for output in distinct]
        return Plan(
            rows=np.array([tuple(row[name] for name in ROW.names) for row in self.rows], ROW),
            widths=np.array(self.widths, np.int64),
            settings=np.array(self.settings, np.float64),
            outputs=np.array([output for output, _ in pairs], np.int64),
            logits=tuple(logits for _, logits in pairs),
            parameter_count=parameter_count,
            work_size=self.work_size,
            functions=tuple(self.functions),
            activities=tuple(self.activities.items()),
        )


#: The activations that a dense layer applies in place: their derivative is written in terms of
#: their output.
IN_PLACE = (
    Activation.ACTIVATION_RELU,
    Activation.ACTIVATION_SIGMOID,
    Activation.ACTIVATION_TANH,
    Activation.ACTIVATION_SOFTMAX,
)
_WITH_LOGITS = (Activation.ACTIVATION_SIGMOID, Activation.ACTIVATION_SOFTMAX)


def width_of(shape):
    """How many numbers a row of a shape (None, d...) has."""
    return math.prod(shape[1:])


def describe_layer(layer, shapes, base):
    """The plan of one call of a layer, whose inputs of these shapes stand side by side in x.

    base: where in their owner the layer's variables begin.
    """
    table = Table(sum(map(width_of, shapes)), base)
    buffers = table.inputs(list(map(width_of, shapes)))
    several = layer.several_inputs
    target = table.layer(layer, shapes if several else shapes[0], buffers if several else 0)
    targets = target if isinstance(target, list) else [target]
    return table.plan(targets, sum(v.size for v in layer.variables))
