"""Private training: what its steps do."""

import numpy as np
import pytest
from private_models import HUGE, NOISY, RNG, X, Y, compiled, flat, network
from scipy import stats

import fastgd
from fastgd import (
    Model,
    Sequential,
    callbacks,
    constraints,
    layers,
    metrics,
    optimizers,
    regularizers,
    utils,
)
from fastgd._engine import builds
from fastgd.privacy import DPSGD


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
        (span,) = model.privacy.ledger
        assert span.rows == 20
    assert np.array_equal(*found)


def test_a_loss_in_python_trains_as_the_compiled_one():
    found = []
    for loss in ("mse", lambda y, p: ((y - p) ** 2).mean(axis=-1)):
        model = compiled(loss=loss)
        model.fit(X, Y, batch_size=7, epochs=3, verbose=0)
        found.append(flat(model))
    assert np.allclose(*found, rtol=1e-9)


def test_python_metrics_see_no_empty_batch(engine):
    def largest(y, p):
        return float(np.max(np.abs(y - p)))  # fails for no rows

    model = compiled(DPSGD(1.0, 1.0, seed=1), metrics=[largest])
    model.fit(X[:2], Y[:2], 1, 20, 0)
    assert model.privacy.ledger.steps == 40


def test_metrics_and_validation_go_on_as_ever():
    model = compiled(metrics=["mae", metrics.RootMeanSquaredError()])
    history = model.fit(X, Y, 20, 3, 0, validation_data=(X, Y))
    assert set(history.history) >= {"loss", "mae", "val_loss", "val_mae"}
    assert np.isfinite(list(history.history.values())).all()
