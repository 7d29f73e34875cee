"""The same bits with the kernels that OpenBLAS and NumPy have for other CPUs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("sklearn")

ROOT = Path(__file__).parents[1]
#: The kernels of OpenBLAS that differ, oldest first, and the instructions that they need.
CORES = {"Prescott": "pni", "Haswell": "avx2", "Zen": "avx2", "SkylakeX": "avx512vl"}


def hashes(**environment):
    """Return the hashes that a fresh process finds."""
    env = os.environ | environment
    command = [sys.executable, "-m", "tests.result_hashes"]
    run = subprocess.run(
        command, env=env, cwd=ROOT, capture_output=True, text=True, timeout=600
    )
    assert run.returncode == 0, run.stderr
    return json.loads(run.stdout)


@pytest.fixture(scope="module")
def usual(request):
    if not request.config.getoption("--grid"):
        pytest.skip("it takes a minute: make test-all runs it")
    return hashes()


def differences(found, expected):
    assert found.keys() == expected.keys()
    return [name for name in found if found[name] != expected[name]]


def has(instructions):
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return instructions in words


def test_another_run_has_the_same_bits(usual):
    assert differences(hashes(), usual) == []


@pytest.mark.parametrize("core", CORES)
def test_kernels_of_openblas_change_no_bit(usual, core):
    if not has(CORES[core]):
        pytest.skip(f"this CPU cannot run OpenBLAS's kernels for {core}, or does not say")
    found = differences(hashes(OPENBLAS_CORETYPE=core), usual)
    assert [name for name in found if not name.startswith("control")] == []


def test_instructions_of_numpy_change_no_bit(usual):
    numpy = np._core._multiarray_umath
    enabled = numpy.__cpu_features__
    dispatched = [name for name in numpy.__cpu_dispatch__ if enabled.get(name)]
    if not dispatched:
        pytest.skip("NumPy has no code for more than its baseline here")
    found = differences(hashes(NPY_DISABLE_CPU_FEATURES=" ".join(dispatched)), usual)
    assert [name for name in found if not name.startswith("control")] == []


def test_other_kernels_are_in_use_at_all(usual):
    """A product of BLAS changes with the kernel, so the tests above can fail."""
    cores = [core for core, needed in CORES.items() if has(needed)]
    if len(cores) < 2 or "openblas" not in str(np.show_config("dicts")).lower():
        pytest.skip("NumPy's products do not come from OpenBLAS, or this CPU runs one kernel")
    changed = set()
    for core in cores:
        changed.update(differences(hashes(OPENBLAS_CORETYPE=core), usual))
    assert any(name.startswith("control") for name in changed)
