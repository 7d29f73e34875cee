"""The codes and the row layout that the builder and the engines share (see types.pxd)."""

import numpy as np

cdef Row _row
cdef LossTerm _loss
cdef MetricTerm _metric
#: The NumPy data types of a row of the layer table, a loss and a metric, taken from the C structs.
ROW = np.asarray(<Row[:1]> &_row).dtype
LOSS_TERM = np.asarray(<LossTerm[:1]> &_loss).dtype
METRIC_TERM = np.asarray(<MetricTerm[:1]> &_metric).dtype

cdef PenaltyRow _penalty_row
cdef ConstraintRow _constraint_row
#: The same of a penalty and of a constraint.
PENALTY_ROW = np.asarray(<PenaltyRow[:1]> &_penalty_row).dtype
CONSTRAINT_ROW = np.asarray(<ConstraintRow[:1]> &_constraint_row).dtype

cdef Segment _segment
cdef Options _options
#: Those of a trained variable, and of what an optimizer does beyond its own formula.
SEGMENT = np.asarray(<Segment[:1]> &_segment).dtype
OPTIONS = np.asarray(<Options[:1]> &_options).dtype

#: Sums of squares are taken over blocks of so many elements of a variable.
NORM_BLOCK = 1024

#: Flat vectors have room for this many elements behind them: the engine reads whole tiles.
PADDING = 64

#: Where the sums of the loss terms start in the totals, see Plan.
TERM_TOTALS = 2
