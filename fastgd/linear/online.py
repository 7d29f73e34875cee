"""A linear model learns row by row, and answers row by row."""

from dataclasses import replace
from types import NoneType

import numpy as np

from fastgd._core.types import Status
from fastgd._data.validation import number, numeric
from fastgd.errors import ArgumentError, DataError, DivergenceError, ShapeError
from fastgd.linear.answers import response
from fastgd.linear.epochs import Chunk
from fastgd.linear.predicting import Predicting
from fastgd.linear.problem import REGRESSIONS
from fastgd.linear.sgd import SGD

INFINITY = float("inf")

#: What an array of numbers has for items.
NUMBERS = {float, int, bool}


class Online(Predicting):
    """The part of a ``LinearModel`` that learns as rows come."""

    def partial_fit(self, x, y, sample_weight=None, classes=None, solver=None):
        """Go once over some rows by stochastic gradient descent, from where the weights are.

        Parameters
        ----------
        x, y, sample_weight :
            As in ``fit``. Here a weight is what the row's step is multiplied by.
        classes : int, list or None
            How many classes there will be, or all their numbers; from the second call on they
            are known. None at first: as many as y says.
        solver : SGD or None
            At the first call; later calls go on with it. Its epochs and tol do not matter.

        Returns
        -------
        LinearModel
            This one.

        Raises
        ------
        DataError
            For a class that was not declared; and see ``fit``.

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
        descent = self._descent
        if (
            descent is not None
            and sample_weight is classes is solver is None
            and type(y) is np.ndarray
            and y.shape == (1,)
            and self._direct
            and descent.is_row(x)
            and type(target := y.item()) in NUMBERS
            and self._least_target <= target < INFINITY
        ):
            self._step(descent, x[0], target, 1.0)
            return self
        if not isinstance(solver, (SGD, NoneType)):
            raise ArgumentError(f"solver: rows in parts are for SGD, got {solver!r}")
        problem, classes, names = self._problem(
            x, y, sample_weight, None, classes, True, whole=False
        )
        if self._descent is None or solver is not None:
            self._begin(problem, classes, solver)
        self.feature_names = names
        once = replace(self._solver, epochs=1, tol=None, early_stopping=False)
        if len(y):
            chunk = Chunk(problem.rows, problem.y, problem.weights)
            once.follow(problem, self._descent, [chunk])
        return self

    def learn_one(self, x, y, sample_weight=1.0):
        """One step for one row, without any look at its values.

        Parameters
        ----------
        x : ndarray (d,), float32 or float64; or a dict of name -> number
            The names of the first dict are the columns from then on; one that is missing later
            counts as 0.
        y : number
            The target, or class number.
        sample_weight : float

        Returns
        -------
        LinearModel
            This one.

        Raises
        ------
        ShapeError, DataTypeError, DataError
            If x is no row of as many numbers as there are columns, or y no number or class; for
            several targets a row, which are for ``partial_fit``.
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
        descent = self._descent
        if descent is None or type(x) is not np.ndarray or not self._direct:
            return self._learn_any(x, y, sample_weight)
        self._step(descent, x, y, sample_weight)
        return self

    def predict_one(self, x):
        """What ``predict`` says of one row.

        Parameters
        ----------
        x : ndarray (d,), or dict of name -> number
            As ``learn_one`` takes it.

        Returns
        -------
        int or float, or ndarray (k,) of float64 for k targets

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
        >>> round(model.predict_one({"size": 2.0}), 6)
        5.0
        """
        coef, intercept = self._result()
        if type(x) is not np.ndarray or x.dtype.kind != "f" or not self._direct:
            x, _ = self._row(x)
        engine = self._engine()
        z = engine.row_decisions(x, coef, intercept)
        if z is None:
            self._check_row(x)
            z = engine.row_decisions(np.array(x, np.float64), coef, intercept)
        if len(z) == 1 and self.loss != "poisson":
            return z[0] if self.loss in REGRESSIONS else int(z[0] > 0)
        answer = response(engine, self.loss, np.array(z if len(z) == 1 else [z]))[0]
        return answer.item() if answer.ndim == 0 else answer

    def _default_solver(self, problem):
        return SGD("optimal" if problem.l1 + problem.l2 > 0 else "invscaling")

    def _begin(self, problem, classes, solver):
        """Make the engine ready to step, from the weights there are."""
        solver = solver or self._solver or self._default_solver(problem)
        weights = self._weights
        if weights is None or self._solver is None or solver != self._solver:
            descent = solver.begin(problem, self._start(problem, True), objective=False)
        else:
            descent = problem.engine.Descent(solver.plan(problem, objective=False), weights)
        self._keep(descent.weights, classes, self.feature_names, solver, descent)

    def _learn_any(self, x, y, sample_weight):
        """``learn_one`` of what is no array, or comes first."""
        x, names = self._row(x)
        self._check_row(x)
        weight = number(sample_weight, "sample_weight", low=0)
        descent = self._descent
        if descent is None:
            if np.ndim(y):
                raise ShapeError(f"y: expected one number, got shape {np.shape(y)}")
            problem, classes, _ = self._problem(
                x[None], np.reshape(y, (1,)), None, None, None, True
            )
            self._begin(problem, classes, None)
            descent = self._descent
        elif self.loss in REGRESSIONS and len(self._weights.coef) > 1:
            k = len(self._weights.coef)
            raise ShapeError(f"y: a row has {k} targets, for which there is partial_fit")
        self._step(descent, x, y, weight)
        self.feature_names = names
        return self

    def _step(self, descent, x, y, weight):
        """One step for one row."""
        try:
            target = y if self._target_of is None else self._target_of[y]
            status = descent.step(x, target, weight)
            if status < 0:
                self._check_row(x)
                status = descent.step(numeric(x, "x").astype(np.float64), target, weight)
        except (KeyError, TypeError):
            number(weight, "sample_weight", low=0)
            if self.classes is None:
                number(y, "y")
                raise
            raise DataError(
                f"y: expected a class number from 0 to {self.classes - 1}, got {y!r}: declare "
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

    def _row(self, x):
        """A row (d,) of a dict or of anything else, and the names of its columns or None."""
        names = self.feature_names
        if not isinstance(x, dict):
            return numeric(x, "x").astype(self.dtype or np.float64), names
        if names is None:
            names = tuple(x)
            if self._weights is not None and len(x) != self._weights.coef.shape[1]:
                raise ShapeError(
                    f"x: the model expects {self._weights.coef.shape[1]} columns, got {len(x)}"
                )
        unknown = x.keys() - set(names)
        if unknown:
            raise ArgumentError(
                f"x: no column is called {next(name for name in x if name in unknown)!r} "
                f"(there are: {', '.join(map(str, names))})"
            )
        values = [x.get(name, 0.0) for name in names]
        try:
            return np.array(values, self.dtype or np.float64), names
        except (TypeError, ValueError):
            for name, value in zip(names, values, strict=True):
                number(value, f"x[{name!r}]")
            raise

    def _check_row(self, x):
        if x.ndim != 1:
            raise ShapeError(f"x: expected one row (columns,), got shape {x.shape}")
        if self._weights is not None and len(x) != self._weights.coef.shape[1]:
            raise ShapeError(
                f"x: the model expects {self._weights.coef.shape[1]} columns, got {len(x)}"
            )
