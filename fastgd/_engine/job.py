"""A part of an epoch: what a source of rows gives, and an engine trains on."""

from dataclasses import dataclass
from typing import Any


@dataclass(slots=True)
class Part:
    """The steps first ... last - 1 of an epoch, over some arrays.

    Attributes
    ----------
    x, y : ndarray, shapes (n, inputs) and (n, targets)
        y is None for a prediction. With `rows`, x may have more rows than y.
    order : ndarray of int64, shape (n,), or None
        Room for the order of the rows, which the engine fills at step 0 from ``key``; None is
        their own.
    key : int
        The stream that this part's random numbers come from, 64 bits.
    batch_size, first, last : int
    rows : ndarray of int64, shape (n,), or None
        The row of x that belongs to each row of y; None where they are all the rows of x.
    rates : ndarray of float64, shape (1,) or (last,), or None
        The learning rate, or that of each step; it is set before the engine trains.
    """

    x: Any
    y: Any
    order: Any
    key: int
    batch_size: int
    first: int = 0
    last: int = 1
    rows: Any = None
    rates: Any = None

    @property
    def count(self):
        """How many rows there are."""
        return len(self.x if self.rows is None else self.rows)
