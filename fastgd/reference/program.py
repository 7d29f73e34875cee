"""A network's program: forward, backward, and the loop over batches."""

import time
from collections import namedtuple

import numpy as np

from fastgd._core.types import ROW, Op, Status
from fastgd.reference.activations import ACTIVATIONS
from fastgd.reference.constraints import constrain
from fastgd.reference.losses import LOSSES
from fastgd.reference.metrics import METRICS
from fastgd.reference.penalties import add_penalties
from fastgd.reference.shuffle import permutation
from fastgd.reference.updates import update

#: Rows that evaluate and predict take between two looks at the clock.
BLOCK_ROWS = 4096

# A value that leaves the finite numbers is found and reported by a Status, not by a warning.
quiet = np.errstate(all="ignore")


Row = namedtuple("Row", ROW.names)


class Program:
    """A network made ready to run; see the compiled engine's for the arguments."""

    def __init__(self, plan, parameters, gradients):
        self._plan = plan
        # Plain numbers: NumPy's run Python code when they meet a code, an enum, and lose a
        # Ctrl-C that comes in the middle of it.
        self._rows = [Row(*row) for row in plan.rows.tolist()]
        self._metrics = plan.metrics.tolist()
        self._parameters = parameters
        self._gradients = gradients

    def train(
        self,
        x,
        y,
        order,
        key,
        batch_size,
        first_step,
        last_step,
        state,
        rates,
        totals,
        seconds,
        threads=1,
    ):
        """Train on the batches first_step ... last_step - 1 of an epoch.

        Returns the step to go on from and the Status that says why it stopped. A batch whose
        loss or gradient is not finite changes nothing, but the totals of its finite loss.
        """
        deadline = time.monotonic() + seconds
        if order is not None and first_step == 0:
            order[:] = permutation(key, len(x))
        for step in range(first_step, last_step):
            batch = slice(step * batch_size, (step + 1) * batch_size)
            if order is not None:
                batch = order[batch]
            status = self.gradients(x[batch], y[batch], totals)
            if status == Status.STATUS_FINE:
                rate = rates[step] if len(rates) > 1 else rates[0]
                status = update(self._parameters, self._gradients, state, rate)
                if status != Status.STATUS_GRADIENT:
                    self._constrain()
            if status != Status.STATUS_FINE:
                return step, status
            if time.monotonic() > deadline:
                return step + 1, Status.STATUS_FINE
        return last_step, Status.STATUS_FINE

    @quiet
    def evaluate(self, x, y, first_row, totals, seconds, threads=1):
        """Add loss and metrics of the rows from first_row on to totals; the row reached."""
        deadline = time.monotonic() + seconds
        for rows in blocks(first_row, len(x)):
            values = self._values(self._parameters, x[rows])
            losses, _ = self._losses(values, y[rows])
            self._add(losses, values, y[rows], totals)
            if time.monotonic() > deadline:
                return rows.stop
        return len(x)

    @quiet
    def predict(self, x, out, first_row, seconds, threads=1):
        """Fill out with the outputs of the rows from first_row on; the row reached."""
        deadline = time.monotonic() + seconds
        for rows in blocks(first_row, len(x)):
            out[rows] = self._values(self._parameters, x[rows])[self._plan.output]
            if time.monotonic() > deadline:
                return rows.stop
        return len(x)

    @quiet
    def gradients(self, x, y, totals):
        """Fill the flat gradients with those of the mean loss over all rows of x: a Status.

        totals, [sum of losses, sums of metrics ..., rows], is added to, unless the loss is not
        finite.
        """
        plan = self._plan
        values = self._values(self._parameters, x)
        losses, slopes = self._losses(values, y)
        penalty = self.penalty() * len(x)
        if not np.isfinite(totals[0] + losses.sum(dtype=np.float64) + penalty):
            return Status.STATUS_LOSS
        self._add(losses, values, y, totals)
        totals[0] += penalty
        deltas = {plan.loss_source: slopes}
        rows = self._rows[: plan.loss_row_count]
        self._back(rows, self._parameters, values, deltas, self._gradients)
        add_penalties(plan, self._parameters, self._gradients)
        return Status.STATUS_FINE

    @quiet
    def penalty(self):
        """The sum of the penalties on the parameters as they are."""
        return add_penalties(self._plan, self._parameters)

    @quiet
    def _constrain(self):
        constrain(self._plan, self._parameters)

    @quiet
    def forward(self, parameters, x, out):
        """Fill out with the outputs for x under `parameters`; returns what backward needs."""
        values = self._values(parameters, x)
        out[:] = values[self._plan.output]
        return values

    @quiet
    def backward(self, parameters, x, values, d_out, gradients, d_x):
        """From the gradient of the outputs to that of the parameters and, unless None, of x."""
        deltas = {self._plan.output: d_out}
        self._back(self._rows, parameters, values, deltas, gradients)
        if d_x is not None:
            d_x[:] = deltas[0]

    def _kernel(self, row, flat):
        """The kernel of a dense row, (inputs, outputs): a view into a flat vector."""
        shape = self._plan.widths[row.source], self._plan.widths[row.target]
        return flat[row.kernel :][: shape[0] * shape[1]].reshape(shape)

    def _bias(self, row, flat):
        return flat[row.bias :][: self._plan.widths[row.target]]

    def _values(self, parameters, x):
        """Run the layer table on x: a dict of buffer -> its values, (rows, width)."""
        values = {0: x}
        for row in self._rows:
            source = values[row.source]
            if row.op == Op.OP_DENSE:
                source = source @ self._kernel(row, parameters)
                if row.bias >= 0:
                    source = source + self._bias(row, parameters)
            function, _ = ACTIVATIONS[row.kind]
            values[row.target] = function(source)
        return values

    def _back(self, rows, parameters, values, deltas, gradients):
        """Run the table backwards, from the gradients in `deltas` to those of everything.

        deltas: a dict of buffer -> the gradient of the loss with respect to it.
        """
        for row in rows[::-1]:
            _, gradient = ACTIVATIONS[row.kind]
            d_target = gradient(values[row.target], deltas[row.target])
            if row.op == Op.OP_DENSE:
                self._kernel(row, gradients)[:] = values[row.source].T @ d_target
                if row.bias >= 0:
                    self._bias(row, gradients)[:] = d_target.sum(axis=0)
                deltas[row.source] = d_target @ self._kernel(row, parameters).T
            else:
                deltas[row.source] = d_target

    def _losses(self, values, y):
        return LOSSES[self._plan.loss](values[self._plan.loss_source], y)

    def _add(self, losses, values, y, totals):
        """Add to [sum of losses, sums of metrics ..., rows]."""
        columns = [METRICS[code](values[self._plan.output], y) for code in self._metrics]
        for i, column in enumerate([losses, *columns]):
            totals[i] += column.sum(dtype=np.float64)
        totals[-1] += len(y)


class Predictor:
    """A network as a function of rows, or of one row; see the compiled engine's."""

    def __init__(self, program, prepare):
        self._program = program
        self._prepare = prepare

    def __call__(self, x):
        one_row = np.ndim(x) == 1
        x = self._prepare(np.asarray(x)[None] if one_row else x)
        plan = self._program._plan
        out = np.empty((len(x), plan.widths[plan.output]), dtype=x.dtype)
        self._program.predict(x, out, 0, np.inf)
        return out[0] if one_row else out


def blocks(first_row, row_count):
    """Slices of at most BLOCK_ROWS rows."""
    for row in range(first_row, row_count, BLOCK_ROWS):
        yield slice(row, min(row + BLOCK_ROWS, row_count))
