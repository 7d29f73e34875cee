"""The values of a training for TensorBoard."""

import os
import time
from typing import Any

import numpy as np

from fastgd._data.validation import boolean, positive_int, whole_number
from fastgd._typing import Logs
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class TensorBoard(Callback):
    """Write the values of a training, and histograms of the weights, for TensorBoard.

    The values of an epoch are called ``epoch_loss`` and so on, as in Keras; those of the
    training lie in ``log_dir/train``, those of validations in ``log_dir/validation``. The
    package tensorboardX writes them.

    Parameters
    ----------
    log_dir : str or path
    histogram_freq : int
        Write histograms of all weights after every so many epochs; 0 for none.
    write_graph : bool
        Accepted as in Keras; there is no graph to write.
    write_images, profile_batch, embeddings_freq, embeddings_metadata
        Accepted for the order of the arguments; not offered.
    write_steps_per_second : bool
        Add ``epoch_steps_per_second``.
    update_freq : {"epoch", "batch"} or int
        Write ``batch_loss`` and so on after each batch, or after every so many, too; that cuts
        the epochs into batches.

    Raises
    ------
    ImportError
        When a training begins and tensorboardX is not installed.
    """

    def __init__(
        self, log_dir: str | os.PathLike[str] = "logs", histogram_freq: int = 0,
        write_graph: bool = True, write_images: bool = False,
        write_steps_per_second: bool = False, update_freq: str | int = "epoch",
        profile_batch: int = 0, embeddings_freq: int = 0, embeddings_metadata: Any = None,
    ) -> None:  # fmt: skip
        super().__init__()
        if write_images or profile_batch or embeddings_freq or embeddings_metadata:
            raise ArgumentError(
                "TensorBoard: there are no images, profiles or embeddings; leave "
                "write_images, profile_batch and embeddings_... as they are"
            )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = whole_number(histogram_freq, "histogram_freq", 0)
        self.write_graph = boolean(write_graph, "write_graph")
        self.write_steps_per_second = boolean(write_steps_per_second, "write_steps_per_second")
        self.update_freq = update_freq
        if update_freq != "epoch":
            every = 1 if update_freq == "batch" else update_freq
            self._every = positive_int(every, "update_freq")
            self.on_train_batch_end = self._after_batch  # type: ignore[method-assign]
        self._writers: dict[str, Any] = {}

    def _writer(self, name):
        from tensorboardX import SummaryWriter

        if name not in self._writers:
            self._writers[name] = SummaryWriter(os.path.join(self.log_dir, name))
        return self._writers[name]

    def _write(self, name, step, logs):
        for tag, value in logs.items():
            self._writer(name).add_scalar(tag, value, step)

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
