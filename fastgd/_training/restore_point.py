"""Keep a state of training to go back to when it diverges."""

import numpy as np

#: The rows to train on between two copies: the copy then costs less than a hundredth of that.
ROWS_BETWEEN_COPIES = 8192


class RestorePoint:
    """Keep the state that the epoch with the lowest loss began with.

    The last finite weights may be far away already, and the optimizer's momentum, too. The loss
    of an epoch says how good the state was that it began with.

    Parameters
    ----------
    step : CompiledStep
    """

    def __init__(self, step):
        state = step.state()
        self._live = step.assembly.parameters, state.slots, state.iterations
        self._best = None
        self._latest = [array.copy() for array in self._live]
        self._judged = False
        self._lowest = np.inf
        self._rows = 0

    def begin_epoch(self):
        """Copy the state, if enough has been trained since the latest copy."""
        if self._rows < ROWS_BETWEEN_COPIES:
            return
        if self._latest is None:
            self._latest = [np.empty_like(array) for array in self._live]
        for copy, array in zip(self._latest, self._live, strict=True):
            copy[...] = array
        self._rows, self._judged = 0, False

    def epochs_left(self, rows):
        """Return how many epochs of so many rows begin without a copy, and the one before."""
        return max(1, -((self._rows - ROWS_BETWEEN_COPIES) // max(rows, 1)))

    def end_epoch(self, loss, rows):
        """Keep the state that was copied last, if it was the best one."""
        self._rows += int(rows)
        if not self._judged and loss <= self._lowest:
            self._best, self._latest = self._latest, self._best
            self._lowest = loss
        self._judged = True

    def restore(self):
        """Go back to the best state, or to the first one if no epoch has ended."""
        kept = self._latest if self._best is None else self._best
        for array, copy in zip(self._live, kept, strict=True):
            array[...] = copy
