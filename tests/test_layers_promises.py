"""Layers that keep a promise for any weights: Ordered and MonotonicDense."""

import numpy as np
import pytest
from engines import each_dtype, missing
from engines import engine as engine_of
from layer_nets import LAYERS, LayerNet, is_random

from fastgd import (
    Model,
    Sequential,
    activations,
    callbacks,
    layers,
    losses,
    many,
    optimizers,
    saving,
    utils,
)
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.models.replica import trains_without_python

MILLION = 1_000_000


def predicted(model, x):
    return model.predict(x, batch_size=4096, verbose=0)


def with_random_weights(stack, scale, dtype="float32", seed=0):
    """A Sequential whose weights are normal; those of monotone layers keep their signs."""
    model = Sequential(stack, dtype=dtype)
    rng = np.random.default_rng(seed)
    for layer in model.layers:
        weights = [rng.normal(0, scale, w.shape) for w in layer.get_weights()]
        if isinstance(layer, layers.MonotonicDense):
            weights[0] = layer.signed(weights[0])
        layer.set_weights(weights)
    return model


# ---------------------------------------------------------------- ordered columns


@pytest.mark.parametrize("first", [None, "negative"])
def test_ordered_columns_by_hand(first):
    z = np.random.default_rng(0).normal(0, 4, (20, 5))
    steps = np.logaddexp(0, z)
    steps[:, 0] = z[:, 0] if first is None else -steps[:, 0]
    found = layers.Ordered(first, dtype="float64")(z)
    np.testing.assert_allclose(found, steps.cumsum(axis=1), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("dtype", "scale", "first", "rows"),
    [("f4", 1.0, None, MILLION), ("f8", 0.3, None, 50_000), ("f8", 1e4, "negative", 50_000),
     ("f4", 10.0, "negative", 50_000), ("f4", 1e4, None, 50_000)],
)  # fmt: skip
def test_quantiles_do_not_cross_in_a_million_rows(dtype, scale, first, rows):
    kind = np.dtype(dtype).name
    stack = [
        layers.Input((3,)),
        layers.Dense(8, "relu"),
        layers.Dense(5),
        layers.Ordered(first),
    ]
    model = with_random_weights(stack, scale, kind)
    x = np.random.default_rng(1).standard_normal((rows, 3), dtype)
    found = predicted(model, x)
    assert (np.diff(found, axis=1) >= 0).all()
    assert first is None or (found[:, 0] <= 0).all()
    bare = predicted(Model(model.inputs, model.layers[-2].output), x)
    assert (np.diff(bare, axis=1) < 0).any()  # without the layer they do cross


def test_columns_ascend_for_extreme_numbers():
    big = float(np.finfo("float32").max)
    z = np.array([[1, 1, 1], [-1, -1, -1], [-1, 1, 1], [0, 9, 1], [9, 9, -9], [0, -9, 9]], "f4")
    model = Sequential([layers.Input((3,)), layers.Rescaling(big), layers.Ordered()])
    found = predicted(model, z)
    assert (found[:, 1:] >= found[:, :-1]).all()
    assert np.isinf(found).any()
    plain = Sequential([layers.Input((3,)), layers.Ordered()])
    found = predicted(plain, np.array([[1e30, -300, 1.0]], "f4"))
    assert found[0].tolist() == [np.float32(1e30)] * 3  # steps below its rounding


def test_a_negative_first_column_may_underflow():
    found = layers.Ordered("negative")(np.array([[-100.0, 0], [-200.0, 0]], "float32"))
    assert -1e-40 < found[0, 0] < 0
    assert found[1, 0] == 0
    assert np.signbit(found[1, 0])


def test_quantiles_in_order_are_learned():
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, (4000, 1)).astype("float32")
    y = x[:, 0] + (0.5 + 0.4 * x[:, 0]) * rng.normal(size=4000)
    utils.set_random_seed(1)
    model = Sequential([layers.Input((1,)), layers.Dense(16, "relu"), layers.Dense(3)])
    model.add(layers.Ordered())
    model.compile(optimizers.Adam(0.004), losses.Quantile([0.1, 0.5, 0.9]))
    model.fit(x, y, batch_size=64, epochs=40, verbose=0)
    below = (y[:, None] <= predicted(model, x)).mean(axis=0)
    np.testing.assert_allclose(below, [0.1, 0.5, 0.9], atol=0.03)


def test_replicas_train_as_single_models_do():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(60, 2)).astype("float32")
    y = x[:, :1]

    def make():
        model = Sequential([layers.Input((2,)), layers.Dense(3), layers.Ordered()])
        model.compile("adam", losses.Quantile([0.1, 0.5, 0.9]))
        return model

    utils.set_random_seed(5)
    alone = [make() for _ in range(3)]
    for model in alone:
        model.fit(x, y, epochs=2, batch_size=16, verbose=0)
    utils.set_random_seed(5)
    pattern = make()
    assert trains_without_python(pattern)
    utils.set_random_seed(5)
    jobs = [{"model": make, "x": x, "y": y, "epochs": 2, "batch_size": 16} for _ in range(3)]
    found = [result.model for result in many.fit_many(jobs, n_jobs=1)]
    for ours, theirs in zip(found, alone, strict=True):
        assert ours.layers[-1].first is None
        assert (np.diff(predicted(ours, x), axis=1) >= 0).all()
        assert ours.parameters.shape == theirs.parameters.shape
    twin = pattern.replicate()
    twin.set_weights(pattern.get_weights())
    np.testing.assert_array_equal(predicted(twin, x), predicted(pattern, x))


# ---------------------------------------------------------------- monotone layers


def rho(name):
    return {
        "relu": lambda z: np.maximum(z, 0),
        "elu": lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))),
        "softplus": lambda z: np.logaddexp(0, z),
    }[name]


@pytest.mark.parametrize("name", ["relu", "elu", "softplus"])
def test_units_are_convex_concave_and_saturated(name):
    z = np.linspace(-4, 4, 81)
    f = rho(name)
    saturated = np.where(z < 0, f(z + 1) - f(1.0), f(1.0) - f(1 - z))
    layer = layers.MonotonicDense(3, name, shares=(1, 1, 1), kernel_initializer="ones")
    model = Sequential([layers.Input((1,)), layer], dtype="float64")
    expected = np.stack([f(z), -f(-z), saturated], axis=1)
    np.testing.assert_allclose(predicted(model, z[:, None]), expected, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize(
    ("units", "shares", "counts"),
    [(16, (7, 7, 2), (7, 7, 2)), (32, (7, 7, 2), (14, 14, 4)), (10, (2, 2, 1), (4, 4, 2)),
     (1, (1, 0, 0), (1, 0, 0)), (3, (1, 1, 0), (2, 1, 0)), (1, (0, 1, 0), (0, 1, 0)),
     (5, (0, 0, 3), (0, 0, 5)), (1, (7, 7, 2), (0, 0, 1))],
)  # fmt: skip
def test_the_shares_of_units(units, shares, counts):
    assert layers.MonotonicDense(units, "relu", shares=shares).counts() == counts


def test_one_kind_of_units_is_a_dense_layer():
    x = np.random.default_rng(0).normal(size=(9, 4))
    for activation, shares in (("sigmoid", (1, 0, 0)), (None, (7, 7, 2))):
        ours = layers.MonotonicDense(5, activation, shares=shares, dtype="float64")
        found = ours(x)
        plain = layers.Dense(5, activation, dtype="float64")
        plain(x)
        plain.set_weights(ours.get_weights())
        np.testing.assert_array_equal(plain(x), found)


@pytest.mark.parametrize("every", [None, 3])
def test_averages_of_weights_keep_their_signs(every):
    x = np.random.default_rng(0).normal(size=(200, 3))
    model = Sequential([layers.MonotonicDense(6, "relu"), layers.MonotonicDense(1)])
    optimizer = optimizers.Adam(0.1, use_ema=True, ema_overwrite_frequency=every)
    model.compile(optimizer, "mse")
    inside = []
    model.fit(x, -x.sum(axis=1), epochs=3, verbose=0, validation_data=(x, x[:, 0]), callbacks=[
        callbacks.SwapEMAWeights(),
        callbacks.LambdaCallback(on_test_begin=lambda logs: inside.append(lowest(model))),
    ])  # fmt: skip
    assert [*inside, lowest(model)] == [0.0] * 4


def lowest(model):
    return min(kernel.min() for kernel in model.get_weights()[::2])


@pytest.mark.parametrize("initializer", ["glorot_uniform", "he_normal", "orthogonal"])
def test_weights_begin_with_their_signs_and_keep_them(engine, initializer):
    signs = [1, -1, 0, 1, 1, -1]
    first = layers.MonotonicDense(12, "relu", signs, kernel_initializer=initializer)
    model = Sequential([layers.Input((6,)), first, layers.MonotonicDense(1)])
    x = np.random.default_rng(0).normal(size=(80, 6)).astype("float32")
    model.compile(optimizers.Adam(0.1), "mse")
    for epochs in (0, 3):
        if epochs:
            model.fit(x, (x @ signs)[:, None] * -1.0, epochs=epochs, verbose=0)
        kernel = first.kernel.numpy()
        for sign, weights in zip(signs, kernel, strict=True):
            assert (weights * sign >= 0).all()
        assert (kernel[2] < 0).any()
        assert (kernel[2] > 0).any()
        assert (model.layers[-1].kernel >= 0).all()


@pytest.mark.parametrize(
    ("signs", "trained", "pairs"),
    [([1, -1, 0, 1], True, MILLION), ([1, 1, 1, 1], False, 100_000),
     ([0, 0, 0, -1], False, 100_000), ([1, -1, -1, -1], True, 100_000)],
)  # fmt: skip
def test_a_million_pairs_without_a_violation(signs, trained, pairs):
    stack = [
        layers.Input((4,)), layers.MonotonicDense(24, "relu", signs),
        layers.MonotonicDense(16, "relu"), layers.MonotonicDense(2),
    ]  # fmt: skip
    model = with_random_weights(stack, 0.5)
    rng = np.random.default_rng(3)
    if trained:  # against what was promised
        x = rng.normal(size=(500, 4)).astype("float32")
        y = np.stack([np.sin(3 * x).sum(axis=1), -(x @ signs)], axis=1)
        model.compile(optimizers.Adam(0.01), "mse")
        model.fit(x, y, epochs=5, verbose=0)
    x = rng.normal(0, 2, (pairs, 4)).astype("float32")
    steps = np.abs(rng.normal(0, 1, x.shape)) * 10.0 ** rng.integers(-7, 2, (pairs, 1))
    further = (x + np.array(signs) * steps).astype("float32")
    assert (predicted(model, further) >= predicted(model, x)).all()


def surface(n, seed):
    """y rises with x0, along a cubic, falls with x1, and does as it likes with x2."""
    x = np.random.default_rng(seed).uniform(-1.5, 1.5, (n, 3)).astype("float32")
    return x, x[:, 0] ** 3 - np.exp(x[:, 1]) + np.sin(3 * x[:, 2])


def explained(shares):
    """The share of the variance on new rows that a monotone network explains."""
    utils.set_random_seed(1)
    model = Sequential([layers.Input((3,))])
    model.add(layers.MonotonicDense(32, "relu", [1, -1, 0], shares))
    model.add(layers.MonotonicDense(16, "relu", shares=shares))
    model.add(layers.MonotonicDense(1))
    model.compile(optimizers.Adam(0.005), "mse")
    model.fit(*surface(2000, 0), batch_size=32, epochs=40, verbose=0)
    x, y = surface(2000, 1)
    return 1 - np.mean((predicted(model, x)[:, 0] - y) ** 2) / y.var()


def test_it_learns_what_is_neither_convex_nor_concave():
    assert explained((7, 7, 2)) > 0.98
    assert explained((1, 0, 0)) < 0.9  # convex units alone do not


def test_which_activations_never_fall():
    z = np.linspace(-6, 6, 4001)
    for function, description in activations.DESCRIPTIONS.items():
        if function in (activations.softmax, activations.log_softmax):
            continue
        falls = np.diff(function(z)).min() < -1e-12
        never = activations.never_falls(description.code, description.settings)
        assert never != falls, function.__name__


@pytest.mark.parametrize(
    ("arguments", "never"),
    [((-0.1, None, 0.0), False), ((0.3, 2.0, 0.0), True), ((0.0, None, -1.0), False),
     ((0.0, None, 1.0), True), ((0.1, 0.5, 1.0), True), ((0.1, -0.5, 0.0), False)],
)  # fmt: skip
def test_rectifiers_that_never_fall(arguments, never):
    description = activations.rectifier(*arguments)
    assert activations.never_falls(description.code, description.settings) == never
    if never:
        z = np.linspace(-3, 3, 2001)
        assert (np.diff(activations.relu(z, *arguments)) >= 0).all()


def test_files_and_configurations_keep_the_promise(tmp_path):
    inputs = layers.Input((3,), name="x")
    hidden = layers.MonotonicDense(6, "elu", [1, 0, -1], (2, 1, 1))(inputs)
    model = Model(inputs, layers.Ordered("negative")(layers.MonotonicDense(3)(hidden)))
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(20, 3)).astype("float32")
    model.fit(x, np.sort(x) - 5, epochs=1, verbose=0)
    model.save(tmp_path / "model")
    again = saving.load_model(tmp_path / "model")
    np.testing.assert_array_equal(predicted(again, x), predicted(model, x))
    layer = again.layers[1]
    assert (layer.monotonicity, layer.shares) == ([1, 0, -1], (2.0, 1.0, 1.0))
    again.fit(x, x, epochs=3, verbose=0)  # the constraint came along
    assert (layer.kernel[0] >= 0).all()
    assert (layer.kernel[2] <= 0).all()
    clone = Model.from_config(model.get_config())
    clone.set_weights(model.get_weights())
    np.testing.assert_array_equal(predicted(clone, x), predicted(model, x))


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: layers.Ordered("positive"), ArgumentError, "first: expected None or"),
        (lambda: layers.Ordered()(np.ones((2, 3, 4))), ShapeError, "Flatten"),
        (lambda: layers.MonotonicDense(0), ArgumentError, "units"),
        (lambda: layers.MonotonicDense(3, "gelu"), ArgumentError, "activation: .* never falls"),
        (lambda: layers.MonotonicDense(3, "softmax"), ArgumentError, "activation"),
        (lambda: layers.MonotonicDense(3, np.tanh), ArgumentError, "activation"),
        (lambda: layers.MonotonicDense(3, monotonicity=2), ArgumentError, "monotonicity"),
        (lambda: layers.MonotonicDense(3, monotonicity=[0.5]), ArgumentError, "monotonicity"),
        (lambda: layers.MonotonicDense(3, monotonicity=True), ArgumentError, "monotonicity"),
        (lambda: layers.MonotonicDense(3, monotonicity=[[1]]), ArgumentError, "monotonicity"),
        (
            lambda: layers.MonotonicDense(3, monotonicity={"a": 1}),
            DataTypeError,
            "monotonicity",
        ),
        (
            lambda: layers.MonotonicDense(3, monotonicity=[np.nan]),
            ArgumentError,
            "monotonicity",
        ),
        (lambda: layers.MonotonicDense(3, shares=(1, 2)), ArgumentError, "shares"),
        (lambda: layers.MonotonicDense(3, shares=(0, 0, 0)), ArgumentError, "shares"),
        (lambda: layers.MonotonicDense(3, shares=(1, -1, 1)), ArgumentError, "shares"),
        (lambda: layers.MonotonicDense(3, shares=3), DataTypeError, "shares"),
        (
            lambda: Sequential([layers.Input((3,)), layers.MonotonicDense(2, None, [1, 0])]),
            ShapeError,
            "3 inputs, got 2 signs",
        ),
        (
            lambda: layers.MonotonicDense(2, kernel_constraint="non_neg"),
            ArgumentError,
            "kernel_constraint: .* monotonicity",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


# ---------------------------------------------------------------- bits

#: Those that round alike: they have fused multiply-adds.
FUSED = [build for build in ("avx2", "avx512", "wide") if missing(build) is None]


@each_dtype
@pytest.mark.parametrize("name", [name for name in LAYERS if not is_random(name)])
def test_builds_give_the_same_bits(dtype, name):
    if len(FUSED) < 2:
        pytest.skip("it takes two builds that run here")
    net = LayerNet(name, 5, 33, dtype)
    x, y = net.data(200)
    runs = [net.run(build, "adam", threads=i + 1) for i, build in enumerate(FUSED)]
    for run in runs:
        run.train(x, y, 40, 10)
        np.testing.assert_array_equal(run.parameters, runs[0].parameters)
        np.testing.assert_array_equal(run.predict(x), runs[0].predict(x))


@pytest.mark.parametrize("build", ["reference", "baseline", *FUSED])
def test_signs_are_projected_by_each_build(build):
    if build != "reference" and missing(build):
        pytest.skip(missing(build))
    from fastgd import constraints

    w = np.random.default_rng(0).normal(size=(7, 5))
    signs = [1, 1, -1, 0, 0, -1, 1]
    rows = constraints.Signs(signs).projection(w.shape)
    found = w.copy().reshape(-1)
    engine_of(build).constrain(found, rows)
    column = np.array(signs)[:, None]
    expected = np.where(column * w < 0, 0, w)
    np.testing.assert_array_equal(found.reshape(w.shape), expected)
    assert len(rows) == 4
