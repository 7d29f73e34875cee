"""Callbacks that watch a figure: what they do, from figures written by hand."""

import numpy as np
import pytest
from problems import network, regression

from fastgd import Model, layers, metrics, optimizers
from fastgd.callbacks import (
    Callback,
    EarlyStopping,
    LearningRateScheduler,
    ModelCheckpoint,
    ReduceLROnPlateau,
    SwapEMAWeights,
)
from fastgd.callbacks.monitor import MonitorCallback
from fastgd.errors import ArgumentError, DataTypeError

X, Y = regression(20)


class Figures(Callback):
    """Puts figures of one's own into the logs, and numbers the weights by epochs."""

    def __init__(self, values, name="val_loss", mark=False):
        super().__init__()
        self.values, self.name, self.mark = values, name, mark

    def on_epoch_end(self, epoch, logs=None):
        logs[self.name] = self.values[epoch]
        if self.mark:
            self.model.parameters[:] = epoch + 1


def fitted(values, callback, epochs=None, name="val_loss", **arguments):
    """The epochs trained with these figures, and the model."""
    model = arguments.pop("model", None) or network()
    if model.optimizer is None:
        model.compile(optimizers.SGD(0.5), "mse")
    history = model.fit(
        X, Y, epochs=len(values) if epochs is None else epochs, verbose=0,
        callbacks=[Figures(values, name, mark=True), callback], **arguments,
    )  # fmt: skip
    return len(history.epoch), model


# --- EarlyStopping ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "arguments", "epochs"),
    [
        ([5, 4, 3, 2, 1], {}, 5),
        ([5, 6, 4, 3], {}, 2),  # patience 0: the first that is no better
        ([5, 6, 4, 5, 5, 3], {"patience": 2}, 5),
        ([5, 6, 4, 5, 5, 3], {"patience": 3}, 6),
        ([5, 4.9, 4.8, 1], {"patience": 2, "min_delta": 1}, 3),
        ([5, 4.9, 4.8, 1], {"patience": 2, "min_delta": -1}, 3),
        ([5, 6, 7, 6, 9], {"mode": "max"}, 4),
        ([5, 6, 7, 6], {"mode": "min"}, 2),
        ([5, 4, 3, 3.5, 1], {"baseline": 2, "patience": 2}, 4),  # better, but not than 2
        ([5, 1, 4, 4, 4], {"baseline": 2, "patience": 2}, 4),
        ([5, 6, 7, 4, 5, 1], {"start_from_epoch": 3}, 5),
        ([np.nan, 6, 7, 4], {"patience": 2}, 4),  # NaN is never the best
        ([5, np.nan, np.nan, 4], {"patience": 2}, 3),
        ([np.inf, 6, 7, 1], {"patience": 1}, 3),
    ],
)
def test_early_stopping(values, arguments, epochs):
    stop = EarlyStopping(**arguments)
    assert fitted(values, stop)[0] == epochs
    assert stop.stopped_epoch == (epochs - 1 if epochs < len(values) else 0)


@pytest.mark.parametrize("engine_stops", [True, False])
@pytest.mark.parametrize(
    ("values", "best"), [([5, 3, 4, 6], 2), ([3, 4, 5, 6], 1), ([np.nan, np.nan], 1)]
)
def test_best_weights_are_always_restored(values, best, engine_stops):
    stop = EarlyStopping(restore_best_weights=True, patience=2 if engine_stops else 10)
    _, model = fitted(values, stop)
    assert (model.parameters == best).all()
    assert stop.best_epoch == best - 1


def test_weights_are_not_restored_unless_asked_for():
    _, model = fitted([5, 3, 4, 6], EarlyStopping(patience=10))
    assert (model.parameters == 4).all()


def test_best_weights_are_restored_where_another_callback_stops():
    class Stop(Callback):
        def on_epoch_end(self, epoch, logs=None):
            self.model.stop_training = epoch == 2

    stop = EarlyStopping(restore_best_weights=True, patience=10)
    model = network()
    model.compile("sgd", "mse")
    marks = Figures([5, 3, 4, 1], mark=True)
    model.fit(X, Y, epochs=4, verbose=0, callbacks=[marks, stop, Stop()])
    assert (model.parameters == 2).all()


def test_a_used_early_stopping_is_like_a_fresh_one():
    used = EarlyStopping(patience=1, restore_best_weights=True, baseline=4)
    fitted([1, 2, 3], used)
    values = [9, 8, 7, 3, 4, 5]
    fresh = EarlyStopping(patience=1, restore_best_weights=True, baseline=4)
    found = []
    for stop in (used, fresh):
        epochs, model = fitted(values, stop)
        found.append(
            (epochs, model.parameters.tolist(), vars(stop) | {"model": 0, "params": 0})
        )
        for weights in found[-1][2].pop("best_weights"):
            assert (weights == found[-1][1][0]).all()
    assert found[0] == found[1]


def test_early_stopping_on_what_is_not_there():
    model = network()
    model.compile("sgd", "mse", metrics=["mae"])
    with pytest.warns(UserWarning, match=r"EarlyStopping: monitor='val_loss'.*loss, mae"):
        model.fit(X, Y, verbose=0, callbacks=[EarlyStopping()])


def test_early_stopping_says_what_it_does(capsys):
    fitted([5, 6], EarlyStopping(verbose=1, restore_best_weights=True))
    assert capsys.readouterr().out == (
        "Epoch 2: early stopping\nRestoring the weights of the best epoch: 1\n"
    )


def test_early_stopping_on_the_figures_of_a_validation(engine):
    model = network()
    model.compile("adam", "mse")
    stop = EarlyStopping(patience=3, restore_best_weights=True)
    history = model.fit(X, Y, epochs=300, verbose=0, validation_split=0.5, callbacks=[stop])
    best = min(history.history["val_loss"])
    assert stop.best == best
    assert model.evaluate(X[10:], Y[10:], verbose=0) == best


# --- which way is up -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        (metrics.MeanSquaredError(name="mine"), "min"),
        (metrics.MeanAbsoluteError(), "min"),
        (metrics.BinaryAccuracy(name="error_free"), "max"),
    ],
)
def test_a_metric_says_which_way_is_up(metric, direction):
    model = network()
    model.compile("sgd", "mse", metrics=[metric])
    watch = MonitorCallback(f"val_{metric.name}")
    watch.set_model(model)
    assert watch.direction() == direction
    assert watch.improves(2, 1) == (direction == "max")


def test_a_metric_may_say_it_itself():
    class Mine(metrics.MeanSquaredError):
        direction = "up"

    model = network()
    model.compile("sgd", "mse", metrics=[Mine(name="mine")])
    watch = MonitorCallback("mine")
    watch.set_model(model)
    assert watch.direction() == "max"


def test_a_figure_without_a_direction():
    with pytest.raises(ArgumentError, match=r"monitor: 'profit'.*mode='min'"):
        fitted([1, 2], EarlyStopping("profit"), name="profit")
    assert fitted([1, 2, 1], EarlyStopping("profit", mode="max"), name="profit")[0] == 3


@pytest.mark.parametrize(
    ("monitor", "direction"),
    [
        ("val_risk_auc", "max"),  # by the output
        ("risk_auc_1", "max"),  # the second of the name
        ("val_risk_weighted_auc", "max"),  # with and without weights
        ("val_price_mean_absolute_error", "min"),
        ("val_price_mine", "max"),
        ("price_surplus_loss", "max"),  # a metric first
        ("val_risk_loss", "min"),
        ("loss", "min"),
    ],
)
def test_a_recorded_name_says_which_way_is_up(monitor, direction):
    class Mine(metrics.MeanSquaredError):
        direction = "up"

    x = layers.Input((3,))
    risk = layers.Dense(1, activation="sigmoid", name="risk")(x)
    price = layers.Dense(1, name="price")(x)
    model = Model(x, {"risk": risk, "price": price})
    model.compile(
        "sgd", {"risk": "binary_crossentropy", "price": "mse"},
        metrics={
            "risk": [metrics.AUC(name="auc"), metrics.AUC(50, name="auc")],
            "price": ["mean_absolute_error", Mine(name="mine"), Mine(name="surplus_loss")],
        },
        weighted_metrics={"risk": [metrics.AUC(name="auc")]},
    )  # fmt: skip
    assert monitor.removeprefix("val_") in model.metrics_names
    data = np.arange(12.0).reshape(4, 3), {"risk": [0, 1, 0, 1], "price": [1, 2, 3, 4]}
    for watch in (EarlyStopping(monitor), ReduceLROnPlateau(monitor),
                  ModelCheckpoint("unused", monitor, save_best_only=True)):  # fmt: skip
        watch.set_model(model)
        watch.on_train_begin()
        assert watch.direction() == direction
        assert watch.improves(2, 1) == (direction == "max")
    model.fit(*data, validation_data=data, verbose=0, callbacks=[EarlyStopping(monitor)])


@pytest.mark.parametrize(
    "make",
    [
        EarlyStopping,
        ReduceLROnPlateau,
        lambda monitor: ModelCheckpoint("unused", monitor, save_best_only=True),
    ],
)
def test_what_cannot_be_watched_ends_before_the_first_epoch(make):
    def profit(y_true, y_pred):
        return y_pred

    model = network()
    model.compile("sgd", "mse", metrics=[profit])
    before = model.parameters.copy()
    with pytest.raises(ArgumentError, match=r"monitor: 'val_profit'.*mode='max'"):
        model.fit(X, Y, verbose=0, validation_data=(X, Y), callbacks=[make("val_profit")])
    np.testing.assert_array_equal(model.parameters, before)
    assert model.history.epoch == []


def test_a_checkpoint_of_every_epoch_watches_nothing(tmp_path):
    path = tmp_path / "{epoch}.fastgd"
    fitted([1, 2], ModelCheckpoint(path, "profit"), name="profit")
    assert len(list(tmp_path.iterdir())) == 2


# --- learning rates --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "callback", [ReduceLROnPlateau("loss"), LearningRateScheduler(lambda epoch: 0.1)]
)
def test_the_rate_of_a_schedule_cannot_be_set(callback):
    model = network()
    model.compile(optimizers.SGD(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)), "mse")
    before = model.parameters.copy()
    with pytest.raises(ArgumentError, match=rf"{type(callback).__name__}: .*Schedule"):
        model.fit(X, Y, verbose=0, callbacks=[callback])
    np.testing.assert_array_equal(model.parameters, before)
    assert model.history.epoch == []


@pytest.mark.parametrize(
    ("values", "arguments", "rates"),
    [
        ([5, 5, 5, 5], {"patience": 1, "factor": 0.5}, [0.5, 0.5, 0.25, 0.125]),
        ([5, 4, 3, 2], {"patience": 1}, [0.5] * 4),
        ([5, 5, 5, 5, 5], {"patience": 2, "factor": 0.5}, [0.5, 0.5, 0.5, 0.25, 0.25]),
        ([5] * 6, {"patience": 1, "factor": 0.5, "cooldown": 2},
         [0.5, 0.5, 0.25, 0.25, 0.125, 0.125]),
        ([5] * 4, {"patience": 1, "factor": 0.5, "min_lr": 0.2}, [0.5, 0.5, 0.25, 0.2]),
        ([1, 2, 3], {"patience": 1, "mode": "max"}, [0.5] * 3),
        ([5, 4.99995, 4.9999], {"patience": 1, "factor": 0.5}, [0.5, 0.5, 0.25]),
        ([5, 4.99995, 4.9999], {"patience": 1, "min_delta": 0}, [0.5] * 3),
    ],
)  # fmt: skip
def test_reduce_on_plateau(values, arguments, rates):
    reduce = ReduceLROnPlateau(**arguments)
    _, model = fitted(values, reduce)
    assert model.history.history["learning_rate"] == pytest.approx(rates)
    model.optimizer.learning_rate = 0.5
    fitted(values, reduce, model=model)  # a second run begins anew
    assert model.history.history["learning_rate"] == pytest.approx(rates)


def test_reduce_on_plateau_says_what_it_does(capsys):
    fitted([5, 5], ReduceLROnPlateau(patience=1, factor=0.5, verbose=1))
    assert capsys.readouterr().out == "\nEpoch 2: learning rate reduced to 0.25\n"
    with pytest.raises(ArgumentError, match="factor"):
        ReduceLROnPlateau(factor=1.0)
    with pytest.warns(UserWarning, match="monitor='nothing' is not recorded"):
        fitted([1], ReduceLROnPlateau("nothing", mode="min"))


@pytest.mark.parametrize(
    ("schedule", "rates"),
    [
        (lambda epoch, rate: rate * 0.5, [0.25, 0.125, 0.0625]),
        (lambda epoch: 1 / (1 + epoch), [1.0, 0.5, 1 / 3]),
        (lambda epoch, rate: np.float32(0.25), [0.25, 0.25, 0.25]),
    ],
)
def test_learning_rate_scheduler(engine, schedule, rates):
    _, model = fitted([1, 1, 1], LearningRateScheduler(schedule))
    assert model.history.history["learning_rate"] == rates
    assert model.optimizer.learning_rate == rates[-1]


def test_scheduled_rates_reach_the_steps(engine):
    x, y = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    model = network((), 1)
    model.compile(optimizers.SGD(0.5), "mse")
    model.set_weights([[[1.0]], [0.0]])
    model.fit(x, y, epochs=1, verbose=0, callbacks=[LearningRateScheduler(lambda e: 0.125)])
    # the gradient of (w x + b)² is 2 (w x + b) = 2 in both
    assert model.get_weights()[0].item() == 0.75
    assert model.get_weights()[1].item() == -0.25


@pytest.mark.parametrize(
    ("schedule", "error"),
    [(lambda e: "fast", DataTypeError), (lambda e: -1.0, ArgumentError), (5, DataTypeError)],
)
def test_bad_schedules(schedule, error):
    with pytest.raises(error, match="schedule"):
        fitted([1], LearningRateScheduler(schedule))


def test_scheduler_says_what_it_does(capsys):
    fitted([1], LearningRateScheduler(lambda e: 0.1, verbose=1))
    assert capsys.readouterr().out == "\nEpoch 1: learning rate set to 0.1\n"


# --- saving ----------------------------------------------------------------------------------


class Saves:
    """Stands for a model that is saved: notes where, when and how."""

    def __init__(self, model):
        self.calls = []
        for how in ("save", "save_weights"):
            setattr(model, how, self.noting(how, model))

    def noting(self, how, model):
        def save(path, overwrite=True):
            assert overwrite
            self.calls.append((how, path, model.optimizer.iterations))

        return save


def saved(values, epochs=None, batch_size=10, **arguments):
    model = network()
    model.compile("sgd", "mse")
    saves = Saves(model)
    checkpoint = ModelCheckpoint(**arguments)
    model.fit(
        X, Y, epochs=len(values), batch_size=batch_size, verbose=0,
        callbacks=[Figures(values), checkpoint],
    )  # fmt: skip
    return saves.calls


def test_checkpoint_after_each_epoch(tmp_path):
    path = tmp_path / "deep" / "{epoch:02d}-{val_loss:.1f}.fastgd"
    calls = saved([5, 6], filepath=path)
    assert calls == [
        ("save", str(tmp_path / "deep" / "01-5.0.fastgd"), 2),
        ("save", str(tmp_path / "deep" / "02-6.0.fastgd"), 4),
    ]
    assert (tmp_path / "deep").is_dir()


@pytest.mark.parametrize(
    ("arguments", "epochs"),
    [
        ({}, [1, 3, 5]),
        ({"mode": "max"}, [1, 2, 4]),
        ({"initial_value_threshold": 4.5}, [3, 5]),
        ({"monitor": "loss", "mode": "min", "initial_value_threshold": -1}, []),
    ],
)
def test_checkpoint_of_the_best_only(arguments, epochs):
    calls = saved(
        [5, 6, 4, 7, 3], filepath="{epoch}", save_best_only=True, save_weights_only=True,
        **arguments,
    )  # fmt: skip
    assert [(how, int(path)) for how, path, _ in calls] == [("save_weights", e) for e in epochs]


def test_checkpoint_after_so_many_batches():
    calls = saved([5, 6, 7], batch_size=5, filepath="{epoch}-{batch}", save_freq=3)
    assert [path for _, path, _ in calls] == ["1-3", "2-2", "3-1", "3-4"]
    assert [steps for _, _, steps in calls] == [3, 6, 9, 12]


def test_checkpoint_says_what_it_does(capsys):
    saved([5, 6], filepath="there", save_best_only=True, verbose=1)
    assert capsys.readouterr().out == (
        "\nEpoch 1: val_loss improved from nothing to 5.00000\n"
        "\nEpoch 1: saving to there\n"
        "\nEpoch 2: val_loss did not improve on 5.00000: 6.00000\n"
    )


def test_bad_checkpoints():
    with pytest.raises(ArgumentError, match=r"filepath: '\{mae\}'.*epoch, loss"):
        saved([1], filepath="{mae}")
    with pytest.raises(ArgumentError, match="save_freq"):
        ModelCheckpoint("a", save_freq="batch")
    with pytest.raises(ArgumentError, match="mode"):
        ModelCheckpoint("a", mode="down")


# --- averages of weights ---------------------------------------------------------------------


class Averaging(optimizers.SGD):
    """An optimizer whose averages are numbers by hand."""

    def __init__(self, learning_rate):
        super().__init__(learning_rate, use_ema=True)

    def finalize_variable_values(self, var_list):
        for variable in var_list:
            variable.assign(np.full(variable.shape, 7))


def weights_seen(swap_on_epoch, epochs=2, validation_data=(X, Y)):
    seen = []

    class Look(Callback):
        def note(self, *arguments):
            seen.append((self.model.parameters == 7).all())

        on_epoch_begin = on_train_batch_begin = on_test_begin = on_test_end = note
        on_epoch_end = note

    model = network()
    model.compile(Averaging(0.1), "mse")
    model.fit(
        X, Y, epochs=epochs, verbose=0, validation_data=validation_data,
        callbacks=[SwapEMAWeights(swap_on_epoch), Look()],
    )  # fmt: skip
    return [bool(s) for s in seen], model


def test_swap_ema_weights():
    # from the validation on, so that callbacks keep the weights that it judged
    assert weights_seen(False)[0] == 2 * [False, False, True, True, True]
    model = weights_seen(False)[1]
    before = model.parameters.copy()
    expected = network()
    expected.compile("sgd", "mse")
    expected.build()
    expected.parameters[:] = 7
    swap = SwapEMAWeights()
    assert model.predict(X, callbacks=[swap]).tobytes() == expected.predict(X).tobytes()
    assert (
        model.evaluate(X, Y, verbose=0, callbacks=[swap])
        == expected.evaluate(X, Y, verbose=0)
    )  # fmt: skip
    assert (model.parameters == before).all()


@pytest.mark.parametrize("swap", [False, True])
def test_swap_ema_weights_at_the_end_of_epochs_without_validation(swap):
    assert weights_seen(swap, validation_data=None)[0] == 2 * [False, False, swap]


def test_swap_ema_weights_needs_averages():
    model = network()
    model.compile("sgd", "mse")
    with pytest.raises(ArgumentError, match="use_ema"):
        model.evaluate(X, Y, verbose=0, callbacks=[SwapEMAWeights()])
