"""What every layer is: a description of its weights and of its rows in the layer table."""

from dataclasses import dataclass

from fastgd import initializers
from fastgd._names import snake_case, unique_name
from fastgd._validate import assign_all, row_width
from fastgd.config import checked_floatx
from fastgd.errors import NotBuiltError
from fastgd.saving import Serializable


@dataclass(frozen=True)
class Weight:
    """One array that a layer trains: its shape and how it begins."""

    name: str
    shape: tuple
    initializer: initializers.Initializer


class Layer(Serializable):
    """A layer says *what* it is, never how it is computed.

    A new layer gives ``output_width``, ``weight_specs`` and ``emit``; the rest is here.

    Parameters
    ----------
    input_shape : tuple of int, optional
        The shape of one row, (features,), for the first layer of a model without an Input.
    input_dim : int, optional
        The same as ``input_shape=(input_dim,)``.
    name : str, optional
    dtype : {"float32", "float64"}, optional
        The data type of the model.
    """

    def __init__(self, *, input_shape=None, input_dim=None, name=None, dtype=None):
        if input_dim is not None:
            input_shape = (input_dim,)
        self.input_width = None if input_shape is None else row_width(input_shape)
        self.name = name or unique_name(snake_case(type(self).__name__))
        self.dtype = None if dtype is None else checked_floatx(dtype)
        self.variables = []

    def output_width(self, input_width):
        """The width of the output for an input of this width."""
        return input_width

    def weight_specs(self, input_width):
        """The weights for an input of this width, in Keras' order: a list of Weight."""
        return []

    def emit(self, table, source):
        """Add this layer's rows to a layer table; returns the buffer of its output."""
        raise NotImplementedError

    def bind(self, input_width, variables):
        """Take the model's memory for this layer's weights."""
        self.input_width = input_width
        self.variables = variables

    @property
    def built(self):
        """Whether the weights exist."""
        return self.input_width is not None and bool(
            self.variables or not self.weight_specs(self.input_width)
        )

    @property
    def weights(self):
        """The layer's arrays: zero-copy views of the model's parameters."""
        return list(self.variables)

    trainable_variables = trainable_weights = weights

    @property
    def input_shape(self):
        """(None, features)."""
        return (None, self._built_width())

    @property
    def output_shape(self):
        """(None, features)."""
        return (None, self.output_width(self._built_width()))

    def _built_width(self):
        if self.input_width is None:
            raise NotBuiltError(f"layer {self.name!r} has no input shape yet: build the model")
        return self.input_width

    def count_params(self):
        """The number of weights."""
        return sum(v.size for v in self.variables)

    def get_weights(self):
        """Copies of the layer's arrays, as Keras gives them."""
        return [v.numpy() for v in self.variables]

    def set_weights(self, weights):
        """Overwrite the layer's arrays; nothing is changed unless every shape fits.

        Raises
        ------
        ShapeError
            For a wrong number of arrays or a wrong shape.
        """
        assign_all(self.variables, weights, f"layer {self.name!r}")

    def get_config(self):
        """The arguments that make this layer again."""
        return {"name": self.name, "dtype": self.dtype}

    def __repr__(self):
        return f"<{type(self).__name__} {self.name}>"
