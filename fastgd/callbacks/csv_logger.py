"""Figures as a file."""

import csv
import os

import numpy as np

from fastgd.callbacks.callback import Callback


class CSVLogger(Callback):
    """Writes the figures of each epoch to a CSV file, one line an epoch.

    Parameters
    ----------
    filename : str or path
    separator : str
        One character.
    append : bool
        Go on in a file that is there, without a second line of names; else begin it anew.

    Notes
    -----
    The columns are ``epoch`` and then those of the first epoch, sorted; a figure that an epoch
    does not have is ``NA``. Where the first epoch has no ``val_...``, as with
    ``validation_freq``, there is a column for each all the same.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> from fastgd import Sequential, callbacks, layers
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse", metrics=["mae"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder) / "log.csv"
    ...     logger = callbacks.CSVLogger(path)
    ...     history = model.fit([[1.0]], [1.0], epochs=3, verbose=0, callbacks=[logger])
    ...     lines = path.read_text().splitlines()
    >>> lines[0], len(lines)
    ('epoch,loss,mae,val_loss,val_mae', 4)
    """

    def __init__(self, filename, separator=",", append=False):
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self._file = self._writer = None

    def on_train_begin(self, logs=None):
        self.close()
        go_on = self.append and os.path.exists(self.filename)
        self._header = not (go_on and os.path.getsize(self.filename) > 0)
        # the csv module writes the ends of lines itself
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115

    def on_epoch_end(self, epoch, logs=None):
        logs = logs or {}
        if self._writer is None:
            self._writer = self._begun(sorted(logs))
        row = {name: _cell(logs.get(name, "NA")) for name in self._writer.fieldnames[1:]}
        self._writer.writerow({"epoch": epoch} | row)
        self._file.flush()

    def _begun(self, names):
        if not any(name.startswith("val_") for name in names):
            names += [f"val_{name}" for name in names]
        writer = csv.DictWriter(self._file, ["epoch", *names], delimiter=self.sep)
        if self._header:
            writer.writeheader()
        return writer

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Close the file; an error may have ended a training before its end."""
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value):
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'
