"""A job: a model, the data to train it on, and how."""

import functools
import inspect
import time
import weakref

from fastgd import _scope
from fastgd._names import lookup
from fastgd._validate import whole_number
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import rows
from fastgd.many.results import Result, figures
from fastgd.models import Model
from fastgd.models.sources import makes_batches

#: What a job may say beside the arguments of ``fit``.
OWN = ("model", "x", "y", "rows", "name", "seed", "params")
#: Of these a result keeps nothing: it would keep the data of all jobs.
DATA = ("model", "x", "y", "rows", "sample_weight", "callbacks")
DATA += ("validation_data", "validation_rows")

_SEEDS = 1 << 32


class Job:
    """One job, looked through.

    Parameters
    ----------
    index : int
        Its place among the jobs.
    given : dict
        As the user wrote it.
    seed : int
        For random numbers, if the job names none.

    Attributes
    ----------
    index, name, seed, params
    given : dict
        A copy.
    model : object with fit
        None until it is made.
    stopped : bool
        Whether it was told to end early.

    Raises
    ------
    ArgumentError, DataTypeError, UnknownNameError
        If it cannot be run; the message begins with "job" and its index.
    """

    def __init__(self, index, given, seed):
        self.index = index
        self.at = f"job {index}"
        self.stopped = False
        if not isinstance(given, dict):
            raise DataTypeError(f"{self.at}: expected a dict, got {given!r}")
        self.given = dict(given)
        for key in ("model", "x"):
            if given.get(key) is None:
                raise ArgumentError(f"{self.at}: it has no {key!r}")
        if given.get("y") is None and not makes_batches(given["x"], None):
            raise ArgumentError(f"{self.at}: it has no 'y', and x is no source of batches")
        model = given["model"]
        self.model = model if _trains(model) else None
        if self.model is None and not callable(model):
            raise DataTypeError(
                f"{self.at}: model: expected an object with fit, or a function that makes one, "
                f"got {model!r}"
            )
        self._check_arguments(Model if self.model is None else self.model)
        self.name = str(given.get("name", index))
        self.params = given.get("params", {})
        if not isinstance(self.params, dict):
            raise DataTypeError(f"{self.at}: params: expected a dict, got {self.params!r}")
        self.seed = seed % _SEEDS
        if given.get("seed") is not None:
            self.seed = whole_number(given["seed"], f"{self.at}: seed", 0)
            if self.seed >= _SEEDS:
                raise ArgumentError(f"{self.at}: seed: expected a number below 2**32")

        self.rows = given.get("rows")
        if self.rows is not None:
            if makes_batches(given["x"], given.get("y")):
                raise ArgumentError(f"{self.at}: rows: x gives batches, which have none")
            n = rows.length(given["x"])
            self.rows = rows.row_numbers(self.rows, n, f"{self.at}: rows")

    def _check_arguments(self, model):
        """Refuse what `fit` does not take, and data without targets."""
        parameters = inspect.signature(model.fit).parameters
        if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
            return
        table = dict.fromkeys([*OWN, *parameters], True)
        table.pop("self", None)
        for key in self.given:
            lookup(self.at, key, table)

    def run(self, claims, score=None, keep_model=True):
        """Train; a Result, whatever happens short of an end of the process."""
        begun = time.perf_counter()
        result = Result(self.index, self.name, self.params, self.seed)
        result.job = {k: v for k, v in self.given.items() if k not in DATA}
        try:
            with _scope.own(self.seed):
                self._train(result, claims)
                if score is not None and not self.stopped:
                    result.scores |= figures(score(self.model, self.given))
        except Exception as error:
            result.error = error
        result.seconds = time.perf_counter() - begun
        if keep_model:
            result.model = self.model
        elif result.history is not None:
            result.history.set_model(None)
        return result

    def _train(self, result, claims):
        if self.model is None:
            model = self.given["model"]()
            if not _trains(model):
                raise DataTypeError(
                    f"{self.at}: model: expected a function that makes an object with fit, it "
                    f"made {model!r}"
                )
            self._check_arguments(model)
            claims.claim(self.index, model)
            self.model = model
        arguments = {k: v for k, v in self.given.items() if k not in OWN}
        callbacks = arguments.get("callbacks")
        if callable(callbacks):
            arguments["callbacks"] = callbacks()
        fitted = rows.fit(
            self.model, self.given["x"], self.given.get("y"), self.rows, arguments
        )
        if isinstance(self.model, Model):
            result.history = fitted
            result.scores |= _last(fitted)

    @property
    def stops(self):
        """Whether it does as it is told by ``stop``."""
        return isinstance(self.model, Model)

    def stop(self):
        """End what is running, as soon as the compiled loop looks back."""
        self.stopped = True
        if self.stops:
            self.model.stop_training = self.model.stop_evaluating = True


class Refused:
    """A job that cannot be run; running it gives a Result that says why."""

    stops = stopped = False

    def __init__(self, index, error):
        self.index, self.error = index, error

    def run(self, claims, score=None, keep_model=True):
        """The Result."""
        return Result(self.index, str(self.index), error=self.error)

    def stop(self):
        """It is no sooner begun than done."""


def _last(history):
    """The latest figures of a History."""
    return {name: values[-1] for name, values in history.history.items()}


def _trains(model):
    return hasattr(model, "fit") and not isinstance(model, type)


class Claims:
    """What jobs must not share, since each would change it under the other.

    They are models, weights, optimizers and callbacks, and iterators that end once.
    """

    def __init__(self):
        self._owners = {}

    def claim(self, index, model, given=()):
        """Note what a job changes; an ArgumentError if another does so too."""
        for kind, thing in _changed(model, given):
            other = self._owners.get(id(thing))
            if other is not None and other[0] != index:
                raise ArgumentError(
                    f"job {index}: its {kind} is that of job {other[0]} too: each needs its own"
                )
            self._owners[id(thing)] = index, self._guard(thing)

    def _guard(self, thing):
        """What keeps the id of a thing from being taken for that of a later one."""
        forget = functools.partial(self._owners.pop, id(thing), None)
        try:
            return weakref.ref(thing, lambda _: forget())
        except TypeError:
            return thing


def _changed(model, given):
    """(Word, object) for what training a job changes."""
    if model is not None:
        yield "model", model
    if isinstance(model, Model):
        if model.optimizer is not None:
            yield "optimizer", model.optimizer
        if model.built:
            yield "weights", model.network().home
    callbacks = given.get("callbacks") if given else None
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if callback is not None and not callable(callback):
            yield "callback", callback
    if given and makes_batches(given["x"], given.get("y")) and hasattr(given["x"], "__next__"):
        yield "x, which ends once,", given["x"]
