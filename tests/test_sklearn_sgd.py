"""SGDClassifier and SGDRegressor beside those of scikit-learn."""

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse
import sklearn.linear_model as peer
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import unique_labels

import fastgd.sklearn as own
from fastgd.errors import DataError, ShapeError

PLAIN = {"shuffle": False, "alpha": 0.01, "eta0": 0.02, "max_iter": 8, "tol": None}
PARTS = (slice(0, 50), slice(50, 51), slice(51, 120))
RATES = ("optimal", "constant", "invscaling", "adaptive")


def data(n=61, d=9, k=2, sparse=False, seed=0):
    rng = np.random.default_rng(seed)
    x = np.where(rng.random((n, d)) < 0.5, rng.normal(size=(n, d)), 0)
    z = x @ rng.normal(size=(d, k)) + 0.5 * rng.normal(size=(n, k))
    labels = np.array(["blue", "green", "red"])[z.argmax(axis=1)]
    return scipy.sparse.csr_matrix(x) if sparse else x, labels, z[:, 0]


def check_same(ours, theirs, rtol=1e-9):
    scale = np.abs(theirs.coef_).max()
    np.testing.assert_allclose(ours.coef_, theirs.coef_, rtol=rtol, atol=rtol * scale)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, rtol=rtol, atol=rtol)
    assert ours.coef_.shape == theirs.coef_.shape
    assert (ours.n_iter_, ours.t_) == (theirs.n_iter_, theirs.t_)


def cases():
    """Losses, penalties, rules and averaging: each pair of neighbours in these lists."""
    penalties = ("l2", "l1", "elasticnet", None)
    averages = (False, True, 30)
    for i, loss in enumerate(peer.SGDClassifier.loss_functions):
        for j, rate in enumerate(RATES):
            penalty = penalties[(i + j) % 4]
            unstable = loss.startswith("squared") and rate == "optimal"
            yield {
                "loss": loss, "penalty": penalty,
                # scikit-learn's averages are not those of the weights if there is an L1 penalty
                "average": averages[(i + 2 * j) % 3] if penalty in ("l2", None) else False,
                "learning_rate": "constant" if unstable else rate,
            }  # fmt: skip


@pytest.mark.parametrize("sparse", [False, True])
def test_classifier_weights_are_scikit_learns(sparse):
    x, y, _ = data(sparse=sparse)
    weights = np.random.default_rng(0).random(len(y))
    for case in cases():
        ours, theirs = (
            c.SGDClassifier(**PLAIN | case).fit(x, y, sample_weight=weights)
            for c in (own, peer)
        )
        check_same(ours, theirs)
        assert np.array_equal(ours.predict(x), theirs.predict(x))


@pytest.mark.parametrize("sparse", [False, True])
def test_regressor_weights_are_scikit_learns(sparse):
    x, _, y = data(sparse=sparse)
    for case in cases():
        if case["loss"] in peer.SGDRegressor.loss_functions:
            ours, theirs = (c.SGDRegressor(**PLAIN | case).fit(x, y) for c in (own, peer))
            check_same(ours, theirs)
            np.testing.assert_allclose(ours.predict(x), theirs.predict(x), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("rate", ["pa1", "pa2"])
def test_passive_aggressive_steps_are_scikit_learns(rate):
    x, labels, y = data()
    settings = PLAIN | {"learning_rate": rate, "eta0": 0.5}
    check_same(*(c.SGDClassifier(**settings).fit(x, labels) for c in (own, peer)))
    settings["loss"] = "epsilon_insensitive"
    check_same(*(c.SGDRegressor(**settings).fit(x, y) for c in (own, peer)))


@pytest.mark.parametrize("loss", ["hinge", "log_loss", "modified_huber"])
@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_several_classes(loss, class_weight):
    x, y, _ = data(90, k=3)
    settings = PLAIN | {"loss": loss, "class_weight": class_weight}
    ours, theirs = (c.SGDClassifier(**settings).fit(x, y) for c in (own, peer))
    check_same(ours, theirs)
    assert np.array_equal(ours.classes_, theirs.classes_)
    threaded = own.SGDClassifier(**settings, n_jobs=2).fit(x, y)
    assert np.array_equal(threaded.coef_, ours.coef_)
    if loss != "hinge":
        np.testing.assert_allclose(ours.predict_proba(x), theirs.predict_proba(x), rtol=1e-8)
    else:
        assert not hasattr(ours, "predict_proba")


def test_epochs_end_where_scikit_learns_do():
    x, labels, y = data(200)
    for penalty in ("l2", "l1", "elasticnet"):
        settings = PLAIN | {"penalty": penalty, "max_iter": 500, "tol": 1e-3}
        check_same(*(c.SGDClassifier(**settings).fit(x, labels) for c in (own, peer)))
        settings["learning_rate"] = "adaptive"
        check_same(*(c.SGDRegressor(**settings).fit(x, y) for c in (own, peer)), rtol=1e-8)


def test_early_stopping_judges_by_the_same_rows():
    x, labels, y = data(150)
    settings = PLAIN | {"early_stopping": True, "max_iter": 100, "tol": 1e-3, "random_state": 3}
    check_same(*(c.SGDClassifier(**settings).fit(x, labels) for c in (own, peer)))
    # without a penalty: scikit-learn scores weights before they are scaled
    settings |= {"learning_rate": "invscaling", "penalty": None}
    check_same(*(c.SGDRegressor(**settings).fit(x, y) for c in (own, peer)))


def test_partial_fit_goes_on_as_scikit_learns_does():
    x, labels, y = data(120, k=3)
    settings = PLAIN | {"penalty": "elasticnet"}
    classifiers = [c.SGDClassifier(**settings) for c in (own, peer)]
    regressors = [c.SGDRegressor(**settings) for c in (own, peer)]
    for part in PARTS:
        for model in classifiers:
            model.partial_fit(x[part], labels[part], classes=np.unique(labels))
        for model in regressors:
            model.partial_fit(x[part], y[part])
        check_same(*classifiers)
        check_same(*regressors)


def test_averages_go_on_in_parts():
    # scikit-learn loses the intercept behind the averaged one between two calls
    x, labels, _ = data(120, k=3)
    settings = PLAIN | {"average": 20, "max_iter": 1}
    parts, whole = own.SGDClassifier(**settings), own.SGDClassifier(**settings).fit(x, labels)
    for part in PARTS:
        parts.partial_fit(x[part], labels[part], classes=np.unique(labels))
    check_same(parts, whole)
    check_same(whole, peer.SGDClassifier(**settings).fit(x, labels))


def test_warm_start_and_initial_weights():
    x, labels, y = data()
    models = [c.SGDClassifier(**PLAIN, warm_start=True).fit(x, labels) for c in (own, peer)]
    check_same(*(model.fit(x, labels) for model in models))
    start = {"coef_init": np.ones(9), "intercept_init": [0.5]}
    check_same(*(c.SGDRegressor(**PLAIN).fit(x, y, **start) for c in (own, peer)))
    with pytest.raises(ShapeError, match="coef_init"):
        own.SGDRegressor().fit(x, y, coef_init=np.ones(4))


def test_float32_rows_are_read_as_they_are():
    x, labels, _ = data()
    single = own.SGDClassifier(**PLAIN).fit(x.astype(np.float32), labels)
    double = own.SGDClassifier(**PLAIN).fit(x.astype(np.float32).astype(np.float64), labels)
    np.testing.assert_allclose(single.coef_, double.coef_, rtol=1e-12)
    assert single.coef_.dtype == np.float64


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_full_batches_take_weights_for_repeated_rows():
    x, labels, y = data()
    times = np.random.default_rng(0).integers(0, 4, len(y))
    settings = {"batch_size": None, "learning_rate": "constant", "eta0": 0.1, "max_iter": 50,
                "tol": 1e-4, "loss": "huber"}  # fmt: skip
    for estimator, target in ((own.SGDClassifier, labels), (own.SGDRegressor, y)):
        weighted = estimator(**settings).fit(x, target, sample_weight=times)
        repeated = estimator(**settings).fit(x.repeat(times, axis=0), target.repeat(times))
        np.testing.assert_allclose(weighted.coef_, repeated.coef_, rtol=1e-10)


def test_rows_one_by_one():
    x, labels, y = data()
    for average in (False, 5):
        one, other = (own.SGDClassifier(**PLAIN, average=average) for _ in range(2))
        for model in (one, other):
            model.partial_fit(x[:10], labels[:10], classes=["blue", "green"])
        for row, label in zip(x[10:], labels[10:], strict=True):
            one.learn_one(row, label)
        other.partial_fit(x[10:], labels[10:])
        check_same(one, other)
    with pytest.raises(DataError, match="one of"):
        one.learn_one(x[0], "yellow")
    with pytest.raises(ShapeError, match="expects 9 columns"):
        one.learn_one(x[0, :4], "blue")
    regressor = own.SGDRegressor(**PLAIN).fit(x, y)
    assert regressor.learn_one(x[0].tolist(), 1.0) is regressor


def test_copies_go_on_alike():
    x, labels, _ = data()
    model = own.SGDClassifier(**PLAIN, average=20).fit(x, labels)
    copies = [pickle.loads(pickle.dumps(model)), copy.deepcopy(model)]
    for one in (model, *copies):
        one.partial_fit(x, labels)
    for one in copies:
        assert np.array_equal(one.coef_, model.coef_)


def test_weights_put_in_place_are_gone_on_from():
    x, labels, _ = data()
    model = own.SGDClassifier(**PLAIN).fit(x, labels)
    model.coef_ = np.zeros_like(model.coef_)
    model.partial_fit(x[:1], labels[:1])
    assert np.count_nonzero(model.coef_) <= np.count_nonzero(x[0])
    sparse = own.SGDClassifier(**PLAIN).fit(x, labels).sparsify()
    dense = own.SGDClassifier(**PLAIN).fit(x, labels)
    for one in (sparse, dense):
        one.partial_fit(x, labels)
    assert np.array_equal(sparse.coef_, dense.coef_)


def test_what_does_not_fit_is_refused():
    x, labels, y = data()
    with pytest.raises(ValueError, match="classes must be passed"):
        own.SGDClassifier().partial_fit(x, labels)
    model = own.SGDClassifier().partial_fit(x, labels, classes=["blue", "green"])
    with pytest.raises(ValueError, match="not the same"):
        model.partial_fit(x, labels, classes=["blue", "red"])
    with pytest.raises(DataError, match="'red' at row 0"):
        model.partial_fit(x[:1], ["red"])
    for settings in ({"loss": "cosine"}, {"penalty": "l3"}, {"learning_rate": "fast"},
                     {"l1_ratio": None, "penalty": "elasticnet"}, {"eta0": -1}):  # fmt: skip
        with pytest.raises(ValueError, match=next(iter(settings))):
            own.SGDClassifier(**settings).fit(x, labels)
    with pytest.warns(ConvergenceWarning, match="StandardScaler"):
        own.SGDRegressor(max_iter=2).fit(x, y)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([True, False]),
        np.array([-128, 127, 3], np.int8),
        np.array([0.0, 1.0], np.float32),
        np.array([2**62, 2**62 + 1]),
        np.array([5, 9], np.uint64),
        np.array(["b", "a"]),
        np.array(["b", "a"], object),
    ],
    ids=str,
)
def test_classes_are_those_of_the_labels(labels):
    y = np.resize(labels, 2000)
    x = np.random.default_rng(0).normal(size=(2000, 2))
    classes = own.SGDClassifier(max_iter=1, tol=None).fit(x, y).classes_
    expected = unique_labels(y)
    assert np.array_equal(classes, expected)
    assert classes.dtype == expected.dtype


def test_labels_that_are_numbers_are_refused():
    x = np.random.default_rng(0).normal(size=(50, 2))
    for y in (x[:, 0], np.resize([0.0, 1.5], 50)):
        with pytest.raises(ValueError, match="Unknown label type: continuous"):
            own.SGDClassifier().fit(x, y)
    with pytest.raises(DataError, match="greater than one"):
        own.SGDClassifier().fit(x, np.ones(50))
