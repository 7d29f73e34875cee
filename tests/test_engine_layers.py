"""Each operation of the layer table: the builds against the reference, gradients against
differences, and bits against themselves in other company."""

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    distance,
    each_build,
    each_dtype,
    each_engine,
    figures,
    flat,
    job_of,
    train_job,
)
from layer_nets import LAYERS, LayerNet, is_random, looks_across_rows
from test_engine_gradients import differences

from fastgd._core.types import Op, Status

#: Operations that other tests are about.
ELSEWHERE = {Op.OP_DENSE, Op.OP_ACTIVATION, Op.OP_COPY, Op.OP_MERGE}

each_layer = pytest.mark.parametrize("name", LAYERS)
WIDTHS = (1, 2, 3, 17, 33, 64, 100)
KEY = 12345


def takes_moments_of_few(name, width, n):
    """Whether two or three values are normalised by their own moments."""
    if looks_across_rows(name):
        return n <= 3
    return "layer norm" in name and (width <= 3 or "groups" in name)


def passed(net, build, x, d_out, training):
    """Outputs, gradients and parameters after a pass forward and back."""
    run = net.run(build)
    out = np.empty((len(x), net.outputs), net.dtype)
    kept = run.program.forward(flat(net.start, net.dtype), x, out, training, KEY)
    gradients, d_x = flat(np.zeros_like(net.start), net.dtype), np.empty_like(x)
    run.program.backward(kept, d_out, gradients, d_x)
    return out, gradients, d_x, run.parameters


@each_build
@each_dtype
@each_layer
@pytest.mark.parametrize("width", WIDTHS)
def test_a_pass_agrees_with_the_reference(build, dtype, name, width):
    net = LayerNet(name, 5, width, dtype, seed=width)
    for n in (1, 2, 7, 300):
        x, d_out = net.data(n)
        for training in (False, True):
            found = passed(net, build, x, d_out, training)
            expected = passed(net, "reference", x, d_out, training)
            tolerance = 2e-6 if dtype == np.float32 else 1e-14
            if takes_moments_of_few(name, width, n):
                # their differences may be small: up to 1 / sqrt(epsilon) times the rounding
                tolerance *= 32
            for a, b in zip(found, expected, strict=True):
                if distance(a, b) >= tolerance:
                    # where the true gradient is 0, nothing but rounding is left of it
                    scale = np.linalg.norm(np.asarray(d_out, np.float64))
                    assert np.linalg.norm(a - b) < tolerance * scale, (n, training)
            assert np.isfinite(found[1]).all()


@each_build
@each_dtype
@each_layer
def test_training_agrees_with_the_reference(build, dtype, name):
    net = LayerNet(name, 5, 17, dtype)
    x, y = net.data(67)
    run, expected = net.run(build, "adam"), net.run("reference", "adam")
    for each in (run, expected):
        _, status = each.train(x, y, 16, 40, rates=0.002)
        assert status == Status.STATUS_FINE
    tolerance = 2e-5 if dtype == np.float32 else 1e-12
    assert distance(run.parameters, expected.parameters) < tolerance
    assert distance(run.totals, expected.totals) < tolerance
    assert distance(run.parameters, net.start) > 1e-4


@each_engine
@each_layer
@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_gradients_are_those_of_differences(build, name, shared, training):
    net = LayerNet(name, 3, 6, np.float64, shared=shared)
    run = net.run(build)
    x, weights = net.data(5)
    parameters = flat(net.start, net.dtype)

    def value():
        out = np.empty((len(x), net.outputs))
        run.program.forward(parameters, x, out, training, KEY)
        return (out * weights).sum()

    out = np.empty((len(x), net.outputs))
    kept = run.program.forward(parameters, x, out, training, KEY)
    gradients, d_x = flat(np.zeros_like(net.start), net.dtype), np.empty_like(x)
    run.program.backward(kept, weights, gradients, d_x)
    expected = differences(value, parameters)
    for row in net.plan.rows:  # moving moments have an influence, but no gradient
        if row["state"] >= 0:
            count = int(net.plan.widths[row["target"]]) * 2
            last = min(row["state"] + count, len(expected))
            sure = gradients[row["state"] : last] == 0
            expected[row["state"] : last][sure] = 0
    size = np.linalg.norm(expected)
    assert size > 1e-2
    np.testing.assert_allclose(gradients, expected, rtol=0, atol=1e-7 * size)
    if not net.ids:
        expected_x = differences(value, x.reshape(-1)).reshape(x.shape)
        np.testing.assert_allclose(d_x, expected_x, rtol=0, atol=1e-7 * size)


@each_build
@each_dtype
@each_layer
@pytest.mark.parametrize("batch_size", [40, 300])
def test_threads_change_no_bit(build, dtype, name, batch_size):
    net = LayerNet(name, 5, 33, dtype)
    x, y = net.data(600)
    runs = [net.run(build, "adam", threads=threads) for threads in (1, 2, 3)]
    for run in runs:
        _, status = run.train(x, y, batch_size, 5)
        assert status == Status.STATUS_FINE
    for run in runs[1:]:
        np.testing.assert_array_equal(run.parameters, runs[0].parameters)
        np.testing.assert_array_equal(run.totals, runs[0].totals)
        np.testing.assert_array_equal(run.predict(x), runs[0].predict(x))


@each_build
@each_dtype
@each_layer
def test_a_row_has_the_same_bits_in_any_batch(build, dtype, name):
    net = LayerNet(name, 5, 33, dtype)
    x, _ = net.data(130)
    run = net.run(build)
    together = run.predict(x)
    for i in range(len(x)):
        np.testing.assert_array_equal(run.predict(x[i : i + 1])[0], together[i])


@each_build
@each_layer
def test_a_span_in_pieces_has_the_bits_of_one_call(build, name):
    net = LayerNet(name, 5, 17, np.float32)
    x, y = net.data(100)
    whole, pieces = net.run(build, "adam"), net.run(build, "adam")
    whole.train(x, y, 8, 13)
    order = np.empty(len(x), np.int64)
    job = job_of(x, y, order, 0x9E3779B97F4A7C15, 8, np.array([0.01]))
    for first, last in ((0, 1), (1, 6), (6, 13)):
        train_job(pieces, job, first, last, FOR_EVER)
    np.testing.assert_array_equal(whole.parameters, pieces.parameters)
    np.testing.assert_array_equal(whole.totals, pieces.totals)


@each_engine
@each_layer
def test_noise_is_drawn_in_training_only(build, name):
    if not is_random(name):
        pytest.skip("draws nothing")
    net = LayerNet(name, 5, 17, np.float64)
    x, y = net.data(20)
    run = net.run(build)
    np.testing.assert_array_equal(run.evaluate(x, y), run.evaluate(x, y))
    outs = [np.empty((20, 2)) for _ in range(4)]
    for out, (training, key) in zip(
        outs, [(False, 1), (False, 2), (True, 1), (True, 2)], strict=True
    ):
        run.program.forward(run.parameters, x, out, training, key)
    np.testing.assert_array_equal(outs[0], outs[1])
    assert distance(outs[0], outs[2]) > 1e-3
    assert distance(outs[2], outs[3]) > 1e-3


@each_engine
def test_a_loss_that_is_not_finite_moves_no_moment(build):
    net = LayerNet("batch norm", 5, 8, np.float64)
    x, y = net.data(64)
    y[40] = 1e300
    run = net.run(build)
    step, status = run.train(x, y, 8, 8, shuffle=False, rates=1e-9)
    assert (step, status) == (5, Status.STATUS_LOSS)
    short = net.run(build)
    short.train(x[:40], y[:40], 8, 5, shuffle=False, rates=1e-9)
    np.testing.assert_array_equal(run.parameters, short.parameters)
    assert figures(run.totals)[-1] == 40


def test_every_operation_is_tried():
    nets = [LayerNet(name, 7, 8, "float32") for name in LAYERS]
    assert {int(op) for net in nets for op in net.plan.rows["op"]} | ELSEWHERE == {*Op}
