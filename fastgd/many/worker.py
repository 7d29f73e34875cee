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
from fastgd.many.fleet import in_fleets
from fastgd.many.job import Job, KnownJob, Ownership
from fastgd.many.messages import Unpickler, packed_results
from fastgd.many.results import Result
from fastgd.many.scoring import TimedScore
from fastgd.many.shared_data import SharedDataCache
from fastgd.many.spool import contents
from fastgd.models import Model

#: So many data sets stay in a worker, those used last.
KEPT = 64
#: How often (in seconds) a worker looks whether the run has stopped.
LOOK_SECONDS = 0.1


class _Objects:
    """Hold the data that this worker was given, by key: the same object each time."""

    def __init__(self):
        self._known = collections.OrderedDict()
        self._lock = threading.Lock()

    def data(self, key, image=None):
        """Return the data of a key; image: what they are made from, if not in a file."""
        return self._of(key, lambda: _loaded(key, image, self))

    def models(self):
        """Return the keys of the models, by their ids."""
        with self._lock:
            found = [(key, value) for key, value in self._known.items()]
        return {id(value): key for key, value in found if isinstance(value, Model)}

    def shared(self, key, argument):
        """Return the Shared of data."""
        values = self.data(key)
        if key[0] == "file":
            return self._of((key, argument), lambda: _Converted(values, argument, key[1]))
        return self._of((key, argument), lambda: Shared(values, argument))

    def shared_of(self, values, argument):
        """Return the Shared of values that have a key, or None."""
        with self._lock:
            keys = [key for key, value in self._known.items() if value is values]
        return self.shared(keys[0], argument) if keys else None

    def _of(self, name, make):
        with self._lock:
            if name in self._known:
                self._known.move_to_end(name)
                return self._known[name]
        made = make()  # which may ask for other data
        with self._lock:
            made = self._known.setdefault(name, made)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
        return made


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
        known = _objects.shared_of(values, argument) if type(values) is np.ndarray else None
        return known or super().of(values, argument)


_objects, _cache = _Objects(), _Cache()


def _loaded(key, image, objects):
    """Return what a key stands for."""
    kind, *place = key
    try:
        if kind == "map":
            name, dtype, shape, offset = place
            return np.memmap(name, dtype, "r", offset, shape)
        if kind == "file":
            with open(place[0], "rb") as file:
                image = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise WorkerError(
            f"executor: the worker on {socket.gethostname()} does not find the data, "
            f"{error.filename}: give spool_dir, a folder that all machines share"
        ) from None
    content, buffers = contents(image)
    return Unpickler(content, objects, buffers).load()


def run_task(content, attached=()):
    """Run the jobs of a task; return what they give, see ``messages.packed_results``.

    attached: pairs of a key and the image of its data, if they are not in files.
    """
    with scope.own(0):  # a worker may be a thread: nothing is drawn from its process' stream
        return _run_task(content, attached)


def _run_task(content, attached):
    for key, image in attached:
        _objects.data(key, image)
    context_key, described = Unpickler(content, _objects).load()
    context = _objects.data(context_key)
    begun = time.perf_counter()
    results, cut = [], []
    with _settings(context):
        score = context.score
        if not (score is None or score.compiled):
            score = TimedScore(score)
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
    return packed_results(results, cut, time.perf_counter() - begun, _objects.models())


def _job(index, seed, given):
    try:
        return Job(index, given, seed)
    except FastgdError as error:
        return KnownJob(Result(index, str(index), error=error))


@contextlib.contextmanager
def _settings(context):
    """Let this process have the settings of the one that sent the task."""
    before = {"set_floatx": config.floatx(), "set_engine": config._settings["engine"]}
    for name, value in context.settings.items():
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
        for name in context.settings:
            getattr(config, name)(before[name])


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
