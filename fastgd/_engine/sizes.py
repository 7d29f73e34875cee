"""Refuse arrays that cannot be, before anything is allocated."""

import functools
import math
import operator
import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from fastgd.errors import ShapeError

#: Bytes of an element; initial values are computed in double precision.
ITEM = 8
#: Bytes that the description of a training and its result take at least.
JOB = 1024


@functools.cache
def memory() -> int:
    """Return the bytes of this machine's memory, or as many as a CPU can address."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):  # a system that does not tell
        return 2**47


def most_jobs() -> int:
    """Return how many trainings the memory can hold the descriptions of."""
    return memory() // JOB


def check_size(what: str, shape: Sequence[int]) -> None:
    """Raise a ShapeError for an array that is larger than the memory."""
    if math.prod(shape) * ITEM > memory():
        need, have = math.prod(shape) * ITEM // 2**30, memory() / 2**30
        raise ShapeError(
            f"{what}: expected an array that fits into the {have:.3g} GiB of this machine's "
            f"memory, got the shape {tuple(shape)} of {need:,} GiB"
        )


def array_shape(shape: Any, argument: str = "shape") -> tuple[int, ...]:
    """Return the shape of an array to be made, or raise a ShapeError; n stands for (n,)."""
    try:
        sizes = tuple(map(operator.index, shape if np.iterable(shape) else (shape,)))
    except TypeError:
        sizes = (-1,)
    if sizes and min(sizes) < 0:
        raise ShapeError(
            f"{argument}: expected whole numbers of at least 0, as in (2, 3), got {shape!r}"
        )
    check_size(argument, sizes)
    return sizes
