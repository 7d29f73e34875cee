"""Run a network's program: forward, backward, and the loop over batches."""

import threading
import time
from collections import namedtuple

import numpy as np

from fastgd._core import types
from fastgd._core.formulas import Loss
from fastgd._core.types import TERM_TOTALS, Call, Moments, Op, Reduction, Status
from fastgd.reference.arrays import BLOCK_ROWS, added, all_or_nothing, blocks, weighted
from fastgd.reference.constraints import constrain
from fastgd.reference.layers import BACKWARD, FORWARD, Batch, Operands
from fastgd.reference.loss_batches import collect
from fastgd.reference.losses import LOSSES, ignored_rows
from fastgd.reference.metrics import add_rows
from fastgd.reference.normalization import settle
from fastgd.reference.optimizers import update
from fastgd.reference.penalties import activity, add_penalties
from fastgd.reference.private_norms import clipped_sum, row_gradients
from fastgd.reference.private_steps import draw_rows, fill_private_gradients
from fastgd.reference.shards import fill_gradients, meet
from fastgd.reference.shuffle import element, permutation

# A Status, not a warning, reports values that are not finite.
quiet = np.errstate(all="ignore")

#: The losses and penalties that may be minimised.
TERMS = LOSSES | {Loss.LOSS_ACTIVITY: activity}


def fields_of(name, dtype):
    """Return a named tuple type with the fields of a structured data type."""
    return namedtuple(name, dtype.names)


Row = fields_of("Row", types.ROW)
LossTerm = fields_of("LossTerm", types.LOSS_TERM)
MetricTerm = fields_of("MetricTerm", types.METRIC_TERM)
#: The result of ``forward`` for ``backward``.
Kept = namedtuple("Kept", ["batch", "parameters", "values"])


class Program:
    """Run a network, with the arguments of the compiled engine's Program."""

    def __init__(self, plan, parameters, gradients):
        # Plain numbers: comparing one of NumPy's with an enum runs Python code that loses a
        # Ctrl-C.
        self._rows = [Row(*row) for row in plan.rows.tolist()]
        self._terms = [LossTerm(*term) for term in plan.losses.tolist()]
        self._metrics = [MetricTerm(*term) for term in plan.metrics.tolist()]
        self._widths = plan.widths.tolist()
        self._settings, self._outputs = plan.settings.tolist(), plan.outputs.tolist()
        self._functions, self._plan = plan.functions, plan
        self._parameters, self._gradients = parameters, gradients
        self._turn = threading.RLock()

    def lock(self):
        """Return the lock that is held while training changes weights."""
        return self._turn

    def replica(self, parameters, gradients):
        """Return this program for the parameters of another network of the same description."""
        return Program(self._plan, parameters, gradients)

    def train(self, job):
        """Train as a job says, until it is done or its time is over; return a Status.

        A batch whose loss or gradient is not finite changes nothing but the totals, to which a
        finite loss is added.
        """
        deadline = time.monotonic() + job.seconds
        while True:
            if job.step == 0:
                if job.stream is not None:
                    job.key = job.stream.next()
                if job.order is not None and job.private is None:
                    job.order[:] = permutation(job.key, len(job.order), job.together)
            with self._turn:
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
        state, private = job.state, job.private
        if private is not None:
            draw_rows(private, job.step)
        while job.step < job.last:
            batch = slice(job.step * job.batch_size, (job.step + 1) * job.batch_size)
            if private is not None:
                batch = private.order[slice(*private.starts[job.step :][:2])]
            elif job.order is not None:
                batch = job.order[batch]
            x, y = job.x[batch if job.rows is None else job.rows[batch]], job.y[batch]
            rate = job.rates[job.step] if len(job.rates) > 1 else job.rates[0]
            with all_or_nothing(self._parameters, state.slots, state.iterations, totals):
                key = element(job.key, job.step)
                status = self._step(x, y, totals, key, rate, job)
            if private is not None:
                private.count += 1
            if status != Status.STATUS_FINE:
                return status
            job.step += 1
            if time.monotonic() > deadline:
                break
        return Status.STATUS_FINE

    def _step(self, x, y, totals, key, rate, job):
        if job.private is None:
            meet(job, totals)
            values, status = self._gradients_of(x, y, totals, key, job)
        else:
            values, status = fill_private_gradients(self, x, y, totals, key, job.private)
        if status == Status.STATUS_FINE:
            status = update(self._parameters, self._gradients, job.state, rate)
        if status in (Status.STATUS_FINE, Status.STATUS_UPDATE):
            self._constrain()
        if status == Status.STATUS_FINE:
            status = self._settle(values)
        return status

    @quiet
    def evaluate(
        self, x, y, first_row, totals, seconds, threads=1, rows=None, call_rows=BLOCK_ROWS
    ):
        """Add losses and metrics of the rows from first_row on; return the row reached.

        call_rows: how many user-defined functions are given at a time.
        """
        reached = len(y)
        for block in blocks(first_row, len(y), seconds, call_rows):
            places = block if rows is None else rows[block]
            values = self._values(self._parameters, x[places], Batch())
            losses, _ = self._losses(values, y[block], training=False)
            self._add(losses, values, y[block], totals)
            self._collect(values, y[block], totals)
            reached = block.stop
        return reached

    @quiet
    def predict(self, x, out, first_row, seconds, threads=1, rows=None):
        """Fill out with the outputs of the rows from first_row on; return the row reached."""
        reached = len(out)
        for block in blocks(first_row, len(out), seconds):
            places = block if rows is None else rows[block]
            out[block] = self._side_by_side(self._values(self._parameters, x[places], Batch()))
            reached = block.stop
        return reached

    @quiet
    def input_gradients(self, x, d_out, d_x, first_row, seconds, threads=1):
        """Fill d_x with the gradients of sum(d_out * outputs); return the row reached."""
        for block in blocks(first_row, len(x), seconds):
            d_x[block] = self._input_gradients(x[block], d_out)
        return block.stop

    @quiet
    def path_gradients(self, path, d_out, sums, first_point, seconds, threads=1):
        """Add weight times gradient of each point to the sums; return the point reached.

        path: (x, start, lines, places, weights), see the compiled engine's Program.
        """
        x, start, lines, places, weights = path
        if lines is None:
            lines = np.repeat(np.arange(len(x)), len(places))
            places, weights = np.tile(places, len(x)), np.tile(weights, len(x))
        way, start = x - start, np.broadcast_to(start, x.shape)
        for block in blocks(first_point, len(lines), seconds):
            line, place, weight = lines[block], places[block, None], weights[block, None]
            points = (start[line] + place * way[line]).astype(self._parameters.dtype)
            found = self._input_gradients(points, d_out).astype(np.float64)
            np.add.at(sums, line, weight * found)
        return block.stop

    def _input_gradients(self, x, d_out):
        values = self._values(self._parameters, x, Batch())
        deltas = self._of_outputs(np.repeat(d_out[None], len(x), axis=0))
        self._back(self._parameters, values, deltas, None, Batch())
        return deltas[0]

    @quiet
    def gradients(self, x, y, totals, key=0):
        """Fill the flat gradients with those of the objective over all rows: return a Status.

        Adds to totals, see ``_engine.plan.Plan``, unless a loss is not finite.
        """
        _, status = self._gradients_of(x, y, totals, key)
        return status

    @quiet
    def _gradients_of(self, x, y, totals, key, job=None):
        """Fill the flat gradients, in a job's shards: return values of buffers and a Status."""
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
        if job is not None and job.shards:
            fill_gradients(self, values, deltas, key, job)
        else:
            self._back(self._parameters, values, deltas, self._gradients, batch)
        add_penalties(self._plan, self._parameters, share, self._gradients)
        return values, Status.STATUS_FINE

    @quiet
    def row_norms(self, x, y, norms, key=0, clip=None):
        """Fill norms with those of the gradient of each row's own loss.

        With clip, the flat gradients become the sum of the rows' gradients, each scaled down
        to at most this norm; a row whose gradient is not finite counts 0.
        """
        total = clipped_sum(row_gradients(self, x, y, key), clip, norms)
        if clip is not None:
            self._gradients[:] = total

    @quiet
    def penalty(self):
        """Return the sum of the penalties on the parameters, without the shared ones."""
        return add_penalties(self._plan, self._parameters, 0.0)

    def _share(self, y):
        """Return the factor of the sum of a batch's losses, those of the first term."""
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
        """Fill out with the outputs for x under `parameters`; return the argument of backward.

        In training this moves the moments of batch normalisations in the program's parameters.
        """
        batch = Batch(training, key)
        values = self._values(parameters, x, batch)
        out[:] = self._side_by_side(values)
        if training:
            self._settle(values)
        return Kept(batch, parameters, values)

    @quiet
    def _settle(self, values):
        """Move the lasting moments towards those of a batch: return a Status."""
        status = Status.STATUS_FINE
        for row in self._rows:
            if row.op == Op.OP_BATCH_NORM and row.kind == Moments.MOMENTS_BATCH:
                operands = self._operands(row, self._parameters, values, Batch(True))
                if not settle(operands):
                    status = Status.STATUS_UPDATE
        return status

    @quiet
    def backward(self, kept, d_out, gradients, d_x):
        """Fill gradients and, unless None, d_x from the gradient of the outputs."""
        deltas = self._of_outputs(d_out)
        self._back(kept.parameters, kept.values, deltas, gradients, kept.batch, everything=True)
        if d_x is not None:
            d_x[:] = deltas[0]

    def _of_outputs(self, d_out):
        """Return output buffer -> its columns of a gradient of the outputs side by side."""
        found = {}
        for buffer in self._outputs:
            part, d_out = np.split(d_out, [self._widths[buffer]], axis=1)
            found[buffer] = found[buffer] + part if buffer in found else part
        return found

    def _side_by_side(self, values):
        """Return the outputs side by side."""
        return np.concatenate([values[buffer] for buffer in self._outputs], axis=1)

    def _values(self, parameters, x, batch):
        """Run the layer table on x: return a dict of buffer -> its values, (rows, width)."""
        values = {0: x}
        for row in self._rows:
            FORWARD[row.op](self._operands(row, parameters, values, batch))
        return values

    def _back(self, parameters, values, deltas, gradients, batch, everything=False):
        """Run the table backwards, and fill `deltas`: buffer -> gradient of the objective.

        gradients: None where those of the parameters are not wanted.
        """
        seen = set()
        for row in reversed(self._rows):
            if row.target not in deltas:
                continue  # the objective does not depend on it
            operands = self._operands(row, parameters, values, batch)
            sources, of_parameters = BACKWARD[row.op](operands, deltas[row.target])
            for buffer, d_source in zip((row.source, row.second), sources, strict=False):
                deltas[buffer] = deltas[buffer] + d_source if buffer in deltas else d_source
            if gradients is not None and (everything or row.trains):
                for offset, gradient in of_parameters:
                    part = gradients[offset : offset + gradient.size]
                    # layers that are used twice add the gradients of each use
                    part[:] = gradient.reshape(-1) + (part if offset in seen else 0)
                    seen.add(offset)

    def _operands(self, row, parameters, values, batch):
        return Operands(
            row, parameters, values, self._widths, self._settings, batch, self._functions
        )

    def _losses(self, values, y, training=True):
        """Return the weighted losses of the rows for each term, and the deltas of all terms."""
        losses, deltas = [], {}
        for term in self._terms:
            p, targets = values[term.source], _targets(y, term)
            settings = self._settings[term.settings :]
            if term.kind == Loss.LOSS_COMPILED:
                settings = term.value, term.slope
            if term.kind == Call.CALL_FUNCTION:
                function = self._functions[int(settings[0])]
                call = function.values_and_slopes if training else function.values
                found, slopes = call(targets, p, term.weight_column >= 0)
            else:
                found, slopes = TERMS[term.kind](p, targets, settings)
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

    def _collect(self, values, y, totals):
        """Write the losses of whole batches over all rows so far into the totals."""
        for k, term in enumerate(self._terms):
            if term.kind in (Loss.LOSS_SHARPE, Loss.LOSS_SORTINO):
                p, settings = values[term.source], self._settings[term.settings :]
                sums = totals[term.totals :]
                loss = collect(term.kind, p, _targets(y, term), settings, sums)
                totals[TERM_TOTALS + 2 * k] = loss * sums[0]

    def _counted(self, y, term):
        """Return which rows a loss counts."""
        return ~ignored_rows(term.kind, _targets(y, term), self._settings[term.settings :])

    def _add(self, losses, values, y, totals):
        """Add the losses and metrics of a batch to the totals."""
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
            p, targets, weights = values[term.source], _targets(y, term), _weights(y, term)
            if term.kind == Call.CALL_FUNCTION:
                function = self._functions[int(settings[0])]
                function.update_state(targets, p, weights if term.weight_column >= 0 else None)
            else:
                add_rows(term.kind, p, targets, weights, settings, totals[term.totals :])


def _targets(y, term):
    return y[:, term.y_column : term.y_column + term.columns]


def _weights(y, term):
    """Return the weights of the rows, 1 if there are none."""
    if term.weight_column < 0:
        return np.ones(len(y), y.dtype)
    return y[:, term.weight_column]
