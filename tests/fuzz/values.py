"""Values for arguments: right ones by the name of the argument, and anything at all."""

import datetime
import math

import numpy as np
from test_saving_configs import NEEDED, OTHERS

INTEGERS = (0, 1, 2, 3, 7, -1, -2, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), 10**30)
FLOATS = (
    0.0, -0.0, 0.1, 0.5, 1.0, 1.5, -0.5, 3.0, 1e-300, 5e-324, 1e300, math.nan, math.inf,
    -math.inf,
)  # fmt: skip
TEXTS = ("", "x", "relu", "softmax", "adam", "mse", "auto", "l2", "zeros", "float32",
         "float64", "float16", "channels_first", "min", "max", "mean",
         "\u00e9\ud800", "a\x00b")  # fmt: skip

#: By name; beside those with which the tests of configurations make every class.
RIGHT = {
    "learning_rate": [0.1, 1e-3],
    "optimizer": ["sgd", "adam", "lion"],
    "loss": ["mse", "mae", "huber"],
    "metrics": [["mae"], [], None],
    "epochs": [1, 2],
    "batch_size": [1, 3, 32],
    "verbose": [0],
    "validation_split": [0.0, 0.25],
    "n_jobs": [1, 2],
    "units": [1, 3],
    "activation": ["relu", "softmax", None],
    "use_bias": [True, False],
    "input_shape": [(3,)],
    "monitor": ["loss", "val_loss"],
    "patience": [0, 2],
    "max_iter": [1, 5],
    "hidden_layer_sizes": [(3,), (2, 2)],
    "alpha": [0.1, 1.0],
    "axis": [-1, 1, 0],
    "axes": [1, -1],
    "seed": [0, 3],
    "k": [2],
    "n": [4, 8],
    "num_thresholds": [3, 20],
    "shape": [(3,), (2, 3)],
    "dtype": ["float32", "float64"],
    "shuffle": [True, False, "batch"],
    "num_classes": [2, 3],
    "validation_freq": [1],
    "initial_epoch": [0],
    "splits": [2],
    "jobs": [1],
    "kernel_regularizer": ["l2", "l1"],
    "kernel_initializer": ["ones", "he_normal"],
    "kernel_constraint": ["non_neg"],
    "axis_": [0],
}


def anything(rng, depth=2):
    """Return any value, made anew: a scalar, a container, an array, a function or a class."""
    kind = rng.randrange(14 if depth else 8)
    if kind < 2:
        return rng.choice(INTEGERS)
    if kind < 4:
        return rng.choice(FLOATS)
    if kind == 4:
        return rng.choice(TEXTS)
    if kind < 7:
        return rng.choice([None, True, False])
    if kind == 7:
        return odd(rng)
    if kind == 8:
        return array(rng)
    items = [anything(rng, depth - 1) for _ in range(rng.randrange(4))]
    if kind < 11:
        return items
    if kind == 11:
        return tuple(items)
    if kind == 12:
        return dict(zip(("a", "x", 3), items, strict=False))
    return iter(items)


def odd(rng):
    """Return what hardly any function expects."""
    return rng.choice([
        lambda: b"bytes", lambda: 1j, lambda: ..., lambda: object(), lambda: int,
        lambda: lambda *a, **k: None, lambda: slice(3), lambda: range(3), lambda: {1, 2},
        lambda: np.float32(0.5), lambda: np.int64(3), lambda: np.bool_(True),
        lambda: np.float64(np.nan), lambda: datetime.date(2020, 1, 1), lambda: NotImplemented,
        lambda: np.dtype("f4"), lambda: np.str_("relu"), lambda: ValueError("x"),
    ])()  # fmt: skip


def array(rng, shape=None):
    """Return an array of any data type, content and layout."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    if shape is None:
        shape = rng.choice(
            [(), (0,), (1,), (3,), (8,), (8, 1), (8, 3), (0, 3), (2, 3, 4), (8, 0)]
        )
    values = np.asarray(numbers.normal(size=shape))
    content = rng.randrange(8)
    if content == 0:
        values = np.asarray(np.abs(np.round(values)))
    elif content == 1 and values.size:
        values.flat[rng.randrange(values.size)] = rng.choice(FLOATS)
    elif content == 2:
        values = np.asarray(values * 1e300)
    elif content == 3:
        values = np.zeros(shape)
    dtype = rng.choice(["f4", "f4", "f8", "f8", "f2", "i8", "i4", "u1", "?", ">f8", "c16", "O",
                        "U5", "M8[s]", "g"])  # fmt: skip
    with np.errstate(all="ignore"):
        values = (np.zeros(shape) if dtype == "M8[s]" else values).astype(dtype)
    return laid_out(rng, values)


def laid_out(rng, values):
    """Return an array with these values that lies in memory in some way."""
    layout = rng.randrange(6)
    if layout == 0:
        values = np.asfortranarray(values)
    elif layout == 1 and values.ndim:
        values = np.repeat(values, 2, axis=0)[::2]
    elif layout == 2 and values.ndim:
        values = values[::-1].copy()[::-1]
    elif layout == 3:
        values.flags.writeable = False
    elif layout == 4 and values.ndim < 3 and values.dtype.kind != "O":
        return values.tolist()
    return values


def x_and_y(rng):
    """Return inputs and targets that mostly fit a model of 3 inputs and 1 output."""
    numbers = np.random.default_rng(rng.getrandbits(32))
    n = rng.choice([1, 2, 8, 8, 8, 20])
    x = numbers.normal(size=(n, 3)).astype(rng.choice(["f4", "f8"]))
    y = numbers.normal(size=(n, 1)).astype(rng.choice(["f4", "f8"]))
    if rng.random() < 0.3:
        y = (y > 0).astype(rng.choice(["i8", "f4", "?"])).reshape(rng.choice([(n,), (n, 1)]))
    x, y = laid_out(rng, x), laid_out(rng, y)
    if rng.random() < 0.15:
        x = array(rng, rng.choice([None, (n, 3)]))
    if rng.random() < 0.15:
        y = array(rng, rng.choice([None, (n, 1)]))
    return x, y


def for_argument(rng, name, default):
    """Return a value for an argument by its name: mostly a right one."""
    choice = rng.random()
    right = [*RIGHT.get(name, ()), *([NEEDED[name]] if name in NEEDED else ()),
             *OTHERS.get(name, ())]  # fmt: skip
    if choice < 0.7 and right:
        return rng.choice(right)
    if choice < 0.8 and isinstance(default, (bool, int, float)):
        return default + rng.choice([0, 1, -1, 0.5])
    return anything(rng)
