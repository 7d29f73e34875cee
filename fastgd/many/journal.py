"""Keep the results of jobs in a file, so that a rerun trains only what is missing."""

import hashlib
import json
import os
import pickle

from fastgd import config
from fastgd._engine import builds, scope
from fastgd.callbacks import History
from fastgd.errors import DataTypeError, FileError
from fastgd.many.fingerprint import Fingerprints
from fastgd.many.job import KnownJob


class Journal:
    """Append a line of JSON for each job that is done, and a file for its model.

    A line has the job's ``key``, ``name``, ``seed`` and ``params``, its ``scores`` and
    ``seconds``, and either the ``history`` or the name of a ``file``, in a folder beside the
    journal, of all that is not plain: model, fitted step, predictions. Jobs that failed have no
    line.

    Parameters
    ----------
    path : str
    score, keep_models
        As for ``Place.pool``.
    """

    def __init__(self, path, score, keep_models):
        self._path, self._folder, self._keep_models = path, f"{path}.files", keep_models
        self._prints, self._keys = Fingerprints(), {}
        self._score = self._prints.of(score)
        self._common = f"{config.__version__} {builds.bits(config.engine())} {config.floatx()}"
        self._lines = {}
        if os.path.exists(path):
            self._read()
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)

    def _read(self):
        with open(self._path, encoding="utf-8") as file:
            lines = file.read().split("\n")
        for number, text in enumerate(lines, start=1):
            try:
                line = json.loads(text) if text else {}
                if text:
                    self._lines[line["key"]] = line
            except (ValueError, KeyError, TypeError):
                if number == len(lines):  # the run was killed while it wrote
                    self._cut(len(text.encode()))
                    continue
                raise FileError(
                    f"{self._path}: line {number} is no line of a journal"
                ) from None

    def _cut(self, length):
        """Remove so many bytes from the end."""
        with open(self._path, "rb+") as file:
            file.truncate(os.path.getsize(self._path) - length)

    def known_or(self, job):
        """Return a KnownJob with the result of a job, or the job itself."""
        given = {k: v for k, v in job.given.items() if k not in ("name", "seed")}
        parts = self._common, self._score, job.seed, self._prints.of(given)
        key = hashlib.sha256(repr(parts).encode()).hexdigest()
        self._keys[job.index] = key
        line = self._lines.get(key)
        if line is None or (self._keep_models and not line["model"]):
            return job
        result = job.result
        if line["file"] is None:
            _fill(result, line)
        elif (kept := self._kept(line["file"])) is None:
            return job
        else:
            index, name = result.index, result.name
            result = kept
            result.index, result.name = index, name
            if not self._keep_models:
                result.model = None
        result.job = job.described()
        del self._keys[job.index]
        return KnownJob(result)

    def _kept(self, name):
        """Return the Result in a file; None if it cannot be read, and has to be made again."""
        try:
            with scope.own(0), open(os.path.join(self._folder, name), "rb") as file:
                return pickle.load(file)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def add(self, results):
        """Append lines for results that are new, and did not fail."""
        for result in results:
            key = self._keys.pop(result.index, None)
            if key is not None and result.ok:
                self._append(key, result)

    def _append(self, key, result):
        history = None if result.history is None else vars(result.history)
        plain = {"scores": result.scores, "history": history}
        has_model = result.model is not None
        name = None
        if has_model or result.prepare or result.predictions or not _is_plain(plain):
            name = f"{key}.pickle"
            self._write(name, result)
            plain = {"scores": {k: v for k, v in result.scores.items() if _is_plain(v)}}
        line = {
            "key": key, "name": result.name, "seed": result.seed, **plain,
            "seconds": result.seconds, "model": has_model, "file": name,
        }  # fmt: skip
        self._lines[key] = line
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def _write(self, name, result):
        os.makedirs(self._folder, exist_ok=True)
        path, job = os.path.join(self._folder, name), result.job
        result.job = {}
        try:
            content = pickle.dumps(result)
        except Exception as error:
            raise DataTypeError(
                f"journal: the model of {result.name!r} cannot be pickled: {error}; give "
                "keep_models=False, or define its functions in a module"
            ) from error
        finally:
            result.job = job
        with open(f"{path}.new", "wb") as file:
            file.write(content)
        os.replace(f"{path}.new", path)


def _is_plain(value):
    """Return whether JSON gives back the same."""
    try:
        return repr(json.loads(json.dumps(value))) == repr(value)
    except (TypeError, ValueError):
        return False


def _fill(result, line):
    """Give a result what a line says of it."""
    result.scores, result.seconds = line["scores"], line["seconds"]
    if line["history"] is not None:
        result.history = History.of(line["history"], None)
