"""Linear models over MPI: processes that mpiexec starts, and what happens when one is lost."""

import json
import os
import signal
import time

import numpy as np
import pytest
from cluster_programs import need_ranks, run, start
from test_linear_ranks import FITS, chunked, fit, table

from fastgd import gradient_descent
from fastgd._engine.ranks import digest

#: What every program begins with.
START = """
import json, os, sys, time
import numpy as np
from mpi4py import MPI
from test_linear_ranks import FITS, chunked, fit, table
from fastgd import config, gradient_descent
from fastgd._engine.ranks import Ranks, digest
from fastgd.errors import RankError
comm = MPI.COMM_WORLD

def say(found):
    everyone = Ranks(comm).gather_bytes(json.dumps(found).encode())
    if comm.rank == 0:
        print(json.dumps([json.loads(one) for one in everyone]), flush=True)
"""

#: All fits and descents.
FIT_ALL = """
from test_cluster_linear import descents
found = {}
for name in FITS:
    data = table(name)
    found[name] = [fit(name, chunked(data), comm), fit(name, data, comm)]
say(found | descents(comm))
"""

#: A call that differs on rank 1.
DIFFER = """
what, data = sys.argv[1], table("Newton")
if comm.rank == 1 and what == "version":
    config.__version__ = "0.0.9"
if comm.rank == 1 and what == "data":
    data = (data[0], data[1][::-1], *data[2:])
comm.Barrier()
begun = time.monotonic()
try:
    fit("Newton", chunked(data), comm)
    say("no error")
except RankError as error:
    say([str(error), time.monotonic() - begun])
"""

#: Fits until it is killed; rank 1 says its process at the first.
FOR_EVER = """
if comm.rank == 1:
    print(os.getpid(), flush=True)
while True:
    fit("Newton", chunked(table("Newton")), comm)
"""


def descents(comm=None):
    """Digests of gradient_descent, by method and data type."""
    rng = np.random.default_rng(3)
    x, y, found = rng.normal(size=(5000, 6)), rng.normal(size=(5000, 2)), {}
    for dtype in ("float32", "float64"):
        for method in ("direct", "gram"):
            data = x.astype(dtype), y.astype(dtype), np.zeros((6, 2))
            theta = gradient_descent(*data, 1e-4, 30, method, comm=comm)
            found[f"{method} {dtype}"] = digest(theta)
    return found


@pytest.fixture(autouse=True)
def _ranks(request):
    need_ranks(request)


def said(size, program, *arguments):
    """Return what the ranks of a program say, by rank."""
    _, output, errors = run(size, "-c", START + program, *arguments)
    assert output, errors
    return json.loads(output)


@pytest.fixture(scope="module")
def expected():
    """Fit in one process; return what JSON makes of the results."""
    found = {}
    for name in FITS:
        data = table(name)
        found[name] = [fit(name, chunked(data)), fit(name, data)]
    return json.loads(json.dumps(found | descents()))


@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_ranks_find_the_bits_of_one_process(size, expected):
    assert said(size, FIT_ALL) == [expected] * size


@pytest.mark.parametrize(
    ("what", "name"), [("version", "the version of fastgd"), ("data", "the data")]
)
@pytest.mark.parametrize("size", [2, 3])
def test_a_rank_that_differs_is_named_on_all(what, name, size):
    for message, seconds in said(size, DIFFER, what):
        assert f"of {size} has another value of {name}" in message
        assert seconds < 5


def test_a_killed_rank_ends_all_and_a_restart_finds_the_same(expected):
    with start(3, "-c", START + FOR_EVER) as running:
        process = int(running.stdout.readline())
        time.sleep(1)  # in the middle of a fit
        os.kill(process, signal.SIGKILL)
        try:
            assert running.wait(timeout=5) != 0
        finally:
            running.kill()
    again = said(2, 'say(fit("Newton", chunked(table("Newton")), comm))')
    assert again == [expected["Newton"][0]] * 2


def test_an_error_of_one_rank_ends_all():
    program = 'if comm.rank == 1: raise ValueError("gone")\nfit("Newton", [], comm)'
    code, _, errors = run(3, "-c", START + program)
    assert code != 0
    assert "gone" in errors
