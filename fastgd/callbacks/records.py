"""Record the values of a training: in memory, in a CSV file, for TensorBoard."""

import csv
import io
import os
import time
from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from fastgd._data.arguments import choice, path_name, text
from fastgd._data.validation import boolean, positive_int, whole_number
from fastgd._registry.advice import NamedArguments
from fastgd._registry.extras import needed_by
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class History(Callback):
    """Record a ``fit``, which returns it.

    Attributes
    ----------
    epoch : list of int, the epochs trained, from 0
    history : dict of str -> list of float, or of arrays for a metric of several values
        One value an epoch: ``"loss"``, each metric by its name, and ``"val_..."`` of each
        where there are validation data. A value that is not recorded in every epoch, as with
        ``validation_freq``, has a shorter list.
    epochs_of : dict of str -> list of int
        The epochs that the values of a name belong to.
    params, model
        Those of every Callback.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> model = Sequential([layers.Input(shape=(1,)), layers.Dense(1)])
    >>> model.compile("sgd", "mse")
    >>> history = model.fit([[1.0]], [1.0], epochs=3, verbose=0)
    >>> history.epoch, list(history.history), history.params["steps"]
    ([0, 1, 2], ['loss'], 1)
    """

    state_names = ("epoch", "history", "epochs_of")
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
        self.epoch, self.history, self.epochs_of = [], {}, {}

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
            self.epochs_of.setdefault(name, []).append(epoch)

    def to_frame(self) -> Any:
        """Return a pandas.DataFrame: a row an epoch, a column a name, NaN without a value.

        A value that is an array stands in a column of objects.
        """
        with needed_by("History.to_frame"):
            import pandas

        columns = {
            name: pandas.Series(
                values,
                index=self.epochs_of[name],
                dtype="float64" if np.ndim(values[0]) == 0 else object,
            )
            for name, values in self.history.items()
        }
        return pandas.DataFrame(columns, index=pandas.Index(self.epoch, name="epoch"))

    def plot(self, names: Sequence[str] | None = None, ax: Any = None) -> Any:
        """Draw the values over the epochs, validation dashed; return matplotlib's Figure.

        Parameters
        ----------
        names : list of str, optional
            Those to draw, without ``"val_"``; all by default.
        ax : matplotlib Axes or sequence of Axes, optional
            One for each name; a row of new ones by default.
        """
        with needed_by("History.plot"):
            import matplotlib.pyplot as plt

        if names is None:
            names = list(dict.fromkeys(name.removeprefix("val_") for name in self.history))
        if ax is None:
            count = max(1, len(names))
            _, ax = plt.subplots(1, count, figsize=(4.8 * count, 3.6), layout="constrained")
        axes = list(np.ravel(np.asarray(ax, dtype=object)))
        for name, axis in zip(names, axes, strict=True):
            lines = (name, "-", "training"), (f"val_{name}", "--", "validation")
            for key, style, label in lines:
                if key in self.history:
                    epochs = [epoch + 1 for epoch in self.epochs_of[key]]
                    axis.plot(epochs, self.history[key], style, label=label)
            axis.set(xlabel="epoch", ylabel=name)
            axis.legend()
        return axes[0].figure

    def __repr__(self) -> str:
        return f"<History of {len(self.epoch)} epochs: {', '.join(self.history)}>"


class CSVLogger(NamedArguments, Callback):
    """Write the values of each epoch to a CSV file, one line an epoch.

    A training that a BackupAndRestore resumes goes on in the same file.

    Parameters
    ----------
    filename : str or path
    separator : str of one character
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

    state_names = ("_names", "_size")
    first_rank_only = True

    def __init__(self, filename: str | os.PathLike[str], separator: str = ",",
                 append: bool = False) -> None:  # fmt: skip
        super().__init__()
        self.filename = path_name(filename, "filename")
        self.sep = text(separator, "separator")
        try:
            csv.writer(io.StringIO(), delimiter=separator)
        except (TypeError, ValueError) as error:
            message = f"separator: expected one character, got {separator!r} ({error})"
            raise ArgumentError(message) from None
        self.append = boolean(append, "append")
        self._file: Any = None
        self._names: list[str] | None = None
        self._size = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.close()
        self._names, self._size = None, 0
        # the csv module writes the ends of lines itself
        self._file = open(self.filename, "a", newline="")  # noqa: SIM115
        if self.append:
            self._size = os.path.getsize(self.filename)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = logs or {}
        if self._file.tell() != self._size:
            self._file.truncate(self._size)  # removes lines that a resumed training writes anew
        header = self._names is None and not self._size
        if self._names is None:
            self._names = sorted(logs)
            if not any(name.startswith("val_") for name in self._names):
                self._names += [f"val_{name}" for name in self._names]
        writer = csv.DictWriter(self._file, ["epoch", *self._names], delimiter=self.sep)
        if header:
            writer.writeheader()
        row = {name: _cell(logs.get(name, "NA")) for name in self._names}
        writer.writerow({"epoch": epoch} | row)
        self._file.flush()
        self._size = self._file.tell()

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; an error may have ended a training before its end."""
        if self._file is not None:
            self._file.close()
        self._file = None


def _cell(value):
    if isinstance(value, str) or np.ndim(value) == 0:
        return value
    return f'"[{", ".join(map(str, value))}]"'


class TensorBoard(NamedArguments, Callback):
    """Write the values of a training, and histograms of the weights, for TensorBoard.

    The values of an epoch are called ``epoch_loss`` and so on, as in Keras; those of the
    training lie in ``log_dir/train``, those of validations in ``log_dir/validation``. The
    package tensorboardX writes them; without it a training begins with a MissingExtraError.

    Parameters
    ----------
    log_dir : str or path
    histogram_freq : int
        Write histograms of all weights after every so many epochs; 0 for none.
    write_graph, write_images, profile_batch, embeddings_freq, embeddings_metadata
        Accepted for Keras' order of the arguments; not offered.
    write_steps_per_second : bool
        Add ``epoch_steps_per_second``.
    update_freq : {"epoch", "batch"} or int
        Write ``batch_loss`` and so on after each batch, or after every so many, too; that cuts
        the epochs into batches.
    """

    first_rank_only = True

    def __init__(self, log_dir: str | os.PathLike[str] = "logs", histogram_freq: int = 0,
                 write_graph: bool = True, write_images: bool = False,
                 write_steps_per_second: bool = False, update_freq: str | int = "epoch",
                 profile_batch: int = 0, embeddings_freq: int = 0,
                 embeddings_metadata: Any = None) -> None:  # fmt: skip
        super().__init__()
        if write_images or profile_batch or embeddings_freq or embeddings_metadata:
            names = "write_images, profile_batch and embeddings_..."
            raise ArgumentError(f"TensorBoard: not offered, leave as they are: {names}")
        self.log_dir = path_name(log_dir, "log_dir")
        self.histogram_freq = whole_number(histogram_freq, "histogram_freq", 0)
        self.write_graph = boolean(write_graph, "write_graph")
        self.write_steps_per_second = boolean(write_steps_per_second, "write_steps_per_second")
        self.update_freq = update_freq
        if isinstance(update_freq, str):
            words = "epoch", "batch"
            self._every = words.index(choice(update_freq, "update_freq", words, " or a number"))
        else:
            self._every = positive_int(update_freq, "update_freq")
        if self._every:
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]
        self._writers: dict[str, Any] = {}

    def _writer(self, name):
        with needed_by("TensorBoard"):
            from tensorboardX import SummaryWriter

        if name not in self._writers:
            self._writers[name] = SummaryWriter(os.path.join(self.log_dir, name))
        return self._writers[name]

    def _write(self, name, step, logs):
        for tag, value in logs.items():
            for place, number in np.ndenumerate(value):  # of an array each by its number
                self._writer(name).add_scalar("_".join([tag, *map(str, place)]), number, step)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        self.close()
        self._writer("train")

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        self._begun = time.monotonic(), self.model.optimizer.iterations

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        logs = dict(logs or {})
        if self.write_steps_per_second:
            begun, steps = self._begun
            elapsed = max(time.monotonic() - begun, 1e-9)
            logs["steps_per_second"] = (self.model.optimizer.iterations - steps) / elapsed
        for name, value in logs.items():
            folder = "validation" if name.startswith("val_") else "train"
            self._write(folder, epoch, {f"epoch_{name.removeprefix('val_')}": value})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for variable in self.model.weights:
                values = np.asarray(variable, np.float64)
                tag = f"{variable.name}/histogram"
                self._writer("train").add_histogram(tag, values, epoch, bins=30)

    def _after_batch(self, batch, logs=None):
        step = self.model.optimizer.iterations
        if step % self._every == 0:
            self._write("train", step, {f"batch_{k}": v for k, v in (logs or {}).items()})

    def on_train_end(self, logs: Logs | None = None) -> None:
        self.close()

    def close(self) -> None:
        """Write the events that are still in memory, and close the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}
