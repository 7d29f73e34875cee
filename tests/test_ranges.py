"""Ranges of training data: kept on request, in files, and checked where rows are served."""

import copy
import io
import pickle
import threading

import numpy as np
import pytest
from problems import network

from fastgd import Model, Sequential, callbacks, layers, many, models, saving, utils
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    FileError,
    NotBuiltError,
    ShapeError,
)
from fastgd.saving import container, state

RNG = np.random.default_rng(4)
X = RNG.normal(size=(60, 3)).astype("float32")
LOW, HIGH = X.min(axis=0), X.max(axis=0)
NAMES = ["age", "debt", "late"]


def trained(x=X, dtype="float32"):
    utils.set_random_seed(1)
    model = network(((4, "tanh"),), 3, 1, dtype=dtype)
    model.compile("adam", "mse")
    model.fit(x, X[:, :1], epochs=1, verbose=0)
    return model


def watched(**arguments):
    model = trained(**arguments)
    model.keep_ranges(X)
    return model


def assert_ranges(model, low=LOW, high=HIGH):
    for found, expected in zip(model.ranges, (low, high), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == model.dtype
        assert not found.flags.writeable


# --- keeping them ----------------------------------------------------------------------------


class Rows(utils.PyDataset):
    def __len__(self):
        return 6

    def __getitem__(self, index):
        return X[10 * index : 10 * index + 10], X[10 * index : 10 * index + 10, 0]


class Stored:
    """An array-like in chunks, as HDF5 gives it."""

    chunks = (10, 3)
    shape, dtype = X.shape, X.dtype

    def __len__(self):
        return len(X)

    def __getitem__(self, rows):
        return X[rows]


@pytest.mark.parametrize("x", [
    lambda: X, lambda: np.asfortranarray(X), lambda: X.tolist(), lambda: X.astype(">f4"),
    lambda: X.astype("float64"), Rows, Stored, lambda: (X[i : i + 7] for i in range(0, 60, 7)),
    lambda: [(X[:50], X[:50, 0]), (X[50:], X[50:, 0])],
])  # fmt: skip
def test_any_rows_that_fit_takes(engine, x):
    model = trained()
    assert model.ranges is None
    model.keep_ranges(x())
    assert_ranges(model)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_chosen_rows(engine, dtype):
    rows = np.tile([5, 3, 59], 3000)  # more than a block
    model = trained(dtype=dtype)
    x = X.astype(dtype)
    model.keep_ranges(x, rows=rows)
    assert_ranges(model, x[[3, 5, 59]].min(axis=0), x[[3, 5, 59]].max(axis=0))


def test_a_model_without_weights_is_built():
    model = Sequential([layers.Dense(1)])
    model.keep_ranges(X)
    assert model.built
    assert_ranges(model)


def test_names_of_a_frame_are_kept_and_have_to_agree():
    pandas = pytest.importorskip("pandas")
    model = trained()
    model.keep_ranges(pandas.DataFrame(X, columns=NAMES))
    assert model.feature_names == NAMES
    with pytest.raises(ArgumentError, match="expected the columns"):
        model.keep_ranges(pandas.DataFrame(X, columns=NAMES[::-1]))


@pytest.mark.parametrize(("x", "rows", "error"), [
    (X[:, :2], None, ShapeError), (X[:0], None, DataError), (None, None, DataTypeError),
    (np.full((2, 3), np.nan), None, DataError), ([], None, ShapeError),
    ("x", None, DataTypeError),
    (X, [60], ArgumentError), (X, [], DataError), (X[0], None, ShapeError),
])  # fmt: skip
def test_what_is_refused_changes_nothing(x, rows, error):
    model = watched()
    with pytest.raises(error):
        model.keep_ranges(x, rows=rows)
    assert_ranges(model)


def test_they_are_of_the_data_and_not_of_the_weights():
    model = watched()
    model.fit(10 * X, X[:, :1], verbose=0)
    model.compile("sgd", "mse")
    model.set_weights([w + 1 for w in model.get_weights()])
    assert_ranges(model)
    model.keep_ranges(2 * X)
    assert_ranges(model, 2 * LOW, 2 * HIGH)


# --- files and copies ------------------------------------------------------------------------


def through_a_file(model):
    file = io.BytesIO()
    model.save(file)
    return saving.load_model(io.BytesIO(file.getvalue()))


@pytest.mark.parametrize("way", [
    through_a_file, copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m)), models.clone_model,
    lambda m: m.replicate(), lambda m: many.fit_many(
        [{"model": m.replicate, "x": X, "y": X[:, 0], "seed": s} for s in (1, 2)]
    )[1].model,
])  # fmt: skip
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_files_copies_and_clones_have_them(way, dtype):
    model = watched(dtype=dtype)
    again = way(model)
    assert_ranges(again)
    assert way(trained(dtype=dtype)).ranges is None
    again.keep_ranges(3 * X)
    assert_ranges(model)


def test_checkpoints_and_ensembles_have_them(tmp_path):
    saving.save_state(watched(), tmp_path / "state")
    again = trained()
    saving.load_state(again, tmp_path / "state")
    assert_ranges(again)
    saving.save_state(trained(), tmp_path / "state")
    saving.load_state(again, tmp_path / "state")  # which says nothing of ranges
    assert_ranges(again)
    many.Ensemble([watched(), trained()]).save(tmp_path / "e")
    first, second = many.Ensemble.load(tmp_path / "e").models
    assert_ranges(first)
    assert second.ranges is None
    backup = callbacks.BackupAndRestore(tmp_path / "backup")
    watched().fit(X, X[:, :1], epochs=2, callbacks=[backup], verbose=0)


def version_of(model):
    file = io.BytesIO()
    model.save(file)
    data = file.getvalue()
    header, _ = container._header(data)
    return container._parsed(header["__metadata__"][container.KEY])["version"]


def test_only_a_file_with_ranges_needs_a_newer_reader():
    assert version_of(trained()) == 1
    assert version_of(watched()) == 2 < container.VERSION


@pytest.mark.parametrize(("change", "words"), [
    (lambda a: a.pop("ranges/low"), "ranges"),
    (lambda a: a.update({"ranges/low": HIGH + 1}), "low <= high"),
    (lambda a: a.update({"ranges/low": LOW[:2]}), "two arrays"),
    (lambda a: a.update({"ranges/low": np.full(3, -np.inf, "f4")}), "finite"),
    (lambda a: a.update({"ranges/low": np.zeros((3, 1), "f4"), "ranges/high": LOW[:, None]}),
     "two arrays"),
    (lambda a: a.update({"ranges/low": np.zeros(3, "i4"), "ranges/high": np.ones(3, "i4")}),
     "floats"),
    (lambda a: a.update({"ranges/low": np.zeros(0, "f4"), "ranges/high": np.zeros(0, "f4")}),
     "two arrays"),
])  # fmt: skip
def test_a_file_with_ranges_that_are_none_is_refused(change, words):
    document, arrays = state.snapshot(watched())
    change(arrays)
    data = container.pack(document, arrays)
    with pytest.raises(FileError, match=words):
        saving.load_model(io.BytesIO(data))


# --- checking rows ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_rows_within_have_the_bits_of_predict(engine, dtype):
    model = watched(dtype=dtype)
    predict, unchecked = model.predictor(check=True), model.predictor()
    for x in (X, X.astype("float64"), np.asfortranarray(X), X.tolist(), X[:0], X[7:8]):
        np.testing.assert_array_equal(predict(x), unchecked(x))
    for row in (X[3], X[3].tolist(), X[3].astype("float64")):
        np.testing.assert_array_equal(predict(row), unchecked(row))
    edges = np.array([LOW, HIGH])
    np.testing.assert_array_equal(predict(edges), unchecked(edges))


def beyond(ends, direction, column):
    """The ends of all columns, one of them beyond its end by the smallest step."""
    row = ends.copy()
    row[column] = np.nextafter(row[column], row.dtype.type(direction))
    return row


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("column", [0, 1, 2])
@pytest.mark.parametrize("direction", [-np.inf, np.inf])
def test_the_smallest_step_beyond_is_refused(engine, dtype, column, direction):
    predict = watched(dtype=dtype).predictor(check=True)
    ends = (LOW if direction < 0 else HIGH).astype(dtype)
    row = beyond(ends, direction, column)
    words = rf"^x: {row[column]} at row {{}}, column {column} is outside of the training data, "
    words += rf"which go from {LOW.astype(dtype)[column]} to {HIGH.astype(dtype)[column]}: "
    for x, number in ((row, 0), (row[None], 0), (row.tolist(), 0),
                      (np.concatenate([X, row[None], 9 * X]), 60)):  # fmt: skip
        with pytest.raises(DataError, match=words.format(number)):
            predict(x)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_columns_are_called_by_their_names(library):
    frames = pytest.importorskip(library)
    model = trained(frames.DataFrame(dict(zip(NAMES, X.T, strict=True))))
    model.keep_ranges(X)
    predict = model.predictor(check=True)
    bad = X.copy()
    bad[4, 1] = 99
    for x in (bad, frames.DataFrame(dict(zip(NAMES, bad.T, strict=True)))):
        with pytest.raises(DataError, match=r"99.0 at row 4, column 1 \('debt'\) is outside"):
            predict(x)
    again = through_a_file(model).predictor(check=True)
    with pytest.raises(DataError, match=r"row 0, column 1 \('debt'\)"):
        again(bad[4])


def test_several_inputs_are_named(engine):
    left, right = layers.Input(shape=(2,), name="left"), layers.Input(shape=(3,), name="right")
    both = layers.Concatenate()([left, right])
    model = Model([left, right], layers.Dense(1)(both))
    model.keep_ranges({"left": X[:, :2], "right": X})
    predict = model.predictor(check=True)
    given = {"left": X[:, :2], "right": X.copy()}
    np.testing.assert_array_equal(predict(given), model.predict(given))
    row = {"left": X[1, :2], "right": X[1]}
    np.testing.assert_array_equal(predict(row), model.predictor()(row))
    given["right"][8, 2] = -50
    with pytest.raises(DataError, match=r"^x\['right'\]: -50.0 at row 8, column 2 is outside"):
        predict(given)
    with pytest.raises(DataError, match=r"^x\['left'\]: 50.0 at row 0, column 0"):
        predict({"left": [50.0, 50.0], "right": X[1]})
    model.feature_names = {"right": NAMES}
    with pytest.raises(DataError, match=r"column 2 \('late'\)"):
        predict(given)


def test_rows_of_several_axes():
    model = Sequential([layers.Input(shape=(2, 3)), layers.Flatten(), layers.Dense(1)])
    x = RNG.normal(size=(20, 2, 3)).astype("float32")
    model.keep_ranges(x)
    predict = model.predictor(check=True)
    np.testing.assert_array_equal(predict(x), model.predict(x))
    x[11, 1, 0] = 77
    with pytest.raises(DataError, match=r"^x: 77.0 at index 11, index 1, index 0 is outside"):
        predict(x)


def test_layers_that_check_do_so_first():
    model = Sequential([layers.Input(shape=(1,)), layers.Embedding(5, 2), layers.Flatten()])
    model.keep_ranges([[1], [3]])
    predict = model.predictor(check=True)
    assert predict([[2]]).shape == (1, 2)
    with pytest.raises(DataError, match=r"4.0 at row 0, column 0 is outside"):
        predict([[4]])
    with pytest.raises(DataError, match="expected class numbers from 0 to 4"):
        predict([[7]])


def test_a_value_that_is_not_finite_is_said_to_be_so():
    predict = watched().predictor(check=True)
    for value in (np.nan, np.inf):
        with pytest.raises(DataError, match="not finite"):
            predict([value, 0.0, 0.0])


def test_without_ranges_or_for_other_columns():
    model = trained()
    with pytest.raises(ArgumentError, match=r"check: model 'sequential.*call keep_ranges"):
        model.predictor(check=True)
    with pytest.raises(NotBuiltError):
        Sequential([layers.Dense(1)]).predictor(check=False)
    for bad in ("yes", None, 2, "warn"):
        with pytest.raises(DataTypeError, match=r"^check: expected True or False"):
            model.predictor(check=bad)
    clone = models.clone_model(Sequential([layers.Dense(1)]))
    clone.ranges = watched().ranges
    clone.build((None, 5))
    with pytest.raises(ShapeError, match="of 3 columns, the model has 5"):
        clone.predictor(check=True)


def test_a_predictor_keeps_the_ranges_that_it_was_made_with():
    model = watched()
    predict = model.predictor(check=True)
    model.keep_ranges(100 * X)
    with pytest.raises(DataError, match="outside of the training data"):
        predict(50 * X)
    del model
    assert predict(X).shape == (60, 1)


def test_threads_may_check_at_the_same_time():
    predict, refused = watched().predictor(check=True), []

    def serve():
        for _ in range(200):
            predict(X)
            try:
                predict(9 * X)
            except DataError:
                refused.append(1)

    threads = [threading.Thread(target=serve) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 600
