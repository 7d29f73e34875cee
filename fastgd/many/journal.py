"""Keep the results of jobs in a file, so that a rerun trains only what is missing."""

import hashlib
import json
import os
import pickle

from fastgd import config
from fastgd._engine import builds, scope
from fastgd.callbacks import History
from fastgd.errors import DataTypeError, FileError, MissingExtraError
from fastgd.many.executors.messages import pickled
from fastgd.many.fingerprint import Fingerprints
from fastgd.many.job import KnownJob

#: How each line begins.
START = '{"key": "'


class Journal:
    """Append a line of JSON for each job that is done, and a file for its model.

    A line has the job's ``key``, ``name``, ``seed`` and ``params``, the ``scores``, the
    ``history`` and the ``seconds``, as far as JSON has such values; and the name of a ``file``
    in a folder beside the journal, if there is a model, a fitted step, predictions, or a value
    that JSON does not have. Jobs that failed have no line.

    Parameters
    ----------
    path : str
    score, keep_models
        As for ``Place.pool``.
    """

    def __init__(self, path, score, keep_models):
        self._path, self._folder, self._keep_models = path, f"{path}.files", keep_models
        self._prints, self._keys, self._score = Fingerprints(), {}, score
        self._common = f"{config.__version__} {builds.bits(config.engine())} {config.floatx()}"
        self._lines = {}
        if os.path.exists(path):
            self._read()
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)

    def _read(self):
        with open(self._path, encoding="utf-8", errors="replace") as file:
            *lines, last = file.read().split("\n")
        for number, text in enumerate(lines, start=1):
            self._take(text, number)
        if not last:
            return
        try:  # the run was killed while it wrote
            self._take(last, len(lines) + 1)
        except FileError:
            if not START.startswith(last[: len(START)]):
                raise
            with open(self._path, "rb+") as file:
                file.truncate(os.path.getsize(self._path) - len(last.encode()))
        else:
            self._write("\n")

    def _take(self, text, number):
        try:
            if not text.startswith(START):
                raise ValueError
            line = json.loads(text)
            self._lines[line["key"]] = {"model": line["model"], "file": line["file"], **line}
        except (ValueError, KeyError):
            message = f"{self._path}: line {number} is no line of a journal"
            raise FileError(message) from None

    def known_or(self, job):
        """Return a KnownJob with the result of a job, or the job itself."""
        given = {k: v for k, v in job.given.items() if k not in ("name", "seed")}
        score = None if self._score is None else self._score.decisive(job.given)
        try:
            prints = self._prints.of(score), self._prints.of(given)
        except DataTypeError as error:
            raise DataTypeError(f"journal: {job.label}: {error}; leave out journal") from error
        key = hashlib.sha256(repr((self._common, job.seed, *prints)).encode()).hexdigest()
        line = self._lines.get(key)
        result = None if line is None else self._result(line, job.result)
        if result is None:
            self._keys[job.index] = key
            return job
        result.job = job.described()
        return KnownJob(result)

    def _result(self, line, result):
        """Return the result that a line says; None if it has to be made again."""
        if self._keep_models and not line["model"]:
            return None
        if line["file"] is None:
            result.scores, result.seconds = line["scores"], line["seconds"]
            if line["history"] is not None:
                result.history = History.of(line["history"], None)
            return result
        try:
            path = os.path.join(self._folder, line["file"])
            with scope.own(0), open(path, "rb") as file:
                found = pickle.load(file)
        except Exception:  # it is gone, damaged, or needs what is not there any more
            return None
        found.index, found.name = result.index, result.name
        if not self._keep_models:
            found.model = None
        return found

    def add(self, results):
        """Append lines for results that are new, and did not fail."""
        for result in results:
            key = self._keys.pop(result.index, None)
            if key is not None and result.ok:
                self._append(key, result)

    def _append(self, key, result):
        history = None if result.history is None else vars(result.history)
        values = {"params": result.params, "scores": result.scores, "history": history}
        plain = {name: value for name, value in values.items() if _is_plain(value)}
        has_model, name = result.model is not None, None
        parts = result.prepare is not None or result.predictions is not None
        if has_model or parts or len(plain) < len(values):
            name = f"{key}.pickle"
            self._keep(name, result)
            plain["scores"] = {k: v for k, v in result.scores.items() if _is_plain(v)}
        line = {
            "key": key, "name": result.name, "seed": result.seed, **plain,
            "seconds": result.seconds, "model": has_model, "file": name,
        }  # fmt: skip
        self._lines[key] = line
        self._write(json.dumps(line) + "\n")

    def _write(self, text):
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(text)

    def _keep(self, name, result):
        """Write a result into a file."""
        os.makedirs(self._folder, exist_ok=True)
        path, job = os.path.join(self._folder, name), result.job
        result.job = {}
        try:
            content = _pickled(result)
        except Exception as error:
            raise DataTypeError(
                f"journal: the result of job {result.name!r} cannot be pickled: {error}; give "
                "keep_models=False, or leave out journal"
            ) from error
        finally:
            result.job = job
        with open(f"{path}.new", "wb") as file:
            file.write(content)
        os.replace(f"{path}.new", path)


def _pickled(result):
    """Return a result as bytes; cloudpickle knows functions that are in no module."""
    try:
        return pickled(result)
    except MissingExtraError:
        return pickle.dumps(result)


def _is_plain(value):
    """Return whether JSON gives back the same."""
    try:
        return repr(json.loads(json.dumps(value))) == repr(value)
    except (TypeError, ValueError):
        return False
