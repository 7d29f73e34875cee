"""The bases of metrics: of all, and of those that the training loop computes."""

from typing import Any

import numpy as np

from fastgd import initializers
from fastgd._autodiff.tensor import plain
from fastgd._core import formulas
from fastgd._data.validation import check_not_negative, numeric
from fastgd._registry.advice import NamedArguments
from fastgd._registry.names import checked_name, snake_case
from fastgd._registry.objects import Serializable, argument_names
from fastgd._typing import Array, Config, Data, DType, Floatx
from fastgd.config import checked_floatx
from fastgd.errors import ArgumentError, DataTypeError, ShapeError, warn
from fastgd.reference.metrics import ROWS, add_rows
from fastgd.variables import Variable

#: How many sums a metric may keep; they take 800 MB.
MOST_SUMS = 100_000_000


class Metric(NamedArguments, Serializable):
    """Update and compute a metric; the base of all metrics.

    A metric of your own is a subclass with ``result()`` and ``update_state(y_true, y_pred,
    sample_weight=None)``. It is updated in Python, once a batch, with arrays of shape (rows,
    columns) and weights of shape (rows,) or None; the compiled loop does the rest of the step.
    Metrics that are ``compiled`` never leave the loop; they take name and dtype, too.

    Parameters
    ----------
    dtype : {"float32", "float64"}, optional
        Kept for its configuration: metrics are summed in double precision whatever it is.
    name : str, optional
        The name of the value in a history; by default that of the class, ``in_snake_case``.

    Examples
    --------
    >>> import numpy as np
    >>> from fastgd import metrics
    >>> class Largest(metrics.Metric):
    ...     def __init__(self, name="largest", **kwargs):
    ...         super().__init__(name=name, **kwargs)
    ...         self.seen = self.add_variable(shape=(), name="seen")
    ...
    ...     def update_state(self, y_true, y_pred, sample_weight=None):
    ...         self.seen.assign(np.maximum(self.seen, np.max(y_pred)))
    ...
    ...     def result(self):
    ...         return float(self.seen)
    >>> metric = Largest()
    >>> metric([0.0, 0.0], [1.0, 3.0])
    3.0
    """

    #: The engine's code; None for a metric that Python has to update.
    code: formulas.Metric | None = None
    #: Whether a target is one class number instead of a value for each output; None: either.
    sparse: bool | None = None
    #: Whether more ("up") or less ("down") is better; None where this is not known.
    _direction: str | None = None
    #: Whether the value depends on how rows are cut into batches; None where this is not known.
    by_batch: bool | None = True
    #: Whether all rows are kept until the value is asked for.
    keeps_rows = False
    #: The data for which the value is not NaN, where that is not any.
    defined_for: str | None = None

    def __init__(self, dtype: Floatx | None = None, name: str | None = None):
        self.dtype = None if dtype is None else checked_floatx(dtype)
        self.name = checked_name(name) or snake_case(type(self).__name__)
        self.variables: list[Variable] = []

    @property
    def compiled(self) -> bool:
        """Whether the training loop updates the metric without returning to Python."""
        return False

    def add_variable(self, shape: tuple[int, ...] = (), initializer: Any = "zeros",
                     dtype: DType | None = None, aggregation: str = "sum",
                     name: str = "variable") -> Variable:  # fmt: skip
        """Add a variable to this metric, in double precision; ``reset_state`` makes it 0.

        Parameters
        ----------
        shape : tuple of int
        initializer : str or Initializer
        dtype, aggregation
            Accepted as in Keras, and ignored.
        name : str

        Returns
        -------
        fastgd.Variable
            A NumPy array with ``assign`` and ``assign_add``.
        """
        value = np.zeros(shape)
        made_by = initializers.get(initializer)
        if made_by is not None:
            value = np.array(made_by(shape, dtype="float64"))
        self.variables.append(Variable(value, name=name, trainable=False))
        return self.variables[-1]

    add_weight = add_variable

    def update_state(self, *args: Data, **kwargs: Data) -> None:
        """Add some rows."""
        raise NotImplementedError

    def result(self) -> float | Array:
        """Return the value for the rows added so far."""
        raise NotImplementedError

    def reset_state(self) -> None:
        """Forget all rows."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def __call__(self, *args: Data, **kwargs: Data) -> float | Array:
        """Add some rows and return the value so far."""
        self.update_state(*args, **kwargs)
        return read(self)

    def state(self) -> list[Any]:
        """Return copies of all values of ``variables``, for a backup of training."""
        return [variable.numpy() for variable in self.variables]

    def resume(self, state: list[Any]) -> None:
        """Go on from what ``state`` returned."""
        for variable, value in zip(self.variables, state, strict=True):
            variable.assign(value)

    def warn_if_undefined(self, value: float | Array) -> None:
        """Warn of a value that is NaN because the data do not define it."""
        undefined = value != value if type(value) is float else np.isnan(value).any()
        if undefined and self.defined_for is not None:
            warn(f"{self.name} is NaN: it is defined for {self.defined_for}")

    # -- in a model ---------------------------------------------------------------------------

    def settings(self) -> list[float]:
        """Return the numbers that the engine's function takes."""
        return []

    def totals_size(self, width: int) -> int:
        """Return how many sums the engine keeps for an output of this width."""
        return 0

    def value(self, totals: Array) -> float | Array:
        """Return the value for the sums of a metric that is ``compiled``."""
        raise NotImplementedError

    def target_columns(self, width: int) -> int | None:
        """Return how many columns of targets an output of this width needs; None: any."""
        if self.sparse is None:
            return None
        return 1 if self.sparse else width

    def get_config(self) -> Config:
        """Return the arguments that make this metric again."""
        return {name: getattr(self, name) for name in argument_names(type(self))}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def read(metric: Metric) -> float | Array:
    """Return a metric's value as a number, or as an array that does not change any more."""
    found: Any = metric.result()
    if type(found) is float:
        return found
    if np.asarray(found).dtype.kind not in "biuf":
        raise DataTypeError(
            f"{metric.name}: expected result() to return a number or an array of numbers, "
            f"got {found!r}"
        )
    return np.array(found) if np.ndim(found) else float(found)


class CompiledMetric(Metric):
    """Describe a metric that the engine computes: it adds to sums, which ``value`` finishes.

    Outside a model the reference engine adds to the same sums, in double precision. Thresholds
    and other settings are rounded to the data type of the predictions first, as in a model, so
    that a model's predictions give the value that ``evaluate`` returns.
    """

    code: formulas.Metric
    sparse: bool | None = False
    _direction = "up"
    #: The name without one of its own; by default that of the class.
    default_name: str | None = None
    #: Whether each element of a row may have a weight of its own.
    elementwise = False

    def __init__(self, name: str | None = None, dtype: Floatx | None = None):
        super().__init__(dtype, checked_name(name) or self.default_name)
        self._totals: Array | None = None
        self._kept: list[tuple[Array, Array, Array | None]] = []

    @property
    def compiled(self) -> bool:
        """Whether the training loop updates the metric without returning to Python."""
        own = type(self)
        base = CompiledMetric
        inherits = own.update_state is base.update_state and own.result is base.result
        return inherits and not self.keeps_rows

    @property
    def by_batch(self) -> bool:  # type: ignore[override]  # a sum over rows, unless overridden
        """Whether the value depends on how rows are cut into batches."""
        return type(self).update_state is not CompiledMetric.update_state

    def check_width(self, width: int) -> None:
        """Raise a ShapeError if the metric has no value for outputs of this width."""

    def size(self, width: int) -> int:
        """Return how many sums an output of this width needs."""
        raise NotImplementedError

    def totals_size(self, width: int) -> int:
        """Return how many sums an output needs; ShapeError if the metric does not fit it."""
        self.check_width(width)
        size = 0 if self.keeps_rows else self.size(width)
        if size > MOST_SUMS:
            raise ArgumentError(
                f"{self.name}: expected a metric of at most {MOST_SUMS} sums, got {size} for "
                f"{width} outputs: take fewer thresholds or classes"
            )
        return size

    def update_state(self, y_true: Data, y_pred: Data,
                     sample_weight: Data | None = None) -> None:  # fmt: skip
        """Add some rows.

        Parameters
        ----------
        y_true : array, shape (n,) or (n, outputs)
            Class numbers for a sparse metric.
        y_pred : array, shape (n,), which is taken for (n, 1), or (n, outputs)
        sample_weight : float or array, optional
            Of any shape that broadcasts to (n, 1), where (n,) is the same; for a metric of
            elements also to the shape of y_pred. A row of weight 0 changes nothing.

        Raises
        ------
        ShapeError, DataTypeError
            If they do not fit together; then nothing is added.
        """
        p, y, settings = self._prepared(y_true, y_pred)
        size = self.totals_size(p.shape[1])
        if self._kept and self._kept[0][0].shape[1] != p.shape[1]:
            raise _other_columns(p)
        if self.keeps_rows and sample_weight is None:  # after each batch, so quickly
            self._kept.append((p, y.copy(), None))
            return
        weights = _weights(sample_weight, p.shape, self.elementwise)
        if self.keeps_rows:
            counted = weights.any(axis=1)
            self._kept.append((p[counted], y[counted], weights[counted]))
            return
        if self.code in ROWS and weights.shape[1] > 1:  # then each element is a row
            p, y, weights = p.reshape(-1, 1), y.reshape(-1, 1), weights.reshape(-1, 1)
        totals = np.zeros(size) if self._totals is None else self._totals
        if len(totals) != size:
            raise _other_columns(p)
        with np.errstate(all="ignore"):
            add_rows(self.code, p, y, weights, settings, totals)
        self._totals = totals

    def result(self) -> float | Array:
        """Return the value for the rows added so far."""
        if self.keeps_rows:
            value = self.value_of_rows(*self._rows()) if self._kept else 0.0
        else:
            totals = self._totals
            value = self.value(np.zeros(self.size(1)) if totals is None else totals)
        self.warn_if_undefined(value)
        return value

    def _rows(self):
        """Return predictions, targets and weights of all rows that were kept."""
        p, y, given = zip(*self._kept, strict=True)
        shapes = [part.shape if self.elementwise else (len(part), 1) for part in p]
        weights = [
            np.broadcast_to(1.0 if part is None else part, shape)
            for part, shape in zip(given, shapes, strict=True)
        ]
        return map(np.concatenate, (p, y, weights))

    def value_of_rows(self, p: Array, y: Array, weights: Array) -> float | Array:
        """Return the value for all rows of a metric that keeps them.

        p: (n, outputs); y: (n, targets); weights: (n, 1), or of the shape of p.
        """
        raise NotImplementedError

    def state(self) -> list[Any]:
        return list(self._kept)

    def resume(self, state: list[Any]) -> None:
        self._kept = [tuple(rows) for rows in state]

    def reset_state(self) -> None:
        """Forget all rows."""
        self._totals, self._kept = None, []

    def _prepared(self, y_true, y_pred):
        """Return float64 matrices of predictions and targets, and the rounded settings."""
        p = self._predictions(y_pred)
        y = np.asarray(self._targets(numeric(plain(y_true), "y_true"), p), np.float64)
        settings = np.array(self.settings(), p.dtype if p.dtype == np.float32 else np.float64)
        return p.astype(np.float64), y, settings.tolist()

    def _predictions(self, y_pred):
        """Return y_pred as (n, outputs)."""
        p = numeric(plain(y_pred), "y_pred")
        p = p[:, None] if p.ndim == 1 else p
        if p.ndim != 2 or p.shape[1] == 0:
            raise ShapeError(f"y_pred: expected (n,) or (n, outputs), got shape {p.shape}")
        return p

    def _targets(self, y, p):
        """Return the array y as targets for p: (n,) and (n, 1) are the same."""
        columns = self.target_columns(p.shape[1])
        if columns is None:
            columns = p.shape[1] if y.size == p.size else 1
        if y.shape[:1] != p.shape[:1] or y.ndim > 2 or y.size != len(p) * columns:
            raise ShapeError(f"y_true: expected shape {(len(p), columns)}, got {y.shape}")
        return y.reshape(len(p), columns)


def _other_columns(p):
    return ShapeError(f"y_pred: expected as many columns as before, got {p.shape}")


def _weights(sample_weight, shape, elementwise):
    """Return weights of shape (n, 1) or, where each element of p has its own, of p's shape."""
    by_row = shape[0], 1
    if sample_weight is None:
        return np.ones(by_row)
    given = np.asarray(numeric(plain(sample_weight), "sample_weight"), np.float64)
    check_not_negative(given)
    weights = given[:, None] if given.ndim == 1 else given
    for wanted in (by_row, shape) if elementwise else (by_row,):
        pairs = zip(weights.shape, wanted, strict=False)
        if weights.ndim <= 2 and all(a in (1, b) for a, b in pairs):
            return np.broadcast_to(weights, wanted)
    known = f"({shape[0]},) or {shape}" if elementwise else f"({shape[0]},)"
    raise ShapeError(f"sample_weight: expected shape {known}, got {given.shape}")


class RowMetric(CompiledMetric):
    """Average a value of each row: sum of weight * value / sum of weights."""

    def size(self, width: int) -> int:
        return 2

    def value(self, totals: Array) -> float | Array:
        """Return the mean, a float; 0 where all weights are."""
        return float(totals[0] / totals[1]) if totals[1] else 0.0

    def rows(self, y_true: Data, y_pred: Data) -> Array:
        """Return the value of each row: an array of shape (n,), in double precision."""
        p, y, settings = self._prepared(y_true, y_pred)
        with np.errstate(all="ignore"):
            return np.asarray(ROWS[self.code](p, y, settings), np.float64)
