"""Define how a model knows the ranges of its training data: methods of Model."""

from typing import Any

import numpy as np

from fastgd._data.ranges import ranges_of, refuse_outside
from fastgd._data.user_data import Batching, UserData
from fastgd._engine.plan import width_of
from fastgd._typing import Data
from fastgd.errors import ArgumentError, ShapeError

#: So many rows at a time, where they are read from a file or chosen.
BLOCK_ROWS = 4096


def keep_ranges(self: Any, x: Data, *, rows: Data = None) -> None:
    """Note the range of each input column, for ``predictor(check=True)``.

    They replace those noted before. They are of the data, not of the weights: training, new
    weights and a new ``compile`` leave them, and files, copies and clones of the model have
    them, too. Training never notes them by itself.

    Parameters
    ----------
    x : array, frame, or source of batches
        The rows that the model was trained on, as for ``fit``. Of batches with targets only x
        is used; a generator has to end.
    rows : array of int, shape (m,), optional
        Only these rows of x, as for ``fit``.

    Raises
    ------
    ShapeError, DataTypeError, DataError, ArgumentError
        As ``predict``; then ranges that were noted before stay.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Dense(1, input_shape=(2,))])
    >>> model.keep_ranges(np.array([[18.0, 0.0], [90.0, 5.0]]))
    >>> model.ranges.low, model.ranges.high
    (array([18.,  0.], dtype=float32), array([90.,  5.], dtype=float32))
    """
    data = UserData(x, rows=rows)
    adapter = self.adapter(data)
    source, example = adapter.prepare_inputs(data, Batching(BLOCK_ROWS))
    self.build_by(adapter, example, source.rows)
    ranges = ranges_of(block for job in source.once() for block in _blocks(job))
    if data.names is not None:
        self.feature_names = data.names
    self.ranges = ranges


def _blocks(job):
    """Yield the rows of a job, without a copy of all."""
    if job.rows is None:
        yield job.x
        return
    for start in range(0, len(job.rows), BLOCK_ROWS):
        yield job.x[job.rows[start : start + BLOCK_ROWS]]


def bounds(model: Any) -> Any:
    """Return (low, high, refuse) for the engine's Predictor, which has them to itself.

    Raises
    ------
    ArgumentError
        If the model knows no ranges.
    ShapeError
        If they are of other inputs.
    """
    if model.ranges is None:
        raise ArgumentError(
            f"check: model {model.name!r} knows no ranges of its training data: "
            "call keep_ranges(x)"
        )
    signature = model.adapter().signature
    inputs = dict(zip(signature.input_names, signature.input_shapes, strict=True))
    width, seen = sum(map(width_of, signature.input_shapes)), len(model.ranges.low)
    if seen != width:
        raise ShapeError(
            f"check: the ranges are of {seen} columns, the model has {width}: call "
            "keep_ranges(x) anew"
        )
    low, high = (np.array(each, signature.dtype) for each in model.ranges)
    columns, ranges = model._named_rows, model.ranges

    def refuse(rows):
        refuse_outside(ranges, inputs, columns.names, rows)

    return low, high, refuse
