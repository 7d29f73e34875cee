"""Conversions that leave a tape: refused where a gradient would be lost without a word."""

import copy
import math

import numpy as np
import pytest
from scipy import linalg, special

from fastgd import Sequential, layers, losses, metrics, ops
from fastgd.errors import DataTypeError
from fastgd.tape import GradientTape, Tensor
from fastgd.variables import Variable

CONVERSIONS = [
    (np.asarray, "asarray"),
    (np.array, "asarray"),
    (lambda s: np.array([s, s]), "asarray"),
    (lambda s: np.array(s, dtype="float32"), "asarray"),
    (np.float64, "asarray"),
    (np.vectorize(lambda a: a), "asarray"),
    (lambda s: linalg.norm(np.ones(2) * s), "asarray"),
    (lambda s: np.random.default_rng(0).normal(s), "asarray"),
    (lambda s: np.zeros(2).__setitem__(slice(None), s), "asarray"),
    (lambda s: layers.Rescaling(s), "asarray"),
    (lambda s: losses.MeanSquaredError()(np.ones(2), np.ones(2), s), "asarray"),
    (lambda s: np.copyto(np.zeros(2), s), "copyto"),
    (lambda s: np.full(2, s, dtype=float), "copyto"),
    (lambda s: np.put(np.zeros(2), [0], s), "put"),
    (lambda s: np.fill_diagonal(s.reshape(1, 1), 0), "fill_diagonal"),
    (lambda s: np.putmask(np.zeros(2), [True, False], s), "putmask"),
    (lambda s: np.place(np.zeros(2), [True, False], s), "place"),
    (special.expit, "expit"),
]  # fmt: skip
OF_VARIABLES, MATH = (
    [
        (float, r"float\(\)"),
        (int, r"int\(\)"),
        (lambda s: s.item(), "item"),
        (lambda s: s.tolist(), "tolist"),
        (lambda s: s.reshape(1).tolist(), "tolist"),
        (lambda s: np.reshape(s, 1)[0].item(), "item"),
    ],
    [(f, "math") for f in (math.sqrt, math.exp, math.floor, lambda s: math.hypot(s, 1))],
)


@pytest.mark.parametrize(("convert", "name"), CONVERSIONS + OF_VARIABLES + MATH)
def test_conversion_of_a_followed_tensor_is_refused(convert, name):
    with GradientTape() as tape:
        s = tape.watch(2.0) * 1.5
        with pytest.raises(DataTypeError, match=name) as caught:
            convert(s)
        assert "ops" in str(caught.value)  # what to use instead
        with tape.stop_recording():
            if name not in ("expit",):
                convert(s)
    convert(s)  # no tape records any more


@pytest.mark.parametrize(("convert", "name"), OF_VARIABLES + MATH)
def test_conversion_of_a_followed_variable_is_refused(convert, name):
    v = Variable(np.array(2.0))
    with GradientTape(), pytest.raises(DataTypeError, match=name):
        convert(v)
    with GradientTape(watch_accessed_variables=False):
        convert(v)
    frozen = Variable(np.array(2.0), trainable=False)
    with GradientTape():
        convert(frozen)
    convert(v)


def test_what_is_convenient_stays():
    v, w = Variable(np.array(1.5)), Variable(np.array([1.0, 2.0]))
    with GradientTape() as tape:
        s, t = v * 2, w * 2
        assert f"{s} {s:.2f} {v:.1f} {v} {w}" == "3.0 3.00 1.5 1.5 [1. 2.]"
        assert str(v) == "1.5" and str(w) == "[1. 2.]" and "value=3.0" in str(s)
        assert s > 0 and bool(s) and s != 0
        assert max(s, 0) is s
        assert [x.shape for x in t] == [()] * 2 and len(t) == 2 and t.shape == (2,)
        assert int(np.argmax(t)) == 1
        assert s.numpy() == 3.0 and v.numpy() == 1.5
        np.testing.assert_array_equal(ops.convert_to_numpy(t), [2.0, 4.0])
        np.testing.assert_array_equal(ops.stop_gradient(t), [2.0, 4.0])
        np.testing.assert_array_equal(ops.one_hot(t, 5, "int32").argmax(axis=1), [2, 4])
        # what a tape does not follow converts freely
        assert float(np.sum(t > 2)) == 1.0
        assert float(Tensor(np.array(3.0))) == 3.0
    assert tape.gradient(s, v) == 2.0


def test_copies_stay_on_the_tape():
    v = Variable(np.array([1.0, 2.0]))
    with GradientTape() as tape:
        loss = np.sum(copy.copy(v) * copy.deepcopy(v * 3))
    np.testing.assert_array_equal(tape.gradient(loss, v), [6.0, 12.0])
    assert type(copy.deepcopy(v)) is np.ndarray


def test_a_method_without_rule_is_refused():
    v = Variable(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(v.compress([False, True]), [2.0])
    with GradientTape(), pytest.raises(DataTypeError, match="compress"):
        v.compress([False, True])


@pytest.mark.parametrize(
    "metric",
    [
        metrics.MeanSquaredError(), metrics.AUC(), metrics.RootMeanSquaredError(),
        metrics.MeanMetricWrapper(lambda y, p: (p - y) ** 2, name="own"),
    ],
)  # fmt: skip
def test_metrics_take_predictions_of_a_tape(metric):
    y, x = np.array([[0.0], [1.0]]), np.array([[0.25], [0.75]])
    expected = metric(y, x)
    metric.reset_state()
    with GradientTape() as tape:
        metric.update_state(y, tape.watch(x) * 1.0)
    assert metric.result() == expected


def test_means_of_losses_take_tensors():
    mean = metrics.Mean()
    with GradientTape() as tape:
        mean.update_state(tape.watch(np.array([1.0, 3.0])))
    assert mean.result() == 2.0


def test_targets_of_a_loss_with_gradient_are_not_lost():
    loss = losses.with_gradient(lambda y, p: (((p - y) ** 2).mean(axis=-1), 2 * (p - y)))
    with GradientTape() as tape:
        y = tape.watch(np.ones((2, 1)))
        with pytest.raises(DataTypeError, match="asarray"):
            loss(y, np.zeros((2, 1)))


def test_assignments_take_tensors():
    v, w = Variable(np.array([1.0, 2.0])), Variable(np.zeros(2))
    with GradientTape():
        w.assign(v * 2)
        w.assign_add(v)
        w.assign_sub(0.5 * v)
    np.testing.assert_array_equal(w.numpy(), [2.5, 5.0])


def test_models_take_tensors_and_predict_refuses_them():
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    with GradientTape() as tape:
        x = tape.watch(np.ones((3, 2), np.float32))
        y = ops.sum(model(x))
        with pytest.raises(DataTypeError, match="asarray"):
            model.predict(x)
    np.testing.assert_allclose(
        tape.gradient(y, x), np.tile(model.layers[0].kernel.numpy().T, (3, 1)), rtol=1e-6
    )
