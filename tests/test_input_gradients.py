"""Gradients with respect to the inputs: each build, layers, bits, and whole models."""

import numpy as np
import pandas as pd
import pytest
from engines import (
    FOR_EVER,
    LINEAR,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    Net,
    digest,
    distance,
    each_build,
    each_dtype,
    each_engine,
    missing,
)
from layer_nets import LAYERS, LayerNet

import fastgd
from fastgd import GradientTape, Model, Sequential, config, explain, layers, linear, utils
from fastgd._core.formulas import Loss
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError
from fastgd.sklearn import MLPClassifier, SGDRegressor

SMOOTH = [name for name in LAYERS if name != "embedding"]


def gradients(run, x, d_out, threads=1, seconds=FOR_EVER):
    """The gradients of sum(d_out * outputs), between guards that must not change."""
    room = np.full((len(x) + 2, x.shape[1]), 7.25, x.dtype)
    run.gradients[:] = np.nan
    row = 0
    while row < len(x):
        row = run.program.input_gradients(x, d_out, room[1:-1], row, seconds, threads)
    assert (room[[0, -1]] == 7.25).all()
    assert np.isnan(run.gradients).all()  # those of the weights are not computed
    return room[1:-1]


def differences(run, x, d_out, h=1e-5):
    """The same by central differences of fourth order."""
    found = np.empty_like(x)
    for j in range(x.shape[1]):
        values = []
        for k in (-2, -1, 1, 2):
            moved = x.copy()
            moved[:, j] += k * h
            values.append(run.predict(moved) @ d_out)
        found[:, j] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return found


def weights_of(net):
    return np.random.default_rng(9).normal(size=net.outputs).astype(net.dtype)


@each_engine
@pytest.mark.parametrize("rows", [1, 3, 130])
@pytest.mark.parametrize("name", SMOOTH)
def test_gradients_through_each_layer_are_those_of_differences(build, name, rows):
    net = LayerNet(name, 5, 7, np.float64)
    run, d_out = net.run(build), weights_of(net)
    x = net.data(rows)[0]
    expected = differences(run, x, d_out)
    assert np.linalg.norm(expected) > 1e-3
    assert distance(gradients(run, x, d_out), expected) < 1e-7


@each_engine
@pytest.mark.parametrize("kind", [LINEAR, SIGMOID, TANH, SOFTMAX], ids=lambda a: a.name)
@pytest.mark.parametrize("widths", [(1, 1), (3, 1), (1, 4, 2), (17, 33, 5, 1), (23, 64, 32, 3)])
def test_gradients_of_odd_widths_are_those_of_differences(build, widths, kind):
    net = Net(widths, [kind] * (len(widths) - 1), Loss.LOSS_MEAN_SQUARED_ERROR, np.float64)
    run, d_out = net.run(build), weights_of(net)
    x = net.data(11)[0]
    found, expected = gradients(run, x, d_out), differences(run, x, d_out)
    assert np.linalg.norm(found - expected) <= 1e-7 * (np.linalg.norm(expected) + 1e-3)


@each_build
@each_dtype
@pytest.mark.parametrize("rows", [1, 2, 127, 129, 700])
@pytest.mark.parametrize("widths", [(1, 3, 1), (23, 64, 32, 1), (5, 7, 2)])
def test_builds_give_the_gradients_of_the_reference(build, dtype, widths, rows):
    kinds = [RELU] * (len(widths) - 2) + [LINEAR]
    net = Net(widths, kinds, Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    d_out, x = weights_of(net), net.data(rows)[0]
    expected = gradients(net.run("reference"), x, d_out)
    tolerance = 2e-6 if dtype == np.float32 else 1e-14
    assert distance(gradients(net.run(build), x, d_out), expected) < tolerance


@each_build
@each_dtype
@pytest.mark.parametrize("name", ["gather", "layer norm", "prelu", "batch norm", "dropout"])
def test_bits_depend_neither_on_threads_nor_on_cuts_nor_on_other_rows(build, dtype, name):
    net = LayerNet(name, 9, 21, dtype)
    run, d_out, x = net.run(build), weights_of(net), net.data(391)[0]
    expected = gradients(run, x, d_out)
    for threads in (2, 5):
        np.testing.assert_array_equal(gradients(run, x, d_out, threads), expected)
    np.testing.assert_array_equal(gradients(run, x, d_out, 2, seconds=0), expected)
    for row in (0, 130, 390):
        alone = gradients(run, x[row : row + 1].copy(), d_out)
        np.testing.assert_array_equal(alone[0], expected[row])


@each_dtype
def test_bits_are_those_of_other_builds(dtype):
    net = Net((23, 64, 32, 1), [RELU, TANH, LINEAR], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    x, places, weights = net.data(300)[0], np.linspace(0, 1, 7), np.full(7, 1 / 7)
    found = set()
    for build in ("avx2", "avx512", "wide"):  # the baseline has no fused multiply-add
        if missing(build) is None:
            run, sums, one = net.run(build), np.zeros(x.shape), np.ones(1, dtype)
            path = (x.astype(float), np.zeros(23), None, places, weights)
            run.program.path_gradients(path, one, sums, 0, FOR_EVER)
            found.add(digest(gradients(run, x, one), sums))
    assert len(found) <= 1


@each_engine
@each_dtype
def test_sums_along_lines_are_those_of_gradients_at_their_points(build, dtype):
    net = LayerNet("layer norm", 3, 7, dtype)
    run, d_out, rng = net.run(build), weights_of(net), np.random.default_rng(2)
    x, start = rng.normal(size=(60, 3)), rng.normal(size=(60, 3))
    places, weights = rng.uniform(size=5), rng.uniform(size=5)
    points = (start[:, None] + places[:, None] * (x - start)[:, None]).reshape(-1, 3)
    each = gradients(run, points.astype(dtype), d_out).astype(np.float64).reshape(60, 5, 3)
    expected = (each * weights[:, None]).sum(axis=1)
    lines = np.repeat(np.arange(60), 5)
    shared = (x, start, None, places, weights)
    listed = (x, start, lines, np.tile(places, 60), np.tile(weights, 60))
    found = []
    for path, threads, seconds in ((shared, 1, 1e9), (shared, 3, 0), (listed, 2, 0)):
        sums, point = np.zeros((60, 3)), 0
        while point < 300:
            point = run.program.path_gradients(path, d_out, sums, point, seconds, threads)
        np.testing.assert_allclose(sums, expected, rtol=1e-13, atol=1e-14)
        found.append(sums)
    if build != "reference":
        assert digest(found[0]) == digest(found[1]) == digest(found[2])


def network(activation="tanh", last="sigmoid", units=1):
    model = Sequential([
        layers.Input((4,)), layers.Dense(6, activation=activation),
        layers.BatchNormalization(), layers.Dropout(0.4), layers.Dense(units, activation=last),
    ])  # fmt: skip
    rng = np.random.default_rng(5)
    model.set_weights([0.3 + abs(rng.normal(size=w.shape)) for w in model.get_weights()])
    return model


X = np.random.default_rng(1).normal(size=(9, 4))


def taped(model, x, column=0):
    """The gradient of a column of the outputs, by a tape."""
    with GradientTape() as tape:
        watched = tape.watch(np.asarray(x))
        y = model(watched)[:, column]
    return tape.gradient(y, watched)


def test_the_logit_is_explained(engine):
    config.set_floatx("float64")
    model = network()
    p = model.predict(X)
    expected = taped(model, X) / (p * (1 - p))
    found = explain.input_gradients(model, X)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("units", [2, 3])
def test_softmax_gives_log_odds_of_two_classes_and_logits_of_more(engine, units):
    config.set_floatx("float64")
    model, h = network(last="softmax", units=units), 1e-4

    def number(x):
        logs = np.log(model.predict(x))
        return logs[:, 1] - logs[:, 0] if units == 2 else logs[:, 2]

    found = explain.input_gradients(model, X, output=units - 1)
    expected = np.stack(
        [(number(X + h * e) - number(X - h * e)) / (2 * h) for e in np.eye(4)], axis=1
    )
    if units == 3:  # a logit is known up to what all have in common
        p = model.predict(X)
        others = [explain.input_gradients(model, X, output=k) for k in range(3)]
        found = found - sum(p[:, k : k + 1] * others[k] for k in range(3))
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-9)


def test_outputs_that_read_one_buffer_do_not_hide_one_another(engine):
    config.set_floatx("float64")
    x = layers.Input((4,))
    z = layers.Dense(1)(x)
    outputs = [layers.Activation("sigmoid")(z), z, layers.Activation("sigmoid")(z)]
    model = Model(x, outputs)
    for output in range(3):
        found = explain.input_gradients(model, X, output)
        np.testing.assert_allclose(found, np.tile(model.get_weights()[0].T, (9, 1)))


def test_an_activation_of_the_input_itself(engine):
    model = Sequential([layers.Input((3,)), layers.Activation("softmax")])
    found = explain.input_gradients(model, X[:, :3], output=1)
    np.testing.assert_array_equal(found, np.tile([0, 1, 0], (9, 1)))


def test_several_inputs_stand_side_by_side(engine):
    config.set_floatx("float64")
    a, b = layers.Input((1,), name="a"), layers.Input((3,), name="b")
    product = layers.Multiply()([a, b])
    model = Model([a, b], layers.Dense(1, kernel_initializer="ones")(product))
    first, second = X[:, :1], X[:, 1:]
    found = explain.input_gradients(model, {"a": first, "b": second})
    sums = second.sum(axis=1, keepdims=True)
    expected = np.concatenate([sums, np.tile(first, 3)], axis=1)
    np.testing.assert_allclose(found, expected)
    np.testing.assert_array_equal(explain.input_gradients(model, [first, second]), found)


def test_own_activations_are_differentiated(engine):
    config.set_floatx("float64")
    cubed = Sequential([layers.Input((4,)), layers.Activation(lambda z: z * z * z)])
    found = explain.input_gradients(cubed, X, output=2)
    np.testing.assert_allclose(found[:, 2], 3 * X[:, 2] ** 2)
    assert (found[:, [0, 1, 3]] == 0).all()


def test_linear_models_and_estimators():
    y = X @ [1.0, -2.0, 0.0, 3.0] + 1
    model = linear.LinearModel("squared_error").fit(X, y)
    np.testing.assert_allclose(explain.input_gradients(model, X), np.tile(model.coef, (9, 1)))
    single = SGDRegressor(max_iter=5, tol=None, random_state=0).fit(X, y)
    np.testing.assert_allclose(
        explain.input_gradients(single, X), np.tile(single.coef_, (9, 1))
    )
    labels = np.where(y > 0, "yes", "no")
    classifier = MLPClassifier((5,), max_iter=30, tol=9, random_state=0).fit(X, labels)
    found = explain.input_gradients(classifier, X)
    np.testing.assert_array_equal(explain.input_gradients(classifier, X, output="yes"), found)
    np.testing.assert_array_equal(explain.input_gradients(classifier, X, output="no"), -found)


def test_rows_of_any_kind_and_threads_give_the_same_bits(engine):
    model = network()
    x = np.random.default_rng(3).normal(size=(3000, 4))
    expected = explain.input_gradients(model, x.astype("float32"))
    kept = x.copy()
    for given in (x, x.tolist(), pd.DataFrame(x), np.asfortranarray(x)):
        np.testing.assert_array_equal(explain.input_gradients(model, given), expected)
    np.testing.assert_array_equal(explain.input_gradients(model, x, n_jobs=2), expected)
    np.testing.assert_array_equal(x, kept)


def test_what_is_explained_is_the_model_as_it_is(engine):
    """Nothing that was kept of a model outlives training, new weights, compile or a change."""
    utils.set_random_seed(2)
    model = network("relu")
    model.compile("sgd", "binary_crossentropy")

    def check():
        fresh = Sequential.from_config(model.get_config())
        fresh.set_weights(model.get_weights())
        found = explain.input_gradients(model, X)
        np.testing.assert_array_equal(found, explain.input_gradients(fresh, X))
        return found

    before = check()
    model.fit(X, X[:, 0] > 0, epochs=3, verbose=0)
    assert (check() != before).any()
    before = check()
    model.set_weights([-w if w.ndim == 2 else w for w in model.get_weights()])
    assert (check() != before).any()
    model.compile("adam", "mse")
    before = check()
    model.pop()
    model.add(layers.Dense(1, kernel_initializer="ones"))
    assert (check() != before).any()
    model.release()
    check()


@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        ([], ShapeError, "x"),
        (np.zeros((0, 4)), DataError, "no rows"),
        (np.zeros((2, 3)), ShapeError, "4 columns"),
        ([[0, 0, np.nan, 0]], DataError, "column 2"),
        (np.zeros(4), ShapeError, r"x\[None, :\]"),
        ("rows", DataTypeError, "x"),
    ],
)
def test_bad_rows_are_refused(x, error, words):
    with pytest.raises(error, match=words):
        explain.input_gradients(network(), x)


def test_an_embedding_is_refused_with_the_remedy():
    places = layers.Input((2,))
    vectors = layers.Embedding(5, 3)(places)
    output = layers.Dense(1)(layers.Flatten()(vectors))
    with pytest.raises(ArgumentError, match="explain Model"):
        explain.input_gradients(Model(places, output), [[0, 1]])


def test_threads_are_checked():
    with pytest.raises(ArgumentError, match="n_jobs"):
        explain.input_gradients(network(), X, n_jobs=0)
    assert fastgd.explain.input_gradients(network(), X, n_jobs=-1).shape == X.shape
