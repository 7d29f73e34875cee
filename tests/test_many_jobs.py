"""Many jobs side by side: each as if it were alone, whatever becomes of the others."""

import gc
import io
import itertools
import os
import signal
import subprocess
import sys
import threading
import time
import weakref

import numpy as np
import pandas
import pytest
from problems import network
from sklearn.linear_model import Ridge

import fastgd
from fastgd import callbacks, config, layers, many, optimizers, utils
from fastgd._data.subsets import Shared
from fastgd._training.loop import TrainingLoop
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    DivergenceError,
    ShapeError,
    UnknownNameError,
)
from fastgd.many.shared_data import CACHE_SIZE, SharedDataCache

RNG = np.random.default_rng(5)
X = RNG.normal(size=(120, 3)).astype("float32")
Y = (X[:, :1] - 0.5 * X[:, 1:2] ** 2).astype("float32")


@pytest.fixture(autouse=True)
def _two_threads(monkeypatch):
    """As many as are asked for, also where there is one CPU."""
    monkeypatch.setattr(config, "threads", lambda n=None: 2 if n in (None, -1) else n)


@pytest.fixture(params=[1, 2])
def n_jobs(request):
    return request.param


def make(optimizer="adam", hidden=((4, "tanh"),), dtype=None):
    model = network(hidden, dtype=dtype)
    model.compile(optimizer, "mse")
    return model


def dropping():
    model = fastgd.Sequential(
        [layers.Input(shape=(3,)), layers.Dense(6), layers.Dropout(0.5), layers.Dense(1)]
    )
    model.compile("sgd", "mse")
    return model


def unbuilt():
    model = fastgd.Sequential([layers.Dense(2, activation="relu"), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def job(**more):
    return {"model": make, "x": X, "y": Y, "epochs": 2} | more


def bits(model):
    return model.parameters.tobytes()


# -- each as if it were alone ------------------------------------------------------------------

MAKERS = [make, dropping, unbuilt, lambda: make(optimizers.SGD(0.01, momentum=0.9))]


@pytest.mark.parametrize("name", ["reference", "default"])
def test_every_job_has_the_bits_of_a_run_alone(n_jobs, name):
    config.set_engine("reference" if name == "reference" else None)
    rows = [None, np.arange(0, 120, 2), np.array([7, 3, 3, 100]), range(50)]
    jobs = [
        job(model=MAKERS[i % 4], rows=rows[i // 4 % 4], batch_size=16 + i, epochs=1 + i % 3)
        for i in range(16)
    ]
    results = fastgd.fit_many(jobs, n_jobs, seed=40)
    assert [r.index for r in results] == list(range(16))
    for i, result in enumerate(results):
        assert result.seed == 40 + i
        utils.set_random_seed(40 + i)
        model = MAKERS[i % 4]()
        chosen = slice(None) if rows[i // 4 % 4] is None else np.asarray(rows[i // 4 % 4])
        history = model.fit(
            X[chosen], Y[chosen], batch_size=16 + i, epochs=1 + i % 3, verbose=0
        )
        assert bits(result.model) == bits(model)
        assert result.history.history == history.history
        assert result.scores == {"loss": history.history["loss"][-1]}
        assert [layer.name for layer in result.model.layers] == [
            layer.name for layer in results[i % 4].model.layers
        ]


def test_models_that_are_made_already_train_as_alone(n_jobs):
    def models():
        utils.set_random_seed(3)
        return [make() for _ in range(6)]

    alone = models()
    for model in alone:
        model.fit(X, Y, epochs=3, verbose=0)
    together = models()
    results = fastgd.fit_many([job(model=m, epochs=3) for m in together], n_jobs)
    assert results.models == together
    assert [bits(m) for m in together] == [bits(m) for m in alone]


def test_seeds_depend_on_the_place_alone():
    first = [r.seed for r in fastgd.fit_many([job(epochs=0) for _ in range(9)], 2, seed=7)]
    assert first == list(range(7, 16))
    utils.set_random_seed(3)
    drawn = [r.seed for r in fastgd.fit_many([job(epochs=0) for _ in range(5)], 2)]
    more = [r.seed for r in fastgd.fit_many([job(epochs=0) for _ in range(5)], 2)]
    utils.set_random_seed(3)
    assert [r.seed for r in fastgd.fit_many([job(epochs=0)] * 5, 1)] == drawn
    assert set(drawn).isdisjoint(more)
    given = fastgd.fit_many([job(epochs=0), job(epochs=0, seed=3), job(epochs=0)], seed=2**32)
    assert [r.seed for r in given] == [0, 3, 2]


def test_a_job_draws_nothing_from_the_process_stream(n_jobs):
    utils.set_random_seed(9)
    fastgd.fit_many([job()] * 4, n_jobs, seed=1)
    after = make()
    utils.set_random_seed(9)
    assert bits(after) == bits(make())


def test_a_seed_set_within_a_job_is_the_jobs_own(n_jobs):
    def fixed():
        utils.set_random_seed(5)
        return make()

    utils.set_random_seed(9)
    results = fastgd.fit_many([job(model=fixed, epochs=0)] * 3, n_jobs, seed=1)
    before = make()
    utils.set_random_seed(9)
    assert bits(before) == bits(make())
    assert len({bits(model) for model in results.models}) == 1


# -- data ------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_data_of_any_kind_give_the_same_bits(dtype):
    x, y = X.astype("float64"), Y.astype("float64")
    kinds = [
        (x, y),
        (x.astype(dtype), y[:, 0].astype(dtype)),
        (np.asfortranarray(x), y),
        (pandas.DataFrame(x, columns=list("abc")), pandas.Series(y[:, 0])),
        (x.tolist(), y.tolist()),
    ]
    jobs = [
        job(model=lambda: make(dtype=dtype), x=x, y=y, seed=1, rows=np.arange(90))
        for x, y in kinds
    ]
    jobs += [one | {"validation_data": (one["x"], one["y"]), "seed": 1} for one in jobs]
    results = fastgd.fit_many(jobs, 2, raise_errors=True)
    assert len({bits(model) for model in results.models}) == 1
    assert len({r.scores["val_loss"] for r in results[5:]}) == 1


def test_data_that_jobs_share_are_converted_once():
    kept = SharedDataCache()
    x = X.astype("float64")
    first = kept.of(x).of("float32")
    assert first is kept.of(x).of("float32")
    assert first.tobytes() == X.tobytes()
    assert kept.of(X).of("float32") is X
    assert kept.of(x).of("float64") is x
    empty = np.empty((0, 3))
    assert kept.of(empty) is kept.of(empty)
    given = Shared(x)
    for other in (["a"], None, 3.0, iter([]), given):
        assert kept.of(other) is other
    with pytest.raises(DataTypeError, match="y: expected an array of numbers, got text"):
        kept.of(np.array(["a"]), "y").of("float32")
    bad = x.copy()
    bad[3, 1] = np.nan
    assert kept.of(bad).of("float32") is bad
    others = [x.copy() for _ in range(CACHE_SIZE)]
    gone = weakref.ref(first)
    del first
    for other in others:
        kept.of(other).of("float32")
    assert gone() is None


@pytest.mark.parametrize("kind", [np.array, pandas.DataFrame])
def test_jobs_read_one_copy_of_the_data(monkeypatch, kind):
    x, seen = kind(X.astype("float64")), []
    begin = TrainingLoop.__init__

    def watched(training, model, source, *more):
        seen.append(source.x)
        begin(training, model, source, *more)

    monkeypatch.setattr(TrainingLoop, "__init__", watched)
    rows = [np.arange(i, 120, 4) for i in range(4)]
    for given in (x, Shared(x)):
        fastgd.fit_many([job(x=given, rows=r) for r in rows], 2, raise_errors=True)
    assert all(part.shape == (120, 3) for part in seen)
    assert len({id(part) for part in seen[:4]}) == len({id(part) for part in seen[4:]}) == 1


def test_a_validation_on_rows_is_that_of_a_run_alone():
    rows, held_out = np.arange(0, 80), np.arange(80, 120)
    result = fastgd.fit_many([job(rows=rows, validation_rows=held_out, seed=4)])[0]
    utils.set_random_seed(4)
    alone = make().fit(
        X[rows], Y[rows], epochs=2, validation_data=(X[held_out], Y[held_out]), verbose=0
    )
    assert result.history.history == alone.history
    assert set(result.scores) == {"loss", "val_loss"}


def test_estimators_are_trained_too(n_jobs):
    rows = np.arange(100, 20, -1)
    weights = RNG.random(120)
    jobs = [
        {"model": Ridge(), "x": X, "y": Y[:, 0]},
        {"model": Ridge, "x": X, "y": Y[:, 0], "rows": rows, "sample_weight": weights},
        {"model": Ridge(), "x": pandas.DataFrame(X), "y": Y[:, 0], "rows": rows},
    ]
    results = fastgd.fit_many(jobs, n_jobs, score=lambda model, job: model.score(X, Y[:, 0]))
    expected = [
        Ridge().fit(X, Y[:, 0]),
        Ridge().fit(X[rows], Y[rows, 0], sample_weight=weights[rows]),
        Ridge().fit(X[rows], Y[rows, 0]),
    ]
    for result, ridge in zip(results, expected, strict=True):
        assert result.model.coef_ == pytest.approx(ridge.coef_, rel=1e-5, abs=1e-6)
        assert result.scores["score"] == pytest.approx(ridge.score(X, Y[:, 0]))
        assert result.history is None


# -- what jobs may say -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "error", "words"),
    [
        (3, DataTypeError, "job 1: expected a dict, got 3"),
        ({"x": X, "y": Y}, ArgumentError, "job 1: it has no 'model'"),
        ({"model": make, "y": Y}, ArgumentError, "job 1: it has no 'x'"),
        ({"model": make, "x": X}, ArgumentError, "job 1: it has no 'y'"),
        (job(epoch=3), UnknownNameError, "job 1: no 'epoch'; did you mean 'epochs'?"),
        (
            {"model": Ridge(), "x": X, "y": Y, "epochs": 1},
            UnknownNameError,
            "job 1: no 'epochs'",
        ),
        ({"model": Ridge, "x": X, "y": Y, "epochs": 1}, UnknownNameError, "job 1: no 'epochs'"),
        (job(model="mlp"), DataTypeError, "job 1: model: expected an object with fit"),
        (job(rows=[0, 120]), ArgumentError, "job 1: rows: .* from 0 to 119, got 120"),
        (job(rows=[0, -1]), ArgumentError, "job 1: rows: .* from 0 to 119, got -1"),
        (job(rows=[0.5]), DataTypeError, "job 1: rows: expected whole numbers, got float64"),
        (job(rows=[[1]]), ShapeError, "job 1: rows: expected shape"),
        (job(rows=[]), DataError, "job 1: rows: there are no rows"),
        (job(x=iter([]), y=None, rows=[1]), ArgumentError, "job 1: rows: x gives batches"),
        (job(seed=-1), ArgumentError, "job 1: seed"),
        (job(seed=2**32), ArgumentError, "job 1: seed"),
        (job(seed=1.5), DataTypeError, "job 1: seed"),
        (job(params=3), DataTypeError, "job 1: params: expected a dict, got 3"),
    ],
)
def test_wrong_jobs_are_refused_before_anything_begins(wrong, error, words):
    begun = []
    jobs = [job(model=lambda: begun.append(1) or make()), wrong]
    for run in (fastgd.fit_many, many.as_completed):
        with pytest.raises(error, match=words):
            run(jobs)
    assert begun == []
    # one by one it is a result like others
    results = fastgd.fit_many(iter([*jobs, job()]))
    assert [r.ok for r in results] == [True, False, True]
    assert isinstance(results[1].error, error)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n_jobs": 1.5}, DataTypeError, "n_jobs"),
        ({"n_jobs": 0}, ArgumentError, "n_jobs"),
        ({"verbose": 3}, ArgumentError, "verbose"),
        ({"on_result": 3}, DataTypeError, "on_result: expected a function, got 3"),
        ({"score": 3}, DataTypeError, "score: expected a function, got 3"),
        ({"keep_models": "no"}, DataTypeError, "keep_models"),
        ({"raise_errors": 2}, DataTypeError, "raise_errors"),
        ({"seed": -1}, ArgumentError, "seed"),
        ({"jobs": job()}, DataTypeError, "jobs: expected dicts"),
        ({"jobs": 3}, DataTypeError, "jobs: expected dicts"),
    ],
)
def test_wrong_arguments_are_refused(monkeypatch, arguments, error, words):
    monkeypatch.undo()
    with pytest.raises(error, match=words):
        fastgd.fit_many(**{"jobs": []} | arguments)


def test_jobs_must_not_share_what_they_change():
    model, adam, stop = make(), optimizers.Adam(), callbacks.EarlyStopping("loss")
    dense = layers.Dense(1)

    def sharing():
        shared = fastgd.Sequential([layers.Input(shape=(3,)), dense])
        shared.compile("sgd", "mse")
        return shared

    generator = iter([(X, Y)])
    for word, one, other in [
        ("model", job(model=model), job(model=model)),
        ("optimizer", job(model=make(adam)), job(model=make(adam))),
        ("vector of weights", job(model=sharing()), job(model=sharing())),
        ("callback EarlyStopping", job(callbacks=[stop]), job(callbacks=stop)),
        ("x, an iterator,", job(x=generator, y=None), job(x=generator, y=None)),
    ]:
        with pytest.raises(
            ArgumentError, match=f"job 2: its {word} is that of job 0 too"
        ) as caught:
            fastgd.fit_many([one, job(), other])
        assert ("model.replicate" in str(caught.value)) == (word == "model")
    results = fastgd.fit_many([job(model=lambda: make(adam))] * 3, 1)
    assert [r.ok for r in results] == [True, False, False]
    assert "job 1: its optimizer is that of job 0 too" in str(results[1].error)


def test_callbacks_may_be_made_for_each_job(n_jobs):
    made = []

    def stops():
        made.append(callbacks.EarlyStopping("loss", min_delta=1e9))
        return made[-1]

    results = fastgd.fit_many([job(callbacks=stops, epochs=9)] * 3, n_jobs)
    assert [len(r.history.epoch) for r in results] == [2, 2, 2]
    assert len(made) == 3


def test_models_that_are_gone_are_not_taken_for_new_ones():
    def jobs():
        for _ in range(30):
            yield job(model=make(), epochs=0)

    results = fastgd.fit_many(jobs(), 2, keep_models=False)
    assert results.failed == []


# -- results ---------------------------------------------------------------------------------


def test_no_jobs_and_one(n_jobs):
    assert list(fastgd.fit_many([], n_jobs)) == []
    assert list(many.as_completed(iter([]), n_jobs)) == []
    (result,) = fastgd.fit_many([job()], n_jobs)
    assert result.ok
    assert result.name == "0"
    assert result.seconds > 0
    assert result.job == {"epochs": 2}


def test_a_job_that_fails_does_not_harm_the_others(n_jobs):
    def broken():
        raise OSError("no model today")

    bad = Y.copy()
    bad[5, 0] = np.inf
    jobs = [
        job(),
        job(model=broken, name="broken"),
        job(y=bad),
        job(model=lambda: make(optimizers.SGD(1e30)), epochs=9),
        job(model=lambda: 3),
        job(model=lambda: Ridge()),
        job(),
    ]
    results = fastgd.fit_many(jobs, n_jobs)
    kinds = [type(result.error) for result in results]
    assert kinds == [
        type(None), OSError, DataError, DivergenceError, DataTypeError, UnknownNameError,
        type(None),
    ]  # fmt: skip
    assert [r.index for r in results.failed] == [1, 2, 3, 4, 5]
    assert results[1].model is None
    assert np.isfinite(results[3].model.parameters).all()
    assert "job 4: model: expected a function that makes" in str(results[4].error)
    assert (
        results.models
        == [results[0].model, results[6].model]
        == [r.model for r in results if r.ok]
    )
    with pytest.raises(OSError, match="no model today"):
        fastgd.fit_many(jobs[:2], n_jobs, raise_errors=True)  # of several, any may be first


def test_an_error_says_where_it_happened_and_holds_no_data(n_jobs):
    def run():
        x = np.array(X)
        gone = weakref.ref(x)
        bad = np.full((120, 1), np.nan)
        return gone, fastgd.fit_many([job(x=x, y=bad)] * 2, n_jobs)

    gone, results = run()
    gc.collect()
    assert gone() is None
    assert "check_finite" in results[0].error.__notes__[0]


def test_results_come_as_they_are_done_and_are_kept_in_order():
    come = []

    def slow():
        time.sleep(0.2)
        return make()

    results = fastgd.fit_many([job(model=slow), job(), job()], 2, on_result=come.append)
    assert [r.index for r in come] == [1, 2, 0]
    assert [r.index for r in results] == [0, 1, 2]
    assert come[2] is results[0]
    again = many.as_completed([job(model=slow), job(), job()], 2)
    assert [r.index for r in again] == [1, 2, 0]


def test_models_need_not_be_kept(n_jobs):
    gone = []

    def made():
        model = make()
        gone.append(weakref.ref(model))
        return model

    results = fastgd.fit_many(
        [job(model=made)] * 4,
        n_jobs,
        keep_models=False,
        score=lambda model, job: {"norm": float(np.linalg.norm(model.parameters))},
    )
    gc.collect()
    assert [reference() for reference in gone] == [None] * 4
    assert all(r.model is None and r.history.model is None for r in results)
    assert all(set(r.scores) == {"loss", "norm"} for r in results)
    assert results.models == []


def test_score_sees_the_job_and_may_fail(n_jobs):
    def score(model, job):
        return {"twice": 2 * job["params"]["i"]} if job["params"]["i"] else "three"

    results = fastgd.fit_many([job(params={"i": i}) for i in range(3)], n_jobs, score=score)
    assert [r.scores.get("twice") for r in results] == [None, 2, 4]
    assert isinstance(results[0].error, DataTypeError)
    assert results[0].model is not None
    assert "score: expected it to give a number or a dict" in str(results[0].error)


def test_a_table_of_results():
    jobs = [job(name=f"j{i}", params={"units": i}) for i in range(3)]
    jobs[1]["model"] = lambda: 1 / 0
    results = fastgd.fit_many(jobs, 2)
    rows = results.to_dicts()
    assert [row["name"] for row in rows] == ["j0", "j1", "j2"]
    assert [row["units"] for row in rows] == [0, 1, 2]
    assert rows[0]["error"] is None
    assert rows[1]["error"] == "ZeroDivisionError: division by zero"
    frame = results.to_frame()
    assert list(frame.index) == [0, 1, 2]
    assert list(frame.columns) == ["name", "units", "loss", "seconds", "error"]
    assert np.isnan(frame.loss[1])
    assert frame.loss[2] == rows[2]["loss"]
    assert many.Results().to_frame().empty
    assert repr(results) == "<Results of 3 jobs, 1 failed>"
    assert [r.index for r in results[1:]] == [1, 2]
    assert results[-1].index == 2


def test_a_picture_of_results():
    results = fastgd.fit_many([job() for _ in range(3)])
    figure = results.plot()
    line = figure.axes[0].lines[0]
    assert list(line.get_ydata()) == [r.scores["loss"] for r in results]


# -- jobs one by one -------------------------------------------------------------------------


def test_jobs_are_taken_as_they_are_needed(n_jobs):
    taken = []

    def jobs():
        for i in itertools.count():
            taken.append(i)
            yield job(epochs=0)

    come = many.as_completed(jobs(), n_jobs, keep_models=False)
    assert taken == []
    for done in range(1, 30):
        next(come)
        assert done <= len(taken) <= done + 8
    come.close()
    assert len(taken) <= 29 + 8


def test_leaving_the_loop_stops_what_runs():
    def jobs():
        yield job()
        while True:
            yield job(epochs=10**9)

    before = threading.active_count()
    for result in many.as_completed(jobs(), 2):
        assert result.index == 0
        break
    assert threading.active_count() <= before


def test_an_error_of_the_generator_of_jobs_is_raised(n_jobs):
    def jobs():
        yield job()
        raise OSError("no more")

    before = threading.active_count()
    with pytest.raises(OSError, match="no more"):
        fastgd.fit_many(jobs(), n_jobs)
    with pytest.raises(ValueError, match="enough"):
        fastgd.fit_many([job()] * 5, n_jobs, on_result=lambda result: int("enough"))
    assert threading.active_count() <= before


def test_an_exit_within_a_job_reaches_the_caller(n_jobs):
    with pytest.raises(SystemExit):
        fastgd.fit_many([job(), job(model=sys.exit)], n_jobs)


def test_jobs_within_a_job(n_jobs):
    def inner(model, job):
        return {"inner": fastgd.fit_many([{"model": make, "x": X, "y": Y}] * 2, 2)[1].seed}

    first = fastgd.fit_many([job()] * 3, n_jobs, score=inner, seed=1)
    again = fastgd.fit_many([job()] * 3, 1, score=inner, seed=1)
    assert [r.scores["inner"] for r in first] == [r.scores["inner"] for r in again]


# -- Ctrl-C ----------------------------------------------------------------------------------


def interrupted(run, seconds=0.3):
    """The exception of a SIGINT after some time, and the seconds that it took to come."""
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(seconds, send)
    timer.start()
    try:
        with pytest.raises(many.Interrupted) as caught:
            run()
    finally:
        timer.cancel()
    return caught.value, time.monotonic() - sent[0]


def test_ctrl_c_keeps_what_is_done_and_leaves_models_usable(n_jobs):
    endless = [make() for _ in range(4)]
    jobs = [job() for _ in range(5)] + [job(model=m, epochs=10**9) for m in endless]
    before = threading.active_count()
    error, waited = interrupted(lambda: fastgd.fit_many(jobs, n_jobs))
    assert isinstance(error, KeyboardInterrupt)
    assert waited < 2  # 0.1 on a machine that has nothing else to do
    assert [r.index for r in error.results] == [0, 1, 2, 3, 4]
    assert [r.index for r in error.stopped] == list(range(5, 5 + n_jobs)) or n_jobs == 1
    assert threading.active_count() <= before
    for model in endless[:n_jobs]:
        assert model.optimizer.iterations > 0
        weights = bits(model)
        model.predict(X)
        assert bits(model) == weights
        model.fit(X, Y, verbose=0)
    assert endless[3].optimizer.iterations == 0


def test_ctrl_c_does_not_wait_for_estimators():
    class Sleeper:
        def fit(self, x, y):
            time.sleep(1)

    error, waited = interrupted(
        lambda: fastgd.fit_many([{"model": Sleeper(), "x": X, "y": Y} for _ in range(4)], 2)
    )
    assert waited < 0.6
    assert len(error.results) == 0


def test_a_ctrl_c_that_was_lost_can_be_repeated():
    class Deaf:
        def fit(self, x, y):
            for seconds in (2, 60):
                try:
                    time.sleep(seconds)
                except KeyboardInterrupt:
                    if seconds == 60:
                        raise

    again = threading.Timer(1.6, os.kill, [os.getpid(), signal.SIGINT])
    again.start()
    begun = time.monotonic()
    error, _ = interrupted(lambda: fastgd.fit_many([{"model": Deaf(), "x": X, "y": Y}], 1))
    assert len(error.stopped) == 1 and time.monotonic() - begun < 30


def test_ctrl_c_in_a_loop_over_results():
    def run():
        for _ in many.as_completed([job(epochs=10**9)] * 3, 2):
            pass

    error, _ = interrupted(run)
    assert len(error.results) == 0
    assert [r.index for r in error.stopped] == [0, 1]


# -- the end of the process --------------------------------------------------------------------

AT_EXIT = """
import time
import numpy as np
from fastgd import Sequential, layers, many

class Sleeper:
    def fit(self, x, y):
        time.sleep(20)

def make():
    model = Sequential([layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse")
    return model

x, y = np.zeros((8, 2)), np.zeros(8)
jobs = [{"model": make, "x": x, "y": y, "epochs": 1}]
jobs += [JOB for _ in range(9)]
results = many.as_completed(jobs, 2)
print(next(results).index)
"""


@pytest.mark.parametrize(
    "job",
    [
        '{"model": make, "x": x, "y": y, "epochs": 10**9}',
        '{"model": Sleeper(), "x": x, "y": y}',
    ],
)
def test_what_runs_does_not_hold_up_the_end_of_the_process(job):
    code = AT_EXIT.replace("JOB", job)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=15)
    assert done.stdout == b"0\n"
    assert (done.returncode, done.stderr) == (0, b"")


# -- progress --------------------------------------------------------------------------------


class Quick:
    def fit(self, x, y):
        pass


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress(monkeypatch, n_jobs):
    for verbose, terminal, lines in [(0, True, 0), (1, False, 1), (1, True, 1), (2, False, 6)]:
        stream = Terminal() if terminal else io.StringIO()
        monkeypatch.setattr(sys, "stdout", stream)
        fastgd.fit_many([job(name="first"), *[job()] * 5], n_jobs, verbose=verbose)
        assert stream.getvalue().count("\n") == lines
        if verbose:
            assert "6/6" in stream.getvalue()
        if verbose == 2:
            assert "first" in stream.getvalue()
            assert "loss: " in stream.getvalue()
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    fastgd.fit_many([job(), job(model=lambda: 1 / 0)], n_jobs, verbose=1)
    assert "failed: 1" in stream.getvalue()


def test_a_thousand_jobs_say_little(monkeypatch):
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stream)
    begun = time.monotonic()
    jobs = ({"model": Quick(), "x": X, "y": Y} for _ in range(1000))
    fastgd.fit_many(jobs, 1, verbose=2)
    seconds = time.monotonic() - begun
    assert stream.getvalue().count("\n") <= 50 + 10 * seconds + 2
    assert "\n1000/? - " in stream.getvalue()


def test_jobs_take_no_communicator():
    with pytest.raises(ArgumentError, match="job 0: comm: ranks train one model together"):
        fastgd.fit_many([job(comm=object())])
