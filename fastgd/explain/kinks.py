"""Find where a straight line crosses the kinks of a piecewise-linear network.

Between two kinks every value of such a network is a linear function of the place on the line,
and its gradient constant (Sotoudeh and Thakur, "Computing linear restrictions of neural
networks", 2019).
"""

import numpy as np

from fastgd._core.formulas import Activation
from fastgd._core.types import Call, Merge, Op
from fastgd.errors import ArgumentError
from fastgd.reference.activations import ACTIVATIONS
from fastgd.reference.layers import FORWARD, Batch, Operands
from fastgd.reference.program import Row

#: Values of buffers that are held at a time, at most unless one line has more: with few, little
#: is done at once; with many, they leave the cache (benchmarks/test_explain.py).
MOST_VALUES = 1_000_000

#: Operations that are linear where nothing is trained. Dense layers are too, but for kinds.
LINEAR = (Op.OP_COPY, Op.OP_GATHER, Op.OP_AFFINE, Op.OP_NOISE, Op.OP_BATCH_NORM)

#: The kinks of activations that are continuous and piecewise linear, by their settings.
KINKS = {
    Activation.ACTIVATION_LINEAR: lambda s: (),
    Activation.ACTIVATION_RELU: lambda s: (0.0,),
    Activation.ACTIVATION_RECTIFIER: lambda s: (0.0, s[1]),
    Activation.ACTIVATION_SOFT_SHRINK: lambda s: (-s[0], s[0]),
    Activation.ACTIVATION_HARD_TANH: lambda s: (-1.0, 1.0),
    Activation.ACTIVATION_HARD_SIGMOID: lambda s: (-3.0, 3.0),
    Activation.ACTIVATION_SPARSE_SIGMOID: lambda s: (-1.0, 1.0),
}


class Network:
    """Hold the rows of a plan that lead to one number, checked to be piecewise linear.

    Parameters
    ----------
    plan : Plan
    parameters : ndarray
        Its weights as they are now.
    outputs : set of int
        The buffers that the number is computed from.
    """

    def __init__(self, plan, parameters, outputs):
        wanted, rows = set(outputs), []
        for place in reversed(range(len(plan.rows))):
            row = Row(*plan.rows[place].tolist())
            if row.target in wanted:
                wanted |= {row.source, row.second}
                rows.append(row)
                _check(row, plan, place)
        self._rows = rows[::-1]
        self._last_readers = {}  # buffer -> the last row that reads it
        for row in self._rows:
            self._last_readers |= {row.source: row, row.second: row}
        self._plan, self._widths = plan, plan.widths.tolist()
        self._parameters = parameters.astype(np.float64)
        self._settings = plan.settings.tolist()

    def rows_at_once(self):
        """Return for how many lines the values are held at a time."""
        kinks = 2 + sum(self._widths[row.target] for row in self._rows)
        return max(1, MOST_VALUES // (kinks * sum(self._widths)))

    def segments(self, x, start):
        """Return (lines, places, weights): the middle and the length of each linear segment.

        x, start : ndarray, float64 (n, width)
            Where the lines end, and begin.
        """
        count = len(x)
        line = _Lines(
            lines=np.repeat(np.arange(count), 2),
            places=np.tile([0.0, 1.0], count),
            values={0: np.stack([start, x], axis=1).reshape(2 * count, -1)},
        )
        with np.errstate(all="ignore"):
            for row in self._rows:
                self._run(row, line)
        length = np.diff(line.places)
        kept = (np.diff(line.lines) == 0) & (length > 0)
        middle = line.places[:-1] + length / 2
        return line.lines[:-1][kept], middle[kept], length[kept]

    def _run(self, row, line):
        """Compute the target of a row of the table at all points, and at those of its kinks."""
        settings = self._settings[row.settings :]
        kind = row.kind
        if row.op == Op.OP_DENSE:
            FORWARD[row.op](self._operands(row._replace(kind=0), line))
            self._forget(row, line)
            line.cut(line.values[row.target], KINKS[kind](settings))
            z = line.values[row.target]
            line.values[row.target] = ACTIVATIONS[kind][0](z, ())
            return
        if row.op == Op.OP_ACTIVATION:
            line.cut(line.values[row.source], KINKS[kind](settings))
        elif row.op == Op.OP_SPLIT:  # of z, -z and 1 - |z|
            kinks = {bend for k in KINKS[kind](settings[2:]) for bend in (k, -k, 1 - k, k - 1)}
            line.cut(line.values[row.source], kinks)
        elif row.op == Op.OP_PRELU:
            line.cut(line.values[row.source], (0.0,))
        elif row.op == Op.OP_MERGE and kind in (Merge.MERGE_MAXIMUM, Merge.MERGE_MINIMUM):
            line.cut(line.values[row.source] - line.values[row.second], (0.0,))
        FORWARD[row.op](self._operands(row, line))
        self._forget(row, line)

    def _forget(self, row, line):
        """Forget the values that no later row reads."""
        for buffer in {row.source, row.second}:
            if self._last_readers[buffer] is row:
                line.values.pop(buffer, None)

    def _operands(self, row, line):
        return Operands(
            row, self._parameters, line.values, self._widths, self._settings, Batch()
        )


class _Lines:
    """Hold points on lines, in their order, and the values of the buffers there."""

    def __init__(self, lines, places, values):
        self.lines, self.places, self.values = lines, places, values

    def cut(self, z, kinks):
        """Add the points where a column of z crosses one of some numbers."""
        found = [self._crossings(z - kink) for kink in kinks if np.isfinite(kink)]
        if not found:
            return
        left, share = (np.concatenate(parts) for parts in zip(*found, strict=True))
        order = np.lexsort((share, left))
        left, share = left[order], share[order]
        added = left + 1 + np.arange(len(left))
        before = np.ones(len(z) + len(left), bool)
        before[added] = False

        def with_added(values, share):
            every = np.empty((len(before), *values.shape[1:]), values.dtype)
            every[before] = values
            low = values[left]
            every[added] = low + share * (values[left + 1] - low)
            return every

        self.values = {
            buffer: with_added(values, share[:, None]) for buffer, values in self.values.items()
        }
        self.places = with_added(self.places, share)
        self.lines = with_added(self.lines, 0)

    def _crossings(self, z):
        """Return where z changes its sign: the points before, and how far it is to the next."""
        below, above = z < 0, z > 0
        changes = (below[:-1] & above[1:]) | (above[:-1] & below[1:])
        changes &= (self.lines[:-1] == self.lines[1:])[:, None]
        left, column = np.divmod(np.flatnonzero(changes), z.shape[1])
        before = z[left, column]
        return left, before / (before - z[left + 1, column])


def _check(row, plan, place):
    """Refuse a row of the table that is not piecewise linear, or jumps."""
    settings = plan.settings[row.settings :]
    fine = row.op in (*LINEAR, Op.OP_PRELU)
    what = Op(row.op).name[3:].lower().replace("_", " ")
    if row.op in (Op.OP_DENSE, Op.OP_ACTIVATION, Op.OP_SPLIT):
        fine = row.kind in KINKS
        if row.kind == Activation.ACTIVATION_RECTIFIER:
            _, largest, threshold = settings[2 if row.op == Op.OP_SPLIT else 0 :][:3]
            fine = threshold == 0 and largest > 0  # else it jumps
        what = "user-defined activation"
        if row.kind != Call.CALL_FUNCTION:
            what = Activation(row.kind).name[11:].lower()
    elif row.op == Op.OP_MERGE:
        fine = row.kind not in (Merge.MERGE_MULTIPLY, Merge.MERGE_DOT)
        what = Merge(row.kind).name[6:].lower()
    if not fine:
        raise ArgumentError(
            f"steps: 'exact' is for networks that are piecewise linear and continuous, and the "
            f"{what} of layer {plan.layers[place]!r} is not: use 'auto', or a number of steps"
        )
