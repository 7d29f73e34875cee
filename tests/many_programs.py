"""Models, jobs and functions for workers, which import this file."""

import os
import signal
import tempfile
from concurrent.futures import BrokenExecutor, Executor, Future

import numpy as np

from fastgd import Sequential, layers

RNG = np.random.default_rng(16)
X = RNG.normal(size=(240, 6)).astype("float32")
Y = (X[:, 0] - 0.5 * X[:, 1] ** 2).astype("float32")


def make(units=4, rate=None):
    model = Sequential([layers.Dense(units, "relu", input_shape=(6,)), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"])
    return model


def dropping():
    model = Sequential([layers.Dropout(0.3, input_shape=(6,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def score(model, job):
    return {"sum": float(model.predict(job["x"]).sum())}


def loss_of_rows(model, x, y):
    return float(np.abs(model.predict(x)[:, 0] - y).mean())


class Killed:
    """Make a model; the first time, and in no other process than a worker, end the process."""

    def __init__(self, flag, parent):
        self.flag, self.parent = str(flag), parent

    def __call__(self):
        if os.getpid() != self.parent and not os.path.exists(self.flag):
            with open(self.flag, "w"):
                pass
            os.kill(os.getpid(), signal.SIGKILL)
        return make()


class Marked:
    """Make a model, and leave a mark for each that was made."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self):
        with tempfile.NamedTemporaryFile(dir=self.folder, delete=False):
            return make()


class Inline(Executor):
    """Run what is submitted at once, in this thread."""

    def submit(self, function, *arguments):
        future = Future()
        try:
            future.set_result(function(*arguments))
        except BaseException as error:
            future.set_exception(error)
        return future


class Breaking(Inline):
    """Break once at the call of some number, as a pool does whose worker dies."""

    def __init__(self, at):
        self.at, self.calls, self.broken = at, 0, False

    def submit(self, function, *arguments):
        if self.broken:
            raise BrokenExecutor("the pool is broken")
        self.calls += 1
        if self.calls == self.at:
            self.broken = True
            future = Future()
            future.set_exception(BrokenExecutor("a worker died"))
            return future
        return super().submit(function, *arguments)


class Remade:
    """Make one executor after the other, as a function does that makes a broken pool anew."""

    def __init__(self, *executors):
        self._executors, self.made = executors, 0

    def __call__(self):
        self.made += 1
        return self._executors[self.made - 1]


class Deadly(Inline):
    """Break whenever a job named "deadly" is sent, and with all that is sent behind it."""

    def __init__(self):
        self.broken = False

    def submit(self, function, content, attached):
        if self.broken:
            raise BrokenExecutor("the pool is broken")
        if b"deadly" in content:
            self.broken = True
            future = Future()
            future.set_exception(BrokenExecutor("a worker died"))
            return future
        return super().submit(function, content, attached)
