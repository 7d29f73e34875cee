"""Training that was killed resumes to the same final bits as without the interruption."""

import json
import os
import signal
import time

import numpy as np
import pytest

from fastgd import Sequential, callbacks, layers, losses, metrics, optimizers, utils
from fastgd.errors import ArgumentError, DataTypeError, FileError
from fastgd.saving import container, load_state, save_state

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

ROWS, EPOCHS, BATCH = 44, 5, 8
RNG = np.random.default_rng(3)
X = RNG.normal(size=(ROWS, 3)).astype("float32")
Y = (X @ [[1.0], [-2.0], [0.5]] + 0.3).astype("float32")

OPTIMIZERS = {
    "sgd": lambda rate: optimizers.SGD(rate, momentum=0.9),
    "nesterov": lambda rate: optimizers.SGD(rate, momentum=0.9, nesterov=True),
    "rmsprop": lambda rate: optimizers.RMSprop(rate, momentum=0.5, centered=True),
    "adam": lambda rate: optimizers.Adam(rate, amsgrad=True, clipnorm=1.0),
    "adamw": lambda rate: optimizers.AdamW(rate, gradient_accumulation_steps=3),
    "adamax": optimizers.Adamax,
    "nadam": optimizers.Nadam,
    "adagrad": optimizers.Adagrad,
    "adadelta": optimizers.Adadelta,
    "ftrl": optimizers.Ftrl,
    "lion": lambda rate: optimizers.Lion(rate, use_ema=True, ema_overwrite_frequency=4),
    "lamb": optimizers.Lamb,
    "adafactor": optimizers.Adafactor,
    "lbfgs": lambda rate: optimizers.LBFGS(max_iter=2),
}
SCHEDULES = {
    "constant": lambda: 0.01,
    "exponential": lambda: optimizers.schedules.ExponentialDecay(0.02, 3, 0.9),
    "cosine": lambda: optimizers.schedules.CosineDecay(0.02, 20),
    "pieces": lambda: optimizers.schedules.PiecewiseConstantDecay([4, 9], [0.02, 0.01, 0.005]),
}


class SetTheRate(callbacks.Callback):
    """Sets the learning rate by hand, once."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 1:
            self.model.optimizer.learning_rate = 0.0123


class Count(callbacks.Callback):
    """Remembers numbers, arrays and lists of its own, and steers the training by them."""

    state_names = ("seen", "sums", "notes")

    def on_train_begin(self, logs=None):
        self.seen, self.sums, self.notes = 0, np.zeros(2), [float("-inf"), None, {"a": [1]}]

    def on_epoch_end(self, epoch, logs=None):
        self.seen += 1
        self.sums = self.sums + logs["loss"]
        self.notes = [*self.notes[1:], {epoch: (logs["loss"],)}]
        self.model.optimizer.learning_rate = 0.01 / self.seen + 1e-6 * float(self.sums[0])


CALLBACKS = {
    "none": lambda folder: [],
    "stopping": lambda folder: [
        callbacks.EarlyStopping(patience=1, min_delta=0.05, restore_best_weights=True)
    ],
    "plateau": lambda folder: [
        callbacks.ReduceLROnPlateau(factor=0.5, patience=1, min_delta=0.5, cooldown=1)
    ],
    "scheduler": lambda folder: [
        callbacks.LearningRateScheduler(lambda epoch, rate: rate * 0.7)
    ],
    "rate by hand": lambda folder: [SetTheRate()],
    "custom": lambda folder: [Count()],
    "checkpoint": lambda folder: [
        callbacks.ModelCheckpoint(os.path.join(folder, "best"), save_best_only=True),
        callbacks.CSVLogger(os.path.join(folder, "log.csv")),
    ],
}


class Kill(callbacks.Callback):
    """Kills the process after some batches."""

    def __init__(self, batches):
        super().__init__()
        self.left = batches

    def on_train_batch_end(self, batch, logs=None):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def train(folder, case, *, backup=True, kill=None):
    """Run the program; return all that it leaves, as bytes."""
    utils.set_random_seed(5)
    model = Sequential([
        layers.Input(shape=(3,)), layers.Dense(4, "tanh"), layers.Dropout(case["dropout"]),
        layers.Dense(1),
    ])  # fmt: skip
    model.compile(
        OPTIMIZERS[case["optimizer"]](SCHEDULES[case["schedule"]]()), "mse", metrics=["mae"]
    )
    listeners = CALLBACKS[case["callbacks"]](str(folder))
    if backup:
        listeners.insert(0, callbacks.BackupAndRestore(
            os.path.join(folder, "backup"), case["save_freq"], case["double"]
        ))  # fmt: skip
    if kill:
        listeners.append(Kill(kill))
    source = {"x": X, "y": Y, "batch_size": BATCH}
    batches = [(X[i : i + BATCH], Y[i : i + BATCH]) for i in range(0, ROWS, BATCH)]
    if case["source"] == "list":
        source = {"x": batches}
    elif case["source"] == "generator":
        source = {"x": (batch for _ in range(99) for batch in batches)}
    steps = case["steps"] or (4 if case["source"] == "generator" else None)
    history = model.fit(
        **source, epochs=EPOCHS, steps_per_epoch=steps, verbose=0, callbacks=listeners,
        validation_data=(X[:9], Y[:9]),
    )  # fmt: skip
    files = [folder / name for name in ("best", "log.csv")]
    contents = [file.read_bytes() for file in files if file.exists()]
    return [
        model.parameters.tobytes(),
        *(
            array.tobytes()
            for array in model.assembly().optimizer_arrays(model.optimizer).values()
        ),
        repr(
            (float(model.optimizer.learning_rate), model.epochs_begun, history.history)
        ).encode(),
        *contents,
    ]


def in_a_child(function):
    """Run a function in a child process; return what it returns, or None if it was killed."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        try:
            with os.fdopen(write, "wb") as out:
                out.write(json.dumps([part.hex() for part in function()]).encode())
        except BaseException as error:
            os.write(2, repr(error).encode())
            os._exit(1)
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as found:
        content = found.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return None
    assert status == 0
    return json.loads(content)


def cases(count):
    """Return cases in which each value of each option occurs, at random beside that."""
    rng = np.random.default_rng(1)
    options = {
        "optimizer": list(OPTIMIZERS), "schedule": list(SCHEDULES),
        "callbacks": list(CALLBACKS),
        "save_freq": ["epoch", 1, 3], "double": [False, True], "dropout": [0.0, 0.2],
        "steps": [None, 4, 7], "source": ["arrays", "arrays", "list", "generator"],
    }  # fmt: skip
    found = []
    for number in range(count):
        case = {name: values[rng.integers(len(values))] for name, values in options.items()}
        case["optimizer"] = list(OPTIMIZERS)[number % len(OPTIMIZERS)]
        sets_rate = case["callbacks"] in ("plateau", "scheduler", "rate by hand", "custom")
        if sets_rate:
            case["schedule"] = "constant"
        if case["optimizer"] == "lbfgs":
            case |= {"dropout": 0.0, "schedule": "constant"}
        case["kills"] = rng.integers(1, 18, size=rng.integers(1, 4)).tolist()
        found.append(case)
    return found


@pytest.mark.parametrize("j", range(20))
@pytest.mark.parametrize("i", range(15))
def test_killed_training_resumes_to_the_same_bits(i, j, tmp_path):
    case = cases(300)[15 * j + i]
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
    expected = in_a_child(lambda: train(tmp_path / "whole", case, backup=False))
    for kill in case["kills"]:
        in_a_child(lambda kill=kill: train(tmp_path / "killed", case, kill=kill))
    found = in_a_child(lambda: train(tmp_path / "killed", case))
    assert found == expected, case


@pytest.mark.parametrize("seed", range(4))
def test_a_kill_at_any_moment(seed, tmp_path):
    case = cases(40)[seed * 10] | {"save_freq": 1, "kills": []}
    (tmp_path / "whole").mkdir()
    (tmp_path / "killed").mkdir()
    expected = in_a_child(lambda: train(tmp_path / "whole", case, backup=False))
    rng = np.random.default_rng(seed)
    for _ in range(4):
        child = os.fork()
        if child == 0:
            train(tmp_path / "killed", case)
            os._exit(0)
        time.sleep(rng.uniform(0.0, 0.1))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert in_a_child(lambda: train(tmp_path / "killed", case)) == expected


# --- the state of a model --------------------------------------------------------------------


def small(rate=0.1):
    model = Sequential([layers.Input(shape=(3,)), layers.Dense(1)])
    model.compile(optimizers.SGD(rate), "mse")
    return model


@pytest.mark.parametrize("how", ["attribute", "assign"])
def test_a_rate_set_by_hand_is_in_the_state(how, tmp_path):
    model, other = small(), small()
    if how == "attribute":
        model.optimizer.learning_rate = 0.0123
    else:
        model.optimizer.learning_rate.assign(0.0123)
    save_state(model, tmp_path / "state")
    load_state(other, tmp_path / "state")
    assert float(other.optimizer.learning_rate) == 0.0123


def test_a_schedule_goes_by_its_steps_and_not_by_the_state(tmp_path):
    model = small(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    model.fit(X, Y, batch_size=ROWS, epochs=3, verbose=0)
    save_state(model, tmp_path / "state")
    other = small(optimizers.schedules.ExponentialDecay(0.1, 1, 0.5))
    load_state(other, tmp_path / "state")
    assert float(other.optimizer.learning_rate) == 0.1 / 8


# --- backups that cannot be resumed ----------------------------------------------------------


def interrupted(folder):
    case = cases(1)[0] | {
        "callbacks": "none",
        "save_freq": 1,
        "steps": 4,
        "source": "arrays",
        "double": False,
    }
    assert in_a_child(lambda: train(folder, case, kill=6)) is None
    return case, folder / "backup" / "backup.safetensors"


def test_data_that_are_too_few_to_resume(tmp_path):
    case, _ = interrupted(tmp_path)
    model = Sequential([
        layers.Input(shape=(3,)), layers.Dense(4), layers.Dropout(0.0), layers.Dense(1),
    ])  # fmt: skip
    model.compile(OPTIMIZERS[case["optimizer"]](0.01), "mse", metrics=["mae"])
    backup = callbacks.BackupAndRestore(tmp_path / "backup")
    before = model.parameters.copy()
    with pytest.raises(ArgumentError, match="give the data and batch_size"):
        model.fit(X[:2], Y[:2], verbose=0, callbacks=[backup])
    batches = [(X[:8], Y[:8])]
    with pytest.raises(ArgumentError, match="arrays, or batches"):
        model.fit(batches, verbose=0, callbacks=[backup])
    np.testing.assert_array_equal(model.parameters, before)


@pytest.mark.parametrize("source", ["arrays", "list", "generator"])
def test_fewer_steps_of_an_epoch_than_are_done(source, tmp_path):
    case, path = interrupted(tmp_path)
    path.unlink()
    case["source"] = source
    assert in_a_child(lambda: train(tmp_path, case, kill=4)) is None
    train(tmp_path, case | {"steps": 1})
    assert not path.exists()


class Remembering(callbacks.Callback):
    state_names = ("seen",)

    def __init__(self, seen):
        super().__init__()
        self.seen = seen


@pytest.mark.parametrize(
    "seen", [{1}, object(), b"x", 1j, np.array(["a"]), {(1, 2): 3}, np.datetime64("2020-01-01")]
)
def test_a_state_that_cannot_be_saved_is_named(seen, tmp_path):
    model = Sequential([layers.Input(shape=(3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    backup = callbacks.BackupAndRestore(tmp_path / "backup")
    with pytest.raises(DataTypeError, match="state_names"):
        model.fit(X, Y, verbose=0, callbacks=[Remembering(seen), backup])


def test_callbacks_that_are_others_are_named(tmp_path):
    case, _ = interrupted(tmp_path)
    with pytest.warns(UserWarning, match="there are EarlyStopping, History"):
        train(tmp_path, case | {"callbacks": "stopping"})


@pytest.mark.parametrize("damage", ["cut", "no run", "odd run", "empty run", "odd epoch"])
def test_a_damaged_backup_is_a_file_error(damage, tmp_path):
    case, path = interrupted(tmp_path)
    document, arrays = container.unpack(path.read_bytes(), path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-5])
    else:
        run = document.pop("run")
        assert run["items"][0][0] == "epoch"
        if damage == "odd run":
            document["run"] = {"array": "weights/../../other"}
        if damage == "empty run":
            document["run"] = {"items": []}
        if damage == "odd epoch":
            document["run"] = run | {"items": [["epoch", -1], *run["items"][1:]]}
        path.write_bytes(container.pack(document, arrays))
    with pytest.raises(ArgumentError if damage == "odd epoch" else FileError):
        train(tmp_path, case)


# --- averages of weights ---------------------------------------------------------------------


@pytest.mark.parametrize("swap_first", [True, False])
def test_the_weights_that_were_judged_are_kept(swap_first, tmp_path):
    utils.set_random_seed(2)
    model = Sequential([layers.Input(shape=(3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile(optimizers.SGD(0.2, use_ema=True, ema_momentum=0.9), "mse")
    path = tmp_path / "best.fastgd"
    stop = callbacks.EarlyStopping(patience=50, restore_best_weights=True)
    listeners = [callbacks.ModelCheckpoint(path, save_best_only=True), stop]
    swap = callbacks.SwapEMAWeights()
    listeners = [swap, *listeners] if swap_first else [*listeners, swap]
    history = model.fit(
        X, Y, epochs=12, batch_size=4, verbose=0, callbacks=listeners, validation_data=(X, Y)
    )
    best = min(history.history["val_loss"])
    assert model.evaluate(X, Y, verbose=0) == best == stop.best
    from fastgd.models import load_model

    assert load_model(path).evaluate(X, Y, verbose=0) == best


def test_averages_do_not_change_what_is_trained():
    found = []
    for listeners in ([], [callbacks.SwapEMAWeights()]):
        utils.set_random_seed(2)
        model = Sequential([layers.Input(shape=(3,)), layers.Dense(1)])
        model.compile(optimizers.SGD(0.1, use_ema=True), losses.MeanSquaredError())
        history = model.fit(
            X, Y, epochs=4, verbose=0, callbacks=listeners, validation_data=(X, Y)
        )
        found.append((history.history["loss"], model.parameters.tobytes()))
    assert found[0] == found[1]


# --- metrics in Python -----------------------------------------------------------------------


class Largest(metrics.Metric):
    """The largest prediction."""

    def __init__(self, name="largest"):
        super().__init__(name=name)
        self.most = self.add_variable(name="most")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.most.assign(np.maximum(self.most, np.abs(y_true).max()))

    def result(self):
        return float(self.most)


def test_metrics_in_python_resume_within_an_epoch(tmp_path):
    def run(kill=None, folder=None):
        utils.set_random_seed(5)
        model = Sequential([layers.Input(shape=(3,)), layers.Dense(1)])
        model.compile("sgd", "mse", metrics=[Largest(), metrics.Gini()])
        listeners = [callbacks.BackupAndRestore(folder, 1)] if folder else []
        listeners += [Kill(kill)] if kill else []
        history = model.fit(
            X, Y > 0, batch_size=8, epochs=2, verbose=0, shuffle=False, callbacks=listeners
        )
        return [repr(history.history).encode()]

    assert in_a_child(lambda: run(5, tmp_path / "b")) is None
    assert in_a_child(lambda: run(None, tmp_path / "b")) == in_a_child(run)
