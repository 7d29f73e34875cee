"""Keep a state of training to go back to when it diverges."""

import math

#: The rows to train on between two copies: the copy then costs less than a hundredth of that.
ROWS_BETWEEN_COPIES = 8192


class RestorePoint:
    """Keep the state that the epoch with the lowest loss began with.

    The last finite weights may be far away already, and the optimizer's momentum, too. The loss
    of an epoch says how good the state was that it began with.

    Parameters
    ----------
    step : CompiledStep
    by_loss : bool
        False keeps the state of the latest copy instead: the losses of a private training are
        not private.
    """

    __slots__ = ("_best", "_by_loss", "_judged", "_latest", "_live", "_lowest", "_rows")

    def __init__(self, step, by_loss=True):
        self._by_loss = by_loss
        self._live = step.assembly.parameters, step.state()
        self._best, self._lowest = None, math.inf
        self._copy()

    def _copy(self):
        parameters, state = self._live
        self._latest = parameters.copy(), state.slots.copy(), state.iterations.item()
        self._judged, self._rows = False, 0

    def begin_epoch(self):
        """Copy the state, if enough has been trained since the latest copy."""
        if self._rows >= ROWS_BETWEEN_COPIES:
            self._copy()

    def epochs_left(self, rows):
        """Return how many epochs of so many rows begin without a copy, and the one before."""
        return (ROWS_BETWEEN_COPIES - self._rows - 1) // (rows or 1) + 1

    def end_epoch(self, loss, rows):
        """Keep the state that was copied last, if it was the best one."""
        self._rows += int(rows)
        if not self._judged and (loss <= self._lowest or not self._by_loss):
            self._best, self._lowest = self._latest, loss
        self._judged = True

    def restore(self):
        """Go back to the best state, or to the first one if no epoch has ended."""
        parameters, state = self._live
        best = self._best or self._latest
        parameters[...], state.slots[...], state.iterations[...] = best
