"""Layers of several inputs, and those that only change a shape, against NumPy."""

import numpy as np
import pytest

from fastgd import Sequential, layers
from fastgd.errors import ArgumentError, DataTypeError, ShapeError

rng = np.random.default_rng(0)
A, B, C = (rng.normal(size=(6, 4)) for _ in range(3))
WIDE, TALL = rng.normal(size=(6, 2, 3)), rng.normal(size=(6, 3, 4))


def cosine(a, b):
    return (
        (a * b).sum(-1, keepdims=True)
        / np.linalg.norm(a, axis=-1, keepdims=True)
        / (np.linalg.norm(b, axis=-1, keepdims=True))
    )


@pytest.mark.parametrize(
    ("layer", "inputs", "expected"),
    [
        (layers.Add, [A, B, C], A + B + C),
        (layers.Subtract, [A, B], A - B),
        (layers.Multiply, [A, B, C], A * B * C),
        (layers.Average, [A, B, C], (A + B + C) / 3),
        (layers.Maximum, [A, B, C], np.maximum(np.maximum(A, B), C)),
        (layers.Minimum, [A, B], np.minimum(A, B)),
        (layers.Add, [A, A[:, :1]], A + A[:, :1]),
        (layers.Subtract, [A[:, :1], B], A[:, :1] - B),
        (layers.Multiply, [WIDE, WIDE[:, :1]], WIDE * WIDE[:, :1]),
        (layers.Add, [WIDE[:, :, :1], WIDE[:, :1]], WIDE[:, :, :1] + WIDE[:, :1]),
        (layers.Add, [WIDE, WIDE[:, 0]], WIDE + WIDE[:, :1]),
        (layers.Add, [A], A),
        (layers.Concatenate, [A, B[:, :1], C], np.concatenate([A, B[:, :1], C], 1)),
        (layers.Concatenate, [WIDE, WIDE[..., :1]], np.concatenate([WIDE, WIDE[..., :1]], 2)),
    ],
)
def test_the_formula(engine, layer, inputs, expected):
    np.testing.assert_allclose(layer(dtype="float64")(inputs), expected, rtol=1e-14)
    function = getattr(layers, layer.__name__.lower())
    np.testing.assert_allclose(function(inputs, dtype="float64"), expected, rtol=1e-14)


@pytest.mark.parametrize(
    ("arguments", "inputs", "expected"),
    [
        ({"axes": 1}, [A, B], (A * B).sum(1, keepdims=True)),
        ({"axes": -1, "normalize": True}, [A, B], cosine(A, B)),
        ({"axes": (2, 1)}, [WIDE, TALL], WIDE @ TALL),
        ({"axes": (1, 1)}, [TALL, WIDE[:, 0]], np.einsum("nij,ni->nj", TALL, WIDE[:, 0])),
        ({"axes": 2}, [WIDE, WIDE], np.einsum("nij,nkj->nik", WIDE, WIDE)),
        ({"axes": 1}, [TALL, WIDE[:, 0, :, None]],
         np.einsum("nij,nik->njk", TALL, WIDE[:, 0, :, None])),
    ],
)  # fmt: skip
def test_inner_products(engine, arguments, inputs, expected):
    found = layers.Dot(**arguments, dtype="float64")(inputs)
    np.testing.assert_allclose(found, expected, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(layers.dot(inputs, **arguments, dtype="float64"), found)


def test_shapes_only(engine):
    np.testing.assert_array_equal(layers.Flatten(dtype="float64")(WIDE), WIDE.reshape(6, 6))
    np.testing.assert_array_equal(
        layers.Reshape((3, -1), dtype="float64")(WIDE), WIDE.reshape(6, 3, 2)
    )
    np.testing.assert_array_equal(layers.Identity(dtype="float64")(WIDE), WIDE)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: layers.Add()([A, WIDE]), ShapeError, "cannot broadcast"),
        (lambda: layers.Add()(A), ShapeError, "list"),
        (lambda: Sequential([layers.Input(shape=(3,)), layers.Add()]), ShapeError, "a list"),
        (lambda: layers.Subtract()([A, B, C]), ShapeError, "expects 2 inputs, got 3"),
        (lambda: layers.Dot(1)([A]), ShapeError, "expects 2 inputs, got 1"),
        (lambda: layers.Dot(1)([A, A[:, :2]]), ShapeError, "of one size, got 4 and 2"),
        (lambda: layers.Dot(0)([A, B]), ArgumentError, "axis"),
        (lambda: layers.Dot("last"), DataTypeError, "axes"),
        (lambda: layers.Concatenate(axis=0), ArgumentError, "axis"),
        (lambda: layers.Concatenate()([WIDE, TALL]), ShapeError, "differ along axis -1 only"),
        (lambda: layers.Reshape((5,))(A), ShapeError, "cannot make"),
        (lambda: layers.Reshape((-1, -1)), ShapeError, "target_shape"),
        (lambda: layers.Reshape(()), ShapeError, "target_shape"),
        (lambda: layers.Flatten("channels_first"), ArgumentError, "data_format"),
    ],
)
def test_what_is_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()
