"""Training, evaluating and predicting on some rows of arrays, by their numbers."""

import numpy as np
import pytest
from engines import assert_same
from refusals import LABELS, ONE_HOT, X, Y, model_for, refused

from fastgd import Model, Sequential, config, layers, metrics, optimizers, utils
from fastgd._data.subsets import Shared
from fastgd._training import step
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError

ROWS = np.random.default_rng(3).integers(0, 300, 170)  # some are there more than once


def data(dtype="float32", n=300, d=5):
    rng = np.random.default_rng(1)
    x = rng.normal(size=(n, d)).astype(dtype)
    y = (x[:, :1] + rng.normal(size=(n, 1)) > 0).astype(dtype)
    return x, y, rng.uniform(0, 2, n).astype(dtype)


def classifier(dtype="float32", optimizer=None, hidden=(layers.Dense, layers.Dropout)):
    inner = {layers.Dense: (4, "relu"), layers.Dropout: (0.2,)}
    model = Sequential(
        [
            layers.Input(shape=(5,)),
            *[kind(*inner[kind]) for kind in hidden],
            layers.Dense(1, "sigmoid"),
        ],
        dtype=dtype,
    )
    model.compile(
        optimizer or optimizers.Adam(0.01), "binary_crossentropy",
        metrics=["accuracy", metrics.AUC()], weighted_metrics=["mae"],
    )  # fmt: skip
    return model


def trained(fit, **kwargs):
    """All that comes of a training: the weights and the figures."""
    utils.set_random_seed(5)
    model = classifier(**kwargs)
    history = fit(model)
    return model.parameters.copy(), history.history


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("batch_size", [1, 7, 32, 500])
@pytest.mark.parametrize("weights", [False, True])
def test_fit_on_rows_is_fit_on_their_copies(engine, shuffle, batch_size, weights):
    x, y, w = data()
    rows = ROWS[: 30 if engine == "reference" else None]
    more = {"shuffle": shuffle, "batch_size": batch_size, "verbose": 0, "epochs": 2}
    w_all = {"sample_weight": w, "class_weight": {0: 1.0, 1: 2.0}} if weights else {}
    w_rows = {"sample_weight": w[rows], "class_weight": {0: 1.0, 1: 2.0}} if weights else {}
    before = x.tobytes(), y.tobytes()
    shared = trained(lambda m: m.fit(x, y, rows=rows, **w_all, **more))
    assert_same(shared, trained(lambda m: m.fit(x[rows], y[rows], **w_rows, **more)))
    assert before == (x.tobytes(), y.tobytes())
    others = trained(lambda m: m.fit(x[: len(rows)], y[: len(rows)], **more))
    assert not np.array_equal(others[0], shared[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_single_unit_row_by_row(engine, dtype):
    x, y, _ = data(dtype)

    def fitted(*arguments, **kwargs):
        utils.set_random_seed(2)
        model = Sequential([layers.Dense(1, "sigmoid", input_shape=(5,))], dtype=dtype)
        model.compile(optimizers.SGD(0.1), "binary_crossentropy")
        history = model.fit(*arguments, batch_size=1, epochs=2, verbose=0, **kwargs)
        return model.parameters.copy(), history.history

    for shuffle in (False, True):
        shared = fitted(x, y, rows=ROWS, shuffle=shuffle)
        assert_same(shared, fitted(x[ROWS], y[ROWS], shuffle=shuffle))


def test_threads_and_cut_spans_change_no_bit(engine, monkeypatch):
    x, y, _ = data()
    rows = ROWS[: 40 if engine == "reference" else None]
    alone = trained(lambda m: m.fit(x[rows], y[rows], batch_size=64, epochs=3, verbose=0))
    monkeypatch.setattr(step, "SPAN_SECONDS", 0.0)
    monkeypatch.setattr(step, "useful_threads", lambda threads, *work: threads)
    monkeypatch.setattr(config, "threads", lambda n_jobs=None: n_jobs or 1)
    for threads in (1, 3):
        found = trained(
            lambda m, n=threads: m.fit(
                x, y, rows=rows, batch_size=64, epochs=3, verbose=0, n_jobs=n
            )
        )
        assert_same(found, alone)


@pytest.mark.parametrize(
    "convert",
    [
        lambda x: x.astype("float64"),
        np.asfortranarray,
        lambda x: x[::-1][::-1],
        list,
        lambda x: (x * 8).astype(int),
    ],
)
def test_arrays_that_have_to_be_converted(engine, convert):
    x, y, _ = data()
    x = convert(x)
    copies = np.asarray(x)[ROWS], y[ROWS]
    for labels in (y, y[:, 0], y.astype(int), y.tolist()):
        shared = trained(lambda m, y=labels: m.fit(x, y, rows=ROWS, verbose=0))
        assert_same(shared, trained(lambda m: m.fit(*copies, verbose=0)))


def test_validation_on_rows(engine):
    x, y, w = data()
    train, test = np.arange(150), np.arange(200, 260)[::-1]
    more = {"batch_size": 32, "epochs": 2, "verbose": 0}
    alone = trained(
        lambda m: m.fit(x[:150], y[:150], validation_data=(x[test], y[test]), **more)
    )
    assert "val_loss" in alone[1]
    of_itself = trained(lambda m: m.fit(x, y, rows=train, validation_rows=test, **more))
    assert_same(of_itself, alone)
    of_others = trained(
        lambda m: m.fit(x[:150], y[:150], validation_data=(x, y), validation_rows=test, **more)
    )
    assert_same(of_others, alone)
    weighted = trained(
        lambda m: m.fit(
            x, y, sample_weight=w, class_weight={0: 3.0, 1: 1.0}, rows=train,
            validation_rows=test, **more,
        )
    )  # fmt: skip
    assert_same(weighted, trained(
        lambda m: m.fit(
            x[:150], y[:150], sample_weight=w[:150], class_weight={0: 3.0, 1: 1.0},
            validation_data=(x[test], y[test], w[test]), **more,
        )
    ))  # fmt: skip


def test_a_share_of_the_rows_is_held_out(engine):
    x, y, _ = data()
    shared = trained(lambda m: m.fit(x, y, rows=ROWS, validation_split=0.3, verbose=0))
    assert_same(
        shared, trained(lambda m: m.fit(x[ROWS], y[ROWS], validation_split=0.3, verbose=0))
    )


@pytest.mark.filterwarnings("ignore:auc is NaN")  # of a row or two
@pytest.mark.parametrize("count", [1, 2, 127, 128, 129, 1000])
def test_evaluate_and_predict(engine, count):
    x, y, w = data()
    rows = np.random.default_rng(count).integers(0, 300, count)
    model = classifier()
    out = model.predict(x, rows=rows)
    assert_same(out, model.predict(x[rows]))
    assert_same(out, model.predict(x)[rows])
    by_list = model.predict(x, rows=list(rows), steps=1, batch_size=50)
    assert_same(by_list, out[:50])
    steps = min(4, -(-count // 20))
    found = model.evaluate(
        x, y, rows=rows, sample_weight=w, batch_size=20, steps=steps, verbose=0
    )
    copies = model.evaluate(
        x[rows], y[rows], sample_weight=w[rows], batch_size=20, steps=steps, verbose=0
    )
    assert_same(found, copies)


def test_only_the_rows_that_are_used_are_looked_at(engine):
    x, y, _ = data()
    x[7, 3] = np.nan
    y[8] = np.inf
    fine = np.setdiff1d(ROWS, [7, 8])
    model = classifier()
    model.fit(x, y, rows=fine, validation_rows=fine, verbose=0)
    model.evaluate(x, y, rows=fine, verbose=0)
    model.predict(x, rows=fine)
    for x_given in (x, x.astype("float64")):
        with pytest.raises(DataError, match="chosen x: nan at row 1, column 3"):
            model.fit(x_given, y, rows=[3, 7, 4], verbose=0)
        with pytest.raises(DataError, match="chosen x: nan at row 0"):
            model.predict(x_given, rows=[7])
    with pytest.raises(DataError, match="chosen y: inf at row 0"):
        model.evaluate(x, y, rows=[8], verbose=0)


def test_the_array_is_read_where_it_is(engine, monkeypatch, tmp_path):
    x, y, _ = data()
    np.save(tmp_path / "x.npy", x)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    for given in (x, mapped):
        model = classifier()
        seen = []
        step = model.compiled_step()

        class Spy:
            def train(self, job, program=step.program, seen=seen):
                seen.append(job.x)
                return program.train(job)

        monkeypatch.setattr(step, "program", Spy())
        model.fit(given, y, rows=ROWS, verbose=0)
        assert np.shares_memory(seen[0], given)


def test_shared_data_are_converted_once(engine):
    x, y, _ = data("float64")
    labels = y[:, 0].astype(int)
    shared = Shared(x), Shared(labels, "y")
    alone = trained(lambda m: m.fit(x[ROWS], labels[ROWS], verbose=0))
    assert_same(trained(lambda m: m.fit(*shared, rows=ROWS, verbose=0)), alone)
    model = classifier()
    assert_same(model.evaluate(*shared, verbose=0), model.evaluate(x, labels, verbose=0))
    assert_same(model.predict(shared[0]), model.predict(x))
    assert shared[0].of("float32") is shared[0].of(np.float32)
    assert shared[0].of("float64") is x
    with pytest.raises(DataTypeError, match="x: expected an array of numbers"):
        Shared(["one"]).of("float32")
    wide = x.copy()
    wide[1, 2] = 1e300
    with pytest.raises(DataError, match=r"1e\+300 at row 1, column 2, which is beyond float32"):
        model.predict(Shared(wide))
    rest = [0, 2, 3]
    assert_same(model.predict(Shared(wide), rows=rest), model.predict(x[rest]))


def test_several_inputs_and_outputs(engine):
    x, y, w = data()
    y2 = y[:, 0] * 2

    def fitted(*arguments, **kwargs):
        utils.set_random_seed(4)
        inputs = [layers.Input((2,), name="a"), layers.Input((3,), name="b")]
        both = layers.Concatenate()(inputs)
        model = Model(
            inputs, [layers.Dense(1, name="p")(both), layers.Dense(1, name="q")(both)]
        )
        model.compile("sgd", "mse")
        history = model.fit(*arguments, verbose=0, **kwargs)
        return model.parameters.copy(), history.history

    halves, copies = [x[:, :2], x[:, 2:]], [x[ROWS, :2], x[ROWS, 2:]]
    alone = fitted(copies, [y[ROWS], y2[ROWS]], sample_weight=w[ROWS])
    assert_same(fitted(halves, [y, y2], sample_weight=w, rows=ROWS), alone)
    named = dict(zip("ab", halves, strict=True)), {"p": y, "q": y2}
    assert_same(fitted(*named, sample_weight=w, rows=ROWS), alone)


def test_images_and_embeddings(engine):
    rng = np.random.default_rng(0)
    images = rng.normal(size=(40, 3, 2)).astype("float32")
    numbers = rng.integers(0, 6, (40, 2)).astype("float32")
    numbers[39] = 9.0  # which the embedding has not
    y = rng.normal(size=40)
    rows = np.arange(39)[::-2]

    def fitted(layer, *arguments, **kwargs):
        utils.set_random_seed(4)
        model = Sequential([layer(), layers.Flatten(), layers.Dense(1)])
        model.compile("sgd", "mse")
        model.fit(*arguments, verbose=0, **kwargs)
        return model.parameters.copy()

    for x, layer in (
        (images, lambda: layers.Rescaling(2.0)),
        (numbers, lambda: layers.Embedding(6, 3)),
    ):
        assert_same(fitted(layer, x, y, rows=rows), fitted(layer, x[rows], y[rows]))


def test_an_array_in_a_file_of_another_type(engine, tmp_path):
    x, y, _ = data()
    np.save(tmp_path / "x.npy", x.astype("float64"))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    alone = trained(lambda m: m.fit(mapped[ROWS], y[ROWS], epochs=2, verbose=0))
    shared = trained(lambda m: m.fit(mapped, y, rows=ROWS, epochs=2, verbose=0))
    assert shared[1]["loss"] == pytest.approx(alone[1]["loss"], rel=0.05)  # other keys a batch
    model = classifier()
    assert_same(model.predict(mapped, rows=ROWS), model.predict(x[ROWS]))


def test_an_optimizer_of_all_rows_at_once(engine):
    x, y, _ = data()
    found = [
        trained(fit, optimizer=optimizers.LBFGS(max_iter=5), hidden=(layers.Dense,))
        for fit in (
            lambda m: m.fit(x, y, rows=ROWS, verbose=0),
            lambda m: m.fit(x[ROWS], y[ROWS], verbose=0),
        )
    ]
    assert_same(found[0], found[1])


BAD_ROWS = [
    ([0, 8], ArgumentError, ["rows", "0 to 7", "8", "index 1"]),
    ([0, -1], ArgumentError, ["rows", "0 to 7", "-1", "index 1"]),
    ([], DataError, ["rows", "no rows"]),
    (np.zeros(0, int), DataError, ["rows", "no rows"]),
    ([0.0, 1.0], DataTypeError, ["rows", "whole numbers", "float64"]),
    (np.ones(8, bool), DataTypeError, ["rows", "flatnonzero"]),
    ([[0, 1]], ShapeError, ["rows", "(1, 2)"]),
    (3, ShapeError, ["rows", "()"]),
    ("all", DataTypeError, ["rows"]),
    (np.array([2**64 - 1], np.uint64), ArgumentError, ["rows", "0 to 7"]),
]


@pytest.mark.parametrize("built", [True, False])
@pytest.mark.parametrize("case", range(len(BAD_ROWS)))
def test_rows_refused(case, built):
    rows, error, words = BAD_ROWS[case]
    model = model_for(built=built)
    refused(model, error, words, lambda m: m.fit(X, Y, rows=rows))
    refused(model, error, words, lambda m: m.fit(X, Y, validation_rows=rows))
    refused(model, error, words, lambda m: m.evaluate(X, Y, rows=rows))
    refused(model, error, words, lambda m: m.predict(X, rows=rows))


def test_rows_of_arrays_that_do_not_fit_refused():
    model = model_for()
    words = ["y", "expected 8 rows", "(3, 1)"]
    refused(model, ShapeError, words, lambda m: m.fit(X, Y[:3], rows=[0, 1]))
    words = ["sample_weight", "expected 8 rows", "(2,)"]
    refused(
        model, ShapeError, words, lambda m: m.fit(X, Y, sample_weight=[1.0, 2.0], rows=[0, 1])
    )
    pairs = [(X, Y)]
    refused(model, ArgumentError, ["rows", "batches"], lambda m: m.fit(pairs, rows=[0]))
    refused(model, ArgumentError, ["rows", "batches"], lambda m: m.evaluate(pairs, rows=[0]))
    refused(model, ArgumentError, ["rows", "batches"], lambda m: m.predict(iter([X]), rows=[0]))


def test_targets_of_the_rows_are_checked():
    model = model_for(3, "sparse_categorical_crossentropy", "softmax")
    labels = np.array([*LABELS[:7], 5])
    refused(model, DataError, ["y", "from 0 to 2", "5"], lambda m: m.fit(X, labels, rows=[7]))
    model.fit(X, labels, rows=np.arange(7), verbose=0)
    with pytest.raises(ShapeError, match="one-hot"):
        model.fit(X, ONE_HOT, rows=np.arange(7), verbose=0)
