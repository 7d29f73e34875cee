"""The functions of fastgd/_core/scalar.pxd and errorfunction.pxd, in every build that this CPU
can run; tests/exhaustive.py tries all of float32.

Oracles: float32 against float64, of NumPy or the standard library; float64 against NumPy in the
80-bit long double where there is one, and against mpmath on fewer points.
"""

import functools

import numpy as np
import pytest
from oracles import (
    BOUNDS,
    DOUBLE_ORACLES,
    DTYPES,
    MAX_ULP,
    MP_ORACLES,
    ORACLES,
    bits_of,
    in_builds,
    same_bits,
    ulp_errors,
)

from fastgd.errors import DataTypeError, ShapeError, UnknownNameError

BUILDS = in_builds()
NAMES = sorted({*ORACLES, *DOUBLE_ORACLES})
STRIDE = 1009  # every 1009th float32, counted in bit patterns
# The others may fall by a unit in the last place where they round twice.
MONOTONE = ["exponential", "hyperbolic_tangent", "log_one_plus", "logarithm", "square_root"]
ODD = ["error_function", "hyperbolic_tangent"]

# Where a function changes its formula, its exponent, its kind of result or its domain.
BORDERS = [
    0.0, 1.0, 0.5, 0.625, 2.0, np.log(2) / 2, np.log(2), 1.5 * np.log(2), 2 * np.log(2),
    np.sqrt(0.5), np.sqrt(2), np.sqrt(2) - 1, np.sqrt(2) - 2, 2 * np.sqrt(2) - 1,
    2.0**-24, 2.0**-25, 2.0**-53, 2.0**-54, 9.0, 17.5, 38.0, 87.336, 88.7228, 89.0, 103.97,
    104.0, 708.396, 709.7827, 710.0, 745.13, 746.0,
    0.47693628, 0.67448975, 3.92, 5.92, 9.194, 10.054, 10.5, 12.95, 14.17, 14.5, 26.543, 27.226,
    27.5, 37.52, 38.485, 38.75,
]  # fmt: skip


@functools.cache
def borders(dtype):
    """Both signs of each border, and the 50 numbers on either side of it."""
    info = np.finfo(dtype)
    points = np.array([*BORDERS, info.smallest_normal, info.max, np.inf], dtype)
    integers = bits_of(points).astype(np.int64)[:, None] + np.arange(-50, 51)
    integers = np.maximum(integers, 0).ravel()  # beyond infinity lie the NaNs
    around = integers.astype(bits_of(points).dtype).view(dtype)
    return np.concatenate([around, -around])


@functools.cache
def sample(dtype):
    rng = np.random.default_rng(0)
    if dtype is np.float32:
        points = np.arange(0, 2**32, STRIDE, dtype=np.uint64).astype(np.uint32).view(dtype)
    else:
        spread = np.exp(rng.uniform(-45, 6, 200_000))
        points = np.concatenate([
            rng.integers(0, 2**64, 200_000, dtype=np.uint64).view(dtype),
            rng.uniform(-750, 750, 200_000),
            rng.uniform(-2, 2, 400_000),
            spread,
            -spread,
            1 - spread[spread < 1],
        ])  # fmt: skip
    points = np.concatenate([points, borders(dtype)])
    points.flags.writeable = False
    return points


@functools.cache
def expected(name, dtype):
    """The oracle at ``sample(dtype)``, in a wider type than ``dtype``."""
    wide = np.float64 if dtype is np.float32 else np.longdouble
    if np.finfo(wide).nmant < np.finfo(dtype).nmant + 11:
        pytest.skip("no floating type wider than float64 on this machine")
    with np.errstate(all="ignore"):
        x = sample(dtype).astype(wide)
        if name in ORACLES:
            return ORACLES[name](x)
        return np.fromiter(map(DOUBLE_ORACLES[name], x.tolist()), np.float64, len(x))


@pytest.fixture(params=["baseline", "avx2", "avx512"])
def build(request):
    return load(request.param)


def load(name):
    if name not in BUILDS:
        pytest.skip(f"this CPU cannot run the {name} build")
    return BUILDS[name]


dtypes = pytest.mark.parametrize("dtype", DTYPES, ids=lambda dtype: dtype.__name__)
names = pytest.mark.parametrize("name", NAMES)


def test_every_function_has_an_oracle(build):
    assert set(build.SCALAR_FUNCTIONS) == set(NAMES)


@pytest.mark.parametrize(
    ("dtype", "name"),
    [(np.float32, name) for name in NAMES] + [(np.float64, name) for name in ORACLES],
)
def test_error_against_wider_type(build, dtype, name):
    x = sample(dtype)
    errors = ulp_errors(build.scalar_map(name, x), expected(name, dtype))
    worst = errors.argmax()
    assert errors[worst] <= BOUNDS.get(name, MAX_ULP), f"{errors[worst]} ulp at {x[worst]!r}"


@functools.cache
def exact_points(name):
    """A few thousand arguments in float64, and the function there in 120 bits."""
    mp = pytest.importorskip("mpmath").mp.clone()
    mp.prec = 120
    rng = np.random.default_rng(1)
    spread = np.exp(rng.uniform(-40, 6.6, 700))
    x = np.concatenate([
        borders(np.float64)[::7], rng.uniform(-3, 3, 700), rng.uniform(-40, 30, 2000), spread,
        -spread, 1 - spread / 1e3,
    ])  # fmt: skip
    x = x[np.abs(x) < 1000]
    if name == "logarithm":
        x = x[x > 0]
    if name == "log_one_plus":
        x = x[x > -1]
    return mp, x, [MP_ORACLES[name](mp, mp.mpf(float(v))) for v in x]


@pytest.mark.parametrize("name", MP_ORACLES)
def test_error_in_float64_against_mpmath(build, name):
    mp, x, references = exact_points(name)
    limit = np.finfo(np.float64).max
    for argument, y, reference in zip(x, build.scalar_map(name, x), references, strict=True):
        if abs(reference) > limit:
            assert y == np.inf, repr(argument)
            continue
        exponent = max(int(mp.frexp(reference)[1]) - 53, -1074)
        error = abs(mp.mpf(float(y)) - reference) / mp.ldexp(1, exponent)
        assert error <= MAX_ULP, f"{float(error)} ulp at {argument!r}"


INF, NAN = np.inf, np.nan
SPECIAL = {
    "absolute": [(-0.0, 0.0), (-INF, INF), (-2.5, 2.5)],
    "complementary_error_function": [
        (0.0, 1.0),
        (-0.0, 1.0),
        (INF, 0.0),
        (-INF, 2.0),
        (30, 0.0),
        (-30, 2.0),
    ],
    "error_function": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (30, 1), (-30, -1)],
    "exp_minus_one": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-INF, -1), (1e4, INF), (-1e4, -1)],
    "exponential": [(0.0, 1.0), (-0.0, 1.0), (INF, INF), (-INF, 0.0), (1e4, INF), (-1e4, 0.0)],
    "hyperbolic_tangent": [(0.0, 0.0), (-0.0, -0.0), (INF, 1), (-INF, -1), (30, 1), (-30, -1)],
    "is_finite": [(0.0, 1.0), (INF, 0.0), (-INF, 0.0)],
    "log_one_plus": [
        (0.0, 0.0),
        (-0.0, -0.0),
        (-1, -INF),
        (-1.5, NAN),
        (INF, INF),
        (-INF, NAN),
    ],
    "logarithm": [(1.0, 0.0), (0.0, -INF), (-0.0, -INF), (-1.0, NAN), (INF, INF), (-INF, NAN)],
    "normal_cdf": [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (40, 1.0), (-40, 0.0)],
    "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (INF, 1.0), (-INF, 0.0), (1e4, 1.0), (-1e4, 0.0)],
    "softplus": [(INF, INF), (-INF, 0.0), (1e4, 1e4), (-1e4, 0.0)],
    "square_root": [(0.0, 0.0), (-0.0, -0.0), (INF, INF), (-1.0, NAN), (4.0, 2.0)],
}


@names
@dtypes
def test_special_values(build, dtype, name):
    x, y = np.array([*SPECIAL[name], (NAN, 0.0 if name == "is_finite" else NAN)], dtype).T
    got = build.scalar_map(name, np.ascontiguousarray(x))
    np.testing.assert_array_equal(got, y)
    known = ~np.isnan(y)
    np.testing.assert_array_equal(np.signbit(got[known]), np.signbit(y[known]))


@dtypes
@pytest.mark.parametrize("name", ["exp_minus_one", "hyperbolic_tangent", "log_one_plus"])
def test_subnormal_arguments_return_themselves(build, dtype, name):
    x = np.arange(1, 1000) * np.finfo(dtype).smallest_subnormal
    x = np.concatenate([x, -x])
    np.testing.assert_array_equal(build.scalar_map(name, x), x)


@dtypes
@pytest.mark.parametrize("name", MONOTONE)
def test_monotone(build, dtype, name):
    x = np.sort(sample(dtype))  # NaNs last
    y = build.scalar_map(name, x)
    y = y[~np.isnan(y)]
    assert np.all(y[:-1] <= y[1:])


@dtypes
@pytest.mark.parametrize("name", ODD)
def test_odd(build, dtype, name):
    x = sample(dtype)
    assert same_bits(build.scalar_map(name, -x), -build.scalar_map(name, x))


@names
@dtypes
def test_bits_depend_neither_on_place_nor_on_length(build, dtype, name):
    """The last elements of a loop do not run in vectors; nor does a loop of one."""
    x = borders(dtype)[::3].copy()
    whole = build.scalar_map(name, x)
    one_by_one = [build.scalar_map(name, x[i : i + 1]) for i in range(len(x))]
    assert same_bits(np.concatenate(one_by_one), whole)
    for start in range(20):
        assert same_bits(build.scalar_map(name, x[start:-7]), whole[start:-7])


@names
@dtypes
def test_same_bits_for_every_vector_width(dtype, name):
    x = sample(dtype)
    narrow, wide = load("avx2"), load("avx512")
    assert same_bits(narrow.scalar_map(name, x), wide.scalar_map(name, x))


def test_probe_refuses_what_it_cannot_map(build):
    with pytest.raises(UnknownNameError, match="cosine"):
        build.scalar_map("cosine", np.zeros(3))
    with pytest.raises(DataTypeError, match="int64"):
        build.scalar_map("sigmoid", np.zeros(3, np.int64))
    with pytest.raises(ShapeError, match=r"\(2, 2\)"):
        build.scalar_map("sigmoid", np.zeros((2, 2)))
