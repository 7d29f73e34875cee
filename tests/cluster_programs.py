"""Run programs on ranks of MPI; say visibly where they cannot be run."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
MPIEXEC = shutil.which("mpiexec", path=os.path.dirname(sys.executable))


def need_ranks(request):
    """Skip a test without mpi4py and mpiexec, and outside of the whole grid."""
    pytest.importorskip("mpi4py")
    if MPIEXEC is None:
        pytest.skip("there is no mpiexec beside Python: pip install fastgd[test-cluster]")
    if not request.config.getoption("--grid"):
        pytest.skip("it starts many processes: make test-all runs it")


def environment():
    """Return the variables for a program that imports what the tests import."""
    return os.environ | {"PYTHONPATH": os.pathsep.join([str(TESTS.parent), str(TESTS)])}


def start(size, *arguments, module="mpi4py"):
    """Start ``python -m module`` with arguments on so many ranks; return the process."""
    command = [sys.executable, "-m", module, *map(str, arguments)]
    return subprocess.Popen(
        [MPIEXEC, "-n", str(size), *command], env=environment(), text=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def run(size, *arguments, module="mpi4py"):
    """Return (exit code, output, errors) of such a process, once it has ended."""
    process = start(size, *arguments, module=module)
    try:
        output, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    return process.returncode, output, errors
