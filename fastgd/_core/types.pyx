"""The codes and the row layout that the builder and the engines share (see types.pxd)."""

import numpy as np


cdef dtype_of(fields, size_t size):
    """The NumPy data type of a C struct of int64_t and double, given as Cython's dict of it."""
    dtype = np.dtype([
        (name, np.int64 if isinstance(value, int) else np.float64)
        for name, value in fields.items()
    ])
    assert dtype.itemsize == size
    return dtype


cdef Row _row
cdef LossTerm _loss
cdef MetricTerm _metric
#: The NumPy data types of a row of the layer table, a loss and a metric, taken from the C structs.
ROW = dtype_of(_row, sizeof(Row))
LOSS_TERM = dtype_of(_loss, sizeof(LossTerm))
METRIC_TERM = dtype_of(_metric, sizeof(MetricTerm))

cdef PenaltyRow _penalty_row
cdef ConstraintRow _constraint_row
#: The same of a penalty and of a constraint.
PENALTY_ROW = dtype_of(_penalty_row, sizeof(PenaltyRow))
CONSTRAINT_ROW = dtype_of(_constraint_row, sizeof(ConstraintRow))

cdef Segment _segment
cdef Options _options
#: Those of a trained variable, and of what an optimizer does beyond its own formula.
SEGMENT = dtype_of(_segment, sizeof(Segment))
OPTIONS = dtype_of(_options, sizeof(Options))

#: Sums of squares are taken over blocks of so many elements of a variable.
NORM_BLOCK = 1024

#: Flat vectors have room for this many elements behind them: the engine reads whole tiles.
PADDING = 64

#: Where the sums of the loss terms start in the totals, see Plan.
TERM_TOTALS = 2
