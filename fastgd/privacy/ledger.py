"""Note each step of private training, so that its epsilon can be told at any time."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from fastgd._data.arguments import choice, listed, positive_number
from fastgd._data.validation import boolean, number, whole_number
from fastgd._registry.objects import Serializable
from fastgd._typing import Config
from fastgd.errors import ArgumentError, DataTypeError, PrivacyError
from fastgd.privacy.accounting import (
    MOST,
    RELATIONS,
    Relation,
    check_delta,
    checked_batch_size,
    compose,
)
from fastgd.privacy.dpsgd import DPSGD


class Span(NamedTuple):
    """Hold steps that were alike; rate is batch_size / rows."""

    rate: float
    noise_multiplier: float
    l2_norm_clip: float
    steps: int
    rows: int


class Ledger(Serializable):
    """Note the private steps that a model has taken, as spans of steps that were alike.

    Steps on other rows, such as of another ``fit`` on new data, are counted as if every row had
    been in all of them. Their epsilon therefore holds for each row, in whichever of the data it
    is.

    Parameters
    ----------
    spans : iterable of Span
        Spans to begin with, or lists of their five numbers, as a file has them.
    seeded : bool
        Whether noise came from a seed.

    Raises
    ------
    ArgumentError, DataTypeError
        For spans that are none.

    Examples
    --------
    >>> from fastgd import privacy
    >>> ledger = privacy.Ledger()
    >>> for _ in range(2):
    ...     ledger.add(privacy.DPSGD(1.0, 1.1), rows=1000, batch_size=100, steps=10)
    >>> ledger
    Ledger(spans=[[0.1, 1.1, 1.0, 20, 1000]], seeded=False)
    >>> [span.steps for span in ledger], round(ledger.epsilon(1e-5), 2)
    ([20], 2.98)
    """

    def __init__(self, spans: Iterable[Any] = (), seeded: bool = False):
        self._spans: list[Span] = []
        for span in listed(spans, "spans"):
            self._append(_checked_span(span))
        self._seeded = boolean(seeded, "seeded")

    @property
    def seeded(self) -> bool:
        """Whether noise came from a seed: then nothing is private."""
        return self._seeded

    @property
    def steps(self) -> int:
        """The number of all steps."""
        return sum(span.steps for span in self._spans)

    def __iter__(self) -> Iterator[Span]:
        return iter(tuple(self._spans))

    def add(self, privacy: DPSGD, *, rows: int, batch_size: int, steps: int = 1) -> None:
        """Note steps that were taken; a span that is like the last one goes on with it.

        Parameters
        ----------
        privacy : DPSGD
            Clip and noise. Its seed marks the ledger.
        rows, batch_size : int
            How many rows there were to draw from, and how many a batch has on average.
        steps : int
            At least 0; 0 changes nothing.

        Examples
        --------
        >>> from fastgd import privacy
        >>> ledger = privacy.Ledger()
        >>> ledger.add(privacy.DPSGD(1.0, 1.1, seed=3), rows=1000, batch_size=100)
        >>> ledger.steps, ledger.seeded
        (1, True)
        """
        if not isinstance(privacy, DPSGD):
            raise DataTypeError(f"privacy: expected a DPSGD, got {privacy!r}")
        rows = whole_number(rows, "rows", 1, MOST)
        rate = checked_batch_size(batch_size, rows) / rows
        if whole_number(steps, "steps", 0, MOST):
            self._append(
                Span(rate, privacy.noise_multiplier, privacy.l2_norm_clip, int(steps), rows)
            )
            self._seeded = self._seeded or privacy.seed is not None

    def epsilon(self, delta: float, relation: Relation = "add_or_remove_one") -> float:
        """Return the epsilon of all steps together, 0 of none.

        Parameters
        ----------
        delta, relation
            As for ``privacy.epsilon``.

        Raises
        ------
        PrivacyError
            If noise came from a seed.
        ArgumentError, DataTypeError
            As ``privacy.epsilon``.
        MissingExtraError
            If dp-accounting is not installed: ``pip install "fastgd[privacy]"``.

        Notes
        -----
        Privacy loss distributions of the spans are convolved; see ``privacy.epsilon``.
        Clipping does not enter, since noise is in units of the clip.

        Examples
        --------
        >>> from fastgd import privacy
        >>> ledger = privacy.Ledger()
        >>> ledger.epsilon(1e-5)
        0.0
        >>> ledger.add(privacy.DPSGD(1.0, 1.0), rows=100, batch_size=100)
        >>> round(ledger.epsilon(1e-5), 4)
        4.3772
        """
        choice(relation, "relation", RELATIONS)
        check_delta(delta, max((span.rows for span in self._spans), default=1))
        if self._seeded:
            raise PrivacyError(
                "epsilon: the noise came from a seed, which allows to subtract it: nothing is "
                "private. Train from the beginning with DPSGD(seed=None)"
            )
        return compose(
            [(s.rate, s.noise_multiplier, s.steps) for s in self._spans], delta, relation
        )

    def get_config(self) -> Config:
        """Return the spans and the mark, as JSON can hold them."""
        return {"spans": [list(span) for span in self._spans], "seeded": self._seeded}

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ledger):
            return NotImplemented
        return (self._spans, self._seeded) == (other._spans, other._seeded)

    __hash__ = None  # type: ignore[assignment]  # it changes

    def __repr__(self) -> str:
        config = self.get_config()
        return f"Ledger(spans={config['spans']}, seeded={config['seeded']})"

    def _append(self, span):
        """Note a span, together with the last one if they differ in steps alone."""
        if self._spans and self._spans[-1]._replace(steps=span.steps) == span:
            span = span._replace(steps=span.steps + self._spans.pop().steps)
        self._spans.append(span)


def _checked_span(values):
    """Return a span from five numbers; ArgumentError for what no training has."""
    if not isinstance(values, (list, tuple)) or len(values) != len(Span._fields):
        raise ArgumentError(
            f"spans: expected ({', '.join(Span._fields)}) for each, got {values!r}"
        )
    given = Span(*values)
    rows = whole_number(given.rows, "rows", 1, MOST)
    rate = positive_number(given.rate, "rate", 1)
    if not (size := round(rate * rows)) or size / rows != rate:
        raise ArgumentError(
            f"rate: expected batch_size / rows, with {rows} rows, got {given.rate!r}"
        )
    return Span(
        rate,
        number(given.noise_multiplier, "noise_multiplier", low=0),
        positive_number(given.l2_norm_clip, "l2_norm_clip"),
        whole_number(given.steps, "steps", 1),
        rows,
    )
