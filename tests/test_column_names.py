"""Networks remember the columns of a frame: other names are refused, dicts are read by name."""

import copy
import pickle
import sys

import numpy as np
import pytest

from fastgd import Model, Sequential, layers, linear, models, saving
from fastgd.errors import ArgumentError, DataError, DataTypeError, FileError
from fastgd.saving import container

pandas = pytest.importorskip("pandas")
polars = pytest.importorskip("polars")
pytest.importorskip("narwhals")

VALUES = np.random.default_rng(0).normal(size=(24, 2))
Y = VALUES @ [2.0, -1.0]
FRAMES = {
    "pandas": lambda names: pandas.DataFrame(VALUES, columns=list(names)),
    "polars": lambda names: polars.DataFrame(VALUES, list(names)),
}


@pytest.fixture(params=FRAMES)
def frame(request):
    return FRAMES[request.param]


def network():
    model = Sequential([layers.Dense(1, kernel_initializer="ones")])
    model.compile("sgd", "mse")
    return model


def weighing(a, b):
    """A network that is a + b weighted; with weights by hand."""
    model = network()
    model.fit(FRAMES["pandas"]("ab"), Y, epochs=0, verbose=0)
    model.set_weights([np.array([[a], [b]]), np.zeros(1)])
    return model


#: Whatever takes rows.
ENTRIES = {
    "fit": lambda m, x: m.fit(x, Y, verbose=0),
    "fit some rows": lambda m, x: m.fit(x, Y, verbose=0, rows=[0, 1]),
    "fit batches": lambda m, x: m.fit([(x, Y)], verbose=0),
    "validation_data": lambda m, x: m.fit(VALUES, Y, verbose=0, validation_data=(x, Y)),
    "evaluate": lambda m, x: m.evaluate(x, Y, verbose=0),
    "evaluate batches": lambda m, x: m.evaluate([(x, Y)], verbose=0),
    "predict": lambda m, x: m.predict(x),
    "predict some rows": lambda m, x: m.predict(x, rows=[1]),
    "predict batches": lambda m, x: m.predict(iter([x])),
    "predict_on_batch": lambda m, x: m.predict_on_batch(x),
    "train_on_batch": lambda m, x: m.train_on_batch(x, Y),
    "test_on_batch": lambda m, x: m.test_on_batch(x, Y),
    "value_and_grad": lambda m, x: m.value_and_grad(x, Y),
    "learner": lambda m, x: m.learner()(x, Y),
    "predictor": lambda m, x: m.predictor()(x),
    "call": lambda m, x: m(x),
    "in a list": lambda m, x: m.predict([x]),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_other_names_or_another_order_are_refused_everywhere(frame, entry):
    call = ENTRIES[entry]
    model = weighing(1.0, 100.0)
    before = model.parameters.tobytes()
    for names in ("ba", "ac"):
        with pytest.raises(ArgumentError, match=r"expected the columns \('a', 'b'\)"):
            call(model, frame(names))
    assert model.parameters.tobytes() == before
    assert model.feature_names == ["a", "b"]
    call(model, frame("ab"))
    call(model, VALUES)  # an array has no names: it is taken as it stands


@pytest.mark.parametrize(
    "entry", ["fit", "fit some rows", "fit batches", "train_on_batch", "learner"]
)
def test_training_notes_the_names(frame, entry):
    model = network()
    ENTRIES[entry](model, frame("ab"))
    assert model.feature_names == ["a", "b"]


def test_looking_does_not(frame):
    model = network()
    model.build((None, 2))
    for entry in ("evaluate", "predict", "test_on_batch", "value_and_grad", "predictor"):
        ENTRIES[entry](model, frame("ab"))
    assert model.feature_names is None


def test_a_failed_fit_notes_nothing(frame):
    model = network()
    with pytest.raises(ArgumentError, match="validation x: expected the columns"):
        model.fit(frame("ab"), Y, verbose=0, validation_data=(frame("ba"), Y))
    with pytest.raises(DataError):
        model.fit(frame("ab"), np.full(24, np.nan), verbose=0)
    assert model.feature_names is None
    assert not model.built


def test_batches_have_to_be_alike(frame):
    with pytest.raises(ArgumentError, match="batch 1: x: expected the columns"):
        network().fit([(frame("ab"), Y), (frame("ba"), Y)], verbose=0)


def test_a_dict_is_read_by_name(frame):
    model = weighing(1.0, 100.0)
    model.fit(frame("ab"), Y, epochs=0, verbose=0)
    assert model.predict_one({"b": 2.0, "a": 1.0}) == 201.0
    assert model.predict_one({"b": 2.0}) == 200.0
    other = weighing(1.0, 100.0)
    model.learn_one({"b": 0.5, "a": 1.0}, 3.0)
    other.train_on_batch([[1.0, 0.5]], [3.0])
    assert model.parameters.tobytes() == other.parameters.tobytes()


@pytest.mark.parametrize("make", [network, lambda: linear.LinearModel()])
def test_a_series_is_read_by_name_like_a_dict(make):
    model = make().fit(FRAMES["pandas"]("ab"), Y, **({"verbose": 0} if make is network else {}))
    model = getattr(model, "model", model)  # of a History
    row = pandas.Series([2.0, 1.0], index=["b", "a"])
    assert model.predict_one(row) == model.predict_one(np.array([1.0, 2.0], model.dtype))
    assert model.predict_one(pandas.Series([1.0, 2.0])) == model.predict_one(row)
    with pytest.raises(ArgumentError, match="'zip'"):
        model.predict_one(pandas.Series([2.0, 1.0], index=["zip", "a"]))
    one, other = copy.deepcopy(model), copy.deepcopy(model)
    one.learn_one(row, 3.0)
    other.learn_one({"a": 1.0, "b": 2.0}, 3.0)
    new = np.array([1.0, 0.0], model.dtype)
    assert one.predict_one(new) == other.predict_one(new) != model.predict_one(new)


def test_names_stay_with_copies_and_files(frame, tmp_path):
    model = weighing(1.0, 100.0)
    model.save(tmp_path / "m")
    twins = [
        saving.load_model(tmp_path / "m"), pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model), models.clone_model(model), model.replicate(),
    ]  # fmt: skip
    for twin in twins:
        assert twin.feature_names == ["a", "b"]
        with pytest.raises(ArgumentError, match="expected the columns"):
            twin.predict(frame("ba"))
    twins[-1].feature_names = None
    assert model.feature_names == ["a", "b"]


def test_several_inputs_have_names_each(frame, tmp_path):
    left, right = layers.Input(shape=(2,), name="left"), layers.Input(shape=(2,), name="right")
    model = Model([left, right], layers.Dense(1)(layers.Concatenate()([left, right])))
    model.compile("sgd", "mse")
    model.fit([frame("ab"), VALUES], Y, verbose=0)
    assert model.feature_names == {"left": ["a", "b"]}
    model.fit({"left": frame("ab"), "right": frame("cd")}, Y, verbose=0)
    model.save(tmp_path / "m")
    model = models.load_model(tmp_path / "m")
    assert model.feature_names == {"left": ["a", "b"], "right": ["c", "d"]}
    for predict in (model.predict, model.predictor()):
        with pytest.raises(ArgumentError, match=r"x\['right'\]: expected the columns"):
            predict([frame("ab"), frame("dc")])
    with pytest.raises(ArgumentError, match="models of one input"):
        model.predict_one({"a": 1.0})


@pytest.mark.parametrize(
    "of",
    [lambda: weighing(1.0, 100.0), lambda: linear.LinearModel().fit(FRAMES["pandas"]("ab"), Y)],
)
def test_unknown_features_are_refused_or_ignored(of):
    model = of()
    row = {"zip": 7.0, "b": 2.0, "a": 1.0}
    for call in (model.predict_one, lambda *a, **k: model.learn_one(a[0], 1.0, **k)):
        with pytest.raises(ArgumentError, match=r"'zip'.*unknown_features='ignore'"):
            call(row)
        with pytest.raises(ArgumentError, match="unknown_features: expected 'raise' or"):
            call(row, unknown_features="drop")
    ignored = model.predict_one(row, unknown_features="ignore")
    assert ignored == model.predict_one({"a": 1.0, "b": 2.0})
    model.learn_one(row, 1.0, unknown_features="ignore")
    assert list(model.feature_names) == ["a", "b"]


def test_names_that_are_no_names_are_refused():
    model = network()
    for names, error in (
        ("ab", DataTypeError),
        (3, DataTypeError),
        (["a", "a"], ArgumentError),
    ):
        with pytest.raises(error, match="feature_names"):
            model.feature_names = names
    with pytest.raises(DataError, match="share a name"):
        model.fit(FRAMES["pandas"]("aa"), Y, verbose=0)


OBJECTS = {
    "text": ([1.0, "red"], "'red' at row 1"),
    "nothing": (np.array([1.0, None], object), "None at row 1"),
    "missing": (np.array([1.0, pandas.NA], object), "<NA> at row 1"),
    "nullable": (pandas.array([1, None], "Int64"), "row 1"),
    "objects of numbers": (np.array([1, 2.5], object), "convert it to a numeric dtype"),
}


@pytest.mark.parametrize("case", OBJECTS)
@pytest.mark.parametrize("has_narwhals", [True, False])
def test_columns_of_objects_are_named(case, has_narwhals, monkeypatch):
    values, words = OBJECTS[case]
    x = pandas.DataFrame({"a": [1.0, 2.0], "b": values})
    if not has_narwhals:
        monkeypatch.setitem(sys.modules, "narwhals", None)
    for call in (
        lambda: network().fit(x, [1.0, 2.0], verbose=0),
        lambda: network().fit(x, [1.0, 2.0], verbose=0, rows=[0, 1]),
        lambda: weighing(1.0, 1.0).predict(x),
        lambda: linear.LinearModel().fit(x, [1.0, 2.0]),
    ):
        with pytest.raises((DataTypeError, DataError)) as caught:
            call()
        assert words in str(caught.value)
        assert "'b'" in str(caught.value) or case == "objects of numbers"


def test_names_stay_with_checkpoints(tmp_path):
    model, other = weighing(1.0, 100.0), network()
    other.build((None, 2))
    saving.save_state(model, tmp_path / "state")
    saving.load_state(other, tmp_path / "state")
    assert other.feature_names == ["a", "b"]
    fresh = network()
    fresh.build((None, 2))
    saving.save_state(fresh, tmp_path / "state")
    saving.load_state(model, tmp_path / "state")  # which says nothing of names
    assert model.feature_names == ["a", "b"]


@pytest.mark.parametrize("names", [3, "ab", ["a", "a"], {"x": 1}])
def test_a_file_with_other_names_is_refused(names, tmp_path):
    model = weighing(1.0, 100.0)
    model.save(tmp_path / "m")
    document, arrays = container.unpack((tmp_path / "m").read_bytes(), "m")
    (tmp_path / "m").write_bytes(container.pack(document | {"feature_names": names}, arrays))
    with pytest.raises(FileError, match="feature_names"):
        saving.load_model(tmp_path / "m")
