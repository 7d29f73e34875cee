"""The results of many jobs."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

import numpy as np

from fastgd._data.validation import number
from fastgd._registry.extras import needed_by
from fastgd._typing import Array
from fastgd.errors import DataTypeError
from fastgd.many import plotting
from fastgd.many.prepare import joined


@dataclass(eq=False, slots=True)
class Result:
    """Hold the result of one job.

    Attributes
    ----------
    index : int
        The place of the job among all.
    name : str
        The job's; its index by default.
    params : dict
        The job's: what sets it apart from the others, such as the parameters of a search.
    seed : int
        ``utils.set_random_seed(seed)`` before the same calls gives the same bits.
    model : Model or estimator
        Trained; None if models are not kept, or none could be made.
    history : History
        That of ``fit``; None for estimators.
    scores : dict
        The last value of each name in the history, and those that ``score`` returned.
    error : Exception
        Why the job failed; None if it did not.
    seconds : float
        How long it took; with several threads, how long until it was done.
    job : dict
        The job, without model, data and callbacks.
    prepare : object
        The fitted step of a job that has one, see ``many.cross_validate``; else None.
    predictions : tuple
        (array, classes or None): those that ``many.cross_validate`` and ``many.bagging`` ask
        for, until they are joined to those of all; else None.

    Examples
    --------
    >>> from fastgd.many import Result
    >>> Result(0, "first", {"units": 8}, 1, scores={"loss": 0.5}).to_dict()
    {'index': 0, 'name': 'first', 'units': 8, 'loss': 0.5, 'seconds': 0.0, 'error': None}
    """

    index: int
    name: str
    params: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    model: Any = None
    history: Any = None
    scores: dict[str, Any] = field(default_factory=dict)
    error: Exception | None = None
    seconds: float = 0.0
    job: dict[str, Any] = field(default_factory=dict)
    prepare: Any = None
    predictions: Any = None

    @property
    def ok(self) -> bool:
        """Whether the job has not failed."""
        return self.error is None

    def to_dict(self) -> dict[str, Any]:
        """Return the result as one flat dict, without model and history."""
        error = None if self.error is None else f"{type(self.error).__name__}: {self.error}"
        row = {"index": self.index, "name": self.name, **self.params, **self.scores}
        return row | {"seconds": self.seconds, "error": error}

    def __repr__(self):
        scores = ", ".join(f"{name}={short(value)}" for name, value in self.scores.items())
        text = scores or "done" if self.ok else f"failed: {self.error!r}"
        return f"<Result {self.index} {self.name!r}: {text}>"


class Results(Sequence[Result]):
    """Hold the results of many jobs, in the order of the jobs.

    Examples
    --------
    >>> from fastgd.many import Result, Results
    >>> results = Results(
    ...     [Result(0, "a", scores={"loss": 0.5}), Result(1, "b", error=ValueError("no"))]
    ... )
    >>> len(results), results[0].name, results.failed
    (2, 'a', [<Result 1 'b': failed: ValueError('no')>])
    """

    def __init__(self, results: Iterable[Result] = ()):
        self._results = sorted(results, key=lambda result: result.index)

    def __len__(self) -> int:
        return len(self._results)

    @overload
    def __getitem__(self, place: int) -> Result: ...
    @overload
    def __getitem__(self, place: slice) -> "Results": ...
    def __getitem__(self, place):
        if isinstance(place, slice):
            return Results(self._results[place])
        return self._results[place]

    @property
    def models(self) -> list[Any]:
        """The trained models of the jobs that did not fail; with steps as PreparedModel."""
        return [joined(result) for result in self if result.ok and result.model is not None]

    @property
    def failed(self) -> list[Result]:
        """The results of the jobs that failed."""
        return [result for result in self if not result.ok]

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return one flat dict for each job, see ``Result.to_dict``."""
        return [result.to_dict() for result in self]

    def to_frame(self) -> Any:
        """Return a pandas.DataFrame with the jobs as rows, parameters and scores as columns."""
        with needed_by("to_frame"):
            import pandas

        rows = self.to_dicts()
        columns = list(dict.fromkeys(["index", *(key for row in rows for key in row)]))
        return pandas.DataFrame(rows, columns=columns).set_index("index")

    def plot(self, figure: str = "loss", ax: Any = None) -> Any:
        """Draw the score or parameter named `figure` over the jobs; return the Figure."""
        return plotting.scores_by_job(self.to_dicts(), figure, ax)

    def __repr__(self):
        return f"<Results of {len(self)} jobs, {len(self.failed)} failed>"


def number_or_array(value: Any) -> float | Array:
    """Return the value of a score: a float or, of one a class, an array of them."""
    return np.asarray(value, dtype=float) if np.ndim(value) else float(value)


def short(value: Any, digits: int = 4) -> str:
    """Return a score as text: floats, also those of an array, with so many digits."""
    if isinstance(value, np.ndarray):
        return f"[{' '.join(short(one, digits) for one in value.tolist())}]"
    return f"{value:.{digits}g}" if isinstance(value, float) else repr(value)


def as_scores(scores):
    """Return the scores that a user's function returned as a dict; one number is "score"."""
    if isinstance(scores, dict):
        return scores
    try:
        return {} if scores is None else {"score": number(scores, "score")}
    except DataTypeError:
        raise DataTypeError(
            f"score: expected it to give a number or a dict of them, got {scores!r}"
        ) from None
