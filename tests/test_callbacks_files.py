"""Callbacks that write files or draw: what is there afterwards."""

import csv
import io
import struct
import sys

import numpy as np
import pytest
from problems import network, regression

from fastgd import Sequential, layers, models, utils
from fastgd.callbacks import (
    BackupAndRestore,
    Callback,
    CSVLogger,
    EarlyStopping,
    History,
    LambdaCallback,
    ModelCheckpoint,
    TensorBoard,
    TqdmCallback,
)
from fastgd.errors import ArgumentError, FileError, NotBuiltError

X, Y = regression(40)


def compiled(optimizer="sgd"):
    model = network()
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


# --- CSV -------------------------------------------------------------------------------------


def lines(path, separator=","):
    with open(path, newline="") as file:
        return list(csv.reader(file, delimiter=separator))


def test_csv_logger(tmp_path):
    path = tmp_path / "log.csv"
    history = compiled().fit(
        X, Y, epochs=3, verbose=0, validation_split=0.5, callbacks=[CSVLogger(path)]
    )
    head, *rows = lines(path)
    assert head == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    for epoch, row in enumerate(rows):
        assert int(row[0]) == epoch
        for name, cell in zip(head[1:], row[1:], strict=True):
            assert float(cell) == history.history[name][epoch]
    assert len(rows) == 3


def test_csv_logger_goes_on_or_begins_anew(tmp_path):
    path = tmp_path / "log.csv"
    model = compiled()
    logger = CSVLogger(path, separator=";", append=True)
    for first in (0, 2):
        model.fit(X, Y, epochs=first + 2, initial_epoch=first, verbose=0, callbacks=[logger])
    found = lines(path, ";")
    assert [row[0] for row in found] == ["epoch", "0", "1", "2", "3"]
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[CSVLogger(path)])
    assert [row[0] for row in lines(path)] == ["epoch", "0"]


def test_csv_logger_and_a_validation_now_and_then(tmp_path):
    path = tmp_path / "log.csv"
    compiled().fit(
        X, Y, epochs=3, verbose=0, validation_split=0.5, validation_freq=2,
        callbacks=[CSVLogger(path)],
    )  # fmt: skip
    head, *rows = lines(path)
    assert head == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    assert [row[3] == "NA" for row in rows] == [True, False, True]


def test_csv_logger_after_an_error(tmp_path):
    path = tmp_path / "log.csv"
    logger = CSVLogger(path)

    def fail(epoch, logs):
        if epoch:
            raise KeyError

    with pytest.raises(KeyError):
        compiled().fit(
            X, Y, epochs=3, verbose=0, callbacks=[LambdaCallback(on_epoch_begin=fail), logger]
        )
    assert len(lines(path)) == 2
    logger.close()


def test_csv_loggers_of_one_file_remove_no_line_of_each_other(tmp_path):
    path = tmp_path / "log.csv"
    loggers = [CSVLogger(path, append=True) for _ in range(2)]
    for logger in loggers:
        logger.on_train_begin()
    for epoch in range(3):
        for number, logger in enumerate(loggers):
            logger.on_epoch_end(epoch, {"loss": 10 * number + epoch, "val_loss": 0})
    for logger in loggers:
        logger.close()
    found = [row[1] for row in lines(path) if row[0] != "epoch"]
    assert found == ["0", "10", "1", "11", "2", "12"]


def test_csv_logger_of_what_is_no_file():
    assert compiled().fit(X, Y, epochs=2, verbose=0, callbacks=[CSVLogger("/dev/null")]).epoch


# --- checkpoints -----------------------------------------------------------------------------


def test_a_checkpoint_is_the_model_of_its_epoch(engine, tmp_path):
    path = tmp_path / "best.fastgd"
    model = compiled("adam")
    stop = EarlyStopping(patience=20, restore_best_weights=True)
    model.fit(
        X, Y, epochs=100, verbose=0, validation_split=0.3,
        callbacks=[ModelCheckpoint(path, save_best_only=True), stop],
    )  # fmt: skip
    best = models.load_model(path)
    assert best.parameters.tobytes() == model.parameters.tobytes()
    assert best.epochs_begun == stop.best_epoch + 1
    weights = tmp_path / "w-{epoch}.weights.h5"
    model.fit(
        X, Y, epochs=2, verbose=0, callbacks=[ModelCheckpoint(weights, save_weights_only=True)]
    )
    best.load_weights(tmp_path / "w-2.weights.h5")
    assert best.parameters.tobytes() == model.parameters.tobytes()


# --- backups ---------------------------------------------------------------------------------


class Crash(Callback):
    """Ends a training as a crash would."""

    def __init__(self, epoch, batch=None):
        super().__init__()
        self.epoch, self.batch = epoch, batch
        if batch is not None:
            self.on_train_batch_end = self.after_batch

    def on_epoch_begin(self, epoch, logs=None):
        self.now = epoch
        if self.batch is None and epoch == self.epoch:
            raise SystemExit

    def after_batch(self, batch, logs=None):
        if (self.now, batch) == (self.epoch, self.batch):
            raise SystemExit


def trained(folder, crash=None, **arguments):
    """A model trained by the same program each time, for six epochs."""
    utils.set_random_seed(5)
    model = compiled("adam")
    listeners = [BackupAndRestore(folder, **arguments)] if folder else []
    model.fit(
        X,
        Y,
        batch_size=8,
        epochs=6,
        verbose=0,
        callbacks=listeners + ([crash] if crash else []),
    )
    return model


@pytest.mark.parametrize("double_checkpoint", [True, False])
@pytest.mark.parametrize("epochs", [[1], [3], [2, 5], [4, 4]])
def test_a_training_goes_on_after_a_crash_as_if_there_was_none(
    engine, tmp_path, epochs, double_checkpoint
):
    folder = tmp_path / "backup"
    for epoch in epochs:
        with pytest.raises(SystemExit):
            trained(folder, Crash(epoch), double_checkpoint=double_checkpoint)
        assert len(list(folder.glob("*.safetensors"))) == 1 + (double_checkpoint and epoch > 1)
    model = trained(folder, double_checkpoint=double_checkpoint)
    assert model.history.history == trained(None).history.history
    assert model.parameters.tobytes() == trained(None).parameters.tobytes()
    assert model.optimizer.iterations == 30
    assert not folder.exists()


def test_a_backup_within_an_epoch(tmp_path):
    with pytest.raises(SystemExit):
        trained(tmp_path / "b", Crash(2, 3), save_freq=3)
    # the last backup is of step 12: the end of batch 1 of epoch 2
    seen = []
    watch = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((batch, logs["loss"]))
    )
    model = trained(tmp_path / "b", watch, save_freq=3, delete_checkpoint=False)
    assert [batch for batch, _ in seen] == [2, 3, 4] + 3 * [0, 1, 2, 3, 4]
    whole = trained(None)
    assert model.history.history == whole.history.history
    assert seen[2][1] == whole.history.history["loss"][2]
    assert model.optimizer.iterations == whole.optimizer.iterations == 30
    assert (tmp_path / "b").is_dir()


def test_a_damaged_backup(tmp_path):
    with pytest.raises(SystemExit):
        trained(tmp_path, Crash(4), double_checkpoint=True)
    latest = tmp_path / "backup.safetensors"
    latest.write_bytes(latest.read_bytes()[:-7])
    (tmp_path / "notes.txt").write_text("mine")
    begun = []
    watch = LambdaCallback(on_epoch_begin=lambda epoch, logs: begun.append(epoch))
    model = trained(tmp_path, watch, double_checkpoint=True)
    assert begun == [3, 4, 5]
    assert model.parameters.tobytes() == trained(None).parameters.tobytes()
    assert [file.name for file in tmp_path.iterdir()] == ["notes.txt"]


def test_a_damaged_backup_without_another(tmp_path):
    with pytest.raises(SystemExit):
        trained(tmp_path, Crash(4))
    for file in tmp_path.glob("*.safetensors"):
        file.write_bytes(b"nothing")
    with pytest.raises(FileError, match="damaged"):
        trained(tmp_path)


def test_a_second_fit_of_the_same_model_begins_where_it_says(tmp_path):
    with pytest.raises(SystemExit):
        trained(tmp_path, Crash(4))
    model = trained(tmp_path)
    assert model.fit(X, Y, epochs=2, verbose=0).epoch == [0, 1]


def test_a_backup_needs_a_built_model(tmp_path):
    with pytest.raises(ArgumentError, match="backup_dir"):
        BackupAndRestore("")
    model = Sequential([layers.Dense(1)])
    backup = BackupAndRestore(tmp_path)
    backup.set_model(model)
    with pytest.raises(NotBuiltError):
        backup.on_train_begin()


# --- pictures and tables ---------------------------------------------------------------------


def a_history():
    return compiled().fit(X, Y, epochs=4, verbose=0, validation_split=0.5, validation_freq=2)


def test_history_as_a_frame():
    pandas = pytest.importorskip("pandas")
    history = a_history()
    frame = history.to_frame()
    assert list(frame.columns) == ["loss", "mae", "val_loss", "val_mae"]
    assert frame.index.name == "epoch"
    assert frame["loss"].tolist() == history.history["loss"]
    assert frame["val_loss"].isna().tolist() == [True, False, True, False]
    assert frame["val_mae"].dropna().tolist() == history.history["val_mae"]
    assert isinstance(frame, pandas.DataFrame)
    assert History().to_frame().empty


def test_history_as_a_picture():
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    history = a_history()
    figure = history.plot()
    assert [axis.get_ylabel() for axis in figure.axes] == ["loss", "mae"]
    training, validation = figure.axes[0].lines
    assert training.get_xdata().tolist() == [1, 2, 3, 4]
    assert training.get_ydata().tolist() == history.history["loss"]
    assert validation.get_xdata().tolist() == [2, 4]
    assert validation.get_ydata().tolist() == history.history["val_loss"]
    _, axis = plt.subplots()
    assert history.plot(["mae"], axis) is axis.figure
    assert axis.lines[0].get_ydata().tolist() == history.history["mae"]
    plt.close("all")


def test_tqdm(engine):
    pytest.importorskip("tqdm")
    stream = io.StringIO()
    model = compiled()
    bars = TqdmCallback(batches=True, file=stream)
    history = model.fit(X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[bars])
    text = stream.getvalue()
    assert "3/3" in text
    assert "batches" in text
    assert f"loss={history.history['loss'][-1]:.3g}" in text


def records(data):
    """Yield the records of a file: a length, its checksum, as many bytes, their checksum."""
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        yield data[12 : 12 + size]
        data = data[12 + size + 4 :]


def events(folder):
    """Tag -> list of (step, value) of the scalars in a folder, and the tags of histograms."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    scalars, histograms = {}, set()
    for file in sorted(folder.iterdir()):
        for event in records(file.read_bytes()):
            parsed = event_pb2.Event()
            parsed.ParseFromString(event)
            for value in parsed.summary.value:
                if value.HasField("histo"):
                    histograms.add(value.tag)
                else:
                    scalars.setdefault(value.tag, []).append((parsed.step, value.simple_value))
    return scalars, histograms


def test_tensorboard(tmp_path):
    pytest.importorskip("tensorboardX")
    board = TensorBoard(tmp_path, histogram_freq=2, write_steps_per_second=True, update_freq=2)
    model = compiled()
    history = model.fit(
        X, Y, batch_size=16, epochs=3, verbose=0, validation_split=0.2, callbacks=[board]
    )
    scalars, histograms = events(tmp_path / "train")
    loss = [(epoch, float(np.float32(v))) for epoch, v in enumerate(history.history["loss"])]
    assert scalars["epoch_loss"] == loss
    assert [step for step, _ in scalars["batch_mae"]] == [2, 4, 6]
    assert all(value > 0 for _, value in scalars["epoch_steps_per_second"])
    assert histograms == {f"{v.name}/histogram" for v in model.weights}
    scalars, histograms = events(tmp_path / "validation")
    mae = [(epoch, float(np.float32(v))) for epoch, v in enumerate(history.history["val_mae"])]
    assert scalars["epoch_mae"] == mae
    assert not histograms
    with pytest.raises(ArgumentError, match="profile"):
        TensorBoard(profile_batch=2)


def test_tensorboard_needs_its_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    with pytest.raises(ImportError, match="tensorboardX"):
        compiled().fit(X, Y, verbose=0, callbacks=[TensorBoard(tmp_path)])
