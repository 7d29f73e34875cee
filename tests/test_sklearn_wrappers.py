"""Any model as an estimator of scikit-learn."""

import copy
import pickle

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.validation import check_is_fitted

from fastgd import Model, Sequential, callbacks, layers, losses, models, optimizers
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError
from fastgd.sklearn import Classifier, Regressor

RNG = np.random.default_rng(6)
N = 60
X = RNG.normal(size=(N, 3))
BINARY = np.where(X[:, 0] + X[:, 1] > 0, "yes", "no")
SEVERAL = np.digitize(X[:, 0], [-0.5, 0.5])
LABELS = (X > 0).astype(int)
NUMBERS = X[:, 0] - 2 * X[:, 1]
BASE = {"epochs": 3, "random_state": 1, "batch_size": 16}


def network(n_features, n_outputs=1, output_activation=None, units=5, dtype="float64"):
    return Sequential(
        [
            layers.Input(shape=(n_features,)),
            layers.Dense(units, activation="tanh"),
            layers.Dense(n_outputs, activation=output_activation),
        ],
        dtype=dtype,
    )


def same_bits(a, b):
    return np.array_equal(a.model_.parameters, b.model_.parameters)


@pytest.mark.parametrize(
    ("y", "width", "kind"),
    [(BINARY, 1, "Binary"), (SEVERAL, 3, "SparseCategorical"), (LABELS, 3, "Binary")],
    ids=["binary", "several", "labels"],
)
def test_a_function_is_told_what_the_data_are(y, width, kind):
    seen = {}

    def make(n_features, n_outputs, n_classes, output_activation, units):
        seen.update(locals())
        return network(n_features, n_outputs, output_activation, units)

    model = Classifier(make, **BASE, model__units=4).fit(X, y)
    assert (seen["n_features"], seen["n_outputs"], seen["units"]) == (3, width, 4)
    assert seen["n_classes"] == len(model.classes_) == max(width, 2)
    assert model.model_.count_params() == 16 + 5 * width
    assert type(model.model_.loss).__name__ == f"{kind}Crossentropy"
    assert model.predict(X).shape == y.shape
    assert model.predict_proba(X).shape == (N, len(model.classes_))
    assert model.n_outputs_ == width


@pytest.mark.parametrize(
    ("width", "activation"), [(1, "sigmoid"), (1, None), (2, "softmax"), (2, None)]
)
def test_two_classes_fit_any_output(width, activation):
    made = network(3, width, activation)
    model = Classifier(made, epochs=80, random_state=1, optimizer__learning_rate=0.05)
    model.fit(X, BINARY)
    assert model.score(X, BINARY) > 0.9
    p = model.predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_array_equal(model.classes_[p.argmax(axis=1)], model.predict(X))
    out = model.model_.predict(X, verbose=0)
    if (width, activation) == (1, None):
        np.testing.assert_allclose(p[:, 1], 1 / (1 + np.exp(-out[:, 0])))


def test_a_model_is_cloned_and_stays_as_it_was():
    made = network(3)
    before = made.get_weights()
    model = Regressor(made, **BASE).fit(X, NUMBERS)
    for old, new in zip(before, made.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert not made.compiled
    assert same_bits(model, clone(model).fit(X, NUMBERS))
    assert not same_bits(model, Regressor(made, **BASE | {"random_state": 2}).fit(X, NUMBERS))
    assert np.isfinite(cross_val_score(model, X, NUMBERS, cv=3)).all()


def test_what_a_model_is_compiled_with_holds():
    made = network(3)
    made.compile(optimizers.RMSprop(0.02), losses.Huber(0.5), metrics=["mae"])
    model = Regressor(made, **BASE).fit(X, NUMBERS)
    assert type(model.model_.optimizer) is optimizers.RMSprop
    assert model.model_.loss.delta == 0.5
    assert len(model.history_.history) == 2
    assert made.optimizer.iterations == 0
    other = Regressor(made, loss="mse", optimizer="sgd", **BASE).fit(X, NUMBERS)
    assert other.model_.loss.name == "mean_squared_error"
    assert type(other.model_.optimizer) is optimizers.SGD


def test_it_trains_as_the_model_by_itself():
    model = Regressor(network, loss="mse", optimizer="sgd", **BASE, shuffle=False)
    model.fit(X, NUMBERS)
    alone = network(3)
    fresh = clone(model).set_params(optimizer__learning_rate=0.0)  # where it begins
    fresh.fit(X, NUMBERS)
    alone.set_weights(fresh.model_.get_weights())
    alone.compile("sgd", "mse")
    history = alone.fit(X, NUMBERS, batch_size=16, epochs=3, shuffle=False, verbose=0)
    np.testing.assert_allclose(alone.parameters, model.model_.parameters, rtol=1e-12)
    np.testing.assert_allclose(history.history["loss"], model.history_.history["loss"])


def test_parameters_are_passed_on():
    model = Classifier(network, model__units=4, optimizer="sgd", loss="binary_crossentropy")
    model.set_params(optimizer__momentum=0.5, loss__label_smoothing=0.1, **BASE)
    assert model.get_params()["optimizer__momentum"] == 0.5
    again = clone(model)
    assert again.get_params() == model.get_params()
    again.set_params(model__output_activation="sigmoid").fit(X, BINARY)
    assert again.model_.optimizer.momentum == 0.5
    assert again.model_.loss.label_smoothing == 0.1
    grid = {"model__units": [2, 6], "optimizer__learning_rate": [0.01, 0.1]}
    search = GridSearchCV(Regressor(network, **BASE), grid, cv=2).fit(X, NUMBERS)
    assert len(search.cv_results_["params"]) == 4
    best = search.best_params_["model__units"]
    assert search.best_estimator_.model_.layers[0].units == best
    with pytest.raises(TypeError, match="no argument 'units'"):
        Classifier(network, units=3)


def test_weights_of_rows_and_classes():
    weights = RNG.integers(0, 3, N)
    settings = BASE | {"batch_size": 500, "model": network}
    weighted = Regressor(**settings).fit(X, NUMBERS, weights)
    repeated = Regressor(**settings).fit(X.repeat(weights, axis=0), NUMBERS.repeat(weights))
    np.testing.assert_allclose(
        weighted.model_.parameters, repeated.model_.parameters, rtol=1e-10
    )
    by_class = Classifier(**BASE, class_weight={"no": 2, "yes": 1}).fit(X, BINARY)
    by_row = Classifier(**BASE).fit(X, BINARY, np.where(BINARY == "no", 2, 1))
    assert same_bits(by_class, by_row)
    assert not same_bits(by_class, Classifier(**BASE).fit(X, BINARY))


def test_validation_rows_and_callbacks():
    stop = callbacks.EarlyStopping("val_loss", patience=2, restore_best_weights=True)
    model = Classifier(epochs=300, random_state=1, callbacks=[stop], metrics=["accuracy"])
    model.set_params(optimizer__learning_rate=0.05)
    model.fit(X[:40], BINARY[:40], X_val=X[40:], y_val=BINARY[40:])
    history = model.history_.history
    assert model.n_iter_ == len(history["val_loss"]) < 300
    assert model.score(X[40:], BINARY[40:]) == pytest.approx(
        history["val_accuracy"][int(np.argmin(history["val_loss"]))]
    )
    with pytest.raises(ArgumentError, match="y_val"):
        model.fit(X, BINARY, X_val=X)


def test_a_warm_start_goes_on_to_the_bit():
    whole = Classifier(**BASE | {"epochs": 4}).fit(X, SEVERAL)
    parts = Classifier(**BASE | {"epochs": 2}, warm_start=True)
    parts.fit(X, SEVERAL).fit(X, SEVERAL)
    assert parts.n_iter_ == 2
    calls = Classifier(**BASE)
    for _ in range(4):
        calls.partial_fit(X, SEVERAL, classes=[0, 1, 2])
    assert same_bits(whole, parts)
    assert same_bits(whole, calls)


def test_copies_are_the_same_model():
    model = Classifier(network(3, 3, "softmax"), **BASE).fit(X, SEVERAL)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert not np.shares_memory(again.model_.parameters, model.model_.parameters)


def test_side_by_side_they_are_the_same():
    joblib = pytest.importorskip("joblib")
    grid = {"model__units": [2, 5, 9], "model__dtype": ["float32", "float64"]}
    found = []
    for jobs in (1, 3):
        with joblib.parallel_backend("threading", n_jobs=jobs):
            found.append(GridSearchCV(Regressor(network, **BASE), grid, cv=2).fit(X, NUMBERS))
    scores = [search.cv_results_["mean_test_score"] for search in found]
    np.testing.assert_array_equal(*scores)
    assert same_bits(*(search.best_estimator_ for search in found))


def test_graphs_of_layers_and_sparse_rows():
    x = layers.Input(shape=(3,))
    h = layers.Dense(4, activation="relu")(x)
    graph = Model(x, layers.Dense(1)(layers.Concatenate()([x, h])))
    rows = np.where(X > 0, X, 0)
    dense = Regressor(graph, **BASE).fit(rows, NUMBERS)
    thin = Regressor(graph, **BASE).fit(sparse.csr_array(rows), NUMBERS)
    assert same_bits(dense, thin)
    np.testing.assert_array_equal(thin.predict(sparse.csr_array(rows)), dense.predict(rows))


def test_losses_of_one_target_and_several_outputs():
    model = Regressor(network, loss=losses.Quantile([0.1, 0.9]), **BASE)
    with pytest.raises(ShapeError, match="2 quantiles"):
        model.fit(X, NUMBERS)  # the function is told of one output
    model.set_params(model__n_outputs=2).fit(X, NUMBERS)
    assert model.predict(X).shape == (N, 2)
    pairs = np.stack([NUMBERS, -NUMBERS], axis=1)
    assert Regressor(**BASE).fit(X, pairs).predict(X).shape == (N, 2)


def test_margins_are_no_probabilities():
    model = Classifier(network, loss="hinge", epochs=60, random_state=1)
    model.set_params(optimizer__learning_rate=0.05, model__units=3)

    model.set_params(model__output_activation=None)
    assert not hasattr(model, "predict_proba")
    assert model.fit(X, BINARY).score(X, BINARY) > 0.9


@pytest.mark.parametrize("package", ["pandas", "polars"])
def test_frames_are_known_by_their_columns(package):
    frames = pytest.importorskip(package)
    frame = frames.DataFrame({name: X[:, i] for i, name in enumerate("abc")})
    pipeline = make_pipeline(StandardScaler().set_output(transform=package), Classifier(**BASE))
    pipeline.fit(frame, BINARY)
    assert pipeline[-1].feature_names_in_.tolist() == list("abc")
    with pytest.raises(ValueError, match="feature names"):
        pipeline[-1].predict(frame[list("bac")])


@pytest.mark.parametrize(
    ("settings", "error", "words"),
    [
        ({"model": "net"}, InvalidParameterError, "'model' parameter of"),
        ({"model": lambda: 3}, DataTypeError, "model: expected it to return a model, got 3"),
        ({"model": network, "model__dtype": "int8"}, ArgumentError, "dtype"),
        ({"model": Sequential([layers.Dense(4)])}, ArgumentError, "its output has 4 columns"),
        ({"model": Sequential([layers.Dense(1)]), "model__a": 1}, ArgumentError, "model__a"),
        ({"loss": "no such"}, ArgumentError, "no such"),
        ({"epochs": 0}, InvalidParameterError, "epochs"),
        ({"batch_size": 0}, InvalidParameterError, "batch_size"),
        ({"optimizer": "no such"}, ArgumentError, "no such"),
    ],
)
def test_wrong_parameters_are_named(settings, error, words):
    for kind, y in ((Classifier, BINARY), (Regressor, NUMBERS)):
        with pytest.raises(error, match=words):
            kind(**settings).fit(X, y)


def test_wrong_calls_are_refused():
    model = Classifier(**BASE)
    with pytest.raises(ArgumentError, match="classes must be passed"):
        model.partial_fit(X, BINARY)
    model.fit(X, BINARY)
    with pytest.raises(DataError, match="classes not in"):
        model.partial_fit(X, SEVERAL.astype(str))
    model = Regressor(**BASE, warm_start=True).fit(X, NUMBERS)
    with pytest.raises(DataError, match="expected 1 columns as before, got 2"):
        model.fit(X, X[:, :2])


# --- models that were trained before ---------------------------------------------------------


def trained(width, activation, loss, y, x=X):
    model = Sequential([layers.Dense(width, activation)])
    model.compile("adam", loss)
    model.fit(x, y, epochs=2, verbose=0)
    return model


KINDS = {
    "binary": (1, "sigmoid", "binary_crossentropy", 2),
    "two columns": (2, "softmax", "sparse_categorical_crossentropy", 2),
    "classes": (3, "softmax", "sparse_categorical_crossentropy", 3),
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_trained_classifier_counts_as_fitted(kind, tmp_path):
    *arguments, classes = KINDS[kind]
    y = np.arange(len(X)) % classes
    model = trained(*arguments, y)
    model.save(tmp_path / "m")
    outputs = model.predict(X)
    expected = np.c_[1 - outputs, outputs] if kind == "binary" else outputs
    before = model.parameters.tobytes()
    for source in (model, models.load_model(tmp_path / "m")):
        wrapped = Classifier(model=source)
        for one in (wrapped, pickle.loads(pickle.dumps(wrapped))):
            check_is_fitted(one)
            assert one.classes_.tolist() == list(range(classes))
            assert one.n_features_in_ == X.shape[1]
            np.testing.assert_allclose(one.predict_proba(X), expected, rtol=1e-6)
            np.testing.assert_array_equal(one.predict(X), expected.argmax(axis=1))
    calibrated = CalibratedClassifierCV(FrozenEstimator(wrapped)).fit(X, y)
    assert calibrated.predict_proba(X).shape == (len(X), classes)
    wrapped = Classifier(model=model, epochs=1, warm_start=True)
    wrapped.fit(X, np.array(list("abc"))[y])
    assert wrapped.model_ is not model
    assert wrapped.classes_.tolist() == list("abc")[:classes]
    assert model.parameters.tobytes() == before


def test_a_trained_classifier_of_labels():
    y = np.c_[X[:, 0] > 0, X[:, 1] > 0, X[:, 2] > 0].astype(int)
    model = trained(3, "sigmoid", "binary_crossentropy", y)
    wrapped = Classifier(model=model)
    np.testing.assert_array_equal(wrapped.predict(X), model.predict(X) > 0.5)


def test_a_trained_regressor_counts_as_fitted():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])
    model = trained(2, None, "mse", X[:, :2], frame)
    wrapped = Regressor(model=model)
    check_is_fitted(wrapped)
    np.testing.assert_array_equal(wrapped.predict(frame), model.predict(frame))
    assert list(wrapped.feature_names_in_) == list(frame.columns)
    with pytest.raises(ValueError, match="feature names"):
        wrapped.predict(frame[frame.columns[::-1]])


def test_other_models_do_not():
    fresh = Sequential([layers.Dense(1, input_shape=(X.shape[1],))])
    compiled = Sequential([layers.Dense(1, input_shape=(X.shape[1],))])
    compiled.compile("sgd", "mse")
    for model in (None, fresh, compiled):
        for wrapped in (Classifier(model=model), Regressor(model=model)):
            with pytest.raises(NotFittedError):
                wrapped.predict(X)
            assert not hasattr(wrapped, "classes_")


@pytest.mark.parametrize("how", ["partial_fit", "learn_one", "warm_start"])
def test_a_trained_model_is_trained_further_in_a_copy(how):
    y = (X[:, 0] > 0).astype(int)
    model = trained(1, "sigmoid", "binary_crossentropy", y)
    before = model.parameters.copy()
    expected = copy.deepcopy(model)
    estimator = Classifier(
        model, epochs=2, batch_size=10, shuffle=False, warm_start=how == "warm_start"
    )
    if how == "warm_start":
        estimator.fit(X, y)
        expected.fit(X, y, batch_size=10, epochs=2, shuffle=False, verbose=0)
    elif how == "partial_fit":
        estimator.partial_fit(X[:10], y[:10])
        expected.fit(X[:10], y[:10], batch_size=10, shuffle=False, verbose=0)
    else:
        estimator.learn_one(X[0], y[0])
        expected.fit(X[:1], y[:1], shuffle=False, verbose=0)
    np.testing.assert_array_equal(estimator.model_.parameters, expected.parameters)
    np.testing.assert_array_equal(model.parameters, before)
    assert (expected.parameters != before).any()
