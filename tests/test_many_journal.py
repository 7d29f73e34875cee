"""The journal of jobs: a rerun trains only what is missing, to the same bits."""

import copy
import functools
import json
import logging
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from many_programs import Marked, X, Y, loss_of_rows, make

from fastgd import fit_many, layers, many, utils
from fastgd.errors import DataTypeError, FileError
from fastgd.many.fingerprint import Fingerprints


def marks(folder):
    return len(os.listdir(folder))


@pytest.fixture
def marked(tmp_path):
    (tmp_path / "marks").mkdir()
    return Marked(tmp_path / "marks")


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        assert one.ok and other.ok
        assert (one.index, one.name, one.params, one.seed) == (
            other.index, other.name, other.params, other.seed
        )  # fmt: skip
        assert one.scores == other.scores
        assert one.job == other.job
        assert one.history.history == other.history.history
        if other.model is not None:
            np.testing.assert_array_equal(one.model.parameters, other.model.parameters)


def jobs(model, count=6, **more):
    return [{"model": model, "x": X, "y": Y, "epochs": 1 + i, **more} for i in range(count)]


@pytest.mark.parametrize("keep_models", [True, False])
@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_rerun_takes_what_is_there(tmp_path, marked, n_jobs, keep_models):
    settings = {"seed": 4, "journal": tmp_path / "runs" / "journal", "keep_models": keep_models}
    first = fit_many(jobs(marked, 4), n_jobs, **settings)
    assert marks(marked.folder) == 4
    again = fit_many(jobs(marked), n_jobs, **settings)
    assert marks(marked.folder) == 6  # two are new
    same(again[:4], first)
    same(again, fit_many(jobs(make), 1, seed=4, keep_models=keep_models))
    lines = (tmp_path / "runs" / "journal").read_text().splitlines()
    assert len(lines) == 6
    scores = {line["name"]: line["scores"] for line in map(json.loads, lines)}
    assert scores["0"] == first[0].scores


def test_models_that_were_not_kept_are_trained_again(tmp_path, marked):
    settings = {"seed": 4, "journal": tmp_path / "journal"}
    fit_many(jobs(marked, 3), keep_models=False, **settings)
    kept = fit_many(jobs(marked, 3), **settings)
    assert marks(marked.folder) == 6
    same(kept, fit_many(jobs(make, 3), seed=4))
    assert fit_many(jobs(marked, 3), keep_models=False, **settings).models == []
    assert marks(marked.folder) == 6


CHANGES = {
    "seed": lambda job: job | {"seed": 77},
    "x": lambda job: job | {"x": np.where(np.arange(240)[:, None] == 9, 0, X)},
    "y": lambda job: job | {"y": Y.astype(float)},
    "rows": lambda job: job | {"rows": np.arange(239)},
    "epochs": lambda job: job | {"epochs": 2},
    "model": lambda job: job | {"model": functools.partial(make, 3)},
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES)
def test_a_job_that_changed_is_another(tmp_path, change):
    job = {"model": functools.partial(make, 2), "x": X, "y": Y, "seed": 1}
    changed = CHANGES[change](job)
    fit_many([job], journal=tmp_path / "journal")
    (found,) = fit_many([changed], journal=tmp_path / "journal")
    (expected,) = fit_many([changed])
    assert found.scores == expected.scores
    assert len((tmp_path / "journal").read_text().splitlines()) == 2


def test_jobs_that_fail_are_tried_again(tmp_path):
    flag = tmp_path / "flag"

    def fails_once():
        if not flag.exists():
            flag.touch()
            raise ValueError("not yet")
        return make()

    path, job = tmp_path / "journal", {"model": fails_once, "x": X, "y": Y}
    assert not fit_many([job], journal=path, seed=1)[0].ok
    assert fit_many([job], journal=path, seed=1)[0].ok
    assert len(path.read_text().splitlines()) == 1


def test_cross_validation_and_searches(tmp_path, marked):
    def run(model, **more):
        return many.cross_validate(model, X, Y, 3, predict=True, seed=2, **more)

    found = [run(marked, journal=tmp_path / "a") for _ in range(2)]
    assert marks(marked.folder) == 3
    for one in found:
        np.testing.assert_array_equal(one.predictions, run(make).predictions)
        same(one, run(make))

    def search(**more):
        return many.grid_search(make, {"units": [2, 3]}, X, Y, 2, seed=2, score=loss_of_rows,
                                **more)  # fmt: skip

    first, second, plain = (
        search(journal=tmp_path / "b"),
        search(journal=tmp_path / "b"),
        search(),
    )
    assert [row["mean"] for row in first] == [row["mean"] for row in second]
    assert [row["mean"] for row in second] == [row["mean"] for row in plain]
    assert second.best["parameters"] == plain.best["parameters"]


def test_halving_goes_on_with_the_models_of_the_journal(tmp_path):
    def run(**more):
        sets = many.grid({"units": [2, 3, 4]})
        return many.successive_halving(make, sets, X, Y, 2, factor=2, seed=3, **more)

    plain = run()
    for _ in range(2):
        found = run(journal=tmp_path / "journal")
        assert [row["scores"] for row in found] == [row["scores"] for row in plain]
        size = (tmp_path / "journal").stat().st_size
    assert (tmp_path / "journal").stat().st_size == size


def test_a_line_that_was_cut_off_is_written_again(tmp_path, marked):
    path = tmp_path / "journal"
    fit_many(jobs(marked, 3), 1, journal=path, seed=1)
    text = path.read_text()
    path.write_text(text[:-20])
    same(fit_many(jobs(marked, 3), 1, journal=path, seed=1), fit_many(jobs(make, 3), seed=1))
    assert marks(marked.folder) == 4
    assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == [
        json.loads(line)["key"] for line in text.splitlines()
    ]


def test_a_file_that_is_no_journal_is_refused(tmp_path):
    path = tmp_path / "notes.txt"
    path.write_text("These are notes.\nThey are none of fastgd's.\n")
    with pytest.raises(FileError, match=r"notes.txt: line 1 is no line of a journal"):
        fit_many(jobs(make, 1), journal=path)
    assert path.read_text().startswith("These are notes.")


@pytest.mark.parametrize("text", ['{"rate": 0.1}', "notes", '{"key": 1}\n'])
def test_a_file_of_one_line_is_left_as_it_is(tmp_path, text):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(FileError, match=r"config.json: line 1 is no line of a journal"):
        fit_many(jobs(make, 1), journal=path)
    assert path.read_text() == text


def test_a_journal_that_was_cut_at_its_last_newline(tmp_path, marked):
    path = tmp_path / "journal"
    fit_many(jobs(marked, 2), 1, journal=path, seed=1)
    path.write_text(path.read_text()[:-1])
    for _ in range(2):
        fit_many(jobs(marked, 3), 1, journal=path, seed=1)
    assert marks(marked.folder) == 3
    assert len(path.read_text().splitlines()) == 3


@pytest.mark.parametrize("keep_models", [True, False])
def test_a_step_that_is_a_function_is_kept(tmp_path, marked, keep_models):
    def scaled(x):
        mean = x.mean(axis=0)
        return lambda rows: rows - mean

    settings = {"journal": tmp_path / "journal", "seed": 1, "keep_models": keep_models}
    first, second = (fit_many(jobs(marked, 2, prepare=scaled), **settings) for _ in range(2))
    assert marks(marked.folder) == 2
    same(second, first)
    np.testing.assert_array_equal(second[0].prepare(X), first[0].prepare(X))


def test_replicas_and_bags_are_found_again(tmp_path):
    for turn in range(2):
        utils.set_random_seed(turn)  # the weights of the pattern do not matter
        fit_many(jobs(make().replicate, 3), journal=tmp_path / "a", seed=1)
        many.cross_validate(make(), X, Y, 3, seed=1, journal=tmp_path / "b")
    assert [len((tmp_path / name).read_text().splitlines()) for name in "ab"] == [3, 3]
    for count in (2, 3):
        found = many.bagging(make, X, Y, count, seed=1, journal=tmp_path / "c")
    assert len((tmp_path / "c").read_text().splitlines()) == 3
    plain = many.bagging(make, X, Y, 3, seed=1)
    np.testing.assert_array_equal(found.predictions, plain.predictions)


def test_a_line_says_what_the_job_was(tmp_path):
    job = {"model": make, "x": X, "y": Y, "name": "a", "seed": 3, "params": {"units": 4}}
    (result,) = fit_many([job], journal=tmp_path / "journal")
    line = json.loads((tmp_path / "journal").read_text())
    assert (line["name"], line["seed"], line["params"]) == ("a", 3, {"units": 4})
    assert line["history"]["history"] == result.history.history


def test_a_model_whose_file_is_gone_is_trained_again(tmp_path, marked):
    path = tmp_path / "journal"
    fit_many(jobs(marked, 2), 1, journal=path, seed=1)
    os.remove(next((tmp_path / "journal.files").iterdir()))
    same(fit_many(jobs(marked, 2), 1, journal=path, seed=1), fit_many(jobs(make, 2), seed=1))
    assert marks(marked.folder) == 3


def test_a_model_that_cannot_be_pickled_is_named(tmp_path):
    class Local:
        def fit(self, x, y):
            self.lock = threading.Lock()

    given, path = [{"model": Local, "x": X, "y": Y}], tmp_path / "journal"
    with pytest.raises(DataTypeError, match=r"journal: the result of job '0' cannot be pick"):
        fit_many(given, journal=path)
    assert fit_many(given, journal=path, keep_models=False)[0].ok


PROGRAM = """
import os, signal, sys
import numpy as np
from fastgd import Sequential, fit_many, layers

HIDDEN = 3
x = np.random.default_rng(0).normal(size=(64, 2)).astype("float32")

def make():
    model = Sequential([layers.Dense(HIDDEN, "relu", input_shape=(2,)), layers.Dense(1)])
    model.compile("adam", "mse")
    return model

def killed(result):
    if sys.argv[2] == str(result.index):
        os.kill(os.getpid(), signal.SIGKILL)

jobs = [{"model": make, "x": x, "y": x[:, 0], "epochs": i + 1} for i in range(5)]
results = fit_many(jobs, 1, seed=1, journal=sys.argv[1], on_result=killed)
print([result.model.parameters.tolist() for result in results])
"""


def test_a_run_that_was_killed_goes_on_in_another_process(tmp_path):
    def run(path, kill, hidden=3):
        program = PROGRAM.replace("HIDDEN = 3", f"HIDDEN = {hidden}")
        return subprocess.run(
            [sys.executable, "-c", program, str(path), str(kill)], capture_output=True,
            text=True, timeout=120,
        )  # fmt: skip

    assert run(tmp_path / "a", 2).returncode == -9
    assert len((tmp_path / "a").read_text().splitlines()) == 3
    resumed, whole = run(tmp_path / "a", ""), run(tmp_path / "b", "")
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout == whole.stdout != ""
    assert len((tmp_path / "a").read_text().splitlines()) == 5
    other = run(tmp_path / "a", "", hidden=4)  # what a function refers to counts
    assert other.stdout != whole.stdout


# ------------------------------------------------------------------------------ fingerprints


def closure(number):
    def inner(x, times=2):
        return x * number * times

    return inner


def test_fingerprints_tell_values_apart():
    of = Fingerprints().of
    model = make()
    cycle = []
    cycle.append(cycle)
    values = [
        None, 0, 0.0, False, "0", b"0", (0,), [0], {0}, {"a": 1}, {"a": 2}, {"b": 1},
        closure(1), closure(2), closure, functools.partial(closure, 1),
        functools.partial(closure, number=1),
        np.arange(3), np.arange(3.0), np.arange(3)[None], np.array([None, 1]), np.sin, np.cos,
        model, model.replicate, make(), make, len, np.float32(1), np.float64(1), cycle, Marked,
        Marked("a"), Marked("b"), X, X[:239], np.dtype("f4"), np.dtype("f8"), int, float,
    ]  # fmt: skip
    assert len({of(value) for value in values}) == len(values)


def minus(a, b):
    return a - b


def test_fingerprints_tell_code_apart(tmp_path, monkeypatch):
    helper = tmp_path / "helper_of_a_user.py"
    monkeypatch.syspath_prepend(tmp_path)
    helper.write_text("def width():\n    return 3\n")
    import helper_of_a_user

    def calls():
        return helper_of_a_user.width()

    first = Fingerprints().of(calls)
    helper.write_text("def width():\n    return 4\n")
    assert Fingerprints().of(calls) != first
    logger = logging.getLogger("fastgd.tests")
    kinds = []
    for source in (
        "class Kind:\n    def __call__(self): return 1",
        "class Kind:\n    def __call__(self): return 2",
        "class Kind:\n    number = 1\n    def __call__(self): return self.number",
        "class Kind:\n    number = 2\n    def __call__(self): return self.number",
        "class Kind:\n    number = staticmethod(lambda: 1)",
        "class Kind:\n    number = property(lambda self: 1)",
        "class Kind:\n    __slots__ = ('a',)",
    ):
        scope = {"__name__": "__main__"}
        exec(source, scope)
        kinds += [scope["Kind"], scope["Kind"]()]
    slotted = kinds[-1]
    slotted.a = 1
    other = copy.copy(slotted)
    other.a = 2
    masked = np.ma.array([1.0, 2.0], mask=[False, True])
    values = [
        *kinds, other, masked, masked.filled(0), logger, minus, lambda b, a: a - b,
        lambda *a: a, lambda a: a, [].append, [1].append, np.zeros(2, "f4,f4"),
        np.zeros(2, [("a", "f4"), ("b", "f4")]), layers.Dense(2), layers.Dense(3),
        np.random.default_rng(0), np.random.default_rng(1),
    ]  # fmt: skip
    assert len({Fingerprints().of(value) for value in values}) == len(values)


HELPERS = {
    "a dataclass": """
import dataclasses

@dataclasses.dataclass
class Make:
    width: int = 1

    def __call__(self):
        return VALUE

make = Make()
""",
    "an import within": "def make():\n    from second_of_a_user import V\n    return V",
    "a module's module": "import second_of_a_user\n\ndef make():\n    return helper()\n\n"
    "def helper():\n    return second_of_a_user.V",
    "a decorator": "import contextlib\n\n@contextlib.contextmanager\n"
    "def make():\n    yield VALUE",
    "a cache": "import functools\n\n@functools.lru_cache\n"
    "def make():\n    return VALUE",
    "an attribute": "def make():\n    return make.number\n\nmake.number = VALUE",
    "a metaclass": "class Meta(type):\n    def __call__(cls):\n        return VALUE\n\n"
    "class make(metaclass=Meta):\n    pass",
    "a name": "import collections\n\nclass make(collections.namedtuple('P', 'a')):\n"
    "    def width(self):\n        return VALUE",
}  # fmt: skip


@pytest.mark.parametrize("kind", HELPERS)
def test_fingerprints_follow_what_code_refers_to(tmp_path, kind):
    (tmp_path / "first_of_a_user.py").write_text(
        "import second_of_a_user\n\ndef f():\n    return second_of_a_user.V\n"
    )
    program = HELPERS[kind] + "\nfrom fastgd.many.fingerprint import Fingerprints\n"
    program += "import first_of_a_user\n\ndef through():\n    return first_of_a_user.f()\n"
    program += "print(Fingerprints().of(make), Fingerprints().of(through))\n"

    def prints(value):
        (tmp_path / "second_of_a_user.py").write_text(f"V = {value}\n")
        (tmp_path / "program.py").write_text(program.replace("VALUE", str(value)))
        paths = [str(tmp_path), os.environ.get("PYTHONPATH", "")]
        variables = {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, str(tmp_path / "program.py")], capture_output=True, text=True,
            timeout=60, env=os.environ | variables,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout.split()

    first, again, other = prints(11), prints(11), prints(22)
    assert first == again
    assert all(one != two for one, two in zip(first, other, strict=True))


def test_many_functions_that_call_each_other_take_no_time():
    scope = {"__name__": "__main__", "f0": minus}
    for i in range(1, 60):
        exec(f"def f{i}(): return f{i - 1}(), f{max(i - 2, 0)}()", scope)
    assert len(Fingerprints().of(scope["f59"])) == 64


def test_equal_values_have_equal_fingerprints():
    for value, other in (
        (X, X.copy()), ({"a": 1, "b": 2}, {"b": 2, "a": 1}), (closure(1), closure(1)),
        (Marked("a"), Marked("a")), (X[::2], X[::2].copy()), (np.arange(9), np.arange(9)),
    ):  # fmt: skip
        assert Fingerprints().of(value) == Fingerprints().of(other)


def test_what_has_no_fingerprint_is_refused():
    with pytest.raises(DataTypeError, match="no digest can be made of <generator"):
        Fingerprints().of(i for i in range(3))
