"""Run jobs on replicas of a model: numbers that compiled calls train; Models when asked for."""

import threading
from typing import Any

from fastgd._core.engine import Replica
from fastgd._core.types import Status
from fastgd._data.sources import ArraySource, makes_batches
from fastgd._data.user_data import Batching, UserData
from fastgd._engine import scope
from fastgd._engine.thread_choice import SPAN_SECONDS
from fastgd.callbacks import History
from fastgd.many.job import RefusedJob, without_frames
from fastgd.many.results import Result, as_scores
from fastgd.models import Sequential
from fastgd.models.fitting import Validation
from fastgd.models.replica import Blueprint, Numbers, replica_of

#: About how long (in seconds) a fleet trains, and its most jobs: their results come together.
FLEET_SECONDS, MOST_JOBS = 0.02, 64
#: About how long (in seconds) a step takes, and a row in it for each weight.
STEP_SECONDS, WEIGHT_SECONDS = 5e-7, 1e-10

#: What jobs of a fleet have in common.
_COMMON = ("x", "y", "validation_data", "batch_size", "epochs", "shuffle")
#: What each has for itself.
_OWN = {"model", "rows", "validation_rows", "name", "seed", "params"}
#: What else they may say: only that it is as it is by default.
_USUAL = {"prepare": None, "callbacks": None, "sample_weight": None, "class_weight": None,
          "verbose": 0, "n_jobs": 1}  # fmt: skip


def in_fleets(jobs, threads):
    """Yield the jobs of a list: those in a row that make a Fleet together, the others alone."""
    place = 0
    while place < len(jobs):
        job, end = jobs[place], place + 1
        kind = _kind(job)
        if kind is not None:
            left = len(jobs) - place
            most = min(_most(job), left if threads == 1 else left // (2 * threads) + 1)
            while end < place + most and _kind(jobs[end]) == kind:
                end += 1
        yield job if end == place + 1 else Fleet(jobs[place:end])
        place = end


def _kind(job):
    """Return what is the same for all jobs of a fleet, a tuple; None for other jobs."""
    if isinstance(job, RefusedJob):
        return None
    given, make = job.given, job.given["model"]
    if getattr(make, "__func__", None) is not Sequential.replicate or not make.__self__.built:
        return None
    for name, value in given.items():
        if name in _USUAL:
            if value is not _USUAL[name]:
                return None
        elif name not in _OWN and name not in _COMMON:
            return None
    values = [given.get(name) for name in _COMMON]
    x, y, held_out, size, epochs, shuffle = values
    numbers = (size is None or type(size) is int) and type(given.get("epochs", 1)) is int
    if not numbers or type(given.get("shuffle", True)) is not bool or epochs == 0:
        return None
    if makes_batches(x, y) or makes_batches(held_out, None):
        return None
    return id(make.__self__), id(x), id(y), id(held_out), size, epochs, shuffle


def _most(job):
    """Return how many jobs like one make a fleet."""
    rows = len(job.given["y"] if job.rows is None else job.rows)
    size = max(1, job.given.get("batch_size") or 32)
    weights = job.given["model"].__self__.count_params()
    seconds = rows * weights * WEIGHT_SECONDS + -(-rows // size) * STEP_SECONDS
    return int(min(MOST_JOBS, FLEET_SECONDS / (seconds * job.given.get("epochs", 1) + 1e-9)))


class Fleet:
    """Run jobs of one ``_kind``, with the results that each has alone.

    A job whose training diverges is run anew by itself, which says what there is to say; so are
    all of them where the model or the data are not as a compiled call needs them.
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
        fits = _Fits(self.jobs[0], cache)
        try:
            trained = self._trained(fits)
        except Exception:  # of the data, or of an initializer: each job says it
            trained = [(job, None, None) for job in self.jobs]
        for job, replica, own in trained:
            if self.stopped:
                break
            self._current = job
            if replica is None or replica.status != Status.STATUS_FINE:
                job.run(owners, cache, score, keep_models)
            else:
                self._finish(job, fits, replica, own, score, keep_models)
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

    def _finish(self, job, fits, replica, own, score, keep_models):
        """Fill in the result of a job that was trained."""
        fit = fits.of(job)
        result = job.result = ReplicaResult(job.index, job.name, job.params, job.seed)
        result.take(fit, replica)
        result.job, result.seconds = job.described(), replica.spent
        if score is not None:
            with scope.within(own):
                try:
                    result.scores |= as_scores(score(result.model, job.given))
                except Exception as error:
                    result.error = without_frames(error)
                result.model.release()
        if not keep_models:
            result.drop_model()


class _Fits:
    """Prepare what the jobs of a fleet train on."""

    def __init__(self, job, cache):
        given = job.given
        self._given, self._cache, self._known = given, cache, {}
        self.blueprint = Blueprint.of(given["model"].__self__)
        self._batching = Batching(given.get("batch_size") or 32, given.get("shuffle", True))

    def of(self, job):
        """Return the _Fit of a job's rows; None where they are no arrays in memory."""
        rows, validation = job.rows, job.given.get("validation_rows")
        key = None if rows is None else rows.tobytes(), id(validation)
        if key not in self._known:
            self._known[key] = self._made(rows, validation)
        return self._known[key]

    def _made(self, rows, validation_rows):
        given, of, adapter = self._given, self._cache.of, self.blueprint.model.adapter()
        batching, held_out = self._batching, given.get("validation_data")
        if isinstance(held_out, tuple):
            held_out = *map(of, held_out, ("x", "y")), *held_out[2:]
        data = UserData(of(given["x"]), of(given["y"], "y"), rows=rows)
        source, _ = adapter.prepare(data, batching)
        validation = Validation(0.0, held_out, validation_rows, Batching(batching.size))
        source, validated = validation.sources(adapter, data, source, batching)
        for one in (source, validated):
            if one is not None and (not isinstance(one, ArraySource) or one.weighted):
                return None
        return _Fit(self.blueprint, source, validated, given.get("epochs", 1), data.names)

    def replica(self, job):
        """Return a Replica for a job; None for one that has to be run by itself."""
        fit = None if self.blueprint is None else self.of(job)
        return None if fit is None else fit.replica()

    def release(self):
        """Let go of data."""
        if self.blueprint is not None:
            self.blueprint.release()
        for fit in self._known.values():
            if fit is not None:
                fit.release()


class _Fit:
    """Hold what a ``fit`` of replicas on some rows needs and, for results, what it was."""

    def __init__(self, blueprint, source, validated, epochs, names):
        self.blueprint, self.names = blueprint, names
        self.params = {"epochs": epochs, "steps": source.steps, "verbose": 0}
        self.results = blueprint.step.results
        self._job = blueprint.job(source, epochs)
        self._held_out = None if validated is None else validated.job()

    def replica(self):
        """Return a Replica that begins."""
        begun = self.blueprint.numbers()
        return Replica(
            self._job, begun.stream, begun.parameters, begun.slots, self.results.size,
            self._held_out,
        )  # fmt: skip

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
        self._job = self._held_out = None


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
