"""The fully connected layer."""

from fastgd import activations, constraints, initializers, regularizers
from fastgd._core.types import Op
from fastgd._data.validation import positive_int
from fastgd.errors import ArgumentError, NotBuiltError, ShapeError
from fastgd.layers.base import Layer, Weight


class Dense(Layer):
    """activation(x @ kernel + bias).

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
        What the weights satisfy after each update, see ``fastgd.constraints``.
    **kwargs
        ``input_shape``, ``input_dim``, ``name`` and ``dtype``, as for every layer.

    Attributes
    ----------
    kernel : Variable, shape (features, units)
    bias : Variable, shape (units,), or None
        Zero-copy views of the model's parameters, once the model is built.

    Examples
    --------
    >>> from fastgd import Sequential, layers
    >>> layer = layers.Dense(3, activation="relu")
    >>> model = Sequential([layers.Input(shape=(2,)), layer])
    >>> layer.kernel.shape, layer.bias.shape
    ((2, 3), (3,))
    """

    def __init__(
        self,
        units,
        activation=None,
        use_bias=True,
        kernel_initializer="glorot_uniform",
        bias_initializer="zeros",
        kernel_regularizer=None,
        bias_regularizer=None,
        activity_regularizer=None,
        kernel_constraint=None,
        bias_constraint=None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.units = positive_int(units, "units")
        self.activation = activations.get(activation)
        if self.activation is activations.glu:
            raise ArgumentError(
                "activation: glu halves the width: give it a layer, Activation('glu')"
            )
        self.use_bias = bool(use_bias)
        self.kernel_initializer = initializers.get(kernel_initializer)
        self.bias_initializer = initializers.get(bias_initializer)
        self.kernel_regularizer = regularizers.get(kernel_regularizer)
        self.bias_regularizer = regularizers.get(bias_regularizer)
        self.activity_regularizer = regularizers.of_outputs(activity_regularizer)
        self.kernel_constraint = constraints.get(kernel_constraint)
        self.bias_constraint = constraints.get(bias_constraint)

    @property
    def kernel(self):
        """The weights of the inputs, (features, units); None before the model is built."""
        return self.variables[0] if self.variables else None

    @kernel.setter
    def kernel(self, value):
        self._overwrite(self.kernel, value)

    @property
    def bias(self):
        """What is added to the outputs, (units,); None without bias or before building."""
        return self.variables[1] if self.use_bias and self.variables else None

    @bias.setter
    def bias(self, value):
        self._overwrite(self.bias, value)

    def _overwrite(self, variable, value):
        # Python turns `layer.bias += 1` into a change in place and such an assignment.
        if variable is None:
            raise NotBuiltError(f"layer {self.name!r} has no such weight, or not yet")
        variable.assign(value)

    def compute_output_shape(self, input_shape):
        if len(input_shape) != 2:
            raise ShapeError(
                f"input_shape: layer {self.name!r} expects (None, features), "
                f"got {input_shape}; put a Flatten before it"
            )
        return (None, self.units)

    def weight_specs(self, input_shape):
        kernel = Weight(
            "kernel",
            (input_shape[-1], self.units),
            self.kernel_initializer,
            self.kernel_regularizer,
            self.kernel_constraint,
        )
        bias = Weight(
            "bias",
            (self.units,),
            self.bias_initializer,
            self.bias_regularizer,
            self.bias_constraint,
        )
        return [kernel, bias] if self.use_bias else [kernel]

    def emit(self, table, source):
        target = table.buffer(self.units)
        bias = self.bias.offset if self.use_bias else -1
        table.row(Op.OP_DENSE, source, target, kernel=self.kernel.offset, bias=bias)
        target = table.activation(activations.describe(self.activation), target)
        return table.penalized(target, self.activity_regularizer)

    def get_config(self):
        return super().get_config() | {
            "units": self.units,
            "activation": activations.serialize(self.activation),
            "use_bias": self.use_bias,
            "kernel_initializer": self.kernel_initializer,
            "bias_initializer": self.bias_initializer,
            "kernel_regularizer": self.kernel_regularizer,
            "bias_regularizer": self.bias_regularizer,
            "activity_regularizer": self.activity_regularizer,
            "kernel_constraint": self.kernel_constraint,
            "bias_constraint": self.bias_constraint,
        }
