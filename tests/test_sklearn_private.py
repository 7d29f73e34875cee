"""Private training by estimators."""

import numpy as np
import pytest
from private_models import HUGE, NOISY, X, Y

from fastgd.errors import ArgumentError

sklearn = pytest.importorskip("sklearn")
LABELS = (Y[:, 0] > 0).astype(int)


def test_a_private_perceptron():
    from fastgd.sklearn import MLPClassifier, MLPRegressor

    model = MLPClassifier((5,), privacy=NOISY, max_iter=30, batch_size=20, random_state=1)
    model.fit(X, LABELS, sample_weight=np.linspace(0.5, 1, 60))
    assert model.model_.privacy.ledger.steps == 90
    again = sklearn.clone(model).fit(X, LABELS, sample_weight=np.linspace(0.5, 1, 60))
    assert np.array_equal(model.predict_proba(X), again.predict_proba(X))
    model.set_params(warm_start=True, max_iter=1).fit(X, LABELS)
    assert model.model_.privacy.ledger.steps == 93
    model.set_params(alpha=0.5).fit(X, LABELS)  # which makes the network anew
    assert model.model_.privacy.ledger.steps == 96
    with pytest.raises(ArgumentError, match="96 steps of this model were private"):
        model.set_params(privacy=None).fit(X, LABELS)
    number = MLPRegressor(hidden_layer_sizes=(5,), privacy=NOISY, max_iter=2).fit(X, Y[:, 0])
    assert number.model_.privacy.ledger.steps == 2
    number.partial_fit(X, Y[:, 0])
    assert number.model_.privacy.ledger.steps == 3


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("solver", "lbfgs"), ("early_stopping", True), ("learning_rate", "adaptive"),
        ("class_weight", "balanced"), ("shuffle", False),
    ],
)  # fmt: skip
def test_what_a_private_perceptron_refuses(name, value):
    from fastgd.sklearn import MLPClassifier

    model = MLPClassifier((5,), privacy=NOISY, max_iter=2, **{"solver": "sgd", name: value})
    with pytest.raises(ArgumentError, match=name):
        model.fit(X, LABELS)


def test_a_private_perceptron_without_noise_is_a_plain_one():
    from fastgd.sklearn import MLPClassifier

    settings = {"hidden_layer_sizes": (5,), "max_iter": 5, "batch_size": 60, "random_state": 1,
                "alpha": 0.3, "class_weight": {1: 2.0}}  # fmt: skip
    private = MLPClassifier(privacy=HUGE, **settings).fit(X, LABELS)
    # a weight of a row counts against the batch size, not against the sum of weights
    with pytest.warns(UserWarning, match="5 epochs of max_iter"):
        plain = MLPClassifier(**settings | {"class_weight": None}).fit(X, LABELS)
    equal = MLPClassifier(privacy=HUGE, **settings | {"class_weight": None}).fit(X, LABELS)
    assert np.allclose(equal.predict_proba(X), plain.predict_proba(X), rtol=1e-9)
    assert not np.allclose(private.predict_proba(X), plain.predict_proba(X))


def test_private_logistic_regression():
    from fastgd.sklearn import LogisticRegression

    exact = LogisticRegression(C=0.5).fit(X, LABELS)
    found = LogisticRegression(
        C=0.5, privacy=HUGE, max_iter=4000, batch_size=60, learning_rate_init=0.01
    ).fit(X, LABELS)
    assert np.allclose(found.coef_, exact.coef_, atol=1e-4)
    assert np.allclose(found.intercept_, exact.intercept_, atol=1e-4)
    assert np.allclose(found.predict_proba(X), exact.predict_proba(X), atol=1e-4)
    noisy = LogisticRegression(privacy=NOISY, batch_size=30).fit(X, LABELS)
    assert noisy.model_.privacy.ledger.steps == 200
    assert noisy.score(X, LABELS) > 0.5
    three = np.digitize(Y[:, 0], [-0.5, 0.5])
    exact = LogisticRegression().fit(X, three)
    several = LogisticRegression(privacy=HUGE, max_iter=4000, batch_size=60).fit(X, three)
    assert several.coef_.shape == (3, 4)
    assert np.allclose(several.predict_proba(X), exact.predict_proba(X), atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("l1_ratio", 0.5),
        ("fit_intercept", False),
        ("class_weight", "balanced"),
        ("solver", "liblinear"),
    ],
)
def test_what_private_logistic_regression_refuses(name, value):
    from fastgd.sklearn import LogisticRegression

    with pytest.raises(ArgumentError, match=name):
        LogisticRegression(privacy=NOISY, **{name: value}).fit(X, LABELS)
    with pytest.raises(ArgumentError, match="partial_fit"):
        LogisticRegression(privacy=NOISY).partial_fit(X, LABELS, classes=[0, 1])


def test_a_plain_logistic_regression_drops_the_private_network():
    from fastgd.sklearn import LogisticRegression

    model = LogisticRegression(privacy=NOISY, batch_size=30).fit(X, LABELS)
    model.set_params(privacy=None).fit(X, LABELS)
    assert not hasattr(model, "model_")
