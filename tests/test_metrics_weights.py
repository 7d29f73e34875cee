"""Weights of metrics and losses that are called by hand: any shape that broadcasts."""

import numpy as np
import pytest

from fastgd import losses, metrics
from fastgd.errors import ShapeError
from fastgd.tape import GradientTape

RNG = np.random.default_rng(3)
P, T = RNG.random((8, 3)), RNG.integers(0, 2, (8, 3)).astype(float)
W = RNG.integers(0, 4, (8, 3)) / 2


def weighted_r2(y, p, w):
    mean = (w * y).sum(axis=0) / w.sum(axis=0)
    return np.mean(1 - (w * (y - p) ** 2).sum(axis=0) / (w * (y - mean) ** 2).sum(axis=0))


def f1(y, p, w):
    hit = p > 0.5
    tp, fp, fn = (w * hit * y).sum(0), (w * hit * (1 - y)).sum(0), (w * ~hit * y).sum(0)
    return 2 * tp / (2 * tp + fp + fn)


def iou(y, p, w):
    hit = p >= 0.5
    return np.mean([(w * (hit == c) * (y == c)).sum() / (w * ((hit == c) | (y == c))).sum()
                    for c in (0, 1)])  # fmt: skip


BY_ELEMENT = [
    (metrics.MeanSquaredError(), lambda y, p, w: np.average((p - y) ** 2, weights=w)),
    (metrics.RootMeanSquaredError(),
     lambda y, p, w: np.sqrt(np.average((p - y) ** 2, weights=w))),
    (metrics.MeanAbsoluteError(), lambda y, p, w: np.average(abs(p - y), weights=w)),
    (metrics.BinaryCrossentropy(), lambda y, p, w: np.average(
        -(y * np.log(p) + (1 - y) * np.log(1 - p)), weights=w)),
    (metrics.BinaryAccuracy(), lambda y, p, w: np.average((p > 0.5) == y, weights=w)),
    (metrics.Accuracy(), lambda y, p, w: 0.0),
    (metrics.Recall(), lambda y, p, w: (w * y * (p > 0.5)).sum() / (w * y).sum()),
    (metrics.FalsePositives(), lambda y, p, w: (w * (1 - y) * (p > 0.5)).sum()),
    (metrics.F1Score(threshold=0.5), f1),
    (metrics.BinaryIoU(), iou),
    (metrics.R2Score(), weighted_r2),
    (metrics.Gini(), lambda y, p, w: 2 * area(y, p, w) - 1),
    (metrics.AUC(exact=True), lambda y, p, w: area(y, p, w)),
]  # fmt: skip


def area(y, p, w):
    pairs = np.outer((w * y).ravel(), (w * (1 - y)).ravel())
    return (pairs * (p.ravel()[:, None] > p.ravel())).sum() / pairs.sum()


@pytest.mark.parametrize(
    ("metric", "formula"), BY_ELEMENT, ids=[type(m).__name__ for m, _ in BY_ELEMENT]
)
@pytest.mark.parametrize("shape", [(), (1,), (8,), (8, 1), (1, 3), (8, 3)])
def test_weights_of_any_shape_that_broadcasts(metric, formula, shape):
    weights = W[: shape[0]] if shape else W[0, 0] + 1
    weights = weights[:, : shape[1]] if len(shape) > 1 else np.ravel(weights)[: shape[0]] if (
        shape) else weights  # fmt: skip
    weights = np.maximum(weights, 0.5) if np.size(weights) < 8 else weights
    columns = weights[:, None] if weights.ndim == 1 else weights
    metric.reset_state()
    for rows in (slice(0, 5), slice(5, None)):
        part = weights[rows] if np.shape(weights)[:1] == (8,) else weights
        metric.update_state(T[rows], P[rows], part)
    expected = formula(T, P, np.broadcast_to(columns, (8, 3)))
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-6)


def test_an_element_of_weight_0_adds_nothing():
    y, p = np.array([[1.0, np.nan], [0.0, 1.0]]), np.array([[0.9, 0.8], [0.2, np.inf]])
    w = np.array([[1, 0], [1, 0]])
    assert metrics.MeanSquaredError()(y, p, w) == pytest.approx(0.025)
    assert losses.MeanSquaredError("mean_with_sample_weight")(y, p, w) == pytest.approx(0.025)
    assert metrics.TruePositives()(y, p, w) == 1.0
    assert metrics.Gini()([[1.0, 0.0], [0.0, 1.0]], p, w) == 1.0


@pytest.mark.parametrize(
    "metric",
    [
        metrics.CategoricalAccuracy(),
        metrics.CosineSimilarity(),
        metrics.BrierScore(),
        metrics.CategoricalCrossentropy(),
        metrics.ExpectedCalibrationError(),
    ],
)
def test_a_value_of_a_row_takes_one_weight(metric):
    rows = np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]]
    with pytest.raises(ShapeError, match=r"sample_weight: expected shape \(8,\), got \(8, 3\)"):
        metric.update_state(rows, P, W)
    expected = metric(rows, P, np.full((8, 1), 2.0))
    metric.reset_state()
    assert metric(rows, P, 2.0) == expected


@pytest.mark.parametrize("reduction", ["mean", "sum", "mean_with_sample_weight", "none"])
@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("MeanSquaredError", lambda y, p: (p - y) ** 2),
        ("MeanAbsoluteError", lambda y, p: abs(p - y)),
        ("Huber", lambda y, p: 0.5 * (p - y) ** 2),
        ("BinaryCrossentropy", lambda y, p: -(y * np.log(p) + (1 - y) * np.log(1 - p))),
    ],
)
def test_weights_of_elements_in_a_loss(name, formula, reduction):
    loss = getattr(losses, name)(reduction=reduction)
    rows = (W * formula(T, P)).mean(axis=1)
    expected = {
        "mean": rows.mean(), "sum": rows.sum(), "none": rows,
        "mean_with_sample_weight": (W * formula(T, P)).sum() / W.sum(),
    }[reduction]  # fmt: skip
    np.testing.assert_allclose(loss(T, P, W), expected, rtol=1e-6)
    shapes = (8, 3), (1, 3), (8, 1), (1, 1), (8,), (1,), ()
    for weights in (np.full(shape, 2.0) for shape in shapes):
        np.testing.assert_allclose(loss(T, P, weights), loss(T, P, np.full(8, 2.0)), rtol=1e-12)


def test_weights_of_a_loss_broadcast_over_further_axes():
    rng = np.random.default_rng(1)
    y, p = rng.normal(size=(2, 5, 4, 3))
    squares = (p - y) ** 2
    for shape in ((5, 4, 3), (5, 1, 3), (5, 4, 1), (5, 4), (5, 1), (1, 4), (5,), ()):
        w = rng.random(shape)
        wide = w.reshape(w.shape + (1,) * (3 - w.ndim))
        expected = (squares * wide).mean()
        assert losses.MeanSquaredError()(y, p, w) == pytest.approx(expected, rel=1e-12)
    one_row = losses.MeanSquaredError()(y[0, 0], p[0, 0], [1.0, 0.0, 2.0])
    assert one_row == pytest.approx((squares[0, 0] * [1, 0, 2]).mean(), rel=1e-12)
    with pytest.raises(ShapeError, match="sample_weight"):
        losses.MeanSquaredError()(y, p, np.ones((4, 5)))


def test_the_slopes_of_a_loss_weighted_by_elements():
    with GradientTape() as tape:
        p = tape.watch(P)
        value = losses.MeanSquaredError()(T, p, W)
    np.testing.assert_allclose(tape.gradient(value, p), 2 * W * (P - T) / P.size, rtol=1e-12)


@pytest.mark.parametrize("name", ["CosineSimilarity", "KLDivergence", "Quantile"])
def test_a_loss_of_a_row_takes_one_weight(name):
    loss = losses.Quantile(0.5) if name == "Quantile" else losses.get(name)
    with pytest.raises(ShapeError, match="sample_weight"):
        loss(T, P, W)
