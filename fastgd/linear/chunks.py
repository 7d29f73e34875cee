"""A stream of rows, chunk by chunk."""

from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError
from fastgd.linear.epochs import Chunk


class Stream:
    """Chunks as a user gives them, made ready one by one: an iterable of Chunk.

    Parameters
    ----------
    chunks : iterable of (x, y) or (x, y, sample_weight)
    ready : function of x, y, sample_weight and the number of classes
        Makes (Problem, number of classes, names of columns) of a chunk.
    classes : int or None

    Attributes
    ----------
    first : what ``ready`` made of the first chunk
    once : bool
        Whether they can be iterated only once.
    """

    def __init__(self, chunks, ready, classes):
        try:
            begun = iter(chunks)
        except TypeError:
            raise DataTypeError(
                f"x: expected rows, with y, or chunks, got {type(chunks).__name__}"
            ) from None
        self._chunks, self._make_ready = chunks, ready
        self.once = begun is chunks
        head = next(begun, None)
        if head is None:
            raise DataError("x: there are no chunks")
        self._rest = begun if self.once else None
        self.first = self._ready(head, classes)

    def _ready(self, chunk, classes):
        if not isinstance(chunk, (tuple, list)) or len(chunk) not in (2, 3):
            raise DataTypeError("x: expected chunks (x, y) or (x, y, sample_weight)")
        return self._make_ready(
            chunk[0], chunk[1], chunk[2] if len(chunk) == 3 else None, classes
        )

    def __iter__(self):
        first, classes, names = self.first
        if self.once:
            yield Chunk(first.rows, first.y, first.weights)
        for chunk in self._rest if self.once else self._chunks:
            problem, _, others = self._ready(chunk, classes)
            if problem.rows.shape[1] != first.rows.shape[1]:
                raise ShapeError(
                    f"x: the first chunk has {first.rows.shape[1]} columns, another "
                    f"{problem.rows.shape[1]}"
                )
            if problem.outputs != first.outputs:
                raise ShapeError(
                    f"y: the first chunk has {first.outputs} targets a row, another "
                    f"{problem.outputs}"
                )
            if None not in (names, others) and names != others:
                raise ArgumentError(
                    f"x: the first chunk has the columns {names}, another {others}"
                )
            yield Chunk(problem.rows, problem.y, problem.weights)
