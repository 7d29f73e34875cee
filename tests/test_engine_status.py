"""Where training leaves the finite numbers: it stops, says so, and keeps what was finite."""

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    LINEAR,
    LOSSES,
    OPTIMIZERS,
    OUTPUT,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    Net,
    each_dtype,
    each_engine,
    engine,
    figures,
    flat,
    job_of,
    metrics_for,
    state,
    train_job,
)

from fastgd._core.formulas import Loss
from fastgd._core.types import Status


def huge(dtype):
    return np.sqrt(np.finfo(dtype).max)


def linear_net(dtype):
    loss = Loss.LOSS_MEAN_SQUARED_ERROR
    net = Net([3, 2], [None], loss, dtype, metrics=metrics_for(loss))
    return net, *net.data(50)


@each_engine
@each_dtype
def test_a_loss_that_is_not_finite_changes_nothing(build, dtype):
    net, x, y = linear_net(dtype)
    x[31] = 1000 * huge(dtype)  # in the batch of step 3
    run, before = net.run(build, "adam"), net.run(build, "adam")
    job = job_of(x, y, None, 0, 10, np.array([0.1]))
    step, status = train_job(run, job, 0, 5, FOR_EVER)
    assert (step, status) == (3, Status.STATUS_LOSS)
    before.train(x, y, 10, 3, rates=0.1, shuffle=False)
    np.testing.assert_array_equal(run.parameters, before.parameters)
    np.testing.assert_array_equal(run.state.slots, before.state.slots)
    np.testing.assert_array_equal(run.totals, before.totals)
    assert run.state.iterations[0] == 3
    assert figures(run.totals)[-1] == 30


@each_engine
@each_dtype
def test_gradients_reports_a_loss_that_is_not_finite(build, dtype):
    net, x, y = linear_net(dtype)
    run = net.run(build)
    assert run.program.gradients(x, y, run.totals) == Status.STATUS_FINE
    assert figures(run.totals)[-1] == 50
    x[0] = 1000 * huge(dtype)
    kept = run.totals.copy()
    assert run.program.gradients(x, y, run.totals) == Status.STATUS_LOSS
    np.testing.assert_array_equal(run.totals, kept)


@each_engine
@each_dtype
def test_a_gradient_that_is_not_finite_changes_nothing(build, dtype):
    net, x, y = linear_net(dtype)
    # where the weights are 0 the loss is y^2, finite, and the slope y x, which is not
    net.start[:] = 0
    x[25] = huge(dtype) * 8
    y[25] = huge(dtype) / 2
    run = net.run(build, "momentum")
    job = job_of(x, y, None, 0, 1, np.array([0.1]))
    step, status = train_job(run, job, 25, 50, FOR_EVER)
    assert (step, status) == (25, Status.STATUS_GRADIENT)
    np.testing.assert_array_equal(run.parameters, net.start)
    assert not run.state.slots.any()
    assert run.state.iterations[0] == 0


@each_engine
@each_dtype
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_weight_stays_where_its_update_would_overflow(build, dtype, optimizer):
    top = np.finfo(dtype).max
    w = flat([top, 1.0, -top, 2.0], dtype)
    g = flat([-1.0, 1.0, 1.0, 0.0], dtype)
    optimizer_state = state(optimizer, 4, dtype)
    status = engine(build).update(w, g, optimizer_state, float(top) / 4)
    assert status == Status.STATUS_UPDATE
    assert np.isfinite(w).all()
    np.testing.assert_array_equal(w[[0, 2, 3]], [top, -top, 2])
    assert w[1] < -float(top) / 8
    assert optimizer_state.iterations[0] == 1


@each_engine
@each_dtype
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_update_refuses_a_gradient_that_is_not_finite(build, dtype, bad, optimizer):
    n = 37
    for place in (0, 15, 16, 31, 32, 36):
        w = flat(np.ones(n), dtype)
        g = flat(np.ones(n), dtype)
        g[place] = bad
        optimizer_state = state(optimizer, n, dtype)
        assert engine(build).update(w, g, optimizer_state, 0.1) == Status.STATUS_GRADIENT
        assert (w == 1).all()
        assert not optimizer_state.slots.any()
        assert optimizer_state.iterations[0] == 0


@each_engine
@each_dtype
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("hidden", [LINEAR, RELU, SIGMOID, TANH, SOFTMAX], ids=lambda a: a.name)
def test_no_layer_hides_a_nan(build, dtype, loss, hidden):
    net = Net([3, 5, 2], [hidden, OUTPUT[loss]], loss, dtype)
    x, y = net.data(20)
    x[7, 1] = np.nan
    run = net.run(build)
    assert np.isnan(run.predict(x)[7]).all()
    assert np.isnan(figures(run.evaluate(x, y))[0])
    assert run.train(x, y, 20, 1) == (0, Status.STATUS_LOSS)
    np.testing.assert_array_equal(run.parameters, net.start)


@each_engine
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_weights_stay_finite_whatever_the_rate(build, loss, optimizer):
    net = Net([3, 8, 2], [RELU, OUTPUT[loss]], loss, np.float32)
    x, y = net.data(64)
    for rate in (1e3, 1e20, 1e38):
        run = net.run(build, optimizer)
        for epoch in range(5):
            _, status = run.train(x, y, 8, 8, rates=rate, first_epoch=epoch)
            assert np.isfinite(run.parameters).all()
            if status != Status.STATUS_FINE:
                break
