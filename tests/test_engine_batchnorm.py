"""Batch normalisation by hand: the moments of a batch, those that last, and extremes."""

import numpy as np
import pytest
from engines import distance, each_dtype, each_engine, flat
from layer_nets import LAYERS, LayerNet, batch_norm

from fastgd._core.types import Moments, Status


@pytest.fixture
def layer(monkeypatch):
    """A network whose first rows are a dense layer and a batch normalisation."""

    def made(dtype=np.float64, kind=Moments.MOMENTS_BATCH, **kwargs):
        monkeypatch.setitem(LAYERS, "this", batch_norm(kind, **kwargs))
        return LayerNet("this", 3, 4, dtype, twice=False)

    return made


def parts(net, parameters):
    """gamma, beta, moving mean, moving variance, four columns each."""
    row = net.plan.rows[1]
    starts = row["kernel"], row["bias"], row["state"], row["state"] + 4
    return [parameters[start : start + 4] for start in starts]


def hidden(net, x):
    """What the normalisation reads."""
    kernel, bias = net.start[:12].reshape(3, 4), net.start[12:16]
    return np.tanh(x @ kernel + bias)


def result(net, h, mean, variance, epsilon=1e-3):
    gamma, beta, _, _ = parts(net, net.start)
    row = net.plan.rows[2]
    kernel = net.start[row["kernel"] :][:8].reshape(4, 2)
    n = (h - mean) / np.sqrt(variance + epsilon) * gamma + beta
    return n @ kernel + net.start[row["bias"] :][:2]


@each_engine
def test_the_formula(build, layer):
    net = layer()
    x, _ = net.data(9)
    h = hidden(net, x)
    for training in (False, True):
        run = net.run(build)
        out = np.empty((9, 2))
        run.program.forward(flat(net.start, net.dtype), x, out, training, 0)
        _, _, mean, variance = parts(net, net.start)
        if training:
            mean, variance = h.mean(axis=0), h.var(axis=0)
        np.testing.assert_allclose(out, result(net, h, mean, variance), rtol=1e-12)
        found = parts(net, run.parameters)[2:]
        if training:
            before = parts(net, net.start)[2:]
            moved = [0.9 * b + 0.1 * m for b, m in zip(before, (mean, variance), strict=True)]
            np.testing.assert_allclose(found, moved, rtol=1e-12)
        else:
            np.testing.assert_array_equal(found, parts(net, net.start)[2:])


@each_engine
def test_the_lasting_moments_move_once_a_step(build, layer):
    net = layer()
    x, y = net.data(24)
    run = net.run(build)
    run.train(x, y, 8, 3, shuffle=False, rates=0.0)
    mean, variance = parts(net, net.start)[2:]
    for k in range(3):
        h = hidden(net, x[8 * k : 8 * k + 8])
        mean, variance = 0.9 * mean + 0.1 * h.mean(axis=0), 0.9 * variance + 0.1 * h.var(axis=0)
    np.testing.assert_allclose(parts(net, run.parameters)[2:], [mean, variance], rtol=1e-12)


@each_engine
def test_frozen_it_normalises_by_the_lasting_moments(build, layer):
    net = layer(kind=Moments.MOMENTS_MOVING)
    x, y = net.data(24)
    run = net.run(build)
    out = np.empty((24, 2))
    run.program.forward(flat(net.start, net.dtype), x, out, True, 0)
    _, _, mean, variance = parts(net, net.start)
    np.testing.assert_allclose(out, result(net, hidden(net, x), mean, variance), rtol=1e-12)
    run.train(x, y, 8, 3)
    np.testing.assert_array_equal(parts(net, run.parameters)[2:], [mean, variance])


@each_engine
@each_dtype
def test_one_row_and_equal_rows_give_the_bias(build, dtype, layer):
    net = layer(dtype)
    for n in (1, 50):
        x = np.repeat(net.data(1)[0], n, axis=0)
        run = net.run(build)
        out = np.empty((n, 2), dtype)
        kept = run.program.forward(flat(net.start, dtype), x, out, True, 0)
        expected = result(net, np.zeros((n, 4)), 0, 0)
        assert distance(out, expected) < (1e-5 if dtype == np.float32 else 1e-13)
        gradients, d_x = flat(np.zeros_like(net.start), dtype), np.empty_like(x)
        run.program.backward(kept, np.ones_like(out), gradients, d_x)
        assert np.isfinite(gradients).all()
        # what comes before has no say
        assert abs(d_x).max() < (1e-4 if dtype == np.float32 else 1e-12)


@each_engine
def test_moments_of_large_numbers_close_together(build, layer):
    # E[x^2] - E[x]^2 would leave nothing of the variance
    net = layer()
    net.start[:12] = 0
    x, _ = net.data(64)
    run = net.run(build)
    net.start[12:16] = np.arctanh(0.5)
    net.start[:4] = 1e-9
    run = net.run(build)
    out = np.empty((64, 2))
    run.program.forward(flat(net.start, net.dtype), x, out, True, 0)
    h = hidden(net, x)
    before = parts(net, net.start)[3]
    variance = (parts(net, run.parameters)[3] - 0.9 * before) / 0.1
    # moved by 1e-19 of its value, that is not at all
    assert abs(variance - h.var(axis=0)).max() < 1e-14
    assert distance(out, result(net, h, h.mean(axis=0), h.var(axis=0))) < 1e-12


@each_engine
def test_moments_that_would_be_infinite_stay(build, layer):
    net = layer(np.float32)
    _, _, mean, variance = parts(net, net.start)
    mean[:] = [1, 2, 3, 4]
    variance[:] = 3.4e38
    x, y = net.data(8)
    run = net.run(build)
    run.program.forward(flat(net.start, net.dtype), x, np.empty((8, 2), np.float32), True, 0)
    assert np.isfinite(parts(net, run.parameters)[3]).all()
    step, status = run.train(x, y, 8, 1)
    assert (step, status) == (1, Status.STATUS_FINE)
