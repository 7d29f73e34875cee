"""Promises that hold for everything the registries have, through the methods of a model."""

import io
import itertools

import numpy as np
import pytest
from lossdata import CASES as LOSSES
from metric_cases import CASES as METRICS
from metric_cases import data as metric_data
from problems import network, regression

from fastgd import (
    GradientTape,
    Sequential,
    callbacks,
    initializers,
    layers,
    losses,
    metrics,
    models,
    ops,
    optimizers,
    utils,
)
from fastgd._registry import names
from fastgd._training import step
from fastgd.saving import state

#: Losses of probabilities are tried with linear outputs, which give any number.
pytestmark = pytest.mark.filterwarnings("ignore:.*takes probabilities, but the output layer")
ROWS = 10
each_dtype = pytest.mark.parametrize("dtype", ["float32", "float64"])
each_loss = pytest.mark.parametrize("case", LOSSES, ids=str)
each_optimizer = pytest.mark.parametrize("cls", optimizers.CLASSES, ids=lambda c: c.__name__)
#: Those that step after each batch.
BY_BATCHES = [cls for cls in optimizers.CLASSES if not cls.whole_batch]
each_by_batches = pytest.mark.parametrize("cls", BY_BATCHES, ids=lambda c: c.__name__)
each_metric = pytest.mark.parametrize(
    ("cls", "arguments"), [case[1:] for case in METRICS], ids=[case[0] for case in METRICS]
)


def width_of(case):
    """A width that the loss takes."""
    return next(width for width in (3, 2) if case.fits(width))


def mirror(width, dtype=None):
    """A network whose predictions are its inputs, until it is trained."""
    eye = initializers.Identity()
    return Sequential(
        [layers.Input((width,)), layers.Dense(width, use_bias=False, kernel_initializer=eye)],
        dtype=dtype,
    )


def some_weights():
    """Weights of rows, one of them 0, whose sums have to be rounded."""
    return np.where(np.arange(ROWS) == 3, 0, np.random.default_rng(2).random(ROWS))


def content(model):
    """All that a model is, as it would stand in a file."""
    arrays = {name: array.tobytes() for name, array in state.arrays_of(model).items()}
    return state.document_of(model), arrays


def same(found, expected):
    """Whether two dicts of figures, numbers or arrays, are the same to the bit."""
    return list(found) == list(expected) and all(
        np.array_equal(found[name], expected[name], equal_nan=True) for name in expected
    )


def batches(size, *arrays):
    """Arrays as a generator of batches."""
    for first in range(0, len(arrays[0]), size):
        yield tuple(a[first : first + size] for a in arrays)


# --- figures do not depend on batches ------------------------------------------------------


def check_batch_sizes(model, x, y, *weights):
    """The figures of batches of 1, 2, ... rows, as arrays and from a generator."""
    expected = model.evaluate(x, y, None, 0, *weights, return_dict=True)
    assert all(np.isfinite(figure).all() for figure in expected.values())
    for size in range(1, len(x) + 1):
        for figures in (
            model.evaluate(x, y, size, 0, *weights, return_dict=True),
            model.evaluate(batches(size, x, y, *weights), verbose=0, return_dict=True),
        ):
            assert same(figures, expected), size


@each_loss
@each_dtype
def test_a_loss_is_the_same_for_every_batch_size(engine, dtype, case):
    y, p = case.data(ROWS, width_of(case), dtype)
    model = mirror(p.shape[1], dtype)
    others = [case.make(reduction="sum"), case.make(reduction="mean_with_sample_weight")]
    for loss in (case.make(), *(others if case in LOSSES[::8] else ())):
        model.compile("sgd", loss)
        check_batch_sizes(model, p, y)
        check_batch_sizes(model, p, y, some_weights())


def metric_model(metric, dtype=None, **arguments):
    """A model that shows its inputs to a metric, as one without and as one with weights."""
    model = mirror(3, dtype)
    of_classes = metric.target_columns(3) == 1
    model.compile(
        "sgd", "sparse_categorical_crossentropy" if of_classes else "mse",
        metrics=[metric], weighted_metrics=[type(metric).from_config(metric.get_config())],
        **arguments,
    )  # fmt: skip
    return model


@each_metric
@each_dtype
def test_a_metric_is_the_same_for_every_batch_size(engine, dtype, cls, arguments):
    metric = cls(**arguments)
    p, y, _ = metric_data(metric, ROWS, 3)
    p = np.sqrt(p) if "from_sorted_ids" not in arguments else p  # sums have to round
    check_batch_sizes(metric_model(metric, dtype), p.astype(dtype), y, some_weights())


@each_metric
def test_a_metric_by_hand_is_the_same_however_rows_are_cut(cls, arguments):
    metric = cls(**arguments)
    p, y, _ = metric_data(metric, ROWS, 3)
    w, expected = some_weights(), None
    for size in range(ROWS, 0, -1):
        metric.reset_state()
        for part in batches(size, y, p, w):
            metric.update_state(*part)
        expected = metric.result() if expected is None else expected
        assert np.array_equal(metric.result(), expected), size


@pytest.mark.parametrize("weighted", [False, True])
def test_a_function_of_ones_own_is_the_same_for_every_batch_size(engine, weighted):
    def own(y_true, y_pred):
        return ops.mean(ops.square(y_true - y_pred), axis=-1)

    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, ROWS, 3))
    model = mirror(3, "float64")
    model.compile("sgd", own, metrics=["mae"], weighted_metrics=[own])
    check_batch_sizes(model, x, y, *([some_weights()] if weighted else []))


@pytest.mark.parametrize("cls", [metrics.Mean, metrics.Sum])
@pytest.mark.parametrize("weighted", [False, True])
def test_means_and_sums_are_the_same_however_values_are_cut(cls, weighted):
    arrays = np.random.default_rng(1).normal(size=(1 + weighted, 2 * ROWS))
    found = set()
    for size in range(1, 2 * ROWS + 1):
        metric = cls()
        for part in batches(size, *np.abs(arrays)):
            metric.update_state(*part)
        found.add(metric.result())
    assert len(found) == 1


# --- rows of weight 0 are not there ----------------------------------------------------------


def wild_rows(loss, x, y, seed=0):
    """Other rows of the same shapes, so large that losses overflow."""
    rng = np.random.default_rng(seed)
    x = (rng.choice([-1, 1], x.shape) * rng.choice([1, 1e15, 1e30], x.shape)).astype(x.dtype)
    low, high = loss.target_range
    if loss.sparse:  # whether a row's label is ignored says what the loss is divided by
        return x, y if loss.ignore_class is not None else y[::-1]
    low, high = max(low, -3e38), min(high, 3e38)
    return x, rng.choice([low, high], y.shape).astype(y.dtype)


def suited(case, dtype=None):
    """A network whose outputs the loss takes."""
    loss, width = case.make(), width_of(case)
    low, high = loss.target_range
    free = loss.from_logits or getattr(loss, "log_link", False) or (low < 0 and not loss.sparse)
    activation = None if free else "sigmoid" if loss.sparse or high == 1 else "softplus"
    model = network(((5, "relu"),), 4, width, activation, dtype)
    if case.cls is losses.FisslerZiegel:  # its first column is below 0
        model.add(layers.Ordered(first="negative"))
    return model


@each_loss
def test_rows_of_weight_0_change_nothing(engine, case):
    loss = case.make()
    y, _ = case.data(24, width_of(case), "float32")
    x = np.random.default_rng(1).normal(size=(24, 4)).astype("float32")
    weights = np.tile([1.0, 0.5, 2.0, 0.0, 1.5, 0.0], 4)
    found = []
    for seed in (None, 0, 1):
        if seed is not None:
            wild_x, wild_y = wild_rows(loss, x, y, seed)
            x = np.where(weights[:, None] == 0, wild_x, x)
            y = np.where(weights[:, None] == 0, wild_y, y)
        utils.set_random_seed(1)
        model = suited(case)
        model.compile("adam", loss, weighted_metrics=[loss])
        history = model.fit(x, y, sample_weight=weights, epochs=2, batch_size=6, verbose=0)
        batch = model.train_on_batch(x, y, weights), model.test_on_batch(x, y, weights)
        if seed is not None:  # outputs may overflow as well
            x = np.where(weights[:, None] == 0, np.float32(3e38), x)
        figures = model.evaluate(x, y, sample_weight=weights, verbose=0)
        found.append((history.history, batch, figures, model.parameters.tobytes()))
    assert found[0] == found[1] == found[2]


@each_loss
@pytest.mark.parametrize("reduction", ["mean", "mean_with_sample_weight"])
def test_rows_of_weight_0_alone_change_nothing(engine, case, reduction):
    loss = case.make(reduction=reduction)
    y, _ = case.data(8, width_of(case), "float32")
    x, y = wild_rows(loss, np.ones((8, 4), "float32"), y)
    model = suited(case)
    model.compile(optimizers.SGD(0.1, momentum=0.9), loss, weighted_metrics=[loss])
    before = model.parameters.tobytes()
    nothing = np.zeros(8)
    history = model.fit(x, y, sample_weight=nothing, epochs=2, batch_size=4, verbose=0)
    assert list(history.history.values()) == [[0.0, 0.0], [0.0, 0.0]]
    assert model.evaluate(x, y, sample_weight=nothing, verbose=0) == [0.0, 0.0]
    assert model.parameters.tobytes() == before


@each_loss
def test_rows_of_weight_0_change_no_gradient_of_a_tape(case):
    y, p = case.data(8, width_of(case), "float32")
    weights = (np.arange(8) % 2).astype("float32")
    found = []
    for other in (0, 0.5, 1e30):
        p[::2] = other or p[::2]
        with GradientTape() as tape:
            watched = tape.watch(p)
            loss = case.make()(y, watched, weights)
        found.append((float(loss), tape.gradient(loss, watched).tobytes()))
    assert found[0] == found[1] == found[2]


@each_metric
def test_rows_of_weight_0_change_no_metric(engine, cls, arguments):
    metric = cls(**arguments)
    p, y, w = metric_data(metric, ROWS, 3)
    model = metric_model(metric)
    name = model.metrics_names[-1]
    found = []
    for value in (None, 0.0, 1e30, -3e38):
        if value is not None:
            p[w == 0] = value
            y[w == 0] = y[w == 0][::-1]
        figures = model.evaluate(p, y, sample_weight=w, return_dict=True, verbose=0)
        metric.reset_state()
        found.append({"model": figures[name], "by hand": metric(y, p.astype("float32"), w)})
    for again in found[1:]:
        assert same(again, found[0])


# --- optimizers ------------------------------------------------------------------------------


@each_by_batches
@pytest.mark.parametrize("k", [2, 3])
def test_small_batches_are_one_on_their_mean(engine, cls, k):
    x, y = regression(24, dtype="float64")
    found = []
    for steps, size in ((k, 4), (None, 4 * k)):
        utils.set_random_seed(1)
        model = network(dtype="float64")
        optimizer = cls(
            learning_rate=0.01, clipnorm=0.5, weight_decay=0.1, use_ema=True,
            gradient_accumulation_steps=steps,
        )  # fmt: skip
        model.compile(optimizer, "mse")
        history = model.fit(x, y, batch_size=size, epochs=4, shuffle=False, verbose=0)
        assert optimizer.iterations == 4 * 24 // (4 * k)
        found.append((np.array(model.parameters), history.history["loss"]))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-10)


def all_in_one(optimizer):
    """A model with all that keeps a state: noise, statistics of batches, an optimizer."""
    utils.set_random_seed(3)
    names.reset_names()
    noise = [] if optimizer.whole_batch else [layers.Dropout(0.3), layers.GaussianNoise(0.1)]
    model = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(8, activation="relu"),
            *noise,
            layers.BatchNormalization(momentum=0.7),
            layers.Dense(1),
        ]
    )
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def through_a_file(model):
    file = io.BytesIO()
    model.save(file)
    file.seek(0)
    return models.load_model(file)


SETTINGS = {
    "plain": {},
    "averages": {"use_ema": True, "ema_momentum": 0.9, "ema_overwrite_frequency": 3},
    "accumulation": {"gradient_accumulation_steps": 3},  # files in the middle: 7 steps an epoch
    "all": {
        "global_clipnorm": 0.5, "weight_decay": 0.01, "use_ema": True,
        "gradient_accumulation_steps": 4,
    },
}  # fmt: skip


@each_optimizer
@pytest.mark.parametrize("name", SETTINGS)
def test_two_files_on_the_way_change_no_bit(engine, cls, name):
    x, y = regression(50)

    def made():
        if cls.whole_batch:
            return all_in_one(cls(max_iter=3))
        rate = optimizers.schedules.CosineDecay(0.02, 30, warmup_target=0.05, warmup_steps=5)
        return all_in_one(cls(learning_rate=rate, **SETTINGS[name]))

    if cls.whole_batch and name != "plain":
        with pytest.raises(TypeError):
            cls(**SETTINGS[name])
        return
    whole, parts = made(), made()
    figures = {}
    for epoch in range(3):
        run = parts.fit(
            x, y, batch_size=8, initial_epoch=epoch, epochs=epoch + 1, verbose=0
        ).history
        for key, values in run.items():
            figures.setdefault(key, []).extend(values)
        if epoch < 2:
            parts = through_a_file(parts)
    if SETTINGS[name].get("use_ema"):  # the averages take the weights' place after each fit
        for epoch in range(3):
            last = whole.fit(
                x, y, batch_size=8, initial_epoch=epoch, epochs=epoch + 1, verbose=0
            )
        assert [values[-1:] for values in figures.values()] == list(last.history.values())
    else:
        assert whole.fit(x, y, batch_size=8, epochs=3, verbose=0).history == figures
    assert content(parts) == content(whole)


@each_optimizer
def test_threads_change_no_bit(engine, cls, monkeypatch):
    class Fixed:
        """As many threads as the test says, however small the work."""

        number = 0

        def __init__(self, most):
            pass

        def run(self, span, place, seconds):
            used.append(self.number)
            return span(seconds, self.number)

    monkeypatch.setattr(step, "ThreadTuner", Fixed)
    x, y = regression(150)
    found, used = [], []
    for Fixed.number in (1, 2, 3):
        model = all_in_one(cls() if cls.whole_batch else cls(learning_rate=0.01))
        history = model.fit(
            x, y, batch_size=64, epochs=2, verbose=0, validation_data=(x, y)
        ).history
        found.append((history, content(model), model.predict(x, n_jobs=2).tobytes()))
    assert set(used) == {1, 2, 3}
    assert found[0] == found[1] == found[2]


# --- callbacks -------------------------------------------------------------------------------


def test_a_used_early_stopping_is_like_a_fresh_one(engine):
    x, y = regression(40)

    def stopping():
        return callbacks.EarlyStopping(
            patience=1, min_delta=0.05, restore_best_weights=True, start_from_epoch=1
        )

    def run(stop, targets):
        utils.set_random_seed(1)
        model = network()
        model.compile(optimizers.SGD(0.1), "mse")
        history = model.fit(
            x, targets, epochs=30, verbose=0, callbacks=[stop], validation_data=(x, targets)
        )
        return history.history, stop.stopped_epoch, stop.best, model.parameters.tobytes()

    used = stopping()
    run(used, 0 * y)  # figures that no other run comes near
    assert run(used, y) == run(stopping(), y)
    assert run(used, y)[1] > 0


# --- the ends of what there is ---------------------------------------------------------------

TINY = float(np.float32(1e-45))


def extremes(case, dtype):
    """Targets and predictions where a loss is at its ends, in all their combinations."""
    loss, width = case.make(), width_of(case)
    low, high = loss.target_range
    tiny = 1e-30 if "BinaryFocal" in str(case) else TINY  # its slope divides by one of them
    if case.cls is losses.FisslerZiegel:
        outputs = (-1e4, -1.0, -1e-3)
    elif loss.from_logits or (low < 0 and not loss.sparse):
        outputs = (-1e4, -TINY, 0.0, 1e4)
    elif getattr(loss, "log_link", False):
        outputs = (-20.0, -TINY, 0.0, 20.0)
    elif loss.sparse or high == 1:
        outputs = (0.0, tiny, 0.5, 1.0)
    else:
        outputs = (1e-6, 1.0, 1e4)
    if loss.sparse:
        truths = tuple(range(width))
    elif "Gamma" in str(case):
        truths = (1e-6, 1.0, 1e4)  # above 0
    else:
        truths = (max(low, -1e4), tiny, min(high, 1e4))
    rows = np.array(list(itertools.product(truths, outputs, outputs)))
    if "Categorical" in str(case) and not loss.from_logits:
        # of others the slope is beyond single precision, or there is none
        rows = rows[rows[:, 1:].sum(axis=1) > 0.1]
    y, p, q = rows.T[:, :, None]
    y = np.hstack([y, *[np.full_like(y, truths[0])] * (loss.target_columns(width) - 1)])
    return y.astype(dtype), np.hstack([p, q, *[p] * (width - 2)]).astype(dtype)


@each_loss
@each_dtype
def test_a_loss_at_its_ends(engine, dtype, case):
    y, p = extremes(case, dtype)
    loss = case.make()
    by_hand = case.make(reduction="none")(y, p)
    assert by_hand.dtype == dtype
    assert np.isfinite(by_hand).all()
    model = mirror(p.shape[1], dtype)
    model.compile(optimizers.SGD(0.0), loss, metrics=[case.make(name="again")])
    one_by_one = [model.evaluate(*row, verbose=0) for row in batches(1, p, y)]
    digits = 1e-5 if dtype == "float32" else 1e-12
    expected = np.stack([by_hand, by_hand], axis=1)
    np.testing.assert_allclose(one_by_one, expected, rtol=digits, atol=digits)
    found = model.evaluate(p, y, verbose=0)
    if loss.ignore_class is None:
        np.testing.assert_allclose(found[0], by_hand.mean(dtype=float), rtol=1e-5, atol=1e-15)
    assert model.train_on_batch(p, y) == found  # that no gradient is infinite, too
    if dtype == "float64":  # from predictions of both types, digits apart, the same
        clipped = loss.target_range == (0, 1) or loss.sparse
        if loss.from_logits or not clipped:
            rough = case.make(reduction="none")(y.astype("float32"), p.astype("float32"))
            np.testing.assert_allclose(rough, by_hand, rtol=1e-4, atol=1e-4)


@each_metric
@pytest.mark.filterwarnings("ignore:R2Score")  # three regressors for one row, it says
@pytest.mark.filterwarnings("ignore:.* is NaN")
def test_a_metric_at_its_ends(cls, arguments):
    metric = cls(**arguments)
    model = metric_model(metric, "float64")
    name = model.metrics_names[-1]
    ends = (-1e4, 0.0, 1e4) if arguments.get("from_logits") else (0.0, TINY, 1.0)
    sparse = metric.target_columns(3) == 1
    for rows, low, high, truth in itertools.product((1, 4), ends, ends, (0, 1, None)):
        p = np.full((rows, 3), low)
        p[:, 1] = high
        if not p.any():
            p[:, 2] = ends[-1]
        # one class alone, or both
        labels = np.arange(rows) % 2 if truth is None else np.full(rows, truth)
        y = labels[:, None] if sparse else np.eye(3)[labels]
        for w in (None, np.zeros(rows), np.full(rows, 1e-30)):
            metric.reset_state()
            by_hand = metric(y, p, w)
            undefined = np.isnan(by_hand) & (metric.defined_for is not None)
            assert (np.isfinite(by_hand) | undefined).all()
            found = model.evaluate(p, y, sample_weight=w, return_dict=True, verbose=0)
            np.testing.assert_allclose(found[name], by_hand, rtol=1e-12, atol=1e-12)
