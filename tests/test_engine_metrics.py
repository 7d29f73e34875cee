"""Every metric of the registry in the engine: against the reference, and in pieces."""

import numpy as np
import pytest
from engines import FOR_EVER, Net, each_build, each_dtype, each_engine
from metric_cases import CASES, OF_POSITIVE, data

from fastgd import metrics as of_fastgd
from fastgd._core import types
from fastgd._core.formulas import Loss
from fastgd.errors import ShapeError

#: Those that the engine computes: the others keep all rows, in Python.
COMPILED = [case for case in CASES if case[1](**case[2]).compiled]
each_case = pytest.mark.parametrize(
    ("cls", "arguments"), [case[1:] for case in COMPILED], ids=[case[0] for case in COMPILED]
)


def identity(metrics, width, columns, dtype, weighted):
    """A network whose predictions are x."""
    loss = Loss.LOSS_MEAN_SQUARED_ERROR
    if columns != width:
        loss = Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
    net = Net([width, width], [None], loss, dtype, metrics=metrics, weighted=weighted)
    net.start[:] = [*np.eye(width).ravel(), *np.zeros(width)]
    return net


def joined(p, y, w, weighted, dtype):
    """x and y as the engine takes them."""
    y = np.column_stack([y, w]) if weighted else y
    return np.ascontiguousarray(p, dtype), np.ascontiguousarray(y, dtype)


def sums(totals):
    """The part of the totals that the metric asked for."""
    return totals[types.TERM_TOTALS + 2 :]


def case(cls, arguments, width, dtype, n=203, weighted=True):
    """A metric, a net, x, y and the weights; skipped where it has no figure of such outputs."""
    metric = cls(**arguments)
    try:
        metric.check_width(width)
    except ShapeError as error:
        pytest.skip(str(error))
    p, y, w = data(metric, n, width, weighted=weighted)
    net = identity([metric], width, y.shape[1], dtype, weighted)
    return metric, net, *joined(p, y, w, weighted, dtype), w


@each_build
@each_dtype
@each_case
@pytest.mark.parametrize("width", [1, 3, 17])
@pytest.mark.parametrize("weighted", [True, False])
def test_each_build_equals_the_reference(build, dtype, cls, arguments, width, weighted):
    metric, net, x, y, w = case(cls, arguments, width, dtype, weighted=weighted)
    totals = sums(net.run(build).evaluate(x, y))
    expected = sums(net.run("reference").evaluate(x, y))
    tolerance = 2e-6 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(totals, expected, rtol=tolerance, atol=tolerance * 203)
    by_hand = metric(y[:, :-1] if weighted else y, x, w)
    np.testing.assert_allclose(metric.value(totals), by_hand, rtol=tolerance, atol=tolerance)


@each_engine
@each_case
def test_pieces_add_up_to_the_same_bits(build, cls, arguments):
    _, net, x, y, _ = case(cls, arguments, 3, np.float32, n=300)
    run = net.run(build)
    whole = run.evaluate(x, y)
    for size in (1, 7, 128, 299):
        totals = net.totals()
        for k in range(0, len(x), size):
            run.program.evaluate(x[k : k + size], y[k : k + size], 0, totals, FOR_EVER)
        if build == "reference":  # whose sums are NumPy's
            np.testing.assert_allclose(totals, whole, rtol=1e-12, atol=1e-12)
        else:
            assert totals.tobytes() == whole.tobytes()


@each_build
@each_dtype
def test_batches_threads_and_training_change_no_bit(build, dtype):
    metrics = [cls(**arguments) for _, cls, arguments in COMPILED]
    metrics = [m for m in metrics if m.target_columns(3) in (3, None)]
    p, y, w = data(metrics[0], 700, 3)
    net = identity(metrics, 3, 3, dtype, True)
    x, y = joined(p, y, w, True, dtype)
    whole = sums(net.run(build).evaluate(x, y))
    for threads in (2, 3):
        assert sums(net.run(build, threads=threads).evaluate(x, y)).tobytes() == whole.tobytes()
    for batch_size in (32, 700):
        for threads in (1, 2):
            run = net.run(build, threads=threads)
            run.train(x, y, batch_size, -(-700 // batch_size), rates=0.0, shuffle=False)
            assert sums(run.totals).tobytes() == whole.tobytes()


@each_engine
@each_case
def test_rows_of_weight_zero_change_nothing(build, cls, arguments):
    metric, net, x, y, w = case(cls, arguments, 3, np.float64)
    kept = np.flatnonzero(w)
    x[w == 0] = np.nan
    with_them = sums(net.run(build).evaluate(x, y))
    without = sums(net.run(build).evaluate(x[kept], y[kept]))
    np.testing.assert_allclose(with_them, without, rtol=1e-13)
    assert np.isfinite(metric.value(with_them)).all()


@each_engine
@each_dtype
@each_case
@pytest.mark.parametrize("width", [1, 3])
@pytest.mark.parametrize("only", [0, 1])
def test_extremes_are_finite(build, dtype, cls, arguments, width, only):
    metric, net, _, y, _ = case(cls, arguments, width, dtype, n=7)
    y[:, :-1] = only if only < width or not metric.sparse else 0
    if cls.__name__ == "R2Score" and arguments.get("num_regressors"):
        pytest.skip("four rows at least")
    tiny = np.finfo(dtype).smallest_subnormal
    for value in (0, 1, 0.5, tiny, -1e4, 1e4, -1):
        if cls.__name__ in OF_POSITIVE and value <= 0 and not arguments.get("from_logits"):
            continue
        x = np.full((7, width), value, dtype)
        for n in (1, 7):
            found = metric.value(sums(net.run(build).evaluate(x[:n], y[:n])))
            undefined = np.isnan(found) & (metric.defined_for is not None)
            assert (np.isfinite(found) | undefined).all(), (value, n)


@each_engine
def test_predictions_that_sit_on_thresholds(build):
    """p > t with t rounded to the data type of p, for even thresholds and for others."""
    grid = np.linspace(0, 1, 200)
    for dtype in (np.float32, np.float64):
        t = grid.astype(dtype)
        p = np.concatenate([t, np.nextafter(t, dtype(2)), np.nextafter(t, dtype(-2))])[:, None]
        for chosen in (grid, np.sort(grid**2)):
            metric = of_fastgd.TruePositives(thresholds=chosen.tolist())
            net = identity([metric], 1, 1, dtype, False)
            found = metric.value(sums(net.run(build).evaluate(p, np.ones_like(p))))
            expected = [(p > dtype(threshold)).sum() for threshold in chosen]
            np.testing.assert_array_equal(found, expected)
