"""Read frames and series of pandas, polars and others, through narwhals if installed."""

import numpy as np

from fastgd.errors import DataError, DataTypeError


def array_of_frame(values, argument):
    """Return the ndarray of a frame (rows, columns) or a series (rows,); None for others.

    Raises
    ------
    DataTypeError
        For a column that holds no numbers; says which.
    DataError
        For a missing value; says where.
    """
    try:
        import narwhals as nw
    except ImportError:  # then NumPy has to read it, as it can most of them
        return None
    if nw.dependencies.is_into_series(values):
        series = nw.from_native(values, series_only=True)
        return _column(nw, series, argument, "")
    frame = nw.from_native(values, pass_through=True)
    if isinstance(frame, nw.LazyFrame):
        raise DataTypeError(f"{argument}: a lazy frame has no rows yet: collect it first")
    if not isinstance(frame, nw.DataFrame):
        return None
    columns = [
        _column(nw, frame.get_column(name), argument, f", column {name!r}")
        for name in frame.columns
    ]
    if not columns:
        return np.empty((len(frame), 0))
    dtypes = {column.dtype for column in columns}
    if len(dtypes) == 1:
        whole = frame.to_numpy()  # without a copy where the frame is one block
        if whole.dtype in dtypes:
            return whole
    return np.stack(columns, axis=1, dtype=np.result_type(*dtypes))


def column_names(values):
    """Return the names of a frame's columns, a tuple; None unless all are text."""
    if isinstance(values, np.ndarray):
        return None
    try:
        names = tuple(values.columns)
    except (AttributeError, TypeError):
        return None
    return names if all(isinstance(name, str) for name in names) else None


def _column(nw, series, argument, where):
    """Return a column as an ndarray of numbers."""
    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        raise DataTypeError(
            f"{argument}{where}: expected numbers, got {series.dtype}: encode it first"
        )
    if series.null_count():
        row = int(np.argmax(series.is_null().to_numpy()))
        raise DataError(
            f"{argument}: the value at row {row}{where} is missing: fill it in first"
        )
    array = series.to_numpy()
    if array.dtype.kind not in "fiub":  # decimals, and nullable types without a missing value
        array = np.asarray(array, dtype=bool if series.dtype == nw.Boolean else np.float64)
    return array
