"""Say what a model is and what it comes from, as plain data: a method of models."""

import datetime
import hashlib
import json
import math
import numbers
import platform
from typing import Any

import numpy as np

from fastgd import config
from fastgd._data.arguments import text
from fastgd._data.frames import column_names
from fastgd._data.named_row import in_lists
from fastgd._data.sources import on_disk
from fastgd._data.validation import boolean, numeric
from fastgd._typing import Config
from fastgd.errors import DataTypeError, ShapeError
from fastgd.saving import state
from fastgd.saving.container import WEIGHTS

#: The version of what a manifest says.
VERSION = 1
#: What the parts of a tuple of data are called.
PARTS = ("x", "y", "sample_weight")
#: What ``compile`` chose, without what changes nothing.
CHOSEN = ("optimizer", "loss", "loss_weights", "metrics", "weighted_metrics", "privacy")
#: So many bytes of an array are read at a time.
BLOCK_BYTES = 2**22


def manifest(self: Any, data: Any = None, *, scores: dict[str, float] | None = None,
             created: bool = False) -> Config:  # fmt: skip
    """Return what the model is and what it comes from, as a dict that ``json.dumps`` takes.

    It is for the file beside the model's, or a registry: it says which weights these are, what
    they were trained on, how, and with which result. The same training gives the same
    manifest, whatever the threads and instruction set, but for ``"environment"``; only the
    build without fused multiply-add, "baseline", has bits of its own.

    Parameters
    ----------
    data : (x, y), (x, y, sample_weight), dict of name -> rows, or rows
        What to hash: arrays, frames, lists of rows, memory maps, and dicts or tuples of arrays
        for several inputs. The names of a frame's columns and the data type count.
    scores : dict of name -> number, optional
        By default the last values of ``history``, where there is one; they are not those of
        the weights that a callback has restored.
    created : bool
        Whether to add the time, UTC; then no two manifests are equal.

    Returns
    -------
    dict
        ``"model"``: class, layers, ``dtype``, number of ``parameters`` and SHA-256 of
        ``architecture`` (the configuration, in which names of layers do not count) and
        ``weights``; ``"compilation"``; ``"training"``: seed, rounds begun, optimizer's steps;
        ``"privacy"``: the ledger of a private training, only if there is one;
        ``"columns"`` and ``"ranges"``, or None; ``"data"``: shape, data type, names and SHA-256
        of each part; ``"scores"``, where a number that is not finite is a string;
        ``"environment"``: versions, engine and machine. Hashes are of little-endian values with
        their names, shapes and types: they are the same on every machine.

    Raises
    ------
    NotBuiltError
        If there are no weights yet.
    ArgumentError, DataTypeError
        For a lambda in the model, as in ``save``; for data or scores that are no numbers.

    Examples
    --------
    >>> import json
    >>> import numpy as np
    >>> from fastgd import linear
    >>> x, y = np.array([[0.0], [1.0]]), np.array([1.0, 3.0])
    >>> found = linear.LinearModel().fit(x, y).manifest(data=(x, y), scores={"r2": 1.0})
    >>> found["data"]["x"]["shape"], found["model"]["parameters"], found["scores"]
    ([2, 1], 2, {'r2': 1.0})
    >>> text = json.dumps(found)
    """
    described = _of_linear_model if hasattr(self, "saved_parts") else _of_network
    found = {"manifest": VERSION, **described(self)}
    found["data"] = _parts(data)
    found["scores"] = _scores(self, scores)
    if boolean(created, "created"):
        found["created"] = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    found["environment"] = {
        "fastgd": config.__version__, "numpy": np.__version__,
        "python": platform.python_version(),
        "engine": getattr(self, "engine_name", None) or config.engine(),
        "system": platform.system(), "machine": platform.machine(),
    }  # fmt: skip
    return found


def _of_network(model):
    model.assembly()
    with model.between_steps():
        document, arrays = state.snapshot(model)
        steps = None if model.optimizer is None else int(model.optimizer.iterations)
    entry, ranges = document["model"], model.ranges
    chosen = entry.pop("compile_config", None)
    described = {
        "class": entry["class_name"], "layers": [type(one).__name__ for one in model.layers],
        "architecture": _sha256({}, _without_names(entry)),
    }  # fmt: skip
    return {
        "model": described | _weights(state.part(arrays, WEIGHTS)),
        "compilation": chosen and {name: chosen[name] for name in CHOSEN if name in chosen},
        "training": {**document["training"], "iterations": steps},
        **{name: document[name] for name in ("privacy",) if name in document},
        "columns": in_lists(document.get("feature_names")),
        "ranges": ranges and {name: a.tolist() for name, a in ranges._asdict().items()},
    }


def _of_linear_model(model):
    weights = {"coef": model.coef, "intercept": model.intercept}
    document = state.document_of(model)
    entry, training = document.pop("model"), document.popitem()[1]
    columns = training.pop("feature_names")
    described = {"class": entry["class_name"], "architecture": _sha256({}, entry)}
    return {
        "model": described | _weights(weights), "compilation": entry["config"],
        "training": training, "columns": columns, "ranges": None,
    }  # fmt: skip


def _weights(arrays):
    return {
        "dtype": next(iter(arrays.values())).dtype.name if arrays else None,
        "parameters": sum(array.size for array in arrays.values()),
        "weights": _sha256(arrays),
    }


def _without_names(described):
    """Return the description of a model without the names in it, which the graph does not need.

    Layers that were given none are numbered within a process, whatever model they are in.
    """
    if isinstance(described, list):
        return [_without_names(one) for one in described]
    if not isinstance(described, dict):
        return described
    return {key: _without_names(one) for key, one in described.items() if key != "name"}


# -- data and scores --------------------------------------------------------------------------


def _parts(data):
    """Return what is said of each part of the data by its name; None where there are none."""
    if data is None:
        return None
    if isinstance(data, tuple):
        if not 0 < len(data) <= len(PARTS):
            raise ShapeError(f"data: expected (x, y) or (x, y, weights), got {len(data)} parts")
        data = dict(zip(PARTS, data, strict=False))
    elif not isinstance(data, dict):
        data = {PARTS[0]: data}
    given = {text(name, "data: a name"): rows for name, rows in data.items()}
    return {
        name: _part(rows, f"data[{name!r}]") for name, rows in given.items() if rows is not None
    }


def _part(rows, argument):
    """Return what is said of some rows, or of each of several inputs or outputs."""
    if isinstance(rows, dict):
        each = {text(name, f"{argument}: a name"): part for name, part in rows.items()}
        return {name: _part(part, f"{argument}[{name!r}]") for name, part in each.items()}
    if isinstance(rows, (tuple, list)) and any(getattr(p, "ndim", 0) > 1 for p in rows):
        return [_part(part, f"{argument}[{place}]") for place, part in enumerate(rows)]
    names = column_names(rows)
    array = rows if on_disk(rows) else numeric(rows, argument)
    if not len(array.shape) or np.dtype(array.dtype).kind not in "fiub":
        raise DataTypeError(f"{argument}: expected rows of numbers, got {rows!r}")
    said = {"names": None if names is None else list(names)}
    said |= {"shape": list(map(int, array.shape)), "dtype": np.dtype(array.dtype).name}
    return said | {"sha256": _sha256({"": array}, said)}


def _sha256(arrays, said=None):
    """Return the SHA-256 of plain data and of arrays by name, as hexadecimal text."""
    found = hashlib.sha256()

    def add(plain):
        plain = json.dumps(plain, sort_keys=True, allow_nan=False).encode()
        found.update(len(plain).to_bytes(8, "little"))
        found.update(plain)

    add(said)
    for name, array in sorted(arrays.items()):
        dtype, shape = np.dtype(array.dtype), tuple(map(int, array.shape))
        add([name, dtype.name, shape])
        array = array if shape else np.reshape(array, 1)
        step = max(1, BLOCK_BYTES // max(1, dtype.itemsize * math.prod(shape[1:])))
        for start in range(0, len(array), step):
            block = np.ascontiguousarray(array[start : start + step], dtype.newbyteorder("<"))
            found.update(block.reshape(-1).view(np.uint8))
    return found.hexdigest()


def _scores(model, scores):
    """Return scores as plain numbers: those that were given, or the last ones of a history."""
    if scores is None:
        history = getattr(model, "history", None)
        last = {} if history is None else history.history
        last = {name: values[-1] for name, values in last.items() if values}
        return {name: _plain(value) for name, value in last.items() if _is_number(value)}
    if not isinstance(scores, dict):
        raise DataTypeError(f"scores: expected a dict of name -> number, got {scores!r}")
    for name, value in scores.items():
        if not _is_number(value):
            raise DataTypeError(f"scores[{name!r}]: expected a number, got {value!r}")
    return {text(name, "scores: a name"): _plain(value) for name, value in scores.items()}


def _is_number(value):
    return isinstance(value, numbers.Real) or (
        isinstance(value, np.ndarray) and value.ndim == 0 and value.dtype.kind in "fiub"
    )


def _plain(value):
    """Return a number as JSON has it; text for one that is not finite."""
    if isinstance(value, (int, np.integer)):
        return int(value)
    value = float(value)
    return value if math.isfinite(value) else str(value)
