"""Metrics by hand and in the compiled loop."""

import numpy as np
import pytest
from problems import compiled, data, network, regression

from fastgd import losses, metrics
from fastgd.errors import ArgumentError, ShapeError, UnknownNameError

VALUES = [
    ("MeanSquaredError", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], 2.25),
    ("MeanAbsoluteError", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], 1.25),
    ("MeanAbsoluteError", [1, 2], [1.0, 4.0], 1.0),
    ("BinaryAccuracy", [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.5], 0.75),
    ("BinaryAccuracy", [[1, 0], [0, 0]], [[0.9, 0.8], [0.1, 0.1]], 0.75),
    ("CategoricalAccuracy", [[1, 0, 0], [0, 0, 1]], [[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]], 0.5),
    ("CategoricalAccuracy", [[1, 0]], [[0.5, 0.5]], 1.0),  # of equals the first counts
    ("SparseCategoricalAccuracy", [0, 2, 1], np.eye(3), 1 / 3),
    ("SparseCategoricalAccuracy", [[0], [1]], [[0.6, 0.4], [0.7, 0.3]], 0.5),
]


@pytest.mark.parametrize(("name", "y", "p", "expected"), VALUES)
def test_by_hand(name, y, p, expected):
    metric = getattr(metrics, name)()
    assert metric(y, p) == pytest.approx(expected, rel=1e-12)
    assert type(metric.result()) is float


def test_state():
    metric = metrics.MeanAbsoluteError()
    assert metric.result() == 0.0
    metric.update_state([0.0], [1.0])
    metric.update_state([0.0, 0.0, 0.0], [3.0, 3.0, 3.0])
    assert metric.result() == 2.5  # a mean of rows, not of calls
    metric.reset_state()
    assert metric.result() == 0.0
    assert metric([0.0], [4.0]) == 4.0


@pytest.mark.parametrize(
    ("name", "y", "p"),
    [
        ("BinaryAccuracy", [1, 0, 1], [[0.5], [0.5]]),
        ("CategoricalAccuracy", [0, 1, 2], np.eye(3)),
        ("CategoricalAccuracy", [[0, 1]], np.eye(2)),
        ("SparseCategoricalAccuracy", np.eye(3), np.eye(3)),
        ("SparseCategoricalAccuracy", [0, 1], np.eye(3)),
        ("MeanSquaredError", [0, 1], [[1.0], [1.0], [1.0]]),
    ],
)
def test_shapes_that_do_not_fit(name, y, p):
    metric = getattr(metrics, name)()
    with pytest.raises(ShapeError, match="y_true"):
        metric.update_state(y, p)
    assert metric.result() == 0.0


ENGINE_CASES = [
    ("mse", "mse"),
    ("mse", "mae"),
    ("mse", "binary_accuracy"),
    ("bce fused", "binary_accuracy"),
    ("bce fused", "mae"),
    ("bce logits", "accuracy"),
    ("cce fused", "mse"),
    ("cce sigmoid", "accuracy"),
    ("cce logits", "categorical_accuracy"),
    ("sparse fused", "accuracy"),
    ("sparse logits", "sparse_categorical_accuracy"),
]


@pytest.mark.parametrize(("case", "name"), ENGINE_CASES)
def test_the_engine_agrees(engine, case, name):
    x, y = data(case, 203, "float64")
    if case == "mse":
        y = (y > 1).astype(float)
    model = compiled(case, "float64", metrics=[name])
    by_hand = metrics.get(name, model.output_shape[1], case.startswith("sparse"))
    expected = by_hand(y, model.predict(x))
    assert expected > 0
    figures = model.evaluate(x, y, verbose=0, return_dict=True)
    assert figures[name] == pytest.approx(expected, rel=1e-12)
    assert model.test_on_batch(x, y)[1] == pytest.approx(expected, rel=1e-12)
    assert model.train_on_batch(x, y)[1] == pytest.approx(expected, rel=1e-12)


def test_several_metrics_keep_their_order_and_names(engine):
    x, y = regression(30)
    model = network()
    own = metrics.MeanSquaredError("error")
    model.compile("sgd", "mae", metrics=["mse", metrics.MeanAbsoluteError(), own])
    assert model.metrics_names == ["loss", "mse", "mean_absolute_error", "error"]
    loss, mse, mae, error = model.evaluate(x, y, verbose=0)
    assert loss == pytest.approx(mae, rel=1e-6)
    assert mse == error
    difference = model.predict(x) - y
    assert mse == pytest.approx(np.mean(difference**2), rel=1e-5)


def test_get():
    made = metrics.BinaryAccuracy(name="mine")
    assert metrics.get(made) is made
    assert made.get_config() == {"name": "mine"}
    assert metrics.get("mae").name == "mae"
    assert type(metrics.get("mae")) is metrics.MeanAbsoluteError
    assert type(metrics.get("MeanAbsoluteError")) is metrics.MeanAbsoluteError
    assert type(metrics.get(losses.mean_squared_error)) is metrics.MeanSquaredError
    assert metrics.get(metrics.BinaryAccuracy).name == "binary_accuracy"
    assert type(metrics.get("accuracy")) is metrics.BinaryAccuracy
    assert type(metrics.get("accuracy", 3)) is metrics.CategoricalAccuracy
    assert type(metrics.get("acc", 3, True)) is metrics.SparseCategoricalAccuracy
    with pytest.raises(UnknownNameError, match=r"metrics: no 'f1'.*accuracy.*mae"):
        metrics.get("f1")


def test_a_metric_of_ones_own_is_refused():
    class Mine(metrics.Metric):
        def rows(self, y_true, y_pred):
            return y_pred[:, 0]

    assert Mine()([0.0], [3.0]) == 3.0  # by hand it works
    with pytest.raises(ArgumentError, match="metrics"):
        network().compile("sgd", "mse", metrics=[Mine()])
