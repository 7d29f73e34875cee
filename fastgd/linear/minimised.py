"""What a linear model minimises, and its weights."""

import numpy as np

from fastgd import config
from fastgd._data.frames import column_names
from fastgd._data.validation import boolean, number, whole_number
from fastgd._engine import builds
from fastgd.errors import ArgumentError, NotBuiltError, ShapeError
from fastgd.linear.problem import LOSSES, REGRESSIONS, Problem, Solution
from fastgd.linear.rows import rows_of, targets, weights_of


class Minimised:
    """The parameters of a ``LinearModel``, its weights, and the problems it makes of data."""

    def __init__(
        self,
        loss="squared_error",
        *,
        l1=0.0,
        l2=0.0,
        fit_intercept=True,
        epsilon=0.1,
        quantile=0.5,
        dtype=None,
    ):
        if not isinstance(loss, str) or loss not in LOSSES:
            raise ArgumentError(f"loss: expected one of {', '.join(LOSSES)}, got {loss!r}")
        self.loss = loss
        self.l1 = number(l1, "l1", low=0)
        self.l2 = number(l2, "l2", low=0)
        self.fit_intercept = boolean(fit_intercept, "fit_intercept")
        self.epsilon = number(epsilon, "epsilon", low=0)
        self.quantile = number(quantile, "quantile", low=0, high=1)
        self.dtype = None if dtype is None else np.dtype(config.checked_floatx(dtype))
        self.classes = None
        self.feature_names = None
        self.n_iter = 0
        self.loss_value = None
        self._weights = None
        self._solver = None  # the SGD that steps
        self._descent = None  # the engine's view of the weights while it does
        self._target_of = None  # class -> what the engine takes it for
        self._direct = True  # whether the engine takes a row and a number as they come
        self._least_target = 0.0 if loss == "poisson" else -np.finfo(np.float64).max

    def __repr__(self):
        parts = [repr(self.loss)]
        parts += [
            f"{name}={getattr(self, name):g}" for name in ("l1", "l2") if getattr(self, name)
        ]
        shape = "" if self._weights is None else f", {'x'.join(map(str, self.coef.shape))}"
        return f"<LinearModel {', '.join(parts)}{shape}>"

    def __getstate__(self):
        """Everything but the engine's view of the weights, which is made anew."""
        if self._descent is not None:
            self._descent.settle()
        weights = None if self._weights is None else self._weights.copy()
        return self.__dict__ | {"_descent": None, "_weights": weights}

    @property
    def coef(self):
        return self._result()[0]

    @property
    def intercept(self):
        return self._result()[1]

    def _result(self):
        if self._weights is None:
            raise NotBuiltError("this linear model has no weights yet: fit it first")
        if self._descent is not None:
            self._descent.settle()
        return self._weights.result(int(self._solver.average) if self._solver else 0)

    def _engine(self):
        return builds.load(config.engine())

    def _problem(self, x, y, sample_weight, n_jobs, classes, goes_on, whole=True):
        """(Problem, the number of classes or None, names of columns) of what a user passed in.

        goes_on: whether it has to fit the weights there are. whole: whether these are all rows,
        so that weights need a mean.
        """
        known = self._weights is not None and goes_on
        rows = rows_of(x, self.dtype, self._weights.coef.shape[1] if known else None)
        names = self._names(x, goes_on)
        if classes is not None:
            classes = _class_count(classes)
            if self.loss in REGRESSIONS:
                raise ArgumentError(f"classes: {self.loss} is a loss of numbers, it has none")
        if known:
            if classes not in (None, self.classes):
                raise ArgumentError(f"classes: there are {self.classes}, got {classes}")
            classes = self.classes
        y, outputs = targets(y, self.loss, rows.shape[0], classes)
        if known and outputs != len(self._weights.coef):
            raise ShapeError(
                f"y: the model has {len(self._weights.coef)} outputs, got {outputs}"
            )
        if self.loss not in REGRESSIONS:
            classes = max(outputs, 2)
        weights = weights_of(sample_weight, rows.shape[0], whole)
        problem = Problem(
            self._engine(), rows, y, weights, LOSSES[self.loss],
            self.quantile if self.loss == "quantile" else self.epsilon,
            self.l1, self.l2, self.fit_intercept, outputs, config.threads(n_jobs),
        )  # fmt: skip
        return problem, classes, names

    def _start(self, problem, warm):
        """The Solution to begin at."""
        if warm and self._weights is not None:
            return Solution(*self._result())
        shape = problem.outputs, problem.rows.shape[1]
        return Solution(np.zeros(shape), np.zeros(problem.outputs))

    def _keep(self, weights, classes, names, solver=None, descent=None):
        """Make these the weights."""
        self._weights, self._solver, self._descent = weights, solver, descent
        self.classes, self.feature_names = classes, names
        single = len(weights.coef) == 1 or self.loss not in REGRESSIONS
        self._direct = single and self.dtype != np.float32
        self._target_of = None
        if classes is not None:
            two = classes == 2 and self.loss != "multinomial"
            self._target_of = {c: float(2 * c - 1 if two else c) for c in range(classes)}

    def _names(self, x, goes_on):
        """The names of the columns of x, which have to be those there are."""
        names = column_names(x)
        if not goes_on or self.feature_names is None or names is None:
            return names if names is not None or not goes_on else self.feature_names
        if names != self.feature_names:
            raise ArgumentError(
                f"x: expected the columns {self.feature_names}, in this order, got {names}"
            )
        return names


def _class_count(classes):
    """How many classes there are: a number, or all of the numbers from 0 on."""
    if np.ndim(classes) == 0:
        return whole_number(classes, "classes", 2)
    count = len(np.unique(classes))
    if count < 2 or not np.array_equal(np.unique(classes), np.arange(count)):
        raise ArgumentError(
            f"classes: expected how many there are, or the numbers 0, 1 ..., got {classes!r}"
        )
    return count
