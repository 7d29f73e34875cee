"""What the value of a metric may be, a number or an array, and where it is shown."""

import csv

import numpy as np
import pytest

from fastgd import Sequential, callbacks, layers, many, metrics, utils
from fastgd._training.progress import figures_text
from fastgd.errors import ArgumentError, DataTypeError

X = np.random.default_rng(0).normal(size=(60, 3))
LABELS = np.argmax(X + 0.5, axis=1)
Y = np.eye(3)[LABELS]


def classifier(*chosen):
    utils.set_random_seed(2)
    model = Sequential([layers.Input((3,)), layers.Dense(3, activation="softmax")])
    model.compile("sgd", "categorical_crossentropy", metrics=list(chosen))
    return model


# --- values that are variables ----------------------------------------------------------------


class Seen(metrics.Metric):
    """Counts rows in a variable, which its result is, as in Keras' documentation."""

    def __init__(self, shape=(), name="seen", **kwargs):
        super().__init__(name=name, **kwargs)
        self.rows = self.add_weight(shape=shape, name="rows", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.rows.assign(self.rows + len(y_true))

    def result(self):
        return self.rows


@pytest.mark.parametrize("shape", [(), (2,)])
def test_a_variable_is_read_at_once(engine, shape):
    metric = Seen(shape)
    first, second = metric([0, 1], [0, 1]), metric([0, 1, 1], [0, 1, 1])
    np.testing.assert_array_equal(first, np.full(shape, 2))
    np.testing.assert_array_equal(second, np.full(shape, 5))
    model = classifier(Seen(shape))
    history = model.fit(X, Y, epochs=2, verbose=0, validation_data=(X[:7], Y[:7])).history
    for epoch in range(2):
        np.testing.assert_array_equal(history["seen"][epoch], np.full(shape, 60))
        np.testing.assert_array_equal(history["val_seen"][epoch], np.full(shape, 7))
    kept = model.evaluate(X, Y, verbose=0)[1]
    model.evaluate(X[:4], Y[:4], verbose=0)
    np.testing.assert_array_equal(kept, np.full(shape, 60))
    if shape == ():
        assert type(kept) is float and type(history["seen"][0]) is float


def test_a_variable_can_be_watched():
    class Rises(Seen):
        def reset_state(self):
            self.rounds = getattr(self, "rounds", 0) + 1
            super().reset_state()

        def result(self):
            self.rows.assign(float(self.rounds))
            return self.rows

    stop = callbacks.EarlyStopping("seen", patience=2, mode="max")
    history = classifier(Rises()).fit(X, Y, epochs=9, verbose=0, callbacks=[stop])
    assert history.history["seen"] == list(range(1, 10)) and stop.best == 9


def test_a_value_that_is_no_number_is_refused():
    class Text(Seen):
        def result(self):
            return "good"

    with pytest.raises(DataTypeError, match=r"seen: expected result\(\).*'good'"):
        classifier(Text()).evaluate(X, Y, verbose=0)


# --- arrays -----------------------------------------------------------------------------------

ARRAYS = [metrics.F1Score(name="f1"), metrics.R2Score(None, name="f1"),
          metrics.Recall([0.1, 0.5, 0.9], name="f1"), Seen((3,), name="f1")]  # fmt: skip
each_array = pytest.mark.parametrize("metric", ARRAYS, ids=lambda m: type(m).__name__)


@each_array
@pytest.mark.parametrize("verbose", [1, 2])
def test_arrays_are_shown(metric, verbose, capsys):
    model = classifier(metric)
    history = model.fit(X, Y, verbose=verbose, validation_data=(X, Y)).history
    model.evaluate(X, Y, verbose=verbose)
    shown = capsys.readouterr().out
    for value in (history["f1"][0], history["val_f1"][0]):
        assert value.shape == (3,)
        first = f"{value[0]:.4f}" if abs(value[0]) >= 1e-3 or value[0] == 0 else ""
        assert f"f1: [{first}" in shown


def test_long_arrays_are_cut():
    assert figures_text({"a": np.array([0.5, 0.0001])}) == " - a: [0.5000 1.0000e-04]"
    assert figures_text({"a": np.ones(100)}) == f" - a: [{'1.0000 ' * 8}...]"


class NoTrial:
    def report(self, value, step):
        raise AssertionError("it was given an array")


@each_array
@pytest.mark.parametrize(
    "make",
    [
        lambda path: callbacks.EarlyStopping("val_f1", mode="max"),
        lambda path: callbacks.ReduceLROnPlateau("val_f1", mode="max"),
        lambda path: callbacks.ModelCheckpoint(path, "val_f1", save_best_only=True, mode="max"),
        lambda path: callbacks.OptunaPruning(NoTrial(), "val_f1"),
    ],
)
def test_one_number_is_asked_for(metric, make, tmp_path):
    with pytest.raises(ArgumentError, match=r"monitor: 'val_f1' is an array of shape \(3,\)"):
        classifier(metric).fit(
            X, Y, verbose=0, validation_data=(X, Y), callbacks=[make(tmp_path / "best.fastgd")]
        )


@each_array
def test_a_file_name_takes_one_number(metric, tmp_path):
    saver = callbacks.ModelCheckpoint(tmp_path / "{epoch}-{f1:.2f}.fastgd")
    with pytest.raises(ArgumentError, match=r"filepath: .*f1:\.2f"):
        classifier(metric).fit(X, Y, verbose=0, callbacks=[saver])
    assert not list(tmp_path.iterdir())


@each_array
def test_arrays_are_recorded(metric, tmp_path):
    class Writer:
        def __init__(self):
            self.seen = {}

        def add_scalar(self, tag, value, step):
            self.seen[tag] = float(value)

        def close(self):
            pass

    board, writer = callbacks.TensorBoard(tmp_path), Writer()
    board._writer = lambda name: writer
    model = classifier(metric)
    history = model.fit(
        X, Y, epochs=2, verbose=0,
        callbacks=[callbacks.CSVLogger(tmp_path / "log.csv"), board],
    )  # fmt: skip
    last = history.history["f1"][-1]
    assert [writer.seen[f"epoch_f1_{k}"] for k in range(3)] == last.tolist()
    assert writer.seen["epoch_loss"] == history.history["loss"][-1]
    with open(tmp_path / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows[1]["f1"] == f'"[{", ".join(map(str, last))}]"'
    frame = history.to_frame()
    np.testing.assert_array_equal(frame["f1"][1], last)
    assert frame["loss"].dtype == "float64"


def test_arrays_are_drawn_as_several_lines():
    pyplot = pytest.importorskip("matplotlib.pyplot")
    history = classifier(metrics.F1Score(name="f1")).fit(X, Y, epochs=4, verbose=0)
    axis = history.plot(["f1"]).axes[0]
    drawn = np.array([line.get_ydata() for line in axis.lines])
    np.testing.assert_array_equal(drawn, np.transpose(history.history["f1"]))
    pyplot.close("all")


def test_arrays_of_many_models():
    f1 = metrics.F1Score(name="f1")
    bags = many.bagging(lambda: classifier(metrics.F1Score(name="f1"), "accuracy"), X, Y, 4,
                        seed=1, batch_size=8, epochs=3)  # fmt: skip
    tested = bags.counts > 0
    np.testing.assert_array_equal(bags.scores["f1"], f1(Y[tested], bags.predictions[tested]))
    assert "f1=[" in repr(bags) and "accuracy=0." in repr(bags)
    found = many.cross_validate(
        lambda: classifier(metrics.F1Score(name="f1")), X, Y, 3, seed=1, epochs=3
    )
    each = np.array([result.scores["test_f1"] for result in found])
    np.testing.assert_array_equal(found.scores["test_f1"], each)
    np.testing.assert_allclose(found.means["test_f1"], each.mean(axis=0))
    np.testing.assert_allclose(found.deviations["test_f1"], each.std(axis=0, ddof=1))
    assert type(found.means["test_loss"]) is float
    assert "test_f1=[" in repr(found)
    with pytest.raises(ArgumentError, match=r"monitor: 'f1' is an array"):
        many.grid_search(
            lambda units: classifier(metrics.F1Score(name="f1")), {"units": [1, 2]}, X, Y,
            splits=2, monitor="f1", mode="max",
        )  # fmt: skip


def test_a_search_finds_the_direction_by_the_recorded_name():
    def model(units):
        return classifier("mae", metrics.AUC(name="auc"), metrics.AUC(exact=True, name="auc"))

    for monitor, mode in (("auc_1", "max"), ("mae", "min")):
        found = many.grid_search(
            model, {"units": [1, 2]}, X, Y, splits=2, monitor=monitor, epochs=1
        )
        assert (found.monitor, found.mode) == (monitor, mode)
