"""The codes and the row layout that the builder and the engines share (see types.pxd)."""

import numpy as np

cdef Row _row
#: The NumPy data type of one row of a layer table, taken from the C struct itself.
ROW = np.asarray(<Row[:1]> &_row).dtype

#: Flat vectors have room for this many elements behind them: the engine reads whole tiles.
PADDING = 64
