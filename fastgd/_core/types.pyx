"""Define the codes and row layouts that the Python side and the engine share (see types.pxd)."""

import numpy as np


cdef dtype_of(fields, size_t size):
    """Return the NumPy data type of a C struct of int64_t and double, given Cython's dict of it."""
    dtype = np.dtype([
        (name, np.int64 if isinstance(value, int) else np.float64)
        for name, value in fields.items()
    ])
    assert dtype.itemsize == size
    return dtype


cdef Row _row
cdef LossTerm _loss
cdef MetricTerm _metric
cdef PenaltyRow _penalty_row
cdef ConstraintRow _constraint_row
cdef Segment _segment
cdef Options _options
#: The NumPy data types of a row of the layer table, a loss, a metric, a penalty, a constraint, a
#: trained variable, and the options of any optimizer, taken from the C structs.
ROW = dtype_of(_row, sizeof(Row))
LOSS_TERM = dtype_of(_loss, sizeof(LossTerm))
METRIC_TERM = dtype_of(_metric, sizeof(MetricTerm))
PENALTY_ROW = dtype_of(_penalty_row, sizeof(PenaltyRow))
CONSTRAINT_ROW = dtype_of(_constraint_row, sizeof(ConstraintRow))
SEGMENT = dtype_of(_segment, sizeof(Segment))
OPTIONS = dtype_of(_options, sizeof(Options))

#: Elements of a variable in a block of a sum of squares.
NORM_BLOCK = 1024
#: Elements of room behind a flat vector: the engine reads whole tiles.
PADDING = 64
#: Index of the first loss term's sums in the totals, see Plan.
TERM_TOTALS = 2
#: Sums in the totals of a loss of whole batches, before one for each output: see loss_batches.pxi.
BATCH_SUMS = 4
