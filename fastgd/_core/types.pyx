"""The codes and the row layout that the builder and the engines share (see types.pxd)."""

import numpy as np

cdef Row _row
#: The NumPy data type of one row of a layer table, taken from the C struct itself.
ROW = np.asarray(<Row[:1]> &_row).dtype

cdef Segment _segment
cdef Options _options
#: Those of a trained variable, and of what an optimizer does beyond its own formula.
SEGMENT = np.asarray(<Segment[:1]> &_segment).dtype
OPTIONS = np.asarray(<Options[:1]> &_options).dtype

#: Sums of squares are taken over blocks of so many elements of a variable.
NORM_BLOCK = 1024

#: Flat vectors have room for this many elements behind them: the engine reads whole tiles.
PADDING = 64
