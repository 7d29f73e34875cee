"""Validate the averaged weights of a training."""

from fastgd._data.validation import boolean
from fastgd._typing import Array, Logs
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class SwapEMAWeights(Callback):
    """Put the optimizer's averages of the weights into the model while it is evaluated.

    Validation, ``evaluate`` and ``predict`` use the averages, and training goes on with the
    weights themselves.

    Parameters
    ----------
    swap_on_epoch : bool
        The model holds the averages in ``on_epoch_end`` too, for the callbacks that come after
        this one, such as a ModelCheckpoint.

    Raises
    ------
    ArgumentError
        If the optimizer keeps no averages (``use_ema=True``).
    """

    def __init__(self, swap_on_epoch: bool = False) -> None:
        super().__init__()
        self.swap_on_epoch = boolean(swap_on_epoch, "swap_on_epoch")
        self._weights: Array | None = None

    def _put_in(self, logs: Logs | None = None) -> None:
        if self._weights is not None:
            return
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ArgumentError(
                "SwapEMAWeights: the optimizer has to be made with use_ema=True"
            )
        # a copy, not a swap: however the training ends, the averages stay what they are
        self._weights = self.model.parameters.copy()
        optimizer.finalize_variable_values(self.model.assembly().trained)

    def _take_out(self, logs: Logs | None = None) -> None:
        if self._weights is not None:
            self.model.parameters[:] = self._weights
            self._weights = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self._weights = None

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._take_out()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self._weights = None  # fit has replaced the weights by the averages

    on_test_begin = on_predict_begin = _put_in
    on_test_end = on_predict_end = _take_out
