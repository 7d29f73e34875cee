"""Losses of a whole batch: the return of a strategy in units of its risk."""

import math

from fastgd._data.arguments import positive_number
from fastgd._data.validation import number
from fastgd._typing import Array, Data, Floatx
from fastgd.losses.loss import FormulaLoss
from fastgd.tape import Tensor


def sharpe(y_true: Data, y_pred: Data, cost: float = 0.0,
           periods: float | None = None) -> Array | Tensor:  # fmt: skip
    """Return the negative Sharpe ratio of a strategy, one number; see `Sharpe`.

    Examples
    --------
    >>> from fastgd import losses
    >>> returns, positions = [0.01, -0.02, 0.03, 0.005], [0.5, -0.25, 1.0, 0.75]
    >>> round(float(losses.sharpe(returns, positions, cost=0.001)), 12)
    -0.959076528803
    """
    return Sharpe(cost, periods).call(y_true, y_pred)


def sortino(y_true: Data, y_pred: Data, cost: float = 0.0,
            periods: float | None = None) -> Array | Tensor:  # fmt: skip
    """Return the negative Sortino ratio of a strategy, one number; see `Sortino`."""
    return Sortino(cost, periods).call(y_true, y_pred)


class RatioLoss(FormulaLoss, couples_rows=True):
    """Describe a loss of the returns of positions: arguments and checks of `Sharpe`."""

    def __init__(self, cost: float = 0.0, periods: float | None = None,
                 name: str | None = None, dtype: Floatx | None = None):  # fmt: skip
        super().__init__(name=name, dtype=dtype)
        self.cost = number(cost, "cost", 0)
        self.periods = None if periods is None else positive_number(periods, "periods")
        self.ordered = self.cost > 0

    def settings(self) -> list[float]:
        return [self.cost, math.sqrt(self.periods or 1)]


class Sharpe(RatioLoss, function=sharpe):
    """Minimise the negative Sharpe ratio of a strategy over a whole batch.

    A row is a period of time. ``y_true`` holds the returns of one or several assets, a column
    each, and ``y_pred`` the positions held over that period. With the return of a row

    R_t = sum over assets of position_t return_t - cost |position_t - position_(t-1)|

    the loss is -mean(R) / sqrt(var(R) + 1e-9), with the variance of the population (Lim, Zohren
    & Roberts 2019). Positions before the first row of a batch are 0. One number belongs to the
    whole batch: so a step sees all its rows at once and runs on one thread, the rows have no
    weights, and `evaluate` gives the ratio over all rows, in their order, for every batch size.

    Parameters
    ----------
    cost : float
        Of a change of a position by 1, in units of return. Rows have to keep their order then:
        fit with shuffle="batch", which shuffles batches as wholes, or shuffle=False.
    periods : float, optional
        Rows a year: the ratio is multiplied by its square root.

    Raises
    ------
    ArgumentError
        For a negative number; in `fit`, for a cost with shuffled rows, and for weights of rows.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import Sequential, layers, losses, utils
    >>> utils.set_random_seed(1)
    >>> signal = np.random.default_rng(1).normal(size=(1024, 1))
    >>> returns = 0.01 * signal + 0.02 * np.random.default_rng(2).normal(size=(1024, 1))
    >>> model = Sequential([layers.Dense(8, "tanh"), layers.Dense(1, "tanh")])
    >>> model.compile("adam", losses.Sharpe(cost=0.0005, periods=252))
    >>> history = model.fit(signal, returns, 256, epochs=50, verbose=0, shuffle="batch")
    >>> first, *_, last = history.history["loss"]
    >>> last < -3 < first
    True
    """


class Sortino(RatioLoss, function=sortino):
    """Minimise the negative Sortino ratio of a strategy over a whole batch.

    As `Sharpe`, but only losses count as risk: -mean(R) / sqrt(mean(min(R, 0)²) + 1e-9)
    (Sortino & van der Meer 1991, with a target of 0).

    Examples
    --------
    >>> from fastgd import losses
    >>> round(float(losses.Sortino()([0.02, -0.01, 0.03], [1.0, 1.0, 0.5])), 4)
    -1.4434
    """
