"""Going on with a training that was interrupted."""

import contextlib
import json
import os

from fastgd import saving
from fastgd._data.validation import boolean
from fastgd.callbacks.callback import Callback
from fastgd.callbacks.model_checkpoint import EveryBatches, save_frequency
from fastgd.errors import ArgumentError, FastgdError, NotBuiltError

#: The files of states: at most two backups, and the one that is being written.
_STATES = ("0.safetensors", "1.safetensors", "2.safetensors")


class BackupAndRestore(Callback):
    """Backs up a training, and goes on with it where it was interrupted.

    Run the same program again after a crash: ``fit`` loads the weights and the optimizer's
    state and begins with the first epoch that was not finished.

    Parameters
    ----------
    backup_dir : str or path
        For this training alone; made if it is missing, removed when the training is done,
        unless it holds something else.
    save_freq : {"epoch"} or int
        After each epoch, or after so many batches; a number cuts the epochs into batches. The
        epoch that was interrupted is begun again, from the weights of the backup.
    double_checkpoint : bool
        Keep the backup before the last one too, for the case that the last is damaged.
    delete_checkpoint : bool
        Remove the backups when the training is done.

    Notes
    -----
    The state is saved under a new name, and only then does ``training.json`` name it, by a
    renaming that is all or nothing: an interruption at any moment leaves a whole backup.
    """

    def __init__(
        self, backup_dir, save_freq="epoch", double_checkpoint=False, delete_checkpoint=True
    ):
        super().__init__()
        self.backup_dir = os.fspath(backup_dir)
        if not self.backup_dir:
            raise ArgumentError("backup_dir: expected a directory, got an empty name")
        self.save_freq = save_frequency(save_freq)
        self.double_checkpoint = boolean(double_checkpoint, "double_checkpoint")
        self.delete_checkpoint = boolean(delete_checkpoint, "delete_checkpoint")
        self._epoch = 0
        self._backups = []
        if self.save_freq != "epoch":
            self._due = EveryBatches(self.save_freq)
            self.on_train_batch_end = self._after_batch

    @property
    def _index(self):
        return os.path.join(self.backup_dir, "training.json")

    def on_train_begin(self, logs=None):
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
            self._epoch = self.model._initial_epoch = backup["epoch"]
            # an epoch that is begun again takes the order of rows that it had
            self.model.epochs_begun -= backup["within_epoch"]
            return

    def _listed(self):
        """The backups there are, the latest first."""
        try:
            with open(self._index, encoding="utf-8") as file:
                return json.load(file)["backups"]
        except FileNotFoundError:
            return []

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._save(epoch + 1)

    def _after_batch(self, batch, logs=None):
        if self._due():
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

    def on_train_end(self, logs=None):
        if self.delete_checkpoint:
            for name in (*_STATES, "training.json", "training.json.new"):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(os.path.join(self.backup_dir, name))
            self._backups = []
            with contextlib.suppress(OSError):  # something of somebody else lies there
                os.rmdir(self.backup_dir)
