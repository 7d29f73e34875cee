"""Checks of what users pass to a linear model, which make it a problem for solvers."""

from typing import Any, NamedTuple

import numpy as np

from fastgd import config
from fastgd._data.frames import column_names
from fastgd._data.validation import number, numeric, whole_number
from fastgd._engine import builds
from fastgd.errors import ArgumentError, ShapeError
from fastgd.linear.data import rows_of, targets, weights_of
from fastgd.linear.objective import LOSSES, REGRESSIONS, Problem


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

    def prepare(self, x, y, sample_weight, classes=None, whole=True):
        """Check rows, targets and weights: Prepared.

        whole: whether these are all rows, so that the weights need a finite mean.
        """
        rows = rows_of(x, self.dtype, None if self.shape is None else self.shape[1])
        names = matching_names(x, self.names)
        if classes is not None:
            classes = _class_count(classes)
            if self.loss in REGRESSIONS:
                raise ArgumentError(f"classes: {self.loss} is a loss of numbers, it has none")
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
        )  # fmt: skip
        return Prepared(problem, classes, names)


def matching_names(x, known):
    """Return the names of the columns of x, or `known` if x has none; they have to agree."""
    names = column_names(x)
    if None not in (names, known) and names != known:
        raise ArgumentError(f"x: expected the columns {known}, in this order, got {names}")
    return known if names is None else names


def row_of(x, names, width, dtype):
    """Return (row (d,), names) of a dict, or of anything else that is numbers.

    width: the number of columns that the model expects, or None.
    """
    dtype = dtype or np.float64
    if not isinstance(x, dict):
        return numeric(x, "x").astype(dtype), names
    if names is None:
        names = tuple(x)
        if width is not None and len(x) != width:
            raise ShapeError(f"x: the model expects {width} columns, got {len(x)}")
    unknown = x.keys() - set(names)
    if unknown:
        raise ArgumentError(
            f"x: no column is called {next(name for name in x if name in unknown)!r} "
            f"(there are: {', '.join(map(str, names))})"
        )
    values = [x.get(name, 0.0) for name in names]
    try:
        return np.array(values, dtype), names
    except (TypeError, ValueError):
        for name, value in zip(names, values, strict=True):
            number(value, f"x[{name!r}]")
        raise


def check_row(x, width):
    """Refuse what is not one row (width,); a width of None allows any."""
    if x.ndim != 1:
        raise ShapeError(f"x: expected one row (columns,), got shape {x.shape}")
    if width is not None and len(x) != width:
        raise ShapeError(f"x: the model expects {width} columns, got {len(x)}")


def _class_count(classes):
    """Return the number of classes, given as such or as all class numbers from 0 on."""
    if np.ndim(classes) == 0:
        return whole_number(classes, "classes", 2)
    count = len(np.unique(classes))
    if count < 2 or not np.array_equal(np.unique(classes), np.arange(count)):
        raise ArgumentError(
            f"classes: expected their number, or the numbers 0, 1 ..., got {classes!r}"
        )
    return count
