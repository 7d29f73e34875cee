"""Hold what a user passes to ``fit``, ``evaluate`` and ``predict``, before it is prepared."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from fastgd._data.chunk_source import ChunkSource
from fastgd._data.sources import BatchSource, by_slices, makes_batches, unpacked
from fastgd._data.subsets import Shared
from fastgd._data.table_stream import TableStream
from fastgd._data.validation import numeric
from fastgd.errors import ArgumentError, ShapeError


@dataclass(slots=True)
class Batching:
    """Say how rows are cut into batches.

    Attributes
    ----------
    size : int
    shuffle : bool or "batch"
    steps : int, optional
        Of an epoch; by default once over all rows.
    """

    size: int = 32
    shuffle: bool | str = False
    steps: int | None = None


@dataclass(slots=True)
class UserData:
    """Hold the data arguments of a call.

    Attributes
    ----------
    x, y, sample_weight, class_weight, rows
        See ``Model.fit``.
    of : str
        Stands before the arguments' names in messages, such as ``"validation "``.
    names : sequence or dict, optional
        The names that the columns of x have to have, or have; see ``DataAdapter.prepare``.
    source : BatchSource, ChunkSource or None
        Where batches come from, if x is no data but makes batches.
    """

    x: Any
    y: Any = None
    sample_weight: Any = None
    class_weight: Any = None
    rows: Any = None
    of: str = ""
    names: Any = None
    source: BatchSource | ChunkSource | None = None

    def __post_init__(self):
        if not makes_batches(self.x, self.y):
            return
        if self.rows is not None:
            raise ArgumentError(
                f"{self.of}rows: they are of arrays, but {self.of}x gives batches"
            )
        if self.y is not None or self.sample_weight is not None:
            raise ArgumentError(
                f"{self.of}y, {self.of}sample_weight: {self.of}x gives batches "
                "(x, y, sample_weight), so that they have to be None"
            )
        streamed = isinstance(self.x, TableStream)
        self.source = ChunkSource(self.x) if streamed else BatchSource(self.x)

    @property
    def weighted(self):
        """Whether rows have weights, as far as the arguments say."""
        return self.sample_weight is not None or self.class_weight is not None

    def example(self, dtype):
        """Return rows whose shape is that of all: the first batch, a first row, or all rows."""
        if self.source is not None:
            return unpacked(self.source.first(), f"{self.of}x")[0]
        x = self.x.of(dtype) if isinstance(self.x, Shared) else self.x
        return np.asarray(x[:1]) if by_slices(x, dtype) else x


def shape_of(x, argument):
    """Return the shape (None, d...) of rows."""
    shape = numeric(x, argument).shape
    if len(shape) < 2 or min(shape[1:]) < 1:
        raise ShapeError(f"{argument}: expected (rows, features), got shape {shape}")
    return (None, *shape[1:])
