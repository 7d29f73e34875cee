"""Integrated gradients: by hand, against fine steps, exactly along the kinks, and refusals."""

import warnings

import numpy as np
import pandas as pd
import pytest
from test_interrupt import interrupted_after

from fastgd import Model, Sequential, activations, config, explain, layers, linear, utils
from fastgd.errors import (
    ArgumentError,
    ConvergenceWarning,
    DataError,
    DataTypeError,
    ShapeError,
)
from fastgd.explain.path import legendre_points
from fastgd.sklearn import LogisticRegression

RNG = np.random.default_rng(0)
X = RNG.normal(size=(40, 5))


def network(activation="relu", widths=(12, 8), inputs=5, scale=2.0, last="sigmoid"):
    """A network with biases: without them F is linear along lines from zero."""
    hidden = [layers.Dense(n, activation=activation) for n in widths]
    model = Sequential([layers.Input((inputs,)), *hidden, layers.Dense(1, activation=last)])
    rng = np.random.default_rng(3)
    model.set_weights([
        scale * w if w.ndim == 2 else rng.normal(size=w.shape) for w in model.get_weights()
    ])  # fmt: skip
    return model


def logit(model, x):
    p = model.predict(x)[:, 0]
    return np.log(p / (1 - p))


def relus(first, *rest):
    """A network of one output: (kernel, bias) of each layer, relu after all but the last."""
    pairs = [first, *rest]
    steps = [
        layers.Dense(np.shape(kernel)[1], activation=None if i == len(pairs) - 1 else "relu")
        for i, (kernel, _) in enumerate(pairs)
    ]
    model = Sequential([layers.Input((len(first[0]),)), *steps])
    model.set_weights([np.array(part, float) for pair in pairs for part in pair])
    return model


#: Sundararajan et al. 2017: F = 1 - relu(1 - x); and two forms of one function of (x1, x2),
#: relu(relu(x1) - 1 - relu(x2)) and relu(relu(x1 - 1) - relu(x2)).
BY_HAND = [
    (relus, [([[-1.0]], [1.0]), ([[-1.0]], [1.0])], [2.0], [0.0], [1.0]),
    (relus, [(np.eye(2), [0, 0]), ([[1.0], [-1.0]], [-1.0]), ([[1.0]], [0.0])],
     [3.0, 1.0], [0.0, 0.0], [1.5, -0.5]),
    (relus, [(np.eye(2), [-1, 0]), ([[1.0], [-1.0]], [0.0]), ([[1.0]], [0.0])],
     [3.0, 1.0], [0.0, 0.0], [1.5, -0.5]),
]  # fmt: skip


@pytest.mark.parametrize(("make", "layers_of", "x", "gradient", "expected"), BY_HAND)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_by_hand(engine, dtype, make, layers_of, x, gradient, expected):
    config.set_floatx(dtype)
    model = make(*layers_of)
    if gradient == [0.0]:
        np.testing.assert_array_equal(explain.input_gradients(model, [x]), [gradient])
    else:  # all relus are open at (3, 1)
        np.testing.assert_array_equal(explain.input_gradients(model, [x]), [[1, -1]])
    found = explain.integrated_gradients(model, [x], steps="exact")
    np.testing.assert_allclose(found.values, [expected], rtol=0, atol=1e-6)
    if dtype == "float64":
        np.testing.assert_allclose(found.values, [expected], rtol=0, atol=1e-15)
    rough = explain.integrated_gradients(model, [x], steps=2000)
    np.testing.assert_allclose(rough.values, [expected], rtol=0, atol=2e-3)


def test_a_product_by_hand(engine):
    """F = x1 x2: the mean of x2 along the line from (2, -1) to (1, 3) is 1, that of x1 1.5."""
    config.set_floatx("float64")
    a, b = layers.Input((1,)), layers.Input((1,))
    model = Model([a, b], layers.Multiply()([a, b]))
    x, baseline = [np.ones((1, 1)), np.full((1, 1), 3.0)], [[[2.0]], [[-1.0]]]
    for steps in (1, 7, "auto"):
        found = explain.integrated_gradients(model, x, list(map(np.array, baseline)), steps)
        np.testing.assert_allclose(found.values, [[-1.0, 6.0]], rtol=1e-14)
        np.testing.assert_allclose(found.base_values, [-2.0])
        np.testing.assert_allclose(found.errors["completeness"], 0, atol=1e-14)


@pytest.mark.parametrize("steps", [1, 3, "auto", "exact"])
def test_a_linear_network_needs_one_step(engine, steps):
    config.set_floatx("float64")
    model = Sequential([layers.Input((5,)), layers.Dense(3), layers.Dense(1)])
    model.set_weights([RNG.normal(size=w.shape) for w in model.get_weights()])
    first, _, second, _ = model.get_weights()
    found = explain.integrated_gradients(model, X, X[3], steps)
    expected = (X - X[3]) * (first @ second)[:, 0]
    np.testing.assert_allclose(found.values, expected, rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(found.totals, model.predict(X)[:, 0], rtol=1e-12)


def test_linear_models_and_estimators():
    y = X @ np.arange(5) + 1
    model = linear.LinearModel("squared_error").fit(X, y)
    found = explain.integrated_gradients(model, X, X.mean(axis=0))
    np.testing.assert_allclose(found.values, (X - X.mean(axis=0)) * model.coef)
    np.testing.assert_allclose(found.errors["completeness"], 0, atol=1e-12)
    classifier = LogisticRegression().fit(X, y > 1)
    found = explain.integrated_gradients(classifier, X)
    np.testing.assert_allclose(found.totals, classifier.decision_function(X), rtol=1e-12)
    np.testing.assert_allclose(found.base_values, np.full(40, classifier.intercept_[0]))


def test_tanh_settles_quickly_and_relu_like_one_over_steps(engine):
    config.set_floatx("float64")
    smooth = network("tanh", (8,), scale=1.0)
    found = explain.integrated_gradients(smooth, X, steps=20)
    assert np.abs(found.errors["completeness"]).max() < 3e-6
    kinked = network("relu", (64, 32))
    exact = explain.integrated_gradients(kinked, X, steps="exact")
    wrong = {steps: explain.integrated_gradients(kinked, X, steps=steps) for steps in (50, 800)}
    far = {
        steps: np.abs(found.values - exact.values).max(axis=1).mean()
        for steps, found in wrong.items()
    }
    assert 1e-3 < far[50] < 0.1 and 4 < far[50] / far[800] < 64
    assert np.abs(wrong[50].errors["completeness"]).max() > 1e-3


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_exact_is_what_very_fine_steps_approach(engine, dtype):
    config.set_floatx(dtype)
    model = network("relu", (12, 8))
    found = explain.integrated_gradients(model, X[:6], X[6:12], steps="exact")
    rounding = 1e-13 if dtype == "float64" else 2e-5
    assert np.abs(found.errors["completeness"]).max() < rounding
    assert (found.errors["steps"] > 1).all()
    places = (np.arange(20_000) + 0.5) / 20_000
    for x, start, values in zip(X[:6], X[6:12], found.values, strict=True):
        points = start + places[:, None] * (x - start)
        mean = explain.input_gradients(model, points).mean(axis=0, dtype=np.float64)
        np.testing.assert_allclose(values, (x - start) * mean, rtol=0, atol=2e-3)


def piecewise(name):
    """A layer with kinks."""
    if name == "leaky relu of relu6":
        return [layers.Activation("relu6"), layers.LeakyReLU(0.1)]
    if name == "prelu":
        return [layers.PReLU(alpha_initializer="random_normal")]
    if name == "relu with settings":
        return [layers.ReLU(max_value=0.8, negative_slope=0.3)]
    if name.startswith("monotonic "):
        return [layers.MonotonicDense(6, activation=name.split()[1], monotonicity=1)]
    return [layers.Activation(name)]


@pytest.mark.parametrize(
    "name",
    ["relu", "leaky_relu", "relu6", "soft_shrink", "hard_tanh", "hard_sigmoid",
     "sparse_sigmoid", "leaky relu of relu6", "prelu", "relu with settings",
     "monotonic relu", "monotonic leaky_relu"],
)  # fmt: skip
def test_exact_knows_the_kinks_of_each_activation(name):
    config.set_floatx("float64")
    model = Sequential([
        layers.Input((5,)), *piecewise(name), layers.Dense(9), layers.BatchNormalization(),
        *piecewise(name), layers.Dropout(0.3), layers.Dense(4), *piecewise(name),
        layers.Dense(2, activation="softmax"),
    ])  # fmt: skip
    rng = np.random.default_rng(8)
    model.set_weights([
        abs(w) + 0.5 if i in (4, 5) else rng.normal(size=w.shape) * 1.5
        for i, w in enumerate(model.get_weights())
    ])  # fmt: skip
    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.moving_variance[:] = 1.7
    found = explain.integrated_gradients(model, 4 * X, -3 * X[::-1], steps="exact")
    assert found.errors["steps"].mean() > 4
    fine = explain.integrated_gradients(model, 4 * X, -3 * X[::-1], steps=3000)
    scale = np.abs(found.values).max()
    np.testing.assert_allclose(found.errors["completeness"], 0, atol=1e-13 * scale)
    np.testing.assert_allclose(found.values, fine.values, rtol=0, atol=0.02 * scale)


def test_exact_walks_branches_of_several_inputs():
    config.set_floatx("float64")
    a, b = layers.Input((2,), name="a"), layers.Input((3,), name="b")
    left = layers.Dense(4, activation="relu", bias_initializer="ones")(a)
    scaled = layers.Normalization(mean=0.5, variance=2)(b)
    right = layers.Dense(4, activation="hard_tanh")(scaled)
    merged = [layers.Maximum()([left, right]), layers.Minimum()([left, right]),
              layers.Subtract()([left, right]), layers.Add()([left, right])]  # fmt: skip
    outputs = layers.Dense(1, activation="sigmoid")(layers.Concatenate()(merged))
    model = Model([a, b], outputs)
    x = {"a": 3 * X[:, :2], "b": 3 * X[:, 2:]}
    found = explain.integrated_gradients(model, x, steps="exact")
    assert found.names == ("a[0]", "a[1]", "b[0]", "b[1]", "b[2]")
    np.testing.assert_allclose(found.errors["completeness"], 0, atol=1e-12)
    fine = explain.integrated_gradients(model, x, steps=3000)
    np.testing.assert_allclose(found.values, fine.values, rtol=0, atol=0.02)


def test_exact_looks_only_at_what_leads_to_the_output():
    inputs = layers.Input((5,))
    plain = layers.Dense(1)(layers.Dense(3, activation="relu")(inputs))
    curved = layers.Dense(1)(layers.Dense(3, activation="tanh", name="bent")(inputs))
    model = Model(inputs, [plain, curved])
    explain.integrated_gradients(model, X, steps="exact", output=0)
    with pytest.raises(ArgumentError, match="tanh of layer 'bent'"):
        explain.integrated_gradients(model, X, steps="exact", output=1)


@pytest.mark.parametrize(
    ("layer", "word"),
    [
        (layers.Dense(3, activation="sigmoid", name="odd"), "sigmoid"),
        (layers.Activation("softmax", name="odd"), "softmax"),
        (layers.Activation("hard_shrink", name="odd"), "hard_shrink"),
        (layers.Activation("hard_silu", name="odd"), "hard_silu"),
        (layers.Activation(activations.gelu, name="odd"), "gelu"),
        (layers.ReLU(threshold=1.0, name="odd"), "rectifier"),
        (layers.Activation(lambda z: z * z, name="odd"), "user-defined activation"),
        (layers.LayerNormalization(name="odd"), "layer norm"),
        (layers.Ordered(name="odd"), "ordered"),
        (layers.MonotonicDense(3, activation="elu", monotonicity=1, name="odd"), "elu"),
        (layers.UnitNormalization(name="odd"), "unit norm"),
    ],
)
def test_exact_is_refused_where_it_would_be_wrong(layer, word):
    model = Sequential([layers.Input((5,)), layer, layers.Dense(1)])
    with pytest.raises(ArgumentError, match=f"steps: 'exact' .* {word} of layer 'odd'"):
        explain.integrated_gradients(model, X, steps="exact")


def test_exact_takes_blocks_of_lines(monkeypatch):
    config.set_floatx("float64")
    model = network()
    whole = explain.integrated_gradients(model, X, X[::-1], steps="exact")
    monkeypatch.setattr("fastgd.explain.kinks.MOST_VALUES", 5000)
    parts = explain.integrated_gradients(model, X, X[::-1], steps="exact")
    np.testing.assert_allclose(parts.values, whole.values, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(parts.errors["steps"], whole.errors["steps"])


def test_lines_without_length():
    model = network()
    for steps in ("exact", "auto", 5):
        found = explain.integrated_gradients(model, X, X, steps)
        assert (found.values == 0).all() and (found.errors["completeness"] == 0).all()


def test_auto_doubles_until_attributions_settle(engine):
    config.set_floatx("float64")
    for activation, tol in (("relu", 1e-2), ("tanh", 1e-9), ("relu", 1e-3)):
        model = network(activation)
        found = explain.integrated_gradients(model, X, tol=tol)
        taken, change = found.errors["steps"], found.errors["change"]
        assert (change <= tol * np.abs(found.values).sum(axis=1)).all()
        assert set(np.unique(taken)) <= {16 * 2**k for k in range(1, 13)}
        for row in (0, 17):  # what it says of itself is true
            last, before = (
                explain.integrated_gradients(model, X[row : row + 1], steps=int(steps)).values
                for steps in (taken[row], taken[row] // 2)
            )
            np.testing.assert_allclose(last[0], found.values[row], rtol=1e-13, atol=1e-15)
            np.testing.assert_allclose(abs(last - before).max(), change[row], atol=1e-13)
    assert len(np.unique(taken)) > 1  # each row has its own


def test_attributions_that_do_not_settle_are_told():
    model = network("relu", (64, 32))
    with pytest.warns(ConvergenceWarning, match="rows have not settled .* steps='exact'"):
        found = explain.integrated_gradients(model, X[:4], tol=1e-12)
    assert found.errors["steps"].max() == 65536


def test_results_that_agree_by_chance_have_not_settled():
    # a kink so near to the end that the points of 16 and of 32 steps lie before it
    model = relus(([[1.0]], [-0.9995]), ([[1000.0]], [0.0]))
    found = explain.integrated_gradients(model, [[1.0]], tol=0.02)
    np.testing.assert_allclose(found.values, 0.5, rtol=0.05)
    assert found.errors["steps"][0] > 64


def test_completeness_alone_would_not_do():
    """F = max(x1, x2 - 0.015) turns to x2 at 3/4 of the way to (1, 1.02), but hardly bends."""
    config.set_floatx("float64")
    a = layers.Input((2,))
    model = Model(a, layers.Maximum()([layers.Dense(1)(a), layers.Dense(1)(a)]))
    model.set_weights([[[1.0], [0.0]], [0.0], [[0.0], [1.0]], [-0.015]])
    expected = [[0.75, 0.255]]
    rough = explain.integrated_gradients(model, [[1.0, 1.02]], steps=3)
    assert abs(rough.values - expected).max() > 0.02
    assert abs(rough.errors["completeness"][0]) < 5e-3
    for steps, far in (("exact", 1e-14), ("auto", 2e-3)):
        found = explain.integrated_gradients(model, [[1.0, 1.02]], steps=steps)
        np.testing.assert_allclose(found.values, expected, rtol=0, atol=far)


@pytest.mark.parametrize("steps", [7, "auto"])
def test_bits_depend_neither_on_threads_nor_on_other_rows(engine, steps):
    if config.engine() == "reference":
        pytest.skip("its products are NumPy's")
    model, x = network("tanh"), np.random.default_rng(4).normal(size=(700, 5))
    expected = explain.integrated_gradients(model, x, x[0], steps)
    twice = explain.integrated_gradients(model, x, x[0], steps, n_jobs=2)
    np.testing.assert_array_equal(twice.values, expected.values)
    for row in (1, 333, 699):
        alone = explain.integrated_gradients(model, x[row : row + 1], x[0], steps)
        np.testing.assert_array_equal(alone.values[0], expected.values[row])
        np.testing.assert_array_equal(alone.base_values[0], expected.base_values[row])
        np.testing.assert_array_equal(
            alone.errors["completeness"][0], expected.errors["completeness"][row]
        )


def test_baselines_of_every_kind():
    config.set_floatx("float64")
    model = network("tanh")
    zeros = explain.integrated_gradients(model, X, steps=30)
    for given in (np.zeros(5), [0, 0, 0, 0, 0], np.zeros((1, 5)), np.zeros((40, 5)),
                  pd.Series(np.zeros(5)), pd.DataFrame(np.zeros((1, 5)))):  # fmt: skip
        found = explain.integrated_gradients(model, X, given, 30)
        np.testing.assert_array_equal(found.values, zeros.values)
        np.testing.assert_array_equal(found.base_values, zeros.base_values)
    each = explain.integrated_gradients(model, X, X[::-1], 300)
    one = explain.integrated_gradients(model, X[2:3], X[37], 300)
    np.testing.assert_array_equal(each.values[2], one.values[0])
    np.testing.assert_allclose(each.base_values, logit(model, X[::-1]), rtol=1e-9)
    np.testing.assert_allclose(each.totals, logit(model, X), rtol=1e-9)


def test_frames_keep_their_names():
    frame = pd.DataFrame(X, columns=list("abcde"))
    model = network()
    model.compile("sgd", "binary_crossentropy")
    model.fit(frame, X[:, 0] > 0, verbose=0)
    found = explain.integrated_gradients(model, frame, frame.iloc[:1], 10)
    assert found.names == tuple("abcde")
    np.testing.assert_array_equal(found.data, X)
    assert explain.integrated_gradients(model, X, steps=3).names == tuple("abcde")
    at_mean = explain.integrated_gradients(model, frame, frame.mean(), 10)
    expected = explain.integrated_gradients(model, X, X.mean(axis=0), 10)
    np.testing.assert_allclose(at_mean.values, expected.values, rtol=1e-5, atol=1e-7)
    with pytest.raises(ArgumentError, match="baseline: expected the columns"):
        explain.integrated_gradients(model, frame, frame[list("edcba")].mean())
    with pytest.raises(ArgumentError, match="x: expected the columns"):
        explain.integrated_gradients(model, frame.rename(columns={"a": "z"}))
    with pytest.raises(ArgumentError, match="baseline: expected the columns"):
        explain.integrated_gradients(model, frame, frame.rename(columns={"a": "z"}))
    unnamed = explain.integrated_gradients(network(), X, steps=3)
    assert unnamed.names == ("x0", "x1", "x2", "x3", "x4")


def test_nothing_outlives_training():
    utils.set_random_seed(4)
    model = network()
    model.compile("sgd", "binary_crossentropy")
    before = explain.integrated_gradients(model, X, steps="exact")
    model.fit(X, X[:, 0] > 0, epochs=2, verbose=0)
    after = explain.integrated_gradients(model, X, steps="exact")
    assert (before.values != after.values).any()
    np.testing.assert_allclose(after.totals, logit(model, X), rtol=1e-3, atol=1e-3)


def test_x_and_baseline_are_not_changed():
    x, baseline = X.copy(), X[:1].copy()
    found = explain.integrated_gradients(network(), x, baseline)
    found.values[:] = found.data[:] = 0
    np.testing.assert_array_equal(x, X)
    np.testing.assert_array_equal(baseline, X[:1])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"steps": 0}, ArgumentError, "steps"),
        ({"steps": 2.5}, DataTypeError, "steps"),
        ({"steps": True}, DataTypeError, "steps"),
        ({"steps": None}, DataTypeError, "steps"),
        ({"steps": 10**6}, ArgumentError, "steps"),
        ({"steps": "all"}, ArgumentError, "'auto' or 'exact'"),
        ({"tol": -1}, ArgumentError, "tol"),
        ({"tol": np.nan}, ArgumentError, "tol"),
        ({"tol": "small"}, DataTypeError, "tol"),
        ({"baseline": X[:2]}, ShapeError, "baseline: expected one row, .* of the 40"),
        ({"baseline": np.zeros(4)}, ShapeError, "baseline"),
        ({"baseline": [[np.inf] * 5]}, DataError, "baseline"),
        ({"baseline": 0.5}, ShapeError, "baseline"),
        ({"baseline": "mean"}, DataTypeError, "baseline"),
        ({"output": 1}, ArgumentError, "output"),
        ({"n_jobs": 0}, ArgumentError, "n_jobs"),
    ],
)  # fmt: skip
def test_bad_arguments_are_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        explain.integrated_gradients(network(), X, **arguments)


def test_numbers_that_overflow_are_not_said_to_have_settled():
    config.set_floatx("float64")
    model = Sequential([layers.Input((1,)), layers.Dense(1, activation="exponential")])
    model.set_weights([[[400.0]], [0.0]])
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found = explain.integrated_gradients(model, [[2.0], [0.5]])
    assert any(issubclass(one.category, ConvergenceWarning) for one in said)
    assert not np.isfinite(found.errors["completeness"][0])
    assert np.isfinite(found.values[1]).all()


def test_an_interrupt_is_answered():
    model, x = network("relu", (64, 32), inputs=23), np.zeros((20_000, 23)) + 0.5
    assert interrupted_after(
        0.15, lambda: explain.integrated_gradients(model, x, steps=2048)
    ) < 2  # fmt: skip
    assert explain.integrated_gradients(model, x[:2], steps=5).values.shape == (2, 23)


@pytest.mark.parametrize("steps", [1, 2, 3, 16, 50, 64])
def test_points_are_those_of_numpy(steps):
    root, weight = np.polynomial.legendre.leggauss(steps)
    _, places, weights = legendre_points(steps)
    np.testing.assert_allclose(np.sort(places), (root + 1) / 2, rtol=0, atol=1e-15)
    np.testing.assert_allclose(weights[np.argsort(places)], weight / 2, rtol=1e-11)


@pytest.mark.parametrize("steps", [1, 5, 200, 1025, 7001, 65536])
def test_points_integrate_powers(steps):
    _, places, weights = legendre_points(steps)
    for power in {0, 1, min(2 * steps - 1, 31)}:
        np.testing.assert_allclose(weights @ places**power, 1 / (power + 1), rtol=1e-12)
