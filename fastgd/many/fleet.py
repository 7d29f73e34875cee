"""Run jobs on models of one description in compiled calls, several in each."""

import contextlib
import itertools

import numpy as np

from fastgd._core.engine import Replica
from fastgd._core.types import Status
from fastgd._data.sources import makes_batches
from fastgd._data.subsets import row_count
from fastgd._engine import scope
from fastgd._engine.thread_choice import SPAN_SECONDS
from fastgd.many.job import KnownJob, without_frames
from fastgd.many.replicas import Fits, ReplicaResult
from fastgd.models import Sequential
from fastgd.models.replica import Numbers, description_of, numbers_of, replica_of

#: About how long (in seconds) a fleet trains, as its results come together; and where few jobs
#: are left for the threads, or many are short.
FLEET_SECONDS, LEAST_SECONDS = 0.04, 0.004
MOST_JOBS = 64
#: How many rows they train and evaluate on, as a fleet holds what each needs of its own data.
MOST_ROWS = 400_000
#: About how long (in seconds) a step takes, and a row in it for each weight.
STEP_SECONDS, WEIGHT_SECONDS = 5e-7, 1e-10

#: What a job of a fleet may say,
_SAID = {
    "model", "x", "y", "rows", "validation_data", "validation_rows", "batch_size", "epochs",
    "shuffle", "name", "seed", "params",
}  # fmt: skip
#: and what else, only as it is by default.
_USUAL = {"prepare": None, "callbacks": None, "sample_weight": None, "class_weight": None,
          "verbose": 0, "n_jobs": 1}  # fmt: skip


def in_fleets(jobs, count, threads, score=None):
    """Yield the first `count` jobs: those in a row that make a Fleet together, others alone.

    score: a TimedScore, as jobs that are scored slowly are to be run side by side.
    """
    jobs = itertools.islice(jobs, count)
    job = next(jobs, None)
    while job is not None:
        members, following = [job], next(jobs, None)
        family, rows = _family_and_rows(job)
        if family is not None:
            weights = pattern_of(job).count_params()
            share = min(MOST_JOBS, count if threads == 1 else count / (2 * threads))
            seconds = _seconds(job, rows, weights)
            while following is not None:
                kind, more = _family_and_rows(following)
                if kind != family:
                    break
                rows, seconds = rows + more, seconds + _seconds(following, more, weights)
                seconds += getattr(score, "seconds", 0.0)
                most = FLEET_SECONDS if len(members) < share else LEAST_SECONDS
                if rows > MOST_ROWS or seconds > most:
                    break
                members.append(following)
                following = next(jobs, None)
        yield job if len(members) == 1 else Fleet(members)
        count -= len(members)
        job = following


def pattern_of(job):
    """Return the Sequential that a job has or asks for a replica of; None if there is none."""
    make = job.given["model"]
    if getattr(make, "__func__", None) is Sequential.replicate:
        make = make.__self__
    return make if type(make) is Sequential and make.built and make.compiled else None


def _family_and_rows(job):
    """Return the ``_family`` of a job, and about how many rows it has; None, 0 for others."""
    with contextlib.suppress(Exception):  # of an object of the user's: the job will say it
        if (family := _family(job)) is not None:
            trained = job.given["x"] if job.rows is None else job.rows
            held_out = (job.given.get(f"validation_{name}") for name in ("data", "rows"))
            return family, sum(map(row_count, (trained, *held_out)))
    return None, 0


def _family(job):
    """Return what jobs have in common whom one compiled call trains; None for other jobs."""
    if isinstance(job, KnownJob):
        return None
    given, model = job.given, pattern_of(job)
    if model is None:
        return None
    for name, value in given.items():
        if name not in _SAID and (name not in _USUAL or value is not _USUAL[name]):
            return None
    size, epochs = given.get("batch_size"), given.get("epochs", 1)
    fine = (size is None or (type(size) is int and size > 0)) and type(epochs) is int
    shuffle = given.get("shuffle", True)
    fine = fine and (type(shuffle) is bool or (type(shuffle) is str and shuffle == "batch"))
    if not fine or epochs < 1:
        return None
    data = (given["x"], given.get("y")), (given.get("validation_data"), None)
    if any(makes_batches(*pair) for pair in data):
        return None
    return id(model) if job.model is None else description_of(model)


def _seconds(job, rows, weights):
    """Return about how long the training of a job takes."""
    steps = rows // (job.given.get("batch_size") or 32) + 1
    return job.given.get("epochs", 1) * (rows * weights * WEIGHT_SECONDS + steps * STEP_SECONDS)


class Fleet:
    """Run jobs of one ``_family``, with the results that each has alone.

    A job whose training diverges is run anew by itself, which says what there is to say; so is
    one whose model or data are not as a compiled call needs them.
    """

    can_stop = True

    def __init__(self, jobs):
        self.jobs, self.stopped = jobs, False
        self._done = []
        self._current = None  # the job that Python runs

    def outcome(self):
        """Return the results that are done, and those that were cut short."""
        cut = [self._current.result] if self.stopped and self._current else []
        return self._done, cut

    def stop(self):
        """End the training soon."""
        self.stopped = True
        if self._current is not None:
            self._current.stop()

    def run(self, owners, cache, score=None, keep_models=True):
        """Run the jobs; see ``Job.run``."""
        test = score if score is not None and score.compiled else None
        first = self.jobs[0]
        fits = Fits(pattern_of(first), first.model is not None, cache, test)
        members = [_Member(job, fits) for job in self.jobs]
        stop = self._train([member for member in members if member.replica is not None], fits)
        for member in members:
            self._current = member.job
            if member.is_trained() and not (self.stopped and score is not None):
                member.finish(score, keep_models)
            elif not self.stopped:
                member.reset()
                member.job.run(owners, cache, score, keep_models)
                if member.job.stopped:
                    break
            else:
                if not member.cut_short(keep_models):
                    self._current = None
                break
            self._done.append(member.job.result)
        else:
            self._current = None
        fits.release()
        if stop is not None:
            raise stop

    def _train(self, members, fits):
        """Train until all are done or stopped; return the KeyboardInterrupt, if one came."""
        replicas = [member.replica for member in members]
        try:
            with contextlib.ExitStack() as turns:
                for program in sorted((p for m in members for p in m.programs()), key=id):
                    turns.enter_context(program.lock())
                while not self.stopped and not all(replica.over for replica in replicas):
                    fits.program.train_many(replicas, SPAN_SECONDS)
        except KeyboardInterrupt as stop:
            self.stopped = True
            return stop
        return None


class _Member:
    """Train a job as one of a Fleet: `replica` is None if it has to be run by itself."""

    def __init__(self, job, fits):
        self.job, self.fits, self.replica, self._before = job, fits, None, None
        self._fit, self._scope = None, scope.Scope(job.seed)
        with contextlib.suppress(Exception), scope.within(self._scope):  # the job will say it
            self._fit = fits.of(job)
            if self._fit is not None:
                self._begin(job.model)

    def _begin(self, model):
        job, evaluated = self._fit.jobs
        size = self._fit.results.size
        if model is None:
            self.replica = Replica(job, self.fits.blueprint.numbers(), size, *evaluated)
        elif self.fits.fits(model):
            numbers = numbers_of(model)
            replica = Replica(job, numbers, size, *evaluated)
            replica.state, replica.rates = (
                model.compiled_step().state(),
                model.optimizer.rates(),
            )
            parts = *numbers[:2], numbers.iterations
            self._before = *(np.array(part) for part in parts), numbers.stream.count
            self.replica = replica

    def programs(self):
        """Return the programs that train the same weights."""
        return [] if self.job.model is None else self.job.model._compilation.programs()

    def is_trained(self):
        """Return whether its training has ended well."""
        replica = self.replica
        return replica is not None and replica.over and replica.status == Status.STATUS_FINE

    def reset(self):
        """Let the model of a job be as before."""
        if self._before is not None:
            parameters, slots, stream, iterations = self.replica.numbers
            parameters[:], slots[:], iterations[:], stream.count = self._before

    def cut_short(self, keep_model):
        """Fill in the result of a job that has not ended; return whether it has begun."""
        result, replica = self.job.result, self.replica
        if replica is None or not (replica.step or replica.done):
            return False
        result.job = self.job.described()
        if keep_model:
            result.model = self.job.model or replica_of(
                self.fits.model, Numbers(*replica.numbers)
            )
        return True

    def finish(self, score, keep_model):
        """Fill in the result."""
        job, fit, replica = self.job, self._fit, self.replica
        result = job.result = ReplicaResult(job.index, job.name, job.params, job.seed)
        result.take(fit, replica, job.model)
        result.job, result.seconds = job.described(), replica.spent
        if score is not None:
            with scope.within(self._scope):
                self._score(result, score)
        if job.model is not None:
            job.model.release()
        if not keep_model:
            result.drop_model()

    def _score(self, result, score):
        try:
            if self.fits.test is not None:
                score.add(result, self._fit.results.logs(self.replica.test_totals))
                return
            try:
                score.fill(result, result.model, self.job.given)
            finally:
                result.model.release()
        except Exception as error:
            result.error = without_frames(error)
