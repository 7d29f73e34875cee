"""Sizes that no memory holds are refused at once, with a typed error, or do not matter."""

import numpy as np
import pytest

from fastgd import utils
from fastgd.errors import ArgumentError, DataTypeError

HUGE = 10**30
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(20, 3))
LABELS = (X[:, 0] > 0).astype(int)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (
            lambda: utils.to_categorical([0], HUGE),
            ArgumentError,
            "num_classes: expected an array",
        ),
        (
            lambda: utils.to_categorical([0], 10**17),
            ArgumentError,
            "num_classes: expected an array",
        ),
        (lambda: utils.to_categorical([1e30]), ArgumentError, "expected class numbers"),
        (lambda: utils.set_random_seed(HUGE), ArgumentError, "seed"),
        (lambda: utils.split_dataset(X, left_size=HUGE), ArgumentError, "left_size"),
        (
            lambda: utils.normalize(X, axis=HUGE),
            ArgumentError,
            "axis: expected one of",
        ),
        (
            lambda: utils.normalize(X, axis=2),
            ArgumentError,
            "axis: expected one of",
        ),
        (lambda: utils.normalize(X, axis=-3), ArgumentError, "axis"),
        (lambda: utils.normalize(X, axis=0.5), DataTypeError, "axis"),
        (lambda: utils.normalize(X, order="fro"), DataTypeError, "order"),
        (lambda: utils.normalize(X, order=np.nan), ArgumentError, "order"),
    ],
)
def test_helpers(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_many_classes_take_no_more_than_their_rows():
    found = utils.to_categorical([200_000])  # a matrix of the identity would take 320 GB
    assert found.shape == (1, 200_001)
    assert (found.sum(), found[0, 200_000]) == (1, 1)


def test_one_label_is_one_row():
    assert utils.to_categorical(2).tolist() == [0, 0, 1]
    assert utils.to_categorical(np.int64(1), 4).tolist() == [0, 1, 0, 0]
    with pytest.raises(ArgumentError):
        utils.to_categorical(3, 3)


def test_norms_of_other_orders():
    np.testing.assert_allclose(utils.normalize([[3.0, -4.0]], order=np.inf), [[0.75, -1.0]])
    np.testing.assert_allclose(utils.normalize([[3.0, -1.0]], order=1), [[0.75, -0.25]])


@pytest.mark.parametrize("size", [HUGE, 10**12])
def test_layers_of_estimators(size):
    ours = pytest.importorskip("fastgd.sklearn")
    for estimator in (
        ours.MLPClassifier((4, size)),
        ours.MLPRegressor(hidden_layer_sizes=size),
        ours.Classifier(model__units=size),
        ours.Regressor(model__units=size),
    ):
        with pytest.raises(ArgumentError, match="at most 2147483647 units"):
            estimator.fit(X, LABELS)


@pytest.mark.filterwarnings("ignore:the fit did not converge")
def test_other_numbers_of_estimators_do_not_matter():
    ours = pytest.importorskip("fastgd.sklearn")
    for kind, y in ((ours.SGDClassifier, LABELS), (ours.SGDRegressor, X[:, 0])):
        few = {"max_iter": 5, "tol": None, "random_state": 0}
        whole = kind(batch_size=None, **few).fit(X, y)
        np.testing.assert_array_equal(kind(batch_size=HUGE, **few).fit(X, y).coef_, whole.coef_)
        plain = kind(**few).fit(X, y)
        np.testing.assert_array_equal(kind(average=HUGE, **few).fit(X, y).coef_, plain.coef_)
        kind(n_iter_no_change=HUGE, **(few | {"tol": 1e-3})).fit(X, y)
    ours.LogisticRegression(max_iter=HUGE).fit(X, LABELS)
