"""Ending a training that has left the finite numbers."""

from fastgd._data.validation import boolean
from fastgd._training.progress import say
from fastgd.callbacks.callback import Callback


class TerminateOnNaN(Callback):
    """Ends the training quietly where it would end in a DivergenceError.

    The model keeps the last finite weights, and the ``"loss"`` of the epoch is NaN. Without
    this callback, or with ``raise_error``, ``fit`` raises the error. The compiled loop looks at
    every loss by itself: no epoch is cut.

    Parameters
    ----------
    raise_error : bool
    """

    def __init__(self, raise_error=False):
        super().__init__()
        self.raise_error = boolean(raise_error, "raise_error")

    def on_train_diverged(self, error):
        if not self.raise_error:
            say(f"Batch {error.step}: {error}")
            self.model.stop_training = True
