"""Give a network the chunks of a stream, each of which makes many steps."""

import numpy as np

from fastgd._core.engine import Job
from fastgd._engine.streams import element
from fastgd.errors import ArgumentError, DataError


class ChunkSource:
    """Give the chunks of a ``TableStream``: each is a Job of as many steps as it has batches.

    A chunk has a multiple of the batch size in rows, so that only the last batch of the table
    is shorter. Shuffled, an epoch takes the chunks in a new order, and the rows of each chunk.
    """

    rows = private = ranks = None
    whole = ended = False

    def __init__(self, stream):
        self._stream = stream
        self.weighted = False
        self.steps = self.limit = self._prepare = self._permutation = None
        #: the key of a round, its steps before the latest Job, and that Job
        self._key, self._before, self._job = 0, 0, None

    def configure(self, prepare, batching, permutation=None):
        """Say how chunks are prepared and cut; see ``BatchSource.configure``."""
        self._prepare, self._permutation = prepare, permutation
        size = self.batch_size = min(batching.size, self._stream.rows) or 1
        self._together = size if batching.shuffle == "batch" else 1
        self._stream = self._stream.cut(max(self._stream.chunk_rows // size, 1) * size)
        self._round = -(-self._stream.rows // size)
        self.limit = batching.steps
        self.steps = self._round if self.limit is None else self.limit

    def first(self):
        """Return the first chunk."""
        if not self._stream.rows:
            raise DataError("x: the table has no rows")
        return self._stream[0]

    def jobs(self, stream, done=0):
        """Yield the Jobs of an epoch after `done` steps; each round takes a new key."""
        left = max(self.steps - done, 0)
        while left:
            begun = self._begun
            if not begun:
                self._key = stream.next()
            steps = min(left, self._round - begun)
            yield from self._jobs(begun, begun + steps, self._permutation)
            left -= steps

    def once(self):
        """Yield the Jobs of one round, for rows that are not to be trained on."""
        return self._jobs(0, min(self.steps, self._round))

    def _jobs(self, step, last, permutation=None):
        """Yield the Jobs of a round from one step to another."""
        size = self._stream.chunk_rows // self.batch_size
        order = np.arange(len(self._stream))
        if permutation is not None:
            order = permutation(self._key, len(order), together=1)
        counts = np.minimum(size, self._round - order * size)
        ends = np.cumsum(counts)
        first = int(np.searchsorted(ends, step, side="right"))
        places = range(first, min(int(np.searchsorted(ends, last)) + 1, len(order)))
        begun = step > ends[first] - counts[first] if places else False
        kept = self._job if begun else None  # the epoch before ended within this chunk
        chunks = self._stream.in_order(order[places[1:] if kept else places].tolist())
        for place in places:
            number, before = int(order[place]), int(ends[place] - counts[place])
            x, y = (kept.x, kept.y) if kept else self._prepare(number, next(chunks))
            kept, job = None, Job(x, y, self.batch_size)
            job.key = element(self._key, number)
            job.step, job.last = max(step - before, 0), min(last - before, int(counts[place]))
            if permutation is not None:
                job.together = self._together
                if job.step:
                    job.order = permutation(job.key, len(x), together=self._together)
                else:  # the engine draws it
                    job.order = np.empty(len(x), np.int64)
            self._before, self._job = before, job
            yield job

    @property
    def _begun(self):
        """The steps that the latest round has taken; 0 for none or all."""
        done = self._before + (self._job.step if self._job else 0)
        return done % max(self._round, 1)

    def place(self):
        """Return where training is in its round: a dict."""
        return {"steps": self._begun, "key": self._key, "chunk_rows": self._stream.chunk_rows}

    def resume(self, place, engine):
        """Go on at a place; an ArgumentError if the chunks are others."""
        steps, rows = place["steps"], place["chunk_rows"]
        if rows != self._stream.chunk_rows or steps >= max(self._round, 1):
            raise ArgumentError(
                f"x: training is to resume at step {steps + 1} of its round, in chunks of "
                f"{rows} rows, but there are {self._round} steps in chunks of "
                f"{self._stream.chunk_rows}; give the data and batch_size of the run before"
            )
        self._key, self._before, self._job = place["key"], steps, None
