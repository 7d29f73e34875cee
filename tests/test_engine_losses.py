"""Losses at the ends of their domain, by hand and against the formula in exact-enough terms."""

import numpy as np
import pytest
from engines import SIGMOID, SOFTMAX, Net, each_dtype, each_engine, figures, flat

from fastgd._core.formulas import Loss
from fastgd._core.types import Status


def of_predictions(build, loss, p, y, dtype):
    """The loss of each row, and the gradient of their mean with respect to p.

    A network whose parameters are a bias for each output, so that its gradient is the sum of
    the slopes of the rows; here one row at a time. Logits for the fused losses.
    """
    p, y = np.atleast_2d(np.asarray(p, dtype)), np.atleast_2d(np.asarray(y, dtype))
    fused = {
        Loss.LOSS_BINARY_CROSSENTROPY_LOGITS: SIGMOID,
        Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS: SOFTMAX,
        Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS: SOFTMAX,
    }
    net = Net([1, p.shape[1]], [fused.get(loss)], loss, dtype)
    losses, slopes = [], []
    for p_row, y_row in zip(p, y, strict=True):
        net.start[:] = [*np.zeros_like(p_row), *p_row]
        run = net.run(build)
        x = np.ones((1, 1), dtype)
        assert run.program.gradients(x, y_row[None], run.totals) == Status.STATUS_FINE
        losses.append(figures(run.totals)[0])
        slopes.append(run.gradients[p.shape[1] :].copy())
    return np.array(losses), np.array(slopes)


def epsilon(dtype):
    return float(np.finfo(dtype).eps)


@each_engine
@each_dtype
def test_binary_logits_far_out(build, dtype):
    loss = Loss.LOSS_BINARY_CROSSENTROPY_LOGITS
    z = [[1e4], [-1e4], [1e4], [-1e4], [0], [1e30], [-1e30]]
    y = [[1], [0], [0], [1], [1], [1], [1]]
    losses, slopes = of_predictions(build, loss, z, y, dtype)
    expected = np.array([0, 0, 1e4, 1e4, np.log(2), 0, 1e30])
    np.testing.assert_allclose(losses, expected.astype(dtype), rtol=4 * epsilon(dtype))
    np.testing.assert_array_equal(slopes, np.array([[0], [0], [1], [-1], [-0.5], [0], [-1]]))


@each_engine
@each_dtype
def test_binary_logits_agree_with_the_logarithm(build, dtype):
    z = np.linspace(-30, 30, 121).astype(dtype)
    for y in (0.0, 1.0, 0.25):
        losses, slopes = of_predictions(
            build, Loss.LOSS_BINARY_CROSSENTROPY_LOGITS, z[:, None], np.full((121, 1), y), dtype
        )
        exact = z.astype(np.longdouble)
        p = 1 / (1 + np.exp(-exact))
        expected = y * np.log1p(np.exp(-exact)) + (1 - y) * np.log1p(np.exp(exact))
        np.testing.assert_allclose(losses, expected, rtol=0, atol=64 * epsilon(dtype))
        np.testing.assert_allclose(slopes[:, 0], p - y, rtol=0, atol=4 * epsilon(dtype))


@each_engine
@each_dtype
@pytest.mark.parametrize("sparse", [True, False])
def test_categorical_logits_far_out(build, dtype, sparse):
    loss = (
        Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY_LOGITS
        if sparse
        else Loss.LOSS_CATEGORICAL_CROSSENTROPY_LOGITS
    )
    z = np.array([[1e4, -1e4, 0], [1e4, -1e4, 0], [1e4, -1e4, 0], [1e4, 1e4, 1e4]])
    labels = np.array([0, 1, 2, 1])
    y = labels[:, None] if sparse else np.eye(3)[labels]
    losses, slopes = of_predictions(build, loss, z, y, dtype)
    np.testing.assert_allclose(
        losses, [0, 2e4, 1e4, np.log(3)], rtol=4 * epsilon(dtype), atol=0
    )
    expected = [[0, 0, 0], [1, -1, 0], [1, 0, -1], [1 / 3, -2 / 3, 1 / 3]]
    np.testing.assert_allclose(slopes, expected, rtol=4 * epsilon(dtype), atol=0)


@each_engine
@each_dtype
def test_binary_probabilities_of_0_and_1(build, dtype):
    p = [[0], [1], [0], [1], [0.5]]
    y = [[0], [1], [1], [0], [1]]
    losses, slopes = of_predictions(build, Loss.LOSS_BINARY_CROSSENTROPY, p, y, dtype)
    low = dtype(1e-7)
    high = dtype(1) - low
    near, far = -np.log(float(high)), -np.log(float(low))
    # 1 - high is not low in float32, but two units in the last place of 1
    expected = [near, near, far, -np.log(float(dtype(1) - high)), np.log(2)]
    np.testing.assert_allclose(losses, expected, rtol=1e-6 if dtype == np.float32 else 1e-9)
    np.testing.assert_array_equal(slopes[:4], 0)  # flat where it is clipped
    np.testing.assert_allclose(slopes[4], -2, rtol=4 * epsilon(dtype))


@each_engine
@each_dtype
@pytest.mark.parametrize("sparse", [True, False])
def test_categorical_probabilities_of_0_and_1(build, dtype, sparse):
    loss = (
        Loss.LOSS_SPARSE_CATEGORICAL_CROSSENTROPY
        if sparse
        else Loss.LOSS_CATEGORICAL_CROSSENTROPY
    )
    p = [[1, 0], [0, 1], [0.25, 0.75], [1, 3]]  # the last row is scaled to sum to 1
    y = [[0], [0], [0], [0]] if sparse else [[1, 0]] * 4
    losses, slopes = of_predictions(build, loss, p, y, dtype)
    high = dtype(1) - dtype(1e-7)
    expected = [-np.log(float(high)), -np.log(1e-7), np.log(4), np.log(4)]
    np.testing.assert_allclose(losses, expected, rtol=1e-6 if dtype == np.float32 else 1e-9)
    # y_i / sum p - [i = label] y_i / p_i
    expected = [[0, 0], [0, 0], [1 - 4, 1], [0.25 - 1, 0.25]]
    np.testing.assert_allclose(slopes, expected, rtol=4 * epsilon(dtype))


@each_engine
@each_dtype
def test_errors_by_hand(build, dtype):
    p, y = [[1, 2, 4]], [[1, 4, 3]]
    losses, slopes = of_predictions(build, Loss.LOSS_MEAN_SQUARED_ERROR, p, y, dtype)
    np.testing.assert_allclose(losses, [5 / 3], rtol=4 * epsilon(dtype))
    np.testing.assert_allclose(slopes, [[0, -4 / 3, 2 / 3]], rtol=4 * epsilon(dtype))
    losses, slopes = of_predictions(build, Loss.LOSS_MEAN_ABSOLUTE_ERROR, p, y, dtype)
    np.testing.assert_allclose(losses, [1], rtol=4 * epsilon(dtype))
    np.testing.assert_allclose(slopes, [[0, -1 / 3, 1 / 3]], rtol=4 * epsilon(dtype))


@each_engine
@each_dtype
def test_softmax_and_sigmoid_far_out(build, dtype):
    z = np.array([1e4, -1e4, 0, 1e30, -1e30], dtype)
    for kind, expected in (
        (SIGMOID, [1, 0, 0.5, 1, 0]),
        (SOFTMAX, [0, 0, 0, 1, 0]),
    ):
        net = Net([1, 5], [kind], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
        net.start[:] = [*np.zeros(5), *z]
        run = net.run(build)
        out = run.predict(np.ones((1, 1), dtype))
        np.testing.assert_array_equal(out[0], expected)
        d_x = np.empty((1, 1), dtype)
        parameters = flat(net.start, dtype)
        kept = run.program.forward(parameters, np.ones((1, 1), dtype), out)
        run.program.backward(kept, np.ones((1, 5), dtype), run.gradients, d_x)
        assert np.isfinite(run.gradients).all()
