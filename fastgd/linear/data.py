"""Check what users pass to a linear model, and make it a problem for solvers."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastgd import config
from fastgd._core.engine import plain_row
from fastgd._data import validation
from fastgd._data.frames import column_names, matching_names
from fastgd._data.named_row import ignores, named, unknown_names, values_by_name
from fastgd._data.validation import (
    array_of,
    check_finite,
    numeric,
    prepared,
    whole_number,
)
from fastgd._engine import builds
from fastgd._engine.sizes import check_size
from fastgd._typing import Array
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError
from fastgd.linear.objective import LOG_LINK, LOSSES, REGRESSIONS, Problem

#: The most classes, each of which has weights.
MOST_CLASSES = 100_000

#: The least sum of weights whose inverse is finite.
TINY = np.finfo(np.float64).tiny


class Prepared(NamedTuple):
    """Hold a problem, the number of its classes, and the names of its columns."""

    problem: Problem
    classes: int | None
    names: tuple[str, ...] | None


class DataAdapter(NamedTuple):
    """Turn data into problems of one model."""

    loss: str
    setting: float  #: the number that the loss takes
    l1: float
    l2: float
    fit_intercept: bool
    dtype: Any  #: how x is read, or None
    threads: int
    shape: tuple[int, int] | None  #: of the weights that the data have to fit
    classes: int | None  #: the number of classes of these weights
    names: tuple[str, ...] | None  #: the columns that the data have to have
    has_offset: bool  #: whether rows need an offset

    def prepare(self, x, y, sample_weight, classes=None, whole=True, offset=None):
        """Check rows, targets and weights; whole: whether the weights need a finite mean."""
        rows = rows_of(x, self.dtype, None if self.shape is None else self.shape[1])
        names = matching_names(column_names(x), self.names)
        if classes is not None:
            classes = _class_count(classes)
            if self.loss in REGRESSIONS:
                raise ArgumentError(f"classes: {self.loss} is a loss of numbers, it has none")
            check_size("classes", (classes, rows.shape[1]))
        if self.shape is not None:
            if classes not in (None, self.classes):
                raise ArgumentError(f"classes: there are {self.classes}, got {classes}")
            classes = self.classes
        y, outputs = targets(y, self.loss, rows.shape[0], classes)
        if self.shape is not None and outputs != self.shape[0]:
            raise ShapeError(f"y: the model has {self.shape[0]} outputs, got {outputs}")
        if self.loss not in REGRESSIONS:
            classes = max(outputs, 2)
        weights = weights_of(sample_weight, rows.shape[0], whole)
        problem = Problem(
            builds.load(config.engine()), rows, y, weights, LOSSES[self.loss], self.setting,
            self.l1, self.l2, self.fit_intercept, outputs, self.threads,
            offset=offset_of(offset, rows.shape[0], outputs, self.has_offset),
        )  # fmt: skip
        return Prepared(problem, classes, names)


def row_of(x, names, width, dtype, unknown="raise"):
    """Return (row (d,), names) of a dict or Series, or of anything else that is numbers.

    width: the number of columns that the model expects, or None. unknown: "raise" or "ignore",
    what becomes of a name that no column has.
    """
    dtype, size = np.dtype(dtype or np.float64), width
    if names is not None and type(x) is dict:
        size = len(names)
    if size is not None and (row := plain_row(x, names, size, dtype, unknown)) is not None:
        return row, names
    ignore, x = ignores(unknown), named(x)
    if not isinstance(x, dict):
        return numeric(x, "x").astype(dtype, subok=False), names
    if names is None:
        names = tuple(x)
        if width is not None and len(x) != width:
            raise ShapeError(f"x: the model expects {width} columns, got {len(x)}")
    elif not ignore and (strange := unknown_names(x, names)):
        known = ", ".join(map(str, names))
        raise ArgumentError(
            f"x: no column is called {strange[0]!r} (there are: {known}); "
            "unknown_features='ignore' leaves it out"
        )
    return values_by_name(x, names, len(names), dtype), names


def check_row(x, width):
    """Refuse what is not one row (width,); a width of None allows any."""
    if x.ndim != 1:
        raise ShapeError(f"x: expected one row (columns,), got shape {x.shape}")
    if width is not None and len(x) != width:
        raise ShapeError(f"x: the model expects {width} columns, got {len(x)}")


def check_finite_row(x):
    """Refuse a row (d,) that has a number that is not finite."""
    finite = np.isfinite(x)
    if not finite.all():
        column = int(np.argmin(finite))
        raise DataError(f"x: {x[column]} at column {column}, which is not finite")


def _class_count(classes):
    """Return the number of classes, given as such or as all class numbers from 0 on."""
    given = array_of(classes, "classes")
    if given.ndim == 0:
        return whole_number(classes, "classes", 2, MOST_CLASSES)
    numbers = np.unique(given) if given.dtype.kind in "biuf" else ()
    count = len(numbers)
    if count < 2 or not np.array_equal(numbers, np.arange(count)):
        expected = "their number, or the numbers 0, 1 ..."
        raise ArgumentError(f"classes: expected {expected}, got {classes!r}")
    return count


@dataclass(frozen=True)
class Chunk:
    """Hold rows of a stream: ``engine.Rows``, targets, and weights and offsets or None.

    ``chosen``, int64, are the rows to visit, in this order; None: all of them in turn.
    """

    rows: Any
    y: Array
    weights: Array | None = None
    chosen: Array | None = None
    offset: Array | None = None

    def __len__(self):
        return self.rows.shape[0] if self.chosen is None else len(self.chosen)


class Stream:
    """Prepare the chunks that a user passes in, one by one: an iterable of Chunk.

    ``first`` is the first chunk, Prepared; ``once``: whether chunks can be iterated only once.
    """

    def __init__(self, chunks, adapter, classes):
        try:
            iterator = iter(chunks)
        except TypeError:
            seen = type(chunks).__name__
            raise DataTypeError(f"x: expected rows, with y, or chunks, got {seen}") from None
        self._chunks, self._adapter = chunks, adapter
        self.once = iterator is chunks
        if (head := next(iterator, None)) is None:
            raise DataError("x: there are no chunks")
        self._rest = iterator if self.once else None
        self.first = self._prepared(head, classes)

    def keep(self, chunks):
        """Iterate over these from now on."""
        self._chunks = chunks

    def _prepared(self, chunk, classes):
        if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3, 4):
            expected = "(x, y), (x, y, sample_weight) or (x, y, sample_weight, offset)"
            raise DataTypeError(f"x: expected chunks {expected}")
        x, y, sample_weight, offset = (*chunk, None, None)[:4]
        return self._adapter.prepare(x, y, sample_weight, classes, whole=False, offset=offset)

    def __iter__(self):
        first, classes, names = self.first
        if self.once:
            yield Chunk(first.rows, first.y, first.weights, offset=first.offset)
        for chunk in self._rest if self.once else self._chunks:
            problem, _, other = self._prepared(chunk, classes)
            expected, seen = first.rows.shape[1], problem.rows.shape[1]
            if seen != expected:
                raise ShapeError(f"x: the first chunk has {expected} columns, another {seen}")
            k, seen = first.outputs, problem.outputs
            if seen != k:
                raise ShapeError(f"y: the first chunk has {k} targets a row, another {seen}")
            if None not in (names, other) and names != other:
                raise ArgumentError(f"x: the first chunk has columns {names}, another {other}")
            if (first.offset is None) != (problem.offset is None):
                raise ArgumentError("offset: either all chunks have one, or none")
            yield Chunk(problem.rows, problem.y, problem.weights, offset=problem.offset)


def rows_of(x, dtype=None, width=None):
    """Return x as ``engine.Rows``.

    x is an array or frame (n, d), or CSR: an object with data, indices, indptr and shape. It is
    read in place if it is C-contiguous and float32 or float64, as a memory map may be; anything
    else is copied once. So are a CSR matrix's indices and indptr, and its data if the columns
    of a row are not sorted, or contain duplicates, which are added up. dtype None: float32
    stays, everything else becomes float64. width: the number of columns to expect.
    """
    engine = builds.load(config.engine())
    if getattr(x, "format", "csr") != "csr" and hasattr(x, "tocsr"):
        raise DataTypeError(f"x: expected CSR format, got {x.format}: call tocsr")
    if all(hasattr(x, name) for name in ("indptr", "indices", "data", "shape")):
        rows = _csr(x, dtype, engine)
    else:
        original = numeric(x, "x")
        _check_matrix(original.shape)
        values = prepared(original, _dtype_for(original, dtype))
        check_finite(engine, values, original, "x", x)
        rows = engine.Rows(values)
    if rows.shape[1] == 0:
        raise DataError(f"x: there are no columns, the shape is {rows.shape}")
    if width is not None and rows.shape[1] != width:
        raise ShapeError(f"x: the model expects {width} columns, got shape {rows.shape}")
    return rows


def targets(y, loss, n, classes=None):
    """Return targets for a loss, float64 (n,), or (n, k) for squared errors; and the outputs.

    Numbers for a regression. Otherwise class numbers from 0 on; losses of two classes get them
    as -1 and 1. ``classes`` is the number of classes; None: the largest in y, plus 1.
    """
    original = numeric(y, "y")
    engine = builds.load(config.engine())
    if original.ndim == 2 and original.shape[1] == 1:
        original = original.reshape(-1)
    dimensions = (1, 2) if loss == "squared_error" else (1,)
    if original.ndim not in dimensions or (original.ndim == 2 and original.shape[1] == 0):
        shapes = "(n,) or (n, k)" if loss == "squared_error" else "(n,)"
        raise ShapeError(f"y: {loss} expects shape {shapes}, got {original.shape}")
    if len(original) != n:
        raise ShapeError(f"x and y have different numbers of rows: {n} and {len(original)}")
    if loss not in REGRESSIONS:  # the engine uses them as indices: copy, then check
        original = np.array(original)
    values = prepared(original, np.dtype(np.float64))
    check_finite(engine, values, original, "y", y)
    if loss in REGRESSIONS:
        if n and values.min() < (least := least_target(loss)):
            row = int(np.argmax(values < least))
            raise DataError(f"y: {wrong_target(loss)}, got {values[row]} at row {row}")
        return values, 1 if values.ndim == 1 else values.shape[1]
    if classes is None:
        classes = max(2, int(min(values.max(), MOST_CLASSES - 1)) + 1) if n else 2
    validation.check_classes(values, classes, "y")
    if loss == "multinomial":
        return values, classes
    if classes == 2:
        return 2 * values - 1, 1
    return values, classes


def least_target(loss):
    """Return the smallest target that a loss of numbers allows."""
    if loss in LOG_LINK:
        return TINY if loss == "gamma" else 0.0
    return -np.finfo(np.float64).max


def wrong_target(loss):
    """Return what to say of a smaller one."""
    return f"{loss} expects targets {'above' if loss == 'gamma' else 'of at least'} 0"


def offset_of(offset, n, outputs=1, needed=False):
    """Return offsets of rows, float64 (n,), or None; a single number is that of all rows."""
    if offset is None:
        if needed:
            raise ArgumentError(
                "offset: the model was trained with one, and needs a number for each row; "
                "offset=0 leaves it out"
            )
        return None
    if outputs > 1:
        raise ArgumentError(f"offset: it is for models of one output, this one has {outputs}")
    original = numeric(offset, "offset")
    if original.shape not in ((), (n,), (n, 1)):
        seen = f"got shape {original.shape}"
        raise ShapeError(f"offset: expected one number for each of {n} rows, {seen}")
    original = np.full(n, original) if original.ndim == 0 else original.reshape(-1)
    values = prepared(original, np.dtype(np.float64))
    check_finite(builds.load(config.engine()), values, original, "offset")
    return values


def weights_of(sample_weight, n, mean=True):
    """Return weights of rows, float64 (n,), or None; mean: refuse a sum of 0 or infinity."""
    if sample_weight is None:
        return None
    engine = builds.load(config.engine())
    weights = validation.sample_weights(sample_weight, n, np.dtype(np.float64), engine)
    if n and mean:
        if not weights.any():
            raise DataError("sample_weight: all weights are zero")
        with np.errstate(over="ignore"):
            total = weights.sum()
        if not TINY <= total < np.inf:
            raise DataError(f"sample_weight: their sum is {total:g}: scale the weights")
    return weights


def _check_matrix(shape):
    if len(shape) != 2:
        raise ShapeError(f"x: expected 2 dimensions (rows, columns), got shape {shape}")


def _dtype_for(array, dtype):
    """Return the data type in which values are read."""
    return np.dtype(dtype or (np.float32 if array.dtype == np.float32 else np.float64))


def _csr(x, dtype, engine):
    """Return a CSR matrix as the engine's rows."""
    data, indices, indptr = (
        numeric(getattr(x, name), f"x.{name}") for name in ("data", "indices", "indptr")
    )
    _check_matrix(x.shape)
    n, d = map(int, x.shape)
    if indptr.shape != (n + 1,) or data.shape != indices.shape or data.ndim != 1:
        seen = f"{data.shape}, {indices.shape} and {indptr.shape}"
        expected = f"CSR arrays data (m,), indices (m,) and indptr ({n + 1},)"
        raise ShapeError(f"x: expected {expected}, got {seen}")
    for name, array in (("indices", indices), ("indptr", indptr)):
        if array.dtype.kind not in "iu":
            raise DataTypeError(f"x.{name}: expected whole numbers, got {array.dtype}")
    kind = np.int32 if indices.dtype == indptr.dtype == np.int32 else np.int64
    values = prepared(data, _dtype_for(data, dtype))
    # the engine uses them as indices: copy, then check
    columns, starts = (np.array(a, dtype=kind, order="C") for a in (indices, indptr))
    if starts[0] < 0 or starts[-1] > len(data) or (np.diff(starts) < 0).any():
        raise DataError("x.indptr: expected ascending numbers from 0 to the length of x.data")
    index = engine.first_nonfinite(values)
    if starts[0] <= index < starts[-1]:
        row = int(np.searchsorted(starts, index, "right")) - 1
        reason = f"beyond {values.dtype}" if np.isfinite(data[index]) else "not finite"
        place = f"at row {row}, column {columns[index]}"
        raise DataError(f"x: {data[index]} {place}, which is {reason}")
    rows = engine.Rows(values, columns, starts, d)
    if rows.faulty_row() >= 0:
        rows = engine.Rows(*_in_order(values, columns, starts, n), d)
        if (row := rows.faulty_row()) >= 0:
            raise DataError(f"x: row {row} has a column outside of 0 to {d - 1}")
    return rows


def _in_order(values, columns, starts, n):
    """Return the arrays of a CSR matrix with the columns of each row sorted and unique."""
    row = np.repeat(np.arange(n), np.diff(starts))
    inside = slice(starts[0], starts[-1])
    values, columns = values[inside], columns[inside]
    order = np.lexsort((columns, row))
    values, columns, row = values[order], columns[order], row[order]
    first = np.ones(len(row), bool)
    first[1:] = (np.diff(row) != 0) | (np.diff(columns) != 0)
    values = np.add.reduceat(values, np.flatnonzero(first))
    counts = np.bincount(row[first], minlength=n)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(starts.dtype)
    return values, np.ascontiguousarray(columns[first]), starts
