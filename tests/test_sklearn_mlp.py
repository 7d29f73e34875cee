"""Multi-layer perceptrons: scikit-learn's beside them, and what scikit-learn's cannot do."""

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn import neural_network
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV

import fastgd.sklearn
from fastgd import callbacks, losses, optimizers
from fastgd.errors import ArgumentError, DataError, DivergenceError, FastgdError
from fastgd.sklearn import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(5)
N = 70
X = RNG.normal(size=(N, 4))
NOISE = RNG.normal(size=N)
BINARY = np.where(X[:, 0] + X[:, 1] * X[:, 2] + 0.5 * NOISE > 0, "yes", "no")
SEVERAL = np.digitize(X[:, 0] + 0.2 * NOISE, [-0.5, 0.5])
LABELS = (X[:, :3] + 0.3 * NOISE[:, None] > 0).astype(int)
NUMBERS = 2 * X[:, 0] + np.sin(X[:, 1]) + 0.1 * NOISE
PAIRS = np.stack([NUMBERS, X[:, 2] ** 2], axis=1)
COUNTS = np.round(np.exp(X[:, 0]))
WEIGHTS = RNG.integers(0, 4, N)

BASE = {
    "hidden_layer_sizes": (6, 3), "max_iter": 6, "shuffle": False, "random_state": 3,
    "alpha": 0.3, "batch_size": 16,
}  # fmt: skip
CLASSES = {"binary": BINARY, "several": SEVERAL, "labels": LABELS}
TARGETS = {"numbers": NUMBERS, "pairs": PAIRS, "counts": COUNTS}


def both(task, sample_weight=None, **settings):
    """scikit-learn's network and ours, trained alike."""
    settings = BASE | settings
    name = "MLPClassifier" if task in CLASSES else "MLPRegressor"
    if task == "counts":
        settings["loss"] = "poisson"
    y = (CLASSES | TARGETS)[task]
    return [
        getattr(module, name)(**settings).fit(X, y, sample_weight)
        for module in (neural_network, fastgd.sklearn)
    ]


def assert_same_weights(a, b, **tolerance):
    for p, q in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_allclose(p, q, **tolerance)


def same_bits(a, b):
    pairs = zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True)
    return all(np.array_equal(p, q) for p, q in pairs)


# -- as scikit-learn ---------------------------------------------------------------------------


@pytest.mark.parametrize("task", [*CLASSES, *TARGETS])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_the_course_is_that_of_scikit_learn(solver, task):
    if (solver, task) == ("lbfgs", "pairs"):
        pytest.skip("scikit-learn's loss of several targets is not the one of its gradient")
    # at the kinks of relu a line search may turn a last bit into another way
    smooth = {"activation": "tanh"} if solver == "lbfgs" else {}
    theirs, ours = both(task, solver=solver, **smooth)
    close = {"rtol": 1e-9, "atol": 1e-9}
    assert_same_weights(theirs, ours, **close)
    np.testing.assert_allclose(ours.loss_, theirs.loss_, **close)
    for name in ("loss_curve_", "best_loss_"):
        assert hasattr(ours, name) == hasattr(theirs, name)
        if hasattr(theirs, name):
            np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), **close)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    np.testing.assert_array_equal(getattr(ours, "classes_", 0), getattr(theirs, "classes_", 0))
    if task in CLASSES:
        np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
        for method in ("predict_proba", "predict_log_proba"):
            expected = getattr(theirs, method)(X)
            np.testing.assert_allclose(getattr(ours, method)(X), expected, **close)
    else:
        np.testing.assert_allclose(ours.predict(X), theirs.predict(X), **close)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh"])
def test_so_it_is_for_each_activation(activation):
    assert_same_weights(*both("binary", activation=activation), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("task", ["binary", "numbers"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_so_it_is_with_weights_of_rows(solver, task):
    theirs, ours = both(task, WEIGHTS + 0.5, solver=solver)
    assert_same_weights(theirs, ours, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("rule", ["invscaling", "adaptive"])
def test_so_it_is_for_each_rule_of_the_rate(rule):
    theirs, ours = both(
        "binary", solver="sgd", learning_rate=rule, learning_rate_init=0.1, max_iter=60,
        tol=1e-2, n_iter_no_change=2,
    )  # fmt: skip
    assert theirs.n_iter_ == ours.n_iter_ < 60
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize("task", ["binary", "several", "numbers"])
def test_so_it_is_with_rows_kept_aside(task):
    theirs, ours = both(
        task, early_stopping=True, validation_fraction=0.3, max_iter=40, n_iter_no_change=4,
        learning_rate_init=0.02,
    )  # fmt: skip
    assert ours.n_iter_ == theirs.n_iter_
    np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=1e-9)
    assert ours.best_validation_score_ == pytest.approx(theirs.best_validation_score_)
    assert ours.best_loss_ is None
    assert_same_weights(theirs, ours, rtol=1e-9, atol=1e-12)


def test_shuffled_it_ranks_as_well_as_scikit_learn():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(600, 5))
    y = (x[:, 0] + x[:, 1] ** 2 + rng.normal(size=600) > 1).astype(int)
    settings = {"hidden_layer_sizes": (8,), "max_iter": 15, "learning_rate_init": 0.02}
    scores = [
        [
            roc_auc_score(y[300:], kind(random_state=seed, **settings)
                          .fit(x[:300], y[:300]).predict_proba(x[300:])[:, 1])
            for seed in range(3)
        ]
        for kind in (neural_network.MLPClassifier, MLPClassifier)
    ]  # fmt: skip
    assert abs(np.mean(scores[0]) - np.mean(scores[1])) < 0.02


@pytest.mark.parametrize("task", [*CLASSES, *TARGETS])
@pytest.mark.parametrize("solver", ["lbfgs", "adam"])
def test_weights_are_rows_that_come_again(solver, task):
    settings = BASE | {"solver": solver, "batch_size": "auto", "max_iter": 8}
    y = (CLASSES | TARGETS)[task]
    kind = MLPClassifier if task in CLASSES else MLPRegressor
    weighted = kind(**settings).fit(X, y, WEIGHTS)
    repeated = kind(**settings).fit(X.repeat(WEIGHTS, axis=0), y.repeat(WEIGHTS, axis=0))
    assert weighted.n_iter_ == repeated.n_iter_
    assert_same_weights(weighted, repeated, rtol=1e-10, atol=1e-10)


# -- what scikit-learn refuses ----------------------------------------------------------------


def test_weights_of_classes_are_weights_of_their_rows():
    by_class = MLPClassifier(**BASE, class_weight={"no": 0.5, "yes": 3}).fit(X, BINARY)
    by_row = MLPClassifier(**BASE).fit(X, BINARY, np.where(BINARY == "no", 0.5, 3.0))
    assert same_bits(by_class, by_row)
    assert not same_bits(by_class, MLPClassifier(**BASE).fit(X, BINARY))


def test_balanced_classes_count_weights_as_rows():
    counts = {c: WEIGHTS[c == BINARY].sum() for c in ("no", "yes")}
    each = {c: WEIGHTS.sum() / (2 * n) for c, n in counts.items()}
    balanced = MLPClassifier(**BASE, class_weight="balanced").fit(X, BINARY, WEIGHTS)
    by_hand = MLPClassifier(**BASE, class_weight=each).fit(X, BINARY, WEIGHTS)
    assert_same_weights(balanced, by_hand, rtol=1e-12)


def test_dropout_drops_in_training_alone():
    plain, dropped = (MLPRegressor(**BASE, dropout=d).fit(X, NUMBERS) for d in (0.0, 0.5))
    assert not same_bits(plain, dropped)
    np.testing.assert_array_equal(dropped.predict(X), dropped.predict(X))
    names = [layer.name for layer in dropped.model_.layers]
    assert names == ["hidden_0", "dropout_0", "hidden_1", "dropout_1", "out"]
    one = MLPRegressor(**BASE, dropout=[0.0, 0.2]).fit(X, NUMBERS)
    assert [layer.name for layer in one.model_.layers] == [
        "hidden_0", "hidden_1", "dropout_1", "out",
    ]  # fmt: skip


def test_each_layer_may_have_an_activation_of_its_own():
    model = MLPRegressor(**BASE, activation=["tanh", "logistic"]).fit(X, NUMBERS)
    (a, b, c), (p, q, r) = model.coefs_, model.intercepts_
    hidden = 1 / (1 + np.exp(-(np.tanh(X @ a + p) @ b + q)))
    np.testing.assert_allclose(model.predict(X), (hidden @ c + r)[:, 0], rtol=1e-12)


@pytest.mark.parametrize("task", list(CLASSES))
def test_the_focal_loss_is_lowered(task):
    model = MLPClassifier(**BASE | {"alpha": 0, "max_iter": 1}, loss="focal", warm_start=True)
    y = CLASSES[task]
    codes = np.searchsorted(np.unique(y), y) if task != "labels" else y
    loss = losses.BinaryFocalCrossentropy()
    if task == "several":
        loss, codes = losses.CategoricalFocalCrossentropy(), np.eye(3)[codes]
    found = []
    for _ in range(6):
        model.fit(X, y)
        p = model.predict_proba(X)
        p = p[:, 1:] if task == "binary" else p
        found.append(float(loss(codes.reshape(p.shape), p)))
    assert found[-1] < found[0]
    assert not same_bits(model, MLPClassifier(**BASE | {"alpha": 0}).fit(X, y))


def test_quantiles_lie_in_their_order():
    model = MLPRegressor(
        losses.Quantile([0.1, 0.9]), (8,), max_iter=60, learning_rate_init=0.03, random_state=1
    ).fit(X, NUMBERS)
    low, high = model.predict(X).T
    assert (low > NUMBERS).mean() < 0.3
    assert (high < NUMBERS).mean() < 0.3
    assert (low < high).mean() > 0.9


def test_a_loss_with_a_log_link_has_it():
    model = MLPRegressor(losses.Tweedie(1.5), (4,), max_iter=5, random_state=1).fit(X, COUNTS)
    assert model.out_activation_ == "exp"
    assert model.predict(X).min() > 0
    expected = np.exp(model.model_.predict(X))[:, 0]
    np.testing.assert_allclose(model.predict(X), expected, rtol=1e-14)
    with pytest.raises(DataError, match="y: tweedie expects targets of at least 0"):
        model.fit(X, NUMBERS)


def test_margins_are_no_probabilities():
    model = MLPClassifier(**BASE | {"max_iter": 40}, loss="hinge", learning_rate_init=0.05)
    assert model.fit(X, BINARY).score(X, BINARY) > 0.8
    assert not hasattr(model, "predict_proba")
    model.set_params(loss="categorical_hinge")
    assert model.fit(X, SEVERAL).score(X, SEVERAL) > 0.6


def test_any_optimizer_trains_and_stays_as_it_was():
    chosen = optimizers.AdamW(0.01, weight_decay=0.5)
    model = MLPRegressor(**BASE, solver=chosen).fit(X, NUMBERS)
    assert chosen.iterations == 0
    assert model.model_.optimizer.iterations == 6 * 5
    assert same_bits(model, clone(model).fit(X, NUMBERS))
    by_name = MLPRegressor(**BASE, solver="rmsprop", learning_rate_init=0.02).fit(X, NUMBERS)
    by_hand = MLPRegressor(**BASE, solver=optimizers.RMSprop(0.02)).fit(X, NUMBERS)
    assert same_bits(by_name, by_hand)
    assert not same_bits(model, by_name)


def test_a_schedule_gives_the_rate_of_each_step():
    decay = optimizers.schedules.ExponentialDecay(0.05, 10, 0.5)
    one = MLPRegressor(**BASE, solver="sgd", learning_rate=decay).fit(X, NUMBERS)
    rate = float(one.model_.optimizer.learning_rate)
    assert rate == pytest.approx(0.05 * 0.5 ** (30 / 10))


def test_validation_rows_may_be_given():
    part = {"X_val": X[50:], "y_val": BINARY[50:]}
    settings = BASE | {"max_iter": 300, "learning_rate_init": 0.03, "n_iter_no_change": 5}
    seen = []
    listen = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(dict(logs)))
    model = MLPClassifier(**settings, callbacks=[listen]).fit(X[:50], BINARY[:50], **part)
    assert model.n_iter_ < 300
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.score(X[50:], BINARY[50:]) == model.best_validation_score_
    assert {"loss", "val_loss", "val_score"} <= set(seen[-1])
    # rows of weight 0 are not there
    weights = np.r_[np.ones(20), np.zeros(50)]
    whole = {"X_val": np.r_[X[50:], X[:50]], "y_val": np.r_[BINARY[50:], BINARY[:50]]}
    again = MLPClassifier(**settings).fit(
        X[:50], BINARY[:50], **whole, sample_weight_val=weights
    )
    np.testing.assert_allclose(again.validation_scores_, model.validation_scores_)


def test_a_callback_may_end_it():
    stop = callbacks.EarlyStopping("loss", patience=2, min_delta=10.0)
    model = MLPRegressor(**BASE | {"max_iter": 50}, callbacks=stop).fit(X, NUMBERS)
    assert model.n_iter_ == len(model.loss_curve_) == 3


@pytest.mark.parametrize("solver", ["sgd", "adam", optimizers.Nadam()])
def test_a_warm_start_goes_on_to_the_bit(solver):
    settings = BASE | {"solver": solver, "shuffle": True, "dropout": 0.1}
    whole = MLPClassifier(**settings).fit(X, BINARY)
    parts = MLPClassifier(**settings | {"max_iter": 2}, warm_start=True)
    for fits in range(3):
        parts.fit(X, BINARY)
        assert (parts.n_iter_, parts.t_) == (2, 2 * N * (fits + 1))
    calls = MLPClassifier(**settings)
    for _ in range(6):
        calls.partial_fit(X, BINARY, classes=["no", "yes"])
        assert calls.n_iter_ == 1
    assert same_bits(whole, parts)
    assert same_bits(whole, calls)
    assert whole.loss_curve_ == parts.loss_curve_ == calls.loss_curve_
    parts = copy.deepcopy(pickle.loads(pickle.dumps(parts)))
    assert same_bits(parts.fit(X, BINARY), whole.set_params(warm_start=True, max_iter=2).fit(
        X, BINARY))  # fmt: skip


def test_a_warm_start_takes_up_what_was_set():
    model = MLPRegressor(**BASE, warm_start=True).fit(X, NUMBERS)
    before = [w.copy() for w in model.coefs_]
    model.set_params(learning_rate_init=1e-12, alpha=0.0).fit(X, NUMBERS)
    for old, new in zip(before, model.coefs_, strict=True):
        np.testing.assert_allclose(old, new, atol=1e-9)
    with pytest.raises(ArgumentError, match="hidden_layer_sizes: a warm start continues with"):
        model.set_params(hidden_layer_sizes=(3, 3)).fit(X, NUMBERS)


def test_threads_change_no_bit():
    settings = {"hidden_layer_sizes": (64,), "max_iter": 2, "random_state": 1}
    settings["batch_size"] = 512
    x = np.random.default_rng(2).normal(size=(1024, 64))
    one, two = (MLPRegressor(**settings, n_jobs=n).fit(x, x[:, 0]) for n in (1, 2))
    assert same_bits(one, two)


def test_models_fitted_side_by_side_are_those_fitted_one_after_the_other():
    grid = {"hidden_layer_sizes": [(3,), (5, 4)], "alpha": [1e-4, 1.0], "dropout": [0.0, 0.2]}
    found = []
    for jobs in (1, 3):
        model = MLPClassifier(max_iter=4, random_state=1)
        search = GridSearchCV(model, grid, n_jobs=jobs, cv=2)
        if jobs > 1:
            joblib = pytest.importorskip("joblib")
            with joblib.parallel_backend("threading", n_jobs=jobs):
                search.fit(X, BINARY)
        else:
            search.fit(X, BINARY)
        found.append(search)
    scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_array_equal(*scores)
    assert same_bits(found[0].best_estimator_, found[1].best_estimator_)


# -- the estimator's contract -----------------------------------------------------------------


def test_float32_stays():
    model = MLPRegressor(**BASE).fit(X.astype(np.float32), NUMBERS)
    assert {w.dtype.name for w in model.coefs_ + model.intercepts_} == {"float32"}
    assert model.predict(X).dtype == np.float32
    assert MLPRegressor(**BASE).fit(X, NUMBERS).predict(X).dtype == np.float64


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, sparse.coo_array])
def test_a_sparse_x_is_as_good_as_a_dense_one(form):
    x = np.where(X > 0.5, X, 0)
    dense = MLPClassifier(**BASE).fit(x, BINARY)
    thin = MLPClassifier(**BASE).fit(form(x), BINARY)
    assert same_bits(dense, thin)
    np.testing.assert_array_equal(thin.predict_proba(form(x)), dense.predict_proba(x))


def test_weights_are_views_that_may_be_set():
    model = MLPRegressor(**BASE).fit(X, NUMBERS)
    assert not hasattr(MLPRegressor(), "coefs_")
    assert all(np.shares_memory(w, model.model_.parameters) for w in model.coefs_)
    before = model.predict(X)
    model.coefs_[-1][:] = 0
    assert np.ptp(model.predict(X)) == 0
    other = MLPRegressor(**BASE | {"random_state": 8}).fit(X, NUMBERS)
    other.coefs_ = MLPRegressor(**BASE).fit(X, NUMBERS).coefs_
    other.intercepts_ = model.intercepts_
    np.testing.assert_array_equal(other.predict(X), before)
    with pytest.raises(FastgdError, match="shape"):
        other.coefs_ = [w.T for w in other.coefs_]


def test_copies_are_the_same_model():
    model = MLPClassifier(**BASE, solver=optimizers.Adam(0.01)).fit(X, SEVERAL)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert not np.shares_memory(again.coefs_[0], model.coefs_[0])
    assert not hasattr(clone(model), "model_")


def test_the_seed_decides():
    settings = BASE | {"shuffle": True}
    a, b = (MLPClassifier(**settings).fit(X, BINARY) for _ in range(2))
    assert same_bits(a, b)
    assert not same_bits(a, MLPClassifier(**settings | {"random_state": 4}).fit(X, BINARY))
    state = np.random.RandomState(3)
    assert same_bits(a, MLPClassifier(**settings | {"random_state": state}).fit(X, BINARY))


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_frames_are_known_by_their_columns(package):
    frames = pytest.importorskip(package)
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate("abcd")})
    model = MLPClassifier(**BASE).fit(frame, BINARY)
    assert model.feature_names_in_.tolist() == list("abcd")
    assert same_bits(model, MLPClassifier(**BASE).fit(X, BINARY))
    assert model.score(frame, BINARY) > 0.4
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame[list("bacd")])


def test_one_class_is_always_predicted():
    model = MLPClassifier(**BASE).fit(X, np.full(N, "only"))
    assert set(model.predict(X)) == {"only"}
    assert model.predict_proba(X).shape == (N, 1)


def test_lines_and_bars(capsys):
    MLPClassifier(**BASE | {"max_iter": 2}, verbose=True).fit(X, BINARY)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" = ")[0] for line in lines] == [
        "Iteration 1, loss", "Iteration 2, loss",
    ]  # fmt: skip
    MLPClassifier(**BASE | {"max_iter": 2}, verbose=2).fit(X, BINARY)
    assert "Epoch 2/2" in capsys.readouterr().out
    stop = BASE | {"max_iter": 9, "tol": 10.0, "n_iter_no_change": 1}
    MLPClassifier(**stop, verbose=1).fit(X, BINARY)
    shown = capsys.readouterr().out
    assert "did not improve more than tol=10.000000 for 1 consecutive" in shown


@pytest.mark.filterwarnings("default::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_the_warning_says_what_to_do(solver):
    pandas = pytest.importorskip("pandas")
    settings = BASE | {"solver": solver, "max_iter": 2}
    with pytest.warns(ConvergenceWarning, match="Raise max_iter"):
        MLPClassifier(**settings).fit(X, BINARY)
    frame = pandas.DataFrame(X * [1, 1, 1e4, 1], columns=["a", "b", "income", "d"])
    with pytest.warns(ConvergenceWarning, match="'income'.*StandardScaler"):
        MLPClassifier(**settings).fit(frame, BINARY)
    with pytest.warns(ConvergenceWarning, match="values as large as.*StandardScaler"):
        MLPClassifier(**settings).fit(X + 1000, BINARY)


def test_what_leaves_the_finite_numbers_is_told():
    model = MLPRegressor(**BASE | {"max_iter": 50}, solver="sgd", learning_rate_init=1e6)
    with pytest.raises(DivergenceError, match="lower the learning rate"):
        model.fit(X * 1e3, NUMBERS)
    assert not hasattr(model, "model_")
    model.set_params(learning_rate_init=1e-3).fit(X, NUMBERS)
    before = model.predict(X)
    with pytest.raises(DivergenceError):
        model.set_params(learning_rate_init=1e6).fit(X[:, :2] * 1e3, NUMBERS)
    np.testing.assert_array_equal(model.predict(X), before)


WRONG = [
    ({"hidden_layer_sizes": (3, 0)}, "hidden_layer_sizes must be > 0"),
    ({"activation": "swoosh"}, "swoosh"),
    ({"activation": ["relu"]}, "activation: expected one for each of 2"),
    ({"dropout": [0.1]}, "dropout: expected one for each of 2"),
    ({"dropout": 1.5}, "dropout"),
    ({"solver": "sdg"}, "sdg"),
    ({"alpha": -1.0}, "alpha"),
    ({"batch_size": 0}, "batch_size"),
    ({"learning_rate": "fast"}, "learning_rate"),
    ({"learning_rate_init": 0.0}, "learning_rate_init"),
    ({"max_iter": 0}, "max_iter"),
    ({"momentum": 2.0}, "momentum"),
    ({"n_iter_no_change": 0}, "n_iter_no_change"),
    ({"verbose": -1}, "verbose"),
    ({"loss": "no such"}, "no such"),
    ({"loss": "categorical_crossentropy"}, "loss: categorical_crossentropy is one of several"),
    ({"solver": "lbfgs", "dropout": 0.1}, "dropout: 'lbfgs'"),
    ({"solver": "lbfgs", "callbacks": []}, "callbacks: 'lbfgs'"),
]


@pytest.mark.parametrize(("settings", "words"), WRONG, ids=[words for _, words in WRONG])
def test_wrong_parameters_are_named(settings, words):
    with pytest.raises((FastgdError, ValueError), match=words):
        MLPClassifier(**BASE | settings).fit(X, BINARY)


def test_wrong_calls_are_refused():
    model = MLPClassifier(**BASE)
    with pytest.raises(ArgumentError, match="classes must be passed"):
        model.partial_fit(X, BINARY)
    with pytest.raises(ArgumentError, match="y_val"):
        model.fit(X, BINARY, X_val=X)
    with pytest.raises(ArgumentError, match="X_val"):
        model.fit(X, BINARY, y_val=BINARY)
    with pytest.raises(DataError, match="at least 0, got -1"):
        model.fit(X[:3], BINARY[:3], [1, -1, 1])
    model.partial_fit(X, BINARY, classes=["no", "yes"])
    with pytest.raises(DataError, match="classes not in"):
        model.partial_fit(X, np.full(N, "maybe"))
    with pytest.raises(ArgumentError, match="is not the same as on last call"):
        model.partial_fit(X, BINARY, classes=["no", "maybe"])
    with pytest.raises(ArgumentError, match="balanced"):
        model.set_params(class_weight="balanced").partial_fit(X, BINARY)
    with pytest.raises(ArgumentError, match="validation set is too small: 1 rows"):
        MLPRegressor(early_stopping=True, validation_fraction=0.01).fit(X, NUMBERS)
    with pytest.raises(ArgumentError, match="early_stopping"):
        MLPRegressor(early_stopping=True).partial_fit(X, NUMBERS)
    assert not hasattr(MLPRegressor(solver="lbfgs"), "partial_fit")
    with pytest.raises(ArgumentError, match="warm_start can only be used"):
        MLPClassifier(**BASE, warm_start=True).fit(X, BINARY).fit(X, SEVERAL)
    with pytest.raises(DataError, match="expected 1 columns as before, got 2"):
        MLPRegressor(**BASE, warm_start=True).fit(X, NUMBERS).fit(X, PAIRS)


@pytest.mark.parametrize("dropout", [0.0, 0.3])
def test_transform_is_what_the_last_hidden_layer_gives(dropout):
    model = MLPClassifier(**BASE, dropout=dropout).fit(X, BINARY)
    hidden = X
    for kernel, bias in zip(model.coefs_[:-1], model.intercepts_[:-1], strict=True):
        hidden = np.maximum(hidden @ kernel + bias, 0)
    np.testing.assert_allclose(model.transform(X), hidden, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(model.transform(sparse.csr_array(X)), model.transform(X))


def test_transform_gives_frames():
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(X, index=np.arange(100, 100 + N)).add_prefix("column ")
    model = MLPClassifier(**BASE).set_output(transform="pandas")
    found = model.fit(frame, BINARY).transform(frame)
    assert list(found.columns) == ["mlpclassifier0", "mlpclassifier1", "mlpclassifier2"]
    assert list(found.index) == list(frame.index)


def test_transform_without_a_hidden_layer():
    model = MLPRegressor(hidden_layer_sizes=(), max_iter=5).fit(X, NUMBERS)
    np.testing.assert_array_equal(model.transform(X), X)
