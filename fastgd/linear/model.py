"""The linear model, and its training on all rows."""

from dataclasses import replace

import numpy as np

from fastgd.errors import ArgumentError, DataError, DataTypeError, DivergenceError
from fastgd.linear.chunks import Stream
from fastgd.linear.epochs import Chunk
from fastgd.linear.lbfgs import LBFGS
from fastgd.linear.newton import NEWTON_SIZE, Newton
from fastgd.linear.online import Online
from fastgd.linear.problem import SMOOTH, in_parts
from fastgd.linear.sgd import SGD
from fastgd.linear.steps import Weights
from fastgd.linear.streamed import Chunked


class LinearModel(Online):
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
        Not copies: both change as the model learns row by row. Copy what shall stay.
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
            See ``rows.rows_of``. Chunks are an iterable of (x, y) or (x, y, sample_weight). It
            is iterated once an epoch of SGD, which solver None is here, and whose steps their
            weights multiply as in ``partial_fit``; and a few times an iteration of others.
        y : array (n,), or (n, k) for "squared_error"
            Numbers, or class numbers from 0 on.
        sample_weight : array (n,) or None
        solver : SGD, GradientDescent ... or None
            None: what suits the loss and the rows.
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.
        classes : int, list or None
            How many there are, or all their numbers, where y may lack some.
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
        ArgumentError
            For a loss that the solver cannot minimise, and other arguments.
        DivergenceError
            If weights would not be finite. SGD keeps the last finite ones, and those there are
            at a Ctrl-C; other solvers leave the model as it was.

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
        if y is None:
            return self._fit_chunks(x, solver, n_jobs, classes, warm_start)
        problem, classes, names = self._problem(
            x, y, sample_weight, n_jobs, classes, warm_start
        )
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
        self._minimise(solver, problem, start, classes, names)
        return self

    def _suitable_solver(self, problem):
        """What suits the loss and the rows of a fit."""
        if self.loss not in SMOOTH:
            return self._default_solver(problem)
        size = problem.rows.shape[1] * (problem.outputs if self.loss == "multinomial" else 1)
        return Newton() if size <= NEWTON_SIZE else LBFGS()

    def _minimise(self, solver, problem, start, classes, names):
        """Fit by a solver of whole batches."""
        parts = [problem] if getattr(solver, "several", False) else problem.parts()
        found = in_parts(solver.minimize, parts, start)
        self._keep(Weights.start(found.coef, found.intercept), classes, names)
        self.n_iter, self.loss_value = found.n_iter, found.loss_value

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
        steps = solver is None or isinstance(solver, SGD)
        if not (steps or getattr(solver, "streams", False)):
            raise ArgumentError(f"solver: {type(solver).__name__} cannot go over chunks")
        stream = Stream(
            chunks,
            lambda x, y, weights, known: self._problem(
                x, y, weights, n_jobs, known, warm_start, whole=False
            ),
            classes,
        )
        problem, classes, names = stream.first
        solver = solver or self._default_solver(problem)
        if steps and solver.early_stopping:
            raise ArgumentError("early_stopping: it needs all rows at once, not chunks")
        if stream.once and not (steps and solver.epochs == 1):
            raise ArgumentError(
                "x: a generator can be read only once; give chunks that can be iterated again, "
                "such as a list, or an SGD with epochs=1"
            )
        start = self._start(problem, warm_start)
        if not steps:
            whole = replace(problem, chunks=Chunked(problem, stream))
            self._minimise(solver, whole, start, classes, names)
            return self
        self._follow(solver, problem, start, stream, classes, names)
        return self
