"""Training, evaluation and prediction: each build against the reference, and against itself cut
into pieces."""

import functools
import itertools

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    LINEAR,
    LOSSES,
    OPTIMIZERS,
    OUTPUT,
    POINT_METRICS,
    RELU,
    SIGMOID,
    SOFTMAX,
    TANH,
    Net,
    covering,
    distance,
    each_build,
    each_dtype,
    each_engine,
    figures,
    job_of,
    metrics_for,
    train_job,
)

from fastgd import metrics
from fastgd._core.formulas import Loss
from fastgd._core.types import Status

ROWS = 67

CASES = covering(
    {
        "hidden": [(1,), (2,), (3,), (5,), (8,), (15,), (16,), (17,), (31,), (33,), (64,),
                   (100,), (257,), (17, 33), (5, 5, 5)],
        "batch_size": [1, 2, 7, 31, 32, 33, ROWS, ROWS + 1],
        "loss": LOSSES,
        "optimizer": list(OPTIMIZERS),
        "activation": [None, LINEAR, RELU, SIGMOID, TANH, SOFTMAX],
        "inputs": [1, 3, 10, 16, 33],
        "outputs": [1, 2, 3, 17],
        "shuffle": [True, False],
        "metrics": [True, False],
        "in_place": [True, False],
        "biases": [True, False],
        "dtype": [np.float32, np.float64],
    }
)  # fmt: skip


def trained(build, k):
    """Case k after 200 steps on one engine."""
    case = CASES[k]
    loss = case["loss"]
    net = Net(
        [case["inputs"], *case["hidden"], case["outputs"]],
        [case["activation"]] * len(case["hidden"]) + [OUTPUT[loss]],
        loss,
        case["dtype"],
        metrics=metrics_for(loss) if case["metrics"] else (),
        in_place=case["in_place"],
        biases=case["biases"],
        seed=k,
    )
    x, y = net.data(ROWS, seed=k)
    run = net.run(build, case["optimizer"])
    _, status = run.train(x, y, case["batch_size"], 200, rates=0.002, shuffle=case["shuffle"])
    assert status == Status.STATUS_FINE
    assert run.state.iterations[0] == 200
    return run


trained_reference = functools.cache(functools.partial(trained, "reference"))


@each_build
@pytest.mark.parametrize("k", range(len(CASES)))
def test_200_steps_agree_with_the_reference(build, k):
    case = CASES[k]
    run, expected = trained(build, k), trained_reference(k)
    tolerance = 1e-12
    if case["dtype"] == np.float32:
        # where a rounding turns the sign of p - y, one step differs by the whole gradient
        tolerance = 1e-4 if case["loss"] == Loss.LOSS_MEAN_ABSOLUTE_ERROR else 1e-5
    assert distance(run.parameters, expected.parameters) < tolerance
    # the probability of a single class is 1 anyway, and its gradient nothing but rounding
    one_class = case["outputs"] == 1 and "CATEGORICAL" in case["loss"].name
    # near a minimum the gradients are small differences, and so are the slots made of them
    slots_tolerance = 1e-4 if case["dtype"] == np.float32 else 1e-9
    assert one_class or distance(run.state.slots, expected.state.slots) < slots_tolerance
    for total, expected_total, name in zip(
        figures(run.totals),
        figures(expected.totals),
        ["loss", *run.net.metric_names, "rows"],
        strict=True,
    ):
        # a prediction on the border may fall to either side
        flips = 2 if "accuracy" in name else 0
        assert abs(total - expected_total) <= tolerance * abs(expected_total) + flips, name
    assert (distance(run.parameters, run.net.start) > 1e-3) != one_class  # it did move


def small_net(dtype, loss=Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS):
    net = Net(
        [10, 17, 33, 5], [TANH, RELU, OUTPUT[loss]], loss, dtype, metrics=metrics_for(loss)
    )
    return net, *net.data(300)


@each_build
@each_dtype
@pytest.mark.parametrize("shuffle", [True, False])
def test_a_span_in_pieces_has_the_bits_of_one_call(build, dtype, shuffle):
    net, x, y = small_net(dtype)
    rates = np.linspace(0.02, 0.001, 43)  # one a step: 43 steps of 7 rows
    runs = []
    for cuts in ([0, 43], [0, 1, 2, 19, 42, 43], list(range(44))):
        run = net.run(build, "adam")
        order = np.empty(len(x), np.int64) if shuffle else None
        job = job_of(x, y, order, 5, 7, rates)
        for first, last in itertools.pairwise(cuts):
            step, status = train_job(run, job, first, last, FOR_EVER)
            assert (step, status) == (last, Status.STATUS_FINE)
        runs.append(run)
    for run in runs[1:]:
        np.testing.assert_array_equal(run.parameters, runs[0].parameters, strict=True)
        np.testing.assert_array_equal(run.totals, runs[0].totals, strict=True)
        np.testing.assert_array_equal(run.state.slots, runs[0].state.slots, strict=True)


@each_engine
def test_the_rate_of_a_step_is_its_own(build):
    net, x, y = small_net(np.float64)
    one, many, other = (net.run(build) for _ in range(3))
    one.train(x, y, 100, 3, rates=0.1)
    many.train(x, y, 100, 3, rates=[0.1, 0.1, 0.1])
    other.train(x, y, 100, 3, rates=[0.1, 0.1, 0.05])
    np.testing.assert_array_equal(one.parameters, many.parameters)
    assert distance(one.parameters, other.parameters) > 1e-6


@each_engine
@each_dtype
def test_out_of_time_it_stops_and_can_go_on(build, dtype):
    net = Net([20, 200, 200, 1], [RELU, RELU, None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    x, y = net.data(2000)
    whole = net.run(build, "momentum")
    whole.train(x, y, 40, 50)
    run = net.run(build, "momentum")
    order = np.empty(len(x), np.int64)
    job = job_of(x, y, order, 0x9E3779B97F4A7C15, 40, np.array([0.01]))
    step, calls = 0, 0
    while step < 50:
        before = step
        step, status = train_job(run, job, step, 50, 0.0)
        assert status == Status.STATUS_FINE
        assert step > before
        calls += 1
    assert calls > 10
    assert run.state.iterations[0] == 50
    np.testing.assert_array_equal(run.parameters, whole.parameters)
    np.testing.assert_array_equal(run.totals, whole.totals)


@each_engine
def test_evaluate_and_predict_stop_and_go_on(build):
    net, _, _ = small_net(np.float32)
    x, y = net.data(10_000)
    run = net.run(build)
    totals = net.totals()
    out = np.full((len(x), net.outputs), np.nan, np.float32)
    rows = []
    row = 0
    while row < len(x):
        row = run.program.evaluate(x, y, row, totals, 0.0)
        rows.append(row)
    assert len(rows) > 1
    np.testing.assert_array_equal(totals, run.evaluate(x, y))
    row = first = run.program.predict(x, out, 0, 0.0)
    assert 0 < first < len(x)
    assert np.isnan(out[first:]).all()
    while row < len(x):
        row = run.program.predict(x, out, row, 0.0)
    np.testing.assert_array_equal(out, run.predict(x))


@each_build
@each_dtype
def test_a_row_has_the_same_bits_in_any_batch(build, dtype):
    net, _, _ = small_net(dtype)
    x, _ = net.data(261)
    together = net.run(build).predict(x)
    assert len(np.unique(together)) > 1000
    alone = net.run(build)
    for i in range(len(x)):
        np.testing.assert_array_equal(alone.predict(x[i : i + 1])[0], together[i])
    for size in (2, 5, 7, 11, 12, 13, 130):
        np.testing.assert_array_equal(alone.predict(x[:size]), together[:size])


@each_build
@each_dtype
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_evaluate_does_not_depend_on_its_blocks(build, dtype, loss):
    net, x, y = small_net(dtype, loss)
    small, large = net.run(build), net.run(build)
    # a program takes blocks as large as the largest batch it has seen
    large.train(x, y, len(x), 1, rates=0.0)
    np.testing.assert_array_equal(small.evaluate(x, y), large.evaluate(x, y))
    totals = net.totals()
    for first in range(0, len(x), 9):
        small.program.evaluate(x[first : first + 9], y[first : first + 9], 0, totals, FOR_EVER)
    np.testing.assert_array_equal(totals, small.evaluate(x, y))


@each_build
@each_dtype
@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
def test_evaluate_agrees_with_the_reference(build, dtype, loss):
    net, x, y = small_net(dtype, loss)
    totals, expected = net.run(build).evaluate(x, y), net.run("reference").evaluate(x, y)
    np.testing.assert_allclose(totals, expected, rtol=1e-6 if dtype == np.float32 else 1e-14)
    assert expected[-1] == len(x)


@each_engine
@each_dtype
def test_metrics_by_hand(build, dtype):
    # an identity network: the predictions are x
    chosen = (*POINT_METRICS, metrics.CategoricalAccuracy())
    net = Net([2, 2], [None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype, metrics=chosen)
    net.start[:] = [1, 0, 0, 1, 0, 0]
    x = np.array([[0.5, 0.75], [1, -1], [0.25, 0.25]], dtype)
    y = np.array([[0, 1], [1, 1], [0, 1]], dtype)
    # squared: (1/4 + 1/16)/2, 4/2, (1/16 + 9/16)/2; absolute: 3/8, 1, 1/2; on the right side of
    # a half: 2 of 2 (a half is below), 1 of 2, 1 of 2; argmax: yes, yes (a tie goes to the
    # first), no (the same)
    totals = net.run(build).evaluate(x, y)
    np.testing.assert_array_equal(figures(totals), [2.46875, 2.46875, 1.875, 2.0, 2.0, 3.0])


@each_engine
def test_a_label_is_compared_with_the_largest_output(build):
    loss = Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS
    net = Net([3, 3], [SOFTMAX], loss, np.float64, metrics=metrics_for(loss))
    net.start[:] = [1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0]
    x = np.array([[3.0, 1, 2], [0, 0, 5], [1, 7, 7], [2, 2, 1]])
    y = np.array([[0.0], [2], [1], [1]])
    log_sums = [np.log(np.sum(np.exp(row))) for row in x]
    by_hand = sum(log_sums) - (3 + 5 + 7 + 2)
    totals = net.run(build).evaluate(x, y)
    np.testing.assert_allclose(figures(totals), [by_hand, 3, 4], rtol=1e-14)


@each_engine
def test_one_program_serves_batches_of_any_size_in_turn(build):
    net, x, y = small_net(np.float64)
    fresh = net.run(build)
    used = net.run(build)
    for n in (300, 1, 64, 129):
        used.program.gradients(x[:n], y[:n], net.totals())
        fresh = net.run(build)
        fresh.program.gradients(x[:n], y[:n], net.totals())
        np.testing.assert_array_equal(used.gradients, fresh.gradients)


@each_engine
def test_nothing_to_do(build):
    net, x, y = small_net(np.float32)
    run = net.run(build)
    assert run.predict(x[:0]).shape == (0, 5)
    np.testing.assert_array_equal(run.evaluate(x[:0], y[:0]), net.totals())
    job = job_of(x, y, None, 0, 32, np.array([0.1]))
    step, status = train_job(run, job, 3, 3, FOR_EVER)
    assert (step, status) == (3, Status.STATUS_FINE)
    np.testing.assert_array_equal(run.parameters, net.start)
