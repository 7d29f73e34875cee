"""A job: a model, the data to train it on, and how."""

import functools
import inspect
import time
import traceback

from fastgd._data.sources import makes_batches
from fastgd._data.subsets import row_count
from fastgd._data.validation import row_numbers, whole_number
from fastgd._engine import scope, streams
from fastgd._registry.names import lookup
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import rows
from fastgd.many.results import Result, figures
from fastgd.models import Model

#: What a job may say beside the arguments of ``fit``.
OWN = ("model", "x", "y", "rows", "name", "seed", "params")
#: Of these a result keeps nothing: it would keep the data of all jobs.
DATA = ("model", "x", "y", "rows", "sample_weight", "callbacks")
DATA += ("validation_data", "validation_rows")

#: What functions that make the jobs say in them, so that no argument for ``fit`` may; and what
#: to do instead.
SAID = {
    "model": "the first argument says what makes it",
    "x": "give it once",
    "y": "give it once",
    "rows": "each model is trained on rows that are chosen for it: give x[rows] and y[rows]",
    "validation_rows": "models may be trained on some of them: give validation_split, which "
    "keeps some of a model's own rows aside",
    "name": "each result has its own: make the jobs for many.fit_many to give others",
    "params": "each result has its own: make the jobs for many.fit_many to give others",
    "seed": "each model has its own",
}

#: Seeds are those of ``utils.set_random_seed``.
SEEDS = 1 << 32


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
        for key in ("model", "x"):
            if given.get(key) is None:
                raise ArgumentError(f"{self.at}: it has no {key!r}")
        self.given = dict(given)
        model = given["model"]
        self.model = model if _trains(model) else None
        if self.model is None and not callable(model):
            raise DataTypeError(
                f"{self.at}: model: expected an object with fit, or a function that makes one, "
                f"got {model!r}"
            )
        kind = _kind(model)
        self._check_arguments(kind)
        batches = makes_batches(given["x"], given.get("y"))
        if issubclass(kind, Model) and given.get("y") is None and not batches:
            raise ArgumentError(f"{self.at}: it has no 'y', and x is no source of batches")
        self.rows = given.get("rows")
        if self.rows is not None:
            if batches:
                raise ArgumentError(f"{self.at}: rows: x gives batches, which have none")
            self.rows = row_numbers(self.rows, row_count(given["x"]), f"{self.at}: rows")
        self.name = str(given.get("name", index))
        self.params = given.get("params", {})
        if not isinstance(self.params, dict):
            raise DataTypeError(f"{self.at}: params: expected a dict, got {self.params!r}")
        self.seed = seed % SEEDS
        if given.get("seed") is not None:
            self.seed = whole_number(given["seed"], f"{self.at}: seed", 0)
            if self.seed >= SEEDS:
                raise ArgumentError(f"{self.at}: seed: expected a number below 2**32")

    def _check_arguments(self, kind):
        """Refuse what `fit` of a class does not take."""
        known = _arguments(kind)
        for key in self.given if known else ():
            lookup(self.at, key, known)

    def run(self, claims, kept, score=None, keep_model=True):
        """Train.

        Parameters
        ----------
        claims : Claims
        kept : Kept
        score : function of (model, job), optional
        keep_model : bool

        Returns
        -------
        Result
            Whatever happens, short of an end of the process.
        """
        begun = time.perf_counter()
        result = Result(self.index, self.name, self.params, self.seed)
        result.job = {k: v for k, v in self.given.items() if k not in DATA}
        try:
            self._run(result, claims, kept, score)
        except Exception as error:
            result.error = _noted(error)
        result.seconds = time.perf_counter() - begun
        if isinstance(self.model, Model):
            self.model.release()
        if keep_model:
            result.model = self.model
        elif result.history is not None:
            result.history.set_model(None)
        return result

    def _run(self, result, claims, kept, score):
        with scope.own(self.seed):
            if self.model is None:
                self.model = self._made(claims)
            result.history = self._trained(kept)
            if result.history is not None:
                result.scores |= {k: v[-1] for k, v in result.history.history.items()}
            if score is not None and not self.stopped:
                result.scores |= figures(score(self.model, self.given))

    def _made(self, claims):
        model = self.given["model"]()
        if not _trains(model):
            raise DataTypeError(
                f"{self.at}: model: expected a function that makes an object with fit, it made "
                f"{model!r}"
            )
        self._check_arguments(type(model))
        claims.claim(self.index, model)
        return model

    def _trained(self, kept):
        """The History, if ``fit`` gives one."""
        x, y = self.given["x"], self.given.get("y")
        arguments = {k: v for k, v in self.given.items() if k not in OWN}
        if callable(arguments.get("callbacks")):
            arguments["callbacks"] = arguments["callbacks"]()
        if not isinstance(self.model, Model):
            rows.fit(self.model, x, y, self.rows, arguments)
            return None
        held_out = arguments.get("validation_data")
        if isinstance(held_out, tuple):
            pair = map(kept.of, held_out, ("x", "y"))
            arguments["validation_data"] = *pair, *held_out[2:]
        return rows.fit(self.model, kept.of(x), kept.of(y, "y"), self.rows, arguments)

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

    def run(self, claims, kept, score=None, keep_model=True):
        """The Result."""
        return Result(self.index, str(self.index), error=self.error)

    def stop(self):
        """It is no sooner begun than done."""


def check_for_fit(arguments, **otherwise):
    """Refuse arguments for ``fit`` that the jobs of many models have already.

    Parameters
    ----------
    arguments : dict
    **otherwise : str or None
        What to do instead, where it is not as everywhere; None: the argument may be given.

    Raises
    ------
    ArgumentError
        Says what to do instead.
    """
    said = SAID | otherwise
    for name in arguments:
        if said.get(name) is not None:
            raise ArgumentError(f"{name}: {said[name]}")


def first_seed(seed):
    """A seed as it is given, or drawn from the process' stream if it is None."""
    seed = streams.next_seed() if seed is None else whole_number(seed, "seed", 0)
    return seed % SEEDS


@functools.lru_cache(maxsize=64)
def _arguments(kind):
    """What a job of a class of models may say, as a dict; None if anything."""
    parameters = inspect.signature(kind.fit).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return None
    return dict.fromkeys([*OWN, *list(parameters)[1:]])


def _noted(error):
    """An error that tells where it happened in a note: its frames would keep the data alive."""
    error.add_note("".join(traceback.format_exception(error)))
    link, seen = error, set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _kind(model):
    """The class of a model, or of what a function makes: a Model, if it does not say."""
    if _trains(model):
        return type(model)
    return model if hasattr(model, "fit") else Model


def _trains(model):
    return hasattr(model, "fit") and not isinstance(model, type)
