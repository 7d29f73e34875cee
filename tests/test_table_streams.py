"""Tables larger than memory: a stream has the chunks of arrays, and models get their bits."""

import itertools
import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
from communicators import on_ranks

from fastgd import Sequential, layers, linear, losses, many, optimizers, utils
from fastgd._core.engine import Stream
from fastgd._data.read_ahead import made_ahead
from fastgd._engine.streams import element
from fastgd.callbacks import BackupAndRestore, LambdaCallback
from fastgd.errors import ArgumentError, DataError, DataTypeError, FileError, ShapeError

pa = pytest.importorskip("pyarrow")
pl = pytest.importorskip("polars")
dataset = pytest.importorskip("pyarrow.dataset")
parquet = pytest.importorskip("pyarrow.parquet")
feather = pytest.importorskip("pyarrow.feather")

ROWS = 337
RNG = np.random.default_rng(5)
X = RNG.normal(size=(ROWS, 3)).astype("float32")
Y = (X @ [1.0, -2.0, 0.5] + 0.1 * RNG.normal(size=ROWS)).astype("float32")
WEIGHTS = RNG.uniform(0.5, 2, ROWS)
OFFSETS = RNG.uniform(-1, 1, ROWS)
COLUMNS = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": Y}
TABLE = pa.table(COLUMNS)
CHUNK = 100
CHUNKS = [(X[i : i + CHUNK], Y[i : i + CHUNK]) for i in range(0, ROWS, CHUNK)]


def parquet_file(folder, group=23, table=TABLE):
    file = folder / "table.parquet"
    parquet.write_table(table, file, row_group_size=group)
    return file


def arrow_file(folder, name="table.arrow", table=TABLE):
    feather.write_feather(table, folder / name, chunksize=41)
    return folder / name


def folder_of(folder, write, ending):
    for k, (begin, end) in enumerate(itertools.pairwise([0, 5, 5, 190, ROWS])):
        write(TABLE.slice(begin, end - begin), folder / f"part{k}.{ending}")
    return folder


SOURCES = {
    "odd row groups": parquet_file,
    "one row group": lambda folder: str(parquet_file(folder, ROWS)),
    "tiny row groups": lambda folder: parquet_file(folder, 1),
    "folder": lambda folder: folder_of(folder, parquet.write_table, "parquet"),
    "arrow": arrow_file,
    "arrow folder": lambda folder: folder_of(folder, feather.write_feather, "feather"),
    "dataset": lambda folder: dataset.dataset(parquet_file(folder)),
    "arrow dataset of other files": lambda folder: dataset.dataset(
        arrow_file(folder, table=TABLE.select(["y", "c", "b", "a"])), format="ipc",
        schema=TABLE.schema.append(pa.field("lacking", pa.float32())),
    ),
    "filtered dataset": lambda folder: dataset.dataset(
        parquet_file(folder, 23, pa.concat_tables([TABLE, TABLE.slice(0, 9)]).append_column(
            "kept", pa.array([1.0] * ROWS + [0.0] * 9)))
    ).filter(dataset.field("kept") > 0.5),
    "table": lambda folder: TABLE,
    "pandas": lambda folder: pytest.importorskip("pandas").DataFrame(COLUMNS),
    "polars": lambda folder: pl.DataFrame(COLUMNS),
    "lazy scan": lambda folder: pl.scan_parquet(parquet_file(folder)),
    "lazy query": lambda folder: pl.scan_parquet(parquet_file(folder)).filter(pl.col("a") < 99),
}  # fmt: skip


@pytest.fixture(params=list(SOURCES))
def source(request, tmp_path):
    """The same table in one form after another."""
    return SOURCES[request.param](tmp_path)


def stream_of(source, chunk_rows=CHUNK, **options):
    return utils.TableStream(source, "y", ["a", "b", "c"], chunk_rows=chunk_rows, **options)


def network(optimizer="adam", loss="mse"):
    utils.set_random_seed(1)
    model = Sequential([layers.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile(optimizer, loss)
    return model


# -- chunks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("read_ahead", [True, False])
@pytest.mark.parametrize("chunk_rows", [1, 23, 100, ROWS, 1000])
def test_chunks_are_cut_by_rows_alone(source, chunk_rows, read_ahead):
    stream = stream_of(source, chunk_rows, read_ahead=read_ahead)
    starts = range(0, ROWS, chunk_rows)
    assert len(stream) == len(starts) and stream.rows == ROWS
    for _ in range(2):
        for start, (x, y) in zip(starts, stream, strict=True):
            assert x.columns == ("a", "b", "c") and x.values.flags.c_contiguous
            assert x.values.dtype == y.dtype == np.float32
            np.testing.assert_array_equal(np.asarray(x), X[start : start + chunk_rows])
            np.testing.assert_array_equal(y, Y[start : start + chunk_rows])


def test_single_chunks_in_any_order(source):
    stream = stream_of(source)
    for number in (3, 0, 1, 1, 2, -1, -4):
        x, y = stream[number]
        np.testing.assert_array_equal(x, CHUNKS[number][0])
        np.testing.assert_array_equal(y, CHUNKS[number][1])
    for number in (4, -5):
        with pytest.raises((IndexError, ArgumentError), match="index: "):
            stream[number]
    found = [np.asarray(x) for x, _ in stream.in_order([2, 3, 0])]
    assert [x.tobytes() for x in found] == [CHUNKS[k][0].tobytes() for k in (2, 3, 0)]


def test_lazy_frames_of_a_polars_without_batches(tmp_path, monkeypatch):
    monkeypatch.delattr(pl.LazyFrame, "collect_batches", raising=False)
    stream = stream_of(SOURCES["lazy query"](tmp_path))
    for (x, y), (x_expected, y_expected) in zip(stream, CHUNKS, strict=True):
        np.testing.assert_array_equal(x, x_expected)
        np.testing.assert_array_equal(y, y_expected)
    np.testing.assert_array_equal(stream[2][0], CHUNKS[2][0])


def test_the_columns_of_a_chunk():
    table = TABLE.append_column("w", [WEIGHTS]).append_column("o", [OFFSETS])
    x, y, weights, offset = utils.TableStream(table, "y", sample_weight="w", offset="o")[0]
    assert x.columns == ("a", "b", "c")
    np.testing.assert_array_equal(weights, WEIGHTS)
    np.testing.assert_array_equal(offset, OFFSETS)
    x, y, weights = utils.TableStream(table, ["y", "c"], ["b", "a"], sample_weight="w")[0]
    np.testing.assert_array_equal(x, X[:, [1, 0]])
    np.testing.assert_array_equal(y, np.stack([Y, X[:, 2]], axis=1))
    assert utils.TableStream(table, "y", ["a"], offset="o")[0][2] is None
    only = utils.TableStream(table, x=["o"])[0]
    np.testing.assert_array_equal(only, OFFSETS[:, None])
    assert only.values.dtype == np.float64


@pytest.mark.parametrize(
    ("columns", "dtype", "expected"),
    [
        ([np.array([1, 2], "int8")], None, np.float64),
        ([np.array([True, False]), np.array([1, 2], "float32")], None, np.float32),
        ([np.array([1, 2], "int64"), np.array([1, 2], "float32")], None, np.float64),
        ([np.array([1.5, 2.5])], "float32", np.float32),
        ([np.array([1.5, 2.5], "float32")], "float64", np.float64),
    ],
)
def test_numbers_of_other_types(columns, dtype, expected):
    table = pa.table({str(k): column for k, column in enumerate(columns)})
    values = utils.TableStream(table, dtype=dtype)[0].values
    assert values.dtype == expected
    np.testing.assert_array_equal(values, np.stack(columns, axis=1).astype(np.float64))


def test_folders_that_are_named_after_a_value_are_a_column(tmp_path):
    for year in (2023, 2024):
        (tmp_path / f"year={year}").mkdir()
        parquet_file(tmp_path / f"year={year}", table=TABLE.slice(0, 3))
    stream = utils.TableStream(tmp_path, "y")
    assert stream[0][0].columns == ("a", "b", "c", "year")
    np.testing.assert_array_equal(stream[0][0].values[:, 3], [2023] * 3 + [2024] * 3)


# -- models -----------------------------------------------------------------------------------

SOLVERS = {
    "newton": linear.Newton(),
    "lbfgs": linear.LBFGS(),
    "descent": linear.GradientDescent(0.1, 7),
    "sgd": linear.SGD("invscaling", epochs=3, batch_size=8, seed=2),
}


@pytest.mark.parametrize("solver", SOLVERS)
def test_linear_models_have_the_bits_of_the_same_chunks_in_memory(source, solver):
    stream = stream_of(source)
    found, expected = (
        linear.LinearModel(l2=0.01).fit(chunks, solver=SOLVERS[solver])
        for chunks in (stream, CHUNKS)
        if not utils.set_random_seed(3)
    )
    assert found.coef.tobytes() == expected.coef.tobytes()
    assert found.intercept.tobytes() == expected.intercept.tobytes()
    assert found.feature_names == ("a", "b", "c")
    predicted = np.concatenate([found.predict(x) for x, _ in stream])
    np.testing.assert_allclose(predicted, expected.predict(X), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_ranks_read_their_own_chunks_ahead(tmp_path, size):
    stream = stream_of(parquet_file(tmp_path))
    alone = linear.LinearModel().fit(stream, solver=linear.Newton())

    def fit(comm):
        own = pickle.loads(sent)  # each rank opens the file by itself
        return linear.LinearModel().fit(own, solver=linear.Newton(), comm=comm)

    sent = pickle.dumps(stream)
    for model in on_ranks(size, fit):
        np.testing.assert_array_equal(model.coef, alone.coef)
        assert model.feature_names == ("a", "b", "c")
    assert "fastgd read-ahead" not in {thread.name for thread in threading.enumerate()}


def test_linear_models_choose_the_same_solver_as_for_chunks_in_memory():
    found, expected = (
        linear.LinearModel(l2=0.01).fit(chunks)
        for chunks in (stream_of(TABLE), CHUNKS)
        if not utils.set_random_seed(3)
    )
    assert found.coef.tobytes() == expected.coef.tobytes()
    assert found.n_iter == expected.n_iter


def test_linear_models_take_weights_and_offsets():
    table = TABLE.append_column("w", [WEIGHTS]).append_column("o", [OFFSETS])
    stream = utils.TableStream(table, "y", sample_weight="w", offset="o", chunk_rows=90)
    found = linear.LinearModel().fit(stream, solver=linear.Newton())
    expected = linear.LinearModel().fit(
        X.astype("float64"), Y, WEIGHTS, solver=linear.Newton(), offset=OFFSETS
    )
    np.testing.assert_allclose(found.coef, expected.coef, rtol=1e-5)
    assert found.has_offset


@pytest.mark.parametrize("batch_size", [1, 16, 100, 150, 1000])
def test_networks_in_order_have_the_bits_of_arrays(source, batch_size):
    stream, model, other = stream_of(source), network(), network()
    how = {"batch_size": batch_size, "epochs": 2, "shuffle": False, "verbose": 0}
    history = model.fit(stream, validation_data=stream, **how)
    expected = other.fit(X, Y, validation_data=(X, Y), **how)
    assert model.parameters.tobytes() == other.parameters.tobytes()
    assert history.history == expected.history
    assert history.params["steps"] == -(-ROWS // batch_size)
    assert model.evaluate(stream, verbose=0) == other.evaluate(X, Y, verbose=0)
    assert model.predict(stream).tobytes() == other.predict(X).tobytes()
    assert model.feature_names == ["a", "b", "c"]


def test_networks_take_weights_and_are_built_by_the_first_chunk(engine):
    table = TABLE.append_column("w", [WEIGHTS])
    stream = utils.TableStream(table, "y", sample_weight="w", chunk_rows=90)
    found = []
    for data in ((stream,), (X, Y)):
        utils.set_random_seed(1)
        model = Sequential([layers.Dense(4, "relu"), layers.Dropout(0.0), layers.Dense(1)])
        model.compile("adam", "mse")
        weights = None if len(data) == 1 else WEIGHTS
        model.fit(*data, sample_weight=weights, batch_size=9, shuffle=False, verbose=0)
        found.append(model.parameters.tobytes())
    assert found[0] == found[1]


def batches_in_order(model, key, size, together):
    """The batches of an epoch with a key, as the documentation says: chunks, then rows."""
    rows = max(CHUNK // size, 1) * size
    starts = np.arange(0, ROWS, rows)
    permutation = model.engine.permutation
    for number in permutation(key, len(starts)).tolist():
        x, y = (part[starts[number] : starts[number] + rows] for part in (X, Y))
        order = permutation(element(key, number), len(x), together)
        for at in range(0, len(x), size):
            chosen = order[at : at + size]
            yield x[chosen], y[chosen]


@pytest.mark.parametrize("steps", [None, 5, 50])
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("shuffle", [True, "batch"])
def test_shuffled_networks_take_chunks_and_rows_in_orders_of_their_own(
    tmp_path, shuffle, n_jobs, steps
):
    model, other, size = network(), network(), 16
    stream = stream_of(parquet_file(tmp_path))
    round_steps = len(list(batches_in_order(other, 0, size, 1)))
    epochs = 3 if steps is None else -(-3 * round_steps // steps)
    model.fit(stream, batch_size=size, epochs=epochs, shuffle=shuffle, n_jobs=n_jobs,
              steps_per_epoch=steps, verbose=0)  # fmt: skip
    draws = Stream(other.stream.seed)
    batches = []
    while len(batches) < epochs * (steps or round_steps):
        together = size if shuffle == "batch" else 1
        batches += batches_in_order(other, draws.next(), size, together)
    other.fit(batches[: epochs * (steps or round_steps)], shuffle=False, verbose=0)
    assert model.parameters.tobytes() == other.parameters.tobytes()


def test_callbacks_hear_of_each_step_and_may_stop(tmp_path):
    heard, model = [], network()
    stop = LambdaCallback(
        on_train_batch_end=lambda batch, logs: (
            heard.append(batch) or setattr(model, "stop_training", batch == 8)
        )
    )
    model.fit(stream_of(parquet_file(tmp_path)), batch_size=16, callbacks=stop, verbose=0)
    assert heard == list(range(9)) and model.optimizer.iterations == 9


class Killed(Exception):
    pass


@pytest.mark.parametrize("steps", [None, 10])
@pytest.mark.parametrize("at", [3, 20, 21, 22, 29])
def test_training_that_was_killed_resumes_to_the_same_bits(tmp_path, at, steps):
    stream = stream_of(parquet_file(tmp_path))
    how = {"batch_size": 16, "epochs": 4, "verbose": 0, "steps_per_epoch": steps}
    whole = network()
    whole.fit(stream, **how)

    count = itertools.count()

    def kill(batch, logs):
        if next(count) == at:
            raise Killed

    model = network()
    backup = BackupAndRestore(tmp_path / "backup", save_freq=3)
    with pytest.raises(Killed):
        model.fit(stream, callbacks=[backup, LambdaCallback(on_train_batch_end=kill)], **how)
    utils.set_random_seed(9)  # another process has another state
    again = network()
    again.fit(stream, callbacks=[BackupAndRestore(tmp_path / "backup", save_freq=3)], **how)
    assert again.parameters.tobytes() == whole.parameters.tobytes()
    assert again.optimizer.iterations == whole.optimizer.iterations


def test_other_chunks_and_arrays_do_not_resume_a_run(tmp_path):
    def kill(epoch, logs):
        raise Killed

    how = {"batch_size": 16, "epochs": 2, "verbose": 0}
    backup = BackupAndRestore(tmp_path / "backup", save_freq=3)
    with pytest.raises(Killed):
        network().fit(
            stream_of(TABLE), callbacks=[backup, LambdaCallback(on_epoch_end=kill)], **how
        )
    with pytest.raises(ArgumentError, match=r"chunks of 96 rows, but .* chunks of 48"):
        network().fit(stream_of(TABLE, 50), callbacks=backup, **how)
    with pytest.raises(ArgumentError, match="had arrays, or batches"):
        network().fit(X, Y, callbacks=backup, **how)


def test_a_loss_over_time_needs_its_rows_in_order():
    model = network(loss=losses.Sharpe(cost=0.1))
    with pytest.raises(ArgumentError, match="needs the rows in their order"):
        model.fit(stream_of(TABLE), verbose=0)


def test_many_models_share_a_stream(tmp_path):
    stream = pickle.loads(pickle.dumps(stream_of(parquet_file(tmp_path))))
    next(iter(stream))
    jobs = [
        {"model": network("sgd"), "x": data, "y": y, "epochs": 2, "shuffle": False,
         "verbose": 0}
        for data, y in [(stream, None)] * 4 + [(X, Y)]
    ]  # fmt: skip
    results = many.fit_many(jobs, n_jobs=2)
    weights = {b"".join(w.tobytes() for w in r.model.get_weights()) for r in results}
    assert len(weights) == 1


# -- refusals ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "error", "words"),
    [
        ([1.0, 2.0, None], DataError, "value at row 202, column 'a' is missing"),
        ([1.0, np.nan, 3.0], DataError, "value at row 201, column 'a', is nan"),
        ([1.0, 2.0, -np.inf], DataError, "value at row 202, column 'a', is -inf"),
    ],
)
@pytest.mark.parametrize("part", ["x", "y", "sample_weight"])
def test_bad_values_are_named_by_their_place_in_the_table(tmp_path, part, values, error, words):
    column = pa.array([*abs(X[:200, 0]).tolist(), *values], pa.float64())
    table = TABLE.slice(0, 203).set_column(0, "a", column)
    others = {"x": "y", "y": "a", "sample_weight": "y"}
    stream = utils.TableStream(
        parquet_file(tmp_path, table=table), others[part], ["a"] if part == "x" else ["b", "c"],
        sample_weight="a" if part == "sample_weight" else None, chunk_rows=90,
    )  # fmt: skip
    model = linear.LinearModel().fit([[1.0], [2.0]], [1.0, 2.0])
    before = model.coef
    with pytest.raises(error, match=f"{part}.*{words}"):
        model.fit(stream, solver=linear.Newton())
    assert model.coef.tobytes() == before.tobytes()
    with pytest.raises(error, match=f"{part}.*{words}"):
        list(stream)


@pytest.mark.parametrize("source", ["odd row groups", "lazy scan", "polars", "pandas"])
def test_text_is_refused_before_anything_is_read(tmp_path, source, monkeypatch):
    table = TABLE.append_column("city", [["Rome"] * ROWS])
    monkeypatch.setitem(globals(), "TABLE", table)
    file = parquet_file(tmp_path, table=table)
    given = {
        "odd row groups": lambda: file, "lazy scan": lambda: pl.scan_parquet(file),
        "polars": lambda: pl.read_parquet(file), "pandas": table.to_pandas,
    }[source]()  # fmt: skip
    with pytest.raises(DataTypeError, match=r"x, column 'city': expected numbers.*encode it"):
        utils.TableStream(given, "y")
    assert len(utils.TableStream(given, "y", ["a"])[0][0]) == ROWS


def test_categories_are_refused():
    table = TABLE.append_column(
        "city", pa.array(["Rome", "Bern"] * 168 + ["Rome"]).dictionary_encode()
    )
    with pytest.raises(DataTypeError, match="'city': expected numbers"):
        utils.TableStream(table, "y")


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"y": "yy"}, ArgumentError, "y: no column 'yy'"),
        ({"y": "y", "x": ["a", "d"]}, ArgumentError, "x: no column 'd'"),
        ({"y": "y", "x": "a"}, DataTypeError, "x: expected a list"),
        ({"y": "y", "x": ["a", "a"]}, ArgumentError, "x: column 'a' is there more than once"),
        ({"y": "y", "x": ["a", "y"]}, ArgumentError, "x: column 'y' is y"),
        ({"y": "y", "x": []}, DataError, "x: there are no columns"),
        ({"y": ["a", "b", "c", "y"]}, DataError, "x: there are no columns"),
        ({"y": 3}, DataTypeError, "y: expected a list"),
        ({"y": [3]}, DataTypeError, "y: expected names"),
        ({"sample_weight": "a"}, ArgumentError, "y: expected a column"),
        ({"y": "y", "offset": "o"}, ArgumentError, "offset: no column 'o'"),
        ({"y": "y", "chunk_rows": 0}, ArgumentError, "chunk_rows: "),
        ({"y": "y", "read_ahead": "no"}, DataTypeError, "read_ahead: "),
        ({"y": "y", "dtype": "int32"}, ArgumentError, "int32"),
    ],
)
def test_arguments_that_cannot_be_used(arguments, error, words):
    with pytest.raises(error, match=words):
        utils.TableStream(TABLE, **arguments)


@pytest.mark.parametrize("source", [X, [1.0], 3, None, iter([TABLE])])
def test_what_is_no_table_is_refused(source):
    with pytest.raises(DataTypeError, match="source: expected"):
        utils.TableStream(source, "y")


def test_tables_without_rows_and_with_one():
    empty = stream_of(TABLE.slice(0, 0))
    assert len(empty) == 0 and list(empty) == []
    with pytest.raises(DataError, match="no chunks"):
        linear.LinearModel().fit(empty)
    model = network()
    with pytest.raises(DataError, match="no rows"):
        model.fit(empty, verbose=0)
    assert model.predict(empty).shape == (0, 1)
    with pytest.raises(IndexError, match="0 chunks"):
        empty[0]
    model.fit(stream_of(TABLE.slice(0, 1)), verbose=0)
    assert model.optimizer.iterations == 1


def test_files_that_are_damaged_missing_or_changed(tmp_path):
    file = parquet_file(tmp_path)
    stream = stream_of(file)
    assert stream.rows == ROWS
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(FileError, match="source: cannot be read"):
        list(stream)
    with pytest.raises(FileError, match="source: cannot be read"):
        stream_of(file)
    with pytest.raises(FileNotFoundError):
        stream_of(tmp_path / "nothing.parquet")
    twice = pa.table([X[:, 0], Y], names=["y", "y"])
    for given in (twice, dataset.dataset(twice)):
        with pytest.raises(DataError, match="columns share a name"):
            utils.TableStream(given, "y")


def test_other_columns_than_those_of_training_are_refused(tmp_path):
    model = network()
    model.fit(stream_of(TABLE), verbose=0)
    renamed = utils.TableStream(TABLE.rename_columns(["a", "b", "d", "y"]), "y")
    for call in (model.fit, model.evaluate, model.predict):
        with pytest.raises(ArgumentError, match="expected the columns"):
            call(renamed, verbose=0)
    with pytest.raises(ShapeError, match="3 columns"):
        network().fit(utils.TableStream(TABLE, "y", ["a", "b"]), verbose=0)
    with pytest.raises(ArgumentError, match=r"sample_weight.*have to be None"):
        network().fit(stream_of(TABLE), sample_weight=WEIGHTS, verbose=0)


# -- reading ahead ----------------------------------------------------------------------------


def threads():
    return [t for t in threading.enumerate() if t.name == "fastgd read-ahead"]


def test_the_next_item_is_made_while_one_is_used():
    made = [threading.Event() for _ in range(3)]

    def items():
        for event in made:
            event.set()
            yield threading.get_ident()

    for number, maker in enumerate(made_ahead(items())):
        assert maker != threading.get_ident()
        if number < 2:
            assert made[number + 1].wait(20)
    assert threads() == []


@pytest.mark.parametrize("error", [OSError("no disk"), KeyboardInterrupt(), SystemExit(3)])
def test_errors_of_the_thread_are_raised_where_its_items_are_used(error):
    def items():
        yield 1
        raise error

    found = made_ahead(items())
    assert next(found) == 1
    with pytest.raises(type(error)) as caught:
        next(found)
    assert caught.value is error
    assert threads() == []


@pytest.mark.parametrize("error", [None, ValueError, KeyboardInterrupt])
def test_no_thread_is_left_when_the_loop_is(source, error):
    stream = stream_of(source, 10)

    def leave():
        for number, _ in enumerate(stream):
            if number == 3:
                if error is None:
                    break
                raise error

    if error is None:
        leave()
    else:
        with pytest.raises(error):
            leave()
    assert threads() == []


def test_no_thread_is_left_by_a_fit_that_fails(tmp_path):
    stream = stream_of(parquet_file(tmp_path), 20)
    model = network(optimizers.SGD(1e30))
    with np.errstate(all="ignore"), pytest.raises(ArithmeticError):
        model.fit(stream, epochs=5, verbose=0)
    assert threads() == []
    with pytest.raises(ArithmeticError):
        linear.LinearModel().fit(stream, solver=linear.GradientDescent(1e200, 99))
    for thread in threads():  # they end by themselves
        thread.join(20)
    assert threads() == []


MEMORY = """
import sys
from fastgd import Sequential, layers, linear, utils

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) / 1024 for line in file if line.startswith("VmHWM"))

def train(file):
    stream = utils.TableStream(file, "y", chunk_rows=4096)
    linear.LinearModel().fit(stream, solver=linear.SGD("invscaling", epochs=1, seed=0))
    linear.LinearModel().fit(stream, solver=linear.Newton())
    model = Sequential([layers.Dense(4), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(stream, batch_size=1024, epochs=1, verbose=0)
    model.predict(utils.TableStream(file, x=[f"c{k}" for k in range(31)], chunk_rows=4096))

train(sys.argv[1])
before = peak()
train(sys.argv[2])
print(peak() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kind", ["parquet", "arrow"])
def test_memory_holds_a_few_chunks(tmp_path, kind):
    """A table of 64 MB takes at most half of that more than one of 4 MB does."""
    schema = pa.schema({f"c{k}": "float32" for k in range(31)} | {"y": "float32"})
    files = []
    for rows in (1 << 15, 1 << 19):
        values = np.random.default_rng(7).normal(size=(32, rows)).astype("float32")
        table = pa.table(list(values), schema=schema)
        files.append(str(tmp_path / f"{rows}.{kind}"))
        if kind == "parquet":
            parquet.write_table(table, files[-1], row_group_size=4096)
        else:
            feather.write_feather(table, files[-1], chunksize=4096)
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, *files], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 32


# -- streams elsewhere ------------------------------------------------------------------------


def test_a_stream_is_no_array():
    stream = utils.TableStream(TABLE, "y")
    model = linear.LinearModel().fit(stream, solver=linear.Newton())
    for call in (model.predict, lambda x: model.fit(x, Y)):
        with pytest.raises(DataTypeError, match="x: a TableStream is no array"):
            call(stream)


def test_a_path_is_found_from_another_folder(tmp_path, monkeypatch):
    parquet_file(tmp_path)
    monkeypatch.chdir(tmp_path)
    stream = stream_of("table.parquet" if (tmp_path / "table.parquet").exists() else ".")
    monkeypatch.chdir("/")
    assert len(list(stream)) == 4


def test_lazy_frames_can_be_pickled():
    stream = utils.TableStream(pl.DataFrame(COLUMNS).lazy(), "y", ["a"], chunk_rows=90)
    twin = pickle.loads(pickle.dumps(stream))
    np.testing.assert_array_equal(twin[1][0].values, stream[1][0].values)


def test_the_journal_knows_a_file_that_changed(tmp_path):
    path, journal = parquet_file(tmp_path), tmp_path / "journal"

    def run():
        stream = stream_of(path)
        job = {"model": network, "x": stream, "epochs": 1, "batch_size": 50}
        (result,) = many.fit_many([job], 1, journal=journal, seed=1)
        assert result.ok, result.error
        return result.scores["loss"], len(stream)

    first = run()
    assert run() == first
    assert len(journal.read_text().splitlines()) == 1
    parquet_file(tmp_path, table=TABLE.slice(0, 200))
    assert run() != first
    assert len(journal.read_text().splitlines()) == 2
    lazy = {"model": network, "x": stream_of(pl.DataFrame(COLUMNS).lazy()), "epochs": 1}
    (result,) = many.fit_many(iter([lazy]), 1, journal=journal, seed=1)
    assert "no digest can be made of a lazy frame" in str(result.error)
