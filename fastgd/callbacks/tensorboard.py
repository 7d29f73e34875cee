"""Figures for TensorBoard."""

import os
import time

import numpy as np

from fastgd._data.validation import boolean, positive_int, whole_number
from fastgd.callbacks.callback import Callback
from fastgd.errors import ArgumentError


class TensorBoard(Callback):
    """Writes the figures of a training, and histograms of the weights, for TensorBoard.

    The figures of an epoch are called ``epoch_loss`` and so on, as Keras calls them; those of
    the training lie in ``log_dir/train``, those of validations in ``log_dir/validation``.

    Parameters
    ----------
    log_dir : str or path
    histogram_freq : int
        Histograms of all weights after every so many epochs; 0 for none.
    write_graph : bool
        Accepted as in Keras; there is no graph to write.
    write_images, profile_batch, embeddings_freq, embeddings_metadata
        Stand here for the order of the arguments; not offered.
    write_steps_per_second : bool
        Add ``epoch_steps_per_second``.
    update_freq : {"epoch", "batch"} or int
        Write ``batch_loss`` and so on after each batch, or after every so many, too; that cuts
        the epochs into batches.

    Raises
    ------
    ImportError
        When a training begins and the package tensorboard is not installed.
    """

    def __init__(
        self, log_dir="logs", histogram_freq=0, write_graph=True, write_images=False,
        write_steps_per_second=False, update_freq="epoch", profile_batch=0, embeddings_freq=0,
        embeddings_metadata=None,
    ):  # fmt: skip
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
            self._every = (
                1 if update_freq == "batch" else positive_int(update_freq, "update_freq")
            )
            self.on_train_batch_end = self._after_batch
        self._writers = {}

    def _write(self, name, step, **values):
        """One event of the writer of a name: tags with a number, or with a histogram."""
        from tensorboard.compat.proto.event_pb2 import Event
        from tensorboard.compat.proto.summary_pb2 import Summary
        from tensorboard.summary.writer.event_file_writer import EventFileWriter

        if name not in self._writers:
            self._writers[name] = EventFileWriter(os.path.join(self.log_dir, name))
        summary = Summary(
            value=[
                Summary.Value(tag=tag, **{_kind(value): value}) for tag, value in values.items()
            ]
        )
        self._writers[name].add_event(Event(wall_time=time.time(), step=step, summary=summary))

    def on_train_begin(self, logs=None):
        self.close()

    def on_epoch_begin(self, epoch, logs=None):
        self._begun = time.monotonic(), self.model.optimizer.iterations

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        if self.write_steps_per_second:
            begun, steps = self._begun
            elapsed = max(time.monotonic() - begun, 1e-9)
            logs["steps_per_second"] = (self.model.optimizer.iterations - steps) / elapsed
        seen = {k.removeprefix("val_"): v for k, v in logs.items() if k.startswith("val_")}
        train = {k: v for k, v in logs.items() if not k.startswith("val_")}
        for name, figures in (("train", train), ("validation", seen)):
            if figures:
                self._write(name, epoch, **{f"epoch_{k}": v for k, v in figures.items()})
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            self._write_histograms(epoch)

    def _write_histograms(self, epoch):
        from tensorboard.compat.proto.summary_pb2 import HistogramProto

        histograms = {}
        for variable in self.model.weights:
            values = np.asarray(variable, dtype=np.float64)
            counts, limits = np.histogram(values, bins=30)
            histograms[f"{variable.name}/histogram"] = HistogramProto(
                min=values.min(), max=values.max(), num=values.size, sum=values.sum(),
                sum_squares=np.square(values).sum(), bucket_limit=limits[1:], bucket=counts,
            )  # fmt: skip
        self._write("train", epoch, **histograms)

    def _after_batch(self, batch, logs=None):
        step = self.model.optimizer.iterations
        if step % self._every == 0:
            self._write("train", step, **{f"batch_{k}": v for k, v in (logs or {}).items()})

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Write what is still to be written."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}


def _kind(value):
    """The field of a summary's value that a figure goes into."""
    return "simple_value" if np.ndim(value) == 0 and np.isscalar(value) else "histo"
