"""Threads: how many, that they stop together, and that a fork finds nothing locked."""

import os
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from engines import RELU, Net, digest, each_build, each_dtype, job_of, train_job
from problems import network, regression

from fastgd import config
from fastgd._core.formulas import Loss
from fastgd._core.types import Status
from fastgd._engine import thread_choice
from fastgd.errors import ArgumentError, DataTypeError

THERE = config.threads(-1)


@pytest.fixture(autouse=True)
def _default_threads():
    yield
    config.set_num_threads(None)


# ---------------------------------------------------------------- how many


def test_threads_are_those_asked_for_but_not_more_than_cpus():
    assert config.threads() == config.num_threads() == 1
    assert config.threads(1) == 1
    assert config.threads(10**6) == config.threads(-1) == THERE >= 1
    config.set_num_threads(-1)
    assert config.threads() == THERE
    assert config.threads(1) == 1


@pytest.mark.parametrize("bad", [0, -2, True, 1.0, "2"])
def test_a_number_of_threads_that_is_none(bad):
    error = ArgumentError if type(bad) is int else DataTypeError
    for call in (config.threads, config.set_num_threads):
        with pytest.raises(error, match=rf"expected .*, got {bad!r}"):
            call(bad)
    model = network()
    model.compile("sgd", "mse")
    x, y = regression()
    for call in (model.fit, model.evaluate):
        with pytest.raises(error, match=f"n_jobs: expected .*, got {bad!r}"):
            call(x, y, n_jobs=bad)
    with pytest.raises(error, match=f"n_jobs: expected .*, got {bad!r}"):
        model.predict(x, n_jobs=bad)
    assert model.optimizer.iterations == 0


@pytest.mark.parametrize(("given", "expected"), [("", "1"), ("3", "3"), ("-1", "-1")])
def test_threads_by_environment(given, expected):
    program = "import fastgd; print(fastgd.config.num_threads())"
    environment = os.environ | {"FASTGD_NUM_THREADS": given}
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout.strip() == expected


@pytest.mark.parametrize("given", ["0", "two", "1.5"])
def test_threads_by_environment_that_are_none(given, monkeypatch):
    monkeypatch.setenv("FASTGD_NUM_THREADS", given)
    config._default_threads.cache_clear()
    with pytest.raises(ArgumentError, match=f"FASTGD_NUM_THREADS: expected .*{given}"):
        config.num_threads()
    monkeypatch.undo()
    config._default_threads.cache_clear()


def test_threads_are_used_where_they_pay():
    work, steps = thread_choice.STEP_WORK, thread_choice.SPAN_WORK
    assert thread_choice.useful_threads(1, 10**12, 10**6) == 1
    assert thread_choice.useful_threads(8, work - 1, 10**6) == 1
    assert thread_choice.useful_threads(8, 3 * work, 10**6) == 3
    assert thread_choice.useful_threads(8, 100 * work, 10**6) == 8
    assert thread_choice.useful_threads(8, 8 * work, (steps - 1) // (8 * work)) == 1


class Machine:
    """A clock, and spans of steps that take a number of seconds for each number of threads."""

    def __init__(self, **seconds):
        self.now = 0.0
        self.seconds = seconds
        self.used = []

    def span(self, seconds, threads):
        self.used.append(threads)
        self.now += seconds
        return 7 + seconds / self.seconds[f"t{threads}"], "fine"


def test_the_faster_number_of_threads_is_found_and_kept():
    for seconds, best in (({"t1": 2, "t4": 1}, 4), ({"t1": 1, "t4": 2}, 1)):
        machine = Machine(**seconds)
        choice = thread_choice.ThreadTuner(4, lambda machine=machine: machine.now)
        for _ in range(10):
            place, status = choice.run(machine.span, 7, 0.05)
            assert place > 7
            assert status == "fine"
        assert machine.used == [4, 1, 4, 1, *6 * [best]]


def test_the_number_of_threads_is_tried_anew():
    machine = Machine(t1=1, t2=2)
    choice = thread_choice.ThreadTuner(2, lambda: machine.now)
    for _ in range(10):
        choice.run(machine.span, 7, 0.05)
    assert machine.used[-1] == 1
    machine.seconds = {"t1": 2, "t2": 1}  # the other core is free again
    for _ in range(40):
        choice.run(machine.span, 7, 0.05)
    assert machine.used[-20:].count(2) >= 17


def test_where_one_thread_is_asked_for_nothing_is_tried():
    machine = Machine(t1=1)
    choice = thread_choice.ThreadTuner(1, lambda: machine.now)
    for _ in range(50):
        choice.run(machine.span, 7, 0.05)
    assert machine.used == 50 * [1]
    assert machine.now == pytest.approx(2.5)


def test_n_jobs_reaches_the_engine(engine, monkeypatch):
    seen = []

    class Spy:
        def __init__(self, program):
            self.program = program

        def __getattr__(self, name):
            def call(*args, **more):
                place = {"evaluate": 5, "predict": 4}.get(name, 0)
                how = args[place] if len(args) > place else None
                seen.append((name, getattr(how, "threads", how)))
                return getattr(self.program, name)(*args, **more)

            return call

    config.set_engine(engine)
    model = network(((64, "relu"), (64, "relu")), 64)
    model.compile("adam", "mse")
    step = model.compiled_step()
    monkeypatch.setattr(step, "program", Spy(step.program))
    x, y = regression(4096, 64)
    model.fit(x, y, batch_size=1024, verbose=0, n_jobs=-1)
    model.evaluate(x, y, verbose=0, n_jobs=-1)
    model.predict(x, n_jobs=-1)
    for name in ("train", "evaluate", "predict"):
        assert (name, THERE) in seen


# ---------------------------------------------------------------- stopping together


@each_build
@each_dtype
@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_all_members_stop_where_the_loss_is_not_finite(build, dtype, threads):
    net = Net([20, 30, 2], [RELU, None], Loss.LOSS_MEAN_SQUARED_ERROR, dtype)
    x, y = net.data(500)
    x[377, 3] = np.nan
    run = net.run(build, "adam", threads)
    assert run.train(x, y, 50, 10, shuffle=False) == (7, Status.STATUS_LOSS)
    assert run.state.iterations[0] == 7
    before = net.run(build, "adam")
    before.train(x, y, 50, 7, shuffle=False)
    assert digest(run.parameters, run.totals) == digest(before.parameters, before.totals)


@each_build
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_all_members_stop_where_an_update_overflows(build, threads):
    net = Net([20, 30, 2], [RELU, None], Loss.LOSS_MEAN_SQUARED_ERROR, np.float32)
    x, y = net.data(500)
    y[130] = 1e4  # in the batch of step 2
    run, alone = net.run(build, "sgd", threads), net.run(build, "sgd")
    rates = np.array([1e-3, 1e-3, 1e38, *7 * [1e-3]])
    step, status = run.train(x, y, 50, 10, rates=rates, shuffle=False)
    assert alone.train(x, y, 50, 10, rates=rates, shuffle=False) == (step, status)
    assert step == 2
    assert status == Status.STATUS_UPDATE
    assert np.isfinite(run.parameters).all()
    assert digest(run.parameters) == digest(alone.parameters)


@each_build
@pytest.mark.parametrize("threads", [2, 3, 8])
def test_a_span_that_is_cut_anywhere_gives_the_same(build, threads):
    net = Net([20, 30, 2], [RELU, None], Loss.LOSS_MEAN_SQUARED_ERROR, np.float32)
    x, y = net.data(3000)
    whole, cut = net.run(build, "adam"), net.run(build, "adam", threads)
    whole.train(x, y, 10, 300)
    order = np.empty(len(x), np.int64)
    job = job_of(x, y, order, 0x9E3779B97F4A7C15, 10, np.array([0.01]))
    step = spans = 0
    while step < 300:
        step, status = train_job(cut, job, step, 300, 0.0, threads)
        assert status == Status.STATUS_FINE
        spans += 1
    assert spans > 1
    assert digest(whole.parameters, whole.totals) == digest(cut.parameters, cut.totals)
    row, out = 0, np.empty((len(x), 2), np.float32)
    while row < len(x):
        row = cut.program.predict(x, out, row, 0.0, threads)
    totals, row = net.totals(), 0
    while row < len(x):
        row = cut.program.evaluate(x, y, row, totals, 0.0, threads)
    assert digest(out, totals) == digest(whole.predict(x), whole.evaluate(x, y))


# ---------------------------------------------------------------- fork


def in_child(work, seconds=30):
    """Run work() in a fork; its exit code, or an AssertionError if it hangs."""
    with pytest.MonkeyPatch.context():
        child = os.fork()
    if child == 0:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    raise AssertionError(f"the child hung for {seconds} s")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_during_and_after_a_threaded_fit_never_hangs():
    model = network(((64, "relu"), (64, "relu")), 64)
    model.compile("adam", "mse")
    x, y = regression(20_000, 64)
    model.fit(x, y, batch_size=1024, verbose=0, n_jobs=2)

    def train():
        model.fit(x, y, batch_size=1024, verbose=0, n_jobs=2)
        model.predict(x, n_jobs=2)

    assert in_child(train) == 0
    stop = []

    def go_on():
        while not stop:
            model.fit(x, y, batch_size=1024, verbose=0, n_jobs=2)

    beside = threading.Thread(target=go_on)
    beside.start()
    try:
        codes = [in_child(train) for _ in range(10)]
    finally:
        stop.append(True)
        beside.join()
    assert codes == [0] * 10


def test_ctrl_c_in_a_threaded_fit():
    model = network(((64, "relu"), (64, "relu")), 64)
    model.compile("adam", "mse")
    x, y = regression(20_000, 64)
    timer = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, batch_size=512, epochs=3000, verbose=0, n_jobs=-1)
    timer.join()
    assert np.isfinite(model.evaluate(x, y, verbose=0))
    assert model.optimizer.iterations > 0
