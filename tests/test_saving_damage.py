"""Damaged files, and processes that are killed while they save."""

import os
import random
import subprocess
import sys

import pytest
from test_saving import content, trained

from fastgd import models
from fastgd.errors import FileError

CORRUPTIONS = 2000


def corrupted(data, rng):
    """The bytes with one thing wrong with them."""
    size = len(data)
    kind = rng.randrange(5)
    if kind == 0:
        return data[: rng.randrange(size)]
    damaged = bytearray(data)
    if kind == 1:
        place = rng.randrange(size)
        damaged[place] ^= 1 << rng.randrange(8)
        return bytes(damaged)
    start = rng.randrange(size)
    length = min(rng.choice([1, 8, 64, 512]), size - start)
    if kind == 2:
        damaged[start : start + length] = bytes(length)
    elif kind == 3:
        damaged[start : start + length] = rng.randbytes(length)
    else:
        damaged[start : start + length] = b""
    return bytes(damaged)


def test_no_corruption_crashes_or_gives_another_model(tmp_path):
    model = trained()
    path = tmp_path / "model.safetensors"
    model.save(path)
    data, expected = path.read_bytes(), content(model)
    rng = random.Random(20)
    refused = same = 0
    for _ in range(CORRUPTIONS):
        path.write_bytes(corrupted(data, rng))
        try:
            again = models.load_model(path)
        except FileError:
            refused += 1
        else:
            assert content(again) == expected
            same += 1
    assert refused + same == CORRUPTIONS
    assert refused > 0.9 * CORRUPTIONS


def test_every_byte_counts(tmp_path):
    """One bit of each byte flipped in turn: nothing but padding may go unnoticed."""
    model = trained()
    path = tmp_path / "model.safetensors"
    model.save(path)
    data, expected = path.read_bytes(), content(model)
    refused = 0
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert content(models.load_model(path)) == expected
        except FileError:
            refused += 1
    assert refused >= len(data) - 8


KILLED = """
import os, random, signal, sys, time
from fastgd import Sequential, layers, models

path = sys.argv[1]
moments = random.Random(7)
both = []
for value in (1, 2):
    model = Sequential([layers.Dense(64, input_shape=(64,)), layers.Dense(1)])
    model.compile("adam", "mse")
    model.parameters[...] = value
    both.append(model)
both[0].save(path)
found = []
for _ in range(100):
    child = os.fork()
    if child == 0:
        try:
            while True:
                both[1].save(path)
                both[0].save(path)
        finally:
            os._exit(1)
    time.sleep(moments.uniform(0, 0.02))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WTERMSIG(status) == signal.SIGKILL
    values = set(models.load_model(path).parameters.tolist())
    assert len(values) == 1
    found.append(int(values.pop()))
print(*sorted(set(found)))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks")
def test_a_kill_at_any_moment_leaves_a_file(tmp_path):
    path = tmp_path / "model.safetensors"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(path)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "2"]
    trained().save(path)  # and removes what a killed process has left behind
    assert os.listdir(tmp_path) == [path.name]
