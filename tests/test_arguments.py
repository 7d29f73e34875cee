"""Words, names, paths, lists and switches: what is none is refused, by every class alike."""

import inspect
import io

import numpy as np
import pytest
from test_saving_configs import CLASSES, needed

from fastgd import callbacks, layers, losses, metrics, optimizers, regularizers
from fastgd.errors import ArgumentError, DataTypeError
from fastgd.optimizers import schedules


def taking(argument, *rooms):
    """Return the classes with an argument of this name, in some rooms or in all."""
    return [
        pytest.param(cls, id=name)
        for name, cls in CLASSES.items()
        if argument in inspect.signature(cls).parameters and name.startswith(tuple(rooms) or "")
    ]


NO_WORDS = [[], {}, {1, 2}, np.zeros(0), np.zeros(2), "other", b"min", 1.5, True, object]


@pytest.mark.parametrize("wrong", NO_WORDS, ids=repr)
@pytest.mark.parametrize(
    ("cls", "argument", "words"),
    [
        (losses.CosineSimilarity, "axis", "-1"),
        (losses.BinaryCrossentropy, "axis", "-1"),
        (metrics.CosineSimilarity, "axis", "-1 or 1"),
        (metrics.MeanIoU, "axis", "-1 or 1"),
        (metrics.PearsonCorrelation, "axis", "-1, 1 or 0"),
        (metrics.F1Score, "average", "None, 'micro', 'macro' or 'weighted'"),
        (metrics.R2Score, "class_aggregation", "None, 'uniform_average' or "),
        (metrics.ExpectedCalibrationError, "strategy", "'uniform' or 'quantile'"),
        (metrics.AUC, "curve", ""),
        (callbacks.EarlyStopping, "mode", "'auto', 'min' or 'max'"),
        (callbacks.ReduceLROnPlateau, "mode", "'auto', 'min' or 'max'"),
        (layers.Flatten, "data_format", "None or 'channels_last'"),
        (regularizers.OrthogonalRegularizer, "mode", "'rows' or 'columns'"),
    ],
)
def test_a_word_is_one_of_a_few(cls, argument, words, wrong):
    required = {"num_classes": 2} if cls is metrics.MeanIoU else {}
    with pytest.raises(ArgumentError, match=f"{argument}: expected .*{words}.*, got "):
        cls(**required, **{argument: wrong})


@pytest.mark.parametrize("cls", taking("reduction", "losses."))
def test_a_reduction_is_one_of_a_few(cls):
    for wrong in NO_WORDS:
        with pytest.raises(ArgumentError, match=r"reduction: expected .* or None, got "):
            cls(**needed(cls), reduction=wrong)
    assert cls(**needed(cls), reduction=np.str_("sum")).reduction == "sum"


@pytest.mark.parametrize("number", [-1, np.int64(-1)])
def test_a_whole_number_of_numpy_is_one(number):
    assert losses.CosineSimilarity(number).axis == -1
    assert metrics.MeanIoU(2, axis=number).axis == -1


@pytest.mark.parametrize("argument", ["save_freq", "update_freq"])
@pytest.mark.parametrize("wrong", [[], {}, np.zeros(2), np.array(["epoch"]), "other", 0, 1.5])
def test_how_often_is_a_word_or_a_number(argument, wrong):
    make = {
        "save_freq": [
            lambda w: callbacks.ModelCheckpoint("x", save_freq=w),
            lambda w: callbacks.BackupAndRestore("x", w),
        ],
        "update_freq": [lambda w: callbacks.TensorBoard(update_freq=w)],
    }
    for call in make[argument]:
        with pytest.raises((ArgumentError, DataTypeError), match=argument):
            call(wrong)


# --- paths -----------------------------------------------------------------------------------

PATHS = [
    (callbacks.CSVLogger, "filename"), (callbacks.ModelCheckpoint, "filepath"),
    (callbacks.BackupAndRestore, "backup_dir"), (callbacks.TensorBoard, "log_dir"),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "argument"), PATHS)
def test_what_is_no_path(cls, argument, tmp_path):
    for wrong in (None, 3, True, 1.5, [], ("a",), {}, io.BytesIO(), object()):
        with pytest.raises(DataTypeError, match=f"{argument}: expected a path, got "):
            cls(wrong)
    for wrong in ("a\0b", b"a\0b", "a\ud800"):
        with pytest.raises(ArgumentError, match=f"{argument}: no "):
            cls(wrong)
    for right in (tmp_path, str(tmp_path), str(tmp_path).encode()):
        assert getattr(cls(right), argument) == str(tmp_path)


# --- texts and switches ----------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [None, 3, [], {}, np.zeros(2), b"loss"], ids=repr)
def test_what_is_watched_is_a_name(wrong):
    for make in (
        callbacks.EarlyStopping, callbacks.ReduceLROnPlateau,
        lambda m: callbacks.ModelCheckpoint("x", m),
        lambda m: callbacks.OptunaPruning(object(), m),
    ):  # fmt: skip
        with pytest.raises(DataTypeError, match="monitor: expected a string"):
            make(wrong)


@pytest.mark.parametrize("wrong", [np.zeros(0), np.zeros(2), [], "yes", 3, None], ids=repr)
def test_whether_a_callback_speaks(wrong):
    for make in (
        callbacks.EarlyStopping, callbacks.ReduceLROnPlateau,
        lambda verbose: callbacks.ModelCheckpoint("x", verbose=verbose),
        lambda verbose: callbacks.LearningRateScheduler(float, verbose),
    ):  # fmt: skip
        with pytest.raises(ArgumentError, match="verbose: expected"):
            make(verbose=wrong)


SWITCHES = [
    (optimizers.SGD, "nesterov"), (optimizers.Adam, "amsgrad"), (optimizers.Adam, "use_ema"),
    (optimizers.RMSprop, "centered"), (optimizers.Adafactor, "relative_step"),
    (schedules.ExponentialDecay, "staircase"), (schedules.PolynomialDecay, "cycle"),
    (callbacks.CSVLogger, "append"),
]  # fmt: skip


@pytest.mark.parametrize(("cls", "argument"), SWITCHES)
def test_a_switch_is_true_or_false(cls, argument):
    required = {"filename": "x"} if cls is callbacks.CSVLogger else needed(cls)
    for wrong in (np.zeros(0), np.ones(2), [], "yes", None, 0.5):
        with pytest.raises(DataTypeError, match=f"{argument}: expected True or False"):
            cls(**required, **{argument: wrong})
    assert getattr(cls(**required, **{argument: 1}), argument) is True


@pytest.mark.parametrize("wrong", ["", ",,", "ab", "\ud800x"], ids=ascii)
def test_a_separator_is_one_character(wrong):
    with pytest.raises(ArgumentError, match="separator: expected one character"):
        callbacks.CSVLogger("x", wrong)
    for other in (None, 3, b",", [","]):
        with pytest.raises(DataTypeError, match="separator: expected a string"):
            callbacks.CSVLogger("x", other)
    assert callbacks.CSVLogger("x", ";").sep == ";"


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda limit: callbacks.EarlyStopping(baseline=limit), "baseline"),
        (
            lambda limit: callbacks.ModelCheckpoint("x", initial_value_threshold=limit),
            "initial_value_threshold",
        ),
    ],
)
def test_a_value_to_beat_is_a_number(make, argument):
    for wrong in ("x", [1.0], np.zeros(2), {}, np.nan, True):
        with pytest.raises((ArgumentError, DataTypeError), match=f"{argument}: expected a num"):
            make(wrong)
    assert make(-np.inf).best in (None, -np.inf)  # which any value beats


# --- lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [3, 0.5, None, True, int, np.array(0.5)], ids=repr)
def test_what_is_no_list(wrong):
    for argument, make in {
        "target_class_ids": lambda w: metrics.IoU(2, w),
        "boundaries": lambda w: schedules.PiecewiseConstantDecay(w, [0.1]),
        "values": lambda w: schedules.PiecewiseConstantDecay([], w),
    }.items():
        with pytest.raises(DataTypeError, match=f"{argument}: expected a list"):
            make(wrong)


def test_an_iterator_is_a_list():
    schedule = schedules.PiecewiseConstantDecay(iter([3, 5]), iter([0.3, 0.2, 0.1]))
    assert (schedule.boundaries, schedule.values) == ([3, 5], [0.3, 0.2, 0.1])
    metric = metrics.Recall(thresholds=iter([0.2, 0.5]))
    assert metric.get_config()["thresholds"] == metric.thresholds == [0.2, 0.5]
