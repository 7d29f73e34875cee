"""Every layer: its shapes, its configuration, and each engine against the reference."""

import inspect

import numpy as np
import pytest
from layer_examples import CASES, EXAMPLES, RANDOM, inputs, made, randomise

import fastgd
from fastgd import GradientTape, config, layers, saving, utils

each_case = pytest.mark.parametrize(
    ("name", "arguments", "shapes"), CASES, ids=[f"{c[0]}-{c[1]}-{c[2]}" for c in CASES]
)


def test_every_layer_has_examples():
    classes = {
        name
        for name in layers.__all__
        if inspect.isclass(getattr(layers, name)) and name not in ("InputLayer", "Layer")
    }
    assert classes == set(EXAMPLES)


@each_case
def test_the_output_has_the_shape_that_is_promised(name, arguments, shapes):
    layer = made(name, arguments)
    batch = [(None, *shape) for shape in shapes]
    promised = layer.compute_output_shape(batch if layer.several_inputs else batch[0])
    for training in (False, True):
        y = layer(inputs(name, arguments, shapes), training=training)
        assert y.shape == (7, *promised[1:])
    assert layer.output_shape == promised
    tensors = [layers.Input(shape=shape) for shape in shapes]
    again = made(name, arguments)
    assert again(tensors if layer.several_inputs else tensors[0]).shape == promised


@each_case
def test_a_layer_is_made_again_from_its_configuration(name, arguments, shapes):
    layer = made(name, arguments)
    plain = saving.serialize_object(layer)
    again = saving.deserialize_object(plain)
    assert type(again) is type(layer)
    assert saving.serialize_object(again) == plain
    x = inputs(name, arguments, shapes)
    layer(x)
    again(x)
    again.set_weights(randomise(layer))
    np.testing.assert_array_equal(layer(x), again(x))


@each_case
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_each_engine_agrees_with_the_reference(engine, name, arguments, shapes, dtype):
    found = []
    for chosen in (engine, "reference"):
        config.set_engine(chosen)
        utils.set_random_seed(3)
        x = inputs(name, arguments, shapes, dtype=dtype)
        layer = made(name, arguments, dtype)
        layer(x)
        randomise(layer)
        for training in (False, True):
            utils.set_random_seed(4)
            with GradientTape() as tape:
                several = isinstance(x, list)
                watched = [fastgd.ops.convert_to_tensor(v) for v in (x if several else [x])]
                wants_x = name != "Embedding"  # whose numbers have no gradient
                for tensor in watched if wants_x else ():
                    tape.watch(tensor)
                y = layer(watched if several else watched[0], training=training)
                total = fastgd.ops.sum(y * y)
            weights = layer.trainable_variables
            gradients = tape.gradient(total, [*(watched if wants_x else ()), *weights])
            found.append([np.asarray(v) for v in (y, *gradients)])
    half = len(found) // 2
    pairs = [
        pair
        for ours, theirs in zip(found[:half], found[half:], strict=True)
        for pair in zip(ours, theirs, strict=True)
    ]
    for a, b in pairs:
        assert a.dtype == dtype
        size = max(1.0, np.abs(b).max())
        assert np.abs(a - b).max() <= (4e-6 if dtype == "float32" else 1e-13) * size


@each_case
def test_training_draws_anew_and_rest_does_not(name, arguments, shapes):
    layer = made(name, arguments)
    x = inputs(name, arguments, shapes, n=50)
    np.testing.assert_array_equal(layer(x), layer(x))
    first, second = layer(x, training=True), layer(x, training=True)
    assert (np.array_equal(first, second)) == (name not in RANDOM)
    if name in RANDOM:
        np.testing.assert_array_equal(layer(x), x)


@each_case
def test_a_frozen_layer_keeps_its_weights(name, arguments, shapes):
    x = inputs(name, arguments, shapes)
    layer = made(name, arguments | {"trainable": False})
    layer(x, training=True)
    assert layer.trainable_variables == []
    before = layer.get_weights()
    layer(x, training=True)
    for a, b in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@each_case
def test_no_rows_give_none(engine, name, arguments, shapes):
    for chosen in (engine, "reference"):
        config.set_engine(chosen)
        layer, x = made(name, arguments), inputs(name, arguments, shapes, n=0)
        several = isinstance(x, list)
        with GradientTape() as tape:
            watched = x if several else [x]
            if name != "Embedding":  # whose numbers have no gradient
                watched = [tape.watch(fastgd.ops.convert_to_tensor(v)) for v in watched]
            y = layer(watched if several else watched[0])
            total = fastgd.ops.sum(y)
        batch = [(None, *shape) for shape in shapes]
        promised = layer.compute_output_shape(batch if several else batch[0])
        assert y.shape == (0, *promised[1:])
        weights = layer.trainable_variables
        slopes = tape.gradient(total, weights if name == "Embedding" else [*watched, *weights])
        assert not any(np.any(slope) for slope in slopes)
        if name != "Embedding":
            assert [s.shape for s in slopes[: len(shapes)]] == [(0, *s) for s in shapes]
