"""What every metric has; the base of a metric of one's own."""

import numpy as np

from fastgd import initializers
from fastgd._registry.names import snake_case
from fastgd._registry.objects import Serializable
from fastgd.config import checked_floatx
from fastgd.variables import Variable


class Metric(Serializable):
    """The base of all metrics.

    A metric of one's own is a subclass with ``result()`` and ``update_state(y_true, y_pred,
    sample_weight=None)``. It is updated in Python, once a batch, with arrays of shape (rows,
    columns) and weights of shape (rows,) or None; the compiled loop does the rest of the step.
    One that is ``compiled`` never leaves the loop.

    Parameters
    ----------
    dtype : {"float32", "float64"}, optional
        Kept for its configuration: metrics are summed in double precision whatever it is.
    name : str, optional
        Of its figure in a history; without it the name of the class, ``in_snake_case``.

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
    code = None
    #: Whether the training loop need not come back to Python for it.
    compiled = False
    #: Whether a target is one class number instead of a value for each output; None: either.
    sparse = None
    #: Whether more ("up") or less ("down") of it is better; None where nobody can say.
    _direction = None
    #: The arguments of the constructor, besides name and dtype.
    arguments = ()

    def __init__(self, dtype=None, name=None):
        self.dtype = None if dtype is None else checked_floatx(dtype)
        self.name = name or snake_case(type(self).__name__)
        self.variables = []

    def add_variable(
        self, shape=(), initializer="zeros", dtype=None, aggregation="sum", name="variable"
    ):
        """A variable of this metric, in double precision; ``reset_state`` makes it 0.

        Parameters
        ----------
        shape : tuple of int
        initializer : str or Initializer
        dtype, aggregation
            Taken for Keras' sake.
        name : str

        Returns
        -------
        fastgd.Variable
            A NumPy array with ``assign`` and ``assign_add``.
        """
        value = np.zeros(shape)
        if initializer not in (None, "zeros"):
            value = np.array(initializers.get(initializer)(shape, dtype="float64"))
        self.variables.append(Variable(value, name=name, trainable=False))
        return self.variables[-1]

    add_weight = add_variable

    def update_state(self, *args, **kwargs):
        """Take in some rows."""
        raise NotImplementedError

    def result(self):
        """The figure of the rows taken in so far."""
        raise NotImplementedError

    def reset_state(self):
        """Forget all rows."""
        for variable in self.variables:
            variable.assign(np.zeros(variable.shape))

    def __call__(self, *args, **kwargs):
        """Take in some rows; the figure so far."""
        self.update_state(*args, **kwargs)
        return self.result()

    # -- in a model ---------------------------------------------------------------------------

    def settings(self):
        """The numbers that the engine's function takes."""
        return []

    def totals_size(self, width):
        """How many sums the engine keeps for it, for an output of this width."""
        return 0

    def figure(self, totals):
        """Its figure in a history, from those sums; one of one's own keeps its own."""
        return self.result()

    def target_columns(self, width):
        """How many columns of targets an output of this width is compared with; None: any."""
        if self.sparse is None:
            return None
        return 1 if self.sparse else width

    def get_config(self):
        """The arguments that make this metric again: a dict."""
        own = {argument: getattr(self, argument) for argument in self.arguments}
        return {"name": self.name, "dtype": self.dtype, **own}

    def __repr__(self):
        return f"<{type(self).__name__} name={self.name}>"
