"""Read tables piece by piece: files and datasets of pyarrow, lazy frames of polars, frames."""

import contextlib
import os
from pathlib import Path, PurePath

from fastgd._registry.extras import needed_by
from fastgd.errors import DataError, DataTypeError, FileError

#: What stands behind the dot in the names of Arrow's own files; all others are Parquet.
ARROW = (".arrow", ".feather", ".ipc")


def table_of(source):
    """Return the table that a source is, or names.

    A table has ``sample``, a frame of narwhals of a few rows or none, which says names and
    types; ``count()``, the number of its rows; and ``frames(start, names, size)``, which gives
    these columns from row `start` on in frames of narwhals. `size` is how many rows are wanted
    next: smaller pieces are read together, where this saves time.
    """
    if isinstance(source, (str, os.PathLike)):
        return ArrowTable(_dataset(source))
    if hasattr(source, "get_fragments"):
        return ArrowTable(source)
    with needed_by("TableStream"):
        import narwhals as nw
    try:
        frame = nw.from_native(source, pass_through=True)
    except nw.exceptions.DuplicateError as error:
        raise DataError(f"source: columns share a name: {error}") from None
    if isinstance(frame, nw.DataFrame):
        return FrameTable(frame)
    if isinstance(frame, nw.LazyFrame) and hasattr(source, "slice"):
        return LazyTable(source, nw)
    raise DataTypeError(
        "source: expected the path of Parquet or Arrow files, a dataset of pyarrow, a frame or "
        f"a lazy frame of polars, got {type(source).__name__}"
    )


class FrameTable:
    """A frame in memory."""

    @property
    def identity(self):
        """The frame, for digests."""
        return self._frame.to_native()

    def __init__(self, frame):
        self._frame, self.sample = frame, frame.head(1)

    def count(self):
        return len(self._frame)

    def frames(self, start, names, size):
        yield self._frame.select(names)[start:]


class LazyTable:
    """A lazy frame of polars: its query runs again for each pass, in pieces."""

    def __init__(self, lazy, nw):
        self._lazy, self._nw = lazy, nw
        self.sample = nw.from_native(lazy.clear().collect())

    def __reduce__(self):
        """Pickle the query alone: modules cannot be pickled."""
        return table_of, (self._lazy,)

    @property
    def identity(self):
        raise DataTypeError(
            "no digest can be made of a lazy frame, whose files may change: write its result "
            "with sink_parquet, or leave out journal"
        )

    def count(self):
        lengths = self._nw.from_native(self._lazy).select(self._nw.len())
        return int(lengths.collect()["len"][0])

    def frames(self, start, names, size):
        lazy = self._lazy.select(names)
        lazy = lazy.slice(start) if start else lazy
        if hasattr(lazy, "collect_batches"):  # one run of the query
            pieces = lazy.collect_batches(chunk_size=size, maintain_order=True)
        else:  # a run for each piece, which a scan of files answers without the rows before
            rows = range(0, self.count() - start, size)
            pieces = (lazy.slice(at, size).collect() for at in rows)
        yield from map(self._nw.from_native, pieces)


class ArrowTable:
    """A dataset of pyarrow: files of Parquet, Arrow and others, in one folder or several.

    Row groups of Parquet are opened when it is their turn, so that memory holds a few of them.
    """

    def __init__(self, dataset):
        with needed_by("TableStream of files or a dataset"):
            import narwhals as nw
            import pyarrow.dataset
        names = dataset.schema.names
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(f"source: columns share a name: {twice!r}")
        self._dataset, self._nw, self._arrow = dataset, nw, pyarrow
        self.sample = nw.from_native(dataset.schema.empty_table())
        self._counted = None

    def __reduce__(self):
        """Pickle the dataset alone: the rest is found again, and modules cannot be pickled."""
        return ArrowTable, (self._dataset,)

    @property
    def identity(self):
        """The names, sizes and times of the files, and their schema, for digests."""
        found = self._dataset.filesystem.get_file_info(list(self._dataset.files))
        files = [(info.path, info.size, info.mtime_ns) for info in found]
        return files, str(self._dataset.schema), [part[2] for part in self._parts()]

    def count(self):
        return sum(rows for _, _, rows in self._parts())

    def frames(self, start, names, size):
        with _file_errors():
            for part, skip in self._wanted(start, size):
                # two pieces ahead at most: the next chunk is made ahead by a thread anyway
                batches = part.to_batches(
                    schema=self._dataset.schema, columns=names, batch_size=size,
                    batch_readahead=1, fragment_readahead=1,
                )  # fmt: skip
                for batch in batches:
                    if skip < len(batch):
                        piece = self._arrow.Table.from_batches([batch.slice(skip)])
                        yield self._nw.from_native(piece)
                    skip = max(skip - len(batch), 0)

    def _wanted(self, start, size):
        """Yield (what can be scanned, rows of it to leave out) from a row on, in order.

        Small row groups of a file are scanned together, for about `size` rows a scan.
        """
        parts, at = self._parts(), 0
        while at < len(parts) and start >= parts[at][2]:
            start -= parts[at][2]
            at += 1
        while at < len(parts):
            fragment, group, rows = parts[at]
            groups, at = [group], at + 1
            while group is not None and rows - start < size and at < len(parts):
                if parts[at][0] is not fragment:
                    break
                groups.append(parts[at][1])
                rows += parts[at][2]
                at += 1
            yield fragment if group is None else fragment.subset(row_group_ids=groups), start
            start = 0

    def _parts(self):
        """Return (fragment, row group or None, rows) of all parts, from the files' metadata."""
        if self._counted is None:
            with _file_errors():
                self._counted = list(self._found())
        return self._counted

    def _found(self):
        try:
            fragments = list(self._dataset.get_fragments())
        except ValueError:  # of a dataset with a filter, which can be scanned as a whole
            yield _Whole(self._dataset), None, self._dataset.count_rows()
            return
        for fragment in fragments:
            if hasattr(fragment, "row_groups"):
                for group in fragment.row_groups:
                    yield fragment, group.id, group.num_rows
            elif self._has_batches(fragment):
                file = _ArrowFile(fragment, self._arrow.ipc)
                for number, rows in enumerate(file.lengths()):
                    yield file, number, rows
            else:
                yield fragment, None, fragment.count_rows()

    def _has_batches(self, fragment):
        """Return whether a fragment is an Arrow file with the columns of the dataset."""
        kind = self._arrow.dataset.IpcFileFormat
        return (
            isinstance(getattr(fragment, "format", None), kind)
            and fragment.buffer is None
            and fragment.physical_schema.equals(self._dataset.schema)
        )


class _ArrowFile:
    """An Arrow file whose record batches are read one by one, like row groups of Parquet.

    A scan by pyarrow would read much of the file ahead, and always from its beginning.
    """

    def __init__(self, fragment, ipc):
        self._fragment, self._ipc, self._numbers = fragment, ipc, None

    def lengths(self):
        """Return the numbers of rows of all record batches; reads the first column only."""
        with self._open([0]) as reader:
            numbers = range(reader.num_record_batches)
            return [reader.get_batch(number).num_rows for number in numbers]

    def subset(self, row_group_ids):
        """Return some of the record batches, as a fragment of Parquet does."""
        part = _ArrowFile(self._fragment, self._ipc)
        part._numbers = row_group_ids
        return part

    def to_batches(self, schema, columns, **how):
        with self._open(sorted(map(schema.get_field_index, columns))) as reader:
            for number in self._numbers:
                yield reader.get_batch(number).select(columns)

    @contextlib.contextmanager
    def _open(self, fields):
        options = self._ipc.IpcReadOptions(included_fields=fields)
        fragment = self._fragment
        with (
            fragment.filesystem.open_input_file(fragment.path) as file,
            self._ipc.open_file(file, options=options) as reader,
        ):
            yield reader


class _Whole:
    """A dataset that is scanned like a fragment."""

    def __init__(self, dataset):
        self._dataset = dataset

    def to_batches(self, schema, **how):
        return self._dataset.to_batches(**how)


def _dataset(path):
    """Return the dataset of the files at a path."""
    with needed_by("TableStream of files"):
        import pyarrow.dataset
    if os.path.exists(path):
        path = os.path.abspath(path)  # it may be opened from another folder
    name, partitioning = PurePath(path), None
    if os.path.isdir(path):
        partitioning = "hive"  # folders such as year=2024 are a column
        found = (file for file in sorted(Path(path).rglob("*")) if file.is_file())
        name = next((file for file in found if file.name[0] not in "._"), name)
    with _file_errors():
        return pyarrow.dataset.dataset(
            path, format="ipc" if name.suffix in ARROW else "parquet", partitioning=partitioning
        )


@contextlib.contextmanager
def _file_errors():
    """Turn what pyarrow says of damaged files into a FileError; a missing file stays one."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError, TypeError, NotImplementedError) as error:  # pyarrow's are such
        raise FileError(f"source: cannot be read: {error}") from error
