"""Regularizers: formulas by hand, their part in training, and Keras beside them."""

import json

import numpy as np
import pytest
from problems import distance, flat, regression

from fastgd import GradientTape, Sequential, layers, losses, ops, optimizers, regularizers
from fastgd.errors import (
    ArgumentError,
    DataTypeError,
    DivergenceError,
    ShapeError,
    UnknownNameError,
)


def mean_cosine(vectors):
    norms = np.maximum(np.sqrt((vectors**2).sum(axis=1)), 1e-7)
    cosines = [
        abs(vectors[i] @ vectors[j]) / (norms[i] * norms[j])
        for i in range(len(vectors))
        for j in range(i)
    ]
    return np.mean(cosines) if cosines else 0.0


#: class name -> (arguments, formula)
FORMULAS = {
    "L1": ({"l1": 0.3}, lambda w: 0.3 * np.abs(w).sum()),
    "L2": ({"l2": 0.2}, lambda w: 0.2 * (w**2).sum()),
    "L1L2": (
        {"l1": 0.3, "l2": 0.2},
        lambda w: 0.3 * np.abs(w).sum() + 0.2 * (w**2).sum(),
    ),
    "OrthogonalRegularizer": (
        {"factor": 0.4, "mode": "columns"},
        lambda w: 0.4 * mean_cosine(w.T),
    ),
}

each_class = pytest.mark.parametrize("cls", regularizers.CLASSES, ids=lambda c: c.__name__)


def sample(cls):
    arguments, formula = FORMULAS[cls.__name__]
    return cls(**arguments), formula


class Quartic(regularizers.Regularizer):
    """One that the engine does not know."""

    def __init__(self, factor=0.1):
        self.factor = factor

    def __call__(self, x):
        return self.factor * ops.sum(x**4)


class Slow(regularizers.Regularizer):
    """L2 that the engine does not know, with a gradient of its own."""

    def __call__(self, x):
        return 0.2 * ops.sum(ops.square(x))

    def value_and_grad(self, x):
        return 0.2 * float(np.sum(np.square(x))), 0.4 * x


def model_of(regularizer, dtype="float64", where="kernel", units=4, **options):
    layer = layers.Dense(units, "tanh", **{f"{where}_regularizer": regularizer})
    model = Sequential([layers.Input((3,)), layer, layers.Dense(1)], dtype=dtype)
    model.compile(options.pop("optimizer", "sgd"), "mse", **options)
    return model


@each_class
@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (1, 3), (5, 4)])
def test_the_formula(cls, shape):
    regularizer, formula = sample(cls)
    w = np.random.default_rng(0).normal(size=shape)
    assert float(regularizer(w)) == pytest.approx(formula(w), rel=1e-13)
    assert float(regularizer(w.astype("float32"))) == pytest.approx(formula(w), rel=1e-5)
    assert float(regularizer(0 * w)) == 0


@each_class
def test_the_gradient_of_the_tape(cls):
    regularizer, formula = sample(cls)
    w = np.random.default_rng(1).normal(size=(4, 3))
    value, gradient = regularizer.value_and_grad(w)
    assert value == pytest.approx(formula(w), rel=1e-13)
    h = 1e-6
    for place in np.ndindex(*w.shape):
        step = np.zeros_like(w)
        step[place] = h
        difference = (formula(w + step) - formula(w - step)) / (2 * h)
        assert gradient[place] == pytest.approx(difference, rel=1e-6, abs=1e-9)


@each_class
def test_training_minimizes_the_loss_with_the_penalty(cls, engine):
    regularizer, formula = sample(cls)
    model = model_of(regularizer)
    x, y = regression(20, dtype="float64")
    data_loss = float(np.mean((model.predict(x) - y) ** 2))
    w = np.array(model.layers[0].kernel)
    value, gradients = model.value_and_grad(x, y)
    assert value == pytest.approx(data_loss + formula(w), rel=1e-12)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(value, rel=1e-12)
    assert model.losses == pytest.approx([formula(w)], rel=1e-12)
    plain = model_of(None)
    plain.set_weights(model.get_weights())
    _, expected = plain.value_and_grad(x, y)
    expected[0] = expected[0] + regularizer.value_and_grad(w)[1]
    assert distance(flat(gradients), flat(expected)) < 1e-12
    before = np.array(model.parameters)
    assert model.train_on_batch(x, y) == pytest.approx(value, rel=1e-12)
    np.testing.assert_allclose(model.parameters, before - 0.01 * flat(gradients), rtol=1e-12)


def test_the_loss_of_an_epoch_is_the_mean_over_its_rows(engine):
    model = model_of(regularizers.L2(0.3))
    x, y = regression(20, dtype="float64")
    by_hand = model_of(regularizers.L2(0.3))
    by_hand.set_weights(model.get_weights())
    history = model.fit(x, y, batch_size=8, epochs=1, shuffle=False, verbose=0)
    parts = [(x[i : i + 8], y[i : i + 8]) for i in (0, 8, 16)]
    losses = [by_hand.train_on_batch(*part) * len(part[0]) for part in parts]
    assert history.history["loss"][0] == pytest.approx(sum(losses) / 20, rel=1e-13)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 20, 50])
def test_evaluate_is_independent_of_the_batch_size(engine, batch_size):
    model = model_of(regularizers.L1L2(0.1, 0.2), metrics=["mae"])
    x, y = regression(20, dtype="float64")
    figures = model.evaluate(x, y, batch_size=batch_size, verbose=0, return_dict=True)
    assert figures == model.evaluate(x, y, verbose=0, return_dict=True)
    assert figures["loss"] == pytest.approx(
        np.mean((model.predict(x) - y) ** 2) + float(sum(model.losses)), rel=1e-12
    )


@pytest.mark.parametrize(
    "own", [Slow(), lambda w: 0.2 * ops.sum(w * w)], ids=["class", "function"]
)
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_regularizer_of_ones_own_trains_as_a_known_one(engine, own, optimizer):
    models = [model_of(r, optimizer=optimizer) for r in (own, regularizers.L2(0.2))]
    models[1].set_weights(models[0].get_weights())
    models[1].seed = models[0].seed
    x, y = regression(20, dtype="float64")
    histories = [m.fit(x, y, batch_size=6, epochs=3, verbose=0).history["loss"] for m in models]
    np.testing.assert_allclose(*histories, rtol=1e-12)
    np.testing.assert_allclose(models[0].parameters, models[1].parameters, rtol=1e-11)
    assert models[0].evaluate(x, y, verbose=0) == pytest.approx(
        models[1].evaluate(x, y, verbose=0), rel=1e-12
    )
    assert models[0].losses == pytest.approx(models[1].losses, rel=1e-12)


def test_one_of_ones_own_whose_value_leaves_the_finite_numbers_stops_training(engine):
    model = model_of(lambda w: ops.sum(w) * 0 + np.inf)
    before = np.array(model.parameters)
    with pytest.raises(DivergenceError, match="epoch 1, step 1: the loss"):
        model.fit(*regression(20, dtype="float64"), verbose=0)
    np.testing.assert_array_equal(model.parameters, before)


def test_one_of_ones_own_that_gives_no_number_is_refused():
    model = model_of(ops.square)
    before = np.array(model.parameters)
    with pytest.raises(ShapeError, match=r"expected one number, got shape \(3, 4\)"):
        model.fit(*regression(20, dtype="float64"), verbose=0)
    np.testing.assert_array_equal(model.parameters, before)


def test_what_does_not_depend_on_the_weights_has_no_gradient():
    value, gradient = regularizers.value_and_grad(lambda w: 2.5, np.ones((2, 2)))
    assert value == 2.5
    assert gradient.tolist() == [[0, 0], [0, 0]]


def test_losses_under_a_tape():
    model = model_of(regularizers.L2(0.5), where="bias")
    model.layers[0].bias.assign([1.0, 2.0, 3.0, 4.0])
    with GradientTape() as tape:
        penalty = sum(model.losses)
    gradient = tape.gradient(penalty, model.layers[0].bias)
    np.testing.assert_array_equal(gradient, [1, 2, 3, 4])


def test_a_layer_may_be_regularized_at_each_place(engine):
    layer = layers.Dense(2, kernel_regularizer="l1", bias_regularizer="l2", input_dim=3)
    model = Sequential([layer, layers.Dense(1, kernel_regularizer="l1_l2")])
    model.layers[0].bias.assign([1.0, 3.0])
    kernels = [np.asarray(la.kernel, np.float64) for la in model.layers]
    expected = [
        0.01 * np.abs(kernels[0]).sum(),
        0.01 * 10,
        0.01 * (np.abs(kernels[1]) + kernels[1] ** 2).sum(),
    ]
    assert model.losses == pytest.approx(expected, rel=1e-6)
    assert layer.losses == pytest.approx(expected[:2], rel=1e-6)
    model.compile("sgd", "mse")
    x, y = np.zeros((4, 3)), np.zeros((4, 1))
    of_data = np.mean(model.predict(x) ** 2)
    assert model.evaluate(x, y, verbose=0) == pytest.approx(of_data + sum(expected), rel=1e-5)


@each_class
def test_a_description_makes_it_again(cls):
    made, _ = sample(cls)
    description = json.loads(json.dumps(regularizers.serialize(made)))
    assert description["class_name"] == cls.__name__
    assert description["config"] == FORMULAS[cls.__name__][0]
    assert regularizers.get({"class_name": cls.__name__}).get_config() == cls().get_config()
    for again in (regularizers.deserialize(description), regularizers.get(description)):
        assert type(again) is cls
        assert again.get_config() == made.get_config()
    assert eval(repr(made), vars(regularizers)).get_config() == made.get_config()
    custom = regularizers.deserialize(
        regularizers.serialize(Quartic(0.5)), custom_objects={"Quartic": Quartic}
    )
    assert custom.factor == 0.5


def test_get():
    for name, config in (
        ("l1", {"l1": 0.01}),
        ("L2", {"l2": 0.01}),
        ("l1_l2", {"l1": 0.01, "l2": 0.01}),
        (regularizers.L1L2, {"l1": 0.0, "l2": 0.0}),
        ("orthogonal_regularizer", {"factor": 0.01, "mode": "rows"}),
    ):
        assert regularizers.get(name).get_config() == config
    assert regularizers.get(None) is None
    assert regularizers.get(abs) is abs
    assert regularizers.L1(None).l1 == 0.01
    assert regularizers.L1L2(None, None).get_config() == {"l1": 0.0, "l2": 0.0}


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: regularizers.L1(-0.1), ArgumentError, "l1"),
        (lambda: regularizers.L2(np.nan), ArgumentError, "l2"),
        (lambda: regularizers.L1L2(l2="a"), DataTypeError, "l2"),
        (lambda: regularizers.OrthogonalRegularizer(np.inf), ArgumentError, "factor"),
        (lambda: regularizers.OrthogonalRegularizer(mode="both"), ArgumentError, "mode"),
        (lambda: regularizers.OrthogonalRegularizer()(np.ones(3)), ShapeError, "matrix"),
        (lambda: regularizers.get("l3"), UnknownNameError, "regularizer: no 'l3'"),
        (lambda: regularizers.get(0.01), DataTypeError, "regularizer"),
        (lambda: layers.Dense(1, bias_regularizer=7), DataTypeError, "regularizer"),
        (
            lambda: Sequential([layers.Dense(2, bias_regularizer=SKEW, input_dim=3)]),
            ShapeError,
            "matrix",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


SKEW = regularizers.OrthogonalRegularizer()


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_keras_gives_the_same_penalties_gradients_and_names():
    keras = pytest.importorskip("keras")
    public = {name for name in dir(keras.regularizers) if not name.startswith("_")}
    assert public - set(dir(regularizers)) == set()
    import jax

    rng = np.random.default_rng(3)
    for k in range(60):
        cls = regularizers.CLASSES[k % len(regularizers.CLASSES)]
        regularizer, _ = sample(cls)
        theirs = getattr(keras.regularizers, cls.__name__)(**regularizer.get_config())
        shape = tuple(rng.integers(2, 9, 2))
        w = rng.normal(size=shape).astype("float32")
        value, gradient = jax.value_and_grad(theirs.__call__)(w)
        ours = regularizer.value_and_grad(w)
        assert ours[0] == pytest.approx(float(value), rel=2e-5)
        np.testing.assert_allclose(ours[1], gradient, rtol=1e-4, atol=2e-6)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_a_run_beside_keras():
    keras = pytest.importorskip("keras")
    x, y = regression(60)
    kinds = {"kernel_regularizer": "l1", "bias_regularizer": "l2"}
    ours = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(5, "tanh", **kinds),
            layers.Dense(1, kernel_regularizer="orthogonal_regularizer"),
        ]
    )
    theirs = keras.Sequential(
        [
            keras.layers.Input((3,)),
            keras.layers.Dense(5, "tanh", **kinds),
            keras.layers.Dense(1, kernel_regularizer="orthogonal_regularizer"),
        ]
    )
    theirs.set_weights(ours.get_weights())
    ours.compile(optimizers.SGD(0.05), "mse")
    theirs.compile(keras.optimizers.SGD(0.05), "mse")
    found = ours.fit(x, y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    expected = theirs.fit(x, y, batch_size=16, epochs=5, shuffle=False, verbose=0)
    np.testing.assert_allclose(found.history["loss"], expected.history["loss"], rtol=1e-4)
    for a, b in zip(ours.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("weighted", [False, True])
def test_a_shared_penalty_is_one_on_the_sum_of_each_batchs_losses(engine, weighted):
    x, y = regression(10)
    x, y = x.astype(np.float64), y.astype(np.float64).reshape(len(x), -1)[:, :1]
    s = np.linspace(0.5, 2, 10) if weighted else np.ones(10)
    penalty = regularizers.SharedL2(0.6)
    model = Sequential(
        [layers.Input((x.shape[1],)), layers.Dense(1, kernel_regularizer=penalty)],
        dtype="float64",
    )
    loss = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    model.compile(optimizers.SGD(0.1), loss)
    w, b = (array.copy() for array in model.get_weights())
    shown = []
    for rows in (slice(0, 4), slice(4, 8), slice(8, 10)):  # the last one is shorter
        share = 1 / s[rows].sum()
        shown.append(0.6 * share * (w**2).sum() * len(x[rows]))
        slopes = 2 * s[rows, None] * (x[rows] @ w + b - y[rows]) * share
        w -= 0.1 * (x[rows].T @ slopes + share * 1.2 * w)
        b -= 0.1 * slopes.sum(axis=0)
    weights = s if weighted else None
    history = model.fit(
        x, y, batch_size=4, shuffle=False, verbose=0, sample_weight=weights
    ).history
    np.testing.assert_allclose(model.get_weights()[0], w, rtol=1e-12)
    np.testing.assert_allclose(model.get_weights()[1], b, rtol=1e-12)
    free = Sequential([layers.Input((x.shape[1],)), layers.Dense(1)], dtype="float64")
    free.compile(optimizers.SGD(0.0), loss)
    free.set_weights(model.get_weights())
    assert model.evaluate(x, y, verbose=0) == free.evaluate(x, y, verbose=0)
    np.testing.assert_array_less(sum(shown) / 10, history["loss"][0])


def test_a_shared_penalty_is_saved_by_its_name():
    penalty = regularizers.SharedL2(0.25)
    again = regularizers.get(regularizers.serialize(penalty))
    assert type(again) is regularizers.SharedL2
    assert again.get_config() == {"l2": 0.25}
