"""Turn a row, a dict or another one, into an array; names of columns."""

from collections.abc import Mapping

import numpy as np

from fastgd._core.engine import plain_row
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
    names : tuple of str, or None
        In the order of the columns; for several inputs a dict of input -> names.
    """

    def __init__(self, names=None):
        self.names = names

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
        known = self.names or ()
        names = *known, *unknown_names(x, known)
        if ignores(unknown) and width is not None:
            names = names[: max(width, len(known))]
        if width is None:
            width = len(names)
        elif len(names) > width:
            raise ArgumentError(
                f"x: the model has {width} inputs, named {list(names[:width])}: there is none "
                f"for {names[width]!r}; unknown_features='ignore' leaves it out"
            )
        return values_by_name(x, names, width, dtype), names


def values_by_name(x, names, width, dtype):
    """Return the values of a dict as an array (width,), in the order of names, else 0."""
    row = plain_row(x, names, width, np.dtype(dtype), "ignore")
    if row is not None:
        return row
    row = np.zeros(width, dtype)
    for place, name in enumerate(names):
        try:
            with np.errstate(over="ignore"):
                row[place] = x.get(name, 0.0)
        except (TypeError, ValueError, OverflowError):
            row[place] = number(x[name], f"x[{name!r}]")  # says what is wrong
    return row


def unknown_names(x, names):
    """Return the keys of a dict that are not among names, in their order."""
    names = set(names)
    return [name for name in x if name not in names]


def named(x):
    """Return a row whose values have names as a dict; others as they are."""
    if type(x) is np.ndarray or type(x) is dict:
        return x
    if isinstance(x, Mapping):
        return dict(x.items())
    if getattr(x, "ndim", 0) != 1 or not hasattr(x, "to_dict"):
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
    if type(unknown) is str and unknown == "raise":
        return False
    return choice(unknown, "unknown_features", UNKNOWN) == "ignore"


def checked_names(names, argument="feature_names"):
    """Return the names of columns as a tuple, or a dict of such for several inputs, or None."""
    if names is None:
        return None
    if isinstance(names, dict):
        return {of: checked_names(each, f"{argument}[{of!r}]") for of, each in names.items()}
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        raise DataTypeError(f"{argument}: expected a list of names, got {names!r}")
    names = tuple(names)
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ArgumentError(f"{argument}: {twice!r} is there more than once")
    return names


def in_lists(names):
    """Return what ``checked_names`` gave as a list, or a dict of such, of the user's own."""
    if isinstance(names, dict):
        return {of: in_lists(each) for of, each in names.items()}
    return None if names is None else list(names)
