"""Jobs in the workers of executors: the results of threads, and what fails how."""

import functools
import multiprocessing
import os
import pickle
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor

import many_programs as programs
import numpy as np
import pandas
import pytest
from many_programs import RNG, Breaking, Deadly, Inline, Remade, X, Y, make

from fastgd import Sequential, callbacks, config, fit_many, layers, linear, many, utils
from fastgd.errors import ArgumentError, DataTypeError, EngineError, WorkerError
from fastgd.many.executors import spool, tasks, worker

EXECUTORS = {
    "inline": Inline,
    "threads": lambda: ThreadPoolExecutor(2),
    "processes": lambda: ProcessPoolExecutor(2, multiprocessing.get_context("spawn")),
}


@pytest.fixture(scope="module")
def pools():
    made = {name: make() for name, make in EXECUTORS.items()}
    yield made
    for pool in made.values():
        pool.shutdown()


@pytest.fixture(params=EXECUTORS)
def executor(request, pools):
    return pools[request.param]


@pytest.fixture(autouse=True)
def _no_files_are_left(tmp_path_factory, monkeypatch):
    folder = tmp_path_factory.mktemp("temporary")
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield
    assert list(folder.iterdir()) == []


def weights(model):
    if hasattr(model, "parameters"):
        return model.parameters.tobytes()
    return np.concatenate([np.ravel(model.coef), np.ravel(model.intercept)]).tobytes()


def same(found, expected):
    assert [r.error for r in found] == [r.error for r in expected] == [None] * len(expected)
    for one, other in zip(found, expected, strict=True):
        assert (one.index, one.name, one.params, one.seed) == (
            other.index, other.name, other.params, other.seed
        )  # fmt: skip
        assert one.scores == other.scores
        assert one.job == other.job
        assert (one.history is None) == (other.history is None)
        if one.history is not None:
            assert one.history.history == other.history.history
        assert (one.model is None) == (other.model is None)
        if one.model is not None:
            assert weights(one.model) == weights(other.model)


class Linear:
    """Train a linear model by ``fit(x, y)``, as an estimator does."""

    def fit(self, x, y):
        self.model = linear.LinearModel().fit(x, y)
        self.coef, self.intercept = self.model.coef, self.model.intercept

    def score(self, x, y):
        return -float(np.square(self.model.predict(x) - y).mean())


def scaled(x):
    mean = x.mean(axis=0)
    return lambda rows: rows - mean


ROWS = RNG.permutation(240)[:150]


def jobs():
    pattern, frame = make(3), pandas.DataFrame(X, columns=[f"c{i}" for i in range(6)])
    hidden = 2  # a function that is made here travels by its code

    def local():
        model = Sequential([layers.Dense(hidden, "tanh"), layers.Dense(1)])
        model.compile("rmsprop", "mae")
        return model

    rows = ROWS
    yield from ({"model": pattern.replicate, "x": X, "y": Y, "rows": rows} for _ in range(5))
    yield {"model": pattern.replicate, "x": X, "y": Y, "validation_rows": rows, "epochs": 2}
    yield {"model": local, "x": frame, "y": pandas.Series(Y), "name": "frame"}
    yield {"model": functools.partial(make, 2), "x": X.astype(float), "y": Y, "epochs": 3}
    yield {"model": programs.dropping, "x": X, "y": Y, "params": {"rate": 0.3}, "seed": 5}
    yield {"model": make, "x": X, "y": Y, "prepare": scaled, "rows": rows}
    yield {"model": make, "x": X[:5].tolist(), "y": Y[:5].tolist(), "batch_size": 2}
    yield {"model": Linear, "x": X, "y": Y}
    stop = functools.partial(callbacks.EarlyStopping, "loss", patience=1, baseline=0.0)
    yield {"model": make, "x": X, "y": Y, "epochs": 9, "callbacks": lambda: [stop()]}
    yield {"model": make(), "x": X, "y": Y}


def test_results_are_those_of_threads(executor):
    # the models are made in this process, and draw their weights from its stream
    expected, found = [], []
    for results, where in ((expected, {}), (found, {"executor": executor})):
        utils.set_random_seed(3)
        results += fit_many(jobs(), 2, seed=9, **where)
    same(found, expected)
    assert pickle.loads(pickle.dumps(found[0])).scores == found[0].scores
    twin = found[1].model
    history = twin.fit(X, Y, epochs=2, verbose=0)  # it is whole, and trains on
    assert np.isfinite(history.history["loss"]).all()


def test_a_model_that_is_given_stays_as_it_is(executor):
    model = make()
    before = model.parameters.copy()
    (result,) = fit_many([{"model": model, "x": X, "y": Y}], executor=executor)
    np.testing.assert_array_equal(model.parameters, before)
    assert (result.model.parameters != before).any()


def test_scores_models_and_memory_maps(executor, tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    given = [{"model": make, "x": x, "y": Y[40:], "seed": 6} for x in (mapped[40:], X[40:])]
    settings = {"score": programs.score, "keep_models": False}
    found = fit_many(given, executor=executor, **settings)
    same(found, fit_many(given, 1, **settings))
    assert found[0].scores["sum"] == pytest.approx(found[1].scores["sum"])


RUNS = {
    "cross_validate": lambda **w: many.cross_validate(make, X, Y, 3, predict=True, **w),
    "scored": lambda **w: many.cross_validate(
        make, X, Y, 3, score=programs.loss_of_rows, validation=0.2, prepare=scaled, **w
    ),
    "seeds": lambda **w: many.seeds(make, 3, X, Y, rows=np.arange(200), **w),
    "search": lambda **w: many.grid_search(make, {"units": [2, 3]}, X, Y, 2, **w),
    "halving": lambda **w: many.successive_halving(
        make, many.grid({"units": [2, 3, 4]}), X, Y, 2, factor=2, keep_models=True, **w
    ),
    "rows": lambda **w: many.successive_halving(
        make, many.grid({"units": [2, 3]}), X, Y, 2, resource="rows", least=30, factor=2, **w
    ),
    "bagging": lambda **w: many.bagging(make, X, Y, 5, **w),
}  # fmt: skip


def same_on_top(name, found, expected):
    if hasattr(expected, "predictions"):
        np.testing.assert_array_equal(found.predictions, expected.predictions)
    if isinstance(expected, many.Search):
        ours, theirs = (
            [{k: v for k, v in row.items() if k != "seconds"} for row in rows]
            for rows in (found, expected)
        )
        assert ours == theirs
        assert np.isfinite([row["mean"] for row in ours]).all()
        if expected.models:
            for ours, theirs in zip(found.models, expected.models, strict=True):
                assert list(map(weights, ours)) == list(map(weights, theirs))
    elif name == "bagging":
        assert found.scores == expected.scores
        same(found.results, expected.results)
    else:
        same(found, expected)


@pytest.mark.parametrize("name", RUNS)
def test_what_is_on_top_gives_the_same(name, executor):
    utils.set_random_seed(4)
    expected = RUNS[name](n_jobs=2)
    utils.set_random_seed(4)
    found = RUNS[name](n_jobs=2, executor=executor)
    same_on_top(name, found, expected)
    if name == "search":
        assert weights(found.refit(epochs=1)) == weights(expected.refit(epochs=1))


def test_data_are_written_once_and_read_from_there(monkeypatch):
    written, sizes = [], []
    send, packed = spool.Spool._send, tasks.packed_task
    monkeypatch.setattr(
        spool.Spool, "_send", lambda self, parts: written.append(parts) or send(self, parts)
    )

    def measured(context, jobs, data):
        content, keys = packed(context, jobs, data)
        sizes.append((len(content), len(jobs)))
        return content, keys

    monkeypatch.setattr(tasks, "packed_task", measured)
    x = RNG.normal(size=(20_000, 6)).astype("float32")
    pattern, y = make(), x[:, 0].copy()
    halves = [np.arange(10_000), np.arange(10_000, 20_000)]
    given = [
        {"model": pattern.replicate, "x": x, "y": y, "rows": halves[i % 2]} for i in range(100)
    ]
    fit_many(given, 2, executor=Inline())
    assert len(written) == 6  # the context, the pattern, x, y and the two halves
    assert sum(size for size, _ in sizes) < 5000 * sum(count for _, count in sizes)
    arrays = [thing for _, thing in worker._objects.items() if isinstance(thing, np.ndarray)]
    mapped = [array for array in arrays if array.shape == x.shape]
    assert mapped and not any(a.flags.owndata or a.flags.writeable for a in mapped)


def test_data_are_converted_once(executor, monkeypatch):
    x, y = RNG.normal(size=(3000, 6)), RNG.normal(size=3000)
    given = [{"model": make, "x": x, "y": y} for _ in range(5)]
    files = []
    close = spool.Spool.close
    monkeypatch.setattr(
        spool.Spool, "close", lambda self: files.extend(os.listdir(self._folder)) or close(self)
    )
    same(fit_many(given, 2, executor=executor, seed=1), fit_many(given, 2, seed=1))
    assert sorted(name.split(".", 1)[1] for name in files) == [
        "data", "data", "data", "data.float32.npy", "data.float32.npy"
    ]  # fmt: skip
    bad = x.copy()
    bad[7, 2] = 1e300
    (result,) = fit_many([{"model": make, "x": bad, "y": y}], executor=executor)
    assert "row 7, column 2" in str(result.error)


def test_a_file_that_changes_between_two_runs(pools, tmp_path):
    path = tmp_path / "x.npy"
    for factor in (1, 2):
        np.save(tmp_path / "new.npy", factor * X)
        os.replace(tmp_path / "new.npy", path)
        given = [{"model": make, "x": np.load(path, mmap_mode="r"), "y": Y}]
        found = fit_many(given, 2, executor=pools["processes"], seed=1)
        same(found, fit_many([given[0] | {"x": factor * X}], 2, seed=1))


def test_a_map_that_was_changed_in_memory_alone(executor, tmp_path):
    np.save(tmp_path / "x.npy", X)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="c")
    mapped[:, 0] = 7
    given = [{"model": make, "x": mapped, "y": Y}]
    same(fit_many(given, executor=executor, seed=1), fit_many(given, seed=1))


def test_data_of_other_layouts_are_mapped_too(tmp_path):
    x = np.asfortranarray(RNG.normal(size=(2000, 6)).astype("float32"))
    given = [{"model": make, "x": x, "y": x[:, 1]} for _ in range(3)]
    same(fit_many(given, executor=Inline(), seed=1), fit_many(given, seed=1))
    arrays = [thing for _, thing in worker._objects.items() if isinstance(thing, np.ndarray)]
    assert not any(array.flags.owndata for array in arrays)


def test_as_completed_takes_jobs_as_it_needs_them(executor):
    taken = []

    def endless():
        while True:
            taken.append({"model": make, "x": X, "y": Y, "epochs": 20})
            yield taken[-1]

    seen = []
    for result in many.as_completed(endless(), 2, executor=executor):
        seen.append(result)
        assert result.ok, result.error
        if len(seen) == 7:
            break
    assert len(taken) < 1000


def test_progress_and_on_result(executor, capsys):
    seen = []
    given = [{"model": make, "x": X, "y": Y} for _ in range(4)]
    fit_many(given, 2, executor=executor, verbose=2, on_result=seen.append)
    assert sorted(result.index for result in seen) == [0, 1, 2, 3]
    assert "4/4" in capsys.readouterr().err + "4/4"


# ---------------------------------------------------------------------------- what fails how


class Unpicklable:
    def __reduce__(self):
        raise RuntimeError("not this one")


def test_what_cannot_be_pickled_is_named():
    given = [{"model": make, "x": X, "y": Y, "params": {"what": Unpicklable()}}]
    with pytest.raises(
        DataTypeError, match=r"job 0: params: it cannot be sent .* not this one"
    ):
        fit_many(given, executor=Inline())


class Odd(Exception):
    def __init__(self, first, second):
        super().__init__(first)


def fails():
    raise ValueError("too bad")


def fails_oddly():
    raise Odd("too bad", 2)


@pytest.mark.parametrize(("make_it", "kind"), [(fails, ValueError), (fails_oddly, WorkerError)])
def test_an_error_of_a_job_is_in_its_result(executor, make_it, kind):
    given = [
        {"model": make_it, "x": X, "y": Y},
        {"model": make, "x": X, "y": Y},
    ]
    bad, good = fit_many(given, 1, executor=executor)
    assert good.ok
    assert "too bad" in str(bad.error)
    assert "in fails" in "".join(bad.error.__notes__)
    assert type(bad.error) is kind
    with pytest.raises(kind):
        fit_many(given, 1, executor=executor, raise_errors=True)


def unsendable(model, job):
    return {"score": Unpicklable()}


def test_a_result_that_cannot_be_sent_back_says_so(executor):
    given = [{"model": make, "x": X, "y": Y, "name": "a"}]
    (result,) = fit_many(given, executor=executor, score=unsendable)
    assert isinstance(result.error, WorkerError)
    assert "the result cannot be sent back" in str(result.error)
    assert result.name == "a"


def test_jobs_that_are_refused_are_refused_before_they_are_sent(executor):
    bad = {"model": make, "x": X, "y": Y, "rows": [1000]}
    with pytest.raises(ArgumentError, match="job 1"):
        fit_many([{"model": make, "x": X, "y": Y}, bad], executor=executor)
    first, second = fit_many(iter([bad, {"model": make, "x": X, "y": Y}]), executor=executor)
    assert "job 0" in str(first.error)
    assert second.ok


def test_a_broken_pool_is_made_anew():
    pool = Remade(Breaking(3), Breaking(0))
    given = [{"model": make, "x": X, "y": Y} for _ in range(8)]
    same(fit_many(given, 2, executor=pool, seed=2), fit_many(given, 2, seed=2))
    assert pool.made == 2
    same(fit_many(given, 2, executor=Inline, seed=2), fit_many(given, 2, seed=2))


def test_a_pool_that_stays_broken_is_reported_and_the_rest_is_kept():
    given = [{"model": make, "x": X, "y": Y} for _ in range(8)]
    results = fit_many(given, 1, executor=Breaking(3), seed=2)
    expected = fit_many(given, 1, seed=2)
    assert len(results) == 8
    done = [result for result in results if result.ok]
    same(done, expected[: len(done)])
    assert 2 <= len(done) < 8
    assert all(isinstance(result.error, WorkerError) for result in results.failed)
    assert "give a function that makes it" in str(results.failed[0].error)


def test_a_job_that_ends_its_worker_costs_no_others():
    def pool():
        return Deadly()

    given = [{"model": make, "x": X, "y": Y, "name": str(i)} for i in range(40)]
    given[23]["name"] = "deadly"
    results = fit_many(given, 2, executor=pool, seed=2)
    assert [result.name for result in results.failed] == ["deadly"]
    assert "its worker was lost 2 times" in str(results.failed[0].error)
    expected = fit_many(given, 2, seed=2)
    same([r for r in results if r.ok], [r for r in expected if r.name != "deadly"])


class Ghost:
    """Be pickled, but not read again."""

    def __reduce__(self):
        return fails, ()


@pytest.mark.parametrize("bad", [Unpicklable, Ghost])
def test_a_job_that_cannot_travel_costs_no_others(executor, bad):
    given = [{"model": make, "x": X, "y": Y, "params": {"i": i}} for i in range(60)]
    given[37]["params"] = {"what": bad()}
    results = fit_many(given, 2, executor=executor, seed=2)
    assert [result.index for result in results.failed] == [37]
    kind = DataTypeError if bad is Unpicklable else WorkerError
    assert isinstance(results.failed[0].error, kind)
    assert "job 37" in str(results.failed[0].error)


def test_a_score_that_cannot_be_pickled_is_named():
    lock = threading.Lock()
    with pytest.raises(DataTypeError, match="score: it cannot be sent to a worker"):
        fit_many([{"model": make, "x": X, "y": Y}], executor=Inline(), score=lambda m, j: lock)


def test_an_executor_that_never_takes_a_task_is_given_up():
    made = []

    def pool():
        made.append(Breaking(0))
        made[-1].broken = True
        return made[-1]

    (result,) = fit_many([{"model": make, "x": X, "y": Y}], executor=pool)
    assert isinstance(result.error, WorkerError)
    assert 1 < len(made) < 10


def test_as_many_tasks_are_in_flight_as_workers_need():
    sent = []

    class Waiting(Inline):
        def submit(self, function, *arguments):
            sent.append((Future(), function, arguments))
            if len(sent) == 16:  # all are there: run them
                for future, run, given in sent:
                    future.set_result(run(*given))
            return sent[-1][0]

    given = [{"model": make, "x": X, "y": Y} for _ in range(16)]
    assert len(fit_many(given, 8, executor=Waiting()).models) == 16


def test_an_error_in_the_loop_of_as_completed_is_raised_as_it_is(executor):
    with pytest.raises(ZeroDivisionError):
        for _ in many.as_completed(_jobs_that_end(), 2, executor=executor):
            pass


def _jobs_that_end():
    for _ in range(5):
        yield {"model": make, "x": X, "y": Y}
    raise ZeroDivisionError


def test_the_baseline_is_sent_to_workers(executor):
    given = [{"model": make, "x": X, "y": Y}]
    config.set_engine("baseline")
    try:
        found, expected = fit_many(given, executor=executor, seed=1), fit_many(given, seed=1)
    finally:
        config.set_engine(None)
    same(found, expected)


def test_without_retries_a_lost_worker_costs_its_jobs():
    pool = Remade(Breaking(2), Breaking(0))
    given = [{"model": make, "x": X, "y": Y} for _ in range(6)]
    results = fit_many(given, 1, executor=pool, retries=0)
    assert [type(result.error) for result in results.failed] == [WorkerError]
    assert "its worker was lost once" in str(results.failed[0].error)


def test_a_worker_that_is_killed(tmp_path):
    kill = programs.Killed(tmp_path / "flag", os.getpid())
    given = [{"model": kill if i == 5 else make, "x": X, "y": Y} for i in range(12)]
    found = fit_many(given, 2, executor=EXECUTORS["processes"], seed=3)
    assert (tmp_path / "flag").exists()
    same(found, fit_many([{"model": make, "x": X, "y": Y}] * 12, 2, seed=3))


def test_another_engine_is_refused(monkeypatch):
    given = [{"model": make, "x": X, "y": Y}]
    of = tasks.Context.of_this_process

    def other(*arguments):
        return of(*arguments)._replace(bits="baseline")

    monkeypatch.setattr(tasks.Context, "of_this_process", other)
    (result,) = fit_many(given, executor=Inline())
    assert isinstance(result.error, EngineError)
    assert "set FASTGD_ENGINE=baseline for both" in str(result.error)


def test_workers_have_the_settings_of_the_process(executor):
    config.set_floatx("float64")
    try:
        (result,) = fit_many([{"model": make, "x": X, "y": Y}], executor=executor)
    finally:
        config.set_floatx("float32")
    assert result.model.parameters.dtype == np.float64
    (result,) = fit_many([{"model": make, "x": X, "y": Y}], executor=executor)
    assert result.model.parameters.dtype == np.float32


@pytest.mark.parametrize("bad", [5, "dask", object(), list])
def test_executors_that_are_none(bad):
    with pytest.raises(DataTypeError, match="executor: expected a"):
        fit_many([{"model": make, "x": X, "y": Y}], executor=bad)


def test_the_stream_of_the_process_is_left_alone(executor):
    utils.set_random_seed(8)
    fit_many([{"model": make, "x": X, "y": Y} for _ in range(3)], executor=executor, seed=1)
    first = utils.set_random_seed(8) or make().parameters.copy()
    utils.set_random_seed(8)
    fit_many([{"model": make, "x": X, "y": Y} for _ in range(3)], executor=executor, seed=1)
    np.testing.assert_array_equal(make().parameters, first)


def test_a_folder_that_workers_share(tmp_path, executor):
    x = np.memmap(tmp_path / "x", "float32", "w+", shape=X.shape)
    x[:] = X
    given = [{"model": make, "x": x, "y": Y} for _ in range(3)]
    folder = tmp_path / "shared" / "data"
    found = fit_many(given, executor=executor, spool_dir=folder, seed=1)
    same(found, fit_many(given, seed=1))
    assert os.listdir(folder) == []
