"""Run jobs on replicas of a model: numbers that compiled calls train; Models when asked for."""

import itertools
import threading
from typing import Any

from fastgd._core.engine import Replica
from fastgd._core.types import Status
from fastgd._data.sources import ArraySource, makes_batches
from fastgd._data.subsets import row_count
from fastgd._data.user_data import Batching, UserData
from fastgd._engine import scope
from fastgd._engine.thread_choice import SPAN_SECONDS
from fastgd.callbacks import History
from fastgd.many.job import RefusedJob, without_frames
from fastgd.many.results import Result, as_scores
from fastgd.many.shared_data import HeldOutTest
from fastgd.models import Sequential
from fastgd.models.fitting import Validation
from fastgd.models.replica import Blueprint, Numbers, replica_of

#: About how long (in seconds) a fleet trains: its results come together. Less where few jobs are
#: left for the threads, or many are short.
FLEET_SECONDS, LEAST_SECONDS = 0.04, 0.004
MOST_JOBS = 64
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


def in_fleets(jobs, count, threads):
    """Yield the first `count` jobs: those in a row that make a Fleet together, others alone."""
    jobs = itertools.islice(jobs, count)
    job = next(jobs, None)
    while job is not None:
        members, template, following = [job], _template(job), next(jobs, None)
        if template is not None:
            weights = template.count_params()
            share = MOST_JOBS if threads == 1 else count / (2 * threads)
            seconds = _seconds(job, weights)
            while following is not None and _template(following) is template:
                seconds += _seconds(following, weights)
                if seconds > (FLEET_SECONDS if len(members) < share else LEAST_SECONDS):
                    break
                members.append(following)
                following = next(jobs, None)
        yield job if len(members) == 1 else Fleet(members)
        count -= len(members)
        job = following


def _template(job):
    """Return the model that a job asks for a replica of, if a fleet may run the job."""
    if isinstance(job, RefusedJob):
        return None
    given, make = job.given, job.given["model"]
    if getattr(make, "__func__", None) is not Sequential.replicate or not make.__self__.built:
        return None
    for name, value in given.items():
        if name not in _SAID and (name not in _USUAL or value is not _USUAL[name]):
            return None
    size, epochs = given.get("batch_size"), given.get("epochs", 1)
    fine = (size is None or (type(size) is int and size > 0)) and type(epochs) is int
    if not fine or epochs < 1 or type(given.get("shuffle", True)) is not bool:
        return None
    if makes_batches(given["x"], given["y"]):
        return None
    return None if makes_batches(given.get("validation_data"), None) else make.__self__


def _seconds(job, weights):
    """Return about how long the training of a job takes."""
    rows = row_count(job.given["x"] if job.rows is None else job.rows)
    steps = rows // (job.given.get("batch_size") or 32) + 1
    return job.given.get("epochs", 1) * (rows * weights * WEIGHT_SECONDS + steps * STEP_SECONDS)


class Fleet:
    """Run jobs on replicas of one model, with the results that each has alone.

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
        test = score if isinstance(score, HeldOutTest) and score.score is None else None
        fits = _Fits(self.jobs[0].given["model"].__self__, cache, test)
        for job, replica, own in self._trained(fits):
            if self.stopped:
                break
            self._current = job
            if replica is None or replica.status != Status.STATUS_FINE:
                job.run(owners, cache, score, keep_models)
            else:
                result = job.result = ReplicaResult(job.index, job.name, job.params, job.seed)
                result.take(fits.of(job), replica)
                result.job, result.seconds = job.described(), replica.spent
                if score is not None:
                    with scope.within(own):
                        self._score(job, fits, replica, score)
                if not keep_models:
                    result.drop_model()
            self._done.append(job.result)
            self._current = None
        fits.release()

    def _trained(self, fits):
        """Train; return (job, Replica, Scope that it has drawn from) of each, or None twice."""
        members = []
        for job in self.jobs:
            with scope.within(scope.Scope(job.seed)) as own:
                members.append((job, fits.replica(job), own))
        replicas = [replica for _, replica, _ in members if replica is not None]
        while not self.stopped and not all(replica.over for replica in replicas):
            fits.blueprint.step.program.train_many(replicas, SPAN_SECONDS)
        return members

    @staticmethod
    def _score(job, fits, replica, score):
        """Add the scores of a job that was trained to its result."""
        result = job.result
        try:
            if fits.test is not None:
                found = fits.of(job).results.logs(replica.test_totals)
                result.scores |= score.checked(found, fits.blueprint.model)
                return
            try:
                result.scores |= as_scores(score(result.model, job.given))
            finally:
                result.model.release()
        except Exception as error:
            result.error = without_frames(error)


class _Fits:
    """Prepare what the jobs of a fleet train on; those of the same data share it."""

    def __init__(self, template, cache, test=None):
        self._cache, self._known, self.test = cache, {}, test
        self.blueprint = Blueprint.of(template)

    def of(self, job):
        """Return the _Fit of a job; None where its rows are no arrays in memory."""
        of, rows = job.given.get, job.rows
        key = (
            id(of("x")), id(of("y")), None if rows is None else rows.tobytes(),
            id(of("validation_data")), id(of("validation_rows")), of("batch_size"),
            of("epochs"), of("shuffle"), self.test and id(self.test.rows(job.given)),
        )  # fmt: skip
        if key not in self._known:
            self._known[key] = self._made(job.given, rows)
        return self._known[key]

    def _made(self, given, rows):
        of, adapter = self._cache.of, self.blueprint.model.adapter()
        batching = Batching(given.get("batch_size") or 32, given.get("shuffle", True))
        held_out = given.get("validation_data")
        if isinstance(held_out, tuple):
            held_out = *map(of, held_out, ("x", "y")), *held_out[2:]
        data = UserData(of(given["x"]), of(given["y"], "y"), rows=rows)
        source, _ = adapter.prepare(data, batching)
        validation = Validation(
            0.0, held_out, given.get("validation_rows"), Batching(batching.size)
        )
        sources = [*validation.sources(adapter, data, source, batching), None]
        if self.test is not None:
            tested = UserData(*self.test.data, rows=self.test.rows(given))
            sources[2] = adapter.prepare(tested, Batching())[0]
        for one in sources:
            if one is not None and (not isinstance(one, ArraySource) or one.weighted):
                return None
        return _Fit(self.blueprint, sources, given.get("epochs", 1), data.names)

    def replica(self, job):
        """Return a Replica for a job; None for one that has to be run by itself."""
        if self.blueprint is None:
            return None
        try:
            fit = self.of(job)
            return None if fit is None else fit.replica()
        except Exception:  # of its data, or of an initializer: the job says it
            return None

    def release(self):
        """Let go of data."""
        if self.blueprint is not None:
            self.blueprint.release()
        for fit in self._known.values():
            if fit is not None:
                fit.release()


class _Fit:
    """Hold what a ``fit`` of replicas on some rows needs and, for results, what it was."""

    def __init__(self, blueprint, sources, epochs, names):
        self.blueprint, self.names = blueprint, names
        self.params = {"epochs": epochs, "steps": sources[0].steps, "verbose": 0}
        self.results = blueprint.step.results
        evaluated = [None if source is None else source.job() for source in sources[1:]]
        self._jobs = blueprint.job(sources[0], epochs), evaluated

    def replica(self):
        """Return a Replica that begins."""
        job, evaluated = self._jobs
        begun = self.blueprint.numbers()
        return Replica(
            job, begun.stream, begun.parameters, begun.slots, self.results.size, *evaluated
        )

    def history(self, replica):
        """Return the values of all epochs by name, as a History has them."""
        found: dict[str, list[Any]] = {}
        for epoch, totals in enumerate(replica.totals):
            logs = self.results.logs(totals)
            if replica.held_out_totals is not None:
                seen = self.results.logs(replica.held_out_totals[epoch])
                logs |= {f"val_{name}": value for name, value in seen.items()}
            for name, value in logs.items():
                found.setdefault(name, []).append(value)
        return found

    def release(self):
        """Let go of data."""
        self._jobs = None


_lock = threading.RLock()  # while a model is made
_MODEL, _HISTORY = vars(Result)["model"], vars(Result)["history"]


class ReplicaResult(Result):
    """Hold a trained replica as numbers; model and history are made when they are asked for."""

    __slots__ = ("_fit", "_numbers", "_values")

    def __init__(self, *arguments: Any):
        self._fit: Any = None
        super().__init__(*arguments)

    def take(self, fit, replica):
        """Take what a Replica has become."""
        self._numbers = Numbers(
            replica.parameters, replica.slots, replica.stream, replica.iterations
        )
        self._values, self._fit = fit.history(replica), fit
        self.scores |= {name: values[-1] for name, values in self._values.items()}

    def drop_model(self):
        """Keep the history alone."""
        if self._fit is None:
            _HISTORY.__get__(self).set_model(None)
            _MODEL.__set__(self, None)
        self._numbers = None

    def _make(self):
        """Make model and history, once."""
        if self._fit is None:
            return
        with _lock:
            if (fit := self._fit) is None:
                return
            numbers = self._numbers
            model = None if numbers is None else replica_of(fit.blueprint.model, numbers)
            history = History()
            history.set_model(model)
            history.set_params(dict(fit.params))
            epochs = range(fit.params["epochs"])
            history.epoch, history.history = list(epochs), self._values
            history.epochs_of = {name: list(epochs) for name in self._values}
            if model is not None:
                if fit.names is not None:
                    model.feature_names = fit.names
                model.history = history
            _MODEL.__set__(self, model)
            _HISTORY.__set__(self, history)
            self._fit = self._numbers = self._values = None

    @property
    def model(self) -> Any:
        self._make()
        return _MODEL.__get__(self)

    @model.setter
    def model(self, model: Any) -> None:
        self._make()
        _MODEL.__set__(self, model)

    @property
    def history(self) -> Any:
        self._make()
        return _HISTORY.__get__(self)

    @history.setter
    def history(self, history: Any) -> None:
        self._make()
        _HISTORY.__set__(self, history)

    def __reduce__(self):
        names = Result.__dataclass_fields__
        return Result, tuple(getattr(self, name) for name in names)
