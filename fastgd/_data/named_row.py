"""Turn a row with named values into an array, in River's manner."""

import numpy as np

from fastgd._data.validation import number
from fastgd.errors import ArgumentError, ShapeError


class NamedRows:
    """Give rows that are dicts the order of a model's inputs.

    A name gets the next free input when it is first seen.

    Attributes
    ----------
    names : list of str, or None
        The inputs' names in the order of the columns.
    """

    def __init__(self):
        self._places = {}  # name -> input, of the names that came last

    def row(self, x, names, width, dtype):
        """Return a row as an array, and the names of the inputs after it.

        Parameters
        ----------
        x : dict of name -> number, or array of shape (features,)
        names : list of str, or None
            Those known so far.
        width : int or None
            The number of inputs; None where the first dict decides.
        dtype : numpy.dtype

        Raises
        ------
        ArgumentError
            For a new name when every input has one.
        """
        if not isinstance(x, dict):
            if type(x) is np.ndarray and x.ndim == 1 and x.dtype == dtype:
                return x, names
            row = np.asarray(x)
            if row.ndim != 1:
                raise ShapeError(f"x: expected one row (features,), got shape {row.shape}")
            return row, names
        places = self._places
        if names is None or list(places) != names:
            places = {name: place for place, name in enumerate(names or ())}
        new = x.keys() - places.keys()
        if new or names is None:
            names = [*places, *(name for name in x if name in new)]
            places = {name: place for place, name in enumerate(names)}
        if width is None:
            width = len(names)
        elif len(names) > width:
            raise ArgumentError(
                f"x: the model has {width} inputs, named {names[:width]}: there is none "
                f"for {names[width]!r}"
            )
        self._places = places
        row = np.zeros(width, dtype)
        for name, value in x.items():
            try:
                row[places[name]] = value
            except (TypeError, ValueError):
                row[places[name]] = number(value, f"x[{name!r}]")  # says what is wrong
        return row, names
