"""Turn log-odds into points of a scorecard."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from fastgd._data.arguments import choice, positive_number
from fastgd._data.validation import number, numeric
from fastgd._typing import Array, Data
from fastgd.errors import DataTypeError
from fastgd.explain.explanation import Explanation
from fastgd.explain.target import target_of


class ScoreTable(NamedTuple):
    """Hold a linear model in points: the score is base + sum of points times value."""

    base: float
    points: dict[str, float]  #: for one unit of each column


@dataclass(frozen=True)
class Scorecard:
    """Turn log-odds into points, so that the odds of good double every so many points.

        score = offset + factor ln(odds of good),
        factor = pdo / ln 2,  offset = score at given odds - factor ln(those odds)

    (Siddiqi 2006). The odds are good : bad, and more points are better. By default a model's
    logit is taken as the log-odds of *bad*, such as a default, so it enters with a minus.

    Parameters
    ----------
    pdo : float, above 0
        Points to double the odds.
    score : float
        The score at `odds`.
    odds : float, above 0
        Of good to bad: 50 is one bad among 51.
    adverse : {"high", "low"}
        Whether a high logit counts against a row, as for ``reason_codes``: "low" for a model of
        the probability of good.

    Examples
    --------
    >>> from fastgd.explain import Scorecard
    >>> card = Scorecard(pdo=20, score=600, odds=50)
    >>> round(card.factor, 4), round(card.offset, 4)
    (28.8539, 487.1229)
    >>> import math
    >>> card.score_of([-math.log(50), -math.log(100)]).round(6)
    array([600., 620.])
    """

    pdo: float = 20.0
    score: float = 600.0
    odds: float = 50.0
    adverse: str = "high"

    def __post_init__(self) -> None:
        for name, check in (
            ("pdo", positive_number), ("score", number), ("odds", positive_number),
        ):  # fmt: skip
            object.__setattr__(self, name, check(getattr(self, name), name))
        choice(self.adverse, "adverse", ("high", "low"))

    @property
    def factor(self) -> float:
        """Points for each unit of ln(odds)."""
        return self.pdo / math.log(2)

    @property
    def offset(self) -> float:
        """The score at even odds."""
        return self.score - self.factor * math.log(self.odds)

    @property
    def slope(self) -> float:
        """Points for each unit of the model's logit: the factor, negative for odds of bad."""
        return -self.factor if self.adverse == "high" else self.factor

    def score_of(self, logits: Data) -> Array:
        """Return the scores of some logits: float64, of their shape."""
        return self.offset + self.slope * numeric(logits, "logits").astype(np.float64)

    def points(self, explanation: Explanation) -> Explanation:
        """Return an explanation of a logit in points; with the base they add up to the score.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd.explain import Explanation, Scorecard
        >>> found = Explanation(np.array([[0.5, -1.0]]), np.zeros(1), None, ("age", "debt"))
        >>> card = Scorecard(pdo=20, score=600, odds=1)
        >>> card.points(found).values.round(2), card.points(found).base_values
        (array([[-14.43,  28.85]]), array([600.]))
        """
        if not isinstance(explanation, Explanation):
            raise DataTypeError(f"explanation: expected an Explanation, got {explanation!r}")
        size = {
            name: abs(self.slope) * np.asarray(error)
            for name, error in explanation.errors.items()
            if name in ("additivity", "standard_error")
        }
        return Explanation(
            self.slope * explanation.values, self.offset + self.slope * explanation.base_values,
            explanation.data, explanation.names, {**explanation.errors, **size},
        )  # fmt: skip

    def table(self, model: Any, output: Any = None) -> ScoreTable:
        """Return the points of a linear model: base, and those of one unit of each column.

        For columns of 0 and 1, such as one-hot or binned ones, these are a card's attributes.

        Parameters
        ----------
        model : LinearModel, or fitted linear estimator of fastgd.sklearn
        output : a class, optional

        Returns
        -------
        ScoreTable
            base, and points, a dict of column name -> float.

        Raises
        ------
        DataTypeError
            For a network: give ``points`` an explanation of it.

        Examples
        --------
        >>> from fastgd import linear
        >>> from fastgd.explain import Scorecard
        >>> model = linear.LinearModel("log_loss", l2=0.1)
        >>> model = model.fit([[0.0], [0.0], [1.0], [1.0]], [0, 0, 0, 1])
        >>> table = Scorecard(pdo=20, score=600, odds=50).table(model)
        >>> table.points["x0"] < 0 < table.base
        True
        """
        target = target_of(model, output)
        if target.coef is None:
            raise DataTypeError(
                f"model: expected a linear one, got {type(model).__name__}: give points() an "
                "explanation of it"
            )
        names = target.names_for(None)
        points = (self.slope * target.coef).tolist()
        return ScoreTable(
            self.offset + self.slope * target.intercept, dict(zip(names, points, strict=True))
        )
