"""Initial values: their distributions, bounds and seeds."""

import math

import numpy as np
import pytest

from fastgd import Sequential, initializers, layers, utils

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
    assert initializers.HeNormal(seed=4).get_config() == {"seed": 4}
    made = initializers.VarianceScaling(2.0, "fan_out", "uniform", seed=4)
    again = initializers.VarianceScaling(**made.get_config())
    np.testing.assert_array_equal(again((3, 3)), made((3, 3)))
