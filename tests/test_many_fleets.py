"""Jobs on replicas of a model, which compiled calls train: each as if it were alone."""

import copy
import dataclasses
import gc
import pickle
import signal
import threading
import time
import tracemalloc

import numpy as np
import pytest

import fastgd
from fastgd import (
    Sequential,
    callbacks,
    config,
    layers,
    losses,
    many,
    metrics,
    optimizers,
    utils,
)
from fastgd.errors import DataError, DivergenceError, ShapeError
from fastgd.many import fleet
from fastgd.many.fleet import ReplicaResult
from fastgd.many.job import Job

RNG = np.random.default_rng(8)
X = RNG.normal(size=(150, 5)).astype("float32")
Y = (X[:, :1] - 0.5 * X[:, 1:2] ** 2).astype("float32")
LABELS = (X[:, 0] > 0).astype(int) + (X[:, 1] > 1)


@pytest.fixture(params=[1, 2, 3])
def n_jobs(request, monkeypatch):
    monkeypatch.setattr(config, "threads", lambda n=None: 1 if n is None else n)
    return request.param


def compiled(parts, optimizer="adam", loss="mse", metrics=None, dtype=None):
    model = Sequential([layers.Input(shape=(5,)), *parts], dtype=dtype)
    model.compile(optimizer, loss, metrics=metrics)
    return model


def plain(optimizer="adam", **settings):
    parts = [layers.Dense(6, "relu"), layers.Dense(1)]
    return compiled(parts, optimizer, **settings)


def dropping():
    parts = [layers.Dense(7, "tanh"), layers.BatchNormalization(), layers.Dropout(0.4)]
    return compiled([*parts, layers.Dense(1)], optimizers.Adagrad(0.1), metrics=["mae"])


def classifying():
    parts = [
        layers.Dense(8, "gelu", kernel_initializer="he_normal"),
        layers.Dense(3, "softmax"),
    ]
    loss = losses.SparseCategoricalCrossentropy()
    return compiled(parts, optimizers.AdamW(0.01), loss, ["accuracy"])


def drawing(shape, dtype=None):
    """An initializer of the user's own, which draws from the stream of the job."""
    return layers.Dense(1).kernel_initializer((shape[0], shape[-1]), dtype)


def clipped():
    rate = optimizers.SGD(0.02, momentum=0.9, nesterov=True, clipnorm=0.5, weight_decay=0.01,
                          gradient_accumulation_steps=2)  # fmt: skip
    frozen = layers.Dense(4, kernel_initializer=drawing, bias_initializer="ones")
    frozen.trainable = False
    return compiled([frozen, layers.Dense(1, bias_initializer="random_uniform")], rate)


MODELS = {
    "plain": plain,
    "float64": lambda: plain(optimizers.RMSprop(0.01, momentum=0.5), dtype="float64"),
    "dropping": dropping,
    "clipped": clipped,
    "a unit by single rows": lambda: compiled([layers.Dense(1)], "sgd"),
    "classifying": classifying,
    "AUC": lambda: compiled(
        [layers.Dense(1, "sigmoid")], "nadam", "binary_crossentropy",
        [metrics.AUC(), metrics.Precision()],
    ),
}  # fmt: skip
TARGETS = {"classifying": LABELS, "AUC": (LABELS > 0).astype("float32")}
ROWS = [None, np.arange(0, 150, 2), np.array([7, 3, 3, 100, 149]), range(50)]


def assert_equal_states(result, model, history):
    """All that a trained model and its history hold."""
    mine = result.model
    assert mine.parameters.tobytes() == model.parameters.tobytes()
    ours, theirs = (
        m.assembly().optimizer_arrays(m.optimizer) for m in (mine, model)
    )  # fmt: skip
    assert ours.keys() == theirs.keys()
    assert all(ours[name].tobytes() == theirs[name].tobytes() for name in ours)
    assert (mine.seed, mine.epochs_begun) == (model.seed, model.epochs_begun)
    assert mine.history is result.history
    assert result.history.model is mine
    assert vars(result.history) == vars(history)
    assert result.scores == {name: values[-1] for name, values in history.history.items()}
    assert mine.optimizer.get_config() == model.optimizer.get_config()
    assert mine.optimizer.iterations == model.optimizer.iterations
    assert [v.name for v in mine.variables] == [v.name for v in model.variables]


def alone(template, seed, x, y, rows=None, **arguments):
    utils.set_random_seed(seed)
    model = template.replicate()
    rows = None if rows is None else np.asarray(rows)
    return model, model.fit(x, y, rows=rows, verbose=0, **arguments)


@pytest.mark.parametrize("name", MODELS)
def test_replicas_have_the_bits_of_a_fit_alone(n_jobs, name):
    template, y = MODELS[name](), TARGETS.get(name, Y)
    fits = [
        {"epochs": 3, "batch_size": 1 if "single" in name else 16},
        {"epochs": 2, "shuffle": False, "validation_data": (X[:40], y[:40])},
        {"epochs": 2, "validation_data": (X, y), "validation_rows": np.arange(100, 150)},
        {"epochs": 1, "validation_rows": [3, 1, 4, 1, 5], "batch_size": 200},
    ]
    jobs = [
        {"model": template.replicate, "x": X, "y": y, "rows": ROWS[i % 4], **arguments}
        for arguments in fits
        for i in range(8)
    ]
    results = fastgd.fit_many(jobs, n_jobs, seed=77)
    assert [type(result) for result in results].count(ReplicaResult) >= 24
    for i, (result, job) in enumerate(zip(results, jobs, strict=True)):
        given = {k: v for k, v in job.items() if k != "model"}
        model, history = alone(template, 77 + i, **given)
        assert_equal_states(result, model, history)
        if i % 9 == 0:  # it goes on as the other would, also in another process
            again = pickle.loads(pickle.dumps(result))
            for each in result.model, again.model, model:
                each.fit(X, y, epochs=2, verbose=0)
            bits = model.parameters.tobytes()
            assert result.model.parameters.tobytes() == bits
            assert again.model.parameters.tobytes() == bits


@pytest.mark.parametrize("name", MODELS)
def test_models_that_are_made_already_have_the_bits_of_a_fit_alone(n_jobs, name):
    template, y = MODELS[name](), TARGETS.get(name, Y)

    def models():
        utils.set_random_seed(4)
        made = [template.replicate() for _ in range(12)]
        for i, model in enumerate(made):
            if i % 3 == 1:  # not for the first time
                model.fit(X, y, verbose=0)
            if i % 4 == 2:
                model.optimizer.learning_rate = 0.02 * i
        return made

    fits = [{"rows": ROWS[i % 4], "epochs": 1 + i % 2, "batch_size": 9} for i in range(12)]
    jobs = [
        {"model": m, "x": X, "y": y, "rows": ROWS[i % 4], "epochs": 1 + i % 2, "batch_size": 9}
        for i, m in enumerate(models())
    ]
    results = fastgd.fit_many(jobs, n_jobs, seed=1)
    assert ReplicaResult in map(type, results)
    for result, job, model, arguments in zip(results, jobs, models(), fits, strict=True):
        assert result.model is job["model"]
        rows = arguments.pop("rows")
        rows = None if rows is None else np.asarray(rows)
        assert_equal_states(result, model, model.fit(X, y, rows=rows, verbose=0, **arguments))
        for each in result.model, model:
            each.fit(X, y, epochs=2, verbose=0)
        assert result.model.parameters.tobytes() == model.parameters.tobytes()


def test_made_models_of_other_kinds_are_trained_by_themselves(n_jobs):
    """Models that look alike, but share layers, or columns by other names, or an optimizer."""
    template = plain()

    def models():
        utils.set_random_seed(4)
        made = [template.replicate() for _ in range(8)]
        made[1].optimizer = optimizers.SGD(0.05, momentum=0.9, clipnorm=1.0)
        made[2].feature_names = list("vwxyz")
        made[3].optimizer = optimizers.SGD(0.1, use_ema=True)
        made[4] = plain()
        Sequential([made[5].layers[0], layers.Dense(2)])
        made[6].add(layers.Dense(1))
        made[7].compile("sgd", "mae")
        return made

    jobs = [{"model": m, "x": X, "y": Y, "epochs": 2} for m in models()]
    results = fastgd.fit_many(jobs, n_jobs)
    for result, model in zip(results, models(), strict=True):
        history = model.fit(X, Y, epochs=2, verbose=0)
        assert result.model.parameters.tobytes() == model.parameters.tobytes()
        assert result.history.history == history.history


@pytest.mark.parametrize("made", [False, True])
def test_a_job_that_diverges_ends_as_alone(n_jobs, made):
    template = plain(optimizers.SGD(0.05))
    y = Y.copy()
    y[149] = 3e18
    fine, bad = np.arange(100), np.arange(60, 150)
    jobs = [
        {"model": template.replicate, "x": X, "y": y, "rows": bad if i in (2, 5) else fine,
         "epochs": 4, "seed": i}
        for i in range(9)
    ]  # fmt: skip
    if made:
        for i, one in enumerate(jobs):
            utils.set_random_seed(i)
            one["model"] = template.replicate()
    results = fastgd.fit_many(jobs, n_jobs)
    assert [result.index for result in results.failed] == [2, 5]
    for i, result in enumerate(results):
        if result.ok:
            assert_equal_states(result, *alone(template, i, X, y, fine, epochs=4))
            continue
        utils.set_random_seed(i)
        model = template.replicate()
        with pytest.raises(DivergenceError) as error:
            model.fit(X, y, rows=bad, epochs=4, verbose=0)
        assert str(result.error) == str(error.value)
        assert result.model.parameters.tobytes() == model.parameters.tobytes()
        assert result.model.optimizer.iterations == model.optimizer.iterations
        assert result.model.epochs_begun == model.epochs_begun
    if not made:
        with pytest.raises(DivergenceError):
            fastgd.fit_many(jobs, n_jobs, raise_errors=True)


@pytest.mark.parametrize("n", [1, 2])
def test_each_job_says_what_is_wrong_with_its_data(n):
    template = plain()
    y = Y.copy()
    y[149] = np.nan
    jobs = [
        {"model": template.replicate, "x": X, "y": y, "rows": np.arange(i, 50 * i)}
        for i in (1, 2, 3, 1)
    ]
    results = fastgd.fit_many(jobs, n, seed=1)
    assert [type(result.error) for result in results] == [
        type(None), type(None), DataError, type(None),
    ]  # fmt: skip
    jobs = [{"model": template.replicate, "x": X[:, :3], "y": Y}] * 3
    assert [type(result.error) for result in fastgd.fit_many(jobs, n)] == [ShapeError] * 3


def test_models_that_need_python_are_trained_as_before(n_jobs):
    def loss(y, p):
        return ((y - p) ** 2).mean()

    templates = [
        plain(optimizers.Adam(optimizers.schedules.ExponentialDecay(0.1, 10, 0.5))),
        plain(optimizers.SGD(0.1, use_ema=True)),
        plain(lambda_optimizer()),
        compiled([layers.Dense(1, kernel_regularizer="l2")]),
        compiled([layers.Dense(1)], loss=losses.MeanSquaredError()),
    ]
    for template in templates:
        jobs = [{"model": template.replicate, "x": X, "y": Y, "epochs": 2}] * 4
        for i, result in enumerate(fastgd.fit_many(jobs, n_jobs, seed=5)):
            model, history = alone(template, 5 + i, X, Y, epochs=2)
            assert result.model.parameters.tobytes() == model.parameters.tobytes()
            assert result.history.history == history.history
    seen = []
    listening = callbacks.LambdaCallback(on_epoch_end=lambda epoch, logs: seen.append(epoch))
    jobs = [{"model": plain().replicate, "x": X, "y": Y, "callbacks": lambda: [listening]}] * 2
    assert all(result.ok for result in fastgd.fit_many(jobs, 1))
    assert seen == [0, 0]


class Batches(utils.PyDataset):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[index::3], Y[index::3]


@pytest.mark.parametrize("y", [{}, {"y": None}])
def test_sources_of_batches_have_no_targets_of_their_own(n_jobs, y):
    template = plain()
    jobs = [{"model": template.replicate, "x": Batches(), **y} for _ in range(3)]
    listed = fastgd.fit_many(jobs, n_jobs, seed=5, raise_errors=True)
    one_by_one = fastgd.fit_many(iter(jobs), n_jobs, seed=5, raise_errors=True)
    assert [r.scores for r in listed] == [r.scores for r in one_by_one]


class Endless:
    """Data of the user's own, whose length is asked for in vain."""

    def __len__(self):
        raise RuntimeError("there is no end")


def test_a_job_whose_data_cannot_be_looked_at_says_so_alone(n_jobs):
    template = plain()
    jobs = [{"model": template.replicate, "x": X, "y": Y} for _ in range(4)]
    jobs[1] |= {"x": Endless()}
    jobs[2] |= {"validation_data": Endless()}
    listed, one_by_one = (fastgd.fit_many(of(jobs), n_jobs, seed=5) for of in (list, iter))
    assert [repr(result.error) for result in listed] == [repr(r.error) for r in one_by_one]
    assert [result.ok for result in listed] == [True, False, False, True]


def test_jobs_with_slow_scores_are_run_side_by_side(monkeypatch):
    monkeypatch.setattr(config, "threads", lambda n=None: 1 if n is None else n)
    both, template = threading.Barrier(2, timeout=20), plain()

    def score(model, job):
        time.sleep(0.05)
        return both.wait() * 0

    jobs = [{"model": template.replicate, "x": X, "y": Y, "epochs": 1} for _ in range(4)]
    results = fastgd.fit_many(jobs, 2, score=score, seed=1)
    assert [repr(result.error) for result in results] == ["None"] * 4


def test_results_come_as_soon_as_they_are_scored():
    template, seen = plain(), []

    def score(model, job):
        time.sleep(0.1)
        return float(len(seen))

    jobs = [{"model": template.replicate, "x": X, "y": Y} for _ in range(4)]
    results = fastgd.fit_many(jobs, 1, score=score, on_result=seen.append)
    assert [result.scores["score"] for result in results] == [0, 1, 2, 3]


def test_fleets_of_many_rows_are_small():
    template, long = plain(), np.zeros((40_000, 5), "float32")
    common = {"model": template.replicate, "x": long, "y": long[:, 0], "batch_size": 2**16}
    jobs = [Job(i, common | {"rows": np.arange(i, 40_000)}, 0) for i in range(30)]
    sizes = [len(unit.jobs) for unit in fleet.in_fleets(iter(jobs), 30, 1)]
    assert sum(sizes) == 30
    assert 1 < max(sizes) <= fleet.MOST_ROWS // 39_000


def lambda_optimizer():
    return optimizers.SGD(lambda: 0.05)


def test_a_template_that_cannot_be_used_is_an_error_of_each_job(n_jobs):
    template = plain(metrics=["mae"])
    jobs = [{"model": template.replicate, "x": X, "y": Y}] * 5
    template.compile("adam", "mse", metrics=["mae"])
    for wrong in (2, 2), (1,):
        template.layers[0].kernel_initializer = lambda shape, dtype=None, w=wrong: np.ones(w)
        errors = [result.error for result in fastgd.fit_many(jobs, n_jobs)]
        assert [type(error) for error in errors] == [ShapeError] * 5
    template.layers[0].kernel_initializer = fails
    errors = [result.error for result in fastgd.fit_many(jobs, n_jobs)]
    assert [str(error) for error in errors] == ["no values"] * 5


def fails(shape, dtype=None):
    raise ValueError("no values")


def test_a_template_may_be_trained_and_change_meanwhile(n_jobs):
    template = plain()
    template.fit(X, Y, epochs=2, verbose=0)
    jobs = [{"model": template.replicate, "x": X, "y": Y}] * 6
    results = fastgd.fit_many(jobs, n_jobs, seed=3)
    expected = [alone(template, 3 + i, X, Y) for i in range(6)]
    template.optimizer.learning_rate = 9.0
    template.add(layers.Dense(2))
    for result, (model, history) in zip(results, expected, strict=True):
        assert_equal_states(result, model, history)


def test_scores_are_computed_in_the_scope_of_the_job(n_jobs):
    def score(model, job):
        drawn = float(layers.Dense(1).kernel_initializer((1, 1))[0, 0])
        if job["params"]["i"] == 3:
            raise ValueError("no score")
        return {"drawn": drawn, "test": model.evaluate(X, Y, verbose=0)}

    template = plain()
    jobs = [{"model": template.replicate, "x": X, "y": Y, "params": {"i": i}} for i in range(6)]
    for keep in (True, False):
        results = fastgd.fit_many(jobs, n_jobs, seed=3, score=score, keep_models=keep)
        for i, result in enumerate(results):
            model, history = alone(template, 3 + i, X, Y)
            assert vars(result.history) == vars(history)
            assert result.history.model is result.model
            assert (result.model is not None) == keep
            if i == 3:
                assert str(result.error) == "no score"
            else:
                drawn = float(layers.Dense(1).kernel_initializer((1, 1))[0, 0])
                test = model.evaluate(X, Y, verbose=0)
                loss = history.history["loss"][-1]
                assert result.scores == {"loss": loss, "drawn": drawn, "test": test}
    results = fastgd.fit_many(jobs[:2], n_jobs, seed=3, keep_models=False)
    assert [result.model for result in results] == [None, None]
    assert results[0].history.model is None
    assert results.models == []


def test_results_may_be_changed_and_copied():
    template = plain()
    jobs = [{"model": template.replicate, "x": X, "y": Y, "name": f"job {i}"} for i in range(3)]
    first, second, third = fastgd.fit_many(jobs, 1, seed=3)
    first.model = None
    assert first.model is None
    assert first.history.epoch == [0]
    second.history = None
    assert second.history is None
    assert second.model.count_params() == 43
    twin = copy.deepcopy(third)
    assert twin.model is not third.model
    assert twin.model.parameters.tobytes() == third.model.parameters.tobytes()
    assert twin.to_dict() == third.to_dict()
    other = dataclasses.replace(third, name="other")
    assert (other.name, other.model, other.history) == ("other", third.model, third.history)


def test_names_of_columns_are_kept():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcde"))
    jobs = [{"model": plain().replicate, "x": frame, "y": Y[:, 0]} for _ in range(2)]
    template = plain()
    jobs = [job | {"model": template.replicate} for job in jobs]
    results = fastgd.fit_many(jobs, 1, seed=3)
    assert [type(result) for result in results] == [ReplicaResult] * 2
    assert [result.model.feature_names for result in results] == [list("abcde")] * 2
    assert template.feature_names is None


def test_a_kept_result_takes_little_memory():
    template = compiled([layers.Dense(16, "relu"), layers.Dense(16), layers.Dense(1)])
    assert template.count_params() == 385
    jobs = [{"model": template.replicate, "x": X, "y": Y, "epochs": 5}] * 64
    fastgd.fit_many(jobs[:2], 1)
    gc.collect()
    tracemalloc.start()
    try:
        results = fastgd.fit_many(jobs, 1)
        del jobs
        gc.collect()
        kept = tracemalloc.get_traced_memory()[0] / len(results)
    finally:
        tracemalloc.stop()
    assert 3 * 4 * 385 < kept < 8192


def test_ctrl_c_between_the_calls_keeps_what_is_done(monkeypatch, n_jobs):
    template = plain()
    jobs = [{"model": template.replicate, "x": X, "y": Y, "epochs": 60} for _ in range(2000)]
    monkeypatch.setattr(fleet, "FLEET_SECONDS", 0.004)

    def interrupt(result):
        if len(seen.append(result) or seen) == 30:
            signal.raise_signal(signal.SIGINT)

    seen = []
    with pytest.raises(many.Interrupted) as caught:
        fastgd.fit_many(jobs, n_jobs, seed=9, on_result=interrupt)
    results = caught.value.results
    assert 30 <= len(results) < 2000
    for result in results[:40]:
        assert_equal_states(result, *alone(template, 9 + result.index, X, Y, epochs=60))


def test_ctrl_c_in_a_score_says_which_job_was_cut_short():
    def score(model, job):
        if job["params"] == {"i": 3}:
            signal.raise_signal(signal.SIGINT)

    template = plain()
    jobs = [{"model": template.replicate, "x": X, "y": Y, "params": {"i": i}} for i in range(6)]
    with pytest.raises(many.Interrupted) as caught:
        fastgd.fit_many(jobs, 1, score=score)
    assert [result.index for result in caught.value.results] == [0, 1, 2]
    assert [result.index for result in caught.value.stopped] == [3]
    assert caught.value.stopped[0].model.predict(X).shape == (150, 1)


@pytest.mark.parametrize("made", [False, True])
def test_ctrl_c_in_a_call_keeps_what_is_trained(monkeypatch, made):
    """The signal comes while compiled code runs; what it has trained by then is not lost."""
    monkeypatch.setattr(fleet, "SPAN_SECONDS", 1e-4)
    monkeypatch.setattr(fleet, "FLEET_SECONDS", 10.0)
    template, rows = plain(), np.arange(150).repeat(20)
    jobs = [
        {"model": template.replicate() if made else template.replicate, "x": X, "y": Y,
         "rows": rows, "epochs": 300}
        for _ in range(300)  # which take much longer than the timer
    ]  # fmt: skip
    timer = threading.Timer(0.3, signal.raise_signal, (signal.SIGINT,))
    timer.start()
    with pytest.raises(many.Interrupted) as caught:
        fastgd.fit_many(jobs, 1, seed=9)
    timer.join()
    results, stopped = caught.value.results, caught.value.stopped
    assert [result.index for result in results] == list(range(len(results)))
    assert [result.index for result in stopped] in ([], [len(results)])
    for result in results[:5]:
        assert result.history.epoch == list(range(300))
    for result in stopped:
        assert result.model.predict(X).shape == (150, 1)
        assert 0 <= result.model.epochs_begun <= 300


def test_a_long_call_is_cut_and_goes_on(monkeypatch):
    """Where time is over within a replica, its epochs or its validation, all goes on there."""
    monkeypatch.setattr(fleet, "SPAN_SECONDS", 1e-5)
    template = dropping()
    jobs = [
        {"model": template.replicate, "x": X, "y": Y, "epochs": 6, "batch_size": 3,
         "validation_rows": range(30)}
    ] * 3  # fmt: skip
    for i, result in enumerate(fastgd.fit_many(jobs, 1, seed=3)):
        arguments = {k: v for k, v in jobs[0].items() if k != "model"}
        assert_equal_states(result, *alone(template, 3 + i, **arguments))


@pytest.mark.parametrize("n", [1, 2])
def test_what_is_built_on_jobs_has_the_same_numbers(monkeypatch, n):
    """Models of a function are trained one by one, replicas of one model together."""
    for limit in ("FLEET_SECONDS", "LEAST_SECONDS"):  # however long a score took
        monkeypatch.setattr(fleet, limit, np.inf)
    monkeypatch.setattr(config, "threads", lambda n=None: 1 if n is None else n)
    template = plain(metrics=["mae"])

    def make():
        return template.replicate()

    for run in (
        lambda m: many.cross_validate(
            m, X, Y, 4, seed=1, n_jobs=n, epochs=2, validation="fold"
        ),
        lambda m: many.seeds(
            m, range(4), X, Y, rows=range(99), test_rows=range(99, 150), n_jobs=n
        ),
        lambda m: many.bagging(m, X, Y, 4, seed=1, n_jobs=n),
    ):
        one, other = run(template.replicate), run(make)
        mine, yours = (list(getattr(found, "results", found)) for found in (one, other))
        assert ReplicaResult in map(type, mine)
        assert ReplicaResult not in map(type, yours)
        for ours, theirs in zip(mine, yours, strict=True):
            assert vars(ours.history) == vars(theirs.history)
            assert ours.scores == theirs.scores
            assert ours.model.parameters.tobytes() == theirs.model.parameters.tobytes()
