"""The linear model: training on all rows, on a stream of chunks, and row by row."""

from dataclasses import replace
from types import NoneType
from typing import Any, Self

import numpy as np

from fastgd import config, saving
from fastgd._data.arguments import choice
from fastgd._data.validation import boolean, number, numeric
from fastgd._registry.objects import Serializable
from fastgd._typing import Array, Config, Data, DType
from fastgd.errors import ArgumentError, DataError, DataTypeError, ShapeError
from fastgd.linear import files, objective
from fastgd.linear.data import Chunk, DataAdapter, Stream, check_row, row_of
from fastgd.linear.objective import LOSSES, REGRESSIONS, Solution
from fastgd.linear.prediction import LinearPredictor
from fastgd.linear.sgd import SGD, RowLearner, Weights
from fastgd.linear.solvers import LBFGS, NEWTON_SIZE, Newton

INFINITY = float("inf")

#: The types of the items of an array of numbers.
NUMBERS = {float, int, bool}


class LinearModel(LinearPredictor, Serializable):
    """Fit a linear model: minimise J over weights w and intercept b.

        J(w, b) = sum of s_i loss(y_i, x_i w + b) / sum of s_i + l1 |w|_1 + l2/2 |w|^2

    Parameters
    ----------
    loss : str
        For numbers: "squared_error" (half of it), "poisson" (e^z - y z, of the mean e^z),
        "huber", "epsilon_insensitive", "squared_epsilon_insensitive", "quantile". For classes:
        "log_loss", "hinge", "squared_hinge", "perceptron", "modified_huber", which train one
        model for each class against the rest if there are more than two; and "multinomial", one
        model of all classes.
    l1, l2 : float, at least 0
    fit_intercept : bool
    epsilon : float
        For the losses with one: where Huber's becomes linear, the error that an insensitive one
        ignores.
    quantile : float in [0, 1]
    dtype : {"float32", "float64"} or None
        How x is read; None: float32 stays, the rest becomes float64. Weights are float64.

    Attributes
    ----------
    coef : ndarray, (outputs, d)
    intercept : ndarray, (outputs,)
        Copies: they stay as they are while the model learns on.
    n_iter : int, iterations or epochs of the last fit
    loss_value : float or None, J at its end, if the solver computes it
    classes : int or None, their number
    feature_names : tuple of str or None
        The names of the columns, if x was a frame, or a row a dict.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import linear
    >>> model = linear.LinearModel("log_loss", l2=0.01)
    >>> x = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> model.fit(x, [0, 0, 1, 1], solver=linear.SGD(seed=0)).predict(x)
    array([0, 0, 1, 1])
    """

    def __init__(self, loss: str = "squared_error", *, l1: float = 0.0, l2: float = 0.0,
                 fit_intercept: bool = True, epsilon: float = 0.1, quantile: float = 0.5,
                 dtype: DType | None = None) -> None:  # fmt: skip
        self.loss = choice(loss, "loss", tuple(LOSSES))
        self.l1 = number(l1, "l1", low=0)
        self.l2 = number(l2, "l2", low=0)
        self.fit_intercept = boolean(fit_intercept, "fit_intercept")
        self.epsilon = number(epsilon, "epsilon", low=0)
        self.quantile = number(quantile, "quantile", low=0, high=1)
        self.dtype = None if dtype is None else np.dtype(config.checked_floatx(dtype))
        self.classes: int | None = None
        self.feature_names = None
        self.n_iter = 0
        self.loss_value: float | None = None
        self._weights = self._solver = self._learner = None
        self._direct = True

    def __repr__(self):
        parts = [repr(self.loss)]
        parts += [
            f"{name}={getattr(self, name):g}" for name in ("l1", "l2") if getattr(self, name)
        ]
        shape = (
            "" if self._weights is None else f", {'x'.join(map(str, self._weights.coef.shape))}"
        )
        return f"<LinearModel {', '.join(parts)}{shape}>"

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but the engine's state, which is created anew when needed."""
        if self._learner is not None:
            self._learner.descent.settle()
        weights = None if self._weights is None else self._weights.copy()
        return self.__dict__ | {"_learner": None, "_rows": None, "_weights": weights}

    def get_config(self) -> Config:
        """Return the arguments that make this model again, without its weights."""
        names = ("loss", "l1", "l2", "fit_intercept", "epsilon", "quantile", "dtype")
        return {name: getattr(self, name) for name in names}

    def save(self, filepath: saving.File, overwrite: bool = True) -> None:
        """Write the model into one file, see ``fastgd.saving.save_model``.

        ``fastgd.saving.load_model`` reads it: weights, names of columns, and the state of SGD,
        so that ``learn_one`` and ``partial_fit`` go on bit for bit.

        Examples
        --------
        >>> import io
        >>> from fastgd import linear, saving
        >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
        >>> file = io.BytesIO()
        >>> model.save(file)
        >>> _ = file.seek(0)
        >>> saving.load_model(file).predict([[2.0]]).round(6)
        array([5.])
        """
        saving.save_model(self, filepath, overwrite)

    def saved_parts(self) -> tuple[Config, dict[str, Array]]:
        """Return the entries of a file's document, and its arrays by name."""
        if self._learner is not None:
            self._learner.descent.settle()
        return files.saved_parts(self, self._weights, self._solver)

    def take_parts(self, document: Config, arrays: dict[str, Array]) -> None:
        """Take what ``saved_parts`` gave; a FileError, and no change, if it does not fit."""
        state, weights, solver = files.restored_parts(self, document, arrays)
        if weights is not None:
            self._keep(weights, state["classes"], state["feature_names"], solver)
        self.n_iter, self.loss_value = state["n_iter"], state["loss_value"]

    def fit(self, x: Data, y: Data | None = None, sample_weight: Data | None = None,
            solver: Any = None, n_jobs: int | None = None, *, classes: Any = None,
            warm_start: bool = False) -> Self:  # fmt: skip
        """Minimise J, and return the model.

        Parameters
        ----------
        x : array or frame (n, d), CSR matrix (n, d), or chunks
            See ``data.rows_of``. Chunks are an iterable of (x, y) or (x, y, sample_weight).
            SGD, the default for them, iterates it once an epoch, and their weights multiply its
            steps as in ``partial_fit``; other solvers iterate it a few times an iteration.
        y : array (n,), or (n, k) for "squared_error"
            Numbers, or class numbers from 0 on.
        sample_weight : array (n,) or None
        solver : SGD, GradientDescent ... or None
            None: one that suits the loss and the rows.
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.
        classes : int, list or None
            Their number, or all class numbers, if y may lack some.
        warm_start : bool
            Whether to begin at the current weights.

        Raises
        ------
        DataTypeError, ShapeError, DataError
            If x, y or weights cannot be used; says where. The model stays as it was.
        ArgumentError
            For a loss that the solver cannot minimise, and other arguments.
        DivergenceError
            If weights would not be finite. The model stays as it was. After Ctrl-C it has the
            latest weights of SGD, and stays as it was with other solvers.

        Examples
        --------
        All rows at once, and as a stream of chunks:

        >>> import numpy as np
        >>> from fastgd import linear
        >>> x = np.random.default_rng(0).normal(size=(300, 2))
        >>> y = x @ [1.0, -2.0] + 3
        >>> linear.LinearModel().fit(x, y, solver=linear.LBFGS()).coef.round(3)
        array([[ 1., -2.]])
        >>> chunks = [(x[i : i + 100], y[i : i + 100]) for i in range(0, 300, 100)]
        >>> steps = linear.SGD("constant", eta0=0.1, epochs=5, tol=None, seed=0)
        >>> linear.LinearModel().fit(chunks, solver=steps).coef.round(3)
        array([[ 1., -2.]])
        """
        if solver is not None and (isinstance(solver, type) or not hasattr(solver, "minimize")):
            raise ArgumentError(f"solver: expected one, such as linear.LBFGS(), got {solver!r}")
        warm_start = boolean(warm_start, "warm_start")
        adapter = self._adapter(n_jobs, warm_start)
        stream = None
        if y is None:
            stream, solver = self._stream(x, adapter, solver, classes)
            problem, classes, names = stream.first
        else:
            problem, classes, names = adapter.prepare(x, y, sample_weight, classes)
            if problem.rows.shape[0] == 0:
                raise DataError("x: there are no rows")
            if solver is None and self.loss in objective.SMOOTH:
                outputs = problem.outputs if self.loss == "multinomial" else 1
                few = problem.rows.shape[1] * outputs <= NEWTON_SIZE
                solver = Newton() if few else LBFGS()
            solver = solver or default_sgd(problem)
        if warm_start and self._weights is not None:
            start = Solution(*self._result())
        else:
            start = zero_solution(problem)
        if isinstance(solver, SGD):
            descent = solver.begin(problem, start)
            try:
                self.n_iter = solver.follow(problem, descent, stream).n_iter
                self.loss_value = None
            except KeyboardInterrupt:
                self._keep(descent.weights, classes, names, solver)
                raise
            self._keep(descent.weights, classes, names, solver)
            return self
        if stream is not None:
            problem = replace(problem, chunks=objective.ChunkedProblem(problem, stream))
        parts = [problem] if getattr(solver, "several", False) else problem.parts()
        found = objective.minimize_parts(solver.minimize, parts, start)
        self._keep(Weights.start(found.coef, found.intercept), classes, names)
        self.n_iter, self.loss_value = found.n_iter, found.loss_value
        return self

    def _adapter(self, n_jobs, resumes):
        """Return the adapter of data; resumes: whether they have to fit the current weights."""
        known = self._weights is not None and resumes
        setting = self.quantile if self.loss == "quantile" else self.epsilon
        return DataAdapter(
            self.loss, setting, self.l1, self.l2, self.fit_intercept, self.dtype,
            config.threads(n_jobs), self._weights.coef.shape if known else None, self.classes,
            self.feature_names if resumes else None,
        )  # fmt: skip

    def _stream(self, chunks, adapter, solver, classes):
        """Return the Stream of chunks, and a solver that can read it."""
        if hasattr(chunks, "shape") or hasattr(chunks, "iloc"):
            raise DataTypeError("y: expected targets, got None")
        if not (isinstance(solver, (SGD, NoneType)) or getattr(solver, "streams", False)):
            raise ArgumentError(f"solver: {type(solver).__name__} cannot read chunks; use SGD")
        stream = Stream(chunks, adapter, classes)
        solver = solver or default_sgd(stream.first.problem)
        steps = isinstance(solver, SGD)
        if steps and solver.early_stopping:
            raise ArgumentError("early_stopping: it needs all rows at once, not chunks")
        if stream.once and not (steps and solver.epochs == 1):
            raise ArgumentError(
                "x: a generator can be read only once; give chunks that can be iterated again, "
                "such as a list, or an SGD with epochs=1"
            )
        return stream, solver

    def _keep(self, weights, classes, names, solver=None):
        """Replace the weights."""
        self._weights, self._solver = weights, solver
        self._learner = self._rows = None
        self.classes, self.feature_names = classes, names
        single = len(weights.coef) == 1 or self.loss not in REGRESSIONS
        self._direct = single and self.dtype != np.float32

    def partial_fit(self, x: Data, y: Data, sample_weight: Data | None = None,
                    classes: Any = None, solver: SGD | None = None) -> Self:  # fmt: skip
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
            and sample_weight is classes is solver is None
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
            x, y, sample_weight, classes, whole=False
        )
        if learner is None or solver is not None:
            learner = self._begin(problem, classes, solver)
        self.feature_names = names
        if len(y):
            once = replace(self._solver, epochs=1, tol=None, early_stopping=False)
            chunk = Chunk(problem.rows, problem.y, problem.weights)
            once.follow(problem, learner.descent, [chunk])
        return self

    def learn_one(self, x: Data, y: float, sample_weight: float = 1.0,
                  unknown_features: str = "raise") -> Self:  # fmt: skip
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

        Raises
        ------
        ArgumentError
            If the weight is negative or not finite.
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
        direct = learner is not None and self._direct
        if direct and learner.step(x, y, sample_weight, names, unknown_features):
            return self
        x, names = row_of(x, names, self._width(), self.dtype, unknown_features)
        check_row(x, self._width())
        weight = number(sample_weight, "sample_weight", low=0)
        if learner is None:
            if shape := numeric(y, "y").shape:
                raise ShapeError(f"y: expected one number, got shape {shape}")
            problem, classes, _ = self._adapter(None, True).prepare(
                x[None], np.reshape(y, (1,)), None
            )
            learner = self._begin(problem, classes, None)
        elif self.loss in REGRESSIONS and len(self._weights.coef) > 1:
            k = len(self._weights.coef)
            raise ShapeError(f"y: a row has {k} targets, for which there is partial_fit")
        learner.step(x, y, weight)
        self.feature_names = names
        return self

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
        self._keep(descent.weights, classes, self.feature_names, solver)
        self._learner = RowLearner(descent, self.loss, classes)
        return self._learner


def zero_solution(problem):
    """Return weights of 0."""
    shape = problem.outputs, problem.rows.shape[1]
    return Solution(np.zeros(shape), np.zeros(problem.outputs))


def default_sgd(problem):
    """Return the SGD for rows that come in parts."""
    return SGD("optimal" if problem.l1 + problem.l2 > 0 else "invscaling")
