"""``manifest``: what a model is and comes from, the same for the same training."""

import hashlib
import json
import struct

import numpy as np
import pytest

from fastgd import (
    Model,
    Sequential,
    callbacks,
    config,
    initializers,
    layers,
    linear,
    losses,
    metrics,
    optimizers,
    saving,
    utils,
)
from fastgd._engine import builds
from fastgd.errors import ArgumentError, DataTypeError, NotBuiltError, ShapeError
from fastgd.sklearn import Regressor

X = np.random.default_rng(2).normal(size=(90, 3)).astype("float32")
Y = (X[:, :1] * X[:, 1:2]).astype("float32")


def trained(seed=1, units=6, epochs=2, dtype=None, **arguments):
    utils.set_random_seed(seed)
    model = Sequential(
        [layers.Input((3,)), layers.Dense(units, "tanh"), layers.Dropout(0.1), layers.Dense(1)],
        dtype=dtype,
    )
    model.compile(optimizers.Adam(0.01), "mse", metrics=["mae"])
    model.fit(X, Y, epochs=epochs, verbose=0, **arguments)
    return model


def lasting(found):
    """A manifest without what names the machine."""
    return {name: value for name, value in found.items() if name != "environment"}


def strict(found):
    """A manifest as strict JSON gives it back."""
    return json.loads(json.dumps(found, allow_nan=False))


# --- the same training -----------------------------------------------------------------------


def test_the_same_training_has_the_same_manifest_on_any_threads(engine, monkeypatch):
    monkeypatch.setattr(config, "threads", lambda n=None: 1 if n is None else n)
    found = [trained(n_jobs=n).manifest(data=(X, Y)) for n in (1, 2, 3)]
    assert found[0] == found[1] == found[2]
    assert found[0]["environment"]["engine"] == engine


def test_the_same_training_has_the_same_manifest_by_any_vectors():
    found = {}
    for name in {"avx512", "avx2"} & set(builds.available()):
        config.set_engine(name)
        found[name] = trained().manifest(data=(X, Y))
        assert found[name]["environment"].pop("engine") == name
    assert len({json.dumps(one) for one in found.values()}) == min(1, len(found))


def test_a_file_and_a_copy_have_the_same_but_for_scores(tmp_path):
    model = trained()
    model.keep_ranges(X)
    model.feature_names = ["a", "b", "c"]
    model.save(tmp_path / "m")
    found = saving.load_model(tmp_path / "m").manifest(data=(X, Y), scores={"mae": 1})
    assert found == model.manifest(data=(X, Y), scores={"mae": 1})
    assert found["columns"] == ["a", "b", "c"]
    assert found["ranges"] == {"low": X.min(0).tolist(), "high": X.max(0).tolist()}


@pytest.mark.parametrize(("other", "differs"), [
    (lambda: trained(seed=2), {"model.weights", "training", "scores"}),
    (lambda: trained(units=7), {"model.weights", "model.architecture", "model.parameters",
                                "scores"}),
    (lambda: trained(epochs=3), {"model.weights", "training", "scores"}),
    (lambda: trained(shuffle=False), {"model.weights", "scores"}),
    (lambda: trained(dtype="float64"), {"model.weights", "model.dtype", "model.architecture",
                                        "scores"}),
])  # fmt: skip
def test_another_training_has_another(other, differs):
    a, b = trained().manifest(), other().manifest()
    for one in (a, b):
        one |= {f"model.{name}": value for name, value in one.pop("model").items()}
    assert {name for name in a if a[name] != b[name]} == differs


# --- what it says ----------------------------------------------------------------------------


def test_it_says_what_the_model_is():
    model = trained()
    found = model.manifest()
    assert found["manifest"] == 1
    assert found["model"]["class"] == "Sequential"
    assert found["model"]["layers"] == ["Dense", "Dropout", "Dense"]
    assert found["model"]["parameters"] == model.count_params() == 31
    assert found["model"]["dtype"] == "float32"
    assert found["compilation"]["optimizer"]["config"]["learning_rate"] == 0.01
    assert found["compilation"]["loss"] == "mse"
    assert found["training"] == {"seed": model.seed, "epochs_begun": 2, "iterations": 6}
    assert found["data"] is found["columns"] is found["ranges"] is None
    assert found["scores"] == {k: v[-1] for k, v in model.history.history.items()}
    assert found["environment"]["numpy"] == np.__version__
    assert strict(found) == found
    assert "created" not in found


def by_hand(arrays, said=None):
    """SHA-256 as it is described: JSON with its length, then little-endian values."""

    def line(plain):
        text = json.dumps(plain, sort_keys=True).encode()
        return struct.pack("<Q", len(text)) + text

    whole = line(said)
    for name, array in sorted(arrays.items()):
        whole += line([name, array.dtype.name, list(array.shape)])
        format_ = {"float32": "f", "float64": "d", "int64": "q"}[array.dtype.name]
        whole += struct.pack(f"<{array.size}{format_}", *array.ravel().tolist())
    return hashlib.sha256(whole).hexdigest()


def test_hashes_are_those_that_are_described():
    model = trained()
    first, _, last = model.layers
    weights = {"dense/kernel": first.kernel, "dense/bias": first.bias,
               "dense_1/kernel": last.kernel, "dense_1/bias": last.bias}  # fmt: skip
    found = model.manifest(data=(X, Y))
    assert found["model"]["weights"] == by_hand({k: np.array(v) for k, v in weights.items()})
    said = {"names": None, "shape": [90, 3], "dtype": "float32"}
    assert found["data"]["x"] == said | {"sha256": by_hand({"": X}, said)}
    found = linear.LinearModel(dtype="float64").fit(X, Y[:, 0])
    weights = {"coef": found.coef, "intercept": found.intercept}
    assert found.manifest()["model"]["weights"] == by_hand(weights)


def test_names_of_layers_do_not_count_in_the_architecture():
    def network(*names):
        first, second, model = (*names, None, None, None)[:3]
        wide = layers.Input(shape=(3,), name=first)
        return Model(wide, layers.Dense(2, "relu", name=second)(wide), name=model)

    found = {network(*names).manifest()["model"]["architecture"]
             for names in [(), (), ("a", "b", "c"), ("relu", "tanh")]}  # fmt: skip
    assert len(found) == 1
    wide = layers.Input(shape=(3,))
    tanh = Model(wide, layers.Dense(2, "tanh")(wide))
    assert tanh.manifest()["model"]["architecture"] not in found


def test_the_time_is_said_on_request():
    model = trained()
    found = model.manifest(created=True)
    assert found["created"].endswith("+00:00")
    assert model.manifest(created=False) == {k: v for k, v in found.items() if k != "created"}


def smooth(y_true, y_pred):
    """A loss of the user's own."""
    return losses.log_cosh(y_true, y_pred)


@pytest.mark.parametrize("model", [
    lambda: trained(callbacks=[callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: logs.update(norm=np.float32(2), note="text"))]),
    lambda: compiled(smooth, [metrics.AUC(), "mae"]),
    lambda: compiled(losses.Huber(2.0), [], optimizers.SGD(
        optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), clipvalue=1.0)),
    lambda: Sequential([layers.Dense(2, kernel_initializer=initializers.Constant(X[:3, :2]),
                                     input_shape=(3,))]),
    lambda: linear.LinearModel("multinomial").fit(X, np.arange(90) % 3),
    lambda: linear.LinearModel("quantile", quantile=0.1).fit(X, Y[:, 0]),
    lambda: linear.LinearModel().learn_one({"a": 1.0}, 2.0),
    lambda: Regressor(epochs=1, batch_size=8).fit(X, Y[:, 0]).model_,
])  # fmt: skip
def test_any_model_gives_strict_json(model):
    found = model().manifest(data=(X, Y))
    assert strict(found) == found


def compiled(loss, chosen, optimizer="sgd"):
    model = Sequential([layers.Dense(1, "sigmoid", input_shape=(3,))])
    model.compile(optimizer, loss, metrics=chosen)
    model.fit(X, Y > 0, verbose=0)
    return model


def test_two_inputs_and_outputs():
    a, b = layers.Input(shape=(2,), name="a"), layers.Input(shape=(3,), name="b")
    both = layers.Concatenate()([a, b])
    model = Model([a, b], {"p": layers.Dense(1)(both), "q": layers.Dense(1)(both)})
    model.compile("sgd", {"p": "mse", "q": "mae"})
    found = model.manifest(data=({"a": X[:, :2], "b": X}, [Y, X]))
    assert found["data"]["x"]["b"]["shape"] == [90, 3]
    assert [one["shape"] for one in found["data"]["y"]] == [[90, 1], [90, 3]]
    assert found["compilation"]["loss"] == {"p": "mse", "q": "mae"}
    assert strict(found) == found


def test_a_linear_model_says_how_it_was_fitted():
    model = linear.LinearModel("log_loss", l2=0.5).fit(
        X, Y[:, 0] > 0, solver=linear.SGD(seed=3)
    )
    found = model.manifest()
    assert found["compilation"]["l2"] == 0.5
    assert found["training"]["solver"]["seed"] == 3
    assert found["training"]["n_iter"] == model.n_iter
    assert found["model"]["parameters"] == 4
    assert found["scores"] == {}
    again = linear.LinearModel("log_loss", l2=0.5).fit(
        X, Y[:, 0] > 0, solver=linear.SGD(seed=3), n_jobs=2
    )
    assert again.manifest() == found


# --- data ------------------------------------------------------------------------------------


ANY = linear.LinearModel().fit(X, Y[:, 0])


def hash_of(x):
    return ANY.manifest(data=x)["data"]["x"]["sha256"]


def test_the_same_values_have_the_same_hash(tmp_path):
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "swapped.npy", X.astype(">f4"))
    wide = np.zeros((180, 6), np.float32)
    wide[::2, ::2] = X

    class Stored:
        chunks, shape, dtype = (7, 3), X.shape, X.dtype

        def __len__(self):
            return len(X)

        def __getitem__(self, rows):
            return X[rows]

    for given in (
        X.copy(), np.asfortranarray(X), X.astype(">f4"), wide[::2, ::2], Stored(),
        np.load(tmp_path / "x.npy", mmap_mode="r"),
        np.load(tmp_path / "swapped.npy", mmap_mode="r"),
    ):  # fmt: skip
        assert hash_of(given) == hash_of(X)
    assert hash_of(X.tolist()) == hash_of(X.astype("float64"))


def test_other_values_shapes_types_and_names_have_another(monkeypatch):
    frames = pytest.importorskip("pandas")
    changed = X.copy()
    changed[89, 2] = np.nextafter(changed[89, 2], np.float32(9))
    table = frames.DataFrame(X, columns=["a", "b", "c"])
    given = [
        X, changed, X.reshape(270), X.reshape(45, 6), X.astype("float64"), X.view("int32"),
        X[:89], np.zeros((0, 3)), np.zeros((3, 0)), X > 0, (X > 0).astype("uint8"), table,
        table.rename(columns={"a": "d"}),
    ]  # fmt: skip
    found = [hash_of(x) for x in given]
    assert len(set(found)) == len(given)
    monkeypatch.setattr("fastgd.saving.manifest.BLOCK_BYTES", 50)  # of a few rows, or of none
    assert [hash_of(x) for x in given] == found
    assert ANY.manifest(data=table)["data"]["x"]["names"] == ["a", "b", "c"]


def test_pandas_and_polars_agree():
    columns = {"a": X[:, 0].astype("float64"), "n": np.arange(90)}
    found = [
        hash_of(pytest.importorskip(library).DataFrame(columns))
        for library in ("pandas", "polars")
    ]
    assert found[0] == found[1]


def test_parts_are_named():
    found = ANY.manifest(data=(X, Y, np.ones(90)))["data"]
    assert list(found) == ["x", "y", "sample_weight"]
    assert list(ANY.manifest(data=(X, None))["data"]) == ["x"]
    named = ANY.manifest(data={"train": X, "test": Y})["data"]
    assert named == {"train": found["x"], "test": found["y"]}


# --- scores and refusals ---------------------------------------------------------------------


def test_scores_are_the_users():
    given = {"auc": np.float64(0.75), "n": np.int64(3), "bad": np.nan, "p": np.array(0.5)}
    found = trained().manifest(scores=given)["scores"]
    assert found == {"auc": 0.75, "n": 3, "bad": "nan", "p": 0.5}
    assert all(type(value) in (float, int, str) for value in found.values())
    assert trained().manifest(scores={})["scores"] == {}


@pytest.mark.parametrize(("arguments", "error", "words"), [
    ({"data": ()}, ShapeError, "0 parts"), ({"data": (X,) * 4}, ShapeError, "4 parts"),
    ({"data": "x"}, DataTypeError, r"data\['x'\]"),
    ({"data": 3.0}, DataTypeError, "rows of numbers"),
    ({"data": (X, ["a", "b"])}, DataTypeError, r"data\['y'\]: .* text"),
    ({"data": (X, [[1], [1, 2]])}, ShapeError, r"data\['y'\]: the rows have different"),
    ({"data": ([[[1], [1, 2]]], None)}, ShapeError, r"data\['x'\]"),
    ({"data": {1: X}}, DataTypeError, "a name: expected a string"),
    ({"data": ({2: X},)}, DataTypeError, "a name: expected a string"),
    ({"data": iter([X])}, DataTypeError, r"data\['x'\]"),
    ({"scores": [1.0]}, DataTypeError, "^scores: expected a dict"),
    ({"scores": {"auc": "high"}}, DataTypeError, r"^scores\['auc'\]: expected a number"),
    ({"scores": {"auc": np.zeros(2)}}, DataTypeError, "expected a number"),
    ({"scores": {"auc": None}}, DataTypeError, "expected a number"),
    ({"scores": {1: 0.5}}, DataTypeError, "a name: expected a string"),
    ({"created": "now"}, DataTypeError, "^created: expected True or False"),
])  # fmt: skip
def test_what_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        ANY.manifest(**arguments)


def test_models_that_have_none():
    for model in (Sequential([layers.Dense(1)]), linear.LinearModel()):
        with pytest.raises(NotBuiltError):
            model.manifest()
    model = compiled(lambda t, p: losses.mean_squared_error(t, p), [])
    with pytest.raises(ArgumentError, match="lambda cannot be saved"):
        model.manifest()
    alone = Sequential([layers.Dense(1, input_shape=(2,))]).manifest()
    assert alone["compilation"] is None
    assert alone["scores"] == {}


def test_the_models_arrays_and_data_stay_as_they_are():
    model = trained()
    before, x = model.parameters.copy(), X.copy()
    model.manifest(data=(x, Y))["ranges"] = 3
    np.testing.assert_array_equal(model.parameters, before)
    np.testing.assert_array_equal(x, X)
    assert model.manifest()["ranges"] is None
