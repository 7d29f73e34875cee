"""Rows of few classes, which kernels take sixteen at a time: the bits of each row alone."""

import numpy as np
import pytest
from engines import (
    SOFTMAX,
    Net,
    each_build,
    each_dtype,
    engine,
    flat,
    metrics_for,
)

from fastgd import reference
from fastgd._core.formulas import Activation, Loss
from fastgd._core.types import Reduction, Status

MOST_ROWS = 70
#: With blocks that are whole, of fewer rows, and with rows that make none.
ROWS = [1, 3, 4, 5, 16, 17, 19, 31, 37, MOST_ROWS]
each_width = pytest.mark.parametrize("classes", range(1, 19))

SPARSE = (
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY,
    Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS,
)
#: Losses with their settings: label smoothing, or whether a label is ignored and which.
CASES = [
    (Loss.LOSS_CATEGORICAL_CROSSENTROPY, 0.0, 0.0),
    (Loss.LOSS_CATEGORICAL_CROSSENTROPY, 0.1, 0.0),
    (Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS, 0.0, 0.0),
    (Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS, 0.1, 0.0),
    *[
        (loss, *settings)
        for loss in SPARSE
        for settings in ((0.0, 0.0), (1.0, 1.0), (1.0, -1.0))
    ],
]


def logits_of(classes, dtype):
    """Rows of logits: of all sizes, equal ones, and far apart."""
    rng = np.random.default_rng(classes)
    z = rng.normal(size=(MOST_ROWS, classes)) * rng.choice([0.1, 1, 10, 40], (MOST_ROWS, 1))
    z[5] = z[20] = 0
    z[6, 0] = z[33, -1] = 1e4
    return z.astype(dtype)


def targets_of(classes, loss, ignored, dtype):
    """Draw random class numbers, some of them ignored, or rows of targets of any sum."""
    rng = np.random.default_rng(100 + classes)
    labels = rng.integers(0, classes, MOST_ROWS)
    if loss in SPARSE:
        labels[rng.random(MOST_ROWS) < 0.2] = ignored
        return np.clip(labels, min(ignored, 0), classes - 1)[:, None].astype(dtype)
    y = np.eye(classes)[labels]
    y[::3] = rng.random(y[::3].shape)
    return y.astype(dtype)


def net_of_logits(z, loss, dtype, settings=(0.0, 0.0), **options):
    """A network whose kernel is z: row i of the identity matrix has the logits z[i].

    The gradient of the kernel is that of each row's loss, for the losses are added up.
    """
    net = Net([MOST_ROWS, z.shape[1]], [SOFTMAX], loss, dtype, biases=False, **options)
    net.start[:] = z.ravel()
    net.plan.losses["reduction"] = Reduction.REDUCTION_SUM
    net.plan.settings[:2] = settings
    return net, np.eye(MOST_ROWS, dtype=dtype)


def slopes_and_losses(run, x, y):
    """The gradient of the kernel, and the sums of losses and metrics."""
    totals = run.net.totals()
    assert run.program.gradients(x, y, totals) == Status.STATUS_FINE
    return run.gradients.reshape(MOST_ROWS, -1).copy(), totals


@each_build
@each_dtype
@each_width
@pytest.mark.parametrize("in_place", [True, False])
@pytest.mark.parametrize(("loss", "first", "second"), CASES)
def test_a_row_has_its_bits_in_any_block(build, dtype, classes, in_place, loss, first, second):
    z = logits_of(classes, dtype)
    y = targets_of(classes, loss, int(second), dtype)
    net, x = net_of_logits(
        z, loss, dtype, (first, second), metrics=metrics_for(loss), in_place=in_place
    )
    run = net.run(build)
    alone = [slopes_and_losses(run, x[i : i + 1], y[i : i + 1]) for i in range(MOST_ROWS)]
    slopes = np.array([slope[i] for i, (slope, _) in enumerate(alone)])
    outputs = np.concatenate([run.predict(x[i : i + 1]) for i in range(MOST_ROWS)])
    scores = np.cumsum([run.evaluate(x[i : i + 1], y[i : i + 1]) for i in range(MOST_ROWS)], 0)
    losses = np.cumsum([totals for _, totals in alone], 0)
    for n in ROWS:
        found, totals = slopes_and_losses(run, x[:n], y[:n])
        np.testing.assert_array_equal(found[:n], slopes[:n])
        np.testing.assert_array_equal(totals, losses[n - 1])
        np.testing.assert_array_equal(run.predict(x[:n]), outputs[:n])
        np.testing.assert_array_equal(run.evaluate(x[:n], y[:n]), scores[n - 1])


@each_build
@each_dtype
@each_width
@pytest.mark.parametrize(("loss", "first", "second"), CASES)
def test_blocks_agree_with_the_reference(build, dtype, classes, loss, first, second):
    z = logits_of(classes, dtype)
    y = targets_of(classes, loss, int(second), dtype)
    net, x = net_of_logits(z, loss, dtype, (first, second))
    found, expected = net.run(build), net.run("reference")
    near = (
        {"rtol": 1e-4, "atol": 1e-5} if dtype == np.float32 else {"rtol": 1e-10, "atol": 1e-12}
    )
    for one, other in zip(
        slopes_and_losses(found, x, y), slopes_and_losses(expected, x, y), strict=True
    ):
        np.testing.assert_allclose(one, other, **near)
    np.testing.assert_allclose(found.predict(x), expected.predict(x), **near)


@each_build
@each_dtype
@each_width
def test_log_softmax_of_a_row_has_its_bits_in_any_block(build, dtype, classes):
    z = logits_of(classes, dtype)
    net = Net([classes, classes], [None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype, biases=False)
    net.start[:] = np.eye(classes).ravel()
    table = Net([classes, classes], [SOFTMAX], Loss.LOSS_MEAN_SQUARED_ERROR, dtype,
                biases=False, in_place=False).plan  # fmt: skip
    table.rows["kind"][-1] = Activation.ACTIVATION_LOG_SOFTMAX
    parameters, gradients = (flat(net.start, dtype) for _ in range(2))
    d_out = np.random.default_rng(0).normal(size=z.shape).astype(dtype)

    def pass_both_ways(program, z, d_out):
        out, d_x = np.empty_like(z), np.empty_like(z)
        kept = program.forward(parameters, z, out)
        program.backward(kept, d_out, gradients, d_x)
        return out, d_x

    program = engine(build).Program(table, parameters, gradients)
    alone = [pass_both_ways(program, z[i : i + 1], d_out[i : i + 1]) for i in range(len(z))]
    for n in ROWS:
        out, d_x = pass_both_ways(program, z[:n], d_out[:n])
        np.testing.assert_array_equal(out, np.concatenate([pair[0] for pair in alone])[:n])
        np.testing.assert_array_equal(d_x, np.concatenate([pair[1] for pair in alone])[:n])
    expected = pass_both_ways(reference.Program(table, parameters, gradients), z, d_out)
    rtol = 2e-4 if dtype == np.float32 else 1e-10
    np.testing.assert_allclose(out, expected[0], rtol=rtol, atol=rtol)
    np.testing.assert_allclose(d_x, expected[1], rtol=rtol, atol=rtol)


@each_build
@each_dtype
@pytest.mark.parametrize("loss", SPARSE)
@pytest.mark.parametrize("odd", [-1.0, 4.0, 1.5, 1e30, np.nan])
def test_a_label_that_is_no_class_spoils_only_its_row(build, dtype, loss, odd):
    # evaluation does not check the targets of metrics
    z = logits_of(4, dtype)
    y = targets_of(4, loss, 0, dtype)
    y[9] = odd
    net, x = net_of_logits(z, loss, dtype, metrics=metrics_for(loss))
    run = net.run(build)
    for begin, end in ((0, 20), (10, 40), (8, 10), (9, 10)):
        totals = run.evaluate(x[begin:end], y[begin:end])
        alone = np.sum([run.evaluate(x[i : i + 1], y[i : i + 1]) for i in range(begin, end)], 0)
        np.testing.assert_array_equal(np.isnan(totals), np.isnan(alone))
        np.testing.assert_allclose(totals, alone, rtol=1e-12)
        assert np.isnan(totals).any() == (begin <= 9)
