"""Initial values: their distributions, bounds and seeds."""

import json
import math

import numpy as np
import pytest

from fastgd import Sequential, initializers, layers, utils
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, UnknownNameError

FAN_IN, FAN_OUT = 300, 100
SHAPE = (FAN_IN, FAN_OUT)
N = FAN_IN * FAN_OUT

#: name -> (bound or None, variance)
DISTRIBUTIONS = {
    "GlorotUniform": (math.sqrt(6 / 400), 2 / 400),
    "GlorotNormal": (2 * math.sqrt(2 / 400) / 0.87962566103423978, 2 / 400),
    "HeUniform": (math.sqrt(6 / 300), 2 / 300),
    "HeNormal": (2 * math.sqrt(2 / 300) / 0.87962566103423978, 2 / 300),
    "LecunUniform": (math.sqrt(3 / 300), 1 / 300),
    "LecunNormal": (2 * math.sqrt(1 / 300) / 0.87962566103423978, 1 / 300),
    "RandomNormal": (None, 0.05**2),
    "RandomUniform": (0.05, 0.1**2 / 12),
    "TruncatedNormal": (0.1, (0.05 * 0.87962566103423978) ** 2),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_distribution(name):
    bound, variance = DISTRIBUTIONS[name]
    w = getattr(initializers, name)(seed=3)(SHAPE, dtype="float64")
    assert w.shape == SHAPE
    # five standard errors; that of a variance is at most sqrt(2 / N) of it
    assert abs(w.mean()) < 5 * math.sqrt(variance / N)
    assert abs(w.var() / variance - 1) < 5 * math.sqrt(2 / N)
    if bound is None:
        assert abs(w).max() > 3.5 * math.sqrt(variance)
    else:
        assert 0.98 * bound < abs(w).max() <= bound


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_uniform_numbers_are_those_of_numpy(dtype):
    rng = np.random.default_rng(4)
    seeds = [0, 1, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64, 3 * 2**80]
    for seed in [*seeds, *rng.integers(0, 2**64, 200, dtype=np.uint64).tolist()]:
        low, high = np.sort(rng.normal(size=2)).tolist()
        shape = tuple(rng.integers(0, 9, 2).tolist())
        generator = np.random.Generator(np.random.PCG64(seed))
        expected = generator.uniform(low, high, shape).astype(dtype)
        found = initializers.RandomUniform(low, high, seed)(shape, dtype=dtype)
        np.testing.assert_array_equal(found, expected, strict=True)
        out = np.zeros(shape, dtype)
        initializers.RandomUniform(low, high, seed).fill(out)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("mode", ["fan_in", "fan_out", "fan_avg"])
@pytest.mark.parametrize("distribution", ["uniform", "truncated_normal", "untruncated_normal"])
def test_variance_scaling(mode, distribution):
    w = initializers.VarianceScaling(3.0, mode, distribution, seed=1)(SHAPE, dtype="float64")
    n = {"fan_in": FAN_IN, "fan_out": FAN_OUT, "fan_avg": 200}[mode]
    assert abs(w.var() / (3 / n) - 1) < 5 * math.sqrt(2 / N)


def test_presets_are_variance_scaling():
    for preset, arguments in (
        (initializers.GlorotUniform, (1.0, "fan_avg", "uniform")),
        (initializers.HeNormal, (2.0, "fan_in", "truncated_normal")),
    ):
        expected = initializers.VarianceScaling(*arguments, seed=9)(SHAPE)
        np.testing.assert_array_equal(preset(seed=9)(SHAPE), expected)


def test_constants():
    assert initializers.Zeros()((2, 2)).tolist() == [[0, 0], [0, 0]]
    assert initializers.Ones()((2,)).tolist() == [1, 1]
    assert initializers.Constant(2.5)((2,)).tolist() == [2.5, 2.5]
    table = np.arange(6.0).reshape(3, 2)
    constant = initializers.Constant(table)
    assert constant((3, 2)).tolist() == table.tolist()
    assert initializers.Constant([1, 2])((3, 2)).tolist() == [[1, 2]] * 3
    again = initializers.Constant.from_config(constant.get_config())
    assert again((3, 2)).tolist() == table.tolist()
    with pytest.raises(ShapeError, match="cannot fill"):
        constant((2, 3))
    with pytest.raises(ArgumentError, match="value: expected finite"):
        initializers.Constant([0.0, np.inf])
    assert initializers.RandomNormal(5.0, 0.0)((2,)).tolist() == [5, 5]
    assert initializers.RandomUniform(2.0, 2.0)((2,)).tolist() == [2, 2]


def test_dtype():
    assert initializers.HeNormal()((2, 2)).dtype == np.float32
    assert initializers.HeNormal()((2, 2), dtype="float64").dtype == np.float64
    single = initializers.HeNormal(seed=1)(SHAPE)
    double = initializers.HeNormal(seed=1)(SHAPE, dtype="float64")
    np.testing.assert_array_equal(single, double.astype(np.float32))


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_seeds(name):
    make = getattr(initializers, name)
    seeded = make(seed=5)
    np.testing.assert_array_equal(seeded((3, 4)), seeded((3, 4)))
    np.testing.assert_array_equal(make(seed=5)((3, 4)), seeded((3, 4)))
    assert (make(seed=6)((3, 4)) != seeded((3, 4))).any()
    free = make()
    utils.set_random_seed(1)
    first, second = free((3, 4)), free((3, 4))
    assert (first != second).any()
    utils.set_random_seed(1)
    np.testing.assert_array_equal(make()((3, 4)), first)


def test_in_a_layer():
    given = {"seen": None}

    def mine(shape, dtype=None):
        given["seen"] = shape, dtype
        return np.arange(np.prod(shape), dtype=dtype).reshape(shape)

    layer = layers.Dense(
        2, kernel_initializer=mine, bias_initializer="ones", input_dim=3, dtype="float64"
    )
    Sequential([layer])
    assert given["seen"] == ((3, 2), "float64")
    assert layer.kernel.tolist() == [[0, 1], [2, 3], [4, 5]]
    assert layer.bias.tolist() == [1, 1]


def test_default_of_dense_is_glorot_uniform_and_zeros():
    layer = layers.Dense(FAN_OUT, input_dim=FAN_IN)
    Sequential([layer])
    bound = math.sqrt(6 / 400)
    assert 0.98 * bound < abs(layer.kernel).max() <= bound
    assert not layer.bias.any()


def test_get():
    for name, expected in (
        ("zeros", initializers.Zeros),
        ("he_normal", initializers.HeNormal),
        ("HeNormal", initializers.HeNormal),
        ("lecun_uniform", initializers.LecunUniform),
        ("uniform", initializers.RandomUniform),
        (initializers.Ones, initializers.Ones),
    ):
        assert type(initializers.get(name)) is expected
    assert initializers.HeNormal(seed=4).get_config()["seed"] == 4
    made = initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4)
    again = initializers.VarianceScaling(**made.get_config())
    np.testing.assert_array_equal(again((3, 3)), made((3, 3)))


each_class = pytest.mark.parametrize("cls", initializers.CLASSES, ids=lambda c: c.__name__)


@each_class
def test_a_description_makes_the_same_values(cls):
    made = cls(seed=7) if issubclass(cls, initializers.RandomNormal.__mro__[1]) else cls()
    description = json.loads(json.dumps(initializers.serialize(made)))
    assert description["class_name"] == cls.__name__
    assert description["module"] == "fastgd.initializers"
    again = initializers.deserialize(description)
    for other in (again, made.clone(), initializers.get(description)):
        assert type(other) is cls
        assert other.get_config() == made.get_config()
        np.testing.assert_array_equal(other((4, 3)), made((4, 3)))


@each_class
@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (7, 3), (2, 3, 4)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shape_and_dtype(cls, shape, dtype):
    if cls is initializers.Identity and len(shape) != 2:
        with pytest.raises(ShapeError, match="shape: Identity needs two dimensions"):
            cls()(shape)
        return
    w = cls()(shape, dtype=dtype)
    assert w.shape == shape
    assert w.dtype == dtype
    assert np.isfinite(w).all()


def test_identity():
    assert initializers.Identity()((2, 2)).tolist() == [[1, 0], [0, 1]]
    assert initializers.Identity(-3.0)((3, 2)).tolist() == [[-3, 0], [0, -3], [0, 0]]


@pytest.mark.parametrize("shape", [(1, 1), (5, 5), (20, 7), (7, 20), (3, 4, 6), (64, 64)])
def test_orthogonal_is_orthonormal_times_gain(shape):
    w = initializers.Orthogonal(gain=3.0, seed=2)(shape, dtype="float64").reshape(-1, shape[-1])
    product = w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T
    np.testing.assert_allclose(product, 9 * np.eye(len(product)), atol=1e-13)
    with pytest.raises(ShapeError, match="two dimensions"):
        initializers.Orthogonal()((3,))


def test_orthogonal_matrices_are_uniform():
    # Every entry of a uniform orthogonal 3 x 2 matrix has mean 0, variance 1/3 and fourth
    # moment 3 / (3 * 5); and mirror images are as frequent. Five standard errors of 2000 draws.
    n = 2000
    draws = np.array([initializers.Orthogonal(seed=k)((3, 2), "float64") for k in range(n)])
    np.testing.assert_allclose(draws.mean(axis=0), 0, atol=5 * math.sqrt(1 / 3 / n))
    variance_of_square = 1 / 5 - 1 / 9
    np.testing.assert_allclose(
        (draws**2).mean(axis=0), 1 / 3, atol=5 * math.sqrt(variance_of_square / n)
    )
    squares = [initializers.Orthogonal(seed=k)((2, 2), "float64") for k in range(n)]
    assert abs(np.mean([np.linalg.det(w) > 0 for w in squares]) - 0.5) < 5 * 0.5 / math.sqrt(n)


def test_fans():
    def variance(shape, mode, **axes):
        w = initializers.VarianceScaling(1.0, mode, "uniform", 1, **axes)(shape, "float64")
        return w.max() ** 2 / 3  # the largest of many is close to the bound

    for shape, fan_in, fan_out in (
        ((900,), 900, 900),
        ((60, 20), 60, 20),
        ((3, 5, 8, 9), 120, 135),
    ):
        assert variance(shape, "fan_in") == pytest.approx(1 / fan_in, rel=0.02)
        assert variance(shape, "fan_out") == pytest.approx(1 / fan_out, rel=0.02)
        assert variance(shape, "fan_avg") == pytest.approx(2 / (fan_in + fan_out), rel=0.02)
    axes = {"input_axes": [0, 2], "output_axes": [1]}
    assert variance((6, 50, 7), "fan_in", **axes) == pytest.approx(1 / 42, rel=0.02)
    assert variance((6, 50, 7), "fan_out", **axes) == pytest.approx(1 / 50, rel=0.02)
    with pytest.raises(DataTypeError, match="input_axes"):
        initializers.HeNormal(input_axes="0")


def test_normal_is_the_truncated_one():
    made = [initializers.VarianceScaling(distribution=d, seed=1)(SHAPE)
            for d in ("normal", "truncated_normal")]  # fmt: skip
    np.testing.assert_array_equal(*made)


def test_an_array_is_an_initializer():
    values = np.arange(6.0).reshape(3, 2)
    initializer = initializers.get(values)
    layer = layers.Dense(2, kernel_initializer=values, input_dim=3)
    Sequential([layer])
    np.testing.assert_array_equal(layer.kernel, values)
    again = initializers.deserialize(
        json.loads(json.dumps(initializers.serialize(initializer)))
    )
    np.testing.assert_array_equal(again((3, 2)), values)
    with pytest.raises(ShapeError, match=r"\(3, 2\).*\(2, 3\)"):
        initializer((2, 3))


def test_none_is_glorot_uniform_in_a_layer():
    assert initializers.get(None) is None
    layer = layers.Dense(FAN_OUT, kernel_initializer=None, input_dim=FAN_IN)
    Sequential([layer])
    assert 0.98 * math.sqrt(6 / 400) < abs(layer.kernel).max() <= math.sqrt(6 / 400)


def test_what_cannot_be_made_is_refused():
    with pytest.raises(UnknownNameError, match="'Zeroes'"):
        initializers.deserialize({"class_name": "Zeroes", "config": {}})
    with pytest.raises(ArgumentError, match="Constant cannot be made"):
        initializers.deserialize({"class_name": "Constant", "config": {"size": 1}})
    with pytest.raises(ArgumentError, match="Zeros is no dict"):
        initializers.deserialize({"class_name": "Zeros", "config": [1]})
    with pytest.raises(DataTypeError, match="initializer: expected a name or an object"):
        initializers.get(3)

    class Own(initializers.Initializer):
        def __call__(self, shape, dtype=None):
            return np.full(shape, 4, dtype)

    description = initializers.serialize(Own())
    with pytest.raises(UnknownNameError):
        initializers.deserialize(description)
    made = initializers.deserialize(description, custom_objects={"Own": Own})
    assert made((2,), "float32").tolist() == [4, 4]


def test_names_and_arguments_are_those_of_keras():
    keras = pytest.importorskip("keras")
    missing = {"STFT", "stft", "STFTInitializer"}
    public = {name for name in dir(keras.initializers) if not name.startswith("_")}
    assert public - missing - set(dir(initializers)) == set()
    for cls in initializers.CLASSES:
        theirs = getattr(keras.initializers, cls.__name__)()
        ours = cls()
        # theirs forgets the gain of Identity
        assert ours.get_config() == {**ours.get_config(), **theirs.get_config()}
