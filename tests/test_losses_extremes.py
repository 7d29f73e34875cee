"""Losses at the ends of their domains: finite where the loss is, and right."""

import numpy as np
import pytest
from engines import each_dtype, each_engine
from lossdata import Case
from test_losses_table import Table

from fastgd import GradientTape, Sequential, layers, losses

BINARY_FOCAL = Case(losses.BinaryFocalCrossentropy, {"from_logits": True})
FOCAL = Case(losses.CategoricalFocalCrossentropy, {"from_logits": True})
#: (case, targets, predictions, losses, slopes)
ROWS = {
    "binary focal, far out": (
        BINARY_FOCAL, [[1], [0], [0], [1]], [[1e4], [-1e4], [1e4], [-1e4]],
        [0, 0, 1e4, 1e4], [[0], [0], [1], [-1]],
    ),
    "binary focal, gamma below 1, far out": (
        Case(losses.BinaryFocalCrossentropy, {"from_logits": True, "gamma": 0.5}),
        [[1], [0], [0], [1]], [[1e4], [-1e4], [1e4], [-1e4]],
        [0, 0, 1e4, 1e4], [[0], [0], [1], [-1]],
    ),
    "smoothed logits, far out": (
        Case(losses.BinaryCrossentropy, {"from_logits": True, "label_smoothing": 0.5}),
        [[1], [0]], [[1e4], [1e4]], [2500, 7500], [[0.25], [0.75]],
    ),
    "categorical focal, far out": (
        FOCAL, [[1, 0], [0, 1]], [[1e4, -1e4], [1e4, -1e4]], [0, 5000], [[0, 0], [0.25, -0.25]],
    ),
    "smoothed categorical logits, far out": (
        Case(losses.CategoricalCrossentropy, {"from_logits": True, "label_smoothing": 0.5}),
        [[1, 0]], [[-1e4, 1e4]], [15000], [[-0.75, 0.75]],
    ),
    "binary focal, probabilities of 0 and 1": (
        Case(losses.BinaryFocalCrossentropy, {}), [[1], [0], [1], [0]],
        [[1], [1e-30], [1e-30], [1]], [0, 0, -np.log(1e-7), None], [[0], [0], None, None],
    ),
    "an ignored class": (
        Case(losses.SparseCategoricalCrossentropy, {"ignore_class": -1, "from_logits": True}),
        [[-1], [0]], [[3, 5], [1e4, -1e4]], [0, 0], [[0, 0], [0, 0]],
    ),
    "a small direction": (
        Case(losses.CosineSimilarity, {}), [[0, 0], [3, 4]], [[1, 2], [1e-9, 0]],
        [0, -0.6e-2], [[0, 0], [-0.6e7, -0.8e7]],
    ),
    "log cosh near 0 and far out": (
        Case(losses.LogCosh, {}), [[0], [0], [0]], [[1e-5], [1e4], [-1e4]],
        [0.5e-10, 1e4 - np.log(2), 1e4 - np.log(2)], [[1e-5], [1], [-1]],
    ),
    "percentages of 0": (
        Case(losses.MeanAbsolutePercentageError, {}), [[0]], [[1e-3]], [1e6], [[1e9]],
    ),
    "logarithms below 0": (
        Case(losses.MeanSquaredLogarithmicError, {}), [[0]], [[-5]], [0], [[0]],
    ),
    "divergence of 0 and 1": (
        Case(losses.KLDivergence, {}), [[1, 0]], [[1e-30, 1]],
        [-np.log(1e-7) + 1e-7 * np.log(1e-7)], [[0, -1e-7]],
    ),
    "counts of 0": (
        Case(losses.Poisson, {"log_link": True}), [[0], [0]], [[-1e4], [1]],
        [0, np.e], [[0], [np.e]],
    ),
    "a Tweedie row of 0": (
        Case(losses.Tweedie, {"power": 1.5}), [[0], [4]], [[4], [4]], [8, 0], [[1], [0]],
    ),
    "a gamma mean below 0": (
        Case(losses.Gamma, {}), [[1e-7]], [[-3]], [0], [[0]],
    ),
    "a Gaussian at its floor": (
        Case(losses.GaussianNegativeLogLikelihood, {"epsilon": 1e-3}), [[1]], [[1, -1e4]],
        [np.log(1e-3) + 0.5 * np.log(2 * np.pi)], [[0, 0]],
    ),
    "one class": (
        Case(losses.CategoricalCrossentropy, {"from_logits": True}), [[1]], [[1e4]], [0], [[0]],
    ),
    "one class, focal": (FOCAL, [[1]], [[1e4]], [0], [[0]]),
    "one class, a margin": (
        Case(losses.CategoricalHinge, {}), [[1], [1]], [[3], [0.25]], [0, 0.75], [[0], [-1]],
    ),
}  # fmt: skip


@each_engine
@each_dtype
@pytest.mark.parametrize("row", ROWS)
def test_ends(build, dtype, row):
    case, y, p, values, slopes = ROWS[row]
    y, p = np.array(y, dtype), np.array(p, dtype)
    found, found_slopes, _ = Table(case, p.shape[1], dtype).run(build, y, p)
    assert np.isfinite(found).all() and np.isfinite(found_slopes).all()
    rtol = 4e-6 if dtype == np.float32 else 1e-9
    for k in range(len(p)):
        if values[k] is not None:
            np.testing.assert_allclose(found[k], values[k], rtol=rtol, atol=1e-7 * rtol + 1e-13)
        if slopes[k] is not None:
            scale = max(abs(np.array(slopes[k])).max(), 1e-6)
            np.testing.assert_allclose(found_slopes[k], slopes[k], rtol=rtol, atol=rtol * scale)
    reference = case.make().call(y, p)
    np.testing.assert_allclose(found, reference, rtol=rtol, atol=1e-7 * rtol + 1e-13)


def test_a_focal_loss_of_what_is_all_but_certain_does_not_cancel():
    z = np.array([[20.0, 0.0]], np.float32)
    rest = np.exp(-20.0)
    expected = 0.25 * (rest / (1 + rest)) ** 2 * np.log1p(rest)
    found = losses.categorical_focal_crossentropy([[1.0, 0.0]], z, from_logits=True)
    np.testing.assert_allclose(found, [expected], rtol=1e-5)


def test_a_weight_of_zero_wipes_out_an_infinite_loss():
    y, p = [[1.0], [1.0]], [[np.inf], [2.0]]
    assert float(losses.MeanSquaredError()(y, p, sample_weight=[0, 1])) == 0.5
    with GradientTape() as tape:
        watched = tape.watch(np.array(p))
        value = losses.MeanSquaredError()(y, watched, [0, 1])
    assert tape.gradient(value, watched).tolist() == [[0], [1]]


def test_ignored_rows_do_not_count_in_the_mean():
    z = np.log([[0.25, 0.75], [0.5, 0.5], [0.25, 0.75]])
    loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=1)
    assert float(loss([0, 1, 1], z)) == pytest.approx(np.log(4))
    assert float(loss([1, 1, 1], z)) == 0
    two = np.array([0.5, 7, 7])
    assert float(loss([0, 1, 1], z, two)) == pytest.approx(0.5 * np.log(4))


@pytest.mark.parametrize(
    "name",
    [
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "categorical_focal_crossentropy",
    ],
)
def test_a_row_of_nothing_but_zeros(engine, name):
    # the outputs of a sigmoid layer far out
    loss = losses.get(name)
    model = Sequential(
        [layers.Input(shape=(3,)), layers.Dense(3, "sigmoid", kernel_initializer="identity")]
    )
    model.compile("sgd", loss)
    y = np.array([[1.0], [0.0]]) if loss.sparse else np.eye(3)[[1, 0]]
    x = np.full((2, 3), -1e4)
    before = model.get_weights()
    # each probability counts as 1e-7, and is flat there
    scale = 0.25 if "focal" in name else 1.0
    expected = -scale * np.log(1e-7)
    assert model.train_on_batch(x, y) == pytest.approx(expected, rel=1e-5)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.filterwarnings("ignore:binary_focal_crossentropy takes probabilities")
@pytest.mark.parametrize("gamma", [0.0, 2.0, 3.0])
def test_focal_slopes_of_subnormal_probabilities(engine, gamma):
    model = Sequential(
        [layers.Input(shape=(1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile("sgd", losses.BinaryFocalCrossentropy(gamma=gamma))
    loss = model.train_on_batch(np.array([[1e-45]], "float32"), [0.0])
    assert np.isfinite(loss) and np.isfinite(model.parameters).all()
