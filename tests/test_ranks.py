"""Exchange arrays, texts and errors among the ranks of a communicator."""

import signal

import numpy as np
import pytest
from communicators import OneRank, on_ranks

from fastgd import config
from fastgd._engine.ranks import Ranks, digest, uninterrupted
from fastgd.errors import DataError, DataTypeError, RankError


@pytest.mark.parametrize("size", [1, 2, 3, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 7])
def test_shares_are_runs_that_come_back_in_order(size, count):
    values = np.arange(2.0 * count).reshape(count, 2)

    def gathered(comm):
        ranks = Ranks(comm)
        begin, end = ranks.share(count)
        return ranks.gather_shares(values[begin:end], count)

    for found in on_ranks(size, gathered):
        np.testing.assert_array_equal(found, values)


def test_an_array_is_merged_from_what_each_rank_has_of_it():
    values = np.random.default_rng(0).normal(size=(7, 10_001))

    def merged(comm):
        own = np.zeros_like(values)
        own.reshape(-1)[comm.rank :: comm.size] = values.reshape(-1)[comm.rank :: comm.size]
        return Ranks(comm).merge(own)

    for size in (1, 2, 3):
        for found in on_ranks(size, merged):
            np.testing.assert_array_equal(found, values)


def test_bytes_of_any_length_are_gathered():
    found = on_ranks(3, lambda comm: Ranks(comm).gather_bytes(b"ab" * comm.rank))
    assert found == [[b"", b"ab", b"abab"]] * 3


def test_rank_0_broadcasts():
    def sent(comm):
        return Ranks(comm).broadcast_bytes(b"weights" if comm.rank == 0 else None)

    assert on_ranks(3, sent) == [b"weights"] * 3


def test_the_odd_rank_is_named_on_all():
    def agree(comm):
        Ranks(comm).agree("fit", {"the seed": 1, "the data": "x" if comm.rank != 1 else "y"})

    for error in on_ranks(3, agree):
        assert isinstance(error, RankError), error
        assert 'rank 1 of 3 has another value of the data: "y"' in str(error)


def test_another_version_is_refused(monkeypatch):
    class Older(OneRank):
        size = 2

        def Allgather(self, sent, received):
            other = sent.tobytes().replace(b"0.1.0", b"0.0.9")
            received[:] = sent, np.frombuffer(other, sent.dtype).reshape(sent.shape)

    monkeypatch.setattr(config, "__version__", "0.1.0")
    with pytest.raises(RankError, match=r"rank 1 of 2 .* version of fastgd: \"0\.0\.9\""):
        Ranks(Older()).agree("fit", {})


def test_an_error_of_one_rank_is_raised_on_all():
    def fails(comm):
        with Ranks(comm).together("fit"):
            if comm.rank == 2:
                raise DataError("x: NaN at row 7")

    first, second, third = on_ranks(3, fails)
    assert isinstance(third, DataError)
    for error in (first, second):
        assert isinstance(error, RankError)
        assert "fit: rank 2 failed: DataError: x: NaN at row 7" in str(error)


class Mute(Exception):
    def __str__(self):
        raise ValueError


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (OSError("x\udcff"), "OSError: x\\udcff"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (Mute(), "Mute"),
    ],
)
def test_any_error_of_one_rank_reaches_the_others(failure, text):
    def fails(comm):
        with Ranks(comm).together("fit"):
            if comm.rank == 0:
                raise failure

    first, second = on_ranks(2, fails)
    assert first is failure
    assert str(second) == f"fit: rank 0 failed: {text}"


def test_ctrl_c_is_answered_behind_an_exchange():
    steps = []

    def exchange():
        with uninterrupted():
            signal.raise_signal(signal.SIGINT)
            steps.append("exchanged")

    with pytest.raises(KeyboardInterrupt):
        exchange()
    assert steps == ["exchanged"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_what_is_no_communicator_is_refused():
    with pytest.raises(DataTypeError, match=r"comm: expected a communicator .* has no rank"):
        Ranks("world")


def test_a_digest_depends_on_values_types_and_shapes():
    a = np.arange(6.0)
    others = [a.reshape(2, 3), a.astype(np.float32), a + 1, a[:0], "a"]
    assert len({digest(one) for one in [a, *others]}) == 6
    assert digest(a[::2]) == digest(a[::2].copy())
