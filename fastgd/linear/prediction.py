"""Predictions of a linear model: decisions, class numbers, probabilities."""

from typing import Any

import numpy as np

from fastgd import config
from fastgd._data.frames import column_names, matching_names
from fastgd._engine import builds
from fastgd._engine.algebra import exponentials, logarithms, sigmoids
from fastgd._registry.advice import NamedArguments
from fastgd._typing import Array, Data
from fastgd.errors import ArgumentError, NotBuiltError
from fastgd.linear.data import check_row, offset_of, row_of, rows_of
from fastgd.linear.objective import LOG_LINK, REGRESSIONS
from fastgd.saving.manifest import manifest

#: Multiply-adds between two checks for Ctrl-C, about ten milliseconds.
SLICE_WORK = 20_000_000

#: Multiply-adds that pay for a thread.
THREAD_WORK = 1_000_000


class LinearPredictor(NamedArguments):
    """Predict with the weights of a ``LinearModel``."""

    loss: str
    classes: int | None
    dtype: Any
    feature_names: tuple[str, ...] | None
    has_offset: bool
    _weights: Any  # sgd.Weights, or None
    _solver: Any  # the SGD that trains the weights further, or None
    _learner: Any  # the RowLearner, while there is one
    _direct: bool  # whether the engine takes a row and a number as they are
    _rows: Any = None  # the engine's RowPredictor, while there is one

    manifest = manifest

    @property
    def coef(self) -> Array:
        return self._result()[0].copy()

    @property
    def intercept(self) -> Array:
        return self._result()[1].copy()

    def _result(self):
        if self._weights is None:
            raise NotBuiltError("this linear model has no weights yet: fit it first")
        if self._learner is not None:
            self._learner.descent.settle()
        return self._weights.result(int(self._solver.average) if self._solver else 0)

    def _width(self):
        """Return the number of columns that the weights expect, or None."""
        return None if self._weights is None else self._weights.coef.shape[1]

    def decision_function(self, x: Data, n_jobs: int | None = None,
                          offset: Data | None = None) -> Array:  # fmt: skip
        """Return x w + b + offset: float64, (n,), or (n, outputs) if there are several.

        Parameters
        ----------
        x : array, frame or CSR matrix, (n, d)
        n_jobs : int or None
            Threads, see ``config.threads``; they change no bit.
        offset : array (n,), float or None
            What is added to the decisions of a model of one output. One that was trained with
            an offset has to get it; 0 leaves it out.

        Raises
        ------
        NotBuiltError
            If there are no weights yet.
        DataTypeError, ShapeError, DataError, ArgumentError
            If x does not have the columns that the model was fitted to; says where. If the
            model was trained with an offset, and there is none.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
        >>> model.decision_function([[2.0], [3.0]]).round(6)
        array([5., 7.])
        """
        coef, intercept = self._result()
        rows = rows_of(x, self.dtype, coef.shape[1])
        matching_names(column_names(x), self.feature_names)
        engine = builds.load(config.engine())
        offset = offset_of(offset, rows.shape[0], len(coef), self.has_offset)
        z = decisions(engine, rows, coef, intercept, config.threads(n_jobs))
        if offset is not None:
            z += offset[:, None]
        return z[:, 0] if z.shape[1] == 1 else z

    def predict(self, x: Data, n_jobs: int | None = None,
                offset: Data | None = None) -> Array:  # fmt: skip
        """Return class numbers, int64 (n,); or numbers, float64 (n,) or (n, k).

        For "poisson", "gamma" and "tweedie" these are means, e^z. Arguments and errors are
        those of ``decision_function``.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("multinomial", l2=0.1)
        >>> model = model.fit([[0.0], [5.0], [9.0]], [0, 1, 2])
        >>> model.predict([[-1.0], [8.9]])
        array([0, 2])
        """
        z = self.decision_function(x, n_jobs, offset=offset)
        return response(self.loss, z)

    def predict_one(self, x: Data, unknown_features: str = "raise",
                    offset: float | None = None) -> Any:  # fmt: skip
        """Return what ``predict`` gives for one row: int, float or, for k targets, (k,).

        Parameters
        ----------
        x : array (d,); or a dict, other mapping or Series of name -> number
        unknown_features : {"raise", "ignore"}
            Both as for ``learn_one``.
        offset : float or None
            As for ``decision_function``.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel().fit([[0.0], [1.0]], [1.0, 3.0])
        >>> round(model.predict_one({"size": 2.0}), 6)
        5.0
        """
        z = self._row_decisions(x, unknown_features, offset)
        if len(z) == 1 and self.classes is not None:
            return int(z[0] > 0)
        if len(z) == 1 and self.loss not in LOG_LINK:
            return z[0]
        answer = response(self.loss, np.array(z if len(z) == 1 else [z]))[0]
        return answer.item() if answer.ndim == 0 else answer

    def predict_proba_one(self, x: Data, unknown_features: str = "raise",
                          offset: float | None = None) -> dict[int, float]:  # fmt: skip
        """Return the probability of each class for one row: a dict, in River's manner.

        Arguments are those of ``predict_one``, probabilities those of ``predict_proba``.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("log_loss", l2=0.1).fit([[-1.0], [1.0]], [0, 1])
        >>> model.predict_proba_one({"size": 0.0})
        {0: 0.5, 1: 0.5}
        """
        direct = self._direct and offset is None
        if direct and self.loss == "log_loss" and self.classes == 2:
            rows = self._rows or self._row_predictor()
            p = rows.probability(x, self.feature_names, unknown_features)
            if p is not None:
                return {0: 1 - p, 1: p}
        z = self._row_decisions(x, unknown_features, offset)
        p = probabilities(self.loss, np.array(z if len(z) == 1 else [z]))
        return dict(enumerate(p[0].tolist()))

    def _row_predictor(self):
        """Return the engine's RowPredictor of the weights as they are."""
        learner, solver = self._learner, self._solver
        settle = None if learner is None else learner.descent.settle
        rows = builds.load(config.engine()).RowPredictor(*self._result(), settle)
        if not (solver and solver.average):  # else other arrays are the result once it begins
            self._rows = rows
        return rows

    def _row_decisions(self, x, unknown, offset):
        """Return x w + b + offset for one row."""
        rows = self._rows or self._row_predictor()
        if self._direct and offset is None:
            z = rows.decisions(x, self.feature_names, unknown)
            if z is not None:
                return z
        x, _ = row_of(x, self.feature_names, self._width(), self.dtype, unknown)
        check_row(x, self._width())
        z = rows.decisions(x)
        offset = offset_of(offset, 1, len(z), self.has_offset)
        return z if offset is None else [z[0] + float(offset[0])]

    def predict_proba(self, x: Data, n_jobs: int | None = None,
                      offset: Data | None = None) -> Array:  # fmt: skip
        """Return probabilities of the classes, float64 (n, classes).

        They exist for "log_loss", scaled to sum to 1 if there are several classes, for
        "multinomial", and for "modified_huber": (clip(z, -1, 1) + 1) / 2 (T. Zhang, 2004).
        Another loss is an ArgumentError; see ``decision_function`` for more.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("log_loss", l2=0.1).fit([[-1.0], [1.0]], [0, 1])
        >>> model.predict_proba([[0.0]]).round(6)
        array([[0.5, 0.5]])
        """
        z = self.decision_function(x, n_jobs, offset=offset)
        return probabilities(self.loss, z)

    def predict_log_proba(self, x: Data, n_jobs: int | None = None,
                          offset: Data | None = None) -> Array:  # fmt: skip
        """Return the logarithms of ``predict_proba``.

        Examples
        --------
        >>> from fastgd import linear
        >>> model = linear.LinearModel("log_loss", l2=0.1).fit([[-1.0], [1.0]], [0, 1])
        >>> model.predict_log_proba([[0.0]]).round(6)
        array([[-0.693147, -0.693147]])
        """
        return logarithms(self.predict_proba(x, n_jobs, offset=offset))


def decisions(engine, rows, coef, intercept, threads=1):
    """Return x w + b, float64 (n, outputs)."""
    n, d = rows.shape
    out = np.empty((n, len(coef)))
    row_work = len(coef) * (1 + (len(rows.values) // max(n, 1) if rows.sparse else d))
    step = max(1, SLICE_WORK // row_work)
    threads = max(1, min(threads, n * row_work // THREAD_WORK))
    coef, intercept = np.ascontiguousarray(coef), np.ascontiguousarray(intercept)
    for first in range(0, n, step):
        engine.decisions(rows, coef, intercept, out, first, min(n, first + step), threads)
    return out


def response(loss, z):
    """Return predictions for decisions (n,) or (n, k): numbers, or class numbers."""
    if loss in LOG_LINK:
        return exponentials(z)
    if loss in REGRESSIONS:
        return z
    return (z > 0).astype(np.int64) if z.ndim == 1 else z.argmax(axis=1)


def probabilities(loss, z):
    """Return probabilities (n, classes) for decisions (n,) of two classes, or (n, classes)."""
    if loss == "multinomial":
        values, p = np.empty(len(z)), np.empty(z.shape)
        engine = builds.load(config.engine())
        likeliest = z.argmax(axis=1)
        engine.multinomial_losses(np.ascontiguousarray(z), likeliest * 1.0, values, p)
        # The slopes are softmax(z), minus 1 for the target; a small one would lose its digits.
        p[np.arange(len(z)), likeliest] += 1
        return p
    if loss == "log_loss":
        p = sigmoids(z)
    elif loss == "modified_huber":
        p = (np.clip(z, -1, 1) + 1) / 2
    else:
        raise ArgumentError(
            f"predict_proba: there are no probabilities for the loss {loss!r}; use 'log_loss', "
            "'multinomial' or 'modified_huber'"
        )
    if z.ndim == 1:
        return np.stack([1 - p, p], axis=1)
    total = p.sum(axis=1, keepdims=True)
    if not total.all():  # no class has any: all have the same
        p, total = np.where(total == 0, 1.0, p), np.where(total == 0, p.shape[1], total)
    return p / total
