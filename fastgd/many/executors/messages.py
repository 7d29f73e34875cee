"""Pickle jobs and results for other processes; data travel once, and not in each message."""

import functools
import io
import pickle
import traceback
from typing import Any, NamedTuple

import numpy as np

from fastgd import config
from fastgd._data.subsets import Shared
from fastgd._engine import builds, scope
from fastgd._registry.extras import needed_by
from fastgd.errors import DataTypeError, WorkerError
from fastgd.many.fleet import pattern_of
from fastgd.many.results import Result
from fastgd.models.replica import Blueprint

#: Arrays of so many bytes are data; smaller ones travel in the messages.
LEAST_BYTES = 4096


class Context(NamedTuple):
    """Hold what all tasks of a run have in common."""

    score: Any  #: fills results, or None
    keep_models: bool
    stop_file: str | None  #: the run has stopped when it is there
    settings: dict[str, Any]  #: of ``fastgd.config``, by function
    bits: str  #: see ``builds.bits``

    @classmethod
    def of_this_process(cls, score, keep_models, stop_file):
        """Return the context of a run that begins here."""
        settings = {"set_floatx": config.floatx()}
        if config.engine() in ("baseline", "reference"):  # which every CPU can run
            settings["set_engine"] = config.engine()
        return cls(score, keep_models, stop_file, settings, builds.bits(config.engine()))


@functools.cache
def _may_be_data(kind):
    frame = hasattr(kind, "to_numpy") and hasattr(kind, "__len__")
    return frame or issubclass(kind, (np.ndarray, Shared))


def is_data(thing):
    """Return whether a thing is data that many jobs may share: an array or a frame."""
    if not _may_be_data(type(thing)):
        return False
    return not isinstance(thing, np.ndarray) or thing.nbytes >= LEAST_BYTES


def pickled(thing, key_of=None, buffers=None):
    """Return a thing, which may hold functions of any kind, as bytes.

    Parameters
    ----------
    key_of : function of (part), optional
        Gives the key that stands for a part in the bytes, see ``Unpickler``; None to write it.
    buffers : list, optional
        Room for the buffers of arrays, which then are not in the bytes.
    """
    with needed_by("executor"):
        import cloudpickle

    file = io.BytesIO()
    callback = None if buffers is None else buffers.append
    pickler = cloudpickle.Pickler(file, protocol=5, buffer_callback=callback)
    if key_of is not None:
        pickler.persistent_id = key_of
    pickler.dump(thing)
    return file.getvalue()


def keys_of_data(key_of):
    """Return what gives ``pickled`` the keys of arrays and frames, by those of data."""

    def key(part):
        if not is_data(part):
            return None
        if type(part) is not Shared:
            return "data", key_of(part)
        return ("shared", key_of(part.values), part.argument) if is_data(part.values) else None

    return key


class Unpickler(pickle.Unpickler):
    """Read what ``pickled`` wrote, with its buffers; objects are those of its keys."""

    def __init__(self, content, objects, buffers=()):
        super().__init__(io.BytesIO(content), buffers=buffers)
        self._objects = objects

    def persistent_load(self, pid):
        kind, *rest = pid
        return getattr(self._objects, kind)(*rest)


def packed_task(context, jobs, data):
    """Return the message for a task, and the keys of its data.

    Parameters
    ----------
    context : key
        Of a Context.
    jobs : list of Job
    data : Spool or Scattered

    Raises
    ------
    DataTypeError
        For a job that cannot be pickled; says which key of it.
    """
    keys = [context]

    def noted(part):
        keys.append(data.key_of(part))
        return keys[-1]

    def key_of(part):
        return ("data", noted(part)) if id(part) in patterns else of_data(part)

    of_data = keys_of_data(noted)
    content = context, [(job.index, job.seed, job.given) for job in jobs]
    patterns = {id(pattern_of(job)) for job in jobs if job.model is None} - {id(None)}
    try:
        return pickled(content, key_of), keys
    except Exception as error:
        for job in jobs:
            for name, value in job.given.items():
                check_pickles(value, f"{job.label}: {name}", key_of)
        raise DataTypeError(f"jobs: they cannot be pickled: {error}") from error


def check_pickles(value, what, key_of):
    """Raise a DataTypeError for what cannot be pickled."""
    try:
        pickled(value, key_of)
    except Exception as error:
        raise DataTypeError(
            f"{what}: it cannot be sent to a worker: {error}; give a function that makes it "
            "there, or leave out executor"
        ) from error


def packed_results(results, cut, seconds, keys):
    """Return what a task gives back, as bytes; a result that cannot be pickled says so.

    keys: those of the patterns, by their ids, which the sender has.
    """

    def key_of(part):
        if type(part) is Blueprint and id(part.pattern) in keys:
            return "blueprint", keys[id(part.pattern)]
        return None

    for result in (*results, *cut):
        result.job = {}
        if result.error is not None:
            result.error = _sendable(result.error)
    try:
        return pickled((results, cut, seconds), key_of)
    except Exception:
        return pickled(([_checked(result) for result in results], [], seconds))


class TaskFailed(Exception):
    """A worker could not run a task, or its results cannot be read here."""


def packed_failure(error):
    """Return what a task gives back that could not be run."""
    return pickled(_sendable(error))


def _checked(result):
    try:
        pickled(result)
    except Exception as error:
        message = f"executor: the result cannot be sent back: {type(error).__name__}: {error}"
        refused = Result(result.index, result.name, error=WorkerError(message))
        refused.params, refused.seed = result.params, result.seed
        return refused
    return result


def _sendable(error):
    """Return an error, or a WorkerError with its text if it cannot be pickled and read."""
    try:
        pickle.loads(pickled(error))
    except Exception:
        found = WorkerError(f"{type(error).__name__}: {error}")
        found.add_note("".join(traceback.format_exception(error)))
        return found
    return error


def unpacked_results(content, data):
    """Return what ``packed_results`` was given; a TaskFailed from the error, if it was one."""
    try:
        with scope.own(0):  # models that are made draw nothing from the process' stream
            found = Unpickler(content, data).load()
    except Exception as error:
        found = error
    if isinstance(found, Exception):
        raise TaskFailed(f"{type(found).__name__}: {found}") from found
    return found
