"""Take compiled steps: a program, the optimizer's state, and what the totals say."""

from contextlib import nullcontext

import numpy as np

from fastgd._core.engine import Job
from fastgd._core.types import Status
from fastgd._engine.divergence import diverged
from fastgd._engine.thread_choice import SPAN_SECONDS, ThreadTuner, useful_threads
from fastgd.errors import ArgumentError

#: Multiply-adds forward of an epoch that is short, a few milliseconds' work, and how many of
#: those are trained in one call: so Python is entered, and its lock taken, once for all.
SHORT_EPOCH = 20_000_000
EPOCHS_AT_ONCE = 128
#: How many rows Python functions are given at a time, if any number does.
CALL_ROWS = 4096

_ONE_THREAD = ThreadTuner(1)


class CompiledStep:
    """Train, evaluate and measure with one program.

    Parameters
    ----------
    program : Program of an engine
    assembly : Assembly
        The network's memory and its penalties.
    optimizer : Optimizer or None
    results : Results
        Reads the totals of the program.
    """

    def __init__(self, program, assembly, optimizer, results):
        self.program, self.assembly = program, assembly
        self.optimizer, self.results = optimizer, results
        self._revision = self._state = None
        self._tuners = {}

    def replica(self, assembly, optimizer):
        """Return this step for the weights of another model that is described alike."""
        program = self.program.replica(assembly.parameters, assembly.gradients)
        return CompiledStep(program, assembly, optimizer, self.results)

    def totals(self, epochs=None):
        """Return zeros for the sums of an epoch, or of several; custom metrics begin anew."""
        for metric in self.results.custom:
            metric.reset_state()
        size = self.results.size
        return np.zeros(size if epochs is None else (epochs, size))

    # -- training -----------------------------------------------------------------------------

    def run(self, job, threads=1):
        """Train as a job says for about SPAN_SECONDS; return a Status."""
        optimizer, penalties = self.optimizer, self.assembly.penalties
        if optimizer.whole_batch:
            return self._minimize(job)
        if penalties.in_python:  # Python is called between steps
            penalties.before_step()
            job.last = min(job.step + 1, job.last)
        if not optimizer.scheduled or job.last - job.step == 1:
            job.rates = optimizer.rates()
        elif job.rates is None or len(job.rates) != job.last:
            job.rates = np.zeros(job.last)
            job.rates[job.step :] = optimizer.rates(0, job.last - job.step)
        job.state = self.state()

        def span(seconds, threads):
            job.seconds, job.threads = seconds, threads
            status = self.program.train(job)
            return job.step, status

        _, status = self._tuner(job, threads).run(span, job.step, SPAN_SECONDS)
        if status == Status.STATUS_FINE:
            penalties.after_step()
        return status

    def state(self):
        """Return the optimizer's state of the weights, made anew if a setting has changed.

        It is kept of the whole vector that the weights are a part of: so the state of a weight
        is one, whichever of the models that share it is trained.
        """
        optimizer, assembly = self.optimizer, self.assembly
        if self._revision == optimizer.revision:
            return self._state
        vector = assembly.arena.vector
        state = optimizer.state(vector, assembly.trained)
        start, size = assembly.start, assembly.parameters.size
        if size < vector.size:
            state.slots = state.slots[:, start : start + size]
            state.segments = state.segments.copy()
            state.segments["offset"] -= start
        self._state, self._revision = state, optimizer.revision
        return state

    def _tuner(self, job, threads):
        if threads == 1:
            return _ONE_THREAD
        work = 3 * self.assembly.parameters.size * job.batch_size
        most = useful_threads(threads, work, job.last)
        if most not in self._tuners:
            self._tuners[most] = ThreadTuner(most)
        return self._tuners[most]

    def epochs_at_once(self, source, threads):
        """Return how many epochs over a source one call may train: 1 unless they are short."""
        size, optimizer = self.assembly.parameters.size, self.optimizer
        short = (
            source.whole
            and source.count * size <= SHORT_EPOCH
            and useful_threads(threads, 3 * size * source.batch_size, source.steps) == 1
            and not (optimizer.whole_batch or optimizer.scheduled)
            and not (self.assembly.penalties.in_python or self.results.in_python)
        )
        return EPOCHS_AT_ONCE if short else 1

    def train_on_batch(self, x, y, stream):
        """Take one step on prepared rows; return the logs."""
        job = Job(x, y, len(x))
        job.stream, job.totals = stream, self.totals()
        status = self.run(job)
        if status != Status.STATUS_FINE:
            raise self.failed(status)
        return self.results.logs(job.totals)

    def failed(self, status):
        """Return the error for a single step that has failed."""
        return diverged(status, self.optimizer.iterations, remedy=self.results.remedy)

    def gradients(self, x, y, totals, key=0):
        """Fill the flat gradients with those over all rows of x; return a Status."""
        self.assembly.penalties.before_step()
        return self.program.gradients(x, y, totals, key)

    def _minimize(self, job):
        """Minimise the loss over all rows of a job; return a Status."""
        assembly, penalties = self.assembly, self.assembly.penalties
        if len(penalties.constraints) or penalties.called:
            raise ArgumentError("LBFGS: expected variables without constraints")
        if job.stream is not None and job.step == 0:  # a round like any other
            job.stream.next()
        x, y = job.x if job.rows is None else job.x[job.rows], job.y
        statuses = []

        def objective():
            found = np.zeros_like(job.totals)
            status = self.gradients(x, y, found)
            statuses.append(status)
            loss = self.results.loss(found) if status == Status.STATUS_FINE else float("nan")
            return loss, found

        vectors = assembly.parameters, assembly.gradients
        # While it has the turn, a program can call no function of the user's.
        turn = nullcontext() if self.results.in_python else self.program.lock()
        with turn:  # no other thread is to see the weights that a line search tries
            job.totals += self.optimizer.minimize(
                *vectors, objective, assembly.trained, assembly.start
            )
        job.step = job.last
        return statuses[0]

    # -- evaluation and prediction ------------------------------------------------------------

    def penalty(self):
        """Return what regularizers add to the loss of each row, at the weights as they are."""
        self.assembly.penalties.before_step()
        return self.program.penalty()

    def evaluate(self, x, y):
        """Return the logs of prepared rows."""
        totals = self.totals()
        row = 0
        with self.results.rows_apart():
            while row < len(x):
                row = self.program.evaluate(x, y, row, totals, SPAN_SECONDS, call_rows=len(x))
            totals[0] = self.penalty() * totals[1]
            return self.results.logs(totals)

    def meet_functions(self, job, last):
        """Find out by the first batch whether Python functions give one number for a batch."""
        results = self.results
        if results.in_python and results.by_batch is None and job.batch_size > 1:
            y = job.y[: min(last, job.batch_size)]
            with results.rows_apart():
                self.program.evaluate(job.x, y, 0, self.totals(), np.inf, 1, job.rows)
            self.totals()  # metrics begin anew

    def rows_at_once(self, batch_size):
        """Return how many rows Python functions are given: a batch, where that matters."""
        results = self.results
        return batch_size if results.in_python and results.by_batch is not False else CALL_ROWS

    def predict(self, x, threads=1, rows=None):
        """Return the outputs for prepared rows, or for some of them, side by side."""
        count = len(x if rows is None else rows)
        out = np.empty((count, self.assembly.output_width), dtype=x.dtype)
        if threads == 1:  # one row should take a microsecond
            row = 0
            while row < count:
                row = self.program.predict(x, out, row, SPAN_SECONDS, 1, rows)
            return out

        def span(row, seconds, threads):
            return self.program.predict(x, out, row, seconds, threads, rows=rows)

        for _ in self.spans_of_rows(0, count, span, threads):
            pass
        return out

    def spans_of_rows(self, first, last, span, threads):
        """Go through rows by ``span(row, seconds, threads)``; yield the rows reached."""
        work = self.assembly.parameters.size * (last - first)
        tuner = ThreadTuner(useful_threads(threads, work, 1))
        row = first
        while row < last:
            at = row
            (row,) = tuner.run(lambda *how, at=at: (span(at, *how),), at, SPAN_SECONDS)
            yield row


class OnlineStep:
    """Take steps on single batches, of which each is one call of the engine.

    Parameters
    ----------
    step : CompiledStep
    job : OnlineJob of an engine
    """

    __slots__ = ("_job", "_optimizer", "_revision", "_step")

    def __init__(self, step, job):
        self._step, self._job, self._optimizer = step, job, step.optimizer
        self._revision = None

    def __call__(self, x, y, validate=True, one_row=False, names=None, unknown="raise"):
        """Return a float or logs; None, and do nothing, for data that are to be prepared."""
        renew = None if self._revision == self._optimizer.revision else self._renew
        found = self._job.run(x, y, validate, one_row, renew, names, unknown)
        return self._step.results.logs(found) if type(found) is np.ndarray else found

    def _renew(self):
        """Take the optimizer's settings anew, at each step where its rate is no constant."""
        optimizer = self._optimizer
        self._job.state, self._job.rates = self._step.state(), optimizer.rates()
        self._revision = optimizer.revision if optimizer.rate_is_constant else None
