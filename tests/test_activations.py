"""Activations: each by its formula in many digits, by differences, and on every build."""

import mpmath as mp
import numpy as np
import pytest
from engines import each_build, each_dtype, engine, flat

from fastgd import (
    activations,
    errors,
    initializers,
    layers,
    losses,
    metrics,
    optimizers,
    saving,
)
from fastgd._core.formulas import Activation
from fastgd._engine.table import Table
from fastgd.activations import DESCRIPTIONS, Description
from fastgd.tape import GradientTape

#: Every activation with its default numbers, and some with others.
DESCRIBED = {function.__name__: found for function, found in DESCRIPTIONS.items()} | {
    "rectifier": activations.rectifier(0.25, 2.0, 0.5),
    "rectifier below": activations.rectifier(-0.5, None, -1.0),
    "elu 0.3": Description(Activation.ACTIVATION_ELU, (0.3,)),
    "celu 0.7": Description(Activation.ACTIVATION_CELU, (0.7,)),
    "gelu tanh": Description(Activation.ACTIVATION_GELU_TANH),
    "squareplus 0.25": Description(Activation.ACTIVATION_SQUAREPLUS, (0.25,)),
    "soft_shrink 1": Description(Activation.ACTIVATION_SOFT_SHRINK, (1.0,)),
    "hard_shrink 0": Description(Activation.ACTIVATION_HARD_SHRINK, (0.0,)),
    "threshold": Description(Activation.ACTIVATION_THRESHOLD, (0.25, -3.0)),
}
ROWS = {Activation.ACTIVATION_SOFTMAX, Activation.ACTIVATION_LOG_SOFTMAX}
described = pytest.mark.parametrize("name", DESCRIBED)

#: The formulas of Keras' documentation.
FORMULAS = {
    "LINEAR": lambda z: z,
    "RELU": lambda z: max(z, 0),
    "SIGMOID": lambda z: 1 / (1 + mp.exp(-z)),
    "TANH": mp.tanh,
    "RECTIFIER": lambda z, slope, top, least: (
        top if z >= top else z if z > least else slope * (z - least)
    ),
    "ELU": lambda z, alpha: z if z > 0 else alpha * mp.expm1(z),
    "SELU": lambda z: (
        1.0507009873554805 * (z if z > 0 else 1.6732632423543772 * mp.expm1(z))
    ),
    "CELU": lambda z, alpha: max(z, 0) + min(0, alpha * mp.expm1(z / alpha)),
    "GELU": lambda z: z * mp.ncdf(z),
    "GELU_TANH": lambda z: (
        z * (1 + mp.tanh(mp.sqrt(2 / mp.pi) * (z + mp.mpf("0.044715") * z**3))) / 2
    ),
    "SILU": lambda z: z / (1 + mp.exp(-z)),
    "MISH": lambda z: z * mp.tanh(mp.log1p(mp.exp(z))),
    "SOFTPLUS": lambda z: mp.log1p(mp.exp(z)),
    "SOFTSIGN": lambda z: z / (1 + abs(z)),
    "SQUAREPLUS": lambda z, b: (z + mp.sqrt(z * z + b)) / 2,
    "SPARSE_PLUS": lambda z: 0 if z <= -1 else z if z >= 1 else (z + 1) ** 2 / 4,
    "SPARSE_SIGMOID": lambda z: 0 if z <= -1 else 1 if z >= 1 else (z + 1) / 2,
    "LOG_SIGMOID": lambda z: -mp.log1p(mp.exp(-z)),
    "EXPONENTIAL": mp.exp,
    "TANH_SHRINK": lambda z: z - mp.tanh(z),
    "SOFT_SHRINK": lambda z, least: mp.sign(z) * max(abs(z) - least, 0),
    "HARD_SHRINK": lambda z, least: z if abs(z) > least else 0,
    "HARD_TANH": lambda z: max(-1, min(1, z)),
    "HARD_SIGMOID": lambda z: min(max(z + 3, 0), 6) / 6,
    "HARD_SILU": lambda z: z * min(max(z + 3, 0), 6) / 6,
    "THRESHOLD": lambda z, least, other: z if z > least else other,
}  # fmt: skip


def epsilon(dtype):
    return float(np.finfo(dtype).eps)


class Alone:
    """An activation as a network of its own."""

    def __init__(self, description, width, dtype):
        table = Table(width)
        source = table.copy(0)  # the linear activation has no row
        self.plan = table.plan([table.activation(description, source)], 0)
        self.dtype = dtype

    def __call__(self, build, z, d_y):
        """The outputs, and the gradient of z."""
        z, d_y = np.asarray(z, self.dtype), np.asarray(d_y, self.dtype)
        none = flat(np.zeros(0), self.dtype)
        program = engine(build).Program(self.plan, none, none)
        y, d_z = np.empty_like(z), np.empty_like(z)
        kept = program.forward(none, z, y)
        program.backward(kept, d_y, none, d_z)
        return y, d_z


def spread(rows, width, dtype=np.float64):
    """Arguments of all sizes, kinks and zeros among them."""
    rng = np.random.default_rng(width)
    z = rng.normal(size=(rows, width)) * 10 ** rng.uniform(-3, 1, (rows, width))
    z.flat[:10:1] = [0, 1, -1, 3, -3, 0.5, -0.5, 6, 2, 0.25][: z.size]
    return z.astype(dtype)


def test_every_code_is_tried():
    found = {description.code for description in DESCRIBED.values()}
    assert found == set(Activation)


@described
def test_function_agrees_with_its_formula(name):
    description = DESCRIBED[name]
    if description.code in ROWS:
        pytest.skip("a function of whole rows, see below")
    formula = FORMULAS[description.code.name.removeprefix("ACTIVATION_")]
    z = np.array([0, 1, -1, 3, -3, 0.5, -0.5, 0.25, 6, -7, 1e-9, 40, -40, 1e4, -1e4])
    with mp.workdps(60):
        expected = [
            float(formula(mp.mpf(float(v)), *map(mp.mpf, description.settings))) for v in z
        ]
    found = Alone(description, len(z), np.float64)("reference", z[None], np.ones((1, len(z))))
    # z - tanh(z) is as exact as z is
    margin = 1e-16 if name == "tanh_shrink" else 0
    np.testing.assert_allclose(found[0][0], expected, rtol=1e-13, atol=margin)


def test_softmax_and_its_logarithm_by_hand():
    z = np.array([[1.0, 2.0, 4.0], [1e4, -1e4, 0.0]])
    shares = np.exp([[-3, -2, 0]]) / np.exp([[-3, -2, 0]]).sum()
    np.testing.assert_allclose(activations.softmax(z), [*shares, [1, 0, 0]], rtol=1e-15)
    np.testing.assert_allclose(
        activations.log_softmax(z), [*np.log(shares), [0, -2e4, -1e4]], rtol=1e-14
    )


@described
def test_derivative_agrees_with_differences(name):
    z = np.random.default_rng(3).uniform(-8, 8, (40, 5)) + 0.01234
    d_y = np.random.default_rng(4).normal(size=z.shape)
    alone = Alone(DESCRIBED[name], 5, np.float64)
    _, d_z = alone("reference", z, d_y)
    h = 1e-5
    expected = np.empty_like(z)
    for j in range(5):
        step = h * (np.arange(5) == j)
        ahead, behind = (alone("reference", z + s, d_y)[0] for s in (step, -step))
        expected[:, j] = ((ahead - behind) * d_y).sum(axis=1) / (2 * h)
    np.testing.assert_allclose(d_z, expected, rtol=0, atol=2e-8 * np.abs(expected).max() + 1e-9)


@each_build
@each_dtype
@described
@pytest.mark.parametrize("width", [1, 2, 3, 17, 33])
def test_each_build_agrees_with_the_reference(build, dtype, name, width):
    z, d_y = spread(23, width, dtype), spread(23, width + 100)[:, :width].astype(dtype)
    alone = Alone(DESCRIBED[name], width, dtype)
    exact = Alone(DESCRIBED[name], width, np.float64)("reference", z, d_y)
    # a relative error (of whole rows, where they are summed), or a rounding of the argument
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    margin = 4 * epsilon(dtype) * np.abs(z) * max(1, np.abs(d_y).max())
    for found, expected in zip(alone(build, z, d_y), exact, strict=True):
        scale = np.abs(expected)
        if DESCRIBED[name].code in ROWS:
            scale = np.maximum(scale, np.abs(d_y).sum(axis=1, keepdims=True))
        assert (np.abs(found - expected) <= tolerance * scale + margin).all()


@each_build
@each_dtype
@described
def test_far_out_and_tiny(build, dtype, name):
    tiny = float(np.finfo(dtype).smallest_subnormal)
    z = np.array([[1e4, -1e4, 0.0, tiny, -tiny, 80.0, -80.0, 500.0, -500.0]])
    if name == "exponential":
        z = np.minimum(z, 80)
    alone = Alone(DESCRIBED[name], z.shape[1], dtype)
    y, d_z = alone(build, z, np.ones_like(z))
    assert np.isfinite(y).all() and np.isfinite(d_z).all()
    expected = Alone(DESCRIBED[name], z.shape[1], np.float64)("reference", z, np.ones_like(z))
    margin = 4 * epsilon(dtype)
    np.testing.assert_allclose(y, expected[0], rtol=2e-6, atol=margin)
    np.testing.assert_allclose(d_z, expected[1], rtol=2e-6, atol=margin)


@pytest.mark.parametrize("function", [*DESCRIPTIONS, activations.glu], ids=lambda f: f.__name__)
def test_functions_follow_a_tape_and_leave_arrays_alone(function):
    x = np.random.default_rng(0).normal(size=(3, 4))
    kept = x.copy()
    with GradientTape() as tape:
        watched = tape.watch(x)
        total = np.sum(function(watched) * np.arange(function(x).size).reshape(3, -1))
    gradient = tape.gradient(total, watched)
    direction = np.random.default_rng(1).normal(size=x.shape)

    def value(step):
        y = function(x + step * direction)
        return np.sum(y * np.arange(y.size).reshape(3, -1))

    slope = (value(1e-6) - value(-1e-6)) / 2e-6
    assert (gradient * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-7)
    np.testing.assert_array_equal(x, kept)


def test_arguments_of_functions():
    x = [-2.0, -0.2, 0.4, 3.0]
    np.testing.assert_allclose(activations.leaky_relu(x), [-0.4, -0.04, 0.4, 3])
    np.testing.assert_allclose(activations.relu(x, 0.5, 2.0, 1.0), [-1.5, -0.6, -0.3, 2])
    np.testing.assert_allclose(activations.threshold(x, 0.0, 9.0), [9, 9, 0.4, 3])
    np.testing.assert_allclose(activations.softmax([[0.0, 1.0], [0.0, 3.0]], axis=0)[0],
                               [0.5, 1 / (1 + np.exp(2))])  # fmt: skip
    assert activations.relu([-1, 2]).dtype == np.float64
    assert activations.gelu(np.float32([1.0])).dtype == np.float32
    assert activations.relu(np.float64(-3.0)).shape == ()


#: Activation -> its kinks, and the values and slopes there. The slope is that of the lower
#: branch, but 0 where one of both is flat.
KINKS = {
    "relu": ([0], [0], [0]),
    "rectifier": ([0.5, 2], [0, 2], [0.25, 0]),
    "rectifier below": ([-1], [0], [-0.5]),
    "leaky_relu": ([0], [0], [0.2]),
    "relu6": ([0, 6], [0, 6], [0, 0]),
    "elu 0.3": ([0], [0], [0.3]),
    "selu": ([0], [0], [1.0507009873554805 * 1.6732632423543772]),
    "celu 0.7": ([0], [0], [1]),
    "sparse_plus": ([-1, 1], [0, 1], [0, 1]),
    "sparse_sigmoid": ([-1, 1], [0, 1], [0, 0]),
    "soft_shrink 1": ([-1, 1], [0, 0], [0, 0]),
    "hard_shrink 0": ([0], [0], [0]),
    "hard_shrink": ([-0.5, 0.5], [0, 0], [0, 0]),
    "hard_tanh": ([-1, 1], [-1, 1], [0, 0]),
    "hard_sigmoid": ([-3, 3], [0, 1], [0, 0]),
    "hard_silu": ([-3, 3], [0, 3], [0, 1]),
    "threshold": ([0.25], [-3], [0]),
}  # fmt: skip


@each_build
@each_dtype
@pytest.mark.parametrize("name", KINKS)
def test_values_and_slopes_at_a_kink(name, dtype, build):
    z, values, slopes = (np.array([row]) for row in KINKS[name])
    found = Alone(DESCRIBED[name], z.size, dtype)(build, z, np.ones(z.shape))
    np.testing.assert_allclose(found[0], values, rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found[1], slopes, rtol=1e-6, atol=1e-7)


def test_a_rectifier_at_its_threshold_by_function_and_layer():
    x = np.array([[1.0, 1.5, 2.0]])
    with GradientTape() as tape:
        watched = tape.watch(x)
        y = activations.relu(watched, negative_slope=0.5, threshold=1.5)
    np.testing.assert_array_equal(y.numpy(), [[-0.25, 0, 2]])
    np.testing.assert_array_equal(tape.gradient(y, watched), [[0.5, 0.5, 1]])
    layer = layers.ReLU(negative_slope=0.5, threshold=1.5, dtype="float64")
    np.testing.assert_array_equal(layer(x), [[-0.25, 0, 2]])


def test_glu_wants_halves():
    np.testing.assert_allclose(activations.glu([[1.0, 2.0, 0.0, 0.0]]), [[0.5, 1.0]])
    with pytest.raises(errors.ShapeError, match="even"):
        activations.glu(np.zeros((2, 3)))


def test_names():
    for function in DESCRIPTIONS:
        assert activations.get(function.__name__) is function
        assert activations.deserialize(activations.serialize(function)) is function
    assert activations.get("swish") is activations.silu
    assert activations.get(None) is activations.linear
    with pytest.raises(errors.UnknownNameError, match="gelu"):
        activations.get("gelo")


def test_keras_agrees():
    keras = pytest.importorskip("keras")
    z = spread(20, 8)
    ours = [*DESCRIPTIONS, activations.glu]
    shared = [f for f in ours if hasattr(keras.activations, f.__name__)]
    assert len(shared) > 20
    for function in shared:
        expected = np.asarray(
            getattr(keras.activations, function.__name__)(z.astype("float32"))
        )
        np.testing.assert_allclose(function(z), expected, rtol=1e-4, atol=1e-5)


def test_deserialize_takes_objects_of_ones_own():
    def mine(x):
        return x

    assert activations.deserialize("mine", {"mine": mine}) is mine
    assert activations.deserialize("relu", {"mine": mine}) is activations.relu


@pytest.mark.parametrize(
    "other", [metrics.AUC(), losses.Huber(), optimizers.Adam(), initializers.Zeros()]
)
def test_objects_of_other_kinds_are_no_activations(other):
    description = saving.serialize_object(other)
    for given in (other, description):
        with pytest.raises(errors.FastgdError, match="activation: expected a"):
            layers.Dense(1, activation=given)
