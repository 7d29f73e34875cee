"""Read frames and series of pandas, polars and others, through narwhals if installed."""

import numpy as np

from fastgd.errors import ArgumentError, DataError, DataTypeError


def array_of_frame(values, argument):
    """Return the ndarray of a frame (rows, columns) or a series (rows,); None for others.

    Raises
    ------
    DataTypeError
        For a column that holds no numbers; says which.
    DataError
        For a missing value; says where. For columns of the same name.
    """
    try:
        import narwhals as nw
    except ImportError:  # then NumPy has to read it, as it can most of them
        return None
    if nw.dependencies.is_into_series(values):
        series = nw.from_native(values, series_only=True)
        return numbers_of_column(nw, series, argument, "")
    try:
        frame = nw.from_native(values, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"{argument}: columns share a name: {error}") from None
    if isinstance(frame, nw.LazyFrame):
        raise DataTypeError(f"{argument}: a lazy frame has no rows yet: collect it first")
    if not isinstance(frame, nw.DataFrame):
        return None
    columns = [
        numbers_of_column(nw, frame.get_column(name), argument, f", column {name!r}")
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
    try:  # pyarrow's tables have columns, too, but not by name
        names = tuple(getattr(values, "column_names", None) or values.columns)
    except (AttributeError, TypeError):
        return None
    return names if all(isinstance(name, str) for name in names) else None


def names_by_input(x, inputs):
    """Return the names of the columns in what a model with such inputs is given.

    None where there is no frame; a dict of input -> names for several inputs.
    """
    if isinstance(x, np.ndarray):
        return None
    if len(inputs) == 1:
        if isinstance(x, dict):
            x = x.get(inputs[0])
        elif isinstance(x, (list, tuple)) and len(x) == 1:
            x = x[0]
        return column_names(x)
    given = x if isinstance(x, dict) else dict(zip(inputs, x, strict=False))
    found = {name: column_names(part) for name, part in given.items()}
    return {name: names for name, names in found.items() if names} or None


def matching_names(seen, known, argument="x"):
    """Return the names of columns that were seen, or `known` if None were; they have to agree.

    Both as ``column_names`` or ``names_by_input`` gives them, or in lists.
    """
    if isinstance(seen, dict):
        before = known if isinstance(known, dict) else {}
        return before | {
            name: matching_names(names, before.get(name), f"{argument}[{name!r}]")
            for name, names in seen.items()
        }
    if None not in (seen, known) and tuple(seen) != tuple(known):
        raise ArgumentError(
            f"{argument}: expected the columns {tuple(known)}, in this order, got {tuple(seen)}"
        )
    return known if seen is None else seen


def numbers_of_column(nw, series, argument, where, first=0):
    """Return a series of narwhals as an ndarray of numbers; first: its first row's number."""
    if not (series.dtype.is_numeric() or series.dtype == nw.Boolean):
        seen = f"{series.dtype}: encode it first"
        if series.dtype == nw.Object:
            seen = f"objects{first_non_number(series.to_numpy())}"
        raise DataTypeError(f"{argument}{where}: expected numbers, got {seen}")
    if series.null_count():
        row = first + int(np.argmax(series.is_null().to_numpy()))
        raise DataError(
            f"{argument}: the value at row {row}{where} is missing: fill it in first"
        )
    array = series.to_numpy()
    if array.dtype.kind not in "fiub":  # decimals, and nullable types without a missing value
        array = np.asarray(array, dtype=bool if series.dtype == nw.Boolean else np.float64)
    return array


def first_non_number(array, given=None):
    """Say which object of an array is no number; given: the frame that it was, if any."""
    for index, value in np.ndenumerate(array):
        if not isinstance(value, (int, float, np.number)):
            return f", such as {value!r}{at(index)}{column_name(given, index)}: encode it first"
    return ": convert it to a numeric dtype first"


def at(index):
    """Say where a value stands; nothing for a number that is alone."""
    names = ("row", "column") if len(index) < 3 else ("index",) * len(index)
    place = [f"{name} {i}" for name, i in zip(names, index, strict=False)]
    return " at " + ", ".join(place) if place else ""


def column_name(given, where):
    """Return the name of the column of a frame that a value stands in, in brackets."""
    names = getattr(given, "columns", None)
    if names is None or len(where) != 2 or len(names) <= where[1]:
        return ""
    return f" ({names[where[1]]!r})"
