"""Allocate arrays as the engine reads them: aligned to cache lines, in native byte order."""

import numpy as np

#: Bytes of a cache line, and of the widest vector that the engine is compiled for.
LINE = 64
#: Below so many bytes np.zeros costs more time, as it gives the interpreter's lock to another
#: thread, than it saves by not writing to the memory (two threads in benchmarks/test_many.py).
SMALL = 65536


def aligned_zeros(size, dtype, behind=0):
    """Return zeros, shape (size,), with room for `behind` more elements after them."""
    size_in_bytes = (size + behind) * np.dtype(dtype).itemsize
    if size_in_bytes < SMALL:
        block = np.ndarray(size_in_bytes + LINE, np.uint8, bytearray(size_in_bytes + LINE))
    else:
        block = np.zeros(size_in_bytes + LINE, np.uint8)
    start = -block.__array_interface__["data"][0] % LINE
    return block[start : start + size_in_bytes].view(dtype)[:size]


def aligned_rows(rows, size, dtype):
    """Return zeros, shape (rows, size); each row begins on a cache line."""
    items = LINE // np.dtype(dtype).itemsize
    stride = -(-size // items) * items
    return aligned_zeros(rows * stride, dtype).reshape(rows, stride)[:, :size]


def native(array):
    """Return an array in this machine's byte order, the only one that the engine reads."""
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))
