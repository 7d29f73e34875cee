"""Train a linear model further: by parts, and row by row."""

from dataclasses import replace
from types import NoneType
from typing import Any, Self

import numpy as np

from fastgd._data.validation import number, numeric
from fastgd._typing import Data
from fastgd.errors import ArgumentError, ShapeError
from fastgd.linear.data import Chunk, check_row, offset_of, row_of
from fastgd.linear.objective import REGRESSIONS, Solution, zero_solution
from fastgd.linear.prediction import LinearPredictor
from fastgd.linear.sgd import SGD, RowLearner, default_sgd

INFINITY = float("inf")

#: The types of the items of an array of numbers.
NUMBERS = {float, int, bool}


class OnlineLearner(LinearPredictor):
    """Take steps of SGD with the weights of a ``LinearModel``."""

    def _adapter(self, n_jobs: int | None, resumes: bool) -> Any:
        raise NotImplementedError

    def _keep(self, weights: Any, classes: Any, names: Any, solver: Any = None,
              has_offset: bool = False) -> None:  # fmt: skip
        raise NotImplementedError

    def partial_fit(self, x: Data, y: Data, sample_weight: Data | None = None,
                    classes: Any = None, solver: SGD | None = None,
                    offset: Data | None = None) -> Self:  # fmt: skip
        """Train one epoch of SGD from the current weights, and return the model.

        Parameters
        ----------
        x, y, sample_weight
            As in ``fit``. Here the step of a row is multiplied by its weight.
        classes : int, list or None
            The number of classes that will come, or all class numbers; known from the second
            call on. None at first: as many as y shows.
        solver : SGD or None
            For the first call; later calls continue with it. Its epochs and tol do not matter.
        offset : array (n,), float or None
            As in ``fit``. Once there was one, later calls have to give it.

        Errors are those of ``fit``; a class that was not declared is a DataError.

        Examples
        --------
        >>> import numpy as np
        >>> from fastgd import linear
        >>> model = linear.LinearModel("log_loss", l2=1e-3)
        >>> x = np.array([[-1.0], [1.0]])
        >>> for _ in range(50):
        ...     model = model.partial_fit(x, [0, 1], classes=2)
        >>> model.predict(x)
        array([0, 1])
        """
        learner = self._learner
        if (
            learner is not None
            and sample_weight is classes is solver is offset is None
            and type(y) is np.ndarray
            and y.shape == (1,)
            and self._direct
            and learner.descent.is_row(x)
            and type(target := y.item()) in NUMBERS
            and learner.least_target <= target < INFINITY
        ):
            learner.step(x[0], target, 1.0)
            return self
        if not isinstance(solver, (SGD, NoneType)):
            raise ArgumentError(f"solver: rows in parts are for SGD, got {solver!r}")
        problem, classes, names = self._adapter(None, True).prepare(
            x, y, sample_weight, classes, whole=False, offset=offset
        )
        if learner is None or solver is not None:
            learner = self._begin(problem, classes, solver)
        self._note(names, offset)
        if len(y):
            once = replace(self._solver, epochs=1, tol=None, early_stopping=False)
            chunk = Chunk(problem.rows, problem.y, problem.weights, offset=problem.offset)
            once.follow(problem, learner.descent, [chunk])
        return self

    def learn_one(self, x: Data, y: float, sample_weight: float = 1.0,
                  unknown_features: str = "raise",
                  offset: float | None = None) -> Self:  # fmt: skip
        """Take one step for one row, of finite numbers, and return the model.

        Parameters
        ----------
        x : array (d,); or a dict, other mapping or Series of name -> number
            The names of the first dict are the columns from then on; one that is missing later
            counts as 0.
        y : number, the target or class number
        sample_weight : float of at least 0
            A row of weight 0 changes nothing.
        unknown_features : {"raise", "ignore"}
            Whether a name in x that no column has is an ArgumentError, or left out.
        offset : float or None
            Added to x w + b, as in ``fit``. Once there was one, later calls have to give it.

        Raises
        ------
        ArgumentError
            If the weight is negative or not finite, or the offset missing.
        ShapeError, DataTypeError, DataError
            If x is not a row with a number for each column, or y not a number or class; for
            several targets a row, which ``partial_fit`` takes.
        DivergenceError
            If weights would not be finite; they stay as they were.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("log_loss", l2=1e-4)
        >>> for _ in range(20):
        ...     model = model.learn_one({"age": 0.5, "debt": 2.0}, 1)
        ...     model = model.learn_one({"age": 0.5, "debt": -2.0}, 0)
        >>> model.predict_one({"age": 0.5, "debt": 3.0})
        1
        """
        learner, names = self._learner, self.feature_names
        direct = learner is not None and self._direct and offset is None
        if direct and learner.step(x, y, sample_weight, names, unknown_features):
            return self
        x, names = row_of(x, names, self._width(), self.dtype, unknown_features)
        check_row(x, self._width())
        weight = number(sample_weight, "sample_weight", low=0)
        outputs = 1 if self._weights is None else len(self._weights.coef)
        shift = offset_of(offset, 1, outputs, self.has_offset)
        if learner is None:
            if shape := numeric(y, "y").shape:
                raise ShapeError(f"y: expected one number, got shape {shape}")
            problem, classes, _ = self._adapter(None, True).prepare(
                x[None], np.reshape(y, (1,)), None, offset=offset
            )
            learner = self._begin(problem, classes, None)
        elif self.loss in REGRESSIONS and len(self._weights.coef) > 1:
            k = len(self._weights.coef)
            raise ShapeError(f"y: a row has {k} targets, for which there is partial_fit")
        learner.step(x, y, weight, offset=0.0 if shift is None else float(shift[0]))
        self._note(names, offset)
        return self

    def _note(self, names, offset):
        """Remember the names of columns, and whether rows have an offset."""
        self.feature_names = names
        if offset is not None:
            self.has_offset, self._direct = True, False

    def _begin(self, problem, classes, solver):
        """Return a RowLearner that continues from the current weights."""
        solver = solver or self._solver or default_sgd(problem)
        weights = self._weights
        if weights is None or self._solver is None or solver != self._solver:
            start = zero_solution(problem)
            if weights is not None:
                start = Solution(*self._result())
            descent = solver.begin(problem, start, objective=False)
        else:
            descent = problem.engine.Descent(solver.plan(problem, objective=False), weights)
        self._keep(descent.weights, classes, self.feature_names, solver, self.has_offset)
        self._learner = RowLearner(descent, self.loss, classes)
        return self._learner
