"""Where rows come from: generators, datasets, files, frames, lists."""

import itertools
import sys
import threading
import warnings

import numpy as np
import pytest
from problems import compiled as compiled_case
from problems import data, network, regression, spy_on

from fastgd import Sequential, layers, optimizers, utils
from fastgd.callbacks import LambdaCallback
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

X, Y = regression(50)
BATCHES = [(X[i : i + 20], Y[i : i + 20]) for i in (0, 20, 40)]


def compiled(optimizer="adam", built=True):
    utils.set_random_seed(1)
    model = network()
    if not built:
        model = Sequential([layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"])
    return model


def endless(batches=BATCHES):
    yield from itertools.cycle(batches)


class Dataset(utils.PyDataset):
    """Batches of X and Y; notes what it is asked for."""

    def __init__(self, **arguments):
        super().__init__(**arguments)
        self.asked, self.epochs, self.threads = [], [], set()

    def __len__(self):
        return len(BATCHES)

    def __getitem__(self, index):
        self.asked.append(index)
        self.threads.add(threading.get_ident())
        return BATCHES[index]

    def on_epoch_begin(self):
        self.epochs.append("begin")

    def on_epoch_end(self):
        self.epochs.append("end")


def by_arrays(epochs, built=True, **arguments):
    """What comes of X and Y as arrays, in their order."""
    model = compiled(built=built)
    history = model.fit(
        X, Y, batch_size=20, epochs=epochs, shuffle=False, verbose=0, **arguments
    )
    return history.history, model.parameters.tobytes()


class Again:
    """An iterable without a length that is no iterator."""

    def __iter__(self):
        return iter(BATCHES)


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize(
    ("source", "steps"),
    [
        (lambda: list(BATCHES), None),
        (lambda: tuple(BATCHES), None),
        (lambda: Again(), None),
        (lambda: Dataset(), None),
        (lambda: Dataset(workers=3, max_queue_size=2), None),
        (lambda: endless(), 3),
        (lambda: iter([*BATCHES, *BATCHES]), 3),
        (lambda: (batch for batch in [*BATCHES, *BATCHES]), 3),
    ],
)
def test_batches_are_the_steps_of_arrays(engine, source, steps, built):
    model = compiled(built=built)
    history = model.fit(
        source(), epochs=2, steps_per_epoch=steps, shuffle=False, verbose=0,
        validation_data=source(), validation_steps=steps,
    )  # fmt: skip
    expected, parameters = by_arrays(2, built, validation_data=(X, Y))
    assert history.history == expected
    assert model.parameters.tobytes() == parameters
    assert model.optimizer.iterations == 6


def test_each_batch_is_one_compiled_step(engine, monkeypatch):
    model = compiled()
    spy = spy_on(model, monkeypatch)
    model.fit(BATCHES, epochs=2, verbose=0)
    assert len(spy.calls) == 6
    keys = [call.key for call in spy.calls]
    assert len(set(keys)) == 6  # each has random numbers of its own


def test_evaluate_and_predict_take_batches(engine):
    model = compiled()
    expected = model.evaluate(X, Y, verbose=0)
    outputs = model.predict(X)
    for source in (BATCHES, iter(BATCHES), Dataset(), Dataset(workers=2)):
        assert model.evaluate(source, verbose=0) == expected
    for source in (BATCHES, iter(BATCHES), Dataset(), (x for x, _ in BATCHES)):
        assert model.predict(source).tobytes() == outputs.tobytes()
    first = model.evaluate(X[:40], Y[:40], verbose=0)
    assert model.evaluate(endless(), steps=2, verbose=0) == first
    assert model.evaluate(X, Y, batch_size=20, steps=2, verbose=0) == first
    assert model.predict(endless(), steps=2).tobytes() == outputs[:40].tobytes()
    assert model.predict(X, batch_size=20, steps=2).tobytes() == outputs[:40].tobytes()


def test_batches_with_weights(engine):
    weights = np.random.default_rng(0).uniform(0, 2, 50).astype("float32")
    batches = [(x, y, weights[20 * i :][: len(x)]) for i, (x, y) in enumerate(BATCHES)]
    model = compiled()
    history = model.fit(batches, epochs=2, verbose=0, validation_data=batches)
    expected, parameters = by_arrays(2, sample_weight=weights, validation_data=(X, Y, weights))
    assert history.history == expected
    assert model.parameters.tobytes() == parameters
    assert model.evaluate(batches, verbose=0) == model.evaluate(
        X, Y, sample_weight=weights, verbose=0
    )


def test_class_weight_of_batches(engine):
    x, y = data("sparse fused", 40)
    found = []
    for source in ((x, y), ([(x[:32], y[:32]), (x[32:], y[32:])], None)):
        utils.set_random_seed(1)
        model = compiled_case("sparse fused")
        model.fit(*source, class_weight={1: 5.0}, shuffle=False, verbose=0)
        found.append(model.parameters.tobytes())
    assert found[0] == found[1]


def test_a_dataset_is_shuffled_by_batches():
    dataset = Dataset()
    compiled().fit(dataset, epochs=8, verbose=0)
    asked = dataset.asked[1:]  # the first was asked for its shape
    rounds = [tuple(asked[i : i + 3]) for i in range(0, 24, 3)]
    assert all(sorted(r) == [0, 1, 2] for r in rounds)
    assert len(set(rounds)) > 1
    assert dataset.epochs == ["begin", "end"] * 8
    again = Dataset()
    compiled().fit(again, epochs=8, verbose=0)
    assert again.asked == dataset.asked


def test_workers_are_other_threads():
    dataset = Dataset(workers=2)
    compiled().fit(dataset, epochs=3, verbose=0)
    assert len(dataset.threads - {threading.get_ident()}) >= 1


def test_an_endless_dataset():
    class Endless(utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return BATCHES[index % 3]

    model = compiled()
    history = model.fit(Endless(), epochs=2, steps_per_epoch=3, verbose=0)
    assert history.history == by_arrays(2)[0]
    assert history.params["steps"] == 3


def test_the_name_of_keras_2():
    assert utils.Sequence is utils.PyDataset


def test_an_epoch_may_end_within_a_round(engine):
    """Steps go on where the epoch before ended."""
    found = []
    for source, steps, epochs in (
        (list(BATCHES), 2, 3),
        (endless(), 6, 1),
        (list(BATCHES), 6, 1),
    ):
        model = compiled()
        model.fit(source, epochs=epochs, steps_per_epoch=steps, verbose=0, shuffle=False)
        found.append(model.parameters.tobytes())
        assert model.optimizer.iterations == 6
    model = compiled()
    model.fit(X, Y, batch_size=20, epochs=3, steps_per_epoch=2, verbose=0, shuffle=False)
    found.append(model.parameters.tobytes())
    assert len(set(found)) == 1
    assert found[0] == by_arrays(2)[1]


def test_steps_of_shuffled_arrays_see_every_row_in_each_round(engine, monkeypatch):
    model = compiled()
    spy = spy_on(model, monkeypatch)
    model.fit(X, Y, batch_size=20, epochs=3, steps_per_epoch=2, verbose=0)
    assert [call[-2:] for call in spy.calls] == [(0, 2), (2, 3), (0, 1), (1, 3)]
    assert len({call.key for call in spy.calls}) == 2
    assert sorted(spy.calls[-1].order) == list(range(50))


def test_a_generator_that_ends_too_early():
    model = compiled()
    with pytest.warns(UserWarning, match="ended after 1 of 3 epochs"):
        history = model.fit(iter(BATCHES), epochs=3, verbose=0)
    assert history.epoch == [0]
    with pytest.warns(UserWarning, match="ended after 2 of 3 epochs"):
        history = model.fit(iter(BATCHES), epochs=3, steps_per_epoch=2, verbose=0)
    assert history.epoch == [0, 1]  # the second is short
    assert model.optimizer.iterations == 6
    assert compiled().fit(iter(BATCHES), epochs=1, verbose=0).epoch == [0]
    with pytest.warns(UserWarning, match="ended after 1 of 1 epochs and 3 of 5 steps"):
        model.fit(iter(BATCHES), epochs=1, steps_per_epoch=5, verbose=0)
    with pytest.warns(UserWarning, match="ended after 2 of 2 epochs and 1 of 2 steps"):
        model.fit(iter(BATCHES), epochs=2, steps_per_epoch=2, verbose=0)


def test_hooks_of_batches_over_a_source(engine):
    seen = []
    look = LambdaCallback(
        on_train_batch_end=lambda batch, logs: seen.append((batch, logs["loss"])),
        on_test_batch_begin=lambda batch, logs: seen.append(("test", batch)),
    )
    model = compiled()
    model.fit(BATCHES, epochs=1, verbose=0, callbacks=[look], validation_data=BATCHES[:2])
    assert [step for step, _ in seen[:3]] == [0, 1, 2]
    assert seen[2][1] == model.history.history["loss"][0]
    assert seen[3:] == [("test", 0), ("test", 1)]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda m: m.fit(BATCHES, Y), ShapeError, []),
        (lambda m: m.fit(iter(BATCHES), Y), ArgumentError, ["y", "None"]),
        (lambda m: m.fit(iter(BATCHES), sample_weight=Y), ArgumentError, ["sample_weight"]),
        (lambda m: m.fit(iter([])), DataError, ["no batches"]),
        (lambda m: m.fit(Again(), validation_split=0.5), ArgumentError, ["validation_split"]),
        (lambda m: m.fit(iter([(X, Y, Y, Y)])), ArgumentError, ["4 parts"]),
        (lambda m: m.fit(iter([X])), DataTypeError, ["y"]),
        (lambda m: m.fit(X, Y, validation_data=iter(BATCHES)), ArgumentError,
         ["validation_data", "validation_steps"]),
        (lambda m: m.fit(X, Y, validation_data=[(X[:, :2], Y)]), ShapeError, ["validation x"]),
        (lambda m: m.fit(X, Y, steps_per_epoch=0), ArgumentError, ["steps_per_epoch"]),
        (lambda m: m.fit(X, Y, validation_freq=0), ArgumentError, ["validation_freq"]),
        (lambda m: m.fit(X, Y, validation_steps=1.5), DataTypeError, ["validation_steps"]),
    ],
)  # fmt: skip
def test_sources_that_are_refused(call, error, words):
    model = compiled()
    before = model.parameters.tobytes()
    with pytest.raises(error) as caught:
        call(model)
    for word in words:
        assert word in str(caught.value)
    assert model.parameters.tobytes() == before
    assert model.history is None


def test_a_bad_batch_is_named(engine):
    model = compiled()
    bad = X[:4].copy()
    bad[2, 1] = np.nan
    with pytest.raises(DataError, match="batch 1: x: nan at row 2, column 1"):
        model.fit([BATCHES[0], (bad, Y[:4])], verbose=0)
    assert model.optimizer.iterations == 1
    with pytest.raises(ArgumentError, match="batch 1: sample_weight: the batches before"):
        model.fit([BATCHES[0], (*BATCHES[1], np.ones(20))], verbose=0)
    model.fit(BATCHES, verbose=0)


# --- validation now and then -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("freq", "epochs"), [(1, [0, 1, 2, 3, 4]), (2, [1, 3]), ([1, 4], [0, 3]), ((9,), [])]
)
def test_validation_freq(freq, epochs):
    model = compiled()
    history = model.fit(X, Y, epochs=5, verbose=0, validation_split=0.2, validation_freq=freq)
    assert history.epochs_of.get("val_loss", []) == epochs
    assert len(history.history["loss"]) == 5
    assert len(history.history.get("val_mae", [])) == len(epochs)


def test_validation_steps_are_the_same_rows_each_time(engine):
    model = compiled(optimizers.SGD(0.0))
    arguments = {"validation_batch_size": 10, "validation_steps": 2}
    expected = model.evaluate(X[:20], Y[:20], verbose=0)[0]
    for validation in ((X, Y), [(X[i : i + 10], Y[i : i + 10]) for i in range(0, 50, 10)]):
        history = model.fit(X, Y, epochs=3, verbose=0, validation_data=validation, **arguments)
        assert history.history["val_loss"] == [expected] * 3


# --- files -----------------------------------------------------------------------------------


def mapped(tmp_path, array, name="x"):
    np.save(tmp_path / f"{name}.npy", array)
    return np.load(tmp_path / f"{name}.npy", mmap_mode="r")


def test_a_memory_map_is_used_as_it_is(engine, tmp_path, monkeypatch):
    x, y = mapped(tmp_path, X), mapped(tmp_path, Y, "y")
    model = compiled()
    spy = spy_on(model, monkeypatch)
    model.fit(x, y, batch_size=20, epochs=2, verbose=0, shuffle=False)
    assert np.shares_memory(spy.calls[0].x, x)
    assert np.shares_memory(spy.calls[0].y, y)
    assert model.parameters.tobytes() == by_arrays(2)[1]


@pytest.mark.parametrize("shuffle", [True, False])
def test_a_memory_map_of_another_type_is_read_by_batches(
    engine, tmp_path, shuffle, monkeypatch
):
    x = mapped(tmp_path, X.astype("float64"))
    model = compiled()
    spy = spy_on(model, monkeypatch)
    history = model.fit(
        x, Y, batch_size=20, epochs=2, verbose=0, shuffle=shuffle, validation_data=(x, Y)
    )
    assert [len(call.x) for call in spy.calls] == [20, 20, 10] * 2
    other = compiled()
    expected = other.fit(
        X, Y, batch_size=20, epochs=2, verbose=0, shuffle=shuffle, validation_data=(X, Y)
    )
    assert history.history == expected.history
    assert model.parameters.tobytes() == other.parameters.tobytes()
    assert model.predict(x).tobytes() == other.predict(X).tobytes()


class Stored:
    """An array-like in chunks, as HDF5 gives it: it is read in ascending slices only."""

    chunks = (10, 3)

    def __init__(self, array):
        self.array = array
        self.shape, self.dtype = array.shape, array.dtype
        self.most = 0

    def __len__(self):
        return len(self.array)

    def __getitem__(self, rows):
        if isinstance(rows, np.ndarray):
            assert (np.diff(rows) > 0).all()
        found = self.array[rows]
        self.most = max(self.most, len(found))
        return found

    def __array__(self, dtype=None, copy=None):
        raise AssertionError("read as a whole")


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("weights", [None, np.arange(50.0)])
def test_an_array_like_in_chunks_is_read_by_batches(engine, built, weights):
    found = []
    for x in (Stored(X), X):
        model = compiled(built=built)
        model.fit(x, Y, batch_size=16, epochs=3, verbose=0, sample_weight=weights)
        found.append((model.parameters.tobytes(), model.evaluate(x, Y, verbose=0)))
        found[-1] += (model.predict(x, batch_size=16).tobytes(),)
        if isinstance(x, Stored):
            assert x.most == 32  # that of evaluate
    assert found[0] == found[1]


def test_an_array_like_in_chunks_that_does_not_fit():
    with pytest.raises(ShapeError, match="different numbers of rows: 50 and 49"):
        compiled().fit(Stored(X), Y[:49], verbose=0)
    bad = X.copy()
    bad[30, 2] = np.inf
    with pytest.raises(DataError, match="x of batch 1"):
        compiled().fit(Stored(bad), Y, batch_size=20, shuffle=False, verbose=0)


# --- frames ----------------------------------------------------------------------------------


def frames():
    """The same table in several libraries, by name."""
    columns = {"age": X[:, 0].astype("float64"), "sum": X[:, 1], "n": np.arange(50) % 7}
    made = {}
    for library in ("pandas", "polars"):
        module = pytest.importorskip(library)
        made[library] = module.DataFrame(columns)
    return columns, made


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_taken_as_they_are(library):
    pytest.importorskip("narwhals")
    columns, made = frames()
    frame = made[library]
    series = frame["age"] if library == "pandas" else frame["age"].alias("target")
    x = np.stack(list(columns.values()), axis=1)
    found = []
    for arguments in (
        {"x": x, "y": columns["age"], "sample_weight": columns["n"] * 1.0},
        {"x": frame, "y": series, "sample_weight": frame["n"]},
    ):
        model = compiled()
        given = arguments["x"]
        history = model.fit(**arguments, epochs=2, verbose=0, validation_split=0.2)
        found.append((history.history, model.predict(given).tobytes()))
    assert found[0] == found[1]


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_of_flags_and_labels(library):
    pytest.importorskip("narwhals")
    module = pytest.importorskip(library)
    frame = module.DataFrame({"a": [True, False], "b": [1, 0]})
    model = network((), 2)
    assert model.predict(frame).tobytes() == model.predict([[1, 1], [0, 0]]).tobytes()
    series = module.Series([1, 0])
    one = network((), 1)
    assert one.predict(series).tobytes() == one.predict([[1], [0]]).tobytes()


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_that_are_refused(library):
    pytest.importorskip("narwhals")
    module = pytest.importorskip(library)
    model = network((), 2)
    with pytest.raises(DataTypeError, match="x, column 'town': expected numbers"):
        model.predict(module.DataFrame({"a": [1.0, 2.0], "town": ["x", "y"]}))
    with pytest.raises(DataError, match="x: the value at row 1, column 'b' is missing"):
        model.predict(module.DataFrame({"a": [1, 2], "b": [1.0, None]}))
    with pytest.raises(DataError, match=r"inf at row 0, column 1 \('b'\)"):
        model.predict(module.DataFrame({"a": [1, 2], "b": [np.inf, 1.0]}))
    with pytest.raises(ShapeError, match="2 columns"):
        model.predict(module.DataFrame({"a": [1, 2]}))


def test_a_lazy_frame_is_refused():
    pytest.importorskip("narwhals")
    polars = pytest.importorskip("polars")
    with pytest.raises(DataTypeError, match="collect"):
        network((), 1).predict(polars.LazyFrame({"a": [1.0]}))


def test_frames_without_narwhals(monkeypatch):
    pandas = pytest.importorskip("pandas")
    monkeypatch.setitem(sys.modules, "narwhals", None)
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    model = network((), 2)
    assert model.predict(frame).tobytes() == model.predict([[1, 3], [2, 4]]).tobytes()


def test_lists(engine):
    model = compiled()
    model.fit(X.tolist(), Y.tolist(), batch_size=20, epochs=2, shuffle=False, verbose=0)
    assert model.parameters.tobytes() == by_arrays(2)[1]


@pytest.mark.parametrize("bad", [7, 0.5])
def test_later_batches_are_checked_by_the_layers_of_a_model_that_the_first_one_builds(bad):
    def batches():
        yield np.zeros((4, 1)), np.zeros((4, 1))
        yield np.full((4, 1), bad), np.zeros((4, 1))

    def model():
        return Sequential([layers.Embedding(3, 2), layers.Flatten(), layers.Dense(1)])

    with pytest.raises(DataError, match=r"x of batch 1: expected class numbers from 0 to 2"):
        model().predict(batches())
    trained = model()
    trained.compile("sgd", "mse")
    with pytest.raises(DataError, match=r"batch 1: x: expected class numbers from 0 to 2"):
        trained.fit(batches(), verbose=0)


def test_no_batches_give_no_predictions(engine):
    assert network().predict(iter(())).shape == (0, 1)


@pytest.mark.parametrize("built", [True, False])
def test_the_first_batch_is_made_once_to_be_looked_at_and_once_to_be_trained_on(built):
    made = []

    class Batches(utils.PyDataset):
        def __len__(self):
            return 3

        def __getitem__(self, index):
            made.append(index)
            return np.zeros((4, 2)), np.zeros((4, 1))

    model = Sequential([layers.Dense(1, **({"input_shape": (2,)} if built else {}))])
    model.compile("sgd", "mse")
    model.fit(Batches(), shuffle=False, verbose=0)
    assert made == [0, 0, 1, 2]


# --- data that end before the steps that were asked for -------------------------------------


def ended_model():
    model = Sequential([layers.Input(shape=(1,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(optimizers.SGD(0.0), "mse")
    return model


def ended_batches(count=3, rows=4):
    """Batches with the loss 1, 4, 9 ..."""
    x = np.zeros((rows, 1), "float32")
    return [(x, x + number + 1) for number in range(count)]


@pytest.mark.parametrize("kind", ["list", "generator", "arrays"])
def test_evaluate_and_predict_count_each_row_once(kind):
    model, parts = ended_model(), ended_batches()
    x, y = (np.concatenate(side) for side in zip(*parts, strict=True))

    def source():
        return {
            "list": {"x": parts}, "generator": {"x": iter(parts)},
            "arrays": {"x": x, "y": y, "batch_size": 4},
        }[kind]  # fmt: skip

    with pytest.warns(UserWarning, match="ended after 3 of 5 steps"):
        assert model.evaluate(**source(), steps=5, verbose=0) == pytest.approx(14 / 3)
    data = source()
    data.pop("y", None)
    with pytest.warns(UserWarning, match="ended after 3 of 4 steps"):
        assert len(model.predict(**data, steps=4, verbose=0)) == 12
    assert model.evaluate(**source(), steps=2, verbose=0) == pytest.approx(2.5)
    data = source()
    data.pop("y", None)
    assert len(model.predict(**data, steps=1, verbose=0)) == 4


@pytest.mark.parametrize("steps", [2, 3])
def test_a_validation_whose_data_have_ended_is_none(steps):
    model = ended_model()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = model.fit(
            np.zeros((4, 1)), np.zeros(4), epochs=3, verbose=0,
            validation_data=iter(ended_batches(2)), validation_steps=steps,
        )  # fmt: skip
    assert any(f"ended after 0 of {steps} steps" in str(each.message) for each in caught)
    assert history.history["val_loss"] == [2.5]
    assert history.epochs_of["val_loss"] == [0]


def test_validation_steps_beyond_the_rows_count_them_once():
    model, (part, *_) = ended_model(), ended_batches()
    with pytest.warns(UserWarning, match="ended after 1 of 4 steps"):
        history = model.fit(
            *part, verbose=0, validation_data=part, validation_steps=4
        )  # fmt: skip
    assert history.history["val_loss"] == [1.0]


def test_epochs_of_all_batches_of_a_list():
    model = ended_model()
    history = model.fit(ended_batches(), steps_per_epoch=3, epochs=3, verbose=0)
    assert history.history["loss"] == pytest.approx(3 * [14 / 3])


def test_predict_of_no_rows_with_steps():
    with pytest.warns(UserWarning, match="ended after 0 of 2 steps"):
        assert ended_model().predict(np.zeros((0, 1)), steps=2, verbose=0).shape == (0, 1)
