"""The linear model: what is minimised, its weights, and what they say of rows."""

from dataclasses import replace

import numpy as np

from fastgd import _engines, config
from fastgd._core.types import Status
from fastgd._frames import column_names
from fastgd._validate import boolean, number, numeric, whole_number
from fastgd.errors import (
    ArgumentError,
    DataError,
    DataTypeError,
    DivergenceError,
    NotBuiltError,
    ShapeError,
)
from fastgd.linear.answers import decisions, probabilities, response
from fastgd.linear.chunks import Stream
from fastgd.linear.epochs import Chunk
from fastgd.linear.lbfgs import LBFGS
from fastgd.linear.newton import NEWTON_SIZE, Newton
from fastgd.linear.problem import LOSSES, REGRESSIONS, SMOOTH, Problem, Solution
from fastgd.linear.rows import rows_of, targets, weights_of
from fastgd.linear.sgd import SGD
from fastgd.linear.steps import Weights


class LinearModel:
    """A linear model: minimise J over weights w and intercept b.

        J(w, b) = sum of s_i loss(y_i, x_i w + b) / sum of s_i + l1 |w|_1 + l2/2 |w|^2

    Parameters
    ----------
    loss : str
        Of numbers: "squared_error" (half of it), "poisson" (e^z - y z, of the mean e^z),
        "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile". Of classes:
        "log_loss", "hinge", "squared_hinge", "perceptron", "modified_huber", of which there are
        as many models, each class against the rest, if there are more than two classes; and
        "multinomial", one model of all classes.
    l1, l2 : float
        At least 0.
    fit_intercept : bool
    epsilon : float
        Of the losses with one: where Huber's becomes linear, what an insensitive one allows.
    quantile : float
        From 0 to 1.
    dtype : {"float32", "float64"} or None
        How x is read. None: float32 as it is, everything else as float64. Weights are float64.

    Attributes
    ----------
    coef : ndarray, (outputs, d)
    intercept : ndarray, (outputs,)
    n_iter : int
        Iterations, or epochs, of the last fit.
    loss_value : float or None
        J at its end, where the solver computes it.
    classes : int or None
        How many there are.
    feature_names : tuple of str or None
        The columns' names, where x was a frame, or a row a dict.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> model = linear.LinearModel("log_loss", l2=0.01)
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model.fit(x, [0, 0, 1, 1], solver=linear.SGD(seed=0)).predict(x)
    array([0, 0, 1, 1])
    """

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
        if loss not in LOSSES:
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

    # ------------------------------------------------------------ training

    def fit(
        self,
        x,
        y=None,
        sample_weight=None,
        solver=None,
        n_jobs=None,
        *,
        classes=None,
        warm_start=False,
    ):
        """Minimise J.

        Parameters
        ----------
        x : array or frame (n, d), CSR matrix (n, d), or chunks
            See ``rows.rows_of``. Chunks are an iterable of (x, y) or (x, y, sample_weight), for
            the solver SGD; it is iterated once an epoch.
        y : array (n,), or (n, k) for "squared_error"
            Numbers, or class numbers from 0 on.
        sample_weight : array (n,) or None
        solver : SGD, GradientDescent ... or None
            None: what suits the loss and the rows.
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.
        classes : int or None
            How many there are, where y may lack some.
        warm_start : bool
            Whether to begin at the weights there are.

        Returns
        -------
        LinearModel
            This one.

        Raises
        ------
        DataTypeError, ShapeError, DataError
            If x, y and weights are not what they should be; says where. The model is as before.
        DivergenceError
            If weights would not be finite. The last finite ones are kept.
        """
        if y is None:
            return self._fit_chunks(x, solver, n_jobs, classes, warm_start)
        names = self._names(x, warm_start)
        problem, classes = self._problem(x, y, sample_weight, n_jobs, classes, warm_start)
        if problem.rows.shape[0] == 0:
            raise DataError("x: there are no rows")
        solver = solver or self._suitable_solver(problem)
        start = self._start(problem, warm_start)
        if isinstance(solver, SGD):
            weights = problem.weights
            if weights is not None:
                weights = weights * (len(weights) / weights.sum())
            chunk = Chunk(problem.rows, problem.y, weights)
            self._follow(solver, problem, start, [chunk], classes, names)
            return self
        parts = [problem] if getattr(solver, "several", False) else problem.parts()
        size = len(start.coef) // len(parts)
        starts = [
            replace(
                start, coef=start.coef[i : i + size], intercept=start.intercept[i : i + size]
            )
            for i in range(0, len(start.coef), size)
        ]
        found = [solver.minimize(part, s) for part, s in zip(parts, starts, strict=True)]
        self._keep(
            Weights.start(
                np.concatenate([s.coef for s in found]),
                np.concatenate([s.intercept for s in found]),
            ),
            classes,
            names,
        )
        self.n_iter = max(s.n_iter for s in found)
        values = [s.loss_value for s in found]
        self.loss_value = None if None in values else float(sum(values))
        return self

    def partial_fit(self, x, y, sample_weight=None, classes=None, solver=None):
        """Go once over some rows by stochastic gradient descent, from where the weights are.

        Parameters
        ----------
        x, y, sample_weight :
            As in ``fit``. Here a weight is what the row's step is multiplied by.
        classes : int or None
            How many classes there will be; from the second call on they are known. None at
            first: as many as y says.
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
        """
        descent = self._descent
        if (
            descent is not None
            and sample_weight is classes is solver is None
            and type(y) is np.ndarray
            and y.shape == (1,)
            and descent.is_row(x)
            and -np.inf < y.item() < np.inf
        ):
            return self.learn_one(x[0], y.item())
        names = self._names(x, True)
        problem, classes = self._problem(x, y, sample_weight, None, classes, True)
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
        if descent is None or type(x) is not np.ndarray:
            x = self._row(x)
            descent = self._stepping(x, y)
        if self._target_of is not None:
            try:
                y = self._target_of[y]
            except KeyError:
                raise DataError(
                    f"y: expected a class number from 0 to {self.classes - 1}, got {y!r}: "
                    "declare classes at the first call"
                ) from None
        status = descent.step(x, y, sample_weight)
        if status < 0:
            self._check_row(x)
            status = descent.step(np.array(x, np.float64), y, sample_weight)
        if status != Status.STATUS_FINE:
            raise DivergenceError(
                "the weights would not be finite after this row: scale the columns of x, or "
                "lower the rate"
            )
        return self

    # ------------------------------------------------------------ prediction

    def decision_function(self, x, n_jobs=None):
        """x w + b: float64, (n,), or (n, outputs) if there are several.

        Parameters
        ----------
        x : array, frame or CSR matrix, (n, d)
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.
        """
        coef, intercept = self._result()
        self._names(x, True)
        rows = rows_of(x, self.dtype, coef.shape[1])
        z = decisions(self._engine(), rows, coef, intercept, config.threads(n_jobs))
        return z[:, 0] if z.shape[1] == 1 else z

    def predict(self, x, n_jobs=None):
        """Class numbers, int64 (n,); or numbers, float64 (n,) or (n, k).

        Of "poisson" these are means, e^z.
        """
        return response(self._engine(), self.loss, self.decision_function(x, n_jobs))

    def predict_proba(self, x, n_jobs=None):
        """Probabilities of the classes, float64 (n, classes).

        For "log_loss", whose several classes' are scaled to sum to 1, "multinomial", and
        "modified_huber", which says (clip(z, -1, 1) + 1) / 2 (T. Zhang, 2004).

        Raises
        ------
        ArgumentError
            For other losses.
        """
        return probabilities(self._engine(), self.loss, self.decision_function(x, n_jobs))

    def predict_one(self, x):
        """What ``predict`` says of one row, a dict or (d,): an int or a float."""
        if type(x) is not np.ndarray:
            x = self._row(x)
        coef, intercept = self._result()
        engine = self._engine()
        z = engine.row_decisions(x, coef, intercept)
        if z is None:
            self._check_row(x)
            z = engine.row_decisions(np.array(x, np.float64), coef, intercept)
        if len(z) == 1 and self.loss != "poisson":
            return z[0] if self.loss in REGRESSIONS else int(z[0] > 0)
        answer = response(engine, self.loss, np.array(z if len(z) == 1 else [z]))[0]
        return answer.item() if answer.ndim == 0 else answer

    # ------------------------------------------------------------ parts

    def _engine(self):
        return _engines.load_linear(config.engine())

    def _problem(self, x, y, sample_weight, n_jobs, classes, goes_on):
        """(Problem, the number of classes or None) of what a user passed in."""
        known = self._weights is not None and goes_on
        rows = rows_of(x, self.dtype, self._weights.coef.shape[1] if known else None)
        if classes is not None:
            classes = whole_number(classes, "classes", 2)
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
        weights = weights_of(sample_weight, rows.shape[0])
        problem = Problem(
            self._engine(), rows, y, weights, LOSSES[self.loss],
            self.quantile if self.loss == "quantile" else self.epsilon,
            self.l1, self.l2, self.fit_intercept, outputs, config.threads(n_jobs),
        )  # fmt: skip
        return problem, classes

    def _start(self, problem, warm):
        """The Solution to begin at."""
        if warm and self._weights is not None:
            return Solution(*self._result())
        shape = problem.outputs, problem.rows.shape[1]
        return Solution(np.zeros(shape), np.zeros(problem.outputs))

    def _suitable_solver(self, problem):
        """What suits the loss and the rows of a fit."""
        if self.loss not in SMOOTH:
            return self._default_solver(problem)
        size = problem.rows.shape[1] * (problem.outputs if self.loss == "multinomial" else 1)
        return Newton() if size <= NEWTON_SIZE else LBFGS()

    def _default_solver(self, problem):
        return SGD("optimal" if problem.l1 + problem.l2 > 0 else "invscaling")

    def _keep(self, weights, classes, names, solver=None, descent=None):
        """Make these the weights."""
        self._weights, self._solver, self._descent = weights, solver, descent
        self.classes, self.feature_names = classes, names
        self._target_of = None
        if classes is not None:
            two = classes == 2 and self.loss != "multinomial"
            self._target_of = {c: float(2 * c - 1 if two else c) for c in range(classes)}

    def _follow(self, solver, problem, start, chunks, classes, names):
        """Fit by steps, and go on from there in ``partial_fit``."""
        descent = solver.begin(problem, start)
        try:
            self.n_iter = solver.follow(problem, descent, chunks).n_iter
            self.loss_value = None
        except (DivergenceError, KeyboardInterrupt):
            self._keep(descent.weights, classes, names, solver)
            raise
        self._keep(descent.weights, classes, names, solver)

    def _fit_chunks(self, chunks, solver, n_jobs, classes, warm_start):
        if (
            isinstance(chunks, np.ndarray)
            or hasattr(chunks, "shape")
            or hasattr(chunks, "iloc")
        ):
            raise DataTypeError("y: expected targets, got None")
        if solver is not None and not isinstance(solver, SGD):
            raise ArgumentError(f"solver: chunks are for SGD, got {type(solver).__name__}")
        stream = Stream(
            chunks,
            lambda x, y, weights, known: (
                *self._problem(x, y, weights, n_jobs, known, warm_start),
                self._names(x, warm_start),
            ),
            classes,
        )
        problem, classes, names = stream.first
        solver = solver or self._default_solver(problem)
        if solver.early_stopping:
            raise ArgumentError("early_stopping: it needs all rows at once, not chunks")
        if stream.once and solver.epochs > 1:
            raise ArgumentError(
                "x: a generator can be read only once; give chunks that can be iterated again, "
                "such as a list, or an SGD with epochs=1"
            )
        start = self._start(problem, warm_start)
        self._follow(solver, problem, start, stream, classes, names)
        return self

    def _begin(self, problem, classes, solver):
        """Make the engine ready to step, from the weights there are."""
        solver = solver or self._solver or self._default_solver(problem)
        weights = self._weights
        if weights is None or self._solver is None or solver != self._solver:
            descent = solver.begin(problem, self._start(problem, True), objective=False)
        else:
            descent = problem.engine.Descent(solver.plan(problem, objective=False), weights)
        self._keep(descent.weights, classes, self.feature_names, solver, descent)

    def _stepping(self, x, y):
        """The engine made ready for rows like this one."""
        if self._descent is None:
            self._check_row(x)
            problem, classes = self._problem(
                x[None], np.reshape(y, (1,)), None, None, None, True
            )
            self._begin(problem, classes, None)
        return self._descent

    def _row(self, x):
        """A row (d,) of a dict or of anything else."""
        if not isinstance(x, dict):
            return numeric(x, "x").astype(np.float64)
        if self.feature_names is None:
            if self._weights is not None and len(x) != self._weights.coef.shape[1]:
                raise ShapeError(
                    f"x: the model expects {self._weights.coef.shape[1]} columns, got {len(x)}"
                )
            self.feature_names = tuple(x)
        unknown = [name for name in x if name not in self.feature_names]
        if unknown:
            raise ArgumentError(
                f"x: no column is called {unknown[0]!r} "
                f"(there are: {', '.join(self.feature_names)})"
            )
        return np.array([x.get(name, 0.0) for name in self.feature_names], np.float64)

    def _check_row(self, x):
        if x.ndim != 1:
            raise ShapeError(f"x: expected one row (columns,), got shape {x.shape}")
        if self._weights is not None and len(x) != self._weights.coef.shape[1]:
            raise ShapeError(
                f"x: the model expects {self._weights.coef.shape[1]} columns, got {len(x)}"
            )

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
