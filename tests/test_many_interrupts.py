"""Ctrl-C at any moment: always an Interrupted, with all that is done by then."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fastgd import Sequential, fit_many, layers, many

X = np.random.default_rng(1).normal(size=(24, 3)).astype("float32")
Y = X[:, 0]
SETS = many.grid({"units": [1, 2, 3, 4]})

#: Files whose lines a signal may come before.
WHERE = ("fastgd/many/", "multiprocessing/pool.py", "/threading.py", "/queue.py")
#: Where nothing has begun yet, or all is over.
OUTSIDE = {"__enter__", "__exit__"}


def make(units=1):
    model = Sequential([layers.Dense(units, input_shape=(3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def completed(n_jobs):
    jobs = [{"model": make, "x": X, "y": Y} for _ in range(4)]
    return list(many.as_completed(iter(jobs), n_jobs))


RUNS = {
    "fit_many": lambda n: fit_many([{"model": make, "x": X, "y": Y} for _ in range(4)], n),
    "replicas": lambda n: fit_many([{"model": make().replicate, "x": X, "y": Y}] * 4, n),
    "executor": lambda n: fit_many(
        [{"model": make, "x": X, "y": Y} for _ in range(4)], n, executor=ThreadPoolExecutor
    ),
    "search": lambda n: many.parameter_search(make, SETS, X, Y, 2, n_jobs=n, seed=1),
    "halving": lambda n: many.successive_halving(
        make, SETS, X, Y, 2, factor=2, n_jobs=n, seed=1
    ),
    "cross_validate": lambda n: many.cross_validate(make, X, Y, 4, n_jobs=n, predict=True),
    "bagging": lambda n: many.bagging(make, X, Y, 4, n_jobs=n, seed=1),
    "seeds": lambda n: many.seeds(make, 4, X, Y, n_jobs=n),
}  # fmt: skip


class Signals:
    """Send SIGINT before the line of this number, inside the files of WHERE."""

    def __init__(self, number):
        self.number, self.lines, self.function = number, 0, None

    def __call__(self, frame, event, argument):
        if not any(name in frame.f_code.co_filename for name in WHERE):
            return None
        if event == "line" and self._begun(frame):
            self.lines += 1
            if self.lines == self.number:
                sys.settrace(None)
                self.function = frame.f_code.co_name
                signal.raise_signal(signal.SIGINT)
        return self

    def _begun(self, frame):
        """Whether Ctrl-C is looked after: there may be arguments to check before."""
        return signal.getsignal(signal.SIGINT) != signal.default_int_handler


def traced(number, run, n_jobs):
    signals = Signals(number)
    before = sys.gettrace()
    sys.settrace(signals)
    try:
        return run(n_jobs), signals
    except BaseException as error:
        return error, signals
    finally:
        sys.settrace(before)


@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("name", RUNS)
def test_a_signal_before_any_line_is_an_interrupted(name, n_jobs):
    run = RUNS[name]
    _, all_lines = traced(0, run, n_jobs)
    for number in range(1, all_lines.lines, 1 + all_lines.lines // 60):
        done, signals = traced(number, run, n_jobs)
        if signals.function is None:  # threads took fewer lines this time
            continue
        assert isinstance(done, many.Interrupted), (number, signals.function, done)
        assert all(result.ok for result in done.results)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert threading.active_count() < 20
    assert not isinstance(traced(0, run, n_jobs)[0], BaseException)


PROGRAM = """
import os, signal, sys, threading
import numpy as np
from fastgd import Sequential, layers, many

signal.signal(signal.SIGINT, signal.default_int_handler)
kind, n_jobs, delay = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
x = np.random.default_rng(1).normal(size=(24, 3)).astype("float32")
timer = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGINT))
first = threading.Lock()

def make(units):
    if first.acquire(blocking=False):
        timer.start()
    model = Sequential([layers.Dense(units, input_shape=(3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model

sets = [{"units": 1 + i % 8} for i in range(4096)]
search = many.successive_halving if kind == "halving" else many.parameter_search
try:
    search(make, sets, x, x[:, 0], 2, n_jobs=n_jobs, seed=1)
except many.Interrupted as stop:
    scores = [row["mean"] for row in stop.search]
    assert all(np.isfinite(scores)), scores
    assert all(result.ok for result in stop.results)
    assert 2 * len(scores) <= len(stop.results) or kind == "halving"
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print("interrupted", len(stop.results))
"""


@pytest.mark.parametrize(
    "delay", np.random.default_rng(5).uniform(0, 0.6, 10).round(4).tolist()
)
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("kind", ["search", "halving"])
def test_ctrl_c_at_a_random_moment_of_a_fresh_process(kind, n_jobs, delay):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, kind, str(n_jobs), str(delay)], capture_output=True,
        text=True, timeout=60, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("interrupted")


def test_a_handler_of_the_user_is_asked_and_kept():
    seen = []

    def handler(number, frame):
        seen.append(number)

    def score(model, x, y):
        if len(seen) < 2:
            signal.raise_signal(signal.SIGINT)
        return 1.0

    before = signal.signal(signal.SIGINT, handler)
    try:
        found = many.cross_validate(make, X, Y, 3, score=score, n_jobs=1)
        assert signal.getsignal(signal.SIGINT) is handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert len(found) == 3
    assert seen == [signal.SIGINT] * 2


def test_ctrl_c_on_one_thread_says_which_job_was_cut_short():
    def score(model, job):
        if job["epochs"] == 3:
            signal.raise_signal(signal.SIGINT)

    jobs = [{"model": make, "x": X, "y": Y, "epochs": n} for n in (1, 2, 3, 4)]
    with pytest.raises(many.Interrupted) as caught:
        fit_many(jobs, 1, score=score)
    assert [result.index for result in caught.value.results] == [0, 1]
    assert [result.index for result in caught.value.stopped] == [2]
    assert caught.value.stopped[0].model.predict(X).shape == (24, 1)


def test_what_a_failing_member_leaves_of_the_others():
    def fragile():
        made.append(1)
        if len(made) == 2:
            raise OSError("no model today")
        return make()

    made = []
    found = many.bagging(fragile, X, Y, 4, n_jobs=1, seed=1, raise_errors=False)
    assert [result.ok for result in found.results] == [True, False, True, True]
    assert len(found.models) == 3
    outside = [np.setdiff1d(np.arange(24), found.bags[i]) for i in (0, 2, 3)]
    counts = np.bincount(np.concatenate(outside), minlength=24)
    assert (found.counts == counts).all()
    sums = np.zeros((24, 1))
    for rows, model in zip(outside, found.models, strict=True):
        sums[rows] += model.predict(X[rows])
    known = counts > 0
    assert found.predictions[known] == pytest.approx(sums[known] / counts[known, None])
    made = [1]
    with pytest.raises(OSError, match="no model today"):
        many.bagging(fragile, X, Y, 1, n_jobs=1, raise_errors=False)
