"""Saving a model while it trains."""

import os

from fastgd._data.validation import boolean, positive_int
from fastgd._training.progress import say
from fastgd.callbacks.monitor import MonitorCallback
from fastgd.errors import ArgumentError


class EveryBatches:
    """Counts the batches of a training, over the ends of epochs."""

    def __init__(self, every):
        self.every = every
        self.seen = 0

    def __call__(self):
        """Count one batch; whether so many have gone by."""
        self.seen = (self.seen + 1) % self.every
        return self.seen == 0


def save_frequency(save_freq):
    """The argument of a callback: ``"epoch"`` or a number of batches."""
    if isinstance(save_freq, str) and save_freq == "epoch":
        return save_freq
    if isinstance(save_freq, str):
        raise ArgumentError(f"save_freq: expected 'epoch' or a number, got {save_freq!r}")
    return positive_int(save_freq, "save_freq")


class ModelCheckpoint(MonitorCallback):
    """Saves the model, or its weights, after epochs or batches.

    Parameters
    ----------
    filepath : str or path
        May hold names in braces, such as ``"{epoch:02d}-{val_loss:.2f}.fastgd"``: the epoch
        (from 1), with ``save_freq`` in batches the batch (from 1), and each figure. Directories
        that are missing are made.
    monitor : str
        Which figure: ``"loss"``, a metric, or ``"val_..."`` of either.
    verbose : {0, 1}
    save_best_only : bool
        Save only where the figure is better than before.
    save_weights_only : bool
        Call ``model.save_weights`` instead of ``model.save``.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto" asks the metric of that name.
    save_freq : {"epoch"} or int
        After each epoch, or after so many batches, counted over all epochs. A number cuts the
        epochs into batches.
    initial_value_threshold : float, optional
        What the first value has to beat, for ``save_best_only``.

    Notes
    -----
    Another ``fit`` with the same object keeps the best value: the file holds that model.
    """

    def __init__(
        self, filepath, monitor="val_loss", verbose=0, save_best_only=False,
        save_weights_only=False, mode="auto", save_freq="epoch", initial_value_threshold=None,
    ):  # fmt: skip
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = boolean(save_best_only, "save_best_only")
        self.save_weights_only = boolean(save_weights_only, "save_weights_only")
        self.save_freq = save_frequency(save_freq)
        self._epoch = 0
        if self.save_freq != "epoch":  # only then is it a callback of batches
            self._due = EveryBatches(self.save_freq)
            self.on_train_batch_end = self._after_batch

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(logs or {}, epoch=epoch + 1)

    def _after_batch(self, batch, logs=None):
        if self._due():
            self._save(logs or {}, epoch=self._epoch + 1, batch=batch + 1)

    def _save(self, logs, **place):
        path = self._path(logs, place)
        if self.save_best_only and not self._is_best(logs, place["epoch"], path):
            return
        if self.verbose:
            say(f"\nEpoch {place['epoch']}: saving to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        if self.save_weights_only:
            self.model.save_weights(path, overwrite=True)
        else:
            self.model.save(path, overwrite=True)

    def _path(self, logs, place):
        try:
            return self.filepath.format(**place | logs)
        except (KeyError, IndexError, ValueError) as error:
            raise ArgumentError(
                f"filepath: {self.filepath!r} cannot be filled in ({error}); there are "
                f"{', '.join(place | logs)}"
            ) from None

    def _is_best(self, logs, epoch, path):
        current = self.current(logs)
        if current is None:
            return True
        better = self.improves(current, self.best)
        if self.verbose:
            best = "nothing" if self.best is None else f"{self.best:.5f}"
            change = f"improved from {best} to" if better else f"did not improve on {best}:"
            say(f"\nEpoch {epoch}: {self.monitor} {change} {current:.5f}")
        if better:
            self.best = current
        return better
