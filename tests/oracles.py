"""What the scalar functions of fastgd/_core should return, and how far a result is from it."""

import importlib
import importlib.util
import math

import numpy as np

from fastgd._core import cpu

DTYPES = [np.float32, np.float64]
MAX_ULP = 2.0
BOUNDS = {"absolute": 0.0, "is_finite": 0.0, "square_root": 0.5}  # where it is not MAX_ULP

# name -> the function in NumPy, in the precision of its argument
ORACLES = {
    "absolute": np.abs,
    "exp_minus_one": np.expm1,
    "exponential": np.exp,
    "hyperbolic_tangent": np.tanh,
    "is_finite": lambda x: np.isfinite(x).astype(x.dtype),
    "log_one_plus": np.log1p,
    "logarithm": np.log,
    "sigmoid": lambda x: np.where(x < 0, np.exp(-np.abs(x)), 1) / (1 + np.exp(-np.abs(x))),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    "square_root": np.sqrt,
}

# Those that NumPy lacks: name -> the function of one float64, fit to judge float32 only
DOUBLE_ORACLES = {
    "complementary_error_function": math.erfc,
    "error_function": math.erf,
    "normal_cdf": lambda x: 0.5 * math.erfc(-x / math.sqrt(2)),
}

# name -> the function in mpmath, for finite arguments inside its domain
MP_ORACLES = {
    "complementary_error_function": lambda mp, x: mp.erfc(x),
    "error_function": lambda mp, x: mp.erf(x),
    "exp_minus_one": lambda mp, x: mp.expm1(x),
    "exponential": lambda mp, x: mp.exp(x),
    "hyperbolic_tangent": lambda mp, x: mp.tanh(x),
    "log_one_plus": lambda mp, x: mp.log1p(x),
    "logarithm": lambda mp, x: mp.log(x),
    "normal_cdf": lambda mp, x: mp.erfc(-x / mp.sqrt(2)) / 2,
    "sigmoid": lambda mp, x: 1 / (1 + mp.exp(-x)),
    "softplus": lambda mp, x: mp.log1p(mp.exp(x)),
}


def in_builds():
    """The modules with the scalar functions that run here, by name of the build."""
    return {
        name: importlib.import_module(f"fastgd._core.scalars_{name}")
        for name in cpu.supported()
        if importlib.util.find_spec(f"fastgd._core.scalars_{name}")
    }


def bits_of(x):
    return x.view(np.uint32 if x.dtype == np.float32 else np.uint64)


def same_bits(a, b):
    """Whether a and b have the same bits, but for those of NaNs."""
    unlike = bits_of(a) != bits_of(b)
    return np.array_equal(np.isnan(a), np.isnan(b)) and not np.any(unlike & ~np.isnan(a))


def ulp_errors(y, reference):
    """|y - reference| in units of the last place of y; infinite if one is NaN or overflows."""
    info = np.finfo(y.dtype)
    one = reference.dtype.type(1)
    overflow = np.ldexp(one, info.maxexp)
    with np.errstate(all="ignore"):
        exponent = np.clip(np.frexp(reference)[1] - 1, info.minexp, info.maxexp - 1)
        unit = np.ldexp(one, exponent - info.nmant)
        clipped = np.clip(y.astype(reference.dtype), -overflow, overflow)
        errors = np.abs(clipped - np.clip(reference, -overflow, overflow)) / unit
    errors[np.isnan(reference) & np.isnan(y)] = 0
    errors[np.isnan(reference) != np.isnan(y)] = np.inf
    errors[(np.abs(reference) >= overflow) & np.isfinite(y)] = np.inf
    return errors
