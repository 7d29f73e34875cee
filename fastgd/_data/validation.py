"""Check what users pass in, and convert it.

Every array that leaves this file is C-contiguous, aligned, of the model's data type and finite.
An array that is all this already is passed on as it is, anything else is copied once.
"""

import math

import numpy as np

from fastgd._core.arrays import native
from fastgd._core.formulas import Loss
from fastgd._data.frames import array_of_frame, at, column_name, first_non_number
from fastgd._engine.sizes import check_size
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError, warn

#: Up to here double precision holds every whole number.
MOST = 2**53


def whole_number(value, argument, minimum, maximum=math.inf):
    """Return a whole number from ``minimum`` to ``maximum``, as an int."""
    if type(value) is int and minimum <= value <= maximum:
        return value
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
        raise DataTypeError(f"{argument}: expected a whole number, got {value!r}")
    if value < minimum:
        raise ArgumentError(f"{argument}: expected a number >= {minimum}, got {value}")
    if value > maximum:
        raise ArgumentError(f"{argument}: expected a number <= {maximum}, got {value}")
    return int(value)


def positive_int(value, argument):
    """Return a whole number of at least 1, as an int."""
    return whole_number(value, argument, 1)


def boolean(value, argument):
    """Return True or False, or 1 or 0, as a bool."""
    if type(value) is bool:
        return value
    if not isinstance(value, (np.bool_, int, np.integer)) or value not in (0, 1):
        raise DataTypeError(f"{argument}: expected True or False, got {value!r}")
    return bool(value)


def shuffling(value, argument="shuffle"):
    """Return True, False or "batch"; 1 and 0 are True and False."""
    if isinstance(value, str):
        if value == "batch":
            return "batch"
        raise ArgumentError(f"{argument}: expected True, False or 'batch', got {value!r}")
    return boolean(value, argument)


def number(value, argument, low=-np.inf, high=np.inf):
    """Return a finite number with low <= number <= high, as a float."""
    if type(value) is float and low <= value <= high and math.isfinite(value):
        return value
    try:
        if isinstance(value, (bool, np.bool_, str, bytes)) or np.ndim(value) != 0:
            raise TypeError
        result = float(value)
    except OverflowError:  # a whole number that no float holds
        result = np.inf
    except (TypeError, ValueError):
        raise DataTypeError(f"{argument}: expected a number, got {value!r}") from None
    if not (low <= result <= high and np.isfinite(result)):
        between = f"from {low:g} to {high}" if np.isfinite(high) else f"of at least {low:g}"
        bound = between if np.isfinite(low) else "that is finite"
        raise ArgumentError(f"{argument}: expected a number {bound}, got {value!r}")
    return result


def optional_function(value, argument):
    """Return None, or a callable."""
    if value is not None and not callable(value):
        raise DataTypeError(f"{argument}: expected a function, got {value!r}")
    return value


def row_shape(shape, argument="input_shape"):
    """Return the shape of one row as a tuple, from such as (10,) or 10."""
    given = shape if isinstance(shape, (tuple, list)) else (shape,)
    sizes = [isinstance(d, (int, np.integer)) and not isinstance(d, bool) for d in given]
    if not given or not all(sizes) or min(given) < 1:
        raise ShapeError(
            f"{argument}: expected the shape of a row, such as (features,), with numbers of at "
            f"least 1, got {shape!r}"
        )
    check_size(argument, given)
    return tuple(map(int, given))


def batch_shape(shape, argument="input_shape"):
    """Return (None, d...) from a shape whose first number, or None, is that of the rows."""
    if not isinstance(shape, (tuple, list)) or len(shape) < 2:
        raise ShapeError(f"{argument}: expected (None, d, ...), got {shape!r}")
    return (None, *row_shape(shape[1:], argument))


def numeric(values, argument):
    """Return an ndarray of real numbers in this machine's byte order.

    Raise DataTypeError, DataError or ShapeError for anything else.

    Not copied if it is one.
    """
    array = values if isinstance(values, np.ndarray) else array_of(values, argument)
    if isinstance(array, np.ma.MaskedArray) and np.ma.is_masked(array):
        index = tuple(np.argwhere(np.ma.getmaskarray(array))[0])
        raise DataError(f"{argument}: the value{at(index)} is masked: fill it in first")
    if array.dtype.kind in "fiub":
        return native(array)
    if array.dtype.kind == "O":
        seen = f"objects{first_non_number(array, values)}"
    else:
        seen = {"U": "text", "S": "text", "c": "complex numbers"}.get(array.dtype.kind)
        seen = f"{seen} ({array.dtype})" if seen else str(array.dtype)
    raise DataTypeError(f"{argument}: expected an array of numbers, got {seen}")


def array_of(values, argument):
    """Return values of any kind as an ndarray."""
    if values is None:
        raise DataTypeError(f"{argument}: expected an array of numbers, got None")
    if not isinstance(values, (np.ndarray, list, tuple, int, float)):
        array = array_of_frame(values, argument)
        if array is not None:
            return array
    try:
        return np.asarray(values)
    except ValueError as error:
        raise ShapeError(f"{argument}: the rows have different lengths ({error})") from None


def prepared(array, dtype):
    """Return a numeric array as the engine reads it: this one if possible, else a copy."""
    if array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned:
        return array if type(array) is np.ndarray else array.view(np.ndarray)
    with np.errstate(over="ignore"):
        return np.array(array, dtype=dtype, order="C", subok=False)


def check_finite(engine, array, original, argument, given=None, chosen=None):
    """Raise a DataError that says where the first NaN or infinity of a prepared array stands.

    ``given`` is what the user passed in; a frame's columns are called by their names.
    ``chosen``: the numbers of the rows that are looked at, and counted.
    """
    index = engine.first_nonfinite(array, chosen)
    if index < 0:
        return
    count = len(array) if chosen is None else len(chosen)
    where = np.unravel_index(index, (count, *array.shape[1:]))
    row = where[0] if chosen is None else chosen[where[0]]
    seen = original.reshape(array.shape)[(row, *where[1:])]
    reason = f"which is beyond {array.dtype}" if np.isfinite(seen) else "which is not finite"
    raise DataError(f"{argument}: {seen}{at(where)}{column_name(given, where)}, {reason}")


def matrix(values, width, dtype, engine, argument="x", consumer="the model", chosen=None):
    """Return rows of ``width`` features, (n, width); (n,) is taken for (n, 1).

    chosen: the numbers of the rows that have to be finite; by default all.
    """
    original = numeric(values, argument)
    if original.ndim == 1 and width == 1:
        original = original.reshape(-1, 1)
    if original.ndim != 2:
        hint = ""
        if original.ndim == 1 and original.size == width:
            hint = f"; for one row, give {argument}[None, :]"
        raise ShapeError(
            f"{argument}: expected 2 dimensions (rows, {width}), "
            f"got shape {original.shape}{hint}"
        )
    if original.shape[1] != width:
        raise ShapeError(
            f"{argument}: {consumer} expects {width} columns, got shape {original.shape}"
        )
    array = prepared(original, dtype)
    check_finite(engine, array, original, argument, values, chosen)
    return array


def is_prepared(x, width, dtype, engine):
    """Return whether x is what ``matrix`` would return: one look at the usual case."""
    return (
        type(x) is np.ndarray
        and x.dtype is dtype
        and x.ndim == 2
        and x.shape[1] == width
        and x.flags.c_contiguous
        and x.flags.aligned
        and engine.first_nonfinite(x) < 0
    )


def rows(values, shape, dtype, engine, argument="x", consumer="the model", chosen=None):
    """Return rows of a shape (None, d...), each flat: (n, product of d...); see matrix."""
    if len(shape) == 2:
        return matrix(values, shape[1], dtype, engine, argument, consumer, chosen)
    original = numeric(values, argument)
    if original.shape[1:] != shape[1:] or original.ndim != len(shape):
        raise ShapeError(
            f"{argument}: {consumer} expects shape {shape}, got shape {original.shape}"
        )
    array = prepared(original, dtype)
    check_finite(engine, array, original, argument, chosen=chosen)
    return array.reshape(len(array), math.prod(shape[1:]))


def same_length(x, y, x_name="x", y_name="y"):
    """Raise unless there are as many rows of y as of x, and at least one."""
    if len(x) != len(y):
        raise ShapeError(
            f"{x_name} and {y_name} have different numbers of rows: {len(x)} and {len(y)}"
        )
    if len(x) == 0:
        raise DataError(f"{x_name}: there are no rows")


def targets(values, width, loss, dtype, engine, argument="y"):
    """Return targets for an output of ``width``: (n, width), or class numbers (n, 1) if sparse.

    (n,) is taken for (n, 1) and never broadcast against other outputs.
    """
    original = numeric(values, argument)
    shape = original.shape
    if original.ndim == 1:
        original = original.reshape(-1, 1)
    if loss.code == Loss.LOSS_NONE and original.ndim == 2:  # a Python function takes any number
        loss.columns = original.shape[1]
    columns = loss.target_columns(width)
    if original.ndim != 2 or original.shape[1] != columns:
        hint = ""
        if columns > 1 and original.shape[1:] == (1,) and loss.target_range == (0, 1):
            hint = "; for class numbers use sparse_categorical_crossentropy"
        elif loss.sparse and original.ndim == 2 and original.shape[1] == width:
            hint = "; for one-hot targets use categorical_crossentropy"
        raise ShapeError(
            f"{argument}: {loss.name} expects {columns} column{'s' if columns > 1 else ''} "
            f"for an output of width {width}, got shape {shape}{hint}"
        )
    array = prepared(original, dtype)
    check_finite(engine, array, original, argument, values)
    low, high = loss.target_range
    if loss.sparse:
        exact = original.dtype == dtype or original.dtype.kind in "iub"
        if not (exact and engine.all_between(array, low, high, width)):
            check_classes(original, width, argument, loss.ignore_class)
    elif (low, high) != (-np.inf, np.inf) and not engine.all_between(array, low, high):
        check_rows(
            (original < low) | (original > high),
            original,
            f"{argument}: {loss.name} expects targets from {low} to {high}",
        )
    return array


def check_classes(labels, classes, argument, ignored=None):
    """Whole numbers from 0 to classes - 1, or `ignored`, in (n,) or (n, 1)."""
    fine = (labels >= 0) & (labels < classes) & (labels == np.floor(labels))
    check_rows(
        ~(fine if ignored is None else fine | (labels == ignored)),
        labels,
        f"{argument}: expected class numbers from 0 to {classes - 1}",
    )


def check_rows(wrong, values, message):
    """Raise a DataError that names the first place where ``wrong`` holds."""
    if wrong.any():
        index = tuple(np.argwhere(wrong)[0])
        raise DataError(f"{message}, got {values[index]}{at(index)}")


def assign_all(variables, weights, owner):
    """Copy arrays into variables, or raise before any of them is changed."""
    if not isinstance(weights, (list, tuple)):
        raise DataTypeError(f"weights: expected a list of arrays, got {type(weights).__name__}")
    weights = [numeric(w, "weights") for w in weights]
    if len(weights) != len(variables):
        raise ShapeError(f"weights: {owner} has {len(variables)} arrays, got {len(weights)}")
    for variable, new in zip(variables, weights, strict=True):
        if new.shape != variable.shape:
            raise ShapeError(
                f"weights: {variable.name!r} of {owner} has shape {variable.shape}, "
                f"got {new.shape}"
            )
    weights = [prepared(w, v.dtype) for v, w in zip(variables, weights, strict=True)]
    for variable, new in zip(variables, weights, strict=True):
        check_rows(
            ~np.isfinite(new), new, f"weights: {variable.name!r} of {owner} has to be finite"
        )
    for variable, new in zip(variables, weights, strict=True):
        variable.assign(new)


def row_numbers(values, count, argument="rows"):
    """Return numbers of rows from 0 to count - 1, at least one: int64 (m,), a copy.

    The engine follows them without a check, so that the user must not hold them.
    """
    array = values
    if type(values) is not np.ndarray:
        array = np.asarray(values) if isinstance(values, range) else array_of(values, argument)
    if array.dtype.kind not in "iu" and array.size:
        hint = "; for a mask give np.flatnonzero(mask)" if array.dtype.kind == "b" else ""
        raise DataTypeError(f"{argument}: expected whole numbers, got {array.dtype}{hint}")
    if array.ndim != 1:
        raise ShapeError(f"{argument}: expected shape (m,), got {array.shape}")
    if array.size == 0:
        raise DataError(f"{argument}: there are no rows")
    array = np.array(array, order="C", subok=False)
    if count == 0:
        raise DataError(f"{argument}: x has no rows to choose from")
    low, high = array.min(), array.max()
    if low < 0 or high >= count:
        place = int(np.argmax((array < 0) | (array >= count)))
        raise ArgumentError(
            f"{argument}: expected numbers of rows from 0 to {count - 1}, "
            f"got {array[place]} at index {place}"
        )
    return array.astype(np.int64, copy=False)


def verbosity(value):
    """Return 0, 1, 2 or "auto"; True and False are 1 and 0."""
    if isinstance(value, (int, str)) and value in ("auto", 0, 1, 2):
        return value if value == "auto" else int(value)
    raise ArgumentError(f"verbose: expected 0, 1, 2 or 'auto', got {value!r}")


def sample_weights(values, rows, dtype, engine, argument="sample_weight"):
    """Return a weight of at least 0 for each row, (rows,); (rows, 1) is taken too."""
    original = numeric(values, argument)
    if original.shape not in ((rows,), (rows, 1)):
        raise ShapeError(
            f"{argument}: expected one weight for each of {rows} rows, "
            f"got shape {original.shape}"
        )
    original = original.reshape(-1)
    array = prepared(original, dtype)
    check_finite(engine, array, original, argument)
    if rows and array.min() <= 0:
        check_rows(original < 0, original, f"{argument}: expected weights of at least 0")
        warn_of_underflow(array, original, argument)
    return array


def warn_of_underflow(weights, wanted, argument):
    """Warn if weights are 0 in their data type that are to be more than 0."""
    lost = (weights == 0) & (wanted > 0)
    if lost.any():
        index = tuple(np.argwhere(lost)[0])
        warn(
            f"{argument}: a weight of {wanted[index]:g} at row {index[0]} is 0 in "
            f"{weights.dtype}: multiply all weights by a number, or use float64"
        )


def check_not_negative(weights, argument="sample_weight"):
    """Raise a DataError if a weight is below 0."""
    if (weights < 0).any():
        first = weights[weights < 0].flat[0]
        raise DataError(f"{argument}: expected weights of at least 0, got {first}")


def class_weights(given, classes, argument="class_weight"):
    """Return a checked dict of class number -> weight; ``classes`` is their number, or None."""
    if not isinstance(given, dict):
        expected = "a dict of class -> weight, or 'balanced' in fit"
        raise DataTypeError(f"{argument}: expected {expected}, got {given!r}")
    checked = {}
    for label, weight in given.items():
        label = whole_number(label, f"{argument}: a class", 0)
        if classes is not None and label >= classes:
            raise ArgumentError(f"{argument}: there are {classes} classes, got class {label}")
        checked[label] = number(weight, f"{argument} of class {label}", 0)
    return checked


def frequency(value, argument):
    """Return a function of an epoch, from 0: true every so many, or for some."""
    if isinstance(value, (list, tuple, set, frozenset, range)):
        chosen = {positive_int(v, argument) for v in value}
        return lambda epoch: epoch + 1 in chosen
    every = positive_int(value, argument)
    return lambda epoch: (epoch + 1) % every == 0
