"""Constraints: formulas by hand, their part in training, and Keras beside them."""

import json

import numpy as np
import pytest
from problems import regression

from fastgd import Sequential, constraints, layers, optimizers
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, UnknownNameError


def limited(w, axis, wanted):
    """w with vectors along an axis scaled to the norms that `wanted` makes of theirs."""
    norms = np.linalg.norm(w, axis=axis, keepdims=True)
    return w * (wanted(norms) / (1e-7 + norms))


#: class name -> (arguments, formula)
FORMULAS = {
    "Signs": ({"signs": -1}, lambda w: np.where(w < 0, w, 0)),
    "NonNeg": ({}, lambda w: np.where(w > 0, w, 0)),
    "MaxNorm": (
        {"max_value": 0.8, "axis": 0},
        lambda w: limited(w, 0, lambda norms: np.minimum(norms, 0.8)),
    ),
    "UnitNorm": ({"axis": 0}, lambda w: limited(w, 0, lambda norms: np.ones_like(norms))),
    "MinMaxNorm": (
        {"min_value": 0.5, "max_value": 0.9, "rate": 0.7, "axis": 0},
        lambda w: limited(w, 0, lambda n: 0.7 * np.clip(n, 0.5, 0.9) + 0.3 * n),
    ),
}

each_class = pytest.mark.parametrize("cls", constraints.CLASSES, ids=lambda c: c.__name__)


def sample(cls):
    arguments, formula = FORMULAS[cls.__name__]
    return cls(**arguments), formula


@each_class
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("shape", [(1,), (7,), (1, 1), (4, 3), (19, 33)])
def test_the_formula(cls, dtype, shape):
    constraint, formula = sample(cls)
    w = np.random.default_rng(0).normal(size=shape).astype(dtype) * 0.5
    before = w.copy()
    found = constraint(w)
    assert found.dtype == dtype
    assert found.shape == shape
    # the formula divides by norm + 1e-7 also where a vector is left alone
    np.testing.assert_allclose(found, formula(w.astype("float64")), rtol=1e-5)
    np.testing.assert_array_equal(w, before)
    if getattr(constraint, "rate", 1) == 1:  # what satisfies it, stays
        np.testing.assert_allclose(constraint(found), found, rtol=1e-5)


@pytest.mark.parametrize(
    ("axis", "shape"),
    [(0, (4, 3)), (1, (4, 3)), (-1, (4, 3)), ([0], (5,)), ([0, 1], (4, 3)), ((1, 0), (4, 3)),
     (None, (4, 3)), (None, ()), ([1, 2], (2, 3, 4)), (1, (2, 3, 4)), ([-2], (2, 3, 4))],
)  # fmt: skip
def test_each_axis(axis, shape):
    w = np.random.default_rng(1).normal(size=shape)
    along = tuple(axis) if isinstance(axis, (list, tuple)) else axis
    norms = np.sqrt(np.sum(w**2, axis=along, keepdims=True))
    np.testing.assert_allclose(constraints.UnitNorm(axis)(w), w / (norms + 1e-7), rtol=1e-14)
    found = constraints.MaxNorm(1.0, axis)(w)
    np.testing.assert_allclose(found, w / np.maximum(norms, 1), rtol=2e-7)


def test_signs_of_rows():
    w = np.random.default_rng(0).normal(size=(5, 2, 3))
    found = constraints.Signs([-1, -1, 0, 1, -1])(w)
    for sign, before, after in zip([-1, -1, 0, 1, -1], w, found, strict=True):
        np.testing.assert_array_equal(after, np.where(sign * before < 0, 0, before))
    assert constraints.Signs()(np.zeros((0, 3))).shape == (0, 3)
    assert constraints.Signs(-1)(2.0) == 0
    np.testing.assert_array_equal(constraints.Signs(0)(w), w)


@each_class
def test_training_projects_after_each_step(cls, engine):
    constraint, formula = sample(cls)
    layer = layers.Dense(6, "tanh", kernel_constraint=constraint)
    model = Sequential([layers.Input((3,)), layer, layers.Dense(1)], dtype="float64")
    plain = Sequential(
        [layers.Input((3,)), layers.Dense(6, "tanh"), layers.Dense(1)], dtype="float64"
    )
    x, y = regression(30, dtype="float64")
    for m in (model, plain):
        m.compile(optimizers.SGD(0.3), "mse")
    plain.set_weights(model.get_weights())
    for _ in range(4):
        assert model.train_on_batch(x, y) == pytest.approx(plain.train_on_batch(x, y), rel=1e-6)
        plain.layers[0].kernel = formula(plain.layers[0].kernel.numpy())
        np.testing.assert_allclose(model.parameters, plain.parameters, rtol=1e-5, atol=1e-8)
    model.fit(x, y, epochs=3, batch_size=7, verbose=0)
    np.testing.assert_allclose(layer.kernel, constraint(layer.kernel), rtol=0.3)
    if cls is not constraints.MinMaxNorm:
        np.testing.assert_allclose(layer.kernel, formula(layer.kernel.numpy()), rtol=1e-6)


@pytest.mark.parametrize("own", ["class", "function"])
def test_a_constraint_of_ones_own_trains_as_a_known_one(engine, own):
    class Positive(constraints.Constraint):
        def __call__(self, w):
            return np.maximum(w, 0)

    given = Positive() if own == "class" else (lambda w: np.maximum(w, 0))
    models = []
    for constraint in (given, "non_neg"):
        model = Sequential([layers.Dense(4, "tanh", input_dim=3, kernel_constraint=constraint)])
        model.add(layers.Dense(1, bias_constraint=constraint))
        model.compile("adam", "mse")
        models.append(model)
    models[1].set_weights(models[0].get_weights())
    models[1].seed = models[0].seed
    x, y = regression(20)
    histories = [m.fit(x, y, batch_size=6, epochs=3, verbose=0).history for m in models]
    assert histories[0] == histories[1]
    np.testing.assert_array_equal(models[0].parameters, models[1].parameters)


def test_applied_gradients_are_followed_by_the_constraints(engine):
    layer = layers.Dense(
        2, input_dim=3, kernel_constraint="unit_norm", bias_constraint="non_neg"
    )
    model = Sequential([layer], dtype="float64")
    gradients = [np.ones((3, 2)), np.array([1.0, -1.0])]
    kernel = layer.kernel.numpy() - 0.5
    optimizers.SGD(0.5).apply_gradients(zip(gradients, model.trainable_variables, strict=True))
    np.testing.assert_allclose(layer.kernel, kernel / np.linalg.norm(kernel, axis=0), rtol=1e-6)
    assert layer.bias.tolist() == [0, 0.5]


@each_class
def test_a_description_makes_it_again(cls):
    made, _ = sample(cls)
    description = json.loads(json.dumps(constraints.serialize(made)))
    assert description["class_name"] == cls.__name__
    assert description["config"] == FORMULAS[cls.__name__][0]
    assert constraints.get({"class_name": cls.__name__}).get_config() == cls().get_config()
    for again in (constraints.deserialize(description), constraints.get(description)):
        assert type(again) is cls
        assert again.get_config() == made.get_config()


def test_get():
    for name, cls in (
        ("max_norm", constraints.MaxNorm),
        ("MinMaxNorm", constraints.MinMaxNorm),
        ("non_neg", constraints.NonNeg),
        (constraints.UnitNorm, constraints.UnitNorm),
    ):
        assert type(constraints.get(name)) is cls
    assert constraints.get(None) is None
    assert constraints.get(abs) is abs


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: constraints.MaxNorm(-1), ArgumentError, "max_value"),
        (lambda: constraints.MinMaxNorm(2.0, 1.0), ArgumentError, "max_value"),
        (lambda: constraints.MinMaxNorm(rate=1.5), ArgumentError, "rate"),
        (lambda: constraints.Signs(2), ArgumentError, "signs: expected -1, 0 or 1"),
        (lambda: constraints.Signs([1, 0])(np.ones((3, 2))), ShapeError, "each of 3 rows"),
        (lambda: constraints.UnitNorm(axis=0.5), DataTypeError, "axis"),
        (lambda: constraints.UnitNorm(axis=[]), ArgumentError, "axis"),
        (lambda: constraints.UnitNorm(axis=1)(np.ones(3)), ShapeError, "no axis 1"),
        (
            lambda: constraints.UnitNorm(axis=[0, 2])(np.ones((2, 2, 2))),
            ShapeError,
            "neighbours",
        ),
        (lambda: constraints.get("norm"), UnknownNameError, "constraint: no 'norm'"),
        (lambda: layers.Dense(1, kernel_constraint=3.0), DataTypeError, "constraint"),
        (
            lambda: Sequential([layers.Dense(2, input_dim=3, bias_constraint=ALONG_ROWS)]),
            ShapeError,
            "no axis 1",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, words):
    with pytest.raises(error, match=words):
        call()


ALONG_ROWS = constraints.MaxNorm(1.0, axis=1)


def test_a_constraint_of_ones_own_that_changes_the_shape_is_refused():
    model = Sequential([layers.Dense(1, input_dim=3, kernel_constraint=lambda w: w[0])])
    model.compile("sgd", "mse")
    with pytest.raises(ShapeError, match="kernel"):
        model.fit(*regression(8), verbose=0)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_keras_gives_the_same_projections_and_names():
    keras = pytest.importorskip("keras")
    public = {name for name in dir(keras.constraints) if not name.startswith("_")}
    assert public - set(dir(constraints)) == set()
    rng = np.random.default_rng(3)
    shared = [cls for cls in constraints.CLASSES if cls.__name__ in public]
    for k in range(80):
        cls = shared[k % len(shared)]
        config = dict(FORMULAS[cls.__name__][0])
        if "axis" in config:
            config["axis"] = [0, 1, [0, 1]][rng.integers(3)]
        theirs = getattr(keras.constraints, cls.__name__)(**config)
        w = rng.normal(size=tuple(rng.integers(1, 9, 2))).astype("float32")
        w *= rng.choice([0.0, 0.1, 1.0], w.shape[1]).astype("float32")
        np.testing.assert_allclose(cls(**config)(w), theirs(w), rtol=2e-5, atol=1e-9)


@pytest.mark.filterwarnings("ignore:__array__:DeprecationWarning")
def test_a_run_beside_keras():
    keras = pytest.importorskip("keras")
    x, y = regression(60)
    kinds = {"kernel_constraint": "max_norm", "bias_constraint": "non_neg"}
    ours = Sequential(
        [
            layers.Input((3,)),
            layers.Dense(5, "tanh", **kinds),
            layers.Dense(1, kernel_constraint="unit_norm"),
        ]
    )
    theirs = keras.Sequential(
        [
            keras.layers.Input((3,)),
            keras.layers.Dense(5, "tanh", **kinds),
            keras.layers.Dense(1, kernel_constraint="unit_norm"),
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
