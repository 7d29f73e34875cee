"""Run the jobs of a task in a worker: another process, perhaps on another machine."""

import collections
import contextlib
import mmap
import os
import socket
import tempfile
import threading
import time

import numpy as np

from fastgd import config
from fastgd._data.subsets import Shared
from fastgd._engine import builds, scope
from fastgd.errors import EngineError, FastgdError, WorkerError
from fastgd.many.executors.messages import Unpickler, packed_failure, packed_results
from fastgd.many.executors.spool import contents
from fastgd.many.fleet import in_fleets
from fastgd.many.job import Job, KnownJob, Ownership
from fastgd.many.scoring import timed
from fastgd.many.shared_data import SharedDataCache
from fastgd.models import Model

#: So many data sets of a run stay in a worker, those used last, and those of so many runs.
KEPT, KEPT_RUNS = 64, 2
#: How often (in seconds) a worker looks whether the run has stopped.
LOOK_SECONDS = 0.1


class _Objects:
    """Hold the data that this worker was given, by run and key: the same object each time."""

    def __init__(self):
        self._runs = collections.OrderedDict()  # token -> name -> object
        self._lock = threading.Lock()

    def get(self, token, name, make):
        """Return the object of a name; make it if it is not there."""
        with self._lock:
            known = self._known(token)
            if name in known:
                known.move_to_end(name)
                return known[name]
        made = make()  # which may ask for other data
        with self._lock:
            known = self._known(token)
            made = known.setdefault(name, made)
            while len(known) > KEPT:
                known.popitem(last=False)
        return made

    def _known(self, token):
        """Return the objects of a run; forget the runs that were used before the latest."""
        known = self._runs.setdefault(token, collections.OrderedDict())
        self._runs.move_to_end(token)
        while len(self._runs) > KEPT_RUNS:
            self._runs.popitem(last=False)
        return known

    def items(self):
        """Return pairs of name and object, of all runs."""
        with self._lock:
            return [item for known in self._runs.values() for item in known.items()]


class _Parts:
    """Give a task the data of its keys, see ``messages.Unpickler``.

    images: what they are made from, by key, if they are not in files.
    """

    def __init__(self, images=()):
        self._images = dict(images)

    def data(self, key):
        """Return the data of a key."""
        return _objects.get(key[0], key, lambda: self._loaded(*key))

    def shared(self, key, argument):
        """Return the Shared of data."""
        values = self.data(key)
        is_file, path = key[1] == "file", key[2]

        def make():
            return _Converted(values, argument, path) if is_file else Shared(values, argument)

        return _objects.get(key[0], (key, argument), make)

    def _loaded(self, token, kind, *place):
        """Return what a key stands for."""
        try:
            if kind == "map":
                name, dtype, shape, offset = place
                return np.memmap(name, dtype, "r", offset, shape)
            if kind == "file":
                with open(place[0], "rb") as file:
                    found = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            else:
                found = self._images[token, kind, *place]
        except FileNotFoundError as error:
            raise WorkerError(
                f"executor: the worker on {socket.gethostname()} does not find the data, "
                f"{error.filename}: give spool_dir, a folder that all machines share"
            ) from None
        content, buffers = contents(found)
        return Unpickler(content, self, buffers).load()


class _Converted(Shared):
    """Convert data into another file beside theirs, which all workers of a machine map."""

    def __init__(self, values, argument, path):
        super().__init__(values, argument)
        self._path = path

    def _made(self, dtype):
        if type(self.values) is not np.ndarray or self.values.dtype == dtype:
            return super()._made(dtype)
        path = f"{self._path}.{dtype.name}.npy"
        if not os.path.exists(path):
            array = super()._made(dtype)
            if array is self.values:  # not all of it is finite in this type
                return array
            with tempfile.NamedTemporaryFile(dir=os.path.dirname(path), delete=False) as file:
                np.save(file, array)
            os.replace(file.name, path)  # another worker may have been quicker
        return np.asarray(np.load(path, mmap_mode="r"))


class _Cache(SharedDataCache):
    """Keep the Shared of data; those of data with a key are those of the key."""

    def of(self, values, argument="x"):
        if type(values) is np.ndarray:
            for name, known in _objects.items():
                if known is values:
                    return _Parts().shared(name, argument)
        return super().of(values, argument)


_objects, _cache = _Objects(), _Cache()


def run_task(content, attached=()):
    """Run the jobs of a task; return what they give, see ``messages.packed_results``.

    attached: pairs of a key and the image of its data, if they are not in files.
    """
    with scope.own(0):  # a worker may be a thread: nothing is drawn from its process' stream
        try:
            return _run_task(content, _Parts(attached))
        except Exception as error:  # the worker lives, and the jobs may be run one by one
            return packed_failure(error)


def _run_task(content, parts):
    context_key, described = Unpickler(content, parts).load()
    context = parts.data(context_key)
    begun = time.perf_counter()
    results, cut = [], []
    with _settings(context):
        score = timed(context.score)
        jobs = [_job(*one) for one in described]
        owners = Ownership()
        with _Watch(context.stop_file) as watch:
            for unit in in_fleets(iter(jobs), len(jobs), 1, score):
                watch.unit = unit
                if watch.stopped:
                    break
                unit.run(owners, _cache, score, context.keep_models)
                done, stopped = unit.outcome()
                results += done
                cut += stopped
    models = {id(thing): name for name, thing in _objects.items() if isinstance(thing, Model)}
    return packed_results(results, cut, time.perf_counter() - begun, models)


def _job(index, seed, given):
    try:
        return Job(index, given, seed)
    except FastgdError as error:
        return KnownJob.refused(index, error)


@contextlib.contextmanager
def _settings(context):
    """Let this process have the settings of the one that sent the task."""
    now = {"set_floatx": config.floatx(), "set_engine": config.engine()}
    other = {name: value for name, value in context.settings.items() if now[name] != value}
    for name, value in other.items():
        getattr(config, name)(value)
    try:
        here = builds.bits(config.engine())
        if here != context.bits:
            raise EngineError(
                f"executor: the worker on {socket.gethostname()} computes with the engine "
                f"{config.engine()!r}, whose bits ({here}) are not those of this process "
                f"({context.bits}): set FASTGD_ENGINE=baseline for both"
            )
        yield
    finally:
        for name in other:
            getattr(config, name)(now[name])


class _Watch:
    """Stop the unit that runs when the run has stopped: see ``Spool.stop``."""

    def __init__(self, stop_file):
        self._file, self.unit, self.stopped = stop_file, None, False
        self._over = threading.Event()

    def __enter__(self):
        if self._file is not None:
            threading.Thread(target=self._look, daemon=True).start()
        return self

    def __exit__(self, *error):
        self._over.set()

    def _look(self):
        while not self._over.wait(LOOK_SECONDS):
            if os.path.exists(self._file):
                self.stopped = True
                if self.unit is not None:
                    self.unit.stop()
