"""Give tables that are larger than memory in chunks of rows."""

import copy
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from fastgd import config
from fastgd._data.frames import numbers_of_column
from fastgd._data.read_ahead import made_ahead
from fastgd._data.tables import table_of
from fastgd._data.validation import boolean, positive_int, whole_number
from fastgd._engine import builds
from fastgd._registry.advice import advice
from fastgd._registry.extras import needed_by
from fastgd._typing import Array, DType
from fastgd.errors import ArgumentError, DataError, DataTypeError

#: So many rows of all columns are turned into rows of a matrix at once: they stay in the cache.
BLOCK = 2048


class NamedMatrix:
    """Rows of numbers whose columns have names, as models take and remember them.

    Attributes
    ----------
    values : ndarray, (n, columns)
    columns : tuple of str
    """

    def __init__(self, values: Array, columns: tuple[str, ...]):
        self.values, self.columns = values, columns

    def __len__(self) -> int:
        return len(self.values)

    @property
    def shape(self) -> tuple[int, ...]:
        """The numbers of rows and of columns."""
        return self.values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        return np.array(self.values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"<NamedMatrix {self.shape} of {', '.join(self.columns)}>"


class TableStream:
    """Give a table in chunks of rows, for data that are larger than memory.

    ``LinearModel.fit`` takes it as chunks, with every solver that can read them, and ``fit``,
    ``evaluate`` and ``predict`` of a network as data. A thread reads the next chunk while a
    model works on the one before. Chunks are cut by the number of rows alone: however files
    are divided into row groups, and whatever they are, the same rows give the same bits.

    Parameters
    ----------
    source : path, dataset of pyarrow, lazy frame of polars, or frame
        A path is that of a Parquet file, of an Arrow file (``.arrow``, ``.feather``, ``.ipc``),
        or of a folder of such. Frames are those of polars, pandas and pyarrow, in memory.
    y : str or list of str, optional
        The column of targets, or several. Without it the chunks are rows to predict.
    x : list of str, optional
        The columns of inputs; by default all that have no other use, in the table's order.
    sample_weight, offset : str, optional
        The columns of weights and offsets of rows.
    chunk_rows : int
        Rows a chunk; the last one is shorter. Memory holds about three chunks, and the row
        groups that they are read from.
    dtype : {"float32", "float64"}, optional
        How x is read; by default float32 if all its columns are, and else float64.
    read_ahead : bool
        Whether a thread reads ahead.

    Raises
    ------
    MissingExtraError
        Without narwhals, and for files and datasets without pyarrow.
    ArgumentError, DataTypeError
        For a column that does not exist, and for one that holds no numbers.
    DataError
        When a chunk is read that has a missing value, or one that is not finite; says the row
        of the table and the column.
    FileError
        For a damaged file.

    Notes
    -----
    Iterating gives (x, y), (x, y, sample_weight) or (x, y, sample_weight, offset): x has
    ``values``, a matrix, and ``columns``, their names, and NumPy takes it as an array. ``len``
    is the number of chunks, and ``stream[i]`` is one of them.

    A query of a lazy frame has to give its rows in one order each time: end it with ``sort``,
    or write its result with ``sink_parquet``. With ``shuffle`` it runs again for each chunk.
    A dataset with a filter is scanned from its beginning for a chunk out of turn, and pyarrow
    reads it ahead as it likes, which takes memory.

    A network cuts each chunk into batches, so it takes as many rows a chunk as are a multiple
    of ``batch_size``. Without ``shuffle`` its steps are those of arrays in memory. With it,
    each epoch takes the chunks in a new order, and the rows of each chunk: rows of different
    chunks are never in one batch, since they are not in memory together. A chunk out of turn
    is read from the beginning of its row group; a file is best written with row groups of
    ``chunk_rows`` rows or less.

    Examples
    --------
    >>> import tempfile
    >>> import numpy as np
    >>> import pyarrow as pa
    >>> import pyarrow.parquet
    >>> from fastgd import linear, utils
    >>> folder = tempfile.TemporaryDirectory()
    >>> a, b = np.random.default_rng(0).normal(size=(2, 1000))
    >>> table = pa.table({"a": a, "b": b, "target": a - 2 * b + 3})
    >>> pa.parquet.write_table(table, folder.name + "/table.parquet")
    >>> stream = utils.TableStream(folder.name + "/table.parquet", y="target", chunk_rows=300)
    >>> len(stream), stream[3][0]
    (4, <NamedMatrix (100, 2) of a, b>)
    >>> model = linear.LinearModel().fit(stream, solver=linear.Newton())
    >>> model.feature_names, model.coef.round(6), model.intercept.round(6)
    (('a', 'b'), array([[ 1., -2.]]), array([3.]))
    >>> folder.cleanup()
    """

    def __init__(self, source: Any, y: str | Sequence[str] | None = None,
                 x: Sequence[str] | None = None, *, sample_weight: str | None = None,
                 offset: str | None = None, chunk_rows: int = 65536,
                 dtype: DType | None = None, read_ahead: bool = True) -> None:  # fmt: skip
        self.chunk_rows = positive_int(chunk_rows, "chunk_rows")
        self.read_ahead = boolean(read_ahead, "read_ahead")
        dtype = None if dtype is None else config.checked_floatx(dtype)
        if y is None and (sample_weight is not None or offset is not None):
            raise ArgumentError("y: expected a column beside weights or offsets, got None")
        self._table = table_of(source)
        self._alone = isinstance(y, str)
        known = tuple(self._table.sample.columns)
        names = {
            "y": _names([y] if isinstance(y, str) else y, "y", known),
            "sample_weight": _names(_single(sample_weight), "sample_weight", known),
            "offset": _names(_single(offset), "offset", known),
        }
        used = {name for part in names.values() if part for name in part}
        if x is None:
            x = [name for name in known if name not in used]
        columns = _names(x, "x", known)
        if not columns:
            raise DataError("x: there are no columns")
        if y is not None and (both := set(columns) & set(names["y"])):
            raise ArgumentError(f"x: column {both.pop()!r} is y, which is to be predicted")
        self._names = {"x": columns, **names}
        self._dtypes = {
            part: _dtype_of(self._table.sample, chosen, part)
            for part, chosen in self._names.items()
            if chosen is not None
        }
        if dtype is not None:
            self._dtypes["x"] = np.dtype(dtype)
        self._count: int | None = None
        #: The reader that gave the chunk before, by itself; it goes on faster than a new one.
        self._idle: deque[_Reader] = deque(maxlen=1)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Array:
        raise DataTypeError(
            "x: a TableStream is no array: go through its chunks, as in "
            "np.concatenate([model.predict(x) for x, _ in stream])"
        )

    def fingerprint_parts(self) -> list[Any]:
        """Return what decides the chunks, for the journal of ``many.fit_many``."""
        dtypes = {part: dtype.str for part, dtype in self._dtypes.items()}
        return [self._names, dtypes, self._alone, self.chunk_rows, self._table.identity]

    def __getstate__(self) -> dict[str, Any]:
        """Return what makes the same stream elsewhere; open files stay here."""
        return self.__dict__ | {"_idle": deque(maxlen=1)}

    @property
    def rows(self) -> int:
        """The number of rows of the table, which the metadata of files say."""
        if self._count is None:
            self._count = self._table.count()
        return self._count

    def __len__(self) -> int:
        return -(-self.rows // self.chunk_rows)

    def __iter__(self) -> Iterator[Any]:
        return self.in_order(range(len(self)))

    def __getitem__(self, index: int) -> Any:
        """Return one chunk; the next one after the one before is read fastest."""
        count = len(self)
        number = whole_number(index, "index", -count) if count else index
        if not count or number >= count:
            raise IndexError(f"index: there are {count} chunks, got {index}")
        try:
            reader = self._idle.pop()
        except IndexError:
            reader = _Reader(self)
        chunk = reader.read(number % count)
        self._idle.append(reader)
        return chunk

    def in_order(self, numbers: Iterable[int]) -> Iterator[Any]:
        """Yield chunks by their numbers, read ahead.

        Examples
        --------
        >>> import polars as pl
        >>> from fastgd.utils import TableStream
        >>> stream = TableStream(pl.DataFrame({"a": [1.0, 2.0, 3.0]}), chunk_rows=2)
        >>> [len(chunk) for chunk in stream.in_order([1, 0])]
        [1, 2]
        """
        chunks = map(_Reader(self).read, numbers)
        return made_ahead(chunks) if self.read_ahead else chunks

    def cut(self, chunk_rows: int) -> "TableStream":
        """Return a stream of the same table in other chunks.

        Examples
        --------
        >>> import polars as pl
        >>> from fastgd.utils import TableStream
        >>> stream = TableStream(pl.DataFrame({"a": [1.0, 2.0, 3.0]}))
        >>> len(stream), len(stream.cut(2))
        (1, 2)
        """
        other = copy.copy(self)
        other.chunk_rows = positive_int(chunk_rows, "chunk_rows")
        return other


class _Reader:
    """Read chunks of a stream; the next one goes on where the one before has ended."""

    def __init__(self, stream):
        self._stream, self._engine = stream, builds.load(config.engine())
        self._next, self._frames, self._rest = -1, iter(()), None
        with needed_by("TableStream"):
            import narwhals as nw
        self._nw = nw
        self._columns = list(dict.fromkeys(sum(filter(None, stream._names.values()), ())))

    def read(self, number):
        """Return the chunk of a number: x, or a tuple."""
        stream = self._stream
        size = stream.chunk_rows
        start = number * size
        count = min(size, stream.rows - start)
        if number != self._next:
            self._rest = None
            self._frames = stream._table.frames(start, self._columns, size)
        self._next = number + 1
        parts = {
            part: np.empty((count, len(stream._names[part])), dtype)
            for part, dtype in stream._dtypes.items()
        }
        done = 0
        while done < count:
            frame = next(self._frames, None) if self._rest is None else self._rest
            if frame is None:
                raise DataError(
                    f"x: the table ends after {start + done} rows, it had {stream.rows}"
                )
            taken, self._rest = frame[: count - done], None
            if len(frame) > count - done:
                self._rest = frame[count - done :]
            self._fill(taken, parts, start, done)
            done += len(taken)
        for part, values in parts.items():
            self._check_finite(values, part, start)
        return self._chunk(parts)

    def _fill(self, frame, parts, start, done):
        """Put the rows of a frame into the matrices of a chunk, from row `done` on."""
        count = len(frame)
        for part, matrix in parts.items():
            columns = [
                numbers_of_column(
                    self._nw, frame.get_column(name), part, f", column {name!r}", start + done
                )
                for name in self._stream._names[part]
            ]
            block = np.empty((len(columns), BLOCK), matrix.dtype)
            with np.errstate(over="ignore"):
                for at in range(0, count, BLOCK):
                    size = min(BLOCK, count - at)
                    for place, column in enumerate(columns):
                        block[place, :size] = column[at : at + size]
                    matrix[done + at : done + at + size] = block[:, :size].T

    def _check_finite(self, values, part, start):
        index = self._engine.first_nonfinite(values)
        if index >= 0:
            row, column = divmod(index, values.shape[1])
            name = self._stream._names[part][column]
            raise DataError(
                f"{part}: the value at row {start + row}, column {name!r}, is "
                f"{values[row, column]} in {values.dtype}: not finite"
            )

    def _chunk(self, parts):
        stream = self._stream
        x = NamedMatrix(parts["x"], stream._names["x"])
        if "y" not in parts:
            return x
        y = parts["y"][:, 0] if stream._alone else parts["y"]
        others = [
            parts[part][:, 0] if part in parts else None for part in ("sample_weight", "offset")
        ]
        while others and others[-1] is None:
            others.pop()
        return x, y, *others


def _single(name):
    return None if name is None else [name]


def _names(given, argument, known):
    """Return names of columns, a tuple, that the table has; None for None."""
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise DataTypeError(f"{argument}: expected a list of names of columns, got {given!r}")
    names = tuple(given)
    for name in names:
        if not isinstance(name, str):
            raise DataTypeError(f"{argument}: expected names of columns, got {name!r}")
        if name not in known:
            raise ArgumentError(f"{argument}: no column {name!r}{advice(name, known)}")
        if names.count(name) > 1:
            raise ArgumentError(f"{argument}: column {name!r} is there more than once")
    return names


def _dtype_of(sample, names, argument):
    """Return float32 if all columns are, else float64; refuse one that holds no numbers."""
    with needed_by("TableStream"):
        import narwhals as nw
    types = [
        numbers_of_column(nw, sample.get_column(name), argument, f", column {name!r}").dtype
        for name in names
    ]
    single = np.result_type(*types) == np.float32
    return np.dtype(np.float32 if single else np.float64)
