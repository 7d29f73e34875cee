"""One network on the ranks of MPI, as ``mpiexec`` starts them: in the whole grid of tests."""

import json
import os
import time
from pathlib import Path

import pytest
import rank_problems
from cluster_programs import need_ranks, run

PROGRAM = Path(__file__).with_name("cluster_fit.py")


@pytest.fixture(autouse=True)
def _ranks(request):
    need_ranks(request)


def found_by(size, *arguments):
    """Return what each rank found."""
    code, output, errors = run(size, PROGRAM, *arguments)
    assert code == 0, errors
    return [json.loads(line) for line in output.splitlines()]


def test_one_to_four_ranks_give_the_bits_of_a_process_without_mpi():
    alone = {
        f"{name} {dtype} {shards}": rank_problems.run(
            name, dtype=dtype, shards=shards, validation_split=0.1
        )
        for name in rank_problems.NETWORKS
        for dtype in ("float32", "float64")
        for shards in (None, 5)
    }
    for size in (1, 2, 3, 4):
        assert found_by(size, "hashes") == [alone] * size


@pytest.mark.parametrize("size", [2, 4])
@pytest.mark.parametrize("what", ["data", "seed", "version"])
def test_an_odd_rank_is_an_error_on_all_within_5_seconds(what, size):
    for kind, text, seconds in found_by(size, "odd", what):
        assert kind == "RankError"
        assert f"rank {size - 1} of {size} has another value of" in text
        assert what in text
        assert seconds < 5


def test_ctrl_c_on_one_rank_ends_the_others():
    *others, last = found_by(3, "odd", "interrupt")
    assert last[0] == "KeyboardInterrupt"
    for kind, text, seconds in others:
        assert (kind, text) == ("RankError", "fit: rank 2 failed: KeyboardInterrupt")
        assert seconds < 6


@pytest.mark.parametrize(("before", "after"), [(2, 3), (4, 1)])
def test_a_killed_rank_ends_all_and_another_number_goes_on(tmp_path, before, after):
    undisturbed = found_by(2, "backed_up", str(tmp_path / "other"), "")
    folder, note = tmp_path / "backup", tmp_path / "killed"
    assert run(before, PROGRAM, "backed_up", folder, note)[0] != 0
    assert time.time() - float(note.read_text()) < 5
    assert os.listdir(folder) == ["backup.safetensors"]
    assert found_by(after, "backed_up", str(folder), "") == undisturbed[:1] * after
    assert not folder.exists()
