"""Private training by compile and fit: what steps do, what is refused, what is counted."""

import json
import os
import pickle
import signal
import subprocess
import sys

import numpy as np
import pytest
from scipy import stats

import fastgd
from fastgd import (
    Model,
    Sequential,
    callbacks,
    constraints,
    layers,
    losses,
    many,
    metrics,
    models,
    optimizers,
    regularizers,
    saving,
    utils,
)
from fastgd._engine import builds
from fastgd.errors import ArgumentError, DivergenceError, EngineError, FileError, PrivacyError
from fastgd.privacy import DPSGD, Ledger
from fastgd.tape import GradientTape

RNG = np.random.default_rng(5)
X = RNG.normal(size=(60, 4))
Y = np.sin(X @ [[1.0], [-2.0], [0.5], [0.1]])
HUGE = DPSGD(1e8, 0.0, seed=1)
NOISY = DPSGD(0.5, 1.0, seed=1)


def network(dtype="float64", **arguments):
    utils.set_random_seed(3)
    return Sequential(
        [
            layers.Input(shape=(4,), dtype=dtype),
            layers.Dense(6, activation="tanh", **arguments),
            layers.Dense(1),
        ],
        dtype=dtype,
    )


def compiled(privacy=NOISY, optimizer="adam", loss="mse", model=None, **arguments):
    model = network() if model is None else model
    model.compile(optimizer, loss, privacy=privacy, **arguments)
    return model


def flat(model):
    return np.concatenate([w.ravel() for w in model.get_weights()])


def spans(model):
    return [tuple(span) for span in model.privacy.ledger]


# ---------------------------------------------------------------- what a step does


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_worked_unit(engine, dtype):
    """privacy.md: rows (3, 4) -> 1 and (0.1, 0) -> -0.2, clip 1, rate 1, divisor 2."""
    model = Sequential(
        [layers.Input(shape=(2,), dtype=dtype), layers.Dense(1, kernel_initializer="zeros")],
        dtype=dtype,
    )
    model.compile(optimizers.SGD(1.0), "mse", privacy=DPSGD(1.0, 0.0, seed=1))
    model.fit(
        np.array([[3.0, 4.0], [0.1, 0.0]]), np.array([1.0, -0.2]), batch_size=2, verbose=0
    )
    expected = [0.274174203, 0.392232270, -0.101941932]
    assert np.allclose(flat(model), expected, rtol=1e-8 if dtype == "float64" else 1e-6)


ALL_OPTIMIZERS = {
    "sgd": lambda: optimizers.SGD(0.1, momentum=0.9, nesterov=True, weight_decay=0.01),
    "adam": lambda: optimizers.Adam(0.01, amsgrad=True, clipnorm=0.1),
    "adamw": lambda: optimizers.AdamW(
        optimizers.schedules.CosineDecay(0.02, 20), global_clipnorm=0.3
    ),
    "rmsprop": lambda: optimizers.RMSprop(0.01, centered=True, use_ema=True),
    "lamb": lambda: optimizers.Lamb(0.01),
    "adafactor": lambda: optimizers.Adafactor(0.01),
    "lion": lambda: optimizers.Lion(0.01, clipvalue=0.05),
}


@pytest.mark.parametrize("make", ALL_OPTIMIZERS.values(), ids=ALL_OPTIMIZERS)
def test_without_clip_and_noise_all_rows_are_plain_training(engine, make):
    """With q = 1 each step takes all rows: another path to the same sums."""
    found = []
    for privacy in (HUGE, None):
        model = network(
            kernel_regularizer=regularizers.L1L2(0.01, 0.02),
            kernel_constraint=constraints.MaxNorm(1.2),
            activity_regularizer=regularizers.L2(0.01),
        )
        model = compiled(privacy, make(), model=model, metrics=["mae"])
        history = model.fit(X, Y, batch_size=60, epochs=6, verbose=0)
        found.append((flat(model), history.history["loss"]))
    assert np.allclose(found[0][0], found[1][0], rtol=1e-9, atol=1e-12)
    assert np.allclose(found[0][1], found[1][1], rtol=1e-9)


def graph(dropout=0.2):
    """Two inputs, two outputs, a shared and a frozen layer, an embedding, a norm, dropout."""
    utils.set_random_seed(3)
    numbers = layers.Input(shape=(4,), dtype="float64", name="numbers")
    codes = layers.Input(shape=(2,), dtype="float64", name="codes")
    shared, frozen = layers.Dense(5, "relu"), layers.Dense(4, "tanh")
    frozen.trainable = False
    hidden = shared(frozen(numbers))
    looked = layers.Flatten()(layers.Embedding(3, 4)(codes))
    both = layers.Concatenate()([hidden, shared(numbers), layers.Dropout(dropout)(looked)])
    both = layers.PReLU()(layers.LayerNormalization()(both))
    outputs = [layers.Dense(1, name="a")(both), layers.Dense(3, "softmax", name="b")(both)]
    return Model([numbers, codes], outputs, dtype="float64")


CODES = RNG.integers(0, 3, size=(60, 2)).astype(float)
KINDS = RNG.integers(0, 3, size=(60, 1)).astype(float)


def train_graph(privacy, batch_size=60, epochs=3, dropout=0.2):
    model = graph(dropout)
    model.compile(
        "adam", ["mse", "sparse_categorical_crossentropy"], loss_weights=[1.0, 0.5],
        privacy=privacy,
    )  # fmt: skip
    weights = [np.linspace(0, 2, 60), np.linspace(1, 0.5, 60)]
    model.fit([X, CODES], [Y, KINDS], batch_size, epochs, 0, sample_weight=weights)
    return model


def test_a_graph_without_clip_and_noise_is_plain_training(engine):
    found = [flat(train_graph(privacy, dropout=0.0)) for privacy in (HUGE, None)]
    assert np.allclose(*found, rtol=1e-8, atol=1e-11)


@pytest.mark.parametrize("batch_size", [1, 7, 32, 60])
def test_builds_agree_with_the_reference(engine, batch_size):
    """The same seed draws the same rows and noise: weights agree up to rounding."""
    if engine == "reference":
        pytest.skip("the reference is what builds are compared with")
    model = train_graph(NOISY, batch_size)
    fastgd.config.set_engine("reference")
    other = train_graph(NOISY, batch_size)
    assert np.allclose(flat(model), flat(other), rtol=1e-7, atol=1e-9)
    assert model.privacy.ledger == other.privacy.ledger


def compiled_builds():
    return [name for name in builds.available() if name not in ("reference", "baseline")]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("batch_size", [1, 16, 60])
def test_threads_and_builds_change_no_bit(dtype, batch_size):
    found = set()
    x, y = np.repeat(X, 40, 0).astype(dtype), np.repeat(Y, 40, 0).astype(dtype)
    for name in compiled_builds():
        fastgd.config.set_engine(name)
        for threads in (1, 2):
            model = compiled(model=network(dtype))
            history = model.fit(
                x, y, batch_size=batch_size * 40, epochs=3, verbose=0, n_jobs=threads
            )
            losses_seen = tuple(history.history["loss"])
            found.add((flat(model).tobytes(), losses_seen))
    assert len(found) == 1


def test_noise_of_one_step_is_normal():
    """Rows of zeros have no gradient, so that a step leaves sigma C z / B."""
    model = Sequential([layers.Dense(400, use_bias=False, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(1.0), "mse", privacy=DPSGD(0.5, 3.0, seed=11))
    x, y = np.zeros((64, 500), np.float32), np.ones((64, 400), np.float32)
    model.fit(x, y, batch_size=16, steps_per_epoch=1, verbose=0)
    found = flat(model) / (3.0 * 0.5 / 16)
    assert stats.kstest(found, "norm").pvalue > 1e-3
    assert abs(found.std() - 1) < 0.01


def test_noise_from_the_system_differs_and_from_a_seed_repeats():
    def trained(privacy):
        model = compiled(privacy)
        model.fit(X, Y, batch_size=20, epochs=2, verbose=0)
        return flat(model)

    fresh = DPSGD(0.5, 1.0)
    assert not np.allclose(trained(fresh), trained(fresh))
    assert np.array_equal(trained(NOISY), trained(NOISY))
    assert not np.allclose(trained(NOISY), trained(DPSGD(0.5, 1.0, seed=2)))


def test_a_second_fit_draws_other_noise():
    """No number of a step comes twice under one key."""
    x, y = np.zeros((8, 50)), np.zeros(8)
    model = Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(1.0), "mse", privacy=DPSGD(1.0, 1.0, seed=1))
    steps = []
    for epochs in (1, 2, 1):
        before = flat(model) if model.built else np.zeros(50)
        model.fit(x, y, batch_size=8, epochs=epochs, verbose=0)
        steps.append(flat(model) - before)
    assert abs(np.corrcoef(steps)[np.triu_indices(3, 1)]).max() < 0.5
    assert model.privacy.ledger.steps == 4


def test_divides_by_the_batch_size_that_was_asked_for(engine):
    """The gradient of each row is 1: the weight tells how many rows were drawn in each step."""
    n, size = 50, 10
    model = Sequential([layers.Dense(1, use_bias=False, kernel_initializer="zeros")])
    model.compile(optimizers.SGD(1.0), "mae", privacy=DPSGD(1.0, 0.0, seed=4))
    seen = []

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(flat(self.model)[0])

    model.fit(np.ones((n, 1)), np.full(n, 1e6), size, 200, 0, [Watch()])
    rows = np.diff([0.0, *seen]) * size
    assert np.allclose(rows, np.round(rows), atol=1e-3)
    counts = np.round(rows)
    assert len(counts) == 200 * 5 == model.privacy.ledger.steps
    expected = stats.binom(n, size / n)
    assert abs(counts.mean() - 10) < 0.4
    assert (
        stats.chisquare(
            [(counts <= 7).sum(), ((counts > 7) & (counts <= 12)).sum(), (counts > 12).sum()],
            1000
            * np.array([expected.cdf(7), expected.cdf(12) - expected.cdf(7), expected.sf(12)]),
        ).pvalue
        > 1e-3
    )


def test_empty_batches_take_steps_of_noise(engine):
    """Of 2 rows with probability 1/2 a quarter of the batches are empty."""
    model = compiled(DPSGD(1.0, 1.0, seed=1), optimizers.SGD(0.01))
    seen = []

    class Watch(callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(flat(self.model))

    model.fit(X[:2], Y[:2], 1, 20, 0, [Watch()])
    assert len(seen) == 40 == model.privacy.ledger.steps
    assert np.isfinite(seen).all()
    assert (np.abs(np.diff(seen, axis=0)).min(axis=1) > 0).all()
    still = compiled(DPSGD(1.0, 0.0, seed=1), optimizers.SGD(0.01))
    seen = []
    still.fit(X[:2], Y[:2], 1, 20, 0, [Watch()])
    moved = np.abs(np.diff(seen, axis=0)).max(axis=1) > 0
    assert 4 <= (~moved).sum() <= 18


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_that_overflows_counts_nothing(engine, dtype):
    """Stopping there, or a NaN, would tell that such a row is among the data."""
    big = float(np.finfo(dtype).max) ** 0.75
    x, y = np.array([[0.5], [big], [-0.25]]), np.array([0.1, 0.2, 0.3])

    def trained(x, y, size):
        model = Sequential(
            [
                layers.Input(shape=(1,), dtype=dtype),
                layers.Dense(1, kernel_initializer="ones", name="first"),
                layers.Dense(2, "exponential", kernel_initializer="ones"),
                layers.Dense(1, kernel_initializer="ones"),
            ],
            dtype=dtype,
        )
        model.compile(optimizers.SGD(1.0), "mse", privacy=DPSGD(0.1, 0.0, seed=1))
        model.fit(x, y, batch_size=size, verbose=0)
        return flat(model)

    start = np.array([1, 0, 1, 1, 0, 0, 1, 1, 0.0])
    moved = trained(x, y, 3) - start
    without = trained(x[[0, 2]], y[[0, 2]], 2) - start
    assert np.isfinite(moved).all()
    assert np.allclose(moved * 3, without * 2, rtol=1e-5, atol=1e-6)


def test_frozen_and_unreached_weights_stay(engine):
    model = graph()
    frozen = next(layer for layer in model.leaves() if not layer.trainable)
    before = [w.copy() for w in frozen.get_weights()]
    unreached = next(layer for layer in model.layers if layer.name == "b")
    start = [w.copy() for w in unreached.get_weights()]
    model.compile(optimizers.SGD(0.1), ["mse", None], privacy=NOISY)
    model.fit([X, CODES], [Y, None], batch_size=20, epochs=2, verbose=0)
    assert all(map(np.array_equal, before, frozen.get_weights()))
    assert all(map(np.array_equal, start, unreached.get_weights()))


def test_rows_of_a_subset(engine):
    """fit(rows=) is private training on x[rows]."""
    rows = np.arange(0, 60, 3)
    found = []
    for arguments in ((X, Y, {"rows": rows}), (X[rows], Y[rows], {})):
        model = compiled()
        model.fit(*arguments[:2], 5, 3, 0, **arguments[2])
        found.append(flat(model))
        assert spans(model)[0].rows == 20 if hasattr(spans(model)[0], "rows") else True
    assert np.array_equal(*found)


# ---------------------------------------------------------------- what is counted


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


def test_python_metrics_see_no_empty_batch(engine):
    def largest(y, p):
        return float(np.max(np.abs(y - p)))  # fails for no rows

    model = compiled(DPSGD(1.0, 1.0, seed=1), metrics=[largest])
    model.fit(X[:2], Y[:2], 1, 20, 0)
    assert model.privacy.ledger.steps == 40


def test_a_plain_logistic_regression_drops_the_private_network():
    from fastgd.sklearn import LogisticRegression

    model = LogisticRegression(privacy=NOISY, batch_size=30).fit(X, LABELS)
    model.set_params(privacy=None).fit(X, LABELS)
    assert not hasattr(model, "model_")


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


# ---------------------------------------------------------------- what is refused


def refused(match, **arguments):
    with pytest.raises(ArgumentError, match=match):
        compiled(**arguments)


def test_losses_that_look_at_other_rows():
    refused("loss: 'sharpe' is one number", loss=losses.Sharpe(), model=network())
    refused("reduction of 'mean_squared_error' is 'sum'", loss=losses.MeanSquaredError("sum"))
    ignoring = losses.SparseCategoricalCrossentropy(ignore_class=0)
    refused("ignore_class", loss=ignoring)
    weighted = compiled(loss=losses.MeanSquaredError("mean_with_sample_weight"))
    weighted.fit(X, Y, verbose=0)  # without weights its divisor is the batch size
    with pytest.raises(ArgumentError, match="divides by the weights of all rows"):
        weighted.fit(X, Y, sample_weight=np.ones(60), verbose=0)
    batch = compiled(loss=lambda y, p: ((y - p) ** 2).mean())
    with pytest.raises(ArgumentError, match="one number for a whole batch"):
        batch.fit(X, Y, verbose=0)
    assert batch.privacy.ledger.steps == 0
    rows = compiled(loss=lambda y, p: ((y - p) ** 2).mean(axis=-1))
    rows.fit(X, Y, verbose=0)
    assert rows.privacy.ledger.steps == 2


def test_a_loss_in_python_trains_as_the_compiled_one():
    found = []
    for loss in ("mse", lambda y, p: ((y - p) ** 2).mean(axis=-1)):
        model = compiled(loss=loss)
        model.fit(X, Y, batch_size=7, epochs=3, verbose=0)
        found.append(flat(model))
    assert np.allclose(*found, rtol=1e-9)


def test_optimizers_that_are_no_steps():
    refused("optimizer: 'lbfgs' evaluates all rows", optimizer=optimizers.LBFGS())
    accumulating = optimizers.Adam(gradient_accumulation_steps=2)
    refused("gradient_accumulation_steps", optimizer=accumulating)
    model = compiled()
    with pytest.raises(ArgumentError, match="gradient_accumulation_steps"):
        model.optimizer = accumulating
    assert model.optimizer is not accumulating


def test_layers_that_look_at_other_rows():
    model = Sequential([layers.BatchNormalization(name="bn"), layers.Dense(1)])
    model.compile("adam", "mse", privacy=NOISY)
    with pytest.raises(ArgumentError, match=r"layer 'bn' normalises .* LayerNormalization"):
        model.fit(X, Y, verbose=0)
    model.layers[0].trainable = False  # it normalises by moments that are known then
    model.compile("adam", "mse", privacy=NOISY)
    model.fit(X, Y, verbose=0)
    assert model.privacy.ledger.steps == 2


def test_data_of_which_rows_cannot_be_drawn():
    model = compiled()

    def batches():
        while True:
            yield X, Y

    with pytest.raises(ArgumentError, match=r"x: private training draws .* got batches"):
        model.fit(batches(), steps_per_epoch=1, verbose=0)
    for shuffle in (False, "batch"):
        with pytest.raises(ArgumentError, match=f"shuffle: .*{shuffle}"):
            model.fit(X, Y, shuffle=shuffle, verbose=0)
    labels = (Y > 0).astype(int)
    classifier = compiled(loss=losses.BinaryCrossentropy(from_logits=True))
    with pytest.raises(ArgumentError, match="class_weight: 'balanced'"):
        classifier.fit(X, labels, class_weight="balanced", verbose=0)
    assert model.privacy.ledger.steps == classifier.privacy.ledger.steps == 0


def test_single_batches_and_tapes():
    model = compiled()
    model.fit(X, Y, verbose=0)
    before = flat(model)
    for name, call in {
        "train_on_batch": lambda: model.train_on_batch(X, Y),
        "value_and_grad": lambda: model.value_and_grad(X, Y),
        "learn_one": lambda: model.learn_one({"a": 1.0}, 2.0),
        "train_on_batch ": lambda: model.learner()(X[0], 1.0),
    }.items():
        with pytest.raises(ArgumentError, match=f"{name.strip()}: the privacy of a model"):
            call()
    with GradientTape() as tape:
        loss = ((model(X) - Y) ** 2).mean()
    gradients = tape.gradient(loss, model.trainable_variables)
    pairs = zip(gradients, model.trainable_variables, strict=True)
    with pytest.raises(ArgumentError, match="apply_gradients: a model is trained privately"):
        model.optimizer.apply_gradients(pairs)
    assert np.array_equal(before, flat(model))
    assert model.privacy.ledger.steps == 2


def test_callbacks_that_act_on_training_figures_are_warned_of():
    model = compiled()
    for callback in (
        callbacks.EarlyStopping("loss"),
        callbacks.ReduceLROnPlateau("loss"),
        callbacks.ModelCheckpoint("never_written", "loss", save_best_only=True),
    ):
        with pytest.warns(UserWarning, match=f"{type(callback).__name__} acts on 'loss'"):
            model.fit(X, Y, verbose=0, epochs=0, callbacks=[callback])
    model.fit(
        X, Y, verbose=0, validation_data=(X, Y), callbacks=[callbacks.EarlyStopping("val_loss")]
    )


def test_what_privacy_may_be():
    with pytest.raises((ArgumentError, TypeError), match="privacy"):
        compiled(privacy=1.0)
    with pytest.raises(ArgumentError, match="l2_norm_clip"):
        DPSGD(0.0, 1.0)


# ---------------------------------------------------------------- estimators

sklearn = pytest.importorskip("sklearn")
LABELS = (Y[:, 0] > 0).astype(int)


def test_a_private_perceptron():
    from fastgd.sklearn import MLPClassifier, MLPRegressor

    model = MLPClassifier((5,), privacy=NOISY, max_iter=30, batch_size=20, random_state=1)
    model.fit(X, LABELS, sample_weight=np.linspace(0.5, 1, 60))
    assert model.model_.privacy.ledger.steps == 90
    again = sklearn.clone(model).fit(X, LABELS, sample_weight=np.linspace(0.5, 1, 60))
    assert np.array_equal(model.predict_proba(X), again.predict_proba(X))
    model.set_params(warm_start=True, max_iter=1).fit(X, LABELS)
    assert model.model_.privacy.ledger.steps == 93
    model.set_params(alpha=0.5).fit(X, LABELS)  # which makes the network anew
    assert model.model_.privacy.ledger.steps == 96
    with pytest.raises(ArgumentError, match="96 steps of this model were private"):
        model.set_params(privacy=None).fit(X, LABELS)
    number = MLPRegressor(hidden_layer_sizes=(5,), privacy=NOISY, max_iter=2).fit(X, Y[:, 0])
    assert number.model_.privacy.ledger.steps == 2
    number.partial_fit(X, Y[:, 0])
    assert number.model_.privacy.ledger.steps == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("solver", "lbfgs"), ("early_stopping", True), ("learning_rate", "adaptive"),
        ("class_weight", "balanced"), ("shuffle", False),
    ],
)  # fmt: skip
def test_what_a_private_perceptron_refuses(name, value):
    from fastgd.sklearn import MLPClassifier

    model = MLPClassifier((5,), privacy=NOISY, max_iter=2, **{"solver": "sgd", name: value})
    with pytest.raises(ArgumentError, match=name):
        model.fit(X, LABELS)


def test_a_private_perceptron_without_noise_is_a_plain_one():
    from fastgd.sklearn import MLPClassifier

    settings = {"hidden_layer_sizes": (5,), "max_iter": 5, "batch_size": 60, "random_state": 1,
                "alpha": 0.3, "class_weight": {1: 2.0}}  # fmt: skip
    private = MLPClassifier(privacy=HUGE, **settings).fit(X, LABELS)
    # a weight of a row counts against the batch size, not against the sum of weights
    with pytest.warns(UserWarning, match="5 epochs of max_iter"):
        plain = MLPClassifier(**settings | {"class_weight": None}).fit(X, LABELS)
    equal = MLPClassifier(privacy=HUGE, **settings | {"class_weight": None}).fit(X, LABELS)
    assert np.allclose(equal.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    assert not np.allclose(private.predict_proba(X), plain.predict_proba(X))


def test_private_logistic_regression():
    from fastgd.sklearn import LogisticRegression

    exact = LogisticRegression(C=0.5).fit(X, LABELS)
    found = LogisticRegression(
        C=0.5, privacy=HUGE, max_iter=4000, batch_size=60, learning_rate_init=0.01
    ).fit(X, LABELS)
    assert np.allclose(found.coef_, exact.coef_, atol=1e-4)
    assert np.allclose(found.intercept_, exact.intercept_, atol=1e-4)
    assert np.allclose(found.predict_proba(X), exact.predict_proba(X), atol=1e-4)
    noisy = LogisticRegression(privacy=NOISY, batch_size=30).fit(X, LABELS)
    assert noisy.model_.privacy.ledger.steps == 200
    assert noisy.score(X, LABELS) > 0.5
    three = np.digitize(Y[:, 0], [-0.5, 0.5])
    exact = LogisticRegression().fit(X, three)
    several = LogisticRegression(privacy=HUGE, max_iter=4000, batch_size=60).fit(X, three)
    assert several.coef_.shape == (3, 4)
    assert np.allclose(several.predict_proba(X), exact.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("l1_ratio", 0.5),
        ("fit_intercept", False),
        ("class_weight", "balanced"),
        ("solver", "liblinear"),
    ],
)
def test_what_private_logistic_regression_refuses(name, value):
    from fastgd.sklearn import LogisticRegression

    with pytest.raises(ArgumentError, match=name):
        LogisticRegression(privacy=NOISY, **{name: value}).fit(X, LABELS)
    with pytest.raises(ArgumentError, match="partial_fit"):
        LogisticRegression(privacy=NOISY).partial_fit(X, LABELS, classes=[0, 1])


def test_metrics_and_validation_go_on_as_ever():
    model = compiled(metrics=["mae", metrics.RootMeanSquaredError()])
    history = model.fit(X, Y, 20, 3, 0, validation_data=(X, Y))
    assert set(history.history) >= {"loss", "mae", "val_loss", "val_mae"}
    assert np.isfinite(list(history.history.values())).all()


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
