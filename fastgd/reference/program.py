"""A network's program: forward, backward, and the loop over batches."""

import time
from collections import namedtuple
from dataclasses import dataclass

import numpy as np

from fastgd._core.formulas import Loss
from fastgd._core.types import (
    LOSS_TERM,
    METRIC_TERM,
    ROW,
    TERM_TOTALS,
    Call,
    Moments,
    Op,
    Reduction,
    Status,
)
from fastgd.reference.arrays import added, all_or_nothing, weighted
from fastgd.reference.constraints import constrain
from fastgd.reference.layers import BACKWARD, FORWARD, Operands
from fastgd.reference.losses import LOSSES, ignored_rows
from fastgd.reference.metrics import add_rows
from fastgd.reference.normalization import settle
from fastgd.reference.penalties import activity, add_penalties
from fastgd.reference.shuffle import element, permutation
from fastgd.reference.updates import update

#: Rows that evaluate and predict take between two looks at the clock.
BLOCK_ROWS = 4096

# A value that leaves the finite numbers is found and reported by a Status, not by a warning.
quiet = np.errstate(all="ignore")


#: What may be minimised.
TERMS = LOSSES | {Loss.LOSS_ACTIVITY: activity}

# Their names are known at run time only.
Row = namedtuple("Row", ROW.names)  # type: ignore[misc, arg-type]
LossTerm = namedtuple("LossTerm", LOSS_TERM.names)  # type: ignore[misc, arg-type]
MetricTerm = namedtuple("MetricTerm", METRIC_TERM.names)  # type: ignore[misc, arg-type]


@dataclass
class Batch:
    """What the rows are told of a batch: whether it trains, the key of its random numbers."""

    training: bool = False
    key: int = 0


#: What ``forward`` returns for ``backward``.
Kept = namedtuple("Kept", ["batch", "parameters", "values"])


class Program:
    """A network made ready to run; see the compiled engine's for the arguments."""

    def __init__(self, plan, parameters, gradients):
        # Plain numbers: NumPy's run Python code when they meet a code, an enum, and lose a
        # Ctrl-C that comes in the middle of it.
        self._rows = [Row(*row) for row in plan.rows.tolist()]
        self._terms = [LossTerm(*term) for term in plan.losses.tolist()]
        self._metrics = [MetricTerm(*term) for term in plan.metrics.tolist()]
        self._widths = plan.widths.tolist()
        self._settings = plan.settings.tolist()
        self._outputs = plan.outputs.tolist()
        self._functions = plan.functions
        self._target_width = plan.target_width
        self._plan = plan
        self._parameters = parameters
        self._gradients = gradients

    def replica(self, parameters, gradients):
        """This program for the parameters of another network that is described alike."""
        return Program(self._plan, parameters, gradients)

    def train(self, job):
        """Train as a job says, until it is done or its time is over; return a Status.

        A batch whose loss or gradient is not finite changes nothing, but the totals of its
        finite loss.
        """
        deadline = time.monotonic() + job.seconds
        while True:
            if job.step == 0:
                if job.stream is not None:
                    job.key = job.stream.next()
                if job.order is not None:
                    job.order[:] = permutation(job.key, len(job.order))
            status = self._steps(job, deadline)
            if status != Status.STATUS_FINE or job.step < job.last:
                return status
            job.done += 1
            if job.done >= job.epochs:
                return status
            job.step = 0
            if time.monotonic() > deadline:
                return status

    def _steps(self, job, deadline):
        """Train to the end of the epoch, or the deadline."""
        totals = job.totals[job.done] if job.totals.ndim > 1 else job.totals
        while job.step < job.last:
            batch = slice(job.step * job.batch_size, (job.step + 1) * job.batch_size)
            if job.order is not None:
                batch = job.order[batch]
            x, y = job.x[batch if job.rows is None else job.rows[batch]], job.y[batch]
            rate = job.rates[job.step] if len(job.rates) > 1 else job.rates[0]
            with all_or_nothing(
                self._parameters, job.state.slots, job.state.iterations, totals
            ):
                status = self._step(x, y, totals, element(job.key, job.step), job.state, rate)
            if status != Status.STATUS_FINE:
                return status
            job.step += 1
            if time.monotonic() > deadline:
                break
        return Status.STATUS_FINE

    def _step(self, x, y, totals, key, state, rate):
        values, status = self._gradients_of(x, y, totals, key)
        if status == Status.STATUS_FINE:
            status = update(self._parameters, self._gradients, state, rate)
        if status in (Status.STATUS_FINE, Status.STATUS_UPDATE):
            self._constrain()
        if status == Status.STATUS_FINE:
            status = self._settle(values)
        return status

    @quiet
    def evaluate(self, x, y, first_row, totals, seconds, threads=1, rows=None):
        """Add losses and metrics of the rows from first_row on to totals; the row reached."""
        deadline = time.monotonic() + seconds
        for block in blocks(first_row, len(y)):
            places = block if rows is None else rows[block]
            values = self._values(self._parameters, x[places], Batch())
            losses, _ = self._losses(values, y[block])
            self._add(losses, values, y[block], totals)
            if time.monotonic() > deadline:
                return block.stop
        return len(y)

    @quiet
    def predict(self, x, out, first_row, seconds, threads=1, rows=None):
        """Fill out with the outputs of the rows from first_row on; the row reached."""
        deadline = time.monotonic() + seconds
        for block in blocks(first_row, len(out)):
            places = block if rows is None else rows[block]
            out[block] = self._side_by_side(self._values(self._parameters, x[places], Batch()))
            if time.monotonic() > deadline:
                return block.stop
        return len(out)

    @quiet
    def gradients(self, x, y, totals, key=0):
        """Fill the flat gradients with those of what is minimised over all rows of x: a Status.

        totals is added to, see ``_engine.plan.Plan``, unless a loss is not finite.
        """
        _, status = self._gradients_of(x, y, totals, key)
        return status

    @quiet
    def _gradients_of(self, x, y, totals, key):
        """As gradients, with the values of the buffers in front."""
        batch = Batch(True, key)
        values = self._values(self._parameters, x, batch)
        losses, deltas = self._losses(values, y)
        share = self._share(y)
        penalties = add_penalties(self._plan, self._parameters, share) * len(x)
        if not np.isfinite(totals[0] + penalties):
            return values, Status.STATUS_LOSS
        for k, values_of_rows in enumerate(losses):
            total = totals[TERM_TOTALS + 2 * k] + values_of_rows.sum(dtype=np.float64)
            if not np.isfinite(total):
                return values, Status.STATUS_LOSS
        self._add(losses, values, y, totals)
        totals[0] += penalties
        self._back(self._parameters, values, deltas, self._gradients, batch)
        add_penalties(self._plan, self._parameters, share, self._gradients)
        return values, Status.STATUS_FINE

    @quiet
    def penalty(self):
        """The sum of the penalties on the parameters as they are, but of no shared one."""
        return add_penalties(self._plan, self._parameters, 0.0)

    def _share(self, y):
        """What the sum of a batch's losses, the first term's, is multiplied by."""
        term = self._terms[0] if self._terms else None
        if term is None or term.reduction == Reduction.REDUCTION_SUM:
            return 1.0
        counted = self._counted(y, term)
        if term.reduction == Reduction.REDUCTION_WEIGHTED_MEAN:
            return 1.0 / float(_weights(y, term)[counted].sum(dtype=np.float64) or 1)
        return 1.0 / float(counted.sum() or 1)

    @quiet
    def _constrain(self):
        constrain(self._parameters, self._plan.constraints)

    @quiet
    def forward(self, parameters, x, out, training=False, key=0):
        """Fill out with the outputs for x under `parameters`: returns what backward needs.

        In training the moments that batch normalisations keep move on, in the program's own
        parameters.
        """
        batch = Batch(training, key)
        values = self._values(parameters, x, batch)
        out[:] = self._side_by_side(values)
        if training:
            self._settle(values)
        return Kept(batch, parameters, values)

    @quiet
    def _settle(self, values):
        """Move the lasting moments towards those of a batch: a Status."""
        status = Status.STATUS_FINE
        for row in self._rows:
            if row.op == Op.OP_BATCH_NORM and row.kind == Moments.MOMENTS_BATCH:
                operands = self._operands(row, self._parameters, values, Batch(True))
                if not settle(operands):
                    status = Status.STATUS_UPDATE
        return status

    @quiet
    def backward(self, kept, d_out, gradients, d_x):
        """From the gradient of the outputs to that of the parameters and, unless None, of x."""
        ends = np.cumsum([self._widths[buffer] for buffer in self._outputs])
        parts = np.split(d_out, ends[:-1], axis=1)
        deltas = dict(zip(self._outputs, parts, strict=True))
        self._back(kept.parameters, kept.values, deltas, gradients, kept.batch, everything=True)
        if d_x is not None:
            d_x[:] = deltas[0]

    def _side_by_side(self, values):
        """The outputs."""
        return np.concatenate([values[buffer] for buffer in self._outputs], axis=1)

    def _values(self, parameters, x, batch):
        """Run the layer table on x: a dict of buffer -> its values, (rows, width)."""
        values = {0: x}
        for row in self._rows:
            FORWARD[row.op](self._operands(row, parameters, values, batch))
        return values

    def _back(self, parameters, values, deltas, gradients, batch, everything=False):
        """Run the table backwards, from the gradients in `deltas` to those of everything.

        deltas: a dict of buffer -> the gradient of what is minimised with respect to it.
        """
        seen = set()
        for row in reversed(self._rows):
            if row.target not in deltas:
                continue  # nothing that is minimised depends on it
            operands = self._operands(row, parameters, values, batch)
            sources, of_parameters = BACKWARD[row.op](operands, deltas[row.target])
            for buffer, d_source in zip((row.source, row.second), sources, strict=False):
                deltas[buffer] = deltas[buffer] + d_source if buffer in deltas else d_source
            if everything or row.trains:
                for offset, gradient in of_parameters:
                    part = gradients[offset : offset + gradient.size]
                    # layers that are used twice collect what comes from each use
                    part[:] = gradient.reshape(-1) + (part if offset in seen else 0)
                    seen.add(offset)

    def _operands(self, row, parameters, values, batch):
        return Operands(
            row, parameters, values, self._widths, self._settings, batch, self._functions
        )

    def _losses(self, values, y):
        """For each term the losses of the rows times their weights; and the deltas of all."""
        losses, deltas = [], {}
        for term in self._terms:
            p = values[term.source]
            settings = self._settings[term.settings :]
            if term.kind == Loss.LOSS_COMPILED:
                settings = term.value, term.slope
            if term.kind == Call.CALL_FUNCTION:
                function = self._functions[int(settings[0])]
                found, slopes = function.values_and_slopes(
                    _targets(y, term), p, term.weight_column >= 0
                )
            else:
                found, slopes = TERMS[term.kind](p, _targets(y, term), settings)
            weights = _weights(y, term)
            found = weighted(weights, found)
            slopes = weighted(weights[:, None], slopes) * term.weight
            if term.reduction == Reduction.REDUCTION_MEAN:
                slopes = slopes / (self._counted(y, term).sum() or 1)
            elif term.reduction == Reduction.REDUCTION_WEIGHTED_MEAN:
                slopes = slopes / (weights[self._counted(y, term)].sum() or 1)
            slopes = slopes.astype(p.dtype, copy=False)
            losses.append(found)
            before = deltas.get(term.source)
            deltas[term.source] = slopes if before is None else before + slopes
        return losses, deltas

    def _counted(self, y, term):
        """The rows that a loss counts."""
        settings = self._settings[term.settings :]
        return ~ignored_rows(term.kind, _targets(y, term), settings)

    def _add(self, losses, values, y, totals):
        """Add what the rows of a batch give to the totals."""
        totals[1] += len(y)
        for k, (term, found) in enumerate(zip(self._terms, losses, strict=True)):
            pair = totals[TERM_TOTALS + 2 * k :][:2]
            pair[0] = added(pair[0], found)
            if term.reduction == Reduction.REDUCTION_MEAN:
                pair[1] += self._counted(y, term).sum()
            elif term.reduction == Reduction.REDUCTION_WEIGHTED_MEAN:
                weights = _weights(y, term)[self._counted(y, term)]
                pair[1] = added(pair[1], weights)
        for term in self._metrics:
            settings = self._settings[term.settings :]
            p, weights = values[term.source], _weights(y, term)
            if term.kind == Call.CALL_FUNCTION:
                function = self._functions[int(settings[0])]
                function.update_state(
                    _targets(y, term), p, weights if term.weight_column >= 0 else None
                )
                continue
            sums = totals[term.totals :]
            add_rows(term.kind, p, _targets(y, term), weights, settings, sums)


def _targets(y, term):
    return y[:, term.y_column : term.y_column + term.columns]


def _weights(y, term):
    """The weights of the rows: 1 where there are none."""
    if term.weight_column < 0:
        return np.ones(len(y), y.dtype)
    return y[:, term.weight_column]


class Predictor:
    """A network as a function of rows, or of one row; see the compiled engine's."""

    def __init__(self, program, prepare):
        self._program = program
        self._prepare = prepare

    def __call__(self, x):
        one_row = np.ndim(x) == 1
        x = self._prepare(np.asarray(x)[None] if one_row else x)
        width = sum(self._program._widths[buffer] for buffer in self._program._outputs)
        out = np.empty((len(x), width), dtype=x.dtype)
        self._program.predict(x, out, 0, np.inf)
        return out[0] if one_row else out


class OnlineJob:
    """Single steps of training; see the compiled engine's. Here they are no shorter."""

    def __init__(self, *arguments):
        pass

    def run(self, x, y, validate=True, one_row=False, renew=None):
        """Return None: the batch has to be prepared first."""
        return None


def blocks(first_row, row_count):
    """Slices of at most BLOCK_ROWS rows."""
    for row in range(first_row, row_count, BLOCK_ROWS):
        yield slice(row, min(row + BLOCK_ROWS, row_count))
