"""Choose rows by their numbers, of arrays that many models share."""

import threading

import numpy as np

from fastgd._data.validation import numeric, prepared, row_numbers
from fastgd.errors import ShapeError


class RowSubset:
    """Choose some rows of data.

    Parameters
    ----------
    rows : array of int, shape (m,)
        Their numbers, in any order; one may be there more than once.
    x : array, or list or dict of arrays
        What they are rows of.
    argument : str
        For messages.

    Attributes
    ----------
    rows : ndarray of int64
    """

    def __init__(self, rows, x, argument="rows"):
        self._count = row_count(x)
        self.rows = row_numbers(rows, self._count, argument)

    def of(self, values, argument, several=False):
        """Return a copy of the rows of an array, or of each in a dict or list of `several`."""
        if isinstance(values, dict):
            return {name: self.of(v, f"{argument}[{name!r}]") for name, v in values.items()}
        if isinstance(values, (list, tuple)) and (several or _is_array_in_a_list(values)):
            return [self.of(v, f"{argument}[{i}]") for i, v in enumerate(values)]
        array = numeric(values, argument)
        if array.shape[:1] != (self._count,):
            raise ShapeError(
                f"{argument}: expected {self._count} rows, as x has, got shape {array.shape}"
            )
        return array[self.rows]


class Shared:
    """Hold data that many models read: convert them once for each data type.

    ``fit``, ``evaluate`` and ``predict`` take one for x and for y. Numbers are checked at each
    use.

    Parameters
    ----------
    values : array, frame or list
        Must not change as long as this object lives. An array of the models' data type that is
        C-contiguous is not copied.
    argument : str
        For messages.

    Attributes
    ----------
    values, argument
        As they were given.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> x = Shared(np.ones((8, 2)))
    >>> model = Sequential([layers.Dense(1)])
    >>> model.predict(x, rows=[0, 3]).shape
    (2, 1)
    >>> x.of("float32") is x.of("float32")
    True
    """

    def __init__(self, values, argument="x"):
        self.values = values
        self.argument = argument
        self._array = None
        self._converted = {}
        self._lock = threading.Lock()

    def __len__(self):
        return len(self.values)

    def __reduce__(self):
        return Shared, (self.values, self.argument)

    def of(self, dtype):
        """Return the array of a data type: the same each time.

        A memory map is left as it is. So are values of which some are not finite in this type:
        a model that reads these says where they stand, and what they were.

        Raises
        ------
        DataTypeError, DataError, ShapeError
            For values that are no array of numbers.
        """
        dtype = np.dtype(dtype)
        if isinstance(self.values, np.memmap):
            return self.values
        with self._lock:  # the others wait, rather than do the same
            if dtype not in self._converted:
                self._converted[dtype] = self._made(dtype)
            return self._converted[dtype]

    def release(self):
        """Forget what was converted; the next call makes it anew."""
        with self._lock:
            self._array = None
            self._converted.clear()

    def _made(self, dtype):
        if self._array is None:
            self._array = numeric(self.values, self.argument)
        array = prepared(self._array, dtype)
        fine = array is self.values or np.isfinite(array).all()
        return array if fine else self.values


def shareable(x, dtype):
    """Return whether the engine can read rows of x where they are."""
    return (
        type(x) in (np.ndarray, np.memmap)
        and x.dtype == dtype
        and x.flags.c_contiguous
        and x.flags.aligned
    )


def row_count(x):
    """Return the number of rows of data, a list or dict of arrays too; 0 if it has none."""
    while isinstance(x, dict) and x:
        x = next(iter(x.values()))
    if isinstance(x, (list, tuple)) and x and getattr(x[0], "ndim", 0) > 1:
        x = x[0]  # of several inputs
    try:
        return len(x)
    except TypeError:  # also of an array without dimensions
        return 0


def _is_array_in_a_list(values):
    return len(values) == 1 and getattr(values[0], "ndim", 0) > 1
