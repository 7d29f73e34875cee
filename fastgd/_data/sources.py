"""Give batches: of arrays in memory, or made one after the other."""

import functools
import itertools

import numpy as np

from fastgd._core.engine import Job
from fastgd._data.py_dataset import PyDataset
from fastgd._data.table_stream import TableStream
from fastgd._engine.streams import element
from fastgd.errors import ArgumentError, DataError


class ArraySource:
    """Give the batches of arrays in memory.

    Parameters
    ----------
    x, y : ndarray
    batching : Batching
        If an epoch of training has fewer steps than the rows give, the next epoch goes on where
        this one ends; if it has more, the rows come round again.
    rows : ndarray of int64, optional
        The row of x that belongs to each row of y; by default they are all the rows of x.
    """

    #: It never ends.
    ended = False

    def __init__(self, x, y, batching, rows=None):
        self.x, self.y, self.rows = x, y, rows
        self.count = len(x if rows is None else rows)
        self.batch_size = min(batching.size, self.count) or 1
        self.round = -(-self.count // self.batch_size)
        self.limit = batching.steps
        self.steps = self.round if batching.steps is None else batching.steps
        self.order = np.empty(self.count, dtype=np.int64) if batching.shuffle else None
        self.together = self.batch_size if batching.shuffle == "batch" else 1
        self.weighted = False
        self.private = None  # the PrivateSteps of a private training
        self.shards, self.ranks = 0, None  # see Job
        self._job = None  # the latest one of the training

    @property
    def whole(self):
        """Whether an epoch is once over all rows, and the next one begins with the first."""
        return self.steps == self.round and not self._begun

    @property
    def _begun(self):
        """The steps that the latest round has taken; 0 for none or all."""
        return self._job.step % self.round if self._job else 0

    def cut(self, place, batching):
        """Return a source of a slice of the rows."""
        if self.rows is None:
            source = ArraySource(self.x[place], self.y[place], batching)
        else:
            source = ArraySource(self.x, self.y[place], batching, self.rows[place])
        source.weighted = self.weighted
        return source

    def job(self, stream=None):
        """Return a Job of a whole round over the rows."""
        job = Job(self.x, self.y, self.batch_size, self.rows, self.order, self.together)
        job.stream, job.last, job.private = stream, self.round, self.private
        job.shards, job.ranks = self.shards, self.ranks
        return job

    def jobs(self, stream, done=0):
        """Yield the Jobs of an epoch after `done` steps; each round takes a new key."""
        left = max(self.steps - done, 0)
        while left:
            job, begun = self.job(stream), self._begun
            if begun:
                job.stream, job.key = None, self._job.key
            job.step, job.last = begun, min(begun + left, self.round)
            left -= job.last - job.step
            self._job = job
            yield job

    def once(self):
        """Yield the Job of one round, for rows that are not to be trained on."""
        job = self.job()
        job.last = min(self.steps, self.round)
        yield job

    def place(self):
        """Return where training is in its round: a dict."""
        return {"begun": self._begun, "key": self._job.key if self._job else 0}

    def resume(self, place, engine):
        """Go on at a place; an ArgumentError if there is no such place among the rows."""
        begun = place["begun"]
        if begun >= max(self.round, 1):
            raise ArgumentError(
                f"x: training is to resume at step {begun + 1} of its round, but the rows make "
                f"{self.round} steps; give the data and batch_size of the run before"
            )
        self._job = self.job()
        self._job.step, self._job.key = begun, place["key"]
        if begun and self.order is not None and self.private is None:
            self.order[:] = engine.permutation(place["key"], self.count, self.together)


class BatchSource:
    """Give batches that are made one after the other; each is a Job.

    Parameters
    ----------
    batches : iterator, iterable, PyDataset or Slices
        Of x, (x, y) or (x, y, sample_weight). An iterator is gone through once, anything else
        begins again when it has ended.

    Attributes
    ----------
    ended : bool
        Whether an iterator has nothing more to give.
    """

    rows = private = ranks = None
    whole = False

    def __init__(self, batches):
        self.batches = batches
        self.ended = False
        self.weighted = False
        self.steps = _length(batches)
        self.limit = self._prepare = self._permutation = self._round = None
        self._first = []
        self._once = hasattr(batches, "__next__")
        #: of the epoch, and of the round; and the batches that the round has given
        self._key = self._round_key = self._given = 0

    def configure(self, prepare, batching, permutation=None):
        """Say how batches are prepared and ordered.

        Parameters
        ----------
        prepare : function of (number, batch)
            Returns the prepared x and y of a batch.
        batching : Batching
            After its steps the next epoch goes on where this one ends. By default an epoch
            ends with the batches, which have the sizes that they have.
        permutation : function of (key, n), optional
            Gives the order of n things that belongs to a key; without one they keep theirs.
        """
        self._prepare, self.limit, self._permutation = prepare, batching.steps, permutation
        self._first = []
        self.steps = self.steps if self.limit is None else self.limit

    def first(self):
        """Return the first batch, which is not lost; made once, until ``configure``."""
        for batch in self._first or self._begin(0):
            if self._once and not self._first:
                self.batches = itertools.chain([batch], self.batches)
            self._first = [batch]
            return batch
        raise DataError("x: there are no batches")

    def jobs(self, stream, done=0):
        """Yield the Jobs of an epoch after `done` steps, one for each batch."""
        if not done:
            self._key = stream.next()
        return self._jobs(self._epoch(done), done)

    def once(self):
        """Yield the Jobs of one round, for rows that are not to be trained on."""
        self._key = 0
        return self._jobs(itertools.islice(self._begin(0), self.limit), 0)

    def _jobs(self, batches, done):
        dataset = self.batches if isinstance(self.batches, PyDataset) else None
        if dataset is not None:
            dataset.on_epoch_begin()
        for count, batch in enumerate(batches, done):
            x, y = self._prepare(count, batch)
            job = Job(x, y, len(x))
            job.key = element(self._key, count)
            yield job
        if dataset is not None:
            dataset.on_epoch_end()

    def _epoch(self, done):
        left = None if self.limit is None else max(self.limit - done, 0)
        while left is None or left:
            fresh = self._round is None
            if fresh:
                self._begin_round(self._key)
            given = self._given
            for batch in itertools.islice(self._round, left):
                self._given += 1
                yield batch
            given = self._given - given
            if left is not None:
                left -= given
                if not left:
                    return
            self.ended = self._once
            self._round = None
            if left is None or self._once or (fresh and not given):
                return

    def _begin_round(self, key):
        self._round, self._round_key = self._begin(key), key
        if not self._once:
            self._given = 0

    def _begin(self, key):
        if self._once:
            return self.batches
        if not isinstance(self.batches, (PyDataset, Slices)):
            return iter(self.batches)
        return self.batches.in_order(
            np.arange
            if self._permutation is None
            else functools.partial(self._permutation, key)
        )

    def place(self):
        """Return where training is in its round: a dict."""
        begun = self._round is not None or self._once
        given = self._given if begun else 0
        return {"key": self._key, "round_key": self._round_key, "given": given}

    def resume(self, place, engine):
        """Go on at a place: batches that were trained on are made again, and left out."""
        self._key, given = place["key"], place["given"]
        if given:
            self._begin_round(place["round_key"])
            self._given = sum(1 for _ in itertools.islice(self._round, given))
            if self._given < given:
                raise ArgumentError(
                    f"x: training is to resume after {given} batches, but there are "
                    f"{self._given}; give the data of the run before"
                )


class Slices:
    """Read batches of array-likes, each when it is its turn.

    rows: the row of the first array that belongs to each row of the others; by default all.
    """

    def __init__(self, arrays, batch_size, rows=None):
        self.arrays = arrays
        self.batch_size = batch_size
        self.rows = rows
        self.count = len(arrays[0] if rows is None else rows)

    def __len__(self):
        return -(-self.count // self.batch_size)

    def in_order(self, order):
        """Yield the batches (x, y ...), with the rows in the order ``order(rows)``."""
        places = order(self.count)
        x, *others = self.arrays
        for start in range(0, len(places), self.batch_size):
            rows = places[start : start + self.batch_size]
            of_x = rows if self.rows is None else self.rows[rows]
            yield (read_rows(x, of_x), *(read_rows(array, rows) for array in others))


def read_rows(array, rows):
    """Return rows of an array-like, which may lie in a file, by their numbers from 0."""
    if not isinstance(array, np.ndarray) and not len(rows):
        return np.asarray(array[:0])
    if len(rows) and rows[-1] - rows[0] == len(rows) - 1 and (np.diff(rows) == 1).all():
        return array[rows[0] : rows[-1] + 1]
    if isinstance(array, np.ndarray):
        return array[rows]
    numbers, places = np.unique(rows, return_inverse=True)  # files want them so
    return np.asarray(array[numbers])[places]


def _length(batches):
    if isinstance(batches, PyDataset):
        return batches.num_batches
    return len(batches) if hasattr(batches, "__len__") else None


def on_disk(array):
    """Return whether an array-like may be too large to be read as a whole."""
    if isinstance(array, np.ndarray):
        return _mapped(array)
    # HDF5, zarr and dask keep theirs in chunks
    return hasattr(array, "chunks") and hasattr(array, "shape") and hasattr(array, "dtype")


def by_slices(x, dtype):
    """Return whether x is read slice by slice: from a file, to be converted to a data type."""
    return on_disk(x) and not (
        isinstance(x, np.ndarray)
        and (x.ndim != 2 or (x.flags.c_contiguous and x.dtype == dtype))
    )


def _mapped(array):
    """Return whether an ndarray is a view of a file."""
    while isinstance(array, np.ndarray):
        if isinstance(array, np.memmap):
            return True
        array = array.base
    return False


def makes_batches(x, y):
    """Return whether x is no data but a source of batches."""
    if isinstance(x, (PyDataset, TableStream)) or hasattr(x, "__next__"):
        return True
    if isinstance(x, (list, tuple)):  # of batches, where there are no targets beside it
        return y is None and bool(x) and all(isinstance(b, tuple) and len(b) > 1 for b in x)
    data = isinstance(x, (dict, str)) or hasattr(x, "shape") or hasattr(x, "__array__")
    return not data and hasattr(x, "__iter__")


def unpacked(batch, argument="x"):
    """Return (x, y, sample_weight) of a batch; None for what it lacks."""
    if not isinstance(batch, (tuple, list)):
        return batch, None, None
    if not 1 <= len(batch) <= 3:
        raise ArgumentError(
            f"{argument}: expected batches x, (x, y) or (x, y, sample_weight), "
            f"got {len(batch)} parts"
        )
    return (*batch, None, None)[:3]
