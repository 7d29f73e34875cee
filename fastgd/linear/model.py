"""The linear model: training on all rows, on a stream of chunks, and row by row."""

from dataclasses import replace
from types import NoneType
from typing import Any, Self

import numpy as np

from fastgd import config, saving
from fastgd._data.arguments import choice
from fastgd._data.validation import boolean, number
from fastgd._engine.ranks import Ranks, digest
from fastgd._registry.objects import Serializable
from fastgd._typing import Array, Config, Data, DType
from fastgd.errors import ArgumentError, DataError, DataTypeError
from fastgd.linear import files, objective
from fastgd.linear.data import DataAdapter, Stream
from fastgd.linear.distributed import ChunkRun, agree, check_solver, shared, together
from fastgd.linear.inference import Inference, infer
from fastgd.linear.objective import LOSSES, REGRESSIONS, Solution, zero_solution
from fastgd.linear.online import OnlineLearner
from fastgd.linear.sgd import SGD, Weights, default_sgd
from fastgd.linear.solvers import LBFGS, NEWTON_SIZE, Newton


class LinearModel(OnlineLearner, Serializable):
    """Fit a linear model: minimise J over weights w and intercept b.

        J(w, b) = sum of s_i loss(y_i, x_i w + b + o_i) / sum of s_i + l1 |w|_1 + l2/2 |w|^2

    with weights s_i and offsets o_i of rows, where they are given.

    Parameters
    ----------
    loss : str
        For numbers: "squared_error" (half of it); of the mean e^z "poisson" (e^z - y z),
        "gamma" and "tweedie" (half their deviances, see ``losses.Gamma`` and
        ``losses.Tweedie``); "huber", "epsilon_insensitive", "squared_epsilon_insensitive",
        "quantile". For classes:
        "log_loss", "hinge", "squared_hinge", "perceptron", "modified_huber", which train one
        model for each class against the rest if there are more than two; and "multinomial", one
        model of all classes.
    l1, l2 : float, at least 0
    fit_intercept : bool
    epsilon : float
        For the losses with one: where Huber's becomes linear, the error that an insensitive one
        ignores.
    quantile : float in [0, 1]
    power : float
        Of "tweedie", whose variance is proportional to mean^power: above 1 and below 2.
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
    has_offset : bool
        Whether it was trained with an offset. Predictions then need one, too.

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
                 power: float = 1.5, dtype: DType | None = None) -> None:  # fmt: skip
        self.loss = choice(loss, "loss", tuple(LOSSES))
        self.l1 = number(l1, "l1", low=0)
        self.l2 = number(l2, "l2", low=0)
        self.fit_intercept = boolean(fit_intercept, "fit_intercept")
        self.epsilon = number(epsilon, "epsilon", low=0)
        self.quantile = number(quantile, "quantile", low=0, high=1)
        self.power = number(power, "power", low=1, high=2)
        if self.power in (1, 2):
            other = "poisson" if self.power == 1 else "gamma"
            raise ArgumentError(
                f"power: expected a number between 1 and 2, got {power}; use the loss {other!r}"
            )
        self.dtype = None if dtype is None else np.dtype(config.checked_floatx(dtype))
        self.classes: int | None = None
        self.feature_names = None
        self.has_offset = False
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
        names = (
            "loss", "l1", "l2", "fit_intercept", "epsilon", "quantile", "power", "dtype",
        )  # fmt: skip
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
            has_offset = state["has_offset"]
            self._keep(weights, state["classes"], state["feature_names"], solver, has_offset)
        self.n_iter, self.loss_value = state["n_iter"], state["loss_value"]

    def fit(self, x: Data, y: Data | None = None, sample_weight: Data | None = None,
            solver: Any = None, n_jobs: int | None = None, *, classes: Any = None,
            warm_start: bool = False, offset: Data | None = None,
            comm: Any = None) -> Self:  # fmt: skip
        """Minimise J, and return the model.

        Parameters
        ----------
        x : array or frame (n, d), CSR matrix (n, d), or chunks
            See ``data.rows_of``. Chunks are an iterable of (x, y), (x, y, sample_weight) or
            (x, y, sample_weight, offset), such as a ``utils.TableStream`` of files.
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
        offset : array (n,), float or None
            What is known of x w + b, such as the logarithm of an exposure: it is added to it,
            for models of one output. Predictions then need it, too.
        comm : communicator or None
            Such as ``mpi4py.MPI.COMM_WORLD``, for Newton, LBFGS and GradientDescent: every rank
            makes the same call. Of chunks each rank reads the first, and those that it owns; of
            arrays, such as memory maps, it computes a part of the sums over rows. The result
            has the bits of a call without it, for any number of ranks; see docs/cluster.md.

        Raises
        ------
        DataTypeError, ShapeError, DataError
            If x, y or weights cannot be used; says where. The model stays as it was.
        ArgumentError
            For a loss that the solver cannot minimise, and other arguments.
        DivergenceError
            If weights would not be finite. The model stays as it was. After Ctrl-C it has the
            latest weights of SGD, and stays as it was with other solvers.
        RankError
            If ranks do not make the same call, or another rank fails.

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
        ranks, run = None if comm is None else Ranks(comm), None
        with together(ranks, "LinearModel.fit"):
            if solver is not None and (
                isinstance(solver, type) or not hasattr(solver, "minimize")
            ):
                expected = "expected one, such as linear.LBFGS()"
                raise ArgumentError(f"solver: {expected}, got {solver!r}")
            warm_start = boolean(warm_start, "warm_start")
            adapter = self._adapter(n_jobs, warm_start)
            data = x, y, sample_weight, offset
            prepared, stream, solver = self._prepare(data, adapter, solver, classes)
            if ranks is not None:
                check_solver(solver)
                if stream is not None:
                    stream.keep(run := ChunkRun(x, ranks))
        problem, classes, names = prepared
        if warm_start and self._weights is not None:
            start = Solution(*self._result())
        else:
            start = zero_solution(problem)
        if ranks is not None:
            agree(ranks, self.get_config(), solver, prepared, start, run)
        kept = classes, names, solver if isinstance(solver, SGD) else None
        has_offset = problem.offset is not None
        if isinstance(solver, SGD):
            descent = solver.begin(problem, start)
            try:
                self.n_iter = solver.follow(problem, descent, stream).n_iter
                self.loss_value = None
            except KeyboardInterrupt:
                self._keep(descent.weights, *kept, has_offset)
                raise
            self._keep(descent.weights, *kept, has_offset)
            return self
        if stream is not None:
            chunks = objective.ChunkedProblem(problem, stream, run=run)
            problem = replace(problem, chunks=chunks)
        elif ranks is not None:
            problem = shared(problem, ranks)
        parts = [problem] if getattr(solver, "several", False) else problem.parts()
        found = objective.minimize_parts(solver.minimize, parts, start)
        if ranks is not None:
            result = digest(found.coef, found.intercept)
            ranks.agree("LinearModel.fit", {"the weights at the end": result})
        self._keep(Weights.start(found.coef, found.intercept), *kept, has_offset)
        self.n_iter, self.loss_value = found.n_iter, found.loss_value
        return self

    def _adapter(self, n_jobs, resumes):
        """Return the adapter of data; resumes: whether they have to fit the current weights."""
        known = self._weights is not None and resumes
        settings = {"quantile": self.quantile, "tweedie": self.power}
        setting = settings.get(self.loss, self.epsilon)
        return DataAdapter(
            self.loss, setting, self.l1, self.l2, self.fit_intercept, self.dtype,
            config.threads(n_jobs), self._weights.coef.shape if known else None, self.classes,
            self.feature_names if resumes else None, known and self.has_offset,
        )  # fmt: skip

    def _prepare(self, data, adapter, solver, classes):
        """Return what is Prepared, the Stream of chunks or None, and a solver for them."""
        x, y, sample_weight, offset = data
        if y is None:
            if offset is not None:
                raise ArgumentError("offset: chunks have their own, (x, y, weights, offset)")
            stream, solver = self._stream(x, adapter, solver, classes)
            return stream.first, stream, solver
        prepared = adapter.prepare(x, y, sample_weight, classes, offset=offset)
        problem = prepared.problem
        if problem.rows.shape[0] == 0:
            raise DataError("x: there are no rows")
        if solver is None and self.loss in objective.SMOOTH:
            outputs = problem.outputs if self.loss == "multinomial" else 1
            few = problem.rows.shape[1] * outputs <= NEWTON_SIZE
            solver = Newton() if few else LBFGS()
        return prepared, None, solver or default_sgd(problem)

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

    def _keep(self, weights, classes, names, solver=None, has_offset=False):
        """Replace the weights."""
        self._weights, self._solver = weights, solver
        self._learner = self._rows = None
        self.classes, self.feature_names, self.has_offset = classes, names, has_offset
        single = len(weights.coef) == 1 or self.loss not in REGRESSIONS
        self._direct = single and self.dtype != np.float32 and not has_offset

    def inference(self, x: Data, y: Data, sample_weight: Data | None = None, *,
                  offset: Data | None = None, confidence: float = 0.95,
                  n_jobs: int | None = None) -> Inference:  # fmt: skip
        """Return standard errors, tests and intervals of the coefficients: an ``Inference``.

        For "squared_error", "log_loss" of two classes, "poisson", "gamma" and "tweedie": the
        generalised linear models (McCullagh and Nelder 1989). The covariance of the
        coefficients is the inverse of the Fisher information, times the dispersion.

        Parameters
        ----------
        x, y, sample_weight, offset
            The data that the model was fitted to. The variance of a row of weight s is
            dispersion variance(mean) / s; a row that occurs s times has to be there s times.
        confidence : float, above 0 and below 1
            Of the intervals.
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.

        Returns
        -------
        Inference
            Its ``summary()`` is a table to print.

        Raises
        ------
        NotBuiltError
            If there are no weights yet.
        ArgumentError
            For another loss; for a penalty, which shrinks coefficients: a large part of their
            error is then bias, of which standard errors say nothing (Goeman, Meijer and
            Chaturvedi, "L1 and L2 penalized regression models", the guide of the R package
            penalized); if a step of Newton's method from the coefficients is more than a
            hundredth of a standard error: they do not maximise the likelihood of these data.
        DataError
            If columns depend on each other, which it names; if there are not more rows than
            coefficients, or no residuals; if the classes are separable, so that the likelihood
            has no maximum (Albert and Anderson 1984).
        DataTypeError, ShapeError
            As ``fit``.

        Examples
        --------
        >>> from fastgd import linear
        >>> x, y = [[0.0], [1.0], [2.0], [3.0]], [1, 2, 4, 9]
        >>> found = linear.LinearModel("poisson").fit(x, y).inference(x, y)
        >>> found.names, found.coef.round(3), found.standard_errors.round(3)
        (('intercept', 'x0'), array([-0.061,  0.748]), array([0.687, 0.277]))
        """
        return infer(self, x, y, sample_weight, offset, confidence, n_jobs)
