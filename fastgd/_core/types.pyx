"""The codes and the row layout that the builder and the engines share (see types.pxd)."""

import numpy as np

cdef Row _row
#: The NumPy data type of one row of a layer table, taken from the C struct itself.
ROW = np.asarray(<Row[:1]> &_row).dtype

cdef PenaltyRow _penalty_row
cdef ConstraintRow _constraint_row
#: The same of a penalty and of a constraint.
PENALTY_ROW = np.asarray(<PenaltyRow[:1]> &_penalty_row).dtype
CONSTRAINT_ROW = np.asarray(<ConstraintRow[:1]> &_constraint_row).dtype

#: Flat vectors have room for this many elements behind them: the engine reads whole tiles.
PADDING = 64
