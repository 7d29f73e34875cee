"""Find what the tests of clusters need: libraries, and the program mpiexec."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent


def mpiexec():
    """Return the path of mpiexec; skip the test without it, or without mpi4py."""
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).parent / "mpiexec"
    found = str(beside) if beside.exists() else shutil.which("mpiexec")
    if found is None:
        pytest.skip("mpiexec is not installed: pip install fastgd[test-cluster]")
    return found


def environment():
    """Return the variables for a program that imports what the tests import."""
    paths = [str(TESTS), str(TESTS.parent), os.environ.get("PYTHONPATH", "")]
    return os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"}


def run(command, seconds=120):
    """Return the finished process of a command."""
    return subprocess.run(
        command, capture_output=True, text=True, timeout=seconds, env=environment()
    )
