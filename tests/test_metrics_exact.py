"""Metrics that need all rows, by scikit-learn's; and values that the data do not define."""

import copy
import warnings

import numpy as np
import pytest
from sklearn.calibration import calibration_curve
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from fastgd import Sequential, callbacks, layers, metrics, utils
from fastgd.errors import ArgumentError, ShapeError


def credit(n=6000, rate=0.006, seed=0):
    """Probabilities and truths of a rare event, and weights, some of them 0."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=n)
    p = 1 / (1 + np.exp(-(z + np.log(rate / (1 - rate)))))
    y = (rng.random(n) < p).astype(float)
    return np.round(p, 4), y, rng.integers(0, 4, n) / 2  # rounded: many are tied


def kolmogorov_smirnov(y, p, w=None):
    fpr, tpr, _ = roc_curve(y, p, sample_weight=w)
    return np.abs(tpr - fpr).max()


@pytest.mark.parametrize("scale", ["probabilities", "logits", "points", "large", "float32"])
@pytest.mark.parametrize("weighted", [False, True])
def test_ranks_do_not_depend_on_the_scale(scale, weighted):
    p, y, w = credit()
    p = {"probabilities": p, "logits": np.log(p / (1 - p)), "points": 300 + 550 * p,
         "large": 1e9 * p - 1e12, "float32": p.astype(np.float32)}[scale]  # fmt: skip
    w = w if weighted else None
    area = roc_auc_score(y, p, sample_weight=w)
    for metric, expected in (
        (metrics.Gini(), 2 * area - 1),
        (metrics.AUC(exact=True), area),
        (metrics.KolmogorovSmirnov(), kolmogorov_smirnov(y, p, w)),
    ):
        for rows in (slice(0, 1), slice(1, 5000), slice(5000, None)):
            metric.update_state(y[rows], p[rows], None if w is None else w[rows])
        assert metric.result() == pytest.approx(expected, rel=1e-12)
        metric.reset_state()
        assert metric([0, 1], [7, 7]) == (0.5 if type(metric) is metrics.AUC else 0.0)


def test_the_default_auc_keeps_its_grid():
    p, y, _ = credit()
    assert metrics.AUC()(y, p) != pytest.approx(roc_auc_score(y, p), rel=1e-3)


def test_areas_of_several_columns():
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, (200, 3)), rng.normal(size=(200, 3)).round(1)
    each = [roc_auc_score(y[:, j], p[:, j]) for j in range(3)]
    assert metrics.AUC(exact=True, multi_label=True)(y, p) == pytest.approx(np.mean(each))
    weighted = metrics.AUC(exact=True, multi_label=True, label_weights=[1, 2, 5])
    assert weighted(y, p) == pytest.approx(np.average(each, weights=[1, 2, 5]))
    assert metrics.AUC(exact=True)(y, p) == pytest.approx(roc_auc_score(y.ravel(), p.ravel()))
    by_column = np.tile([1, 2, 5], (200, 1))
    together = roc_auc_score(y.ravel(), p.ravel(), sample_weight=by_column.ravel())
    metric = metrics.AUC(exact=True, label_weights=[1, 2, 5])
    assert metric(y, p) == pytest.approx(together)
    # steps at each score, with the smaller precision or the larger one
    low = metrics.AUC(exact=True, curve="PR", summation_method="minoring")(y[:, 0], p[:, 0])
    high = metrics.AUC(exact=True, curve="PR", summation_method="majoring")(y[:, 0], p[:, 0])
    assert low < average_precision_score(y[:, 0], p[:, 0]) < high


@pytest.mark.parametrize(("n", "bins"), [(1000, 10), (1237, 15), (40, 7)])
def test_bins_between_quantiles(n, bins):
    p, y, w = credit(n, 0.2)
    true, predicted = calibration_curve(y, p, n_bins=bins, strategy="quantile")
    edges = np.percentile(p, np.linspace(0, 1, bins + 1) * 100)
    counts = np.bincount(np.searchsorted(edges[1:-1], p), minlength=bins)
    expected = np.average(np.abs(true - predicted), weights=counts[counts > 0])
    metric = metrics.ExpectedCalibrationError(bins, strategy="quantile")
    assert metric(y, p) == pytest.approx(expected, rel=1e-12)
    again = type(metric).from_config(metric.get_config())
    assert again(y, p, w) != pytest.approx(expected, rel=1e-3)


def several():
    return [
        metrics.Gini(), metrics.KolmogorovSmirnov(), metrics.AUC(exact=True),
        metrics.ExpectedCalibrationError(5, strategy="quantile"),
    ]  # fmt: skip


def scorecard(engine_metrics=(), **arguments):
    utils.set_random_seed(3)
    model = Sequential([layers.Input((2,)), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy", metrics=list(engine_metrics), **arguments)
    return model


def test_a_model_computes_them_over_whole_epochs(engine):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(5000, 2))
    y, w = (rng.random(5000) < 0.1).astype(float), rng.integers(0, 3, 5000) / 2
    model = scorecard(several(), weighted_metrics=several())
    p = model.predict(x)
    found = model.evaluate(x, y, batch_size=7, sample_weight=w, verbose=0, return_dict=True)
    assert list(found) == model.metrics_names
    for metric in several():
        assert found[metric.name] == metric(y, p)
        metric.reset_state()
        assert found[f"weighted_{metric.name}"] == metric(y, p, w)
    for calls in (model.test_on_batch(x, y), model.evaluate(x, y, verbose=0)):
        assert calls[1:5] == [found[metric.name] for metric in several()]
    seen = []  # what a training epoch collects: the predictions before each step

    class Collect(metrics.Metric):
        def update_state(self, y_true, y_pred, sample_weight=None):
            seen.append((y_true, y_pred))

        def result(self):
            return 0.0

    model.compile("sgd", "binary_crossentropy", metrics=[*several(), Collect()])
    history = model.fit(x, y, epochs=2, verbose=0).history
    assert len(seen) == 2 * 157
    for epoch in range(2):
        y_true, y_pred = map(np.concatenate, zip(*seen[157 * epoch :][:157], strict=True))
        area = roc_auc_score(y_true[:, 0], y_pred[:, 0])
        assert history["gini"][epoch] == pytest.approx(2 * area - 1, rel=1e-12)
        assert history["auc"][epoch] == pytest.approx(area, rel=1e-12)


def test_they_keep_no_rows_once_the_value_is_given():
    x, y = np.ones((50, 2)), np.arange(50) % 2
    model = scorecard([metrics.Gini()])
    model.fit(x, y, verbose=0)
    model.evaluate(x, y, verbose=0)
    model.train_on_batch(x, y)
    assert model.metrics[0].result() == 0.0
    assert copy.deepcopy(model).evaluate(x, y, verbose=0)[1] == 0.0


def test_values_of_whole_epochs_only():
    seen = []
    note = callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append(set(logs))
    )
    model = scorecard([metrics.Gini(), "mae"])
    history = model.fit(
        np.ones((8, 2)), [0, 1] * 4, batch_size=4, verbose=0, callbacks=[note]
    ).history
    assert seen == [{"loss", "mae"}] * 2
    assert list(history) == ["loss", "gini", "mae"]


def test_other_shapes_are_refused():
    gini = metrics.Gini()
    with pytest.raises(ShapeError, match="y_true"):
        gini.update_state([0, 1, 1], [0.5, 0.5])
    with pytest.raises(ShapeError, match="sample_weight"):
        gini.update_state([0, 1], [0.5, 0.5], [1, 2, 3])
    assert gini.result() == 0.0
    gini.update_state([0, 1], [0.2, 0.5])
    with pytest.raises(ShapeError, match=r"y_pred: .*as before, got \(2, 2\)"):
        gini.update_state(np.eye(2), np.eye(2))
    assert gini.result() == 1.0
    model = Sequential([layers.Input((2,)), layers.Dense(3, activation="softmax")])
    with pytest.raises(ArgumentError, match="class numbers"):
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metrics.Gini()])


# --- values that are not defined --------------------------------------------------------------

BOTH = [
    metrics.AUC(), metrics.AUC(exact=True), metrics.AUC(curve="PRGAIN"), metrics.Gini(),
    metrics.KolmogorovSmirnov(), metrics.SensitivityAtSpecificity(0.5),
    metrics.SpecificityAtSensitivity(0.5),
]  # fmt: skip
POSITIVES = [
    metrics.AUC(curve="PR"), metrics.AUC(curve="PR", exact=True),
    metrics.PrecisionAtRecall(0.5), metrics.RecallAtPrecision(0.5),
]  # fmt: skip
P = [0.2, 0.6, 0.6, 0.9]


def named(given):
    return [(f"{type(m).__name__}-{k}", m) for k, m in enumerate(given)]


@pytest.mark.parametrize(("name", "metric"), named(BOTH + POSITIVES))
def test_a_class_that_is_missing_leaves_nan(name, metric):
    metric.reset_state()
    assert metric.result() == 0.0  # nothing was said
    with pytest.warns(UserWarning, match=f"{metric.name} is NaN.*both classes") as caught:
        assert np.isnan(metric([0, 0, 0, 0], P))
    assert caught[0].filename == __file__
    metric.reset_state()
    if metric in BOTH:
        with pytest.warns(UserWarning, match="is NaN"):
            assert np.isnan(metric([1, 1, 1, 1], P))
    else:  # a recall needs no negatives
        assert metric([1, 1, 1, 1], P) == pytest.approx(1)
    metric.reset_state()
    metric.update_state([0, 1], [0.2, 0.8])
    assert np.isfinite(metric.result())


def test_a_column_of_one_class_leaves_nan():
    y = np.array([[0, 1], [1, 1]])
    for exact in (False, True):
        with pytest.warns(UserWarning, match="is NaN"):
            assert np.isnan(metrics.AUC(multi_label=True, exact=exact)(y, np.eye(2)))


def test_r2_of_a_single_row():
    with pytest.warns(UserWarning, match="r2_score is NaN.*two rows"):
        assert np.isnan(metrics.R2Score()([1.0], [1.0]))
    assert metrics.R2Score()([1.0, 1.0], [1.0, 1.0]) == 1.0  # as in scikit-learn


@pytest.mark.parametrize(
    "metric", [metrics.Recall(), metrics.Precision(), metrics.F1Score("macro", 0.5)]
)
def test_keras_defines_others_as_zero(metric):
    assert metric([0, 0, 0, 0], [0.2, 0.3, 0.4, 0.1]) == 0.0


class Watch(callbacks.Callback):
    """Asks for the values after each batch."""

    def on_train_batch_end(self, batch, logs=None):
        pass


def test_a_model_warns_of_whole_results_only():
    names = ["auc", "gini", "specificity_at_sensitivity"]
    chosen = [metrics.AUC(), metrics.Gini(), metrics.SpecificityAtSensitivity(0.5)]
    model = scorecard(chosen)
    x, y = np.ones((64, 2)), np.zeros(64)
    y[-1] = 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        history = model.fit(x, y, shuffle=False, verbose=0, callbacks=[Watch()]).history
    assert all(np.isfinite(history[name][0]) for name in names)
    for call in (model.evaluate, model.fit):
        with pytest.warns(UserWarning, match="is NaN") as caught:
            call(x, np.zeros(64), verbose=0)
        assert sorted(str(one.message).split()[0] for one in caught) == names
        assert {one.filename for one in caught} == {__file__}
    assert np.isnan(model.history.history["gini"][0])
