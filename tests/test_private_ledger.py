"""Private training: every step is counted, across files and resumed runs."""

import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from private_models import NOISY, X, Y, compiled, flat, network

from fastgd import (
    Sequential,
    callbacks,
    layers,
    many,
    models,
    optimizers,
    saving,
)
from fastgd.errors import ArgumentError, DivergenceError, EngineError, FileError, PrivacyError
from fastgd.privacy import DPSGD, Ledger


def test_the_ledger_counts_every_step():
    model = compiled(DPSGD(0.5, 2.0))
    assert model.privacy.ledger.steps == 0
    model.fit(X, Y, batch_size=16, epochs=3, verbose=0)  # ceil(60 / 16) = 4 steps an epoch
    (span,) = model.privacy.ledger
    assert (span.steps, span.rate) == (12, 16 / 60)
    assert (span.noise_multiplier, span.l2_norm_clip) == (2.0, 0.5)
    model.fit(X, Y, batch_size=16, verbose=0, validation_split=0.5)
    assert [span.steps for span in model.privacy.ledger] == [12, 2]
    model.compile("sgd", "mse", privacy=DPSGD(0.5, 3.0))
    model.fit(X, Y, batch_size=16, steps_per_epoch=2, verbose=0)
    assert [span.steps for span in model.privacy.ledger] == [12, 2, 2]
    assert model.privacy.ledger.steps == 16


def test_a_fit_that_diverges_is_counted():
    model = compiled(DPSGD(1.0, 50.0), optimizers.SGD(1e308))
    with pytest.raises(DivergenceError):
        model.fit(X, Y, batch_size=20, epochs=50, verbose=0)
    assert 0 < model.privacy.ledger.steps <= 150
    assert np.isfinite(flat(model)).all()


def test_a_second_fit_that_is_refused_leaves_the_count_of_the_first():
    class Again(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            with pytest.raises(EngineError, match="being trained by another"):
                self.model.fit(X, Y, verbose=0)

    model = compiled(DPSGD(0.5, 2.0))
    model.fit(X, Y, 20, 3, 0, [Again()])
    assert model.privacy.ledger.steps == 9


@pytest.mark.parametrize("privacy", [None, DPSGD(1.0, 3.0)])
@pytest.mark.parametrize("hook", ["on_train_begin", "on_epoch_end"])
def test_compile_in_the_middle_of_a_fit_is_refused(hook, privacy):
    def again(*_):
        with pytest.raises(EngineError, match="compile: a fit of this model is running"):
            model.compile("sgd", "mse", privacy=privacy)

    model = compiled(DPSGD(0.5, 2.0))
    model.fit(X, Y, 20, 3, 0, [callbacks.LambdaCallback(**{hook: again})])
    assert [(span.noise_multiplier, span.steps) for span in model.privacy.ledger] == [(2.0, 9)]


@pytest.mark.parametrize("seed", [None, 4])
def test_state_that_is_loaded_in_the_middle_repeats_no_noise(tmp_path, seed):
    """The file is of an earlier step: without a seed the numbers of steps go on."""
    weights = []

    class Back(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            weights.append(flat(self.model) - start)
            saving.load_state(self.model, tmp_path / "state")

    model = Sequential([layers.Dense(1, use_bias=False, input_shape=(50,))])
    model.compile(optimizers.SGD(1.0), "mse", privacy=DPSGD(1.0, 1.0, seed=seed))
    x, y = np.zeros((8, 50)), np.zeros(8)
    start = flat(model)
    saving.save_state(model, tmp_path / "state")
    model.fit(x, y, 8, 4, 0, [Back()])
    repeats = [np.array_equal(weights[0], other) for other in weights[1:]]
    assert repeats == [seed is not None] * 3
    assert model.privacy.ledger.steps == 0  # those of the model that was loaded


@pytest.mark.parametrize("listens", [False, True])
def test_a_fit_that_is_interrupted_is_counted(listens):
    class Stop(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    class StopInBatch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            if self.model.privacy.ledger.steps == 7:
                raise KeyboardInterrupt

    model = compiled(DPSGD(1.0, 1.0))
    with pytest.raises(KeyboardInterrupt):
        model.fit(X, Y, 20, 50, 0, [StopInBatch() if listens else Stop()])
    assert model.privacy.ledger.steps == (7 if listens else 9)


def test_epsilon_of_the_ledger():
    pytest.importorskip("dp_accounting")
    model = compiled(DPSGD(1.0, 1.0))
    model.fit(X, Y, batch_size=60, verbose=0)
    assert abs(model.privacy.epsilon(1e-5) - 4.377178) < 1e-4
    seeded = compiled(NOISY)
    seeded.fit(X, Y, batch_size=60, verbose=0)
    with pytest.raises(PrivacyError, match="seed"):
        seeded.privacy.epsilon(1e-5)


def test_training_without_privacy_afterwards_is_refused():
    model = compiled(DPSGD(1.0, 1.0))
    model.fit(X, Y, batch_size=60, verbose=0)
    before = flat(model)
    with pytest.raises(ArgumentError, match="1 steps of this model were private"):
        model.compile("sgd", "mse")
    assert model.privacy.mechanism.noise_multiplier == 1.0
    model.fit(X, Y, batch_size=60, verbose=0)  # it stays compiled as it was
    copy = models.clone_model(model)
    copy.set_weights(model.get_weights())
    copy.compile("sgd", "mse")
    assert copy.privacy is None
    assert not np.array_equal(before, flat(model))


def test_files_pickles_and_copies_hold_the_ledger(tmp_path):
    import copy

    model = compiled(DPSGD(0.5, 2.0))
    model.fit(X, Y, batch_size=16, epochs=3, verbose=0)
    model.save(tmp_path / "model.fastgd")
    found = [
        saving.load_model(tmp_path / "model.fastgd"),
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
    ]
    for one in found:
        assert one.privacy.ledger == model.privacy.ledger
        assert one.privacy.mechanism == model.privacy.mechanism
        one.fit(X, Y, batch_size=16, verbose=0)
        assert one.privacy.ledger.steps == 16
    assert model.privacy.ledger.steps == 12
    bare = saving.load_model(tmp_path / "model.fastgd", compile=False)
    assert bare.privacy.ledger == model.privacy.ledger
    with pytest.raises(ArgumentError, match="were private"):
        bare.compile("sgd", "mse")
    program = (
        "import sys, pickle; from fastgd import saving;"
        "a = saving.load_model(sys.argv[1]); b = pickle.load(open(sys.argv[2], 'rb'));"
        "print([one.privacy.ledger.steps for one in (a, b)])"
    )
    with open(tmp_path / "pickle", "wb") as file:
        pickle.dump(model, file)
    command = [sys.executable, "-c", program, tmp_path / "model.fastgd", tmp_path / "pickle"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert json.loads(output) == [12, 12]


def test_files_without_privacy_stay_of_the_version_that_others_read(tmp_path):
    versions = {}
    for privacy in (None, NOISY):
        compiled(privacy).save(tmp_path / "model.fastgd")
        head = (tmp_path / "model.fastgd").read_bytes()[8:]
        size = int.from_bytes((tmp_path / "model.fastgd").read_bytes()[:8], "little")
        note = json.loads(json.loads(head[:size])["__metadata__"]["fastgd"])
        versions[privacy] = note["version"]
    assert versions == {None: 1, NOISY: 3}


@pytest.mark.parametrize(
    "damage", [{"spent": 1}, {"spans": 3}, [1], "x", {"spans": [[-1, 1, 1, 1, 1]]}]
)
def test_a_damaged_ledger_is_refused(tmp_path, damage):
    from fastgd.saving import container, state

    model = compiled(NOISY)
    model.fit(X, Y, verbose=0)
    document, arrays = state.snapshot(model)
    document["privacy"] = damage
    (tmp_path / "model.fastgd").write_bytes(container.pack(document, arrays))
    with pytest.raises(FileError):
        saving.load_model(tmp_path / "model.fastgd")


def test_manifest_says_what_was_spent():
    model = compiled(NOISY)
    model.fit(X, Y, batch_size=20, epochs=2, verbose=0)
    found = json.loads(json.dumps(model.manifest()))
    assert Ledger.from_config(found["privacy"]).steps == 6
    assert "privacy" not in compiled(None).manifest()


def test_replicas_and_clones_begin_with_nothing_spent():
    model = compiled(DPSGD(0.5, 2.0))
    model.fit(X, Y, verbose=0)
    twin = model.replicate()
    assert twin.privacy.ledger.steps == 0
    with pytest.raises(ArgumentError, match="trained privately"):
        twin.optimizer.apply_gradients([])
    assert models.clone_model(model).privacy is None
    assert model.privacy.ledger.steps == 2


def test_cross_validation_trains_privately():
    model = compiled(DPSGD(0.5, 2.0))
    found = many.cross_validate(model.replicate, X, Y, 3, epochs=2, batch_size=20)
    assert [one.model.privacy.ledger.steps for one in found] == [4, 4, 4]


KILLED = """
import os, signal, sys
import numpy as np
import fastgd
from fastgd import Sequential, callbacks, layers, utils
from fastgd.privacy import DPSGD

class Kill(callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        if self.model.privacy.ledger.steps == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)

utils.set_random_seed(1)
rng = np.random.default_rng(0)
x = rng.normal(size=(50, 3))
model = Sequential([layers.Input(shape=(3,)), layers.Dense(4, "relu"), layers.Dense(1)])
model.compile("adam", "mse", privacy=DPSGD(0.5, 1.0, seed=int(sys.argv[3]) or None))
backup = callbacks.BackupAndRestore(sys.argv[1], save_freq=2)
model.fit(x, x[:, :1], batch_size=16, epochs=5, verbose=0, callbacks=[backup, Kill()])
print([list(span) for span in model.privacy.ledger])
print(np.concatenate([w.ravel() for w in model.get_weights()]).tobytes().hex())
"""


@pytest.mark.parametrize("seed", [0, 9], ids=["system", "seed"])
def test_a_killed_run_resumes_with_an_exact_ledger(tmp_path, seed):
    """50 rows by 16 are 4 steps an epoch: it dies in the middle of one."""
    arguments = [sys.executable, "-c", KILLED]
    whole = subprocess.run(
        [*arguments, tmp_path / "a", "0", str(seed)], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    killed = subprocess.run([*arguments, tmp_path / "b", "11", str(seed)], check=False)
    assert killed.returncode == -signal.SIGKILL
    resumed = subprocess.run(
        [*arguments, tmp_path / "b", "0", str(seed)], capture_output=True, text=True, check=True
    ).stdout.split("\n")
    assert resumed[0] == whole[0]
    assert (resumed[1] == whole[1]) is bool(seed)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_ctrl_c_leaves_an_exact_ledger():
    """Steps that were taken before the signal are counted, wherever it comes."""
    import threading

    x, y = np.tile(X, (2000, 1)), np.tile(Y, (2000, 1))
    model = compiled(DPSGD(0.5, 1.0), model=network("float64"))
    timer = threading.Timer(0.15, signal.raise_signal, [signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=64, epochs=10**6, verbose=0)
    timer.join()
    assert model.privacy.ledger.steps == model.optimizer.iterations > 0
