"""The base of all metrics, also of user-defined ones."""

from typing import Any

import numpy as np

from fastgd import initializers
from fastgd._core import formulas
from fastgd._registry.names import snake_case
from fastgd._registry.objects import Serializable
from fastgd._typing import Array, Config, Data, DType, Floatx
from fastgd.config import checked_floatx
from fastgd.variables import Variable


class Metric(Serializable):
    """Update and compute a metric; the base of all metrics.

    A metric of your own is a subclass with ``result()`` and ``update_state(y_true, y_pred,
    sample_weight=None)``. It is updated in Python, once a batch, with arrays of shape (rows,
    columns) and weights of shape (rows,) or None; the compiled loop does the rest of the step.
    Metrics that are ``compiled`` never leave the loop.

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
    #: The arguments of the constructor, besides name and dtype.
    arguments: tuple[str, ...] = ()

    def __init__(self, dtype: Floatx | None = None, name: str | None = None) -> None:
        self.dtype = None if dtype is None else checked_floatx(dtype)
        self.name = name or snake_case(type(self).__name__)
        self.variables: list[Variable] = []

    @property
    def compiled(self) -> bool:
        """Whether the training loop updates the metric without returning to Python."""
        return False

    def add_variable(
        self, shape: tuple[int, ...] = (), initializer: Any = "zeros",
        dtype: DType | None = None, aggregation: str = "sum", name: str = "variable",
    ) -> Variable:  # fmt: skip
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
        return self.result()

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
        own = {argument: getattr(self, argument) for argument in self.arguments}
        return {"name": self.name, "dtype": self.dtype, **own}

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"
