"""One network on several ranks, which are threads here: the bits of one rank, or one error."""

import os

import numpy as np
import pytest
import rank_problems
from communicators import OneRank, on_ranks
from rank_problems import NETWORKS, WEIGHTS, X, Y, compiled, run, trained

from fastgd import (
    GradientTape,
    Sequential,
    callbacks,
    config,
    layers,
    losses,
    optimizers,
    privacy,
)
from fastgd._engine import scope
from fastgd.errors import (
    ArgumentError,
    DataTypeError,
    DivergenceError,
    FileError,
    RankError,
)

VALIDATION = (X[:50], Y[:50])


def errors_of(found, kind=RankError):
    """The texts of the errors of all ranks, all of one kind."""
    assert all(type(error) is kind for error in found), found
    return [str(error) for error in found]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shards", [None, 1, 3, 8])
@pytest.mark.parametrize("name", NETWORKS)
def test_any_number_of_ranks_gives_the_bits_of_one(name, shards, dtype):
    given = {"dtype": dtype, "shards": shards, "validation_data": VALIDATION}
    alone = run(name, **given)
    assert run(name, OneRank(), **given) == alone
    for size in (2, 3, 5):
        found = on_ranks(size, lambda comm: run(name, comm, n_jobs=1, **given))
        assert found == [alone] * size


@pytest.mark.parametrize("shuffle", [True, False, "batch"])
def test_ranks_follow_the_order_of_the_rows_and_use_threads(shuffle):
    given = {"shuffle": shuffle, "shards": 7, "rows": np.arange(900)[::-1].copy()}
    alone = run("chain", **given)
    assert on_ranks(2, lambda comm: run("chain", comm, n_jobs=3, **given)) == [alone] * 2
    assert run("chain", **(given | {"shuffle": not shuffle})) != alone


def test_most_shards_of_large_networks_and_ranks_without_any():
    def wide(comm=None):
        with scope.own(2):
            model = Sequential([layers.Dense(1500, "tanh", input_shape=(23,)), layers.Dense(1)])
            model.compile("adam", "mse")
            model.fit(X[:90], Y[:90], batch_size=40, verbose=0, shards=64, comm=comm)
        return model.parameters.tobytes()

    assert on_ranks(7, wide) == [wide()] * 7  # 5 shards of 8 rows, then 2 of 8 and 2 rows


def test_a_step_adds_the_gradients_of_the_shards_in_their_order():
    with scope.own(4):
        model = Sequential([layers.Dense(9, "tanh", input_shape=(23,)), layers.Dense(1)])
    model.compile(optimizers.SGD(0.5), losses.MeanSquaredError(reduction="sum"))
    x, y = X[:100].astype("float32"), Y[:100].astype("float32")
    before = np.array(model.parameters)
    total = None
    for rows in (slice(0, 32), slice(32, 64), slice(64, 100)):  # 13 groups of 8 in 3 runs
        with GradientTape() as tape:
            loss = model._compilation.objective.loss(y[rows], model(x[rows], training=True))
        found = np.concatenate(
            [g.ravel() for g in tape.gradient(loss, model.trainable_variables)]
        )
        total = found if total is None else total + found
    model.fit(x, y, batch_size=100, shards=3, shuffle=False, verbose=0)
    np.testing.assert_array_equal(np.array(model.parameters), before - np.float32(0.5) * total)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_reference_does_the_same(name):
    given = {"dtype": "float64", "shards": 4, "epochs": 2}
    model, history = trained(name, **given)
    config.set_engine("reference")
    for other, record in on_ranks(3, lambda comm: trained(name, comm, **given)):
        np.testing.assert_allclose(other.parameters, model.parameters, 1e-9, 1e-11)
        np.testing.assert_allclose(record.history["loss"], history.history["loss"], 1e-10)
    assert on_ranks(2, lambda comm: run(name, comm, **given)) == [run(name, **given)] * 2


DIFFERENT = {
    "the data": lambda: {"sample_weight": WEIGHTS + 1},
    "the validation data": lambda: {"validation_data": (X[:40], Y[:40])},
    "batch_size": lambda: {"batch_size": 299},
    "shards": lambda: {"shards": 5},
    "epochs": lambda: {"epochs": 4},
    "shuffle": lambda: {"shuffle": False},
    "validation_freq": lambda: {"validation_freq": 2},
    "callbacks": lambda: {"callbacks": [callbacks.TerminateOnNaN()]},
    "the seed": lambda: {"seed": 4},
    "the weights": lambda: {
        "change": lambda model: np.multiply(model.parameters, 2, out=model.parameters)
    },
    "the optimizer": lambda: {"change": lambda model: _set_rate(model, 0.5)},
    "the losses": lambda: {"change": lambda model: model.compile("adam", "mse")},
}


def _set_rate(model, rate):
    model.optimizer.learning_rate = rate


@pytest.mark.parametrize("what", DIFFERENT)
def test_what_differs_on_a_rank_is_named_on_all_before_training(what):
    def train(comm):
        return run("chain", comm, **(DIFFERENT[what]() if comm.rank == 1 else {}))

    for text in errors_of(on_ranks(3, train)):
        assert f"rank 1 of 3 has another value of {what}" in text
    if what in ("the seed", "the weights"):
        assert "utils.set_random_seed" in text


def test_rank_0_may_have_callbacks_that_write_for_itself(tmp_path):
    def train(comm):
        own = [callbacks.CSVLogger(tmp_path / "log.csv")] if comm.rank == 0 else []
        return run("chain", comm, callbacks=own)

    assert on_ranks(2, train) == [run("chain")] * 2
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4


def test_an_error_of_rank_0_before_a_backup_is_restored_ends_the_others(tmp_path):
    def train(comm):
        given = [
            callbacks.CSVLogger(tmp_path / "nowhere" / "log.csv"),
            callbacks.BackupAndRestore(tmp_path / "backup"),
        ]
        return run("chain", comm, callbacks=given)

    first, second = on_ranks(2, train)
    assert isinstance(first, FileNotFoundError)
    assert isinstance(second, RankError)
    assert "rank 0 failed: FileNotFoundError" in str(second)


class At(callbacks.Callback):
    """Call a function after epoch 1, or in the middle of it."""

    def __init__(self, function, batch=None):
        super().__init__()
        self.function, self.batch = function, batch
        if batch is not None:
            self.on_train_batch_end = self._after

    def on_epoch_end(self, epoch, logs=None):
        self.now = epoch + 1
        if epoch == 1 and self.batch is None:
            self.function(self.model)

    def _after(self, batch, logs=None):
        if getattr(self, "now", 0) == 1 and batch == self.batch:
            self.function(self.model)


def fail(kind):
    def function(model):
        raise kind("disk full")

    return function


def stop(model):
    model.stop_training = True


def nothing(model):
    """Change nothing."""


@pytest.mark.parametrize("batch", [None, 1])
@pytest.mark.parametrize("kind", [OSError, KeyboardInterrupt, DataTypeError])
def test_an_error_on_one_rank_ends_all(kind, batch):
    def train(comm):
        callback = At(fail(kind) if comm.rank == 1 else nothing, batch)
        return run("chain", comm, callbacks=[callback])

    first, second, third = on_ranks(3, train)
    assert type(second) is kind
    for text in errors_of([first, third]):
        assert text == f"fit: rank 1 failed: {kind.__name__}: disk full"


@pytest.mark.parametrize("batch", [None, 1])
def test_ranks_that_part_find_out(batch):
    def train(comm, change):
        callback = At(change if comm.rank == 2 else nothing, batch)
        return run("chain", comm, callbacks=[callback])

    for text in errors_of(on_ranks(3, lambda comm: train(comm, stop))):
        assert "rank 2 of 3 is at the end of the last epoch" in text
        assert "where the others are at step" in text
    rates = on_ranks(3, lambda comm: train(comm, lambda model: _set_rate(model, 0.5)))
    for text in errors_of(rates):
        assert "rank 2 of 3 is at" in text


def test_an_argument_that_is_bad_on_one_rank_ends_all():
    def train(comm):
        return run("chain", comm, epochs=-1 if comm.rank == 1 else 3)

    first, second = on_ranks(2, train)
    assert type(second) is ArgumentError
    assert "rank 1 failed: ArgumentError: epochs" in errors_of([first])[0]


def test_divergence_is_the_same_on_all_ranks():
    def train(comm=None):
        with scope.own(3):
            model = Sequential([layers.Dense(8, "relu", input_shape=(23,)), layers.Dense(1)])
            model.compile(optimizers.SGD(1e6), "mse")
            with pytest.raises(DivergenceError) as caught:
                model.fit(X, Y, batch_size=100, epochs=9, shards=4, verbose=0, comm=comm)
        return caught.value.epoch, caught.value.step, model.parameters.tobytes()

    assert on_ranks(3, train) == [train()] * 3


def test_callbacks_decide_the_same_and_early_stopping_restores_the_same():
    def train(comm=None):
        stop_early = callbacks.EarlyStopping("val_loss", patience=1, restore_best_weights=True)
        slower = callbacks.ReduceLROnPlateau("loss", patience=1, min_delta=0.1)
        return run("chain", comm, callbacks=[stop_early, slower], epochs=20,
                   validation_split=0.2)  # fmt: skip

    assert on_ranks(2, train) == [train()] * 2


def test_rank_0_alone_prints_and_writes(tmp_path, capsys):
    seen = []

    class Tell(callbacks.Callback):
        def __init__(self, rank, alone):
            super().__init__()
            self.rank, self.first_rank_only = rank, alone

        def on_epoch_end(self, epoch, logs=None):
            seen.append((self.rank, self.first_rank_only, epoch))

    def train(comm):
        folder = tmp_path / str(comm.rank)
        folder.mkdir()
        return run(
            "chain", comm, verbose=2,
            callbacks=[
                callbacks.ModelCheckpoint(folder / "{epoch}.fastgd", verbose=1),
                callbacks.CSVLogger(folder / "log.csv"),
                callbacks.BackupAndRestore(folder / "backup", delete_checkpoint=False),
                callbacks.LearningRateScheduler(lambda epoch: 0.01, verbose=1),
                Tell(comm.rank, True), Tell(comm.rank, False),
            ],
        )  # fmt: skip

    found = on_ranks(2, train)
    assert found[0] == found[1]
    assert len(found[0]) == 64
    text = capsys.readouterr().out
    assert [text.count(word) for word in ("Epoch 1/3", "saving to", "rate set")] == [1, 3, 3]
    assert sorted(os.listdir(tmp_path / "0")) == [
        "1.fastgd", "2.fastgd", "3.fastgd", "backup", "log.csv"
    ]  # fmt: skip
    assert os.listdir(tmp_path / "1") == []
    assert sorted(seen) == sorted(
        [(0, alone, epoch) for alone in (True, False) for epoch in range(3)]
        + [(1, False, epoch) for epoch in range(3)]
    )


@pytest.mark.parametrize("save_freq", ["epoch", 3])
@pytest.mark.parametrize(("before", "after"), [(3, 2), (1, 4), (2, None)])
def test_another_number_of_ranks_goes_on_to_the_same_bits(tmp_path, before, after, save_freq):
    def train(comm, folder, function):
        folder = tmp_path / folder / str(comm.rank if comm else 0)  # only that of rank 0 counts
        given = [callbacks.BackupAndRestore(folder, save_freq), At(function, 2)]
        return run("graph", comm, shards=5, callbacks=given, epochs=4)

    undisturbed = train(None, "other", nothing)
    *_, last = on_ranks(before, lambda comm: train(comm, "same", fail(OSError)))
    assert type(last) is OSError
    assert os.listdir(tmp_path / "same" / "0") == ["backup.safetensors"]
    if after is None:
        assert train(None, "same", nothing) == undisturbed
    else:
        found = on_ranks(after, lambda comm: train(comm, "same", nothing))
        assert found == [undisturbed] * after
    assert not (tmp_path / "same" / "0").exists()


def test_a_damaged_backup_is_an_error_on_all(tmp_path):
    (tmp_path / "backup.safetensors").write_bytes(b"no backup")

    def train(comm):
        return run("chain", comm, callbacks=[callbacks.BackupAndRestore(tmp_path)])

    errors_of(on_ranks(2, train), FileError)


def embedded():
    model = Sequential([layers.Input((1,)), layers.Embedding(9, 2), layers.Flatten()])
    model.add(layers.Dense(1))
    return model


def normalised():
    return Sequential([layers.Dense(2, input_shape=(23,)), layers.BatchNormalization(),
                       layers.Dense(1)])  # fmt: skip


def dense():
    return Sequential([layers.Dense(1, input_shape=(23,))])


REFUSED = {
    "layer 'batch_normalization.*LayerNormalization": (normalised, {}),
    "layer 'embedding": (embedded, {}),
    "optimizer: .*adam": (dense, {"optimizer": optimizers.LBFGS()}),
    "loss: 'sharpe.*whole batch": (dense, {"loss": losses.Sharpe()}),
    "loss, metrics: .*of Python": (dense, {"loss": lambda y, p: (y - p) ** 2}),
    "loss, metrics: .*keep all rows": (dense, {"metrics": ["gini"]}),
}


@pytest.mark.parametrize("comm", [None, OneRank()])
@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_cut_into_shards_is_refused_and_changes_nothing(message, comm):
    make, arguments = REFUSED[message]
    model = make()
    model.compile(**({"optimizer": "adam", "loss": "mse"} | arguments))
    before = np.array(model.parameters)
    with pytest.raises(ArgumentError, match=message):
        model.fit(X[:, : model.input_shape[1]] * 0, Y, comm=comm, shards=2, verbose=0)
    np.testing.assert_array_equal(model.parameters, before)


def test_sources_private_training_and_odd_arguments_are_refused():
    model = compiled("chain")
    with pytest.raises(ArgumentError, match="x: training in shards takes arrays"):
        model.fit([(X[:8], Y[:8])], shards=2, verbose=0)
    with pytest.raises(ArgumentError, match="shards: expected a number <= 64, got 65"):
        model.fit(X, Y, shards=65)
    with pytest.raises(DataTypeError, match="comm: expected a communicator"):
        model.fit(X, Y, comm="world")
    model = dense()
    model.compile("sgd", "mse", privacy=privacy.DPSGD(1.0, 1.0, seed=1))
    with pytest.raises(ArgumentError, match="shards, comm: a private training"):
        model.fit(X, Y, shards=2, batch_size=32, verbose=0)


def test_optimizers_that_cannot_be_saved_train_on_ranks():
    def train(comm=None):
        def function(model):
            model.compile(optimizers.SGD(lambda: 0.1), "mse")

        return run("chain", comm, change=function)

    assert on_ranks(2, train) == [train()] * 2


def test_shards_of_one_training_leave_other_calls_alone():
    model, _ = trained("chain", shards=8)
    twin, _ = trained("chain", shards=8)
    twin.release()
    for one in (model, twin):
        one.fit(X, Y, batch_size=300, epochs=2, verbose=0)
    assert model.parameters.tobytes() == twin.parameters.tobytes()


def test_the_problems_differ():
    assert len({run(name, seed=seed) for name in NETWORKS for seed in (1, 2)}) == 4
    assert len(X) % 300 < 8
    assert rank_problems.chain().count_params() == 3649
