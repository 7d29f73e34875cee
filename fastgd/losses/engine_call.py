"""Call a user-defined loss from within a program."""

import threading
from typing import Any

import numpy as np

from fastgd._typing import Array


class LossCall(threading.local):
    """Call a user-defined loss for an engine's ``Program``.

    The rows of an evaluation are kept for a loss that gives one number for a batch: it is
    called once for all of them, so that the number does not depend on blocks and batches. Each
    thread has rows of its own.

    Parameters
    ----------
    loss : Loss
    """

    def __init__(self, loss: Any):
        self.loss = loss
        self.rows: list[tuple[Array, Array]] = []

    def values_and_slopes(self, y: Array, p: Array, weighted: bool) -> tuple[Array, Array]:
        """Return what the loss returns for a training batch."""
        return self.loss.values_and_slopes(y, p, weighted)

    def values(self, y: Array, p: Array, weighted: bool) -> tuple[Array, Array]:
        """Return the losses of rows that are evaluated; zeros where they are kept."""
        if self.loss.couples_rows is None and len(p) == 1:  # one row does not show it, two do
            self.loss.values_and_slopes(np.repeat(y, 2, 0), np.repeat(p, 2, 0), weighted)
        if not self.loss.couples_rows or weighted:
            found = self.loss.values_and_slopes(y, p, weighted)  # after it, this is known
            if not self.loss.couples_rows:
                return found
        self.rows.append((y, p))
        return np.zeros(len(p), p.dtype), np.zeros_like(p)

    def total(self) -> float:
        """Return the loss of all rows that are kept, times their number."""
        y, p = (np.concatenate(parts) for parts in zip(*self.rows, strict=True))
        self.rows = [(y, p)]
        values, _ = self.loss.values_and_slopes(y, p, False)
        return float(values[0]) * len(values)
