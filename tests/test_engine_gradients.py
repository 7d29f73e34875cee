"""Gradients against differences of the losses and outputs themselves, in float64."""

import numpy as np
import pytest
from engines import (
    LINEAR,
    LOSSES,
    OUTPUT,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    Net,
    distance,
    each_build,
    each_dtype,
    each_engine,
    figures,
    flat,
    room_behind,
)

from fastgd._core.formulas import Loss
from fastgd._core.types import Status

KINDS = [LINEAR, RELU, SIGMOID, TANH, SOFTMAX]


def differences(f, at, h=1e-4):
    """The gradient of f at a vector, by central differences of fourth order."""
    found = np.empty(len(at))
    for i, kept in enumerate(at):
        values = []
        for k in (-2, -1, 1, 2):
            at[i] = kept + k * h
            values.append(f())
        at[i] = kept
        found[i] = (values[0] - 8 * values[1] + 8 * values[2] - values[3]) / (12 * h)
    return found


def check_loss(build, net, n=6, soft=False):
    x, y = net.data(n)
    if soft:  # targets that are not one-hot, and whose rows do not sum to 1
        y = np.random.default_rng(5).uniform(0.1, 0.9, y.shape)
    run = net.run(build)

    def mean_loss():
        totals = run.evaluate(x, y)
        return figures(totals)[0] / figures(totals)[-1]

    assert run.program.gradients(x, y, run.totals) == Status.STATUS_FINE
    expected = differences(mean_loss, run.parameters)
    assert np.linalg.norm(expected) > 1e-4
    assert distance(run.gradients, expected) < 1e-7
    assert np.isnan(room_behind(run.gradients)).all()


@each_engine
@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize("hidden", KINDS, ids=lambda a: a.name)
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_gradient_of_each_loss_behind_each_activation(build, loss, hidden, in_place):
    widths = [4, 5, 3, 3]
    net = Net(widths, [hidden, hidden, OUTPUT[loss]], loss, np.float64, in_place=in_place)
    check_loss(build, net)


@each_engine
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_gradient_of_targets_between(build, loss):
    if "SPARSE" in loss.name:
        pytest.skip("a label is whole")
    check_loss(build, Net([4, 5, 3], [TANH, OUTPUT[loss]], loss, np.float64), soft=True)


@each_engine
@pytest.mark.parametrize("output", KINDS, ids=lambda a: a.name)
@pytest.mark.parametrize(
    "loss", [Loss.LOSS_MEAN_SQUARED_ERROR, Loss.LOSS_MEAN_ABSOLUTE_ERROR], ids=lambda a: a.name
)
def test_gradient_through_each_output_activation(build, loss, output):
    check_loss(build, Net([4, 5, 3], [TANH, output], loss, np.float64))


@each_engine
@pytest.mark.parametrize(
    "loss",
    [Loss.LOSS_CATEGORICAL_CROSSENTROPY, Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY],
    ids=lambda a: a.name,
)
def test_gradient_of_probabilities_that_do_not_sum_to_1(build, loss):
    check_loss(build, Net([4, 5, 3], [TANH, SIGMOID], loss, np.float64))


@each_engine
@pytest.mark.parametrize("kind", KINDS, ids=lambda a: a.name)
@pytest.mark.parametrize("widths", [(4, 3, 5), (1, 1, 1), (17, 16, 9)])
def test_forward_and_backward(build, kind, widths):
    net = Net(widths, [kind, kind], Loss.LOSS_MEAN_SQUARED_ERROR, np.float64)
    run = net.run(build)
    x, weights = net.data(5)
    parameters = flat(net.start + 0.01, net.dtype)  # not the program's own
    out = np.empty((5, widths[-1]))
    kept = run.program.forward(parameters, x, out)
    gradients, d_x = flat(np.zeros_like(net.start), net.dtype), np.empty_like(x)
    run.program.backward(kept, weights, gradients, d_x)

    def value():
        out = np.empty((5, widths[-1]))
        run.program.forward(parameters, x, out)
        return (out * weights).sum()

    expected = differences(value, parameters)
    expected_x = differences(value, x.reshape(-1)).reshape(x.shape)
    # the softmax of one output is 1, and its gradient 0
    if not (kind == SOFTMAX and widths == (1, 1, 1)):
        assert np.linalg.norm(expected_x) > 1e-4
    np.testing.assert_allclose(
        gradients, expected, rtol=0, atol=1e-7 * max(np.linalg.norm(expected), 1e-4)
    )
    np.testing.assert_allclose(
        d_x, expected_x, rtol=0, atol=1e-7 * max(np.linalg.norm(expected_x), 1e-4)
    )
    without = flat(np.zeros_like(net.start), net.dtype)
    run.program.backward(kept, weights, without, None)
    np.testing.assert_array_equal(without, gradients)
    # the program's own vectors took no part
    np.testing.assert_array_equal(run.parameters, net.start)
    assert not run.gradients.any()


@each_build
@each_dtype
@pytest.mark.parametrize("n", [1, 3, 32, 200])
def test_backward_agrees_with_the_reference(build, dtype, n):
    net = Net([13, 33, 17, 6], [RELU, TANH, SOFTMAX], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    x, d_out = net.data(n)
    found = []
    for name in (build, "reference"):
        program = net.run(name).program
        out = np.empty((n, 6), dtype)
        kept = program.forward(flat(net.start, dtype), x, out)
        gradients, d_x = flat(np.zeros_like(net.start), dtype), np.empty_like(x)
        program.backward(kept, d_out, gradients, d_x)
        found.append((out, gradients, d_x))
    for a, b in zip(*found, strict=True):
        assert distance(a, b) < (2e-6 if dtype == np.float32 else 1e-14)
