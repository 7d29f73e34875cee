"""The base of all losses; the formulas are those of the compiled and the reference engine."""

from collections.abc import Callable
from typing import Any

import numpy as np

from fastgd import config, ops
from fastgd._autodiff.tensor import plain
from fastgd._core import formulas, types
from fastgd._data.arguments import choice
from fastgd._data.validation import check_classes, check_not_negative, numeric
from fastgd._registry.advice import NamedArguments
from fastgd._registry.names import checked_name, snake_case
from fastgd._registry.objects import Serializable, argument_names
from fastgd._typing import Array, Config, Data, Floatx
from fastgd.errors import ArgumentError, DataTypeError, ShapeError
from fastgd.losses.engine_call import LossCall
from fastgd.reference.losses import LOSSES
from fastgd.tape import GradientTape, Tensor, followed, record

MEAN = types.Reduction.REDUCTION_MEAN
SUM = types.Reduction.REDUCTION_SUM
WEIGHTED_MEAN = types.Reduction.REDUCTION_WEIGHTED_MEAN
#: Keras' words for how the losses of rows become one number; None: they do not.
REDUCTIONS = {
    "sum_over_batch_size": MEAN, "mean": MEAN, "sum": SUM,
    "mean_with_sample_weight": WEIGHTED_MEAN, "none": None, None: None,
}  # fmt: skip


class Loss(NamedArguments, Serializable):
    """Compute one value a row, and reduce the values to one number.

    A loss of your own is a subclass with `call`, written with NumPy's functions or
    ``fastgd.ops``; its gradient comes from the tape.

    Each loss of this package takes the arguments here, in the order reduction, name, dtype.

    Parameters
    ----------
    name : str, optional
    reduction : {"sum_over_batch_size", "mean", "sum", "mean_with_sample_weight", "none", None}
        With losses l and sample weights w: sum(w l) / rows (both first words), sum(w l),
        sum(w l) / sum(w), or w l as they are. A model trains with any but the last two words;
        the value that it reports for "sum" is the sum over all rows, for any batch size.
    dtype : {"float32", "float64"}, optional
        What to compute in; by default y_pred's own data type, float64 for whole numbers.

    Raises
    ------
    ArgumentError
        For another reduction or data type.

    Examples
    --------
    >>> from fastgd import losses
    >>> float(losses.MeanSquaredError()([1.0, 2.0], [[1.0], [4.0]]))
    2.0
    >>> losses.MeanSquaredError(reduction=None)([1.0, 2.0], [[1.0], [4.0]], [1.0, 0.5])
    array([0., 2.])
    """

    #: The engine's code for predictions, and for logits where the loss takes them.
    code: formulas.Loss = formulas.Loss.LOSS_NONE
    logits_code: formulas.Loss | None = None
    #: The activation of an output layer that the loss fuses with.
    fused: Callable[..., Any] | None = None
    #: Whether a target is one class number instead of a value for each output.
    sparse = False
    #: Whether the loss is a mean over elements, whatever the shape of an output.
    elementwise = False
    #: The class number whose rows do not count.
    ignore_class: int | None = None
    #: The interval in which targets have to lie.
    target_range: tuple[float, float] = (-np.inf, np.inf)
    from_logits = False
    #: The form as a function.
    function: Any = None
    #: Whether it gives one number for a whole batch; None before a Python function is called.
    couples_rows: bool | None = False
    #: Whether that number depends on the order of the rows.
    ordered = False
    #: What to do if training with it diverges, beside what helps always.
    remedy = ""
    #: How many columns of targets a Python function was last given; None before.
    columns: int | None = None
    #: The addresses of a compiled loss's functions.
    addresses: tuple[int, int] = (0, 0)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "call" in vars(cls):  # other mathematics than the engine's
            cls.code, cls.logits_code, cls.fused = formulas.Loss.LOSS_NONE, None, None
            cls.elementwise = False
            cls.couples_rows = vars(cls).get("couples_rows")

    def __init__(self, name: str | None = None, reduction: str | None = "sum_over_batch_size",
                 dtype: Floatx | None = None):  # fmt: skip
        self.name = checked_name(name) or snake_case(type(self).__name__)
        self.reduction = choice(reduction, "reduction", REDUCTIONS)
        self.dtype = None if dtype is None else config.checked_floatx(dtype)

    # -- for arrays ---------------------------------------------------------------------------

    def __call__(self, y_true: Data, y_pred: Data,
                 sample_weight: Data | None = None) -> float | Array | Tensor:  # fmt: skip
        """Return the reduced loss.

        Parameters
        ----------
        y_true : array, shape (..., targets), or (...) where there is one target
        y_pred : array or Tensor, shape (..., outputs)
        sample_weight : float or array, optional
            A weight for each row, or for each element of the first axes; for a loss that is a
            mean over elements also one for each of them, of the shape of y_pred. A row of
            weight 0 adds nothing, even if its loss is not finite.

        Returns
        -------
        float, ndarray or Tensor
        """
        y_pred = floating(y_pred, self.dtype)
        if sample_weight is not None:
            self.check_weights()
            sample_weight = numeric(sample_weight, "sample_weight")
        if not followed(y_true):
            y_true = with_columns(numeric(y_true, "y_true"), y_pred)
        by_element = self.elementwise and _by_element(sample_weight, y_true, y_pred)
        if by_element:
            y_true, y_pred = ops.expand_dims(y_true, -1), ops.expand_dims(y_pred, -1)
        values = self.call(y_true, y_pred)
        weights = None
        counted: Any = None
        if self.ignore_class is not None:
            counted = np.reshape(plain(y_true), np.shape(values)) != self.ignore_class
        if sample_weight is not None:
            weights = row_weights(sample_weight, np.shape(values), values.dtype)
            values = ops.where(weights == 0, 0.0, values) * weights
            if by_element:
                values, weights = ops.mean(values, axis=-1), weights.mean(axis=-1)
        if REDUCTIONS[self.reduction] is None:
            return values
        code = self.reduction_code
        if code == SUM:
            return ops.sum(values)
        if counted is None and (weights is None or code == MEAN):
            return ops.mean(values)
        if weights is None or code == MEAN:
            divisor = int(counted.sum())
        else:
            divisor = weights.sum(dtype=np.float64, where=True if counted is None else counted)
        return ops.sum(values) / values.dtype.type(divisor or 1)

    def call(self, y_true: Data, y_pred: Data) -> Array | Tensor:
        """Return the loss of each row: an array or Tensor of shape (...)."""
        code = self.logits_code if self.from_logits else self.code
        if code not in LOSSES:
            raise NotImplementedError(f"{type(self).__name__}: a subclass has to define call")
        y_pred = floating(y_pred)
        if y_pred.shape[-1:] in ((), (0,)):
            raise ShapeError(f"y_pred: expected rows of outputs, got shape {y_pred.shape}")
        if self.couples_rows and y_pred.ndim == 1:  # of one output
            y_pred = ops.expand_dims(y_pred, -1)
        targets = self._targets(y_true, y_pred)
        *shape, width = y_pred.shape
        p = np.reshape(plain(y_pred), (int(np.prod(shape)), width))
        y = np.asarray(targets, dtype=p.dtype).reshape(len(p), targets.shape[-1])
        with np.errstate(all="ignore"):
            compiled = code == formulas.Loss.LOSS_COMPILED
            numbers = self.addresses if compiled else self.settings()
            values, slopes = LOSSES[code](p, y, numbers)
        if self.couples_rows:
            values = values[0] if len(values) else np.array(np.nan)
            slopes, shape = slopes / max(len(p), 1), []
        return recorded(
            values.reshape(shape).astype(p.dtype, copy=False),
            slopes.reshape(y_pred.shape).astype(p.dtype, copy=False),
            y_pred,
        )

    def values_and_slopes(self, y_true: Array, y_pred: Array,
                          weighted: bool = False) -> tuple[Array, Array]:  # fmt: skip
        """Return the losses of rows and their gradient, for the engine.

        Parameters
        ----------
        y_true : ndarray, shape (n, targets)
        y_pred : ndarray, shape (n, outputs)
        weighted : bool
            Whether the engine will multiply the losses by sample weights.

        Returns
        -------
        (ndarray of shape (n,), ndarray of shape (n, outputs))
            The loss of each row, and the gradient of their sum. Where `call` gives one number
            for the whole batch, each row has that number, or for "sum" its n-th part.

        Raises
        ------
        ArgumentError
            If y_pred has no gradient, or for one number where rows are weighted.
        ShapeError
            If there is not a value for each row.
        """
        rows = len(y_pred)
        with GradientTape(watch_accessed_variables=False) as tape:
            watched = tape.watch(y_pred)
            values = self.call(y_true, watched)
            if np.ndim(values) > 1:
                values = ops.mean(values, axis=tuple(range(1, np.ndim(values))))
        if rows > 1:
            self.couples_rows = np.ndim(values) == 0
        slopes = tape.gradient(values, watched)
        if slopes is None:
            raise ArgumentError(
                f"loss: {self.name!r} has no gradient with respect to y_pred: write it with "
                "NumPy's functions or fastgd.ops, or wrap it with losses.with_gradient"
            )
        if np.ndim(values) == 0:
            if weighted:
                raise ArgumentError(
                    f"loss: {self.name!r} returns one number for a batch, but with sample "
                    "weights it has to return one for each row"
                )
            summed = self.reduction_code == SUM
            values = np.full(rows, float(values) / (rows if summed else 1))
            return values, slopes if summed else slopes * rows
        if np.shape(values) != (rows,):
            raise ShapeError(
                f"loss: expected {self.name!r} to return ({rows},), a value for each row, "
                f"got shape {np.shape(values)}"
            )
        return np.asarray(values), slopes

    def _targets(self, y_true, y_pred):
        if followed(y_true):
            raise DataTypeError(
                "y_true: a tape follows it, but losses have no gradient with respect to it; "
                "use ops.stop_gradient(y_true)"
            )
        columns = self.target_columns(y_pred.shape[-1])
        y_true = with_columns(numeric(y_true, "y_true"), y_pred, columns)
        expected = (*y_pred.shape[:-1], columns)
        if y_true.shape != expected:
            raise ShapeError(
                f"y_true: expected shape {expected} for a y_pred of shape {y_pred.shape}, "
                f"got {y_true.shape}"
            )
        if self.sparse:
            check_classes(y_true, y_pred.shape[-1], "y_true", self.ignore_class)
        return y_true

    # -- for the engine -----------------------------------------------------------------------

    @property
    def reduction_code(self) -> int:
        """The engine's code for the reduction; ArgumentError where there is none."""
        code = REDUCTIONS[self.reduction]
        if code is None:
            raise ArgumentError(
                f"reduction: {self.reduction!r} leaves {self.name!r} with a number for each "
                "row, but training needs one number; use 'sum_over_batch_size' or 'sum'"
            )
        return code

    def check_weights(self) -> None:
        """Raise an ArgumentError if rows cannot have weights."""
        if self.couples_rows:
            raise ArgumentError(
                f"sample_weight: {self.name!r} is one number for a whole batch, whose rows "
                "have no weights; leave out sample_weight and class_weight"
            )

    def engine_function(self) -> LossCall:
        """Return what a program calls for a user-defined loss."""
        return LossCall(self)

    def settings(self) -> list[float]:
        """Return the numbers that the engine's function takes."""
        return []

    def target_columns(self, width: int) -> int:
        """Return how many columns of targets an output of this width is compared with."""
        return 1 if self.sparse else self.columns or width

    def get_config(self) -> Config:
        """Return the arguments that make this loss again."""
        return {name: getattr(self, name) for name in argument_names(type(self))}


class FormulaLoss(Loss):
    """Describe a loss that the engine computes, by the code and the name of its function."""

    def __init_subclass__(cls, function: Any = None, **facts: Any) -> None:
        super().__init_subclass__()
        if function is not None:
            code = f"LOSS_{function.__name__.upper()}"
            cls.function, cls.code = staticmethod(function), formulas.Loss[code]
            cls.logits_code = formulas.Loss.__members__.get(f"{code}_LOGITS")
        for name, value in facts.items():
            setattr(cls, name, value)

    def __init__(self, reduction: str | None = "sum_over_batch_size", name: str | None = None,
                 dtype: Floatx | None = None):  # fmt: skip
        super().__init__(
            checked_name(name) or getattr(self.function, "__name__", None), reduction, dtype
        )


def last_axis(axis):
    """Return -1, or raise an ArgumentError."""
    return choice(axis, "axis", (-1,), ", since rows lie along the last")


def floating(y_pred, dtype=None):
    """Return y_pred as an array or Tensor of floats; whole numbers become float64."""
    if isinstance(y_pred, (list, tuple)) and not followed(y_pred):
        y_pred = numeric(y_pred, "y_pred")
    y_pred = ops.convert_to_tensor(y_pred)
    if dtype is None and y_pred.dtype in (np.float32, np.float64):
        return y_pred
    if not followed(y_pred):
        numeric(np.asarray(y_pred), "y_pred")
    default = "float32" if y_pred.dtype == np.float16 else "float64"
    return ops.cast(y_pred, dtype or default)


def with_columns(y_true, y_pred, columns=None):
    """Return y_true (...) with a last axis of 1 where y_pred has one, or without it."""
    last = y_pred.shape[-1:] if columns is None else (columns,)
    if y_true.shape == y_pred.shape[:-1] and last == (1,):
        return y_true[..., None]
    if y_pred.ndim == 1 and y_true.shape == (len(y_pred), 1) and columns != 1:
        return y_true[:, 0]
    return y_true


def _by_element(sample_weight, y_true, y_pred):
    """Return whether the elements of a row have weights of their own."""
    shape, columns = np.shape(sample_weight), y_pred.shape[-1:]
    alike = 0 < len(shape) == y_pred.ndim and np.shape(y_true) == y_pred.shape
    return alike and shape[-1:] == columns != (1,)


def row_weights(sample_weight, shape, dtype):
    """Return weights for values of a shape, given for its first axes."""
    weights = sample_weight.astype(dtype)
    check_not_negative(weights)
    if weights.ndim == len(shape) + 1 and weights.shape[-1] == 1:
        weights = weights[..., 0]
    pairs = zip(weights.shape, shape, strict=False)
    if weights.ndim > len(shape) or any(a not in (1, b) for a, b in pairs):
        raise ShapeError(
            f"sample_weight: expected the shape {shape} of the losses, got {weights.shape}"
        )
    weights = weights.reshape(weights.shape + (1,) * (len(shape) - weights.ndim))
    return np.broadcast_to(weights, shape)


def recorded(values, slopes, y_pred):
    """Record the losses of rows if a tape follows y_pred. slopes: the gradient of their sum."""
    if not followed(y_pred):
        return values

    def backward(d_values):
        d = d_values[(...,) + (None,) * (slopes.ndim - d_values.ndim)]
        with np.errstate(invalid="ignore"):
            return [np.where(d == 0, 0, d * slopes)]

    return record(values, [y_pred], backward)
