"""Ending a training when it stops getting better."""

from fastgd._data.validation import boolean, whole_number
from fastgd._training.progress import say
from fastgd.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Ends the training when a figure has stopped improving.

    Parameters
    ----------
    monitor : str
        Which figure: ``"loss"``, a metric, or ``"val_..."`` of either.
    min_delta : float
        The least change that counts as an improvement.
    patience : int
        The training ends after so many epochs in a row without one.
    verbose : {0, 1}
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric of that name.
    baseline : float, optional
        Only what is better than this starts the patience anew.
    restore_best_weights : bool
        Leave the model with the weights of its best epoch, however the training ends: by this
        callback, by its last epoch, or by another callback.
    start_from_epoch : int
        Epochs before this one are not looked at.

    Attributes
    ----------
    stopped_epoch : int
        The epoch after which it ended the training; 0 if it did not.
    best : float
        The best value.
    best_epoch : int
    best_weights : list of ndarray

    Notes
    -----
    Each ``fit`` begins anew, whatever the object was used for before.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, callbacks, utils
    >>> utils.set_random_seed(1)
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> x = np.linspace(-1, 1, 64)
    >>> stop = callbacks.EarlyStopping("loss", min_delta=1e-3, patience=3)
    >>> history = model.fit(x, 2 * x, epochs=1000, verbose=0, callbacks=[stop])
    >>> len(history.epoch) == stop.stopped_epoch + 1 < 1000
    True
    """

    def __init__(
        self, monitor="val_loss", min_delta=0, patience=0, verbose=0, mode="auto",
        baseline=None, restore_best_weights=False, start_from_epoch=0,
    ):  # fmt: skip
        super().__init__(monitor, mode, min_delta=min_delta)
        self.patience = whole_number(patience, "patience", 0)
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = boolean(restore_best_weights, "restore_best_weights")
        self.start_from_epoch = whole_number(start_from_epoch, "start_from_epoch", 0)
        self._reset()

    def _reset(self):
        self.wait = 0
        self.stopped_epoch = 0
        self.best = None
        self.best_epoch = 0
        self.best_weights = None

    def on_train_begin(self, logs=None):
        self._reset()

    def on_epoch_end(self, epoch, logs=None):
        current = self.current(logs or {})
        if current is None or epoch < self.start_from_epoch:
            return
        self.wait += 1
        if self.improves(current, self.best):
            self._keep(epoch, current)
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
            # an epoch that is the best so far never ends the training, as in Keras
            return
        if self.restore_best_weights and self.best_weights is None:
            self._keep(epoch, None)  # NaN: there is no better one to go back to
        if self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def _keep(self, epoch, value):
        self.best, self.best_epoch = value, epoch
        if self.restore_best_weights:
            self.best_weights = self.model.get_weights()

    def on_train_end(self, logs=None):
        if self.stopped_epoch and self.verbose:
            say(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                say(f"Restoring the weights of the best epoch: {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)
