"""Jobs: a model, data and the arguments of ``fit``; and what jobs must not share."""

import functools
import time
import traceback
import weakref
from types import MappingProxyType

from fastgd._data.sources import makes_batches
from fastgd._data.subsets import row_count
from fastgd._data.validation import row_numbers, whole_number
from fastgd._engine import scope, streams
from fastgd._registry.advice import arguments_of
from fastgd._registry.names import lookup
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.many import shared_data
from fastgd.many.prepare import check_step, fitted_step, transform
from fastgd.many.results import Result
from fastgd.models import Model

#: The keys of a job beside the arguments of ``fit``.
JOB_KEYS = ("model", "x", "y", "rows", "prepare", "name", "seed", "params")
#: The keys that a result does not keep, as it would keep the data of all jobs.
DATA_KEYS = {
    "model", "x", "y", "rows", "sample_weight", "callbacks", "validation_data",
    "validation_rows", "prepare",
}  # fmt: skip

#: Keys that searches and the like set in their jobs, so that no argument for ``fit`` may have
#: these names; and what to do instead.
RESERVED_KEYS = {
    "model": "the first argument makes it",
    "x": "give it once",
    "y": "give it once",
    "rows": "each model is trained on rows that are chosen for it: give x[rows] and y[rows]",
    "validation_rows": "models may be trained on some of them: give validation_split, which "
    "keeps some of a model's own rows aside",
    "name": "each result has its own: make the jobs for many.fit_many to give others",
    "params": "each result has its own: make the jobs for many.fit_many to give others",
    "seed": "each model has its own",
}

#: The number of seeds of ``utils.set_random_seed``.
SEEDS = 1 << 32


class Job:
    """Check a job as the user wrote it, and run it; `seed` is for jobs that name none."""

    def __init__(self, index, given, seed):
        self.index, self.label, self.stopped = index, f"job {index}", False
        if not isinstance(given, dict):
            raise DataTypeError(f"{self.label}: expected a dict, got {given!r}")
        self.given = dict(given)
        model, x, y, self.rows = map(given.get, ("model", "x", "y", "rows"))
        for key in ("model", "x"):
            if given.get(key) is None:
                raise ArgumentError(f"{self.label}: it has no {key!r}")
        self.model = model if _is_trainable(model) else None
        if self.model is None and not callable(model):
            raise DataTypeError(
                f"{self.label}: model: expected an object with fit, or a function that makes "
                f"one, got {model!r}"
            )
        # the class of a model, or of what a function makes: Model, if it is unknown
        known = model if hasattr(model, "fit") else Model
        kind = known if isinstance(known, type) else type(known)
        self._check_arguments(kind)
        if given.get("comm") is not None:
            raise ArgumentError(
                f"{self.label}: comm: ranks train one model together, by its fit; run jobs on "
                "them by executor=mpi4py.futures.MPIPoolExecutor()"
            )
        batches = makes_batches(x, y)
        if issubclass(kind, Model) and y is None and not batches:
            raise ArgumentError(f"{self.label}: it has no 'y', and x is no source of batches")
        if self.rows is not None:
            if batches:
                raise ArgumentError(f"{self.label}: rows: x gives batches, which have none")
            self.rows = row_numbers(self.rows, row_count(x), f"{self.label}: rows")
        self.prepare = given.get("prepare")
        if self.prepare is not None:
            check_step(self.prepare)
            if batches or makes_batches(given.get("validation_data"), None):
                raise ArgumentError(f"{self.label}: prepare: it is for arrays, not for batches")
        self.name, self.params = str(given.get("name", index)), given.get("params", {})
        if not isinstance(self.params, dict):
            raise DataTypeError(f"{self.label}: params: expected a dict, got {self.params!r}")
        self.seed = seed % SEEDS
        if given.get("seed") is not None:
            self.seed = seed_number(given["seed"], f"{self.label}: seed")
        self.result = Result(index, self.name, self.params, self.seed)

    def _check_arguments(self, kind):
        """Refuse keys that `fit` of a class does not take."""
        known = _keys_for(kind)
        for key in self.given if known else ():
            lookup(self.label, key, known)

    def run(self, owners, cache, score=None, keep_model=True):
        """Train in a scope of its seed; the Result has an error, too. See ``many.fit_many``."""
        with scope.own(self.seed):
            self._run(owners, cache, score, keep_model)

    def _run(self, owners, cache, score, keep_model):
        begun = time.perf_counter()
        result = self.result
        result.job = self.described()
        try:
            if self.model is None:
                self.model = self._make_model(owners)
            result.history = self._fit(cache)
            if result.history is not None:
                result.scores |= {k: v[-1] for k, v in result.history.history.items()}
            if score is not None and not self.stopped:
                score.fill(result, self.model, self.given)
        except Exception as error:
            result.error = without_frames(error)
        finally:
            result.seconds = time.perf_counter() - begun
            if isinstance(self.model, Model):
                self.model.release()
            if keep_model:
                result.model = self.model
            elif result.history is not None:
                result.history.set_model(None)

    def outcome(self):
        """Return the results that are done, and those that were cut short: one of the two."""
        return ([], [self.result]) if self.stopped else ([self.result], [])

    def described(self):
        """Return what a Result keeps of the job."""
        return {k: v for k, v in self.given.items() if k not in DATA_KEYS}

    def _make_model(self, owners):
        model = self.given["model"]()
        if not _is_trainable(model):
            raise DataTypeError(
                f"{self.label}: model: expected a function that makes an object with fit, it "
                f"made {model!r}"
            )
        self._check_arguments(type(model))
        owners.claim(self.index, model)
        return model

    def _fit(self, cache):
        """Call ``fit``; return the History, None for an estimator."""
        x, y, rows = self.given["x"], self.given.get("y"), self.rows
        arguments = {k: v for k, v in self.given.items() if k not in JOB_KEYS}
        if self.prepare is not None:
            (x, y), rows = self._prepared(x, y, arguments), None
        if callable(arguments.get("callbacks")):
            arguments["callbacks"] = arguments["callbacks"]()
        if self.prepare is not None or not isinstance(self.model, Model):
            found = shared_data.fit(self.model, x, y, rows, arguments)
            return found if isinstance(self.model, Model) else None
        validation = arguments.get("validation_data")
        if isinstance(validation, tuple):
            pair = map(cache.of, validation, ("x", "y"))
            arguments["validation_data"] = *pair, *validation[2:]
        return shared_data.fit(self.model, cache.of(x), cache.of(y, "y"), rows, arguments)

    def _prepared(self, x, y, arguments):
        """Fit the step; return x and y of the rows to train on, and change the arguments."""
        take, weights = shared_data.take, arguments.get("sample_weight")
        train, targets = shared_data.copied(x, self.rows), take(y, self.rows)
        step = self.result.prepare = fitted_step(self.prepare, train, targets)
        self.given["prepare"] = step  # for `score`
        rows, held_out = (arguments.get(f"validation_{name}") for name in ("rows", "data"))
        if held_out is None and rows is not None:
            held_out = (x, y) if weights is None else (x, y, weights)
        if held_out is not None:
            first, *others = held_out
            first = transform(step, shared_data.copied(first, rows))
            arguments["validation_data"] = first, *(take(part, rows) for part in others)
            arguments.pop("validation_rows", None)
        if weights is not None:
            arguments["sample_weight"] = take(weights, self.rows)
        return transform(step, train), targets

    @property
    def can_stop(self):
        """Whether ``stop`` ends it before it is done."""
        return isinstance(self.model, Model)

    def stop(self):
        """End the training as soon as the compiled loop looks at the flag."""
        self.stopped = True
        if self.can_stop:
            self.model.stop_training = self.model.stop_evaluating = True


class KnownJob:
    """Hold the Result of a job that cannot be run, or was run before."""

    can_stop = stopped = False

    def __init__(self, result):
        self.index, self.result = result.index, result

    @classmethod
    def refused(cls, index, error):
        """Return what stands for a job that cannot be run."""
        return cls(Result(index, str(index), error=error))

    def run(self, owners, cache, score=None, keep_models=True):
        """Do nothing: there is the result."""

    def outcome(self):
        """Return the result as done; none was cut short."""
        return [self.result], []

    def stop(self):
        """Do nothing: it takes no time."""


def check_for_fit(arguments, **instead):
    """Refuse ``RESERVED_KEYS`` in arguments for ``fit``; `instead` has other hints, or None."""
    hints = RESERVED_KEYS | instead
    for name in arguments:
        if hints.get(name) is not None:
            raise ArgumentError(f"{name}: {hints[name]}")


def seed_number(seed, argument):
    """Return a seed that ``utils.set_random_seed`` takes."""
    seed = whole_number(seed, argument, 0)
    if seed >= SEEDS:
        raise ArgumentError(f"{argument}: expected a number below 2**32, got {seed}")
    return seed


def first_seed(seed):
    """Return a seed as it is given, or draw one from the process' stream if it is None."""
    seed = streams.next_seed() if seed is None else whole_number(seed, "seed", 0)
    return seed % SEEDS


@functools.lru_cache(maxsize=64)
def _keys_for(kind):
    """Return the keys that a job of a class of models may have, as a dict; None for any."""
    arguments = arguments_of(kind.fit)
    return None if arguments is None else dict.fromkeys([*JOB_KEYS, *arguments])


def without_frames(error):
    """Move the tracebacks of an error into a note: their frames would keep the data alive."""
    error.add_note("".join(traceback.format_exception(error)))
    link, seen = error, set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        link.__traceback__ = None
        link = link.__cause__ or link.__context__
    return error


def _is_trainable(model):
    return hasattr(model, "fit") and not isinstance(model, type)


class Ownership:
    """Note which job changes which object: model, weights, optimizer, callback, iterator."""

    def __init__(self):
        self._owners = weakref.WeakKeyDictionary()  # object -> index of a job
        self._others = {}  # id -> (index, object), of objects without weak references

    def claim(self, index, model, given=MappingProxyType({})):
        """Note what the training of a job changes; refuse what another job changes too."""
        for word, thing in list(_changed_by(model, given)):
            owner = self._owner(thing, index)
            if owner != index:
                hint = ", as model.replicate makes them" if isinstance(thing, Model) else ""
                raise ArgumentError(
                    f"job {index}: its {word} is that of job {owner} too: each needs its "
                    f"own{hint}"
                )

    def _owner(self, thing, index):
        """Return the job that owns an object: this one, if none has claimed it before."""
        if type(thing).__hash__ is object.__hash__:
            try:
                return self._owners.setdefault(thing, index)
            except TypeError:  # its class has no weak references
                pass
        return self._others.setdefault(id(thing), (index, thing))[0]


def _changed_by(model, given):
    """Yield (word, object) for what ``fit`` changes of a model and of a job."""
    if model is not None:
        yield "model", model
    if isinstance(model, Model):
        if model.optimizer is not None:
            yield "optimizer", model.optimizer
        if model.built:
            yield "vector of weights", model.assembly().arena
            for metric in model.metrics:
                if not metric.compiled:
                    yield f"metric {metric.name!r}", metric
    callbacks = given.get("callbacks")
    for callback in callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]:
        if callback is not None and not callable(callback):
            yield f"callback {type(callback).__name__}", callback
    x = given.get("x")
    if hasattr(x, "__next__") and makes_batches(x, given.get("y")):
        yield "x, an iterator,", x
