"""Steps for single rows, on the engine's ``Descent``."""

import numpy as np

from fastgd._core.types import Status
from fastgd._data.validation import number, numeric
from fastgd.errors import DataError, DivergenceError
from fastgd.linear.adapter import check_row


class RowLearner:
    """Train the weights of a Descent row by row, for classes or for numbers."""

    def __init__(self, descent, loss, classes):
        self.descent, self._step = descent, descent.step
        #: the smallest target that the loss allows
        self.least_target = 0.0 if loss == "poisson" else -np.finfo(np.float64).max
        self._classes = classes
        self._target_of = None  # class -> target of the engine
        if classes is not None:
            two = classes == 2 and loss != "multinomial"
            self._target_of = {c: float(2 * c - 1 if two else c) for c in range(classes)}

    def step(self, x, y, weight):
        """Take one step for one row (d,)."""
        try:
            target = y if self._target_of is None else self._target_of[y]
            status = self._step(x, target, weight)
            if status < 0:
                check_row(x, self.descent.weights.coef.shape[1])
                status = self._step(numeric(x, "x").astype(np.float64), target, weight)
        except (KeyError, TypeError):
            number(weight, "sample_weight", low=0)
            if self._classes is None:
                number(y, "y")
                raise
            raise DataError(
                f"y: expected a class number from 0 to {self._classes - 1}, got {y!r}: declare "
                "classes at the first call"
            ) from None
        if status != Status.STATUS_FINE:
            if not np.isfinite(x).all():
                column = int(np.argmin(np.isfinite(x)))
                raise DataError(f"x: {x[column]} at column {column}, which is not finite")
            raise DivergenceError(
                "the weights would not be finite after this row: scale the columns of x, or "
                "lower the rate"
            )
