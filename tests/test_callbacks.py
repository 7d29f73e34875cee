"""Callbacks: which hooks are called, when, with what, and what they may do."""

import numpy as np
import pytest
from problems import network, regression, spy_on

from fastgd import callbacks, optimizers, utils
from fastgd.callbacks import Callback, CallbackList, History, LambdaCallback
from fastgd.callbacks.callback import ALIASES, HOOKS
from fastgd.errors import DataTypeError, DivergenceError

X, Y = regression(50)


def compiled(optimizer="sgd", metrics=("mae",)):
    model = network()
    model.compile(optimizer, "mse", metrics=list(metrics))
    return model


def recorder(*hooks):
    """A callback of a class of its own that overrides hooks; its ``seen`` holds the calls."""

    class Recorder(Callback):
        def __init__(self):
            super().__init__()
            self.seen = []

    def recording(name):
        def hook(self, *arguments, logs=None):
            *number, logs = (*arguments, logs) if logs is not None else arguments
            self.seen.append((name, *number, dict(logs)))

        return hook

    for name in hooks:
        setattr(Recorder, name, recording(name))
    return Recorder()


def names(seen):
    """The calls without their logs."""
    return [call[:-1] for call in seen]


NO_OWN = [hook for hook in HOOKS if "progress" not in hook and "diverged" not in hook]


def test_order_of_all_hooks_of_fit(engine):
    seen = recorder(*NO_OWN)
    compiled().fit(
        X, Y, batch_size=16, epochs=2, verbose=0, callbacks=seen, validation_split=0.4
    )
    train = [(f"on_train_batch_{when}", batch) for batch in (0, 1) for when in ("begin", "end")]
    test = [(f"on_test_batch_{when}", batch) for batch in (0, 1) for when in ("begin", "end")]
    expected = [("on_train_begin",)]
    for epoch in (0, 1):
        expected += [("on_epoch_begin", epoch), *train]
        expected += [("on_test_begin",), *test, ("on_test_end",), ("on_epoch_end", epoch)]
    assert names(seen.seen) == [*expected, ("on_train_end",)]


def test_order_of_all_hooks_of_evaluate_and_predict(engine):
    seen = recorder(*NO_OWN)
    model = compiled()
    model.evaluate(X, Y, batch_size=30, verbose=0, callbacks=[seen])
    whens = [(f"on_{{}}_batch_{when}", batch) for batch in (0, 1) for when in ("begin", "end")]
    within = [[(name.format(kind), b) for name, b in whens] for kind in ("test", "predict")]
    assert names(seen.seen) == [("on_test_begin",), *within[0], ("on_test_end",)]
    seen.seen.clear()
    outputs = model.predict(X, batch_size=30, callbacks=[seen])
    assert names(seen.seen) == [("on_predict_begin",), *within[1], ("on_predict_end",)]
    parts = [call[-1]["outputs"] for call in seen.seen if call[0] == "on_predict_batch_end"]
    assert [len(part) for part in parts] == [30, 20]
    assert np.concatenate(parts).tobytes() == outputs.tobytes()
    assert model.predict(X).tobytes() == outputs.tobytes()


def test_logs_of_batches_are_the_means_so_far(engine):
    seen = recorder("on_train_batch_end", "on_test_batch_end", "on_test_end", "on_epoch_end")
    model = compiled(optimizers.SGD(0.0))
    model.fit(
        X, Y, batch_size=20, verbose=0, shuffle=False, callbacks=[seen],
        validation_data=(X[:30], Y[:30]), validation_batch_size=20,
    )  # fmt: skip
    error = np.abs(model.predict(X).astype(float) - Y)[:, 0]

    def means(rows):
        return {"loss": np.mean(error[:rows] ** 2), "mae": np.mean(error[:rows])}

    logs = {call[:-1]: call[-1] for call in seen.seen}
    for batch, rows in enumerate((20, 40, 50)):
        assert logs["on_train_batch_end", batch] == pytest.approx(means(rows), rel=1e-5)
    for batch, rows in enumerate((20, 30)):
        assert logs["on_test_batch_end", batch] == pytest.approx(means(rows), rel=1e-5)
    assert logs["on_test_end",] == pytest.approx(means(30), rel=1e-5)
    assert list(logs["on_epoch_end", 0]) == ["loss", "mae", "val_loss", "val_mae"]
    assert logs["on_epoch_end", 0]["val_loss"] == logs["on_test_end",]["loss"]


EPOCH_HOOKS = ("on_train_begin", "on_epoch_begin", "on_epoch_end", "on_test_end")


@pytest.mark.parametrize(
    ("hooks", "calls_of_an_epoch"),
    [
        (EPOCH_HOOKS, 1),
        (("on_train_progress", "on_test_progress"), 1),
        (("on_test_batch_end", "on_predict_batch_begin"), 1),
        (("on_train_batch_end",), 4),
        (("on_batch_begin",), 4),
    ],
)
def test_only_hooks_of_batches_cut_an_epoch(engine, monkeypatch, hooks, calls_of_an_epoch):
    model = compiled()
    spy = spy_on(model, monkeypatch)
    model.fit(X, Y, batch_size=14, epochs=3, verbose=0, callbacks=[recorder(*hooks)])
    assert len(spy.calls) == 3 * calls_of_an_epoch


def test_a_cut_epoch_has_the_same_bits(engine):
    found = []
    for hooks in ((), ("on_train_batch_begin", "on_test_batch_end")):
        utils.set_random_seed(3)
        model = compiled("adam")
        history = model.fit(
            X, Y, batch_size=8, epochs=3, verbose=0, callbacks=[recorder(*hooks)],
            validation_split=0.3,
        )  # fmt: skip
        found.append((history.history, model.parameters.tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("alias", ALIASES.values())
def test_both_names_of_the_hooks_of_batches(alias):
    seen = recorder(alias)
    compiled().fit(X, Y, batch_size=25, verbose=0, callbacks=[seen])
    assert names(seen.seen) == [(alias, 0), (alias, 1)]


def test_progress_tells_how_far_an_epoch_is(engine):
    seen = recorder("on_train_progress", "on_test_progress")
    model = compiled()
    model.fit(X, Y, batch_size=16, verbose=0, callbacks=[seen], validation_data=(X, Y))
    assert names(seen.seen)[0][0] == "on_train_progress"
    assert ("on_train_progress", 4) in names(seen.seen)
    assert names(seen.seen)[-1] == ("on_test_progress", 4)
    assert seen.seen[-1][-1]["loss"] == model.history.history["val_loss"][0]


def test_model_and_params_are_there_from_the_beginning():
    seen = []

    class Look(Callback):
        def on_train_begin(self, logs=None):
            seen.append((self.model, dict(self.params)))

    model = compiled()
    history = model.fit(X, Y, batch_size=20, epochs=2, verbose=0, callbacks=[Look()])
    assert seen == [(model, {"epochs": 2, "steps": 3, "verbose": 0})]
    assert history.params == seen[0][1]


@pytest.mark.parametrize(
    ("hook", "epochs", "steps"),
    [("on_epoch_end", 2, 8), ("on_train_batch_end", 1, 2), ("on_train_begin", 1, 4)],
)
def test_stop_training(engine, hook, epochs, steps):
    model = compiled()

    def stop(*arguments):
        number = arguments[0] if len(arguments) > 1 else 1
        model.stop_training = number >= 1

    history = model.fit(
        X, Y, batch_size=14, epochs=5, verbose=0, callbacks=[LambdaCallback(**{hook: stop})]
    )
    assert len(history.epoch) == epochs
    assert model.optimizer.iterations == steps
    model.fit(X, Y, batch_size=14, epochs=2, verbose=0)  # it is forgotten
    assert model.optimizer.iterations == steps + 8


def test_stop_evaluating_and_predicting():
    model = compiled()

    def stop(batch, logs):
        model.stop_evaluating = model.stop_predicting = batch == 1

    halt = LambdaCallback(on_test_batch_end=stop, on_predict_batch_end=stop)
    whole = model.evaluate(X[:20], Y[:20], verbose=0)
    assert model.evaluate(X, Y, batch_size=10, verbose=0, callbacks=[halt]) == whole
    assert len(model.predict(X, batch_size=10, callbacks=[halt])) == 20


@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_begin", "on_train_batch_end"])
def test_an_error_in_a_callback_leaves_a_usable_model(engine, hook):
    def fail(*arguments):
        if arguments[0] or hook == "on_train_begin":
            raise KeyError("mine")

    model = compiled("adam")
    seen = recorder("on_train_end")
    with pytest.raises(KeyError, match="mine"):
        model.fit(
            X, Y, batch_size=25, epochs=3, verbose=0,
            callbacks=[seen, LambdaCallback(**{hook: fail})],
        )  # fmt: skip
    assert seen.seen == []
    steps = model.optimizer.iterations
    assert np.isfinite(model.parameters).all()
    model.fit(X, Y, batch_size=25, epochs=1, verbose=0)
    assert model.optimizer.iterations == steps + 2


def test_logs_that_a_callback_adds_are_in_the_history():
    class Add(Callback):
        def on_epoch_end(self, epoch, logs=None):
            logs["twice"] = 2 * logs["loss"]

    seen = recorder("on_epoch_end")
    history = compiled().fit(X, Y, epochs=2, verbose=0, callbacks=[Add(), seen])
    assert history.history["twice"] == [2 * v for v in history.history["loss"]]
    assert [call[-1]["twice"] for call in seen.seen] == history.history["twice"]


def test_a_history_of_ones_own():
    mine = History()
    model = compiled()
    assert model.fit(X, Y, epochs=2, verbose=0, callbacks=[mine]) is mine
    assert mine.epoch == [0, 1]
    model.fit(X, Y, epochs=1, verbose=0, callbacks=[mine])
    assert mine.epoch == [0]
    assert len(mine.history["loss"]) == 1


def test_callback_list_by_hand():
    seen = [recorder("on_epoch_end"), recorder("on_epoch_end", "on_train_begin")]
    both = CallbackList([seen[0]], model="a model", epochs=3)
    both.append([seen[1]])
    both.on_train_begin()
    both.on_epoch_end(4, {"loss": 1.0})
    both.on_train_batch_end(0)
    assert seen[0].seen == [("on_epoch_end", 4, {"loss": 1.0})]
    assert seen[1].seen == [("on_train_begin", {}), ("on_epoch_end", 4, {"loss": 1.0})]
    assert seen[0].model == "a model"
    assert seen[0].params == {"epochs": 3}
    assert CallbackList([seen, [both]]).callbacks == [*seen, *seen]
    assert not both.listens_to("on_train_batch_end", "on_test_begin")
    assert both.listens_to("on_train_batch_end", "on_train_begin")


def test_lambda_callback_takes_any_hook_and_attribute():
    seen = []
    mine = LambdaCallback(
        on_test_end=lambda logs: seen.append(list(logs)), on_batch_end=None, colour="red"
    )
    compiled().evaluate(X, Y, verbose=0, callbacks=[mine])
    assert seen == [["loss", "mae"]]
    assert mine.colour == "red"
    with pytest.raises(DataTypeError, match="on_epoch_end"):
        LambdaCallback(on_epoch_end=5)


@pytest.mark.parametrize("wrong", [5, "EarlyStopping", callbacks.EarlyStopping, [None]])
def test_what_is_no_callback_is_refused(wrong):
    model = compiled()
    if wrong == [None]:
        model.fit(X, Y, verbose=0, callbacks=wrong)  # nothing, as in Keras
        return
    before = model.parameters.tobytes()
    with pytest.raises(DataTypeError, match="callbacks"):
        model.fit(X, Y, verbose=0, callbacks=wrong)
    assert model.parameters.tobytes() == before
    assert model.history is None


def test_a_callback_made_for_keras(engine):
    """Keras' callbacks mark the hooks that they leave alone just as these do."""

    class Foreign:
        def __init__(self):
            self.seen = []

        def set_model(self, model):
            self.model = model

        def set_params(self, params):
            self.params = params

        def on_epoch_end(self, epoch, logs=None):
            self.seen.append(epoch)

        def on_train_batch_end(self, batch, logs=None):
            raise AssertionError

        on_train_batch_end._is_default = True

    foreign = Foreign()
    compiled().fit(X, Y, epochs=2, verbose=0, callbacks=[foreign])
    assert foreign.seen == [0, 1]


# --- divergence ------------------------------------------------------------------------------

HUGE = Y * np.float32(1e25)  # its square is beyond float32


def test_terminate_on_nan(engine, capsys):
    model = compiled(optimizers.SGD(1.0))
    seen = recorder("on_epoch_end", "on_train_end")
    history = model.fit(
        X, HUGE, epochs=5, verbose=0, callbacks=[callbacks.TerminateOnNaN(), seen]
    )
    assert names(seen.seen) == [("on_epoch_end", 0), ("on_train_end",)]
    assert np.isnan(history.history["loss"]).tolist() == [True]
    assert np.isfinite(model.parameters).all()
    assert "not finite" in capsys.readouterr().out


@pytest.mark.parametrize("listeners", [[], [callbacks.TerminateOnNaN(raise_error=True)]])
def test_divergence_is_an_error_without_it(engine, listeners):
    model = compiled(optimizers.SGD(1.0))
    seen = recorder("on_train_end")
    with pytest.raises(DivergenceError, match="epoch 1"):
        model.fit(X, HUGE, epochs=5, verbose=0, callbacks=[*listeners, seen])
    assert seen.seen == []
