"""Turn a row with named values into an array, in River's manner."""

import numpy as np

from fastgd._data.arguments import choice
from fastgd._data.validation import number, numeric
from fastgd.errors import ArgumentError, DataTypeError, ShapeError

#: What may become of a name that no column has.
UNKNOWN = ("raise", "ignore")


class NamedRows:
    """Know the names of a model's columns, and give rows that are dicts their order.

    A name gets the next free input when it is first seen.

    Attributes
    ----------
    names : list of str, or None
        In the order of the columns; for several inputs a dict of input -> names.
    """

    def __init__(self, names=None):
        self.names = names
        self._places = {}  # name -> input, of the names that came last

    def row(self, x, width, dtype, unknown="raise"):
        """Return a dict as an array, and the names of the inputs after it.

        Parameters
        ----------
        x : dict of name -> number
        width : int or None
            The number of inputs; None where the first dict decides.
        dtype : numpy.dtype
        unknown : {"raise", "ignore"}
            What becomes of a new name when every input has one.

        Raises
        ------
        ArgumentError
            For such a name, unless it is to be ignored.
        """
        names = self.names
        ignore = (type(unknown) is not str or unknown != "raise") and ignores(unknown)
        places = self._places
        if names is None or list(places) != names:
            places = {name: place for place, name in enumerate(names or ())}
        new = x.keys() - places.keys()
        if new or names is None:
            names = [*places, *(name for name in x if name in new)]
            if ignore and width is not None:
                names = names[: max(width, len(places))]
            places = {name: place for place, name in enumerate(names)}
        if width is None:
            width = len(names)
        elif len(names) > width:
            raise ArgumentError(
                f"x: the model has {width} inputs, named {names[:width]}: there is none "
                f"for {names[width]!r}; unknown_features='ignore' leaves it out"
            )
        self._places = places
        row = np.zeros(width, dtype)
        for name, value in x.items():
            place = places.get(name)
            if place is None:  # it is ignored
                continue
            try:
                row[place] = value
            except (TypeError, ValueError):
                row[place] = number(value, f"x[{name!r}]")  # says what is wrong
        return row, names


def named(x):
    """Return a row whose values have names, as a Series of pandas, as a dict; others as is."""
    if type(x) is np.ndarray or getattr(x, "ndim", 0) != 1 or not hasattr(x, "to_dict"):
        return x
    return x.to_dict() if all(isinstance(name, str) for name in x.index) else x


def row_of_numbers(x, dtype):
    """Return a row that is no dict as an array (features,)."""
    if type(x) is np.ndarray and x.ndim == 1 and x.dtype == dtype:
        return x
    row = numeric(x, "x")
    if row.ndim != 1:
        raise ShapeError(f"x: expected one row (features,), got shape {row.shape}")
    return row


def ignores(unknown):
    """Return whether names that no column has are left out; refuse what says nothing of it."""
    return choice(unknown, "unknown_features", UNKNOWN) == "ignore"


def checked_names(names, argument="feature_names"):
    """Return the names of columns as a list, or a dict of such for several inputs, or None."""
    if names is None:
        return None
    if isinstance(names, dict):
        return {of: checked_names(each, f"{argument}[{of!r}]") for of, each in names.items()}
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise DataTypeError(f"{argument}: expected a list of names, got {names!r}")
    names = list(names)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ArgumentError(f"{argument}: {twice!r} is there more than once")
    return names
