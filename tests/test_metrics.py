"""Metrics by hand, by formula, and in a model."""

import json

import numpy as np
import pytest
from metric_cases import CASES, ORACLES, SETTINGS, data, needs_arguments
from problems import compiled, network, regression
from problems import data as data_of_case

from fastgd import Sequential, layers, losses, metrics
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError, UnknownNameError
from fastgd.metrics import CLASSES

each_case = pytest.mark.parametrize(
    ("cls", "arguments"), [case[1:] for case in CASES], ids=[case[0] for case in CASES]
)
each_class = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)

VALUES = [
    ("MeanSquaredError", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], 2.25),
    ("RootMeanSquaredError", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], 1.5),
    ("MeanAbsoluteError", [[0, 1], [2, 2]], [[1.0, 3.0], [2.0, 0.0]], 1.25),
    ("MeanAbsoluteError", [1, 2], [1.0, 4.0], 1.0),
    ("BinaryAccuracy", [1, 0, 1, 0], [0.9, 0.2, 0.4, 0.5], 0.75),
    ("BinaryAccuracy", [[1, 0], [0, 0]], [[0.9, 0.8], [0.1, 0.1]], 0.75),
    ("CategoricalAccuracy", [[1, 0, 0], [0, 0, 1]], [[0.5, 0.2, 0.3], [0.5, 0.2, 0.3]], 0.5),
    ("CategoricalAccuracy", [[1, 0]], [[0.5, 0.5]], 1.0),  # of equals the first counts
    ("SparseCategoricalAccuracy", [0, 2, 1], np.eye(3), 1 / 3),
    ("SparseCategoricalAccuracy", [[0], [1]], [[0.6, 0.4], [0.7, 0.3]], 0.5),
    ("R2Score", [1, 4, 3], [2, 4, 4], 4 / 7),
    ("R2Score", [5, 5], [5, 5], 1.0),  # nothing to explain, and nothing missed
    ("R2Score", [5, 5], [5, 6], 0.0),
    ("AUC", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.75),
    ("AUC", [0, 0, 1, 1], [-3, 0.4, 0.35, 7], 0.75),  # beyond [0, 1]: as if at its ends
    ("Gini", [0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8], 0.5),
    ("KolmogorovSmirnov", [0, 1, 0, 1, 1], [0.1, 0.3, 0.4, 0.6, 0.8], 2 / 3),
    ("F1Score", [[1, 0], [0, 1]], [[0, 0], [0, 1]], [0.0, 1.0]),  # a row of zeros says nothing
    ("BrierScore", [0, 2], [[1, 0, 0], [0.5, 0, 0.5]], 0.25),
    ("ExpectedCalibrationError", [1, 0], [0.9, 0.9], 0.4),
    ("PearsonCorrelation", [[1, 2, 3], [1, 1, 1]], [[2, 4, 6], [1, 2, 3]], 0.5),
]


@pytest.mark.parametrize(("name", "y", "p", "expected"), VALUES)
def test_by_hand(name, y, p, expected):
    metric = getattr(metrics, name)()
    np.testing.assert_allclose(metric(y, p), expected, rtol=1e-12, atol=1e-15)
    assert type(metric.result()) is (float if np.ndim(expected) == 0 else np.ndarray)


@pytest.mark.filterwarnings("ignore:.*is NaN")  # some columns have one class alone
@each_case
@pytest.mark.parametrize("width", [1, 3, 17])
@pytest.mark.parametrize("weighted", [True, False])
def test_every_metric_is_its_formula(cls, arguments, width, weighted):
    metric = cls(**arguments)
    p, y, w = data(metric, 60, width, seed=width, weighted=weighted)
    for rows in (slice(0, 25), slice(25, 60)):
        metric.update_state(y[rows], p[rows], w[rows] if weighted else None)
    expected = ORACLES[cls.__name__](p, y, w, **arguments)
    np.testing.assert_allclose(metric.result(), expected, rtol=1e-10, atol=1e-12)
    metric.reset_state()
    metric.update_state(y, p, 2 * w[:, None])  # all weights times a number
    scale = 2 if cls.__name__.endswith(("Positives", "Negatives")) else 1
    np.testing.assert_allclose(metric.result(), scale * expected, rtol=1e-10, atol=1e-12)


@each_class
def test_every_class_has_a_formula_and_a_description(cls):
    assert cls.__name__ in ORACLES
    assert ">>> " in cls.__doc__
    assert getattr(metrics, cls.__name__) is cls
    if needs_arguments(cls):
        with pytest.raises(TypeError):
            cls()
        assert SETTINGS[cls.__name__]


@each_case
def test_every_configuration_makes_the_metric_again(cls, arguments):
    made = cls(**arguments, name="mine", dtype="float64")
    config = made.get_config()
    assert config.items() >= {"name": "mine", "dtype": "float64"}.items()
    again = metrics.deserialize(json.loads(json.dumps(metrics.serialize(made))))
    assert type(again) is cls
    assert again.get_config() == config
    assert metrics.get({"class_name": cls.__name__, "config": config}).get_config() == config
    np.testing.assert_array_equal(again.settings(), made.settings())
    p, y, w = data(made, 30, 3)
    np.testing.assert_array_equal(again(y, p, w), made(y, p, w))


@each_case
def test_nothing_taken_in(cls, arguments):
    metric = cls(**arguments)
    assert np.all(np.asarray(metric.result()) == 0)
    p, y, _ = data(metric, 5, 3)
    metric.update_state(y, p, 0)
    assert np.all(np.asarray(metric.result()) == 0)


@each_case
def test_no_rows_add_nothing(cls, arguments):
    p, y, _ = data(cls(**arguments), 30, 3)
    metric, other = cls(**arguments), cls(**arguments)
    metric.update_state(y[:0], p[:0])
    assert np.all(np.asarray(metric.result()) == 0)
    metric.update_state(y, p)
    other.update_state(y, p)
    np.testing.assert_array_equal(metric.result(), other.result())


@pytest.mark.parametrize("wrong", ["mae", None, 3, losses.mean_squared_error, losses.Huber])
def test_the_mean_of_what_is_no_loss(wrong):
    with pytest.raises(DataTypeError, match="loss: expected one, such as"):
        metrics.LossMetric(wrong)


def test_state():
    metric = metrics.MeanAbsoluteError()
    assert metric.result() == 0.0
    metric.update_state([0.0], [1.0])
    metric.update_state([0.0, 0.0, 0.0], [3.0, 3.0, 3.0])
    assert metric.result() == 2.5  # a mean of rows, not of calls
    metric.reset_state()
    assert metric.result() == 0.0
    assert metric([0.0], [4.0]) == 4.0
    assert metric([0.0, 0.0], [1.0, np.nan], [4.0, 0.0]) == 1.6


@pytest.mark.parametrize(
    ("name", "y", "p"),
    [
        ("BinaryAccuracy", [1, 0, 1], [[0.5], [0.5]]),
        ("CategoricalAccuracy", [0, 1, 2], np.eye(3)),
        ("CategoricalAccuracy", [[0, 1]], np.eye(2)),
        ("SparseCategoricalAccuracy", np.eye(3), np.eye(3)),
        ("SparseCategoricalAccuracy", [0, 1], np.eye(3)),
        ("MeanSquaredError", [0, 1], [[1.0], [1.0], [1.0]]),
        ("AUC", [0, 1], np.eye(2)),
        ("R2Score", np.zeros((2, 3)), np.eye(2)),
    ],
)
def test_shapes_that_do_not_fit(name, y, p):
    metric = getattr(metrics, name)()
    with pytest.raises(ShapeError, match="y_true"):
        metric.update_state(y, p)
    assert np.all(metric.result() == 0.0)


def test_other_calls_that_are_refused():
    auc = metrics.AUC(multi_label=True, label_weights=[1, 2])
    with pytest.raises(ShapeError, match=r"label_weights: expected 3.*got 2"):
        auc.update_state(np.eye(3), np.eye(3))
    auc.update_state(np.eye(2), np.eye(2))
    for weights in ([1, 2, 3], np.ones((2, 3)), np.ones((2, 2, 1))):
        with pytest.raises(ShapeError, match="sample_weight"):
            auc.update_state(np.eye(2), np.eye(2), weights)
    with pytest.raises(DataTypeError, match="sample_weight"):
        auc.update_state(np.eye(2), np.eye(2), ["a", "b"])
    with pytest.raises(ShapeError, match="y_pred"):
        auc.update_state(np.eye(2), np.zeros((2, 2, 2)))
    with pytest.raises(ShapeError, match=r"class_id.*5 of 2"):
        metrics.Precision(class_id=5).update_state(np.eye(2), np.eye(2))
    score = metrics.R2Score()
    score.update_state([0, 1], [0, 1])
    with pytest.raises(ShapeError, match="as before"):
        score.update_state(np.eye(2), np.eye(2))
    assert score.result() == 1.0
    with pytest.warns(UserWarning, match="3 regressors for 2 rows"):
        assert metrics.R2Score(num_regressors=3)([0, 1], [0, 1]) == 1.0


@pytest.mark.parametrize(
    ("name", "arguments", "error"),
    [
        ("AUC", {"curve": "ROK"}, "curve"),
        ("AUC", {"summation_method": "mean"}, "summation_method"),
        ("AUC", {"num_thresholds": 1}, "num_thresholds"),
        ("AUC", {"thresholds": [2.0]}, "thresholds"),
        ("AUC", {"num_labels": 3}, "num_labels"),
        ("AUC", {"label_weights": [-1]}, "label_weights"),
        ("Precision", {"thresholds": [0.5, 1.5]}, "thresholds"),
        ("Precision", {"thresholds": []}, "thresholds"),
        ("Precision", {"top_k": 0}, "top_k"),
        ("Recall", {"class_id": -1}, "class_id"),
        ("RecallAtPrecision", {"precision": 1.5}, "precision"),
        ("FBetaScore", {"beta": 0}, "beta"),
        ("FBetaScore", {"beta": 1e200}, "beta"),
        ("F1Score", {"average": "mean"}, "average"),
        ("F1Score", {"threshold": 0.0}, "threshold"),
        ("R2Score", {"class_aggregation": "mean"}, "class_aggregation"),
        ("R2Score", {"num_regressors": -1}, "num_regressors"),
        ("IoU", {"num_classes": 2, "target_class_ids": [2]}, "target_class_ids"),
        ("MeanIoU", {"num_classes": 2, "axis": 0}, "axis"),
        ("PearsonCorrelation", {"axis": 2}, "axis"),
        ("TopKCategoricalAccuracy", {"k": 0}, "k: "),
        ("ExpectedCalibrationError", {"num_bins": 0}, "num_bins"),
        ("ExpectedCalibrationError", {"num_bins": 10**9}, "num_bins"),
        ("ExpectedCalibrationError", {"strategy": "even"}, "strategy"),
        ("AUC", {"num_thresholds": 10**9}, "num_thresholds"),
        ("AUC", {"thresholds": np.zeros(10**6 + 1)}, "thresholds"),
        ("AUC", {"thresholds": range(10**12)}, "thresholds"),
        ("Recall", {"thresholds": range(10**12)}, "thresholds"),
        ("AUC", {"label_weights": range(10**12)}, "label_weights"),
        ("IoU", {"num_classes": 2, "target_class_ids": range(10**12)}, "target_class_ids"),
        ("Recall", {"top_k": 10**30}, "top_k"),
        ("RecallAtPrecision", {"precision": 0.5, "num_thresholds": 10**9}, "num_thresholds"),
        ("R2Score", {"num_regressors": 10**400}, "num_regressors"),
        ("TopKCategoricalAccuracy", {"k": 10**30}, "k: "),
        ("IoU", {"num_classes": 10**6, "target_class_ids": [0]}, "num_classes"),
        ("MeanIoU", {"num_classes": 10**30}, "num_classes"),
        ("OneHotMeanIoU", {"num_classes": 10**6}, "num_classes"),
        ("MeanIoU", {"num_classes": 2, "ignore_class": 10**400}, "ignore_class"),
        ("SparseCategoricalCrossentropy", {"ignore_class": 10**400}, "ignore_class"),
        ("MeanSquaredError", {"dtype": "int8"}, "dtype"),
    ],
)
def test_arguments_that_are_refused(name, arguments, error):
    with pytest.raises(ArgumentError, match=error):
        getattr(metrics, name)(**arguments)


@pytest.mark.parametrize(
    ("name", "argument"),
    [("AUC", "thresholds"), ("AUC", "label_weights"), ("BinaryIoU", "target_class_ids")],
)
def test_a_number_is_no_list(name, argument):
    with pytest.raises(DataTypeError, match=rf"{argument}: expected a list, got 1"):
        getattr(metrics, name)(**{argument: 1})
    assert metrics.AUC(thresholds=iter([0.2, 0.5])).thresholds[1:3] == [0.2, 0.5]


def test_thresholds_are_rounded_as_in_a_model():
    p = np.array([0.3], np.float32)  # 0.30000001192...
    assert metrics.TruePositives(thresholds=0.3)([1], p) == 0.0
    assert metrics.TruePositives(thresholds=0.3)([1], p.astype(np.float64)) == 1.0


def test_a_mean_far_from_zero_drowns_no_spread():
    rng = np.random.default_rng(0)
    y, noise = rng.normal(size=(2, 1000))
    p = y + 0.1 * noise
    plain = metrics.R2Score()(y, p), metrics.PearsonCorrelation(axis=0)(y, p)
    far = 2.0**30  # y + far keeps 22 bits behind the point
    y, p = y + far, p + far
    found = metrics.R2Score()(y, p), metrics.PearsonCorrelation(axis=0)(y, p)
    np.testing.assert_allclose(found, plain, rtol=1e-6)


def test_functions():
    y, p = [[1, 0], [0, 1]], [[0.2, 0.8], [0.3, 0.6]]
    np.testing.assert_array_equal(metrics.binary_accuracy(y, p), [0, 1])
    np.testing.assert_array_equal(metrics.binary_accuracy(y, p, threshold=0.7), [0, 0.5])
    np.testing.assert_array_equal(metrics.categorical_accuracy(y, p), [0, 1])
    np.testing.assert_array_equal(metrics.sparse_categorical_accuracy([0, 1], p), [0, 1])
    np.testing.assert_array_equal(metrics.top_k_categorical_accuracy(y, p, k=1), [0, 1])
    np.testing.assert_array_equal(metrics.sparse_top_k_categorical_accuracy([0, 1], p), [1, 1])


# --- means and sums of values, and metrics of one's own --------------------------------------


def test_means_and_sums():
    assert metrics.Mean()([[1, 3], [5, 7]]) == 4.0
    assert metrics.Mean()(3.0) == 3.0
    assert metrics.Mean()([[1, 3], [5, 7]], sample_weight=[1, 3]) == 5.0
    assert metrics.Mean()([[1, 3], [5, 7]], sample_weight=[[1, 0], [0, 1]]) == 4.0
    assert metrics.Mean()([1, np.nan], sample_weight=[1, 0]) == 1.0
    assert metrics.Sum()([[1, 3], [5, 7]]) == 16.0
    assert metrics.Sum()([[1, 3], [5, 7]], sample_weight=[1, 3]) == 40.0
    with pytest.raises(ShapeError, match="sample_weight"):
        metrics.Mean().update_state([1, 2, 3], [1, 2])
    mean = metrics.Mean()
    mean.update_state([2.0])
    mean.reset_state()
    assert mean.result() == 0.0


@pytest.mark.parametrize("metric", [metrics.Mean(), metrics.Sum(), metrics.Mean])
def test_what_takes_values_is_no_metric_of_a_model(metric):
    with pytest.raises(ArgumentError, match=r"metrics: .*takes values.*MeanMetricWrapper"):
        network().compile("sgd", "mse", metrics=[metric])


def test_a_metric_may_not_have_too_many_sums():
    metric = metrics.AUC(10**5, multi_label=True)
    with pytest.raises(ArgumentError, match=r"auc: expected.*at most 100000000 sums"):
        network(outputs=1000).compile("sgd", "mse", metrics=[metric])
    with pytest.raises(ArgumentError, match="sums"):
        metric.update_state(np.zeros((1, 1000)), np.zeros((1, 1000)))


def test_a_function_of_ones_own():
    def off_by(y_true, y_pred, scale=1.0):
        return scale * (y_pred - y_true)

    metric = metrics.get(off_by)
    assert (type(metric), metric.name) == (metrics.MeanMetricWrapper, "off_by")
    assert not metric.compiled
    assert metric([1.0, 2.0], [[2.0], [5.0]]) == 2.0  # (n,) never meets (n, 1)
    assert metric([1.0], [[9.0]], sample_weight=[2.0]) == 5.0
    scaled = metrics.MeanMetricWrapper(off_by, scale=3.0)
    again = metrics.MeanMetricWrapper.from_config(scaled.get_config())
    assert again([0.0], [1.0]) == 3.0
    with pytest.raises(DataTypeError, match="fn"):
        metrics.MeanMetricWrapper(5)


class LargestError(metrics.Metric):
    def __init__(self, name="largest_error", **kwargs):
        super().__init__(name=name, **kwargs)
        self.largest = self.add_weight(name="largest", initializer="zeros", shape=())

    def update_state(self, y_true, y_pred, sample_weight=None):
        error = np.abs(np.asarray(y_true) - np.asarray(y_pred)).max()
        self.largest.assign(np.maximum(self.largest, error))

    def result(self):
        return float(self.largest)


def test_a_metric_of_ones_own():
    metric = LargestError()
    assert (metric.compiled, metric.dtype, len(metric.variables)) == (False, None, 1)
    metric.update_state([0.0, 1.0], [0.5, 3.0])
    assert metric([0.0], [0.5]) == 2.0
    metric.reset_state()
    assert metric.result() == 0.0
    assert LargestError.from_config(metric.get_config()).name == "largest_error"


def test_a_metric_that_changes_a_compiled_one_runs_in_python():
    class Doubled(metrics.BinaryAccuracy):
        def result(self):
            return 2 * super().result()

    class Renamed(metrics.BinaryAccuracy):
        pass

    assert not Doubled().compiled
    assert Doubled()([1], [0.9]) == 2.0
    assert Renamed().compiled
    assert all(cls(**args).compiled != cls(**args).keeps_rows for _, cls, args in CASES)


class Rows(metrics.Metric):
    """A metric whose variable bears the name of a method of compiled metrics."""

    def __init__(self, name="rows"):
        super().__init__(name=name)
        self.value = self.add_variable(name="value")

    def update_state(self, y_true, y_pred, sample_weight=None):
        self.value.assign_add(len(y_true))

    def result(self):
        return float(self.value)


class NegatedError(metrics.MeanSquaredError):
    def result(self):
        return -super().result()


def test_a_model_asks_a_metric_that_runs_in_python_for_its_result():
    model = Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Rows(), NegatedError(name="negated")])
    x = np.arange(12.0).reshape(6, 2)
    found = model.evaluate(x, x[:, :1], verbose=0, return_dict=True)
    assert found["rows"] == 6
    assert found["negated"] == pytest.approx(-found["loss"], rel=1e-5)


def test_any_loss_is_a_metric():
    loss = losses.BinaryCrossentropy(from_logits=True, name="mine")
    metric = metrics.get(loss)
    assert (metric.compiled, metric.name) == (True, "mine")
    z, y = np.array([[-2.0], [3.0], [0.5]]), np.array([[0.0], [1.0], [1.0]])
    expected = np.mean(np.log1p(np.exp(z)) - y * z)
    assert metric(y, z) == pytest.approx(expected, rel=1e-14)
    with pytest.raises(DataError, match="class numbers"):
        metrics.get(losses.SparseCategoricalCrossentropy())([0, 3], np.full((2, 3), 1 / 3))


# --- names, and models -----------------------------------------------------------------------


def test_get():
    made = metrics.BinaryAccuracy(name="mine")
    assert metrics.get(made) is made
    assert metrics.get(None) is None
    assert made.get_config() == {"name": "mine", "dtype": None, "threshold": 0.5}
    assert metrics.get("mae").name == "mae"
    assert type(metrics.get("mae")) is metrics.MeanAbsoluteError
    assert type(metrics.get("MeanAbsoluteError")) is metrics.MeanAbsoluteError
    assert type(metrics.get(losses.mean_squared_error)) is metrics.MeanSquaredError
    assert type(metrics.get(metrics.binary_accuracy)) is metrics.BinaryAccuracy
    assert metrics.get(metrics.BinaryAccuracy).name == "binary_accuracy"
    assert type(metrics.get("accuracy")) is metrics.BinaryAccuracy
    assert type(metrics.get("accuracy", 3)) is metrics.CategoricalAccuracy
    assert type(metrics.get("acc", 3, True)) is metrics.SparseCategoricalAccuracy
    assert type(metrics.get("auc")) is metrics.AUC
    with pytest.raises(UnknownNameError, match="metrics: no 'f1'; did you mean 'f1_score'"):
        metrics.get("f1")
    with pytest.raises(ArgumentError, match="metrics"):
        metrics.get(5)
    with pytest.raises(UnknownNameError, match="LargestError"):
        metrics.deserialize({"class_name": "LargestError", "config": {}})
    custom = {"LargestError": LargestError}
    again = metrics.deserialize(metrics.serialize(LargestError()), custom)
    assert type(again) is LargestError


ENGINE_CASES = [
    ("mse", "mse"),
    ("mse", "mae"),
    ("mse", "binary_accuracy"),
    ("mse", "r2_score"),
    ("bce fused", "binary_accuracy"),
    ("bce fused", "mae"),
    ("bce fused", "auc"),
    ("bce logits", "accuracy"),
    ("cce fused", "mse"),
    ("cce fused", "f1_score"),
    ("cce sigmoid", "accuracy"),
    ("cce logits", "categorical_accuracy"),
    ("sparse fused", "accuracy"),
    ("sparse fused", "brier_score"),
    ("sparse logits", "sparse_categorical_accuracy"),
]


@pytest.mark.parametrize(("case", "name"), ENGINE_CASES)
def test_the_engine_agrees(engine, case, name):
    x, y = data_of_case(case, 203, "float64")
    if case == "mse":
        y = (y > 1).astype(float)
    model = compiled(case, "float64", metrics=[name])
    by_hand = metrics.get(name, model.output_shape[1], case.startswith("sparse"))
    expected = by_hand(y, model.predict(x))
    assert np.all(expected != 0)
    figures = model.evaluate(x, y, verbose=0, return_dict=True)
    np.testing.assert_allclose(figures[name], expected, rtol=1e-12)
    np.testing.assert_allclose(model.test_on_batch(x, y)[1], expected, rtol=1e-12)
    np.testing.assert_allclose(model.train_on_batch(x, y)[1], expected, rtol=1e-12)


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


def test_a_metric_of_ones_own_in_a_model(engine):
    x, y = regression(70)
    model = network()
    model.compile("sgd", "mse", metrics=[LargestError(), "mae"])
    expected = np.abs(model.predict(x) - y).max()
    for _ in range(2):  # each evaluation begins anew
        _, largest, mae = model.evaluate(x, y, verbose=0)
        assert largest == pytest.approx(expected, rel=1e-6)
    assert 0 < mae < largest


def test_metrics_that_do_not_fit_a_model():
    with pytest.raises(ShapeError, match="class_id"):
        network(outputs=2).compile("sgd", "mse", metrics=[metrics.Recall(class_id=2)])
    loss = "sparse_categorical_crossentropy"
    with pytest.raises(ArgumentError, match=r"auc.*class numbers"):
        network(outputs=3).compile("sgd", loss, metrics=["auc"])
