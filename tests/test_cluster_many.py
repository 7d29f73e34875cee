"""Jobs on engines that exist: loky, joblib, Dask and MPI, also when a worker is killed."""

import contextlib
import functools
import hashlib
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from cluster_programs import environment, need_ranks, run
from many_programs import Killed, Marked, X, Y, make
from test_many_executors import RUNS, same_on_top

from fastgd import fit_many, utils

COUNT = 200

PROGRAM = """
from concurrent.futures import ProcessPoolExecutor
from test_cluster_many import digest_of, jobs
{imports}
from fastgd import fit_many

if __name__ == "__main__":
    with {pool} as pool:
        print(digest_of(fit_many(jobs(), seed=16, executor=pool)))
"""


def jobs(count=COUNT):
    """Make jobs of all kinds: of replicas, of functions, with rows that they share."""
    pattern, halves = make(), [np.arange(120), np.arange(120, 240)]
    for i in range(count):
        job = {
            "model": pattern.replicate if i % 3 else make,
            "x": X,
            "y": Y,
            "epochs": 1 + i % 5,
        }
        yield job | ({"rows": halves[i % 2]} if i % 4 else {})


def digest_of(results):
    """Return the SHA-256 of the weights and values of all jobs."""
    found = hashlib.sha256()
    for result in results:
        assert result.ok, result.error
        found.update(result.model.parameters.tobytes())
        found.update(repr((result.index, result.scores, result.history.history)).encode())
    return found.hexdigest()


@functools.cache
def expected():
    """Return the digest of the jobs on one thread."""
    return digest_of(fit_many(jobs(), 1, seed=16))


@contextlib.contextmanager
def dask(kind):
    """Give a Dask client, or the executor of one, for two processes."""
    distributed = pytest.importorskip("distributed")
    settings = {"dashboard_address": None, "threads_per_worker": 1, "silence_logs": 50}
    with (
        distributed.LocalCluster(2, **settings) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client if kind == "client" else client.get_executor()


@contextlib.contextmanager
def loky(kind=None):
    yield pytest.importorskip("loky").get_reusable_executor


@contextlib.contextmanager
def joblib(kind):
    """Let joblib run on its own processes, or on a Dask cluster."""
    chosen = pytest.importorskip("joblib").parallel_config
    with contextlib.ExitStack() as stack:
        if kind == "dask":
            stack.enter_context(dask("client"))
        stack.enter_context(chosen(kind))
        yield "joblib"


ENGINES = {
    "loky": loky,
    "dask client": functools.partial(dask, "client"),
    "dask executor": functools.partial(dask, "executor"),
    "joblib on loky": functools.partial(joblib, "loky"),
    "joblib on threads": functools.partial(joblib, "threading"),
    "joblib on dask": functools.partial(joblib, "dask"),
}
pytestmark = pytest.mark.filterwarnings("ignore")  # of the libraries themselves


@pytest.mark.parametrize("engine", ENGINES)
def test_bits_are_those_of_one_thread(engine):
    with ENGINES[engine]() as executor:
        assert digest_of(fit_many(jobs(), 2, seed=16, executor=executor)) == expected()


def test_two_threads_have_the_same_bits():
    assert digest_of(fit_many(jobs(), 2, seed=16)) == expected()


@pytest.mark.parametrize("ranks", [2, 3])
def test_mpi_has_the_same_bits(tmp_path, ranks, request):
    need_ranks(request)
    program = tmp_path / "program.py"
    imports = "from mpi4py.futures import MPIPoolExecutor"
    program.write_text(PROGRAM.format(imports=imports, pool="MPIPoolExecutor()"))
    _, output, errors = run(ranks, program, module="mpi4py.futures")
    assert output.split() == [expected()], errors


def test_what_is_on_top_runs_on_a_dask_client():
    with ENGINES["dask client"]() as executor:
        for name, run_it in RUNS.items():
            for turn in range(2):  # again, for workers keep data
                utils.set_random_seed(turn)
                expected = run_it(n_jobs=2)
                utils.set_random_seed(turn)
                found = run_it(n_jobs=2, executor=executor)
                same_on_top(name, found, expected)


def test_a_dask_worker_tells_runs_and_data_apart():
    rows = [np.sort(np.random.default_rng(i).permutation(2000)[:600]) for i in range(150)]
    x = np.random.default_rng(0).normal(size=(2000, 6)).astype("float32")
    with ENGINES["dask client"]() as executor:
        for turn in range(6):
            given = [
                {"model": make, "x": x + turn, "y": x[:, 0], "rows": r, "epochs": 1}
                for r in (rows if turn == 0 else rows[:3])
            ]
            found = fit_many(given, 2, seed=2, executor=executor)
            assert digest_of(found) == digest_of(fit_many(given, 2, seed=2))


@pytest.mark.parametrize("engine", ["loky", "dask client", "joblib on loky"])
def test_a_worker_that_is_killed_costs_a_retry(engine, tmp_path):
    kill = Killed(tmp_path / "flag", os.getpid())
    given = list(jobs(40))
    damaged = [job | {"model": kill} if i == 17 else job for i, job in enumerate(given)]
    given[17]["model"] = make
    with ENGINES[engine]() as executor:
        found = fit_many(damaged, 2, seed=2, executor=executor)
    assert (tmp_path / "flag").exists()
    assert digest_of(found) == digest_of(fit_many(given, 1, seed=2))


def test_a_journal_of_dask_is_one_of_threads(tmp_path):
    (tmp_path / "marks").mkdir()
    marked, path = Marked(tmp_path / "marks"), tmp_path / "journal"
    given = [{"model": marked, "x": X, "y": Y, "epochs": 1 + i} for i in range(9)]
    with ENGINES["dask client"]() as executor:
        fit_many(given[:5], 2, seed=2, executor=executor, journal=path)
        found = fit_many(given, 2, seed=2, executor=executor, journal=path)
    assert len(os.listdir(tmp_path / "marks")) == 9
    assert digest_of(found) == digest_of(fit_many(given, 1, seed=2))
    assert digest_of(fit_many(given, 1, seed=2, journal=path)) == digest_of(found)
    assert len(os.listdir(tmp_path / "marks")) == 18  # nine for the one without the journal


CTRL_C = """
import multiprocessing, os, signal, sys
from concurrent.futures import ProcessPoolExecutor
from many_programs import X, Y, make
from fastgd import fit_many, many

if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)
    pool = ProcessPoolExecutor(2, multiprocessing.get_context("spawn"))
    long = [{"model": make, "x": X, "y": Y, "epochs": 1} for _ in range(2)]
    long += [{"model": make, "x": X, "y": Y, "epochs": 10_000_000} for _ in range(4)]
    def report(result):
        print("done", flush=True)
    try:
        fit_many(long, 2, executor=pool, on_result=report)
    except many.Interrupted as stop:
        print("interrupted", [result.ok for result in stop.results], flush=True)
    pool.shutdown()  # the workers have ended their jobs, or this would take for ever
    print("over", flush=True)
"""


def test_ctrl_c_ends_the_jobs_of_workers(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(CTRL_C)
    process = subprocess.Popen(
        [sys.executable, program], stdout=subprocess.PIPE, text=True, env=environment()
    )
    try:
        assert [process.stdout.readline() for _ in range(2)] == ["done\n", "done\n"]
        time.sleep(0.5)
        process.send_signal(signal.SIGINT)
        rest, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert rest.splitlines() == ["interrupted [True, True]", "over"]
