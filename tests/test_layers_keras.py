"""The layers beside Keras: outputs, gradients, weights and their names."""

import os

import numpy as np
import pytest
from layer_examples import CASES, RANDOM, inputs, made, randomise

os.environ.setdefault("KERAS_BACKEND", "jax")
keras = pytest.importorskip("keras")

import jax  # noqa: E402

from fastgd import GradientTape, ops  # noqa: E402

# Keras and JAX warn of each other's old names.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

SAME = [case for case in CASES if case[0] not in RANDOM]


@pytest.mark.parametrize(
    ("name", "arguments", "shapes"), SAME, ids=[f"{c[0]}-{c[1]}-{c[2]}" for c in SAME]
)
@pytest.mark.parametrize("training", [False, True])
def test_the_same_outputs_and_gradients(name, arguments, shapes, training):
    if not hasattr(keras.layers, name):
        pytest.skip("Keras has none")
    x = inputs(name, arguments, shapes, dtype="float32")
    ours, theirs = (
        made(name, arguments, "float32"),
        made(name, arguments, "float32", keras.layers),
    )
    ours(x)
    theirs(x)
    weights = randomise(ours)
    assert [w.name.split("/")[-1] for w in ours.weights] == [w.name for w in theirs.weights]
    theirs.set_weights(weights)
    if name == "Normalization":
        theirs.finalize_state()
    assert len(ours.trainable_variables) == len(theirs.trainable_variables)
    takes_training = name == "BatchNormalization"
    trainable = [v.value for v in theirs.trainable_variables]
    rest = [v.value for v in theirs.non_trainable_variables]
    kwargs = {"training": training} if takes_training else {}

    def loss(values):
        y, state = theirs.stateless_call(values, rest, x, **kwargs)
        return (y * y).sum(), (y, state)

    (_, (expected, state)), slopes = jax.value_and_grad(loss, has_aux=True)(trainable)
    with GradientTape() as tape:
        y = ours(x, training=training)
        total = ops.sum(y * y)
    np.testing.assert_allclose(np.asarray(y), expected, rtol=2e-5, atol=2e-6)
    gradients = tape.gradient(total, ours.trainable_variables) if trainable else []
    for a, b in zip(gradients, slopes, strict=True):
        np.testing.assert_allclose(np.asarray(a), b, rtol=2e-4, atol=2e-4)
    for a, b in zip(ours.non_trainable_variables, state, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-6, atol=2e-6)
    assert ours.output_shape == (None, *expected.shape[1:])
    if arguments.get("activation") != "glu":  # whose shape Keras takes for that of its inputs
        assert ours.output_shape == theirs.compute_output_shape(
            [(None, *s) for s in shapes] if ours.several_inputs else (None, *shapes[0])
        )
