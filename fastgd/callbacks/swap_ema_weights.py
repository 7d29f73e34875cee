"""Looking at the averaged weights of a training."""

from fastgd._data.validation import boolean
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class SwapEMAWeights(Callback):
    """Puts the optimizer's averages of the weights into the model where it is looked at.

    Validation, ``evaluate`` and ``predict`` then judge the averages, and training goes on with
    the weights themselves.

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

    def __init__(self, swap_on_epoch=False):
        super().__init__()
        self.swap_on_epoch = boolean(swap_on_epoch, "swap_on_epoch")
        self._weights = None

    def _put_in(self):
        if self._weights is not None:
            return
        optimizer = self.model.optimizer
        if not getattr(optimizer, "use_ema", False):
            raise ArgumentError(
                "SwapEMAWeights: the optimizer has to be made with use_ema=True"
            )
        # put aside, not swapped: however the training ends, the averages stay what they are
        self._weights = self.model.parameters.copy()
        optimizer.finalize_variable_values(self.model.network().trained)

    def _take_out(self):
        if self._weights is not None:
            self.model.parameters[:] = self._weights
            self._weights = None

    def on_train_begin(self, logs=None):
        self._weights = None

    def on_epoch_begin(self, epoch, logs=None):
        self._take_out()

    def on_epoch_end(self, epoch, logs=None):
        if self.swap_on_epoch:
            self._put_in()

    def on_train_end(self, logs=None):
        self._weights = None  # fit has put the averages in for good

    def on_test_begin(self, logs=None):
        self._put_in()

    def on_test_end(self, logs=None):
        self._take_out()

    def on_predict_begin(self, logs=None):
        self._put_in()

    def on_predict_end(self, logs=None):
        self._take_out()
