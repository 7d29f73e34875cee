"""Gradients of the engine, of a tape and of a step, against central differences."""

import numpy as np
import pytest
from problems import CASES, central_differences, compiled, data, distance, flat

from fastgd import GradientTape, Sequential, layers, optimizers
from fastgd._core.types import PADDING


def random_hidden(seed):
    """Up to three layers of up to nine units."""
    rng = np.random.default_rng(seed)
    names = ["relu", "sigmoid", "tanh", "softmax", None]
    return [(int(rng.integers(1, 10)), names[rng.integers(5)]) for _ in range(rng.integers(4))]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("case", CASES)
def test_gradients_agree_with_central_differences(engine, case, seed):
    x, y = data(case, 12, "float64", seed)
    sgd = optimizers.SGD(learning_rate=1.0)
    model = compiled(case, "float64", sgd, hidden=random_hidden(seed))
    # biases of zero put a relu behind a dead layer exactly on its kink
    model.parameters[:] = np.random.default_rng(seed).normal(size=model.count_params()) / 2
    expected = central_differences(case, model, x, y)
    assert np.linalg.norm(expected) > 1e-3

    _, by_engine = model.value_and_grad(x, y)
    assert distance(flat(by_engine), expected) < 1e-7

    with GradientTape() as tape:
        loss = model.loss(y, model(x))
    by_tape = tape.gradient(loss, model.trainable_variables)
    assert distance(flat(by_tape), expected) < 1e-7

    before = np.array(model.parameters)
    model.train_on_batch(x, y)
    assert distance(before - model.parameters, expected) < 1e-7


@pytest.mark.parametrize("first", ["relu", "sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("second", ["relu", "sigmoid", "tanh", "softmax"])
@pytest.mark.parametrize("last", [False, True])
def test_gradients_of_two_activations_in_a_row(engine, first, second, last):
    x, y = data("mse", 6, "float64")
    model = Sequential(
        [layers.Input((3,)), layers.Dense(2, activation=first), layers.Activation(second)],
        dtype="float64",
    )
    if not last:
        model.add(layers.Dense(2))
    model.compile("sgd", "mse")
    _, gradients = model.value_and_grad(x, y)
    expected = []
    for variable in model.weights:
        for index in np.ndindex(variable.shape):
            values = []
            for h in (1e-5, -2e-5):
                variable[index] += h
                values.append(np.mean((model.predict(x) - y) ** 2))
            variable[index] += 1e-5
            expected.append((values[0] - values[1]) / 2e-5)
    assert distance(flat(gradients), expected) < 1e-7


def test_tape_differentiates_the_weights_that_were_there(engine):
    x, y = data("mse", 6, "float64")
    model = compiled("mse", "float64")
    _, expected = model.value_and_grad(x, y)
    with GradientTape() as tape:
        loss = model.loss(y, model(x))
    model.parameters[:] = 1
    found = tape.gradient(loss, model.weights)
    np.testing.assert_allclose(flat(found), flat(expected), rtol=1e-12)


def room_behind(array):
    """How many elements lie between the end of an array and that of its memory."""
    block = array
    while isinstance(block.base, np.ndarray):
        block = block.base
    ends = [a.ctypes.data + a.nbytes for a in (block, array)]
    return (ends[0] - ends[1]) // array.itemsize


def test_tape_gives_the_engine_arrays_with_room_behind_them(engine, monkeypatch):
    model = compiled("mse")
    step, rooms = model.compiled_step(), []
    program = step.program

    class Watched:
        def forward(self, parameters, *rest):
            rooms.append(room_behind(parameters))
            return program.forward(parameters, *rest)

        def backward(self, kept, d_out, gradients, d_x):
            rooms.extend(map(room_behind, (gradients, d_x)))
            program.backward(kept, d_out, gradients, d_x)

    monkeypatch.setattr(step, "program", Watched())
    with GradientTape() as tape:
        x = tape.watch(np.ones((2, 3), np.float32))
        out = model(x)
    tape.gradient(out, [x, *model.weights])
    assert len(rooms) == 3 and min(rooms) >= PADDING


def test_tape_gives_the_gradient_of_the_input(engine):
    x, _ = data("mse", 6, "float64")
    model = compiled("mse", "float64")
    with GradientTape() as tape:
        watched = tape.watch(x)
        out = model(watched)
    found = tape.gradient(out, watched)
    expected = np.empty_like(x)
    for column in range(3):
        step = np.zeros(3)
        step[column] = 1e-6
        rise = model.predict(x + step) - model.predict(x - step)
        expected[:, column] = rise.sum(axis=1) / 2e-6
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9)
