"""Save a model while it trains, and resume a training that was interrupted."""

import contextlib
import json
import os
from typing import Any

from fastgd import saving
from fastgd._data.validation import boolean, positive_int
from fastgd._training.progress import say
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.callbacks.monitor import MonitorCallback
from fastgd.errors import ArgumentError, FastgdError, NotBuiltError


def save_frequency(save_freq):
    """Return the argument of a callback if it is ``"epoch"`` or a number of batches."""
    if isinstance(save_freq, str):
        if save_freq == "epoch":
            return save_freq
        raise ArgumentError(f"save_freq: expected 'epoch' or a number, got {save_freq!r}")
    return positive_int(save_freq, "save_freq")


class ModelCheckpoint(MonitorCallback):
    """Save the model, or its weights, after epochs or batches.

    Parameters
    ----------
    filepath : str or path
        May hold names in braces, such as ``"{epoch:02d}-{val_loss:.2f}.fastgd"``: the epoch
        (from 1), with ``save_freq`` in batches the batch (from 1), and each value. Missing
        directories are made.
    monitor, mode
        As in EarlyStopping.
    verbose : {0, 1}
    save_best_only : bool
        Save only where the value is better than before.
    save_weights_only : bool
        Call ``model.save_weights`` instead of ``model.save``.
    save_freq : {"epoch"} or int
        After each epoch, or after so many batches, counted over all epochs. A number cuts the
        epochs into batches.
    initial_value_threshold : float, optional
        With ``save_best_only`` the first value has to be better than this.

    Notes
    -----
    Another ``fit`` with the same object keeps the best value: the file holds that model.
    """

    def __init__(
        self, filepath: str | os.PathLike[str], monitor: str = "val_loss", verbose: int = 0,
        save_best_only: bool = False, save_weights_only: bool = False, mode: str = "auto",
        save_freq: str | int = "epoch", initial_value_threshold: float | None = None,
    ) -> None:  # fmt: skip
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        self.verbose = verbose
        self.save_best_only = boolean(save_best_only, "save_best_only")
        self.save_weights_only = boolean(save_weights_only, "save_weights_only")
        self.save_freq = save_frequency(save_freq)
        self._epoch = self._batches = 0
        if self.save_freq != "epoch":  # only then is it a callback of batches
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(logs or {}, epoch=epoch + 1)

    def _after_batch(self, batch, logs=None):
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(logs or {}, epoch=self._epoch + 1, batch=batch + 1)

    def _save(self, logs, **place):
        path = self._path(logs, place)
        if self.save_best_only and not self._is_best(logs, place["epoch"]):
            return
        if self.verbose:
            say(f"\nEpoch {place['epoch']}: saving to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)

    def _path(self, logs, place):
        names = place | logs
        try:
            return self.filepath.format(**names)
        except (KeyError, IndexError, ValueError) as error:
            raise ArgumentError(
                f"filepath: {self.filepath!r} cannot be filled in ({error}); the names are "
                f"{', '.join(names)}"
            ) from None

    def _is_best(self, logs, epoch):
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


#: The files of states: at most two backups, and the one that is being written.
_STATES = ("0.safetensors", "1.safetensors", "2.safetensors")


class BackupAndRestore(Callback):
    """Back up a training, and resume it where it was interrupted.

    Run the same program again after a crash: ``fit`` loads the weights and the optimizer's
    state and starts with the first epoch that was not finished.

    Parameters
    ----------
    backup_dir : str or path
        For this training alone; made if it is missing, removed when the training is done,
        unless it holds other files.
    save_freq : {"epoch"} or int
        After each epoch, or after so many batches; a number cuts the epochs into batches. The
        interrupted epoch starts again, from the weights of the backup.
    double_checkpoint : bool
        Keep the backup before the last one too, in case that the last is damaged.
    delete_checkpoint : bool
        Remove the backups when the training is done.

    Notes
    -----
    The state is saved under a new name, and then ``training.json`` names it, by an atomic
    renaming: an interruption at any moment leaves a complete backup.
    """

    def __init__(
        self, backup_dir: str | os.PathLike[str], save_freq: str | int = "epoch",
        double_checkpoint: bool = False, delete_checkpoint: bool = True,
    ) -> None:  # fmt: skip
        super().__init__()
        self.backup_dir = os.fspath(backup_dir)
        if not self.backup_dir:
            raise ArgumentError("backup_dir: expected a directory, got an empty name")
        self.save_freq = save_frequency(save_freq)
        self.double_checkpoint = boolean(double_checkpoint, "double_checkpoint")
        self.delete_checkpoint = boolean(delete_checkpoint, "delete_checkpoint")
        self._epoch = self._batches = 0
        self._backups: list[Any] = []
        if self.save_freq != "epoch":
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]

    @property
    def _index(self):
        return os.path.join(self.backup_dir, "training.json")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not self.model.built:
            raise NotBuiltError("BackupAndRestore: build the model before fit")
        self._backups = self._listed()
        for backup in list(self._backups):
            try:
                saving.load_state(self.model, os.path.join(self.backup_dir, backup["state"]))
            except (OSError, FastgdError):
                if backup is self._backups[-1]:  # the oldest one there is
                    raise
                self._backups.remove(backup)
                continue
            self._epoch = self.model.resume_epoch = backup["epoch"]
            # an epoch that starts again takes the order of rows that it had
            self.model.epochs_begun -= backup["within_epoch"]
            return

    def _listed(self):
        """Return the existing backups, the latest first."""
        try:
            with open(self._index, encoding="utf-8") as file:
                return json.load(file)["backups"]
        except FileNotFoundError:
            return []

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._epoch = epoch

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        if self.save_freq == "epoch":
            self._save(epoch + 1)

    def _after_batch(self, batch, logs=None):
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(self._epoch)

    def _save(self, epoch):
        os.makedirs(self.backup_dir, exist_ok=True)
        used = {backup["state"] for backup in self._backups}
        name = next(name for name in _STATES if name not in used)
        saving.save_state(self.model, os.path.join(self.backup_dir, name), overwrite=True)
        backup = {"state": name, "epoch": epoch, "within_epoch": epoch == self._epoch}
        kept = [backup, *self._backups][: 1 + self.double_checkpoint]
        with open(self._index + ".new", "w", encoding="utf-8") as file:
            json.dump({"backups": kept}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self._index + ".new", self._index)
        self._backups = kept
        for old in used - {b["state"] for b in kept}:
            os.remove(os.path.join(self.backup_dir, old))

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint:
            for name in (*_STATES, "training.json", "training.json.new"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(self.backup_dir, name))
            self._backups = []
            with contextlib.suppress(OSError):  # other files are there
                os.rmdir(self.backup_dir)
