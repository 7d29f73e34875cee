"""What the members of a team share while they work, and a batch that is taken in blocks.

A sanitizer of threads (``make sanitize-threads``) sees what these tests can only make likely.
"""

from dataclasses import replace

import numpy as np
import pytest
from engines import (
    FOR_EVER,
    LINEAR,
    Net,
    each_build,
    each_dtype,
    each_engine,
    engine,
    flat,
)
from layer_nets import LAYERS, LayerNet

from fastgd import Variable, optimizers
from fastgd._core import types
from fastgd._core.formulas import Loss, Metric
from fastgd._core.types import Op, Reduction, Status

MSE = Loss.LOSS_MEAN_SQUARED_ERROR
SPARSE = Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS


def trained(net, build, threads, x, y, batch_size, steps, optimizer="sgd"):
    run = net.run(build, optimizer, threads)
    assert run.train(x, y, batch_size, steps)[1] == Status.STATUS_FINE
    return run


def same_for_all_teams(net, build, x, y, batch_size, steps, threads=(2, 3)):
    expected = trained(net, build, 1, x, y, batch_size, steps)
    for size in threads:
        found = trained(net, build, size, x, y, batch_size, steps)
        assert found.parameters.tobytes() == expected.parameters.tobytes()
        assert found.totals.tobytes() == expected.totals.tobytes()


# ---------------------------------------------------------------- losses that count rows


def with_term(net, settings=(), weighted=False, **fields):
    """The net with other fields of its loss term, and the settings that this refers to."""
    losses = net.plan.losses.copy()
    for name, value in fields.items():
        losses[name] = value
    losses["settings"] = len(net.plan.settings)
    if weighted:
        losses["weight_column"] = net.plan.target_width
    net.plan = replace(
        net.plan,
        losses=losses,
        settings=np.append(net.plan.settings, settings or [0.0, 0.0]),
        target_width=net.plan.target_width + weighted,
    )
    return net


@each_build
@each_dtype
@pytest.mark.parametrize("batch_size", [100, 700])
def test_threads_change_no_bit_of_labels_that_are_ignored(build, dtype, batch_size):
    net = with_term(Net([3, 300, 4], [LINEAR, None], SPARSE, dtype), [1.0, 2.0])
    x, y = net.data(1400)
    same_for_all_teams(net, build, x, y, batch_size, 40)


@each_build
@each_dtype
@pytest.mark.parametrize("batch_size", [100, 700])
def test_threads_change_no_bit_of_a_mean_over_weights(build, dtype, batch_size):
    net = with_term(
        Net([3, 300, 2], [LINEAR, None], MSE, dtype),
        weighted=True,
        reduction=Reduction.REDUCTION_WEIGHTED_MEAN,
    )
    x, y = net.data(1400)
    w = np.random.default_rng(5).uniform(0, 2, (1400, 1)).astype(dtype)
    same_for_all_teams(net, build, x, np.hstack([y, w]), batch_size, 40)


# ---------------------------------------------------------------- parameters that rows share


@each_build
@each_dtype
@pytest.mark.parametrize("name", ["layer norm", "prelu", "embedding"])
def test_threads_change_no_bit_of_shared_layers(build, dtype, name):
    net = LayerNet(name, 7, 130, dtype, shared=True)
    net.start = np.append(net.start, np.zeros(40000, dtype))  # too many for chunks
    net.plan = replace(net.plan, parameter_count=len(net.start))
    x, y = net.data(500)
    same_for_all_teams(net, build, x, y, 250, 20)


@each_build
@each_dtype
def test_threads_change_no_bit_of_a_bias_that_layers_share(build, dtype):
    """One member has all of the kernels' gradients to do, so the other would be ahead of it."""
    units = 9000
    net = Net([3, units, 2], [LINEAR, None], MSE, dtype)
    first, last = net.plan.rows
    # x -> h and x -> k by the same parameters, h + k -> output
    widths = [*net.plan.widths[:2], units, units, 2]
    rows = np.array([first, first, first, last], types.ROW)
    rows[1]["target"] = 2
    rows[2] = np.zeros((), types.ROW)
    for column in ("second", "kernel", "bias", "state", "keep", "work"):
        rows[2][column] = -1
    rows[2]["op"], rows[2]["kind"] = Op.OP_MERGE, types.Merge.MERGE_MULTIPLY
    rows[2]["source"], rows[2]["second"], rows[2]["target"] = 1, 2, 3
    rows[3]["source"], rows[3]["target"] = 3, 4
    losses = net.plan.losses.copy()
    losses["source"] = 4
    net.plan = replace(net.plan, rows=rows, widths=np.array(widths), losses=losses,
                       outputs=np.array([4]))  # fmt: skip
    x, y = net.data(200)
    same_for_all_teams(net, build, 0.1 * x, y, 100, 8)


# ---------------------------------------------------------------- norms of huge gradients


@each_build
@pytest.mark.parametrize("clipping", [{"clipnorm": 1.0}, {"global_clipnorm": 1.0}])
@pytest.mark.parametrize("accumulation", [None, 2])
def test_threads_change_no_bit_of_norms_that_overflow(build, clipping, accumulation):
    """Each member scales its share of the gradients, which the norm of all of them precedes."""
    net = Net([300, 200, 2], [LINEAR, None], Loss.LOSS_MEAN_ABSOLUTE_ERROR, np.float64)
    x, y = net.data(64)
    found = []
    for threads in (1, 2, 3):
        run = net.run(build, "sgd", threads)
        optimizer = optimizers.SGD(gradient_accumulation_steps=accumulation, **clipping)
        kernel = Variable(run.parameters, 0, (300 * 200,), name="a/kernel")
        rest = Variable(
            run.parameters, kernel.size, (len(net.start) - kernel.size,), name="a/b"
        )
        run.state = optimizer.state(run.parameters, [kernel, rest])
        assert run.train(1e160 * x, y, 32, 20, rates=1e-3)[1] == Status.STATUS_FINE
        assert np.isfinite(run.parameters).all()
        assert (run.parameters != net.start).any()
        found.append(run.parameters.tobytes())
    assert found[0] == found[1] == found[2]


@each_engine
@pytest.mark.parametrize("clipping", [{"clipnorm": 2.0}, {"global_clipnorm": 2.0}])
def test_a_norm_of_blocks_large_and_small(build, clipping):
    """Clipped to length 2: each number of a block that overflows counts, and others as well."""
    n = 3 * types.NORM_BLOCK + 5
    g = np.full(n, 3e149)
    g[types.NORM_BLOCK : types.NORM_BLOCK + 7] = 1e155
    w = flat(np.zeros(n), np.float64)
    optimizer = optimizers.SGD(1.0, **clipping)
    state = optimizer.state(w, [Variable(w, 0, (n,), name="a/v")])
    assert engine(build).update(w, flat(g, np.float64), state, 1.0) == Status.STATUS_FINE
    np.testing.assert_allclose(w, -2 * (g / 1e155) / np.linalg.norm(g / 1e155), rtol=1e-13)


# ---------------------------------------------------------------- blocks of a batch


@each_build
@each_dtype
@pytest.mark.parametrize("name", list(LAYERS))
def test_a_batch_in_blocks(build, dtype, name):
    """Many parameters make the rows of a batch go through the table in blocks of 1024."""
    net = LayerNet(name, 5, 9, dtype)
    x, y = net.data(2500)
    expected = net.totals()
    run = net.run("reference")
    run.program.gradients(x, y, expected, 5)
    rest = np.zeros(300_000, dtype)
    net.start = np.append(net.start, rest)
    net.plan = replace(net.plan, parameter_count=len(net.start))
    blocks, found = net.run(build), net.totals()
    assert blocks.program.gradients(x, y, found, 5) == Status.STATUS_FINE
    n = len(run.gradients)
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(found, expected, rtol=tolerance)
    scale = 30 * tolerance * np.abs(run.gradients).max()  # sums over 2500 rows
    np.testing.assert_allclose(blocks.gradients[:n], run.gradients, rtol=0, atol=scale)
    same_for_all_teams(net, build, x, y, 2500, 1, threads=(2,))


# ---------------------------------------------------------------- arrays' ends


@each_engine
@each_dtype
def test_an_optimizer_of_one_setting_reads_no_other(build, dtype):
    w = flat(np.ones(5), dtype)
    state = optimizers.Adagrad(1.0, initial_accumulator_value=0.0, epsilon=0.0).state(w)
    assert len(state.settings) == 1
    gradients = flat([1.0, -2.0, 4.0, 0.5, -8.0], dtype)
    assert engine(build).update(w, gradients, state, 0.25) == Status.STATUS_FINE
    np.testing.assert_allclose(w, [0.75, 1.25, 0.75, 0.75, 1.25], rtol=1e-6)


@each_engine
@each_dtype
@pytest.mark.parametrize("from_logits", [False, True])
@pytest.mark.parametrize("label", [-1, 3, 10**6, -(10**6), 1e30, 0.5])
def test_a_metric_of_a_label_that_is_none_is_nan(build, dtype, from_logits, label):
    """Nobody looks at the targets for a metric: it must not read beside the predictions."""
    code = SPARSE if from_logits else Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
    net = Net([3, 3], [None], MSE, dtype)
    net.plan = replace(
        net.plan,
        settings=np.append(net.plan.settings, [float(code), 0.0, 0.0]),
        metrics=np.array(
            [(Metric.METRIC_LOSS, 1, 0, 1, -1, len(net.plan.settings), 4)], types.METRIC_TERM
        ),
        totals_size=6,
    )
    x, y = net.data(2)
    y[:, 0] = (0, label)
    totals = np.zeros(6)
    run = net.run(build)
    assert run.program.evaluate(x, y, 0, totals, FOR_EVER) == 2
    assert np.isnan(totals[4])
    assert totals[5] == 2
    totals[:] = 0
    run.program.evaluate(x[:1], y[:1], 0, totals, FOR_EVER)
    assert np.isfinite(totals[4])
