"""Build a layer table: layers add their rows, and a Plan comes of them."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from fastgd._core.formulas import Activation
from fastgd._core.types import ROW, Op
from fastgd._engine.plan import Plan, width_of
from fastgd._engine.streams import element


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
    settings: tuple[float, ...] = ()
    function: Any = field(default=None, compare=False)
    called: Any = field(default=None, compare=False)


#: The columns of a row that an operation may leave out.
_ABSENT = {
    "kind": 0,
    "second": -1,
    "kernel": -1,
    "bias": -1,
    "state": -1,
    "keep": -1,
    "work": -1,
}


class Table:
    """Collect the rows of a layer table, which layers add.

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
        self.of_layer = ""  # the name of the layer that is adding its rows
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
        """Return the buffers of inputs that stand side by side in x; one is x itself."""
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
        """Add the rows of a layer, called on buffers of a shape; return its outputs."""
        self.input_shape, self.of_layer = input_shape, layer.name
        self.trains = layer.trainable if self.frozen is None else layer not in self.frozen
        return layer.emit(self, source)

    def keep(self, buffer):
        """Forbid to activate a buffer in place, since more than one row reads it."""
        self.kept.add(buffer)

    def buffer(self, width):
        """Add a buffer; return its number."""
        self.widths.append(int(width))
        return len(self.widths) - 1

    def work(self, size):
        """Reserve so many elements for a whole batch; return where they start."""
        self.work_size += size
        return self.work_size - size

    def row(self, op, source, target, settings=(), **columns):
        """Add one step of the forward pass; return the target.

        Parameters
        ----------
        op, source, target : int
            An Op, and the buffers that are read and written.
        settings : sequence of float
            The numbers that the operation takes.
        **columns : int
            ``kind``, ``second``, ``keep``, ``work`` and, as offsets of Variables, ``kernel``,
            ``bias`` and ``state``: see ROW in types.pxd.
        """
        for name in columns.keys() & {"kernel", "bias", "state"}:
            columns[name] -= self.base
        place = len(self.settings)
        self.settings += map(float, settings)
        self.rows.append(_ABSENT | columns | {
            "op": op, "source": source, "target": target, "settings": place,
            "trains": self.trains, "of_layer": self.of_layer,
        })  # fmt: skip
        return target

    def copy(self, source, target=None, *, width=None, source_column=0, target_column=0):
        """Copy columns of a buffer, into a new one if there is no target; return that."""
        if target is None:
            target = self.buffer(self.widths[source] if width is None else width)
        self.row(Op.OP_COPY, source, target, settings=(source_column, target_column))
        return target

    def gather(self, source, columns):
        """Add a buffer of a buffer's columns, in the order given; return it."""
        target = self.buffer(len(columns))
        self.row(Op.OP_GATHER, source, target, settings=columns)
        return target

    def stream(self, seed):
        """Return the number of a new stream of random numbers, below 2**53.

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
        """Give the last row the activation of its output, if it can take it; return whether."""
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
        """Penalise the values of a buffer; return it. regularizer: L1, L2, L1L2 or None."""
        if regularizer is None:
            return source
        l1, l2 = regularizer.factors()
        source = self.copy(source) if source == 0 else source
        before = self.activities.get(source, (0.0, 0.0))
        self.activities[source] = before[0] + l1, before[1] + l2
        return source

    def logits(self, output):
        """Return (output, logits): the buffer that its sigmoid or softmax reads, if any.

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
        """Return the plan of the finished table, with outputs that no two losses share."""
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
            layers=tuple(row["of_layer"] for row in self.rows),
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


def describe_layer(layer, shapes, base):
    """Return the plan of one call of a layer; inputs of these shapes stand side by side in x.

    base: where in their owner the layer's variables begin.
    """
    table = Table(sum(map(width_of, shapes)), base)
    buffers = table.inputs(list(map(width_of, shapes)))
    several = layer.several_inputs
    target = table.layer(layer, shapes if several else shapes[0], buffers if several else 0)
    targets = target if isinstance(target, list) else [target]
    return table.plan(targets, sum(v.size for v in layer.variables))
