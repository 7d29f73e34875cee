"""Train one network on the ranks of a communicator: where they meet, and what parts them."""

import contextlib
import io
from pathlib import Path

import numpy as np

from fastgd._core.engine import StepExchange
from fastgd._core.types import Place
from fastgd._engine.ranks import Ranks, odd_rank, text_of, uninterrupted
from fastgd.errors import RankError

_PLACES = {
    Place.PLACE_BEGIN: "at the beginning",
    Place.PLACE_RESTORE: "restoring a backup",
    Place.PLACE_TRAINED: "at the end of the last epoch, with results of digest {0:x}",
    Place.PLACE_END: "at the end",
}


class TrainingRanks(StepExchange):
    """Let the ranks of a communicator go through one ``fit`` together.

    Parameters
    ----------
    comm : communicator
        See ``Ranks``.

    Attributes
    ----------
    all : Ranks
    """

    def __init__(self, comm):
        self.all = Ranks(comm)
        super().__init__(comm, self.all.rank, self.all.size)
        self._error = None

    @contextlib.contextmanager
    def together(self):
        """Raise on all ranks if the block raises on any; there a RankError names that rank."""
        try:
            yield
            self.meet(Place.PLACE_END)
        except BaseException as error:
            self._error = error
            self.meet(Place.PLACE_END, failed=True)
            raise

    def part(self, headers):
        """Raise the error for headers (size, 4) that say where the ranks are.

        A rank that has failed goes on to raise its own error.
        """
        if headers[:, 3].any():
            own = self._error
            said = self.all.gather_bytes(b"" if own is None else text_of(own))
            if own is None:
                rank = int(headers[:, 3].argmax())
                raise RankError(f"fit: rank {rank} failed: {said[rank].decode()}")
            return
        places = [_place(*header[:3]) for header in headers.tolist()]
        odd, usual = odd_rank(places)
        raise RankError(
            f"fit: rank {odd} of {self.size} is {places[odd]}, where the others are {usual}; "
            "every rank has to run the same program on the same data"
        )

    def agree(self, facts):
        """Refuse, on all ranks, to begin with facts that are not the same on all."""
        with uninterrupted():
            self.meet(Place.PLACE_BEGIN)
            self.all.agree("fit", facts)

    def open(self, path):
        """Return a file that rank 0 can read as a file in memory; all ranks call this.

        Raises
        ------
        FileNotFoundError
            If rank 0 finds none; the other ranks need not see its folder.
        """
        found = b""
        if self.rank == 0:
            with contextlib.suppress(FileNotFoundError):
                found = b"+" + Path(path).read_bytes()
        with uninterrupted():
            self.meet(Place.PLACE_RESTORE)
            found = self.all.broadcast_bytes(found)
        if not found:
            raise FileNotFoundError(path)
        return io.BytesIO(found[1:])


def _place(place, number, more):
    if place == Place.PLACE_STEP:
        losses = np.int64(more).view(np.float64)
        return f"at step {number + 1} of its optimizer, with losses of {losses!s} before it"
    return _PLACES[place].format(number, more)
