"""python -m fastgd bench: every side computes the same, and one that does not is refused."""

import dataclasses
import importlib
import importlib.util
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

from fastgd import config
from fastgd._core import cpu
from fastgd.bench import frameworks, measure, picture, table, threads
from fastgd.bench.frameworks import FRAMEWORKS, OURS
from fastgd.bench.measure import THREADED, DifferenceError, difference, measured
from fastgd.bench.process import Runner, Worker, WorkerError
from fastgd.bench.workloads import WORKLOADS, Prediction, Starting, Training, full_grid
from fastgd.errors import DataTypeError, ShapeError

ALL = frameworks.find()
LABELS = {name: framework.label for name, framework in ALL.items()}
TINY = Training((3, 4, 1), 4, 10, "float32")


def called(*arguments):
    command = [sys.executable, "-m", "fastgd", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def run(*arguments):
    return called("bench", *arguments)


def runners(*names):
    return {name: Runner(ALL[name], "process_time") for name in names}


# ---------------------------------------------------------------- the commands


def test_help_says_what_there_is():
    done = called("--help")
    assert done.returncode == 0
    for command, words in (("info", "version"), ("bench", "NumPy")):
        assert re.search(rf"^ +{command} +.*{words}", done.stdout, re.MULTILINE)
        assert called(command, "--help").returncode == 0
    assert called("--version").stdout == f"fastgd {config.__version__}\n"


def test_info_is_that_of_show_config(capsys):
    config.show_config()
    done = called("info")
    assert done.returncode == 0
    assert done.stdout == capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["benhc"], [], ["info", "more"]])
def test_a_wrong_word_ends_with_2(arguments):
    done = called(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    wrong = arguments[-1] if arguments else "required: COMMAND"
    assert wrong in done.stderr
    if arguments == ["benhc"]:
        assert re.search("choose from '?info'?, '?bench'?", done.stderr)


def test_the_command_gives_json():
    done = run("--json", "--peers=numpy,numpy-tuned", "-k=batch 1 of 1000,", "--seconds=0",
               "--rounds=1")  # fmt: skip
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["machine"]["threads"] == 1
    assert figures["machine"]["peers"] == {}
    assert [line["workload"].split()[-1] for line in figures["results"]] == [
        "float32",
        "float64",
    ]
    for line in figures["results"]:
        assert list(line["us"]) == [OURS, "numpy", "numpy-tuned"]
        assert line["problems"] == {}
        assert line["ratio"]["numpy"] == line["us"]["numpy"] / line["us"][OURS]
        assert 0 < line["share"]["multiply_adds"] < 1
        # the reference may do just what the side in NumPy does
        least = -1 if config.engine() == "reference" else 0
        assert least < line["apart"]["numpy"] < 1e-4


def test_the_command_lists_workloads_and_knows_its_peers():
    assert run("--list", "-k=gradient_descent, 4 x 2").stdout.startswith("gradient_descent, 4")
    refused = run("--peers=numpi")
    assert refused.returncode == 2
    assert "unknown: numpi" in refused.stderr


def test_without_the_adapters_the_command_says_how_to_get_them(tmp_path):
    assert frameworks.find(tmp_path) is FRAMEWORKS
    arguments = f"--frameworks={tmp_path}", "--json", "-k=no such workload"
    done = run(*arguments)
    assert done.returncode == 0
    assert done.stderr.count("\n") == 1
    assert "the folder benchmarks of fastgd's repository" in done.stderr
    for option, word in (("--peers=torch", "unknown: torch"), ("--goals", "--goals")):
        refused = run(*arguments, option)
        assert refused.returncode == 2
        assert word in refused.stderr
        assert "the folder benchmarks of fastgd's repository" in refused.stderr


def test_the_wheel_measures_fastgd_and_numpy():
    assert list(FRAMEWORKS) == [OURS, "numpy", "numpy-tuned"]
    assert all(framework.needs == () for framework in FRAMEWORKS.values())
    peers = {"sklearn", "torch", "jax", "keras-tensorflow", "onnxruntime"}
    assert peers < set(ALL) - set(FRAMEWORKS)


def test_import_of_fastgd_leaves_the_benchmarks_out():
    code = "import fastgd, sys; print([m for m in sys.modules if m.startswith('fastgd.bench')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


# ---------------------------------------------------------------- sides


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("last", ["mse", "binary", "classes"])
def test_numpy_trains_as_fastgd_does(last, optimizer, dtype):
    widths = (3, 5, 4, 3 if last == "classes" else 1)
    workload = Training(widths, 7, 40, dtype, optimizer, binary=last == "binary")
    start = workload.weights()
    expected = ALL[OURS].side(workload).result()
    assert all((a != b).any() for a, b in zip(start, expected, strict=True))
    for name in ("numpy", "numpy-tuned"):
        side = ALL[name].side(workload)
        for _ in range(2):  # the second time from the start, too
            difference(side.result(), expected, measure.TOLERANCE[dtype])
            side.restart()
            side.run()


@pytest.mark.parametrize("name", [n for n, framework in ALL.items() if framework.needs])
def test_a_peer_computes_what_fastgd_does(name):
    if not ALL[name].installed():
        pytest.skip(f"{name} is not installed")
    both = runners(OURS)
    worker = both[name] = Worker(ALL[name], "process_time", cores=1, threads=1)
    try:
        lines = [
            measured(workload, both, seconds=0, rounds=1)
            for workload in (
                TINY,
                Training((3, 4, 3), 4, 10, "float64", "sgd"),
                Training((3, 1), 1, 8, "float32", "sgd", binary=True),
                Prediction((3, 4, 4, 1), "float32", calls=1, rows=2),
            )
        ]
    finally:
        worker.close()
    assert [line["problems"] for line in lines] == [{}] * 4
    assert any(name in line["us"] for line in lines)


def test_a_side_with_other_mathematics_is_refused():
    class Wrong(Runner):
        def prepare(self, workload):
            return super().prepare(dataclasses.replace(workload, optimizer="sgd"))

    both = runners(OURS) | {"numpy": Wrong(ALL["numpy"], "process_time")}
    line = measured(TINY, both, seconds=0, rounds=1)
    assert list(line["us"]) == [OURS]
    assert "apart, expected 0.0001 at most" in line["problems"]["numpy"]
    assert next(table.problems([line], LABELS)).startswith("failed: 3-4-1, adam")


@pytest.mark.parametrize(
    "wrong",
    [[], [np.ones(3)], [np.ones(2, np.float32)], [np.array([1, np.nan])], [np.zeros(2)]],
)
def test_results_that_differ_are_refused(wrong):
    assert difference([np.array([1, 1 + 1e-6])], [np.ones(2)], 1e-5) == pytest.approx(1e-6)
    with pytest.raises(DifferenceError):
        difference(wrong, [np.ones(2)], 1e-5)


def test_a_side_that_fails_is_reported_and_the_others_go_on():
    class Broken(Runner):
        def least(self, seconds):
            raise WorkerError("out of order")

    both = runners(OURS, "numpy") | {"numpy-tuned": Broken(ALL["numpy-tuned"], "process_time")}
    line = measured(TINY, both, seconds=0, rounds=2)
    assert line["problems"] == {"numpy-tuned": "out of order"}
    assert set(line["us"]) == {OURS, "numpy"}


def test_a_first_fit_happens_in_a_fresh_process():
    line = measured(Starting("first fit", TINY), runners(OURS, "numpy"), seconds=0, rounds=1)
    assert line["problems"] == {}
    assert line["us"]["numpy"] > 1  # a µs: more than starting to look at the clock


# ---------------------------------------------------------------- processes


def test_a_worker_is_held_to_its_threads_and_cores():
    code = (
        "import os, sys; from fastgd.bench import threads; threads.hold_cores(1);"
        "print(threads.held(), len(os.sched_getaffinity(0)) if sys.platform == 'linux' else 1)"
    )
    environment = os.environ | threads.environment(1)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment)
    assert done.stdout.split() == [b"1", b"1"]


def test_a_worker_answers_or_says_why_not():
    worker = Worker(ALL["numpy"], "process_time", cores=1, threads=1)
    try:
        with pytest.raises(WorkerError, match="AttributeError"):
            worker.result()  # nothing was prepared
        assert worker.prepare(TINY) == 3
        assert len(worker.result()) == 4
        worker.process.kill()
        with pytest.raises(WorkerError, match="ended with status -9"):
            worker.result()
    finally:
        worker.close()


# ---------------------------------------------------------------- peaks


@pytest.mark.parametrize("build", cpu.supported())
def test_the_peaks_do_what_they_count(build):
    module = importlib.import_module(f"fastgd._core.kernels_{build}")
    counts = [module.multiply_adds(n, "float32") for n in (1, 1000)]
    assert counts[1] == 1000 * counts[0] == 2000 * module.multiply_adds(1, "float64")
    words = np.arange(1000, dtype=np.int64)
    read, checksum = module.read_through(words, 3)
    assert 0 <= words.nbytes - read / 3 < 256
    assert checksum == 3 * words[: read // 24].sum()
    with pytest.raises(DataTypeError, match="int8"):
        module.multiply_adds(1, "int8")
    with pytest.raises(ShapeError, match="contiguous"):
        module.read_through(words[::2], 1)


# ---------------------------------------------------------------- figures


def test_workloads_have_names_of_their_own():
    names = [str(workload) for workload in full_grid()]
    assert len(set(names)) == len(names) > len(WORKLOADS) + 100


def test_the_work_in_a_step_is_counted():
    # forward 2 x 3 + 3 x 1, the weights' gradients as many, the hidden layer's gradient 3
    assert Training((2, 3, 1), 5, 5, "float32").multiply_adds == 5 * (9 + 9 + 3)
    assert Training((2, 3, 1), 5, 5, "float32", "sgd").resident == 13 * 4
    assert Training((2, 3, 1), 5, 5, "float64").traffic == 2 * 3 * 13 * 8
    assert Prediction((2, 3, 4, 1), "float32", rows=10).multiply_adds == 10 * (6 + 12 + 4)


def test_goals_are_compared_with_what_was_measured(monkeypatch):
    goals = frameworks.adapters().goals
    assert set(goals.GOALS) < {str(workload) for workload in WORKLOADS}
    monkeypatch.setitem(goals.GOALS, str(TINY), {"numpy": 1e-9, "best": 1e9, "torch": 2})
    line = measured(TINY, runners(OURS, "numpy"), seconds=0, rounds=1)
    line["goals"] = goals.compared(line)
    assert [goal["goal"] for goal in line["goals"]] == ["numpy", "best"]  # there is no torch
    first, second = goals.verdicts([line], LABELS)
    assert first.startswith("reached: 3-4-1, adam, batch 4 of 10, float32, NumPy by hand: ")
    assert second.startswith("MISSED: ")


def test_the_table_in_figures():
    us = {OURS: 2.0, THREADED: 1.0, "numpy": 30.0}
    line = {"workload": "w", "unit": "step", "us": us, "ratio": {"numpy": 30.0}}
    line |= {"problems": {"torch": "no"}, "share": {"multiply_adds": 0.2, "read": 0.5}}
    labels = {name: LABELS[name] for name in (OURS, "numpy", "torch", "jax")}
    assert table.row(line, labels, 2) == (
        "| w (step) | 2 µs | 1 µs (2x) | 50 % read | 30 µs (30x) | failed |  |"
    )
    heads = next(table.columns(labels, 2))
    assert heads.count("|") == table.row(line, labels, 2).count("|")


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (0.0321, "32.1 ns"),
        (1.234, "1.23 µs"),
        (999.9, "1000 µs"),
        (1e6, "1 s"),
        (2.5e9, "2500 s"),
    ],
)
def test_durations(us, text):
    assert table.duration(us) == text


@pytest.mark.skipif(importlib.util.find_spec("matplotlib") is None, reason="no matplotlib")
def test_the_picture(tmp_path):
    where = table.machine([ALL[OURS]], 1)
    lines = [{"workload": f"w{i}", "ratio": {"numpy": 2.0 + i}} for i in range(3)]
    picture.save(tmp_path / "ratios.png", where["cpu"], LABELS, lines)
    assert (tmp_path / "ratios.png").read_bytes().startswith(b"\x89PNG")
