"""Save a model while it trains, and resume a training that was interrupted."""

import contextlib
import os
from typing import ClassVar

from fastgd import saving
from fastgd._data.arguments import choice, path_name
from fastgd._data.validation import boolean, positive_int, verbosity
from fastgd._registry.advice import NamedArguments
from fastgd._training.progress import say
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.callbacks.monitor import MonitorCallback, optional_limit
from fastgd.errors import ArgumentError, FastgdError, NotBuiltError, RankError


class _Saver(NamedArguments, Callback):
    """Call ``_save(logs, batch)`` after each epoch, without a batch, or after some batches."""

    state_names: ClassVar[tuple[str, ...]] = ("_batches",)

    def _save_every(self, save_freq):
        self._epoch = self._batches = 0
        if isinstance(save_freq, str):
            self.save_freq = choice(save_freq, "save_freq", ("epoch",), " or a number")
        else:  # only then is it a callback of batches
            self.save_freq = positive_int(save_freq, "save_freq")
            self.on_train_batch_end = self._after_batch

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch = epoch

    def on_epoch_end(self, epoch, logs=None):
        if self.save_freq == "epoch":
            self._epoch = epoch
            self._save(logs or {})

    def _after_batch(self, batch, logs=None):
        self._batches += 1
        if self._batches % self.save_freq == 0:
            self._save(logs or {}, batch)


class ModelCheckpoint(_Saver, MonitorCallback):
    """Save the model, or its weights, after epochs or batches.

    Another ``fit`` with the same object keeps the best value: the file holds that model.

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
    """

    state_names = ("best", "_batches")
    first_rank_only = True

    def __init__(
        self, filepath: str | os.PathLike[str], monitor: str = "val_loss", verbose: int = 0,
        save_best_only: bool = False, save_weights_only: bool = False, mode: str = "auto",
        save_freq: str | int = "epoch", initial_value_threshold: float | None = None,
    ) -> None:  # fmt: skip
        limit = optional_limit(initial_value_threshold, "initial_value_threshold")
        super().__init__(monitor, mode, limit)
        self.filepath = path_name(filepath, "filepath")
        self.verbose = verbosity(verbose)
        self.save_best_only = boolean(save_best_only, "save_best_only")
        self.save_weights_only = boolean(save_weights_only, "save_weights_only")
        self._save_every(save_freq)

    @property
    def acts_on(self) -> str | None:
        """The value that decides what is saved; None if all is."""
        return self.monitor if self.save_best_only else None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if self.save_best_only:
            super().on_train_begin()

    def _save(self, logs, batch=None):
        epoch = self._epoch + 1
        names = {"epoch": epoch} | ({} if batch is None else {"batch": batch + 1}) | logs
        try:
            path = self.filepath.format(**names)
        except (AttributeError, KeyError, IndexError, TypeError, ValueError) as error:
            what = f"{self.filepath!r} cannot be filled in ({error})"
            known = ", ".join(names)
            raise ArgumentError(f"filepath: {what}; the names are {known}") from None
        if self.save_best_only and not self._is_best(logs, epoch):
            return
        if self.verbose:
            say(f"\nEpoch {epoch}: saving to {path}")
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)

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


#: The files of a backup, and of the one before it.
_LATEST, _BEFORE = "backup.safetensors", "backup-before.safetensors"


class BackupAndRestore(_Saver):
    """Back up a training, and resume it where it was interrupted.

    Run the same program again after a crash: ``fit`` loads the backup and goes on behind it, to
    the same bits as without the crash. The backup holds the weights, the optimizer's state and
    learning rate, the place among the batches, the History, and the state of each callback, see
    ``Callback.state_names``. It is replaced at once: an interruption at any moment leaves a
    complete one. A generator has to give the same batches again. Of ranks that train together
    rank 0 alone writes and reads it; another number of ranks may go on.

    Parameters
    ----------
    backup_dir : str or path
        For this training alone; made if it is missing, removed when the training is done,
        unless it holds other files.
    save_freq : {"epoch"} or int
        After each epoch, or after so many batches, counted over all epochs. A number cuts the
        epochs into batches.
    double_checkpoint : bool
        Keep the backup before the last one too, in case that the last is damaged.
    delete_checkpoint : bool
        Remove the backups when the training is done.

    Raises
    ------
    FileError, ShapeError
        From ``fit``: if no backup can be read, or it is of another model.
    ArgumentError
        From ``fit``: if there are fewer batches than were trained on before.
    """

    runs_last = True

    def __init__(self, backup_dir: str | os.PathLike[str], save_freq: str | int = "epoch",
                 double_checkpoint: bool = False,
                 delete_checkpoint: bool = True) -> None:  # fmt: skip
        super().__init__()
        self.backup_dir = path_name(backup_dir, "backup_dir")
        if not self.backup_dir:
            raise ArgumentError("backup_dir: expected a directory, got an empty name")
        self._save_every(save_freq)
        self.double_checkpoint = boolean(double_checkpoint, "double_checkpoint")
        self.delete_checkpoint = boolean(delete_checkpoint, "delete_checkpoint")

    def on_train_begin(self, logs: Logs | None = None) -> None:
        if not self.model.built:
            raise NotBuiltError("BackupAndRestore: build the model before fit")
        failed = None
        for name in (_LATEST, _BEFORE):
            try:
                file = (
                    self._path(name)
                    if self._ranks is None
                    else self._ranks.open(self._path(name))
                )
                saving.load_run(self.model, file, self.model.running_loop.resume)
                return
            except FileNotFoundError:
                continue
            except RankError:  # the ranks have parted: the other file would not mend that
                raise
            except (OSError, FastgdError) as error:
                failed = failed or error
        if failed is not None:
            raise failed

    @property
    def _ranks(self):
        return self.model.running_loop.source.ranks

    @property
    def _writes(self):
        return self._ranks is None or self._ranks.rank == 0

    def _path(self, name):
        return os.path.join(self.backup_dir, name)

    def _save(self, logs, batch=None):
        if not self._writes:
            return
        os.makedirs(self.backup_dir, exist_ok=True)
        if self.double_checkpoint:
            with contextlib.suppress(FileNotFoundError):
                os.replace(self._path(_LATEST), self._path(_BEFORE))
        saving.save_run(self.model, self._path(_LATEST), self.model.running_loop.state())

    def on_train_end(self, logs: Logs | None = None) -> None:
        if self.delete_checkpoint and self._writes:
            for name in (_LATEST, _BEFORE):
                with contextlib.suppress(FileNotFoundError):
                    os.remove(self._path(name))
            with contextlib.suppress(OSError):  # other files are there
                os.rmdir(self.backup_dir)
