"""A few seconds of the fuzzer; ``make fuzz`` runs it for longer."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("sklearn")
pytest.importorskip("resource")

from fuzz import runner


def test_no_file_with_a_right_checksum_does_any_harm():
    assert list(runner.failures("files", range(250))) == []


def test_no_call_does_any_harm():
    assert list(runner.failures("calls", range(250))) == []


HARM = """
import time, os, sys
import numpy as np
from fuzz import runner

def case(number):
    if number == 1:
        os._exit(3)
    elif number == 2:
        while True:
            pass
    elif number == 3:
        raise runner.Failure("wrong")
    elif number == 4:
        raise KeyError("unexpected")
    elif number == 5:
        np.zeros(runner.MEMORY, "u1")
"""


def test_every_kind_of_harm_is_seen(tmp_path, monkeypatch):
    """A crash, a hang, a failure, an error of the fuzzer itself, and too much memory."""
    (tmp_path / "fuzz_harm.py").write_text(HARM)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(runner, "COMPUTING", 1)
    found = list(runner.failures("fuzz_harm", range(7)))
    kinds = [line.split(": ")[:2] for line in found]
    assert [where for where, _ in kinds] == [f"fuzz_harm {n}" for n in range(1, 6)]
    assert kinds[0][1] == "a crash, 3" and kinds[1][1] == "a hang" and kinds[2][1] == "wrong"
    assert "unexpected" in found[3] and "MemoryError" in found[4]


def test_a_case_is_repeated_by_its_number():
    command = [sys.executable, str(runner.FOLDER), "calls", "--case", "0"]
    path = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert done.returncode == 0, done.stderr
