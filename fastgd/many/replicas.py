"""Fits of replicas: their data, and results that make Models when they are asked for."""

import contextlib
import threading
from typing import Any

from fastgd._data.sources import ArraySource
from fastgd._data.user_data import Batching, UserData
from fastgd.callbacks import History
from fastgd.many.results import Result
from fastgd.models.fitting import Validation
from fastgd.models.replica import (
    Blueprint,
    Numbers,
    description_of,
    is_steady,
    replica_of,
    trains_without_python,
)

#: So many rows are evaluated in spans, between which Ctrl-C is answered.
MOST_ROWS = 100_000


class Fits:
    """Prepare what the jobs of a fleet train on; those of the same data share it.

    Parameters
    ----------
    pattern : Model, or None
        Described as all.
    made : bool
        Whether their models are there already; else they are replicas of the pattern.

    Attributes
    ----------
    model : Model
        Described as all; None if Python is needed between its steps.
    blueprint : Blueprint
        Of replicas that are to be made.
    test : HeldOutTest, or None
        What each is evaluated on in the end.
    """

    def __init__(self, pattern, made, cache, test=None):
        self._cache, self._known, self.test = cache, {}, test
        self.model = self.blueprint = None
        with contextlib.suppress(Exception):  # each job says it
            if pattern is not None and trains_without_python(pattern):
                if not made:
                    self.blueprint = Blueprint(pattern)
                model = pattern if made else self.blueprint.model
                self.step = model.compiled_step()
                self.program = self.step.program
                self._description = description_of(model)
                self.model = model

    def fits(self, model):
        """Return whether a model that is made already may be trained with the others.

        What is described by the same objects is as simple as the first is.
        """
        arena = model.assembly().arena
        return (
            description_of(model) == self._description
            and len(arena.models) == 1
            and not arena.loops
            and model.feature_names == self.model.feature_names
            and is_steady(model.optimizer)
        )

    def of(self, job):
        """Return the Fit of a job; None where its rows are no arrays in memory."""
        if self.model is None:
            return None
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
        of, adapter = self._cache.of, self.model.adapter()
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
        for one in filter(None, sources):
            if (
                not isinstance(one, ArraySource)
                or one.weighted
                or not 0 < one.count < MOST_ROWS
            ):
                return None
        return Fit(self, sources, given.get("epochs", 1), data.names)

    def release(self):
        """Let go of data, and of what only training needs."""
        if self.blueprint is not None:
            self.blueprint.model.release()
        for fit in self._known.values():
            if fit is not None:
                fit.jobs = None


class Fit:
    """Hold what a ``fit`` of replicas on some rows needs and, for results, what it was."""

    def __init__(self, fits, sources, epochs, names):
        self.blueprint, self.names, self.results = fits.blueprint, names, fits.step.results
        self.params = {"epochs": epochs, "steps": sources[0].steps, "verbose": 0}
        job = sources[0].job()
        job.epochs, job.state = epochs, fits.step.state()
        job.rates = fits.model.optimizer.rates()
        self.jobs = job, [None if one is None else one.job() for one in sources[1:]]

    def __getstate__(self):
        """Return what results need."""
        return {name: getattr(self, name) for name in ("blueprint", "names", "params")}

    def values(self, replica):
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

    def history(self, model, values):
        """Return the History of a model, which has its name and its history from now on."""
        history, epochs = History(), range(self.params["epochs"])
        history.set_model(model)
        history.set_params(dict(self.params))
        history.epoch, history.history = list(epochs), values
        history.epochs_of = {name: list(epochs) for name in values}
        if model is not None:
            model.history = history
            if self.names is not None:
                model.feature_names = self.names
        return history


_lock = threading.RLock()  # while a model is made
_MODEL, _HISTORY = vars(Result)["model"], vars(Result)["history"]


class ReplicaResult(Result):
    """Hold a trained replica as numbers; model and history are made when they are asked for."""

    __slots__ = ("_fit", "_numbers", "_values")

    def __init__(self, *arguments: Any, **named: Any):
        self._fit: Any = None
        super().__init__(*arguments, **named)

    def take(self, fit, replica, model=None):
        """Take what a Replica, of a model or alone, has become."""
        values = fit.values(replica)
        self.scores |= {name: values[-1] for name, values in values.items()}
        if model is None:
            self._numbers, self._values, self._fit = Numbers(*replica.numbers), values, fit
        else:
            model.stop_training = False
            self.model, self.history = model, fit.history(model, values)

    def drop_model(self):
        """Keep the history alone."""
        if self._fit is None:
            self.model = None
            self.history.set_model(None)
        self._numbers = None

    def _make(self):
        """Make model and history, once."""
        if self._fit is None:
            return
        with _lock:
            if (fit := self._fit) is None:
                return
            numbers, model = self._numbers, None
            if numbers is not None:
                model = replica_of(fit.blueprint.model, numbers)
            _MODEL.__set__(self, model)
            _HISTORY.__set__(self, fit.history(model, self._values))
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
        if self._fit is None:
            return Result, tuple(getattr(self, name) for name in Result.__slots__)
        return _restored, ({name: place.__get__(self) for name, place in _PLACES.items()},)


_PLACES = {
    name: vars(kind)[name] for kind in (Result, ReplicaResult) for name in kind.__slots__
}


def _restored(values):
    """Return a ReplicaResult whose model and history are still to be made."""
    result = object.__new__(ReplicaResult)
    for name, value in values.items():
        _PLACES[name].__set__(result, value)
    return result
