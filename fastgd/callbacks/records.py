"""Record the values of a training: History in memory, CSVLogger in a file."""

import csv
import os
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback


class History(Callback):
    """Record a ``fit``, which returns it.

    Attributes
    ----------
    epoch : list of int
        The epochs trained, from 0.
    history : dict of str -> list of float
        One value an epoch: ``"loss"``, each metric by its name, and ``"val_..."`` of each
        where there are validation data. A value that is not recorded in every epoch, as with
        ``validation_freq``, has a shorter list.
    epochs_of : dict of str -> list of int
        The epochs that the values of a name belong to.
    params : dict
        ``"epochs"``, ``"steps"`` (of an epoch) and ``"verbose"``.
    model : Model

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit([[1.0]], [1.0], epochs=3, verbose=0)
    >>> history.epoch, list(history.history), history.params["steps"]
    ([0, 1, 2], ['loss'], 1)
    """

    # Not in __dict__: a model holds that of its History, but not the History, which holds the
    # model. In a reference cycle both would live until the garbage collector ran.
    __slots__ = ("model",)

    def __init__(self) -> None:
        super().__init__()
        self.epoch: list[int] = []
        self.history: dict[str, list[Any]] = {}
        self.epochs_of: dict[str, list[int]] = {}

    @classmethod
    def of(cls, attributes: dict[str, Any], model: Any) -> Self:
        """Return the History with these attributes, which it shares."""
        history = object.__new__(cls)
        history.__dict__ = attributes
        history.model = model
        return history

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Start a new record: one record is of one run."""
        self.epoch, self.history, self.epochs_of = [], {}, {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Add an epoch's values."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self.epochs_of.setdefault(name, []).append(epoch)

    def to_frame(self) -> Any:
        """Return the values as a table.

        Returns
        -------
        pandas.DataFrame
            A row for each epoch, a column for each name; NaN where no value was recorded.
        """
        import pandas

        columns = {
            name: pandas.Series(values, index=self.epochs_of[name], dtype="float64")
            for name, values in self.history.items()
        }
        return pandas.DataFrame(columns, index=pandas.Index(self.epoch, name="epoch"))

    def plot(self, names: Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw the values over the epochs: training in lines, validation dashed.

        Parameters
        ----------
        names : list of str, optional
            Those to draw, without ``"val_"``; all by default.
        ax : matplotlib Axes or sequence of Axes, optional
            One for each name; a row of new ones by default.

        Returns
        -------
        matplotlib.figure.Figure
        """
        import matplotlib.pyplot as plt

        if names is None:
            names = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        if ax is None:
            count = max(1, len(names))
            _, ax = plt.subplots(1, count, figsize=(4.8 * count, 3.6), layout="constrained")
        axes = list(np.ravel(np.asarray(ax, dtype=object)))
        for name, axis in zip(names, axes, strict=True):
            lines = ((name, "-", "training"), (f"val_{name}", "--", "validation"))
            for key, style, label in lines:
                if key in self.history:
                    epochs = [epoch + 1 for epoch in self.epochs_of[key]]
                    axis.plot(epochs, self.history[key], style, label=label)
            axis.set_xlabel("epoch")
            axis.set_ylabel(name)
            axis.legend()
        return axes[0].figure

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"


class CSVLogger(Callback):
    """Write the values of each epoch to a CSV file, one line an epoch.

    Parameters
    ----------
    filename : str or path
    separator : str
        One character.
    append : bool
        Add to an existing file, without a second header; else overwrite it.

    Notes
    -----
    The columns are ``epoch`` and then those of the first epoch, sorted; a value that an epoch
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

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        super().__init__()
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self._file: Any = None
        self._writer: Any = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.close()
        appends = self.append and os.path.exists(self.filename)
        self._header = not (appends and os.path.getsize(self.filename) > 0)
        # the csv module writes the ends of lines itself
        self._file = open(self.filename, "a" if self.append else "w", newline="")  # noqa: SIM115

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self._writer is None:
            self._writer = self._new_writer(sorted(logs))
        row = {name: _cell(logs.get(name, "NA")) for name in self._writer.fieldnames[1:]}
        self._writer.writerow({"epoch": epoch} | row)
        self._file.flush()

    def _new_writer(self, names):
        if not any(name.startswith("val_") for name in names):
            names += [f"val_{name}" for name in names]
        writer = csv.DictWriter(self._file, ["epoch", *names], delimiter=self.sep)
        if self._header:
            writer.writeheader()
        return writer

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; an error may have ended a training before its end."""
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None


def _cell(value):
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'
