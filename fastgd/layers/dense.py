"""Define the fully connected layer."""

from typing import Any

from fastgd import activations, regularizers
from fastgd._core.types import Op
from fastgd._data.validation import positive_int
from fastgd._engine.table import Table
from fastgd._typing import Config, Identifier, Shape
from fastgd.errors import ArgumentError, ShapeError
from fastgd.layers.layer import Layer, Weight, WeightVariable


class Dense(Layer):
    """Compute activation(x @ kernel + bias).

    Parameters
    ----------
    units : int
        The width of the output, at least 1.
    activation : str or function, optional
        A name or function of ``fastgd.activations``; None is linear.
    use_bias : bool
    kernel_initializer, bias_initializer : str or Initializer
        See ``fastgd.initializers``.
    kernel_regularizer, bias_regularizer : str or Regularizer, optional
        Penalties on the weights, see ``fastgd.regularizers``.
    activity_regularizer : str or Regularizer, optional
        L1, L2 or L1L2 of the outputs: a sum over the outputs of a row, and a mean over rows.
    kernel_constraint, bias_constraint : str or Constraint, optional
        Conditions on the weights after each update, see ``fastgd.constraints``.

    Attributes
    ----------
    kernel : Variable, shape (features, units)
    bias : Variable, shape (units,), or None
        Zero-copy views of the model's parameters; None before building.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> layer = layers.Dense(3, activation="relu")
    >>> model = Sequential([layers.Input(shape=(2,)), layer])
    >>> layer.kernel.shape, layer.bias.shape
    ((2, 3), (3,))
    """

    kernel, bias = WeightVariable(), WeightVariable()

    def __init__(self, units: int, activation: Identifier = None, use_bias: bool = True,
                 kernel_initializer: Identifier = "glorot_uniform",
                 bias_initializer: Identifier = "zeros", kernel_regularizer: Identifier = None,
                 bias_regularizer: Identifier = None, activity_regularizer: Identifier = None,
                 kernel_constraint: Identifier = None, bias_constraint: Identifier = None,
                 **kwargs: Any):  # fmt: skip
        super().__init__(**kwargs)
        self.units = positive_int(units, "units")
        self.activation = activations.get(activation)
        if self.activation is activations.glu:
            raise ArgumentError(
                "activation: glu halves the width: use it as a layer, Activation('glu')"
            )
        self.use_bias = bool(use_bias)
        self._set_weight("kernel", kernel_initializer, kernel_regularizer, kernel_constraint)
        self._set_weight("bias", bias_initializer, bias_regularizer, bias_constraint)
        self.activity_regularizer = regularizers.of_outputs(activity_regularizer)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        if len(input_shape) != 2:
            raise ShapeError(
                f"input_shape: layer {self.name!r} expects (None, features), "
                f"got {input_shape}; put a Flatten before it"
            )
        return (None, self.units)

    def weight_specs(self, input_shape: Shape) -> list[Weight]:
        kernel = self._weight("kernel", (input_shape[-1], self.units))
        return [kernel, self._weight("bias", (self.units,))] if self.use_bias else [kernel]

    def product(self, table: Table, source: int) -> int:
        """Add the row of x @ kernel + bias to a layer table; return its buffer."""
        z = table.buffer(self.units)
        bias = self.variables[1].offset if self.use_bias else -1
        return table.row(Op.OP_DENSE, source, z, kernel=self.variables[0].offset, bias=bias)

    def emit(self, table: Table, source: int) -> int:
        z = self.product(table, source)
        y = table.activation(activations.describe(self.activation), z)
        return table.penalized(y, self.activity_regularizer)

    def get_config(self) -> Config:
        return super().get_config() | {"activation": activations.serialize(self.activation)}
