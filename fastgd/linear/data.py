"""Checks of what users pass to linear models: rows of x, targets, weights."""

import numpy as np

from fastgd import config
from fastgd._data import validation
from fastgd._data.validation import check_finite, numeric, prepared
from fastgd._engine import builds
from fastgd.errors import DataError, DataTypeError, ShapeError
from fastgd.linear.objective import REGRESSIONS

#: The least sum of weights whose inverse is finite.
TINY = np.finfo(np.float64).tiny


def rows_of(x, dtype=None, width=None):
    """Return x as rows for the engine: ``engine.Rows``.

    x is an array or frame (n, d), or CSR: an object with data, indices, indptr and shape. It is
    read in place if it is C-contiguous and float32 or float64, as a memory map may be; anything
    else is copied once. So are a CSR matrix's indices and indptr, and its data if the columns
    of a row are not sorted, or contain duplicates, which are added up. dtype None: float32
    stays, everything else becomes float64. width: the number of columns to expect.
    """
    engine = builds.load(config.engine())
    if getattr(x, "format", "csr") != "csr" and hasattr(x, "tocsr"):
        raise DataTypeError(
            f"x: expected a sparse matrix in CSR format, got {x.format}: call tocsr"
        )
    if all(hasattr(x, name) for name in ("indptr", "indices", "data", "shape")):
        rows = _csr(x, dtype, engine)
    else:
        original = numeric(x, "x")
        if original.ndim != 2:
            raise ShapeError(
                f"x: expected 2 dimensions (rows, columns), got shape {original.shape}"
            )
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
        if loss == "poisson" and n and values.min() < 0:
            row = int(np.argmax(values < 0))
            raise DataError(
                f"y: poisson expects targets of at least 0, got {values[row]} at row {row}"
            )
        return values, 1 if values.ndim == 1 else values.shape[1]
    if classes is None:
        classes = max(2, int(values.max()) + 1) if n else 2
    validation.check_classes(values, classes, "y")
    if loss == "multinomial":
        return values, classes
    if classes == 2:
        return 2 * values - 1, 1
    return values, classes


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


def _dtype_for(array, dtype):
    """Return the data type in which values are read."""
    if dtype is None:
        dtype = np.float32 if array.dtype == np.float32 else np.float64
    return np.dtype(dtype)


def _csr(x, dtype, engine):
    """Return a CSR matrix as the engine's rows."""
    data, indices, indptr = (
        numeric(getattr(x, name), f"x.{name}") for name in ("data", "indices", "indptr")
    )
    if len(x.shape) != 2:
        raise ShapeError(f"x: expected 2 dimensions (rows, columns), got shape {x.shape}")
    n, d = map(int, x.shape)
    if indptr.shape != (n + 1,) or data.shape != indices.shape or data.ndim != 1:
        raise ShapeError(
            f"x: expected CSR arrays data (m,), indices (m,) and indptr ({n + 1},), got "
            f"{data.shape}, {indices.shape} and {indptr.shape}"
        )
    for name, array in (("indices", indices), ("indptr", indptr)):
        if array.dtype.kind not in "iu":
            raise DataTypeError(f"x.{name}: expected whole numbers, got {array.dtype}")
    kind = np.dtype(np.int32)
    if indices.dtype != kind or indptr.dtype != kind:
        kind = np.dtype(np.int64)
    values = prepared(data, _dtype_for(data, dtype))
    # the engine uses them as indices: copy, then check
    columns, starts = (np.array(a, dtype=kind, order="C") for a in (indices, indptr))
    if starts[0] < 0 or starts[-1] > len(data) or (np.diff(starts) < 0).any():
        raise DataError("x.indptr: expected ascending numbers from 0 to the length of x.data")
    index = engine.first_nonfinite(values)
    if starts[0] <= index < starts[-1]:
        row = int(np.searchsorted(starts, index, "right")) - 1
        reason = f"beyond {values.dtype}" if np.isfinite(data[index]) else "not finite"
        raise DataError(
            f"x: {data[index]} at row {row}, column {columns[index]}, which is {reason}"
        )
    rows = engine.Rows(values, columns, starts, d)
    row = rows.faulty_row()
    if row < 0:
        return rows
    rows = engine.Rows(*_in_order(values, columns, starts, n, d), d)
    row = rows.faulty_row()
    if row >= 0:
        raise DataError(f"x: row {row} has a column outside of 0 to {d - 1}")
    return rows


def _in_order(values, columns, starts, n, d):
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
